"""Levels at fixed tenors: closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.market.constant_tenor import at_the_money, log_basis_at, volatility_at

TENORS = np.array([7.0, 30.0, 90.0])


def test_the_money_is_read_between_the_nearest_strikes():
    below, above = np.array([-0.1, -0.3]), np.array([0.3, 0.0])
    found = at_the_money(below, np.array([0.6, 0.8]), above, np.array([0.5, 0.55]))
    assert found == pytest.approx([0.575, 0.55])  # a quarter of the way; a strike at the forward is the money


def test_total_variance_is_linear_in_time():
    # 0.5^2 x 10 = 2.5 and 0.7^2 x 50 = 24.5 day-variances: half way, at 30 days, 13.5 / 30 = 0.45.
    found = volatility_at(np.array([10.0, 50.0]), np.array([0.5, 0.7]), TENORS)
    assert found[1] == pytest.approx(np.sqrt(0.45))
    assert np.isnan(found[[0, 2]]).all()  # nothing is read beyond the expiries


def test_the_basis_is_linear_in_time_and_ends_with_the_expiries():
    found = log_basis_at(np.array([7.0, 50.0]), np.array([0.001, 0.0053]), TENORS)
    assert found[:2] == pytest.approx([0.001, 0.0033]) and np.isnan(found[2])


def test_one_expiry_is_enough_for_its_own_tenor_alone():
    found = volatility_at(np.array([30.0]), np.array([0.6]), TENORS)
    assert found[1] == pytest.approx(0.6) and np.isnan(found[[0, 2]]).all()


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.lists(st.floats(0.5, 400.0), min_size=2, max_size=8, unique_by=lambda days: round(days, 3)).map(sorted),
    st.floats(0.05, 3.0),
    st.floats(-0.5, 0.5),
)
def test_a_flat_market_is_flat_at_every_tenor(days, volatility, rate):
    spots = np.array(days)
    inside = (spots[0] <= TENORS) & (spots[-1] >= TENORS)
    assert volatility_at(spots, np.full(len(spots), volatility), TENORS)[inside] == pytest.approx(volatility)
    assert log_basis_at(spots, rate * spots, TENORS)[inside] == pytest.approx(rate * TENORS[inside])
