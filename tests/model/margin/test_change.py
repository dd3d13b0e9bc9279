"""Day over day: every cause is told apart from the others, and together they are the whole change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from tasks.model import money
from tasks.model.margin.change import STEPS, Day, steps
from tasks.model.margin.initial_margin import initial_margin

AS_OF = datetime(2026, 1, 29, 8)
HELD = [
    ("M001", "M001H", "", "BTC-PERP.LIN.USDC", "4000"),
    ("M001", "M001H", "", "BTC-PERP.INV", "-9000"),
    ("M001", "M001H", "", "BTC-20260327-80000-P.INV", "-2"),
    ("M001", "M001H", "", "ETH-20260327-3000-C.LIN.USDC", "40"),
]
QUANTITY_COLUMNS = ("clearing_member_id", "margin_account_id", "client_id", "quantity")


@pytest.fixture(scope="module")
def day(inputs, positions, policy):
    """A day on which a book is held; its market lists the contracts of the book and a few others."""

    def build(held, as_of=AS_OF, **changed):
        others = [("M001", "M001H", "", name, "1") for name in ("BTC-20260327-90000-C.INV", "BTC-20260130-90000-C.INV")]
        listed = positions([*held, *others]).unique("contract_id", keep="first").sort("contract_id")
        given = inputs(held)
        return Day(given, listed.drop(QUANTITY_COLUMNS), as_of, changed.get("policy", policy))

    return build


def on_marks(day: Day, *columns: pl.Expr) -> Day:
    """The day with other marks, of what is held and of what is listed."""
    held = replace(day.inputs, positions=day.inputs.positions.with_columns(*columns))
    return replace(day, inputs=held, marks=day.marks.with_columns(*columns))


def total(day: Day) -> Decimal:
    return money.total(initial_margin(day.inputs, day.as_of, day.policy).portfolio["total_initial_margin_usd"])


def by_cause(earlier: Day, later: Day) -> dict[str, Decimal]:
    start, found = steps(earlier, later)
    assert start == total(earlier)
    assert found[-1].total_initial_margin_usd == total(later)
    assert start + sum(each.change_usd for each in found) == total(later)
    assert tuple(each.cause for each in found) == STEPS
    return {each.cause: each.change_usd for each in found if each.change_usd}


def test_nothing_changed_has_no_cause(day):
    assert by_cause(day(HELD), day(HELD)) == {}


def test_a_trade_is_the_only_cause(day):
    more = [*HELD[1:], ("M001", "M001H", "", "BTC-PERP.LIN.USDC", "9000")]
    assert set(by_cause(day(HELD), day(more))) == {"POSITION"}


def test_a_contract_held_for_the_first_time_stands_at_the_marks_of_the_day_before(day):
    earlier = on_marks(day(HELD), pl.col("index_price") * Decimal("1.01"))
    later = day([*HELD, ("M001", "M001H", "", "BTC-20260327-90000-C.INV", "-3")])
    found = by_cause(earlier, later)
    bought = replace(
        earlier,
        inputs=replace(
            later.inputs, positions=on_marks(later, pl.col("index_price") * Decimal("1.01")).inputs.positions
        ),
    )
    assert found["POSITION"] == total(bought) - total(earlier)
    assert set(found) == {"POSITION", "MARKET"}


@pytest.mark.parametrize(
    ("cause", "column"),
    [
        ("MARKET", pl.col("index_price") * Decimal("0.97")),
        ("VOLATILITY", pl.col("implied_volatility") * 1.2),
        ("VOLATILITY", pl.col("mark_uncertainty_usd") + 3.0),
    ],
)
def test_a_mark_that_moved_is_the_only_cause(day, cause, column):
    assert set(by_cause(day(HELD), on_marks(day(HELD), column))) == {cause}


def test_a_close_that_came_in_is_volatility(day, history):
    later = day(HELD)
    crash = history.filter(pl.col("date") == history["date"].max()).with_columns(
        date=pl.col("date") + timedelta(days=1), close=pl.col("close") * Decimal("0.7")
    )
    moved = replace(later, inputs=replace(later.inputs, history=pl.concat([history, crash.cast(dict(history.schema))])))
    found = by_cause(day(HELD), moved)
    assert set(found) == {"VOLATILITY"}
    assert found["VOLATILITY"] > 0


def test_another_policy_is_parameter(day, policy):
    stricter = replace(policy, floor_top_up=replace(policy.floor_top_up, account_minimum_usd=1e7))
    found = by_cause(day(HELD), replace(day(HELD), policy=stricter))
    assert set(found) == {"PARAMETER"}
    assert found["PARAMETER"] > 0


def test_a_stablecoin_below_its_peg_is_collateral(day):
    later = day(HELD)
    coin = {
        "clearing_member_id": "M001",
        "margin_account_id": "M001H",
        "asset": "USDT",
        "quantity": Decimal(5_000_000),
        "price_usd": Decimal("0.95"),
        "haircut_fraction": Decimal("0.05"),
        "haircut_rule": "collateral.haircut_fraction.USDT",
    }
    balances = pl.DataFrame([coin], schema=later.inputs.balances.schema)
    found = by_cause(day(HELD), replace(later, inputs=replace(later.inputs, balances=balances)))
    assert set(found) == {"COLLATERAL"}


def test_time_that_passed_is_roll(day):
    assert set(by_cause(day(HELD), day(HELD, as_of=AS_OF + timedelta(days=1)))) == {"ROLL"}


def test_what_has_expired_leaves_with_the_day_and_not_as_a_trade(day):
    dying = ("M001", "M001H", "", "BTC-20260130-90000-C.INV", "-5")
    alive = on_marks(
        day([*HELD, dying]),
        pl.lit(False).alias("expired"),
        pl.col("implied_volatility").replace(0.0, 0.5),
    )
    gone = day(HELD, as_of=datetime(2026, 1, 30, 8))
    gone = on_marks(gone, pl.col("implied_volatility").replace(0.0, 0.5))
    assert set(by_cause(alive, gone)) == {"ROLL"}
