"""A small approved run, written straight into the tables: what publish finds when a cycle got that far.

M001 (house account with a call), 007 (gross client account, clients C01 and 100, in excess), FLT (flat, account 150).
Ids are chosen to collide with numbers and to need their leading zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import policy_store
from tasks.home import Home
from tasks.key import CycleKey
from tasks.store import Store

DAY = date(2026, 1, 30)
KEY = CycleKey(DAY, "EOD", 1)
AS_OF = datetime(2026, 1, 30, 8, 5)
PERP, LINEAR, CALL = "BTC-PERP.INV", "ETH-PERP.LIN.USDC", "BTC-20260327-90000-C.INV"
PRICES = {PERP: ("79000", "80000"), LINEAR: ("2500", "2450.5"), CALL: ("0.031", "0.0325")}
SETTLES = {PERP: ("BTC", "80000", 8), LINEAR: ("USDC", "0.9995", 6), CALL: ("BTC", "80000", 8)}
CENT = Decimal("0.01")

D = Decimal


def cents(value: Decimal, rounding: str) -> Decimal:
    return value.quantize(CENT, rounding)


def variation(contract: str, qty_open: str, buy: tuple[str, str], qty_close: str) -> Decimal:
    """Variation margin as the methodology states it; `buy` is quantity and price of the day's purchase."""
    before, after = map(D, PRICES[contract])
    unit = D(1).scaleb(-SETTLES[contract][2])
    if contract == PERP:
        exact = D(10) * (D(qty_open) / before + D(buy[0]) / D(buy[1]) - D(qty_close) / after)
    elif contract == LINEAR:
        exact = D("0.1") * (D(qty_close) * after - D(qty_open) * before - D(buy[0]) * D(buy[1]))
    else:
        return D(0)
    return exact.quantize(unit, ROUND_HALF_EVEN)


