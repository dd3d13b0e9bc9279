"""Discounts by sign: the worked factors, the cap on debts, and what counts of a value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.margin.reference.expiry_discount import ExpiryDiscount, discounted, factors

RULE = ExpiryDiscount(True, 0.95, 1.0, 0.08, 1.04, 0.5, 0.08)


def test_factors_of_a_quarter_of_a_year():
    # r = 0.2, T = 0.25: e^-0.05; 0.95 e^-0.07; 1.04 e^0.045 is above e^0.05, which caps it.
    found = factors(np.array([0.2]), np.array([0.25]), RULE)
    assert found.present[0] == pytest.approx(math.exp(-0.05), rel=1e-15)
    assert found.gain[0] == pytest.approx(0.95 * math.exp(-0.07), rel=1e-15)
    assert found.debt[0] == pytest.approx(math.exp(0.05), rel=1e-15)


def test_a_debt_below_its_cap_grows_by_its_own_rate():
    rule = ExpiryDiscount(True, 1.0, 0.0, 0.0, 1.0, 0.5, 0.02)
    assert factors(np.array([0.2]), np.array([0.5]), rule).debt[0] == pytest.approx(math.exp(0.06), rel=1e-15)


def test_without_present_value_a_debt_stands_as_it_is():
    rule = ExpiryDiscount(False, 0.95, 4.0, 0.05, 1.0, 0.0, 0.0)
    found = factors(np.array([0.2]), np.array([0.5]), rule)
    assert (found.present[0], found.debt[0]) == (1.0, 1.0)
    assert found.gain[0] == pytest.approx(0.95 * math.exp(-0.5 * 0.85), rel=1e-15)


def test_the_sign_of_the_value_chooses_its_factor():
    value = np.array([[10.0, -10.0, 0.0], [-2.0, 4.0, 1.0]])
    counted = discounted(value, np.array([0.5, 0.25]), np.array([1.5, 2.0]))
    assert counted.tolist() == [[5.0, -15.0, 0.0], [-4.0, 1.0, 0.25]]


@settings(derandomize=True, deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(1.0, 4.0), st.floats(0.0, 3.0))
def test_a_worse_discount_never_counts_for_more(value, gain, less, debt, more):
    values = np.array([[value]])
    better = discounted(values, np.array([gain]), np.array([debt]))
    worse = discounted(values, np.array([gain * less]), np.array([debt + more]))
    assert worse[0, 0] <= better[0, 0]


def test_what_is_missing_is_refused():
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        discounted(np.array([[np.nan]]), np.ones(1), np.ones(1))
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        factors(np.array([np.nan]), np.array([0.25]), RULE)
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        factors(np.array([0.1]), np.array([np.nan]), RULE)
