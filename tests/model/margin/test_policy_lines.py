"""What policy puts on top of the risk of a portfolio: each line in closed form, each parameter at its bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model import money
from tasks.model.errors import ModelInputError, PolicyError
from tasks.model.margin.apc import BUFFER_SCHEMA, Charge, buffer_table, charge, weighted
from tasks.model.margin.credit import UNRATED, step_of
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.margin.lines import line as make_line
from tasks.model.margin.outright import Outright
from tasks.model.margin.overrides import OVERRIDE_SCHEMA
from tasks.model.policy import ByName, Policy, Tiers

AS_OF = datetime(2026, 1, 30, 8)
DAY = date(2026, 1, 30)
Book = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Book], MarginInputs]
HOUSE = ("M001", "M001H", "")
LONG: Book = [(*HOUSE, "BTC-PERP.LIN.USDC", "1000")]  # 90,010 USD of delta at a forward of 90,010, index 90,000
HEDGED: Book = [(*HOUSE, "BTC-PERP.LIN.USDC", "1000"), (*HOUSE, "BTC-PERP.INV", "-9001")]

LEVERAGE_BOUNDS = [(1.0, 500.0, True), (200.0, 1.0, True), (200.0, 500.0, False)]
FIRST_THREE = ("BASE_MARGIN", "CORRELATION_BREAK", "LIQUIDITY_CONCENTRATION")


def with_field(policy: Policy, section: str, **values: Any) -> Policy:
    return replace(policy, **{section: replace(getattr(policy, section), **values)})


def made(inputs: MarginInputs, policy: Policy) -> MarginResult:
    return initial_margin(inputs, AS_OF, policy)


def row(result: MarginResult, component: str, account: str = "M001H", client: str = "") -> dict[str, Any]:
    return result.requirement.filter(
        pl.col("margin_account_id") == account, pl.col("client_id") == client, pl.col("component") == component
    ).row(0, named=True)


def before(result: MarginResult, line_no: int, component: str) -> Decimal:
    """Sum of the house account's lines above one."""
    own = result.requirement.filter(pl.col("margin_account_id") == "M001H", pl.col("client_id") == "")
    total = Decimal(0)
    for name, number, amount in own.select("component", "line_no", "amount_usd").iter_rows():
        if name == component:
            return total
        assert number <= line_no
        total += amount
    raise AssertionError(component)


def rated(inputs: MarginInputs, level: int | None, score: float | None = None) -> MarginInputs:
    accounts = inputs.accounts.with_columns(
        surveillance_level=pl.lit(level, pl.Int64), credit_score=pl.lit(score, pl.Float64)
    )
    return replace(inputs, accounts=accounts)


# Cents in columns


@settings(max_examples=500, derandomize=True, deadline=None)
@given(value=st.one_of(st.floats(-1e12, 1e12), st.decimals(-(10**9), 10**9, places=2).map(float)))
def test_a_column_of_cents_is_rounded_as_each_figure_is(value: float) -> None:
    assert money.cents_up(np.array([value]))[0] == money.round_up(value) * 100


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e18])
def test_a_column_of_cents_refuses_what_is_no_amount(value: float) -> None:
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        money.cents_up(np.array([1.0, value]))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(cents=st.integers(0, 10**15), share=st.sampled_from([0.0, 0.1, 0.25, 0.333, 0.75, 1.0]))
def test_a_share_of_cents_is_exact(cents: int, share: float) -> None:
    expected = (Decimal(cents) * Decimal(str(share))).to_integral_value(ROUND_CEILING)
    assert money.share_up(np.array([cents]), share)[0] == expected


def test_cents_and_dollars_are_inverse() -> None:
    cents = np.array([0, 1, -7, 9_000_000_000_000_001])
    dollars = money.usd(cents)
    assert dollars.to_list() == [Decimal(each).scaleb(-2) for each in cents.tolist()]
    assert money.cents_of(dollars).tolist() == cents.tolist()


def test_a_line_below_zero_is_refused() -> None:
    with pytest.raises(ModelInputError, match="NEGATIVE_LINE"):
        make_line("CREDIT", np.array([1, -1]), "UNRATED")


# Credit


