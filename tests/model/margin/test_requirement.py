"""Requirement lines against a second, slow implementation on Python lists, hand-worked floors, and properties."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.margin import tails
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.margin.requirement import limit_offset
from tasks.model.policy import ByName, Policy, Settlement

AS_OF = datetime(2026, 1, 30, 8)
Book = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Book], MarginInputs]
LINEAR_VALUE = {"BTC-PERP.LIN.USDC": ("BTC", 90.01), "BTC-PERP.INV": ("BTC", 10.0), "ETH-PERP.LIN.USDC": ("ETH", 30.0)}
WEIGHT, LIMIT = 0.25, 0.80


def cents_up(amount: float) -> Decimal:
    return Decimal(repr(amount)).quantize(Decimal("0.01"), ROUND_CEILING)


def shortfall(losses: list[float], confidence: float) -> float:
    """Mean of the worst n(1 - c) losses, the boundary one with the fraction that belongs to the tail."""
    k = round(len(losses) * (1 - confidence), 9)
    ordered, total, left = sorted(losses, reverse=True), 0.0, k
    for loss in ordered:
        share = min(1.0, left)
        total, left = total + share * loss, left - share
        if left <= 0:
            break
    return total / k


def scenario_returns(result: MarginResult, scenario_set: str) -> dict[str, list[float]]:
    rows = result.scenario.filter(pl.col("scenario_set") == scenario_set).sort("scenario_index")
    return {name: rows.filter(pl.col("underlying") == name)["spot_return"].to_list() for name in ("BTC", "ETH")}


def with_range(policy: Policy, default: float) -> Policy:
    return replace(policy, grid=replace(policy.grid, range_fraction=ByName({"default": default})))


def slow_base_margin(held: dict[str, float], result: MarginResult, grid_range: float) -> float:
    """BASE_MARGIN of futures and perpetuals whose P&L is notional x (S'/S - 1), before rounding."""
    exposure = {"BTC": 0.0, "ETH": 0.0}
    for contract, quantity in held.items():
        underlying, value = LINEAR_VALUE[contract]
        exposure[underlying] += quantity * value
    names = [name for name in exposure if any(LINEAR_VALUE[each][0] == name for each in held)]
    blended = {}
    for scope in [*[[name] for name in names], names]:
        parts = []
        for scenario_set, confidence in (("FILTERED", 0.975), ("STRESSED", 0.99)):
            moves = scenario_returns(result, scenario_set)
            losses = [
                -sum(exposure[name] * (math.exp(moves[name][i]) - 1) for name in scope)
                for i in range(len(moves["BTC"]))
            ]
            parts.append(shortfall(losses, confidence))
        blended[tuple(scope)] = (1 - WEIGHT) * parts[0] + WEIGHT * parts[1]
    total = sum(blended[name,] for name in names)
    limited = total - LIMIT * max(0.0, total - blended[tuple(names)])
    grid = sum(abs(exposure[name]) * grid_range for name in names)  # the extremes weigh range / move: the same loss
    return max(limited, grid, 0.0)


def line(result: MarginResult, account: str, client: str, component: str) -> dict[str, Any]:
    return result.requirement.filter(
        (pl.col("margin_account_id") == account) & (pl.col("client_id") == client) & (pl.col("component") == component)
    ).row(0, named=True)


def portfolio(result: MarginResult, account: str, client: str = "") -> dict[str, Any]:
    return result.portfolio.filter((pl.col("margin_account_id") == account) & (pl.col("client_id") == client)).row(
        0, named=True
    )


def house(*held: tuple[str, str]) -> Book:
    return [("M001", "M001H", "", contract, quantity) for contract, quantity in held]


@pytest.mark.parametrize(
    "held",
    [
        {"BTC-PERP.LIN.USDC": 1000.0},
        {"BTC-PERP.LIN.USDC": -1000.0},
        {"BTC-PERP.INV": 700.0},
        {"BTC-PERP.LIN.USDC": 1000.0, "ETH-PERP.LIN.USDC": -2500.0},
        {"BTC-PERP.LIN.USDC": 500.0, "BTC-PERP.INV": -1200.0, "ETH-PERP.LIN.USDC": 900.0},
    ],
)
@pytest.mark.parametrize(("grid_range", "binding"), [(0.01, "EXPECTED_SHORTFALL"), (0.5, "GRID")])
def test_base_margin_is_what_a_short_script_finds(
    held: dict[str, float], grid_range: float, binding: str, inputs: Inputs, policy: Policy
) -> None:
    book = house(*((name, str(quantity)) for name, quantity in held.items()))
    result = initial_margin(inputs(book), AS_OF, with_range(policy, grid_range))
    expected = slow_base_margin(held, result, grid_range)
    found = line(result, "M001H", "", "BASE_MARGIN")
    # One cent apart where the two orders of summation part in the last bit on either side of a cent.
    assert abs(found["amount_usd"] - cents_up(expected)) <= Decimal("0.01")
    assert float(found["amount_usd"]) >= expected - 1e-6
    assert found["binding_component"] == binding


def test_worst_scenario_of_a_long_is_the_largest_fall(inputs: Inputs, policy: Policy) -> None:
    result = initial_margin(inputs(house(("BTC-PERP.LIN.USDC", "1000"))), AS_OF, with_range(policy, 0.01))
    base = line(result, "M001H", "", "BASE_MARGIN")
    rows = result.scenario.filter(pl.col("underlying") == "BTC")
    fall = {
        name: rows.filter(pl.col("scenario_set") == name).sort("spot_return").row(0, named=True)["scenario_id"]
        for name in ("FILTERED", "STRESSED")
    }
    risk = result.portfolio_risk.filter(pl.col("underlying") == "ALL").row(0, named=True)
    calm = 0.75 * risk["filtered_es_usd"] >= 0.25 * risk["stressed_es_usd"]
    assert risk["worst_filtered_scenario_id"] == fall["FILTERED"]
    assert risk["worst_stressed_scenario_id"] == fall["STRESSED"]
    assert base["worst_scenario_id"] == fall["FILTERED" if calm else "STRESSED"]
    assert (base["rule_id"], base["binding_component"]) == ("base_margin", "EXPECTED_SHORTFALL")


def test_a_wide_grid_binds_and_names_its_point(inputs: Inputs, policy: Policy) -> None:
    wide = replace(
        policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.9, "BTC": 0.6}), extreme_moves=(-0.66,))
    )
    book = house(("BTC-PERP.LIN.USDC", "-1000"), ("ETH-PERP.LIN.USDC", "100"))
    base = line(initial_margin(inputs(book), AS_OF, wide), "M001H", "", "BASE_MARGIN")
    # 90,010 USD short falls 60 % behind, 3,000 USD long 90 %: no offset between the two.
    assert base["amount_usd"] == Decimal("54006.00") + Decimal("2700.00")
    assert (base["rule_id"], base["binding_component"]) == ("grid", "GRID")
    assert base["worst_scenario_id"].startswith("G+1.00R/")


