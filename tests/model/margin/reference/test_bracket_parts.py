"""Margins by size as parts: one book put before each, by hand; and the dated sets as they are shipped."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from tasks.model.arrays import LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.margin.brackets import SizeRate
from tasks.model.margin.reference.bracket_parts import (
    BRACKET_PARTS,
    BracketPart,
    OpenInterestPart,
    SidePart,
    SizePart,
    SizeWeightPart,
)
from tasks.model.margin.reference.parts import Group
from tasks.reference_models import in_force

VENUES = ("BINANCE", "BITMEX", "DRIFT", "DYDX", "HYPERLIQUID", "KRAKEN")


def charged(kind, part, group):
    return BRACKET_PARTS[kind][1](group, part).amount


@pytest.fixture
def group(make_contracts):
    """BTC at 100,000: row 0 is long 3 and short 5 of two futures, row 1 long 10; row 2 has an option of delta 1/2."""
    price = {"index_price": 1e5, "forward": 1e5}
    option = {**price, "form": QUOTE_OPTION, "strike": 1e5, "is_call": True, "years_to_expiry": 0.0, "volatility": 0.5}
    contracts = make_contracts({**price, "form": LINEAR_FORWARD}, {**price, "form": LINEAR_FORWARD}, option)
    return Group(
        "BTC",
        contracts,
        3,
        np.array([0, 0, 1, 2]),
        np.array([0, 1, 0, 2]),
        np.array([3.0, -5.0, 10.0, -2.0]),
        np.array([1.0, 1.0, 0.5]),
    )


def test_brackets_charge_the_larger_side(group):
    part = BracketPart((0.0, 400_000.0), (50.0, 20.0), (0.01, 0.025))
    # 500,000 short, 1,000,000 long, 100,000 by delta: 2 % to 400,000, then 5 %.
    np.testing.assert_allclose(charged("bracket", part, group), [13_000.0, 38_000.0, 2_000.0], rtol=1e-12)


def test_steps_are_looked_up_in_coins(group):
    part = SizePart(SizeRate(0.01, 0.005, 4.0, 5.0, 0.005, whole_steps=True))
    np.testing.assert_allclose(charged("size", part, group), [7_500.0, 20_000.0, 1_000.0], rtol=1e-12)


def test_open_interest_is_what_the_book_holds_long(group):
    # 3 + 10 long are 1.3 m: 30 % of the way from 1 m to 2 m, so 10 % rises to 37 %.
    part = OpenInterestPart(100_000, 600_000, 1_000_000, 2_000_000)
    np.testing.assert_allclose(charged("open_interest", part, group), [185_000.0, 370_000.0, 37_000.0], rtol=1e-12)


def test_each_side_has_its_rate_and_nothing_offsets(group):
    # Long 3 and short 5, long 10, and two options short of delta 1/2.
    found = charged("side", SidePart(0.1, 0.2), group)
    np.testing.assert_allclose(found, [30_000.0 + 100_000.0, 100_000.0, 20_000.0], rtol=1e-12)


def test_weights_grow_with_the_root_of_the_size(group):
    # sqrt(5) = 2.23606: 0.8 x 1,000 + 22,360 cut to 1e-4 of 0.1 x 223,606.
    part = SizeWeightPart(1_000, 100_000)
    expected = [(800 + int(100_000 * root / 1e2)) / 1e4 for root in (2.23606, 3.16227, 1.0)]
    found = charged("size_weight", part, group)
    np.testing.assert_allclose(found, np.array(expected) * [5e5, 1e6, 1e5], rtol=1e-12)


def test_dated_sets_can_be_read_for_every_underlying_and_rise_with_size(make_contracts):
    contracts = make_contracts({"index_price": 1e3, "forward": 1e3, "form": LINEAR_FORWARD})
    sizes = np.array([1.0, 10.0, 1e3, 1e5, 1e7])
    rows = np.arange(5)
    one = Group("X", contracts, 5, rows, np.zeros(5, dtype=np.int64), sizes, np.ones(1))
    models = {model.name: model for model in in_force(date(2026, 1, 29)) if model.name in VENUES}
    assert tuple(sorted(models)) == VENUES
    for name, model in models.items():
        for underlying in ("BTC", "ETH", "SOL", "XRP", "DOGE", "NEW"):
            (part,) = model.parts
            amount = charged(model.parts[part]["kind"], model.part(part, underlying), one)
            rate = amount / (sizes * 1e3)
            assert rate[0] >= 0.005 and (np.diff(rate) >= -1e-9).all(), (name, underlying)
            # By open interest every row of a book is charged at one rate.
            assert rate[-1] > rate[0] or name == "DYDX", (name, underlying)
