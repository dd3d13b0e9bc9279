"""An impact of four accounts, worked out by hand."""

from __future__ import annotations

import math
from decimal import Decimal

import polars as pl
import pytest

from tasks.model.assurance.impact import Impact, Margined, impact
from tasks.model.errors import ModelInputError

_MONEY = pl.Decimal(20, 2)
# member, account, type, margin before and after, call before and after, excess before
BOOK = [
    ("A", "A1", "HOUSE", "100.00", "130.00", "0.00", "0.00", "50.00"),
    ("A", "A2", "CLIENT_OMNI_NET", "100.00", "100.00", "0.00", "0.00", "0.00"),
    ("B", "B1", "HOUSE", "200.10", "190.05", "20.00", "10.00", "0.00"),
    ("C", "C1", "CLIENT_GROSS", "0.00", "40.00", "0.00", "40.00", "5.00"),
]


def margined(after: bool) -> Margined:
    names = ("clearing_member_id", "margin_account_id", "account_type")
    money = ("total_initial_margin_usd", "margin_call_amount_usd", "excess_amount_usd")
    rows = [(*row[:3], row[4 if after else 3], row[6 if after else 5], row[7]) for row in BOOK]
    accounts = pl.DataFrame(rows, schema=[*names, *money], orient="row").with_columns(pl.col(money).cast(_MONEY))
    lines = accounts.select(*names[:2], pl.lit("BASE_MARGIN").alias("component"), pl.col(money[0]).alias("amount_usd"))
    risk = pl.DataFrame(
        {"underlying": ["BTC", "BTC", "SOL", "ALL"], "blended_es_usd": [10.0, 20.0, 12.0 if after else 10.0, 99.0]}
    )
    return Margined(accounts, lines, risk)


@pytest.fixture(scope="module")
def found() -> Impact:
    return impact(margined(after=False), margined(after=True), ("BTC",))


def row(found: Impact, kind: str, item: str) -> dict[str, object]:
    return found.summary.filter((pl.col("row_type") == kind) & (pl.col("item") == item)).row(0, named=True)


@pytest.mark.parametrize(
    ("kind", "item", "current", "proposed", "change"),
    [
        ("TOTAL", "ALL", "400.10", "460.05", "59.95"),
        ("TOTAL", "HOUSE", "300.10", "320.05", "19.95"),
        ("TOTAL", "CLIENT", "100.00", "140.00", "40.00"),
        ("LINE", "BASE_MARGIN", "400.10", "460.05", "59.95"),
        ("PRODUCT", "BTC", "30.00", "30.00", "0.00"),
        ("PRODUCT", "SOL", "10.00", "12.00", "2.00"),
        ("LIQUIDITY_GROUP", "others", "10.00", "12.00", "2.00"),
        ("MEMBER", "A", "200.00", "230.00", "30.00"),
        ("CASH", "CALLS", "20.00", "50.00", "30.00"),
    ],
)
def test_sums_are_those_by_hand(found: Impact, kind: str, item: str, current: str, proposed: str, change: str) -> None:
    figures = row(found, kind, item)
    names = ("current_usd", "proposed_usd", "change_usd")
    assert [figures[name] for name in names] == [Decimal(each) for each in (current, proposed, change)]


def test_the_distribution_is_over_members_and_a_new_margin_is_a_rise_of_any_size(found: Impact) -> None:
    # moves: A 30 / 200 = 0.15, B -10.05 / 200.10, C from nothing; quantile = the ceil(3 c)-th of the two shares
    assert row(found, "MEMBERS", "P50")["change_fraction"] == pytest.approx(0.15)
    assert row(found, "MEMBERS", "MAX")["change_fraction"] == pytest.approx(0.15)
    assert row(found, "MEMBERS", "RISE_ABOVE_0.10")["change_fraction"] == pytest.approx(2 / 3)
    assert row(found, "MEMBERS", "RISE_ABOVE_0.25")["change_fraction"] == pytest.approx(1 / 3)


def test_cash_is_what_rises_beyond_the_excess_of_the_same_account(found: Impact) -> None:
    assert row(found, "CASH", "EXTRA_MARGIN")["change_usd"] == Decimal("70.00")  # 30 of A1, 40 of C1
    assert row(found, "CASH", "EXCESS_OF_THE_RISING")["change_usd"] == Decimal("55.00")
    assert row(found, "CASH", "BEYOND_EXCESS")["change_usd"] == Decimal("35.00")  # C1 alone: 40 - 5


def test_the_effect_names_the_group_that_rises_most(found: Impact) -> None:
    assert found.effect.total == pytest.approx(59.95 / 400.10)
    assert found.effect.largest == ("liquidity group others", pytest.approx(0.2))
    assert math.isinf(found.effect.largest_member)


def test_an_account_under_one_policy_alone_is_no_zero() -> None:
    after = margined(after=True)
    with pytest.raises(ModelInputError, match="SHAPE"):
        impact(margined(after=False), Margined(after.accounts.head(3), after.lines, after.risk), ())