@pytest.mark.parametrize(
    ("groups", "whole", "expected"),
    [(100.0, 40.0, 52.0), (100.0, 100.0, 100.0), (100.0, 101.0, 100.0), (0.0, 0.0, 0.0), (250.0, -50.0, 10.0)],
)
def test_offset_is_limited_to_its_share_of_the_reduction(groups: float, whole: float, expected: float) -> None:
    assert limit_offset(np.array([groups]), np.array([whole]), LIMIT)[0] == pytest.approx(expected, abs=1e-12)


def test_short_option_minimum_nets_a_strike_and_covers_no_other(inputs: Inputs, policy: Policy) -> None:
    free = replace(policy, floor_top_up=replace(policy.floor_top_up, short_option_minimum_fraction=0.5))
    book = house(
        ("BTC-20260327-90000-C.INV", "-3"),
        ("BTC-20260327-90000-P.INV", "1"),
        ("BTC-20260327-80000-P.INV", "5"),
        ("ETH-20260327-3000-C.LIN.USDC", "-4"),
    )
    result = initial_margin(inputs(book), AS_OF, free)
    top_up = line(result, "M001H", "", "FLOOR_TOP_UP")
    # 2 BTC short at 90,000 (the long put of 80,000 covers nothing), 0.4 ETH short at 3,000; half of the index.
    assert portfolio(result, "M001H")["initial_margin_usd"] == Decimal("90000.00") + Decimal("600.00")
    assert top_up["rule_id"] == "floor_top_up.short_option_minimum_fraction"
    assert top_up["binding_component"] == "SHORT_OPTION_MINIMUM"