class Tables:
    """Rows of the run by table, written with the run's id."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def add(self, table: str, **fields: Any) -> None:
        run = {} if table == "raw.file" else {"run_id": KEY.run_id}
        self.rows.setdefault(table, []).append(run | fields)

    def write(self) -> None:
        with Store(self.home.database) as store, store.transaction():
            for table, rows in self.rows.items():
                store.append(table, pl.DataFrame(rows, infer_schema_length=None))


LINEAGE = {"file_id": "positions-HOUSE-2026-01-30-EOD-v1", "source_line": 3}


def add_party(
    tables: Tables, member: str, name: str, account: str, kind: str, zone: str | None, lei: str | None
) -> None:
    tables.add(
        "book.member",
        clearing_member_id=member,
        legal_name=name,
        lei=lei,
        status="ACTIVE",
        base_ccy="USD",
        timezone=zone,
        permitted_assets=None,
        mta=D("10000.00"),
        rounding_unit=D("1000.00"),
        file_id="members-HOUSE-2026-01-30-EOD-v1",
        source_line=3,
    )
    tables.add(
        "book.account",
        clearing_member_id=member,
        margin_account_id=account,
        account_type=kind,
        base_ccy="USDC",
        collateral_mode="haircut",
        status="ACTIVE",
        file_id="accounts-HOUSE-2026-01-30-EOD-v1",
        source_line=3,
    )


def add_position(
    tables: Tables, who: tuple[str, str, str], contract: str, qty: tuple[str, str, str], buy_price: str = "1"
) -> Decimal:
    """A position with qty = (open, buy, close), its settlement and its value; returns the option value in USD."""
    qty_open, qty_buy, qty_close = qty
    names = dict(zip(("clearing_member_id", "margin_account_id", "client_id"), who, strict=True))
    inverse = contract == PERP
    value = D(qty_buy) / D(buy_price) if inverse else D(qty_buy) * D(buy_price)
    asset, price, _ = SETTLES[contract]
    tables.add(
        "book.position",
        **names,
        account_type="HOUSE",
        contract_id=contract,
        qty_open=D(qty_open),
        qty_buy=D(qty_buy),
        qty_sell=D(0),
        qty_transfer=D(0),
        qty_exercise_assign=D(0),
        qty_expired=D(0),
        qty_close=D(qty_close),
        buy_value=D(0) if contract == CALL else value,
        sell_value=D(0),
        premium_paid=D(0),
        fees=D("0.0000003"),
        position_as_of_ts=AS_OF,
        **LINEAGE,
    )
    tables.add(
        "result.variation",
        **names,
        contract_id=contract,
        settle_asset=asset,
        variation_margin=variation(contract, qty_open, (qty_buy, buy_price), qty_close),
        funding=D("-0.00000007"),
        premium=D(0),
        fees=D("-0.0000003"),
        settlement=D(0),
        funding_quality="OK",
    )
    worth = D(0)
    if contract == CALL:
        worth = cents(D(qty_close) * D(PRICES[CALL][1]) * D(price), ROUND_FLOOR)
    tables.add(
        "result.position_risk",
        **names,
        contract_id=contract,
        option_value_usd=worth,
        delta=-0.1234567891,
        gamma=1e-7,
        vega_usd=-0.0,
    )
    return worth


def add_portfolio(
    tables: Tables, who: tuple[str, str, str], lines: dict[str, str], option_value: Decimal, policy_hash: str
) -> Decimal:
    """Requirement lines of a portfolio and its figures; returns total initial margin."""
    names = dict(zip(("clearing_member_id", "margin_account_id", "client_id"), who, strict=True))
    rules = {
        "BASE_MARGIN": (1, "base_margin.confidence_filtered_fraction", "F-2025-01-30", "EXPECTED_SHORTFALL"),
        "FLOOR_TOP_UP": (11, "floor_top_up.account_minimum_usd", "", "ACCOUNT_MINIMUM"),
        "OVERRIDE": (12, "override.longest_days", "", "OVERRIDE"),
    }
    for component, amount in lines.items():
        number, rule, scenario, binding = rules[component]
        tables.add(
            "result.requirement",
            **names,
            component=component,
            line_no=number,
            amount_usd=D(amount),
            rule_id=rule,
            policy_hash=policy_hash,
            worst_scenario_id=scenario,
            binding_component=binding,
        )
    initial = sum((D(amount) for amount in lines.values()), D(0))
    maintenance = cents(initial * D("0.75"), ROUND_CEILING)
    must = max(D(0), initial - option_value)
    tables.add(
        "result.portfolio",
        **names,
        initial_margin_usd=initial,
        net_option_value_usd=option_value,
        total_initial_margin_usd=must,
        maintenance_margin_usd=maintenance,
        total_maintenance_margin_usd=max(D(0), maintenance - option_value),
        initial_margin_without_override_usd=initial - D(lines.get("OVERRIDE", "0")),
        maintenance_binding_component="INITIAL_MARGIN_SHARE",
    )
    base = float(lines["BASE_MARGIN"])
    for group, share in (("BTC", 0.75), ("ETH", 0.5), ("ALL", 1.0)):
        tables.add(
            "result.portfolio_risk",
            **names,
            underlying=group,
            filtered_es_usd=base * share * 0.9,
            stressed_es_usd=base * share * 1.1,
            blended_es_usd=base * share,
            grid_loss_usd=base * share / 3,
            worst_filtered_scenario_id="F-2025-01-30",
            worst_stressed_scenario_id="S-2020-03-11",
            worst_grid_scenario_id="G-DOWN-1-UP",
        )
    return must


def add_asset(
    tables: Tables, who: tuple[str, str], asset: str, opening: str, deposit: str, movements: dict[str, Decimal]
) -> Decimal:
    """A balance, its ledger entries and its value as collateral; returns the value after haircut."""
    names = dict(zip(("clearing_member_id", "margin_account_id"), who, strict=True))
    posted = {"DEPOSIT": D(deposit)} | movements
    closing = D(opening) + sum(posted.values(), D(0))
    form, price, cut = {"USDC": ("STABLECOIN", "0.9995", "0.05"), "BTC": ("COIN", "80000", "0.25")}[asset]
    tables.add(
        "result.balance",
        **names,
        asset=asset,
        form=form,
        opening=D(opening),
        movements=closing - D(opening),
        closing=closing,
        pending_in=D("0.5"),
        pending_out=D(0),
    )
    for kind, amount in ({"OPEN": D(opening)} | posted).items():
        tables.add(
            "result.ledger",
            **names,
            entry_no=len(tables.rows.get("result.ledger", [])) + 1,
            asset=asset,
            movement_type=kind,
            contract_id="",
            amount=amount,
        )
    factor = 1 - D(cut) if closing >= 0 else 1 + D(cut)
    after = cents(closing * D(price) * factor, ROUND_FLOOR)
    tables.add(
        "result.collateral",
        **names,
        asset=asset,
        quantity=closing,
        price_usd=D(price),
        haircut_fraction=D(cut),
        market_value_usd=cents(closing * D(price), ROUND_FLOOR),
        post_haircut_value_usd=after,
        counted_value_usd=after,
        tier_cut_usd=D(0),
        rule_id=f"collateral.haircut_fraction.{asset}",
    )
    return after


def count_as_cover(tables: Tables, who: tuple[str, str], must: Decimal) -> Decimal:
    """Caps USDC at half and BTC at four fifths of what must be covered and is owed; returns what counts."""
    rows = [row for row in tables.rows.get("result.collateral", ()) if row["margin_account_id"] == who[1]]
    owed = -sum((min(D(0), row["post_haircut_value_usd"]) for row in rows), D(0))
    for row in rows if must else ():
        cap = cents({"USDC": D("0.5"), "BTC": D("0.8")}[row["asset"]] * (must + owed), ROUND_FLOOR)
        row["counted_value_usd"] = min(row["post_haircut_value_usd"], cap)
    return sum((row["counted_value_usd"] for row in rows), D(0))


def add_result(tables: Tables, who: tuple[str, str], must: Decimal, collateral: Decimal, flags: str = "") -> Decimal:
    """The account's line from its portfolios and collateral rows; returns the call."""
    names = dict(zip(("clearing_member_id", "margin_account_id"), who, strict=True))

    def summed(table: str, column: str) -> Decimal:
        return sum((row[column] for row in tables.rows.get(table, ()) if row["margin_account_id"] == who[1]), D(0))

    counted = count_as_cover(tables, who, must)
    deficit = max(D(0), must - counted)
    call = D(0) if deficit < 10000 else (deficit / 1000).to_integral_value(ROUND_CEILING) * 1000
    tables.add(
        "result.margin_account",
        **names,
        initial_margin_usd=summed("result.portfolio", "initial_margin_usd"),
        net_option_value_usd=summed("result.portfolio", "net_option_value_usd"),
        total_initial_margin_usd=must,
        maintenance_margin_usd=summed("result.portfolio", "maintenance_margin_usd"),
        total_maintenance_margin_usd=summed("result.portfolio", "total_maintenance_margin_usd"),
        collateral_market_value_usd=summed("result.collateral", "market_value_usd"),
        collateral_post_haircut_value_usd=collateral,
        collateral_counted_value_usd=counted,
        outstanding_calls_usd=D(0),
        excess_amount_usd=D(0) if deficit else collateral - must,
        deficit_amount_usd=deficit,
        minimum_transfer_amount_usd=D(10000),
        call_increment_usd=D(1000),
        margin_call_amount_usd=call,
        status="FINAL",
        quality_flags=flags,
        collateral_mode="haircut",
    )
    return call