@pytest.mark.parametrize(
    ("level", "score", "share"),
    [
        (0, None, "0"),
        (1, None, "0.10"),
        (2, None, "0.25"),
        (3, None, "0.50"),
        (9, None, "0.50"),
        (None, 70.0, "0"),
        (None, 69.9, "0.10"),
        (None, 49.0, "0.25"),
        (None, 0.0, "0.50"),
        (0, 49.0, "0.25"),
        (3, 100.0, "0.50"),
        (None, None, "0.50"),
        (-1, None, "0.50"),
        (None, float("nan"), "0.50"),
    ],
)
def test_credit_is_a_published_step_on_the_lines_before(
    inputs: Inputs, policy: Policy, level: int | None, score: float | None, share: str
) -> None:
    result = made(rated(inputs(LONG), level, score), policy)
    credit = row(result, "CREDIT")
    expected = (before(result, 9, "CREDIT") * Decimal(share)).quantize(Decimal("0.01"), ROUND_CEILING)
    assert credit["amount_usd"] == expected
    if expected:
        assert credit["rule_id"] in ("credit.step_fraction", "credit.unrated_step_fraction")
        assert credit["binding_component"] != "NONE"


def test_a_rating_that_is_lost_never_makes_margin_cheaper(policy: Policy) -> None:
    steps = policy.credit.step_fraction
    assert step_of(None, None, policy.credit) == UNRATED
    assert policy.credit.unrated_step_fraction >= max(steps)


@pytest.mark.parametrize("unrated", [0.0, 2.0])
def test_the_unrated_step_at_its_bounds(inputs: Inputs, policy: Policy, unrated: float) -> None:
    result = made(rated(inputs(LONG), None), with_field(policy, "credit", unrated_step_fraction=unrated))
    assert row(result, "CREDIT")["amount_usd"] == before(result, 9, "CREDIT") * Decimal(unrated)


# Leverage


def test_a_hedged_book_is_topped_up_to_the_leverage_cap(inputs: Inputs, policy: Policy) -> None:
    result = made(inputs(HEDGED), policy)
    surcharge = row(result, "LEVERAGE_SURCHARGE")
    # Gross: 1,000 x 0.01 x 90,000 x (90,010/90,000) against 9,001 x 10 at a mark of its own: read off the table.
    gross = result.leverage.filter(pl.col("margin_account_id") == "M001H")["gross_delta_notional_usd"].item()
    wanted = Decimal(repr(gross / 20)).quantize(Decimal("0.01"), ROUND_CEILING)
    assert surcharge["amount_usd"] == max(wanted - before(result, 10, "LEVERAGE_SURCHARGE"), 0) > 0
    assert surcharge["rule_id"] == "leverage_surcharge.hedged_cap"
    assert surcharge["binding_component"] == "HEDGED_CAP"


@pytest.mark.parametrize(
    ("outright", "hedged", "binds"), [(1.0, 500.0, True), (200.0, 1.0, True), (200.0, 500.0, False)]
)
def test_leverage_caps_at_their_bounds(
    inputs: Inputs, policy: Policy, outright: float, hedged: float, binds: bool
) -> None:
    result = made(inputs(LONG), with_field(policy, "leverage_surcharge", outright_cap=outright, hedged_cap=hedged))
    up_to = sum(row(result, name)["amount_usd"] for name in ("LEVERAGE_SURCHARGE",)) + before(
        result, 10, "LEVERAGE_SURCHARGE"
    )
    notional = result.leverage.filter(pl.col("margin_account_id") == "M001H").row(0, named=True)
    assert notional["gross_delta_notional_usd"] == pytest.approx(notional["net_delta_notional_usd"])
    assert (float(up_to) == pytest.approx(notional["net_delta_notional_usd"], abs=0.011)) == binds