def test_a_small_position_is_lifted_to_the_account_minimum(inputs: Inputs, policy: Policy) -> None:
    result = initial_margin(inputs(house(("BTC-PERP.LIN.USDC", "1"))), AS_OF, policy)
    base, top_up = (line(result, "M001H", "", name) for name in ("BASE_MARGIN", "FLOOR_TOP_UP"))
    assert 0 < base["amount_usd"] < 1000
    others = result.requirement.filter(pl.col("margin_account_id") == "M001H", pl.col("component") != "FLOOR_TOP_UP")
    assert top_up["amount_usd"] == Decimal("1000.00") - others["amount_usd"].sum() > 0
    assert (top_up["rule_id"], top_up["binding_component"]) == ("floor_top_up.account_minimum_usd", "ACCOUNT_MINIMUM")
    assert portfolio(result, "M001H")["initial_margin_usd"] == Decimal("1000.00")
    assert portfolio(result, "M001H")["maintenance_margin_usd"] == Decimal("750.00")


def test_a_gross_account_is_the_sum_of_its_clients(inputs: Inputs, policy: Policy) -> None:
    gross = [("M002", "M002G", "C1", "BTC-PERP.LIN.USDC", "1000"), ("M002", "M002G", "C2", "BTC-PERP.LIN.USDC", "-999")]
    net = [("M001", "M001N", "", "BTC-PERP.LIN.USDC", "1")]
    single = [("M001", "M001H", "", "BTC-PERP.LIN.USDC", "1000")]
    result = initial_margin(inputs(gross + net + single), AS_OF, policy)
    own = result.portfolio.filter(pl.col("margin_account_id") == "M002G")
    assert own["client_id"].to_list() == ["", "C1", "C2"]
    assert portfolio(result, "M002G", "C1")["initial_margin_usd"] == portfolio(result, "M001H")["initial_margin_usd"]
    assert own["initial_margin_usd"].sum() > 10 * portfolio(result, "M001N")["initial_margin_usd"]
    assert portfolio(result, "M002G")["initial_margin_usd"] == 0


def test_the_account_minimum_acts_once_for_a_gross_account(inputs: Inputs, policy: Policy) -> None:
    gross = [("M002", "M002G", name, "BTC-PERP.LIN.USDC", quantity) for name, quantity in (("C1", "1"), ("C2", "-2"))]
    result = initial_margin(inputs(gross), AS_OF, policy)
    clients = [portfolio(result, "M002G", name)["initial_margin_usd"] for name in ("C1", "C2")]
    whole = line(result, "M002G", "", "FLOOR_TOP_UP")
    assert all(0 < amount < 1000 for amount in clients)
    assert sum(clients) + whole["amount_usd"] == Decimal("1000.00")
    assert whole["binding_component"] == "ACCOUNT_MINIMUM"
    assert line(result, "M002G", "", "BASE_MARGIN")["amount_usd"] == 0


def test_a_flat_account_has_lines_of_zero(inputs: Inputs, policy: Policy) -> None:
    result = initial_margin(inputs(house(("BTC-PERP.LIN.USDC", "1000"))), AS_OF, policy)
    own = result.requirement.filter(pl.col("margin_account_id") == "M003H")
    assert own["component"].to_list() == [
        "BASE_MARGIN",
        "CORRELATION_BREAK",
        "LIQUIDITY_CONCENTRATION",
        "WRONG_WAY",
        "MARK_UNCERTAINTY",
        "STABLECOIN_DEPEG",
        "HOLIDAY_GAP",
        "EXPIRY",
        "APC_BUFFER",
        "CREDIT",
        "LEVERAGE_SURCHARGE",
        "FLOOR_TOP_UP",
        "OVERRIDE",
    ]
    assert own["line_no"].to_list() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 11, 12]
    assert set(own["amount_usd"]) == {0}
    assert set(own["binding_component"]) == {"NONE"}
    assert result.portfolio_risk.filter(pl.col("margin_account_id") == "M003H").is_empty()
    assert set(portfolio(result, "M003H").values()) == {"M003", "M003H", "", Decimal("0.00"), "NONE"}