def add_leverage(tables: Tables, who: tuple[str, str, str]) -> None:
    """Leverage, close-out prices (none above) and an override of an account."""
    names = dict(zip(("clearing_member_id", "margin_account_id"), who[:2], strict=True))
    tables.add(
        "result.leverage",
        **names,
        gross_delta_notional_usd=200000.0,
        net_delta_notional_usd=50000.0,
        equity_usd=D("40000.00"),
        effective_leverage=5.0,
        outright_leverage=1.25,
    )
    tables.add(
        "result.liquidation_price", **names, underlying="BTC", spot_usd=80000.0, below_usd=61234.5, above_usd=None
    )
    tables.add(
        "result.override",
        **names,
        override_id="OV-1",
        client_id=who[2],
        amount_usd=D("25.00"),
        reason="settlement bank on watch",
        requested_by="ada",
        approved_by="grace",
        first_date=DAY,
        last_date=DAY,
        review_date=DAY,
    )


def add_call(tables: Tables, who: tuple[str, str], amount: Decimal) -> None:
    tables.add(
        "control.margin_call",
        call_id="0123456789abcdef",
        call_version=1,
        cycle_id=KEY.cycle_id,
        clearing_member_id=who[0],
        margin_account_id=who[1],
        call_type="INITIAL_MARGIN",
        state="DRAFT",
        call_amount_usd=amount,
        increment_amount_usd=amount,
        met_amount_usd=D(0),
        due_asset="USDC",
        due_amount=(amount / D("0.9995") / D("0.95")).quantize(D("0.000001"), ROUND_CEILING),
        due_haircut_fraction=D("0.05"),
        calendar_id="ALWAYS_OPEN",
        issued_ts=datetime(2026, 1, 30, 8, 25),
        due_ts=datetime(2026, 1, 30, 10, 25),
        reason_code="DEFICIT",
    )


