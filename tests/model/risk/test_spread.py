"""Spreads between expiries and commodities, hedged delta, and what gains offset."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.risk.offset import offset_gains, toned_down
from tasks.model.risk.spread import (
    CreditSpread,
    Leg,
    TierSpread,
    delta_split,
    intercommodity,
    intermonth,
    minimum_delta,
    tier_sides,
)


def test_sides_keep_longs_and_shorts_of_a_tier_apart():
    row, tier, delta = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), np.array([3.0, -1.0, -4.0, 2.0])
    long, short = tier_sides(2, 2, row, tier, delta)
    assert long.tolist() == [[3.0, 0.0], [0.0, 2.0]]
    assert short.tolist() == [[1.0, 4.0], [0.0, 0.0]]


def test_spreads_are_formed_in_order_and_what_is_taken_is_gone():
    long, short = np.array([[5.0, 1.0]]), np.array([[2.0, 6.0]])
    spreads = [TierSpread(0, 0, 10.0), TierSpread(0, 1, 100.0), TierSpread(1, 1, 1000.0)]
    found = intermonth(long, short, spreads)
    # 2 within the first tier; 3 left of its longs against the second; 1 within the second.
    assert found.formed.tolist() == [[2.0, 3.0, 1.0]]
    assert found.charge.tolist() == [20.0 + 300.0 + 1000.0]
    assert found.long.tolist() == [[0.0, 0.0]]
    assert found.short.tolist() == [[0.0, 2.0]]
    assert long.tolist() == [[5.0, 1.0]]  # what is handed in stays as it was


def test_the_order_of_spreads_changes_the_charge():
    long, short = np.array([[5.0, 1.0]]), np.array([[2.0, 6.0]])
    first = intermonth(long, short, [TierSpread(0, 1, 100.0), TierSpread(0, 0, 10.0)])
    # All 5 longs of the first tier go to the second's shorts, then 1 long of the second to a short of the first.
    assert first.formed.tolist() == [[6.0, 0.0]]
    assert first.charge.tolist() == [600.0]


def test_credits_take_the_scarcer_leg_and_pay_on_both():
    delta, risk = np.array([[-2.0, 90.0], [1.0, 30.0]]), np.array([[9000.0, 500.0]] * 2)
    spread = CreditSpread((Leg(0, 1.0, 1), Leg(1, 30.0, -1)), 0.5)
    found = intercommodity(delta, risk, [spread])
    assert found.formed.tolist() == [[2.0], [0.0]]  # the same side of the market saves nothing
    assert found.credit.tolist() == [[9000.0, 60 * 500 * 0.5], [0.0, 0.0]]
    assert found.delta.tolist() == [[0.0, 30.0], [1.0, 30.0]]


def test_hedged_delta_counts_once_and_bears_the_lower_rate():
    split = delta_split(2, np.array([0, 0, 0]), np.array([3.0, -1.0, -1.0]))
    assert [each.tolist() for each in split] == [[1.0, 0.0], [5.0, 0.0], [2.0, 0.0]]
    assert minimum_delta(split, 0.02, 0.01).tolist() == [0.04, 0.0]


def test_gains_offset_at_a_fraction_up_to_a_limit_and_losses_in_full():
    pnl = np.array([[-10.0, 4.0, 100.0]])
    assert offset_gains(pnl, 0.6, 50.0).tolist() == [[-10.0, 2.4, 30.0]]


def test_far_moves_are_toned_down_to_zero_at_the_most():
    pnl = np.array([[-10.0, 4.0, 100.0]])
    assert toned_down(pnl, np.array([3.0, 5.0, 0.0])).tolist() == [[-7.0, 0.0, 100.0]]


@pytest.mark.parametrize("function", [lambda bad: offset_gains(bad, 1.0, 1.0), lambda bad: toned_down(bad, bad * 0.0)])
def test_a_missing_figure_is_refused(function):
    with pytest.raises(ModelInputError):
        function(np.array([[np.nan]]))


@settings(derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=6))
def test_spreads_never_make_or_lose_delta(deltas):
    held = np.array(deltas, dtype=float)
    long, short = np.maximum(held, 0.0), np.maximum(-held, 0.0)
    found = intermonth(long, short, [TierSpread(0, 1, 1.0)])
    np.testing.assert_array_equal((found.long - found.short).sum(axis=1), held.sum(axis=1))
    assert (found.long >= 0.0).all() and (found.short >= 0.0).all()
    np.testing.assert_array_equal(found.formed[:, 0], np.minimum(long.sum(axis=1), short.sum(axis=1)))