def test_a_book_without_positions_has_results_for_every_account(inputs: Inputs, policy: Policy) -> None:
    result = initial_margin(inputs([]), AS_OF, policy)
    assert result.portfolio["margin_account_id"].to_list() == ["M001H", "M001N", "M002G", "M003H"]
    assert result.portfolio["total_initial_margin_usd"].sum() == 0
    assert set(result.scenario["underlying"]) == {"BTC", "ETH"}


def test_an_expired_contract_moves_no_more_but_its_value_counts(inputs: Inputs, policy: Policy) -> None:
    result = initial_margin(inputs(house(("BTC-20260130-90000-C.INV", "-2"))), AS_OF, policy)
    figures = portfolio(result, "M001H")
    assert figures["initial_margin_usd"] == 0
    # 2 x 0.0111 coin x 90,000 owed, as long as the position stands.
    assert figures["net_option_value_usd"] == Decimal("-1998.00")
    assert figures["total_initial_margin_usd"] == Decimal("1998.00")
    risk = result.position_risk.row(0, named=True)
    assert (risk["delta"], risk["gamma"], risk["vega_usd"]) == (0.0, 0.0, 0.0)


def test_net_option_value_is_exact_and_rounds_against_the_account(inputs: Inputs, policy: Policy) -> None:
    book = house(("BTC-20260327-90000-C.INV", "0.3"), ("ETH-20260327-3000-C.LIN.USDC", "-7"))
    result = initial_margin(inputs(book), AS_OF, policy)
    # 0.3 x 0.0512345678 x 90,000 = 1383.3333306 down; -7 x 0.1 x 210.55 x 0.9995 = -147.3113075 down.
    values = dict(result.position_risk.select("contract_id", "option_value_usd").iter_rows())
    assert values == {
        "BTC-20260327-90000-C.INV": Decimal("1383.33"),
        "ETH-20260327-3000-C.LIN.USDC": Decimal("-147.32"),
    }
    figures = portfolio(result, "M001H")
    assert figures["net_option_value_usd"] == Decimal("1236.01")
    assert figures["total_initial_margin_usd"] == max(0, figures["initial_margin_usd"] - Decimal("1236.01"))


def test_liquidation_periods_differ_by_account_type(inputs: Inputs, policy: Policy) -> None:
    periods = replace(policy.base_margin.liquidation_period_days, client_omni_net=ByName({"default": 5}))
    longer = replace(policy, base_margin=replace(policy.base_margin, liquidation_period_days=periods))
    book = [("M001", "M001H", "", "BTC-PERP.LIN.USDC", "1000"), ("M001", "M001N", "", "BTC-PERP.LIN.USDC", "1000")]
    result = initial_margin(inputs(book), AS_OF, longer)
    risk = result.portfolio_risk.filter(pl.col("underlying") == "BTC")
    house_es, client_es = risk.sort("margin_account_id")["filtered_es_usd"].to_list()
    assert client_es > 1.2 * house_es
    held = dict(
        result.scenario_set.filter((pl.col("underlying") == "BTC") & (pl.col("scenario_set") == "FILTERED"))
        .select("account_type", "horizon_days")
        .iter_rows()
    )
    assert held == {"HOUSE": 2, "CLIENT_OMNI_NET": 5, "CLIENT_GROSS": 2}
    assert (
        result.scenario.select("scenario_set", "scenario_id", "underlying", "horizon_days").is_duplicated().sum() == 0
    )


MIXED = [
    ("M001", "M001H", "", "BTC-PERP.LIN.USDC", "812.5"),
    ("M001", "M001H", "", "ETH-PERP.LIN.USDC", "-1700"),
    ("M001", "M001H", "", "BTC-20260327-90000-C.INV", "-1.7"),
    ("M001", "M001N", "", "BTC-PERP.INV", "-431"),
    ("M002", "M002G", "C1", "BTC-20260327-80000-P.INV", "-2"),
    ("M002", "M002G", "C2", "ETH-PERP.LIN.USDC", "33"),
    ("M002", "M002G", "C2", "BTC-PERP.INV", "77"),
]