def add_market(tables: Tables) -> None:
    facts = {
        PERP: ("PERP", "INVERSE", "BTC", "10"),
        LINEAR: ("PERP", "LINEAR", "ETH", "0.1"),
        CALL: ("OPT", "INVERSE", "BTC", "1"),
    }
    for contract, (kind, payoff, underlying, multiplier) in facts.items():
        asset, price, _ = SETTLES[contract]
        before, after = PRICES[contract]
        tables.add(
            "book.contract",
            contract_id=contract,
            kind=kind,
            payoff=payoff,
            underlying_asset=underlying,
            quote_ccy="USD",
            settle_asset=asset,
            multiplier=D(multiplier),
            status="ACTIVE",
            **LINEAGE,
        )
        tables.add(
            "result.mark",
            contract_id=contract,
            settlement_price=D(after),
            prev_settlement_price=D(before),
            index_price=D("80000"),
            forward_price=D("80100"),
            settle_asset_price=D(price),
            obs_ts=AS_OF,
            age_seconds=12.5,
            source="VENUE",
            method="DELIVERED",
            quality="STALE" if contract == LINEAR else "OK",
            mark_uncertainty_usd=0.0,
        )
    for days, method, gap in ((7, "SVI", None), (28, "PRIOR", 0.001)):
        tables.add(
            "result.surface",
            underlying="BTC",
            expiry_ts=AS_OF + timedelta(days=days),
            forward_price=80100.25,
            years_to_expiry=days / 365,
            svi_a=0.3 * days / 365,
            svi_b=0.02 * days / 7,
            svi_rho=-0.1,
            svi_mu=0.01,
            svi_s=0.15,
            method=method,
            certified=True,
            min_g=0.2,
            min_calendar_gap=gap,
            n_quotes=150 if method == "SVI" else 0,
            rmse_bp=12.5 if method == "SVI" else None,
            tolerance_bp=60.0,
            n_quoted=150,
            n_inside_half_spread=100,
        )
    for asset, price in (("USDC", "0.9995"), ("BTC", "80000")):
        tables.add(
            "result.asset_price",
            asset=asset,
            price_usd=D(price),
            obs_ts=AS_OF,
            quality="OK",
            lowest_price_usd=D(price),
            lowest_source="VENUE",
            highest_price_usd=D(price),
            highest_source="VENUE",
            sources=2,
        )
    for underlying in ("BTC", "ETH"):
        tables.add(
            "result.liquidity",
            underlying=underlying,
            daily_volume_usd=1e9,
            volume_quality="OK",
            half_spread_fraction=1 / 3000,
            spread_quality="PROXY",
            volatility_per_day=0.02,
            daily_vega_usd=1e6,
            vol_half_spread=0.01,
            vol_move_per_day=0.03,
            vega_quality="PROXY",
        )
    for index, start in enumerate((date(2025, 1, 30), date(2025, 1, 31))):
        for underlying in ("BTC", "ETH"):
            tables.add(
                "result.scenario",
                scenario_set="FILTERED",
                scenario_index=index,
                scenario_id=f"F-{start}",
                start_date=start,
                underlying=underlying,
                horizon_days=2,
                spot_return=-0.1 / 3,
                scale_factor=1.1,
                vol_score=0.5,
                quality="OK",
                vol_quality="OK" if index else "PROXY",
                basis_quality="OK" if index else "PROXY",
            )
    for factor, tenor, move in (("VOLATILITY", 30.0, -0.02), ("FORWARD", 7.0, 0.001), ("PERPETUAL", None, -1 / 3000)):
        tables.add(
            "result.scenario_move",
            scenario_set="FILTERED",
            scenario_index=1,
            scenario_id="F-2025-01-31",
            underlying="BTC",
            horizon_days=2,
            factor=factor,
            tenor_days=tenor,
            move=move,
        )


def add_control(tables: Tables, policy_hash: str) -> None:
    blank = dict.fromkeys(
        ("input_root", "opening_root", "decisions_root", "reference_hash", "constraints_hash"), "0a" * 32
    )
    tables.add(
        "control.cycle_run",
        business_date=DAY,
        cycle="EOD",
        run_no=1,
        state="APPROVED",
        env="TEST",
        fingerprint="0f" * 32,
        policy_hash=policy_hash,
        model_version="1",
        code_version="0.1.0",
        predecessor_run_id="",
        genesis=True,
        price_as_of_ts=AS_OF,
        position_as_of_ts=AS_OF,
        collateral_as_of_ts=AS_OF,
        as_of_ts=AS_OF,
        origin="SYNTHETIC",
        **blank,
    )
    for dataset in ("accounts", "members", "positions", "prices"):
        tables.add(
            "control.input_manifest",
            file_id=f"{dataset}-HOUSE-2026-01-30-EOD-v1",
            dataset=dataset,
            sender="HOUSE",
            seq=1,
            sha256="ab" * 32,
            records=5,
        )
    for name in ("gate", "approve"):
        tables.add(
            "control.stage_run",
            stage=name,
            state="DONE",
            rows='{"book.position": 5}',
            attempt=1,
            started_ts=AS_OF,
            finished_ts=AS_OF,
            peak_memory_mb=1.0,
        )
    tables.add(
        "control.check_result",
        check_id="unknown_contract",
        severity="warning",
        scope="member",
        kind="ROWS",
        dataset="positions",
        meaning="a contract is known",
        examined=5,
        failed=1,
        sample_keys="[]",
        passed=False,
    )