def test_leverage_is_notional_over_equity_and_empty_without_equity(inputs: Inputs, policy: Policy) -> None:
    base = inputs(LONG)
    schema = base.balances.schema
    held = dict.fromkeys(schema) | dict(
        zip(
            ("clearing_member_id", "margin_account_id", "asset", "quantity", "price_usd"),
            ("M001", "M001H", "USD", Decimal(30000), Decimal(1)),
            strict=True,
        )
    )
    held |= {"haircut_fraction": 0.0, "haircut_rule": "x", "issuer": "", "related_parties": "M001"}
    balances = pl.DataFrame([{name: held.get(name) for name in schema}], schema=schema)
    table = made(replace(base, balances=balances), policy).leverage
    own = table.filter(pl.col("margin_account_id") == "M001H").row(0, named=True)
    assert own["equity_usd"] == Decimal("30000.00")
    assert own["effective_leverage"] == pytest.approx(own["gross_delta_notional_usd"] / 30000)
    flat = table.filter(pl.col("margin_account_id") == "M003H").row(0, named=True)
    assert (flat["equity_usd"], flat["effective_leverage"]) == (0, None)


# Floors


def test_a_bracket_is_a_floor_and_sets_maintenance(inputs: Inputs, policy: Policy) -> None:
    tiers = Tiers((0.0, 50_000.0), (0.4, 0.8))
    result = made(inputs(LONG), with_field(policy, "brackets", major=tiers, maintenance_fraction=0.99))
    notional = result.leverage.filter(pl.col("margin_account_id") == "M001H")["net_delta_notional_usd"].item()
    wanted = 0.4 * 50_000 + 0.8 * (notional - 50_000)
    figures = result.portfolio.filter(pl.col("margin_account_id") == "M001H").row(0, named=True)
    floor = row(result, "FLOOR_TOP_UP")
    assert float(figures["initial_margin_usd"]) == pytest.approx(wanted, abs=0.011)
    assert (floor["rule_id"], floor["binding_component"]) == ("brackets", "BRACKET")
    assert float(figures["maintenance_margin_usd"]) == pytest.approx(0.99 * wanted, abs=0.011)
    assert figures["maintenance_binding_component"] == "BRACKET"


def test_maintenance_is_a_share_where_brackets_ask_less(inputs: Inputs, policy: Policy) -> None:
    result = made(inputs(LONG), with_field(policy, "brackets", maintenance_fraction=0.1))
    figures = result.portfolio.filter(pl.col("margin_account_id") == "M001H").row(0, named=True)
    assert figures["maintenance_binding_component"] == "INITIAL_MARGIN_SHARE"
    share = (figures["initial_margin_usd"] * Decimal("0.75")).quantize(Decimal("0.01"), ROUND_CEILING)
    assert figures["maintenance_margin_usd"] == share


def test_brackets_that_do_not_ascend_are_no_policy() -> None:
    from tasks import policy_store, resources
    from tasks.model.policy_file import parse

    path = resources.data("policy") / "2014-01-01.toml"
    content = policy_store.tomllib.loads(path.read_text("utf-8"))
    content["brackets"]["major"]["floor_usd"] = [0, 5e6, 4e6, 1e8, 2e8]
    content["credit"]["score_at_least"] = [10.0]
    content["base_margin"]["liquidation_period_days"]["house"]["BTC"] = 1
    with pytest.raises(PolicyError) as refused:
        parse(content, "test")
    where = {finding.where for finding in refused.value.findings}
    assert where == {
        "test: brackets.major",
        "test: credit.score_at_least",
        "test: base_margin.liquidation_period_days.house.BTC",
    }


# Long-run floor


def test_the_long_run_floor_binds_after_a_calm_year(inputs: Inputs, policy: Policy) -> None:
    calm = with_field(policy, "grid", range_fraction=ByName({"default": 0.01}))
    off, on = (made(inputs(LONG), with_field(calm, "base_margin", long_run_floor=word)) for word in ("off", "on"))
    assert "LONG_RUN" not in set(off.scenario["scenario_set"])
    assert "LONG_RUN" in set(on.scenario["scenario_set"])
    moves = on.scenario.filter(pl.col("scenario_set") == "LONG_RUN", pl.col("underlying") == "BTC")["spot_return"]
    losses = sorted((90_010.0 * (1 - np.exp(move)) for move in moves), reverse=True)
    k = len(losses) * 0.025
    tail = (sum(losses[: int(k)]) + (k - int(k)) * losses[int(k)]) / k
    base = float(row(on, "BASE_MARGIN")["amount_usd"])
    assert base == pytest.approx(max(tail, float(row(off, "BASE_MARGIN")["amount_usd"])), abs=0.02)
    assert (row(on, "BASE_MARGIN")["binding_component"] == "LONG_RUN_FLOOR") == (base == pytest.approx(tail, abs=0.02))