def frames(result: MarginResult) -> list[pl.DataFrame]:
    return [
        result.scenario,
        result.scenario_set,
        result.liquidity,
        result.portfolio_risk,
        result.requirement,
        result.portfolio,
        result.position_risk,
    ]


def test_shuffled_rows_give_the_same_bits(inputs: Inputs, policy: Policy) -> None:
    ordered = inputs(MIXED)
    names = ("positions", "accounts", "listed", "history", "volumes", "order_books", "balances")
    shuffled = replace(
        ordered, **{name: getattr(ordered, name).sample(fraction=1.0, shuffle=True, seed=3) for name in names}
    )
    pairs = zip(
        frames(initial_margin(ordered, AS_OF, policy)), frames(initial_margin(shuffled, AS_OF, policy)), strict=True
    )
    assert all(left.equals(right) for left, right in pairs)


def test_the_size_of_a_block_changes_nothing(inputs: Inputs, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = initial_margin(inputs(MIXED), AS_OF, policy)
    for size in (1, 2, 3):
        monkeypatch.setattr(tails, "_BLOCK_ROWS", size)
        parts = initial_margin(inputs(MIXED), AS_OF, policy)
        assert all(left.equals(right) for left, right in zip(frames(whole), frames(parts), strict=True))


def test_what_others_hold_changes_no_requirement(inputs: Inputs, policy: Policy) -> None:
    together = initial_margin(inputs(MIXED), AS_OF, policy)
    alone = initial_margin(inputs([row for row in MIXED if row[1] == "M001N"]), AS_OF, policy)
    assert portfolio(alone, "M001N") == portfolio(together, "M001N")


@pytest.mark.parametrize("ended", [2, 700])
def test_a_listing_nobody_holds_takes_no_dates_from_the_others(inputs: Inputs, policy: Policy, ended: int) -> None:
    plain = inputs(house(("BTC-PERP.LIN.USDC", "1000")))
    old = [("SOL", AS_OF.date() - timedelta(days=ended + day), Decimal("10")) for day in range(600)]
    listed = replace(plain, history=pl.concat([plain.history, pl.DataFrame(old, plain.history.schema, orient="row")]))
    found, expected = (initial_margin(each, AS_OF, policy) for each in (listed, plain))
    assert found.requirement.equals(expected.requirement)
    assert found.scenario.equals(expected.scenario)


def test_closes_that_end_before_the_liquidation_period_are_refused(inputs: Inputs, policy: Policy) -> None:
    held = inputs(house(("ETH-PERP.LIN.USDC", "1000")))
    end = {days: AS_OF.date() - timedelta(days=days) for days in (2, 3)}
    for names in (["ETH"], ["BTC", "ETH"]):
        late = pl.col("underlying").is_in(names)
        holes = replace(held, history=held.history.filter(~late | (pl.col("date") <= end[2])))
        # The last two closes are missing, so the last two start dates in reach have no return.
        assert initial_margin(holes, AS_OF, policy).scenario_set["dropped"].max() == 2
        early = replace(held, history=held.history.filter(~late | (pl.col("date") <= end[3])))
        with pytest.raises(ModelInputError, match=r"HISTORY_SHORT.*ETH.*2026-01-27.*2026-01-28 or later"):
            initial_margin(early, AS_OF, policy)


def test_a_group_whose_tail_is_a_gain_lowers_the_others_within_the_limit_only(inputs: Inputs, policy: Policy) -> None:
    # A straddle with half a minute to live gains in every scenario but those that do not move, where one price settles.
    policy = replace(policy, settlement=Settlement(averaging_seconds=0.0))
    plain = inputs(
        house(
            ("BTC-20260327-90000-C.INV", "10"),
            ("BTC-20260327-90000-P.INV", "10"),
            ("ETH-PERP.LIN.USDC", "2000"),
        )
    )
    straddle = replace(
        plain,
        positions=plain.positions.with_columns(
            expiry_ts=pl.when(pl.col("kind") == "OPT").then(AS_OF + timedelta(seconds=30)),
            forward_price=pl.when(pl.col("kind") == "OPT")
            .then(pl.lit(Decimal("90000")))
            .otherwise("forward_price")
            .cast(pl.Decimal(28, 10)),
        ),
    )
    result = initial_margin(straddle, AS_OF, with_range(policy, 0.01))
    risk = {row["underlying"]: row["blended_es_usd"] for row in result.portfolio_risk.iter_rows(named=True)}
    assert risk["BTC"] < 0 < risk["ALL"] < risk["ETH"]
    expected = risk["ETH"] - LIMIT * (risk["ETH"] - risk["ALL"])
    assert line(result, "M001H", "", "BASE_MARGIN")["amount_usd"] == cents_up(expected)


quantities = st.integers(-3000, 3000).filter(bool).map(str)
books = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(LINEAR_VALUE, quantities)
    | {
        "BTC-20260327-90000-C.INV": st.integers(-20, 20).filter(bool).map(str),
        "BTC-20260327-80000-P.INV": st.integers(-20, 20).filter(bool).map(str),
    },
)


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(held=books)
def test_requirement_is_never_negative_scales_with_size_and_adds_up(
    inputs: Inputs, policy: Policy, held: dict[str, str]
) -> None:
    doubled = [("M001", "M001N", "", name, str(2 * int(quantity))) for name, quantity in held.items()]
    result = initial_margin(inputs(house(*held.items()) + doubled), AS_OF, policy)
    lines = result.requirement.group_by("margin_account_id", "client_id").agg(pl.col("amount_usd").sum())
    joined = result.portfolio.join(lines, on=["margin_account_id", "client_id"])
    assert (result.requirement["amount_usd"] >= 0).all()
    assert (joined["amount_usd"] == joined["initial_margin_usd"]).all()
    for row in joined.iter_rows(named=True):
        net = row["net_option_value_usd"]
        assert row["total_initial_margin_usd"] == max(0, row["initial_margin_usd"] - net)
        assert row["total_maintenance_margin_usd"] == max(0, row["maintenance_margin_usd"] - net)
        assert 0 <= row["maintenance_margin_usd"] - Decimal("0.75") * row["initial_margin_usd"] < Decimal("0.01")
    if held:
        risk = result.portfolio_risk.sort("margin_account_id", "underlying")
        one, two = (risk.filter(pl.col("margin_account_id") == name) for name in ("M001H", "M001N"))
        for column in ("filtered_es_usd", "stressed_es_usd", "blended_es_usd", "grid_loss_usd"):
            assert (2 * one[column]).to_list() == two[column].to_list()
        whole = one.filter(pl.col("underlying") == "ALL")["blended_es_usd"].item()
        groups = one.filter(pl.col("underlying") != "ALL")["blended_es_usd"].sum()
        assert whole <= groups + 1e-6