def add_rejected(tables: Tables, member: str, account: str, line: int, value: str) -> None:
    where = {
        "file_id": "positions-HOUSE-2026-01-30-EOD-v1",
        "source_line": line,
        "clearing_member_id": member,
        "margin_account_id": account,
        "contract_id": "XRP-PERP.INV",
        "value": value,
        "limit_value": "a known contract",
    }
    tables.add("book.rejected", dataset="positions", code="UNKNOWN_CONTRACT", **where)
    tables.add(
        "control.finding",
        check_id="unknown_contract",
        code="UNKNOWN_CONTRACT",
        severity="warning",
        scope="member",
        dataset="positions",
        meaning="a contract is known",
        action="deliver the contract",
        **where,
    )


def build(root: Path, rejected_value: str = "XRP-PERP.INV") -> Home:
    """The home with its approved, unpublished run. `rejected_value` goes into a rejected row of M001."""
    home = Home(root).prepare("TEST")
    policy_hash = policy_store.in_force(home, DAY).policy_hash
    tables = Tables(home)
    add_control(tables, policy_hash)
    add_market(tables)
    add_party(tables, "M001", "Étoile “North” & Sons, Ltd", "M001H", "HOUSE", "Europe/Zurich", "5493001KJTIIGC8Y1R12")
    add_party(tables, "007", "Universal Exports", "007C", "CLIENT_GROSS", None, "213800WAVVOPS85N2205")
    add_party(tables, "FLT", "Flat Water SA", "150", "HOUSE", "Asia/Tokyo", None)
    add_rejected(tables, "M001", "M001H", 7, rejected_value)

    house = ("M001", "M001H", "")
    add_position(tables, house, PERP, ("1000", "500", "1500"), "79500")
    add_position(tables, house, LINEAR, ("200", "0", "200"))
    worth = add_position(tables, house, CALL, ("-3", "0", "-3"))
    must = add_portfolio(
        tables, house, {"BASE_MARGIN": "27125.84", "FLOOR_TOP_UP": "0.00", "OVERRIDE": "25.00"}, worth, policy_hash
    )
    add_leverage(tables, house)
    flows = {
        "VM": variation(PERP, "1000", ("500", "79500"), "1500"),
        "FUNDING": D("-0.00000014"),
        "FEE_TRADE": D("-0.0000006"),
    }
    value = add_asset(tables, house[:2], "BTC", "0.00000001", "0", flows)
    value += add_asset(
        tables, house[:2], "USDC", "15000.5", "250.000001", {"VM": variation(LINEAR, "200", ("0", "1"), "200")}
    )
    add_call(tables, house[:2], add_result(tables, house[:2], must, value, "STALE=1 VOL_PROXY=1500"))

    must = D(0)
    for client, qty in (("C01", "-1000"), ("100", "-500")):
        who = ("007", "007C", client)
        add_position(tables, who, PERP, (qty, "0", qty))
        must += add_portfolio(tables, who, {"BASE_MARGIN": "700.10", "FLOOR_TOP_UP": "299.90"}, D(0), policy_hash)
    value = add_asset(tables, ("007", "007C"), "USDC", "50000", "0", {"INTEREST": D("1.25")})
    add_result(tables, ("007", "007C"), must, value)

    add_result(tables, ("FLT", "150"), D(0), D(0))
    tables.write()
    return home


@pytest.fixture(scope="session")
def make_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Home]:
    """Builds a fresh home with an approved, unpublished run."""

    def make(**changes: Any) -> Home:
        return build(tmp_path_factory.mktemp("home"), **changes)

    return make


@pytest.fixture(scope="session")
def key() -> CycleKey:
    return KEY


@pytest.fixture(scope="session")
def released(make_home: Callable[..., Home]) -> Home:
    """A home whose run is out. Read only."""
    from tasks.publish import publish

    home = make_home()
    publish(home, KEY)
    return home