# Buffer


def reference(long: float, short: float = 0.0) -> Outright:
    return Outright(("BTC",), np.array([long]), np.array([short]))


def buffered(policy: Policy, **values: Any) -> Policy:
    return with_field(policy, "apc_buffer", mode="on", **values)


def days(rates: list[float], policy: Policy) -> list[dict[str, Any]]:
    table, found = pl.DataFrame(schema=BUFFER_SCHEMA), []
    for rate in rates:
        table = buffer_table(reference(rate), table, policy)
        found.append(table.row(0, named=True))
    return found


def test_a_buffer_is_used_and_replenished_step_by_step(policy: Policy) -> None:
    on = buffered(policy, average_half_life_days=1000.0)
    calm = [0.20] * 3
    found = days([*calm, 0.24, 0.26, 0.30, 0.21, 0.21, 0.21], on)
    assert [each["state"] for each in found] == [*["FULL"] * 4, "RELEASED", "RELEASED", *["REPLENISHING"] * 3]
    # Full: 1.25 m. Released: what was charged, 0.30, until m reaches it. Then five points a day.
    assert [each["charged_rate"] for each in found] == pytest.approx(
        [0.25, 0.25, 0.25, 0.30, 0.30, 0.30, 0.21 * 1.05, 0.21 * 1.10, 0.21 * 1.15]
    )
    assert all(0.0 <= each["buffer_fraction"] <= 0.25 + 1e-12 for each in found)


def test_a_buffer_that_is_off_charges_nothing_and_starts_from_nothing(policy: Policy) -> None:
    table = buffer_table(reference(0.2), pl.DataFrame(schema=BUFFER_SCHEMA), policy)
    assert table.row(0, named=True)["state"] == "OFF"
    assert table["charged_rate"].item() == table["margin_rate"].item() == 0.2
    assert buffer_table(reference(0.2), table, buffered(policy))["buffer_fraction"].item() == pytest.approx(0.05)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    rate=st.floats(0.01, 1.0),
    charged=st.floats(0.01, 2.0),
    buffer=st.floats(0.0, 1.0),
    released=st.booleans(),
    fraction=st.floats(0.0, 1.0),
    step=st.floats(0.001, 1.0),
)
def test_a_charge_is_between_the_rate_and_the_whole_buffer(
    rate: float, charged: float, buffer: float, released: bool, fraction: float, step: float
) -> None:
    found = charge(rate, Charge(charged, min(buffer, fraction)), released, fraction, step)
    assert rate <= found.rate * (1 + 1e-12)
    assert found.rate <= (1 + fraction) * rate * (1 + 1e-12)
    assert found.rate == pytest.approx((1 + found.buffer) * rate)


def test_an_account_pays_the_weighted_buffer_on_the_first_three_lines(inputs: Inputs, policy: Policy) -> None:
    held: Book = [*LONG, (*HOUSE, "ETH-PERP.LIN.USDC", "-2500")]
    rows = [("BTC", 0.2, 0.15, 0.22, 0.10, "RELEASED"), ("ETH", 0.3, 0.3, 0.375, 0.25, "FULL")]
    before_ = pl.DataFrame(rows, schema=BUFFER_SCHEMA, orient="row")
    result = made(replace(inputs(held), apc_buffer=before_), buffered(policy, replenish_step_fraction=0.02))
    now = dict(result.apc_buffer.select("underlying", "buffer_fraction").iter_rows())
    risk = result.portfolio_risk.filter(pl.col("underlying") != "ALL")
    weight = dict(risk.select("underlying", "blended_es_usd").iter_rows())
    share = sum(weight[name] * now[name] for name in weight) / sum(weight.values())
    three = sum(
        row(result, name)["amount_usd"] for name in ("BASE_MARGIN", "CORRELATION_BREAK", "LIQUIDITY_CONCENTRATION")
    )
    assert 0 < share < 0.25
    assert float(row(result, "APC_BUFFER")["amount_usd"]) == pytest.approx(share * float(three), abs=0.011)