def spoiled(inputs: MarginInputs, **columns: pl.Expr) -> MarginInputs:
    return replace(inputs, positions=inputs.positions.with_columns(**columns))


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"kind": pl.lit(None, pl.String)}, "UNKNOWN_CONTRACT"),
        ({"settlement_price": pl.lit(None, pl.Decimal(28, 10))}, "PRICE_MISSING"),
        ({"margin_account_id": pl.lit("M999X")}, "UNKNOWN_ACCOUNT"),
        ({"option_type": pl.lit(None, pl.String)}, "UNKNOWN_CONTRACT"),
        ({"implied_volatility": pl.lit(float("nan"))}, "NON_FINITE"),
        ({"implied_volatility": pl.lit(None, pl.Float64)}, "NON_FINITE"),
        ({"index_price": pl.lit(Decimal(0), pl.Decimal(28, 10))}, "NO_PRICE"),
        ({"underlying": pl.lit("DOGE")}, "HISTORY_SHORT"),
    ],
)
def test_a_position_that_cannot_be_margined_is_refused(
    inputs: Inputs, policy: Policy, columns: dict[str, pl.Expr], code: str
) -> None:
    with pytest.raises(ModelInputError) as refused:
        initial_margin(spoiled(inputs(house(("BTC-20260327-90000-C.INV", "1"))), **columns), AS_OF, policy)
    assert refused.value.code == code


def test_a_gross_position_without_a_client_is_refused(inputs: Inputs, policy: Policy) -> None:
    with pytest.raises(ModelInputError, match="CLIENT_MISSING"):
        initial_margin(inputs([("M002", "M002G", "", "BTC-PERP.INV", "1")]), AS_OF, policy)