def test_weights_that_are_all_gains_take_the_largest_buffer() -> None:
    found = weighted(np.array([0, 0, 1]), 3, np.array([-1.0, 0.0, 2.0]), np.array([0.1, 0.2, 0.05]))
    assert found.tolist() == [0.2, 0.05, 0.0]


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, 0.0), (1.0, 1.0)])
def test_the_buffer_at_its_bounds(inputs: Inputs, policy: Policy, fraction: float, expected: float) -> None:
    result = made(inputs(LONG), buffered(policy, fraction=fraction))
    three = sum(
        row(result, name)["amount_usd"] for name in ("BASE_MARGIN", "CORRELATION_BREAK", "LIQUIDITY_CONCENTRATION")
    )
    assert row(result, "APC_BUFFER")["amount_usd"] == three * Decimal(expected)


# Overrides


def override(**changes: Any) -> pl.DataFrame:
    plain = {
        "override_id": "OV-1",
        **dict(zip(("clearing_member_id", "margin_account_id", "client_id"), HOUSE, strict=True)),
        "amount_usd": Decimal("1234.56"),
        "reason": "fraud inquiry",
        "requested_by": "ada",
        "approved_by": "grace",
        "first_date": date(2026, 1, 20),
        "last_date": date(2026, 2, 10),
        "review_date": date(2026, 2, 1),
        "withdrawn_date": None,
    }
    return pl.DataFrame([plain | changes], schema={**OVERRIDE_SCHEMA, "withdrawn_date": pl.Date})


def test_an_override_adds_its_amount_and_is_shown_with_and_without(inputs: Inputs, policy: Policy) -> None:
    two = pl.concat([override(), override(override_id="OV-2", amount_usd=Decimal("0.44"))])
    with_, without = made(replace(inputs(LONG), overrides=two), policy), made(inputs(LONG), policy)
    assert row(with_, "OVERRIDE")["amount_usd"] == Decimal("1235.00")
    one, other = (
        result.portfolio.filter(pl.col("margin_account_id") == "M001H").row(0, named=True)
        for result in (with_, without)
    )
    assert one["initial_margin_usd"] == other["initial_margin_usd"] + 1235
    assert one["initial_margin_without_override_usd"] == other["initial_margin_usd"]
    assert with_.override["override_id"].to_list() == ["OV-1", "OV-2"]


def test_an_override_past_its_last_day_stops_the_cycle(inputs: Inputs, policy: Policy) -> None:
    late = override(last_date=date(2026, 1, 29))
    with pytest.raises(ModelInputError, match=r"OVERRIDE_EXPIRED.*OV-1"):
        made(replace(inputs(LONG), overrides=late), policy)
    ended = late.with_columns(withdrawn_date=pl.lit(DAY))
    assert row(made(replace(inputs(LONG), overrides=ended), policy), "OVERRIDE")["amount_usd"] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_usd": Decimal(-1)},
        {"approved_by": "ada"},
        {"approved_by": ""},
        {"reason": ""},
        {"margin_account_id": "NOBODY"},
        {"last_date": date(2026, 2, 19)},
        {"review_date": date(2026, 1, 1)},
    ],
)
def test_an_override_that_is_not_in_order_is_refused(inputs: Inputs, policy: Policy, changes: dict[str, Any]) -> None:
    with pytest.raises(ModelInputError, match=r"OVERRIDE_REFUSED.*OV-1"):
        made(replace(inputs(LONG), overrides=override(**changes)), policy)


@pytest.mark.parametrize(("longest", "stands"), [(1, False), (366, True)])
def test_how_long_an_override_may_stand_at_its_bounds(
    inputs: Inputs, policy: Policy, longest: int, stands: bool
) -> None:
    chosen = with_field(policy, "override", longest_days=longest)
    held = replace(inputs(LONG), overrides=override())
    if stands:
        assert row(made(held, chosen), "OVERRIDE")["amount_usd"] > 0
    else:
        with pytest.raises(ModelInputError, match="OVERRIDE_REFUSED"):
            made(held, chosen)
