"""Exact integer rates: second codings in fractions, rounding against the account, order, and refusals."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError, PolicyError
from tasks.model.margin.reference.open_interest import PPM, OpenInterestTier, notional_units, share_up
from tasks.model.margin.reference.size_weight import (
    SizeWeight,
    asset_weight,
    liability_weight,
    position_margin,
    weight_at_deposits,
)

quick = settings(deadline=None, derandomize=True, max_examples=200)
RATE = st.integers(0, PPM)
AMOUNT = st.integers(0, 10**18)
SIZE = st.integers(0, 10**18)


@quick
@given(RATE, RATE, AMOUNT, AMOUNT, AMOUNT, st.integers(1, 10**15))
def test_margin_is_the_fraction_rounded_against_the_account(base, share, notional, interest, lower, width):
    tier = OpenInterestTier(base, share, lower, lower + width)
    ramp = min(max(Fraction(interest - lower, width), Fraction(0)), Fraction(1))
    rate = math.floor(base + ramp * (PPM - base))
    found = tier.margin(notional, interest)
    assert tier.effective_im_ppm(interest) == rate
    assert found.im == math.ceil(Fraction(notional * rate, PPM))
    assert found.mm == math.ceil(Fraction(math.ceil(Fraction(notional * base, PPM)) * share, PPM))
    assert found.mm <= found.im <= notional


@quick
@given(RATE, AMOUNT, AMOUNT, AMOUNT, st.integers(0, 10**15))
def test_more_open_interest_never_lowers_the_rate_and_an_account_can_only_raise_it(base, notional, one, other, width):
    tier = OpenInterestTier(base, 500_000, 10**6, 10**6 + width)
    low, high = sorted((one, other))
    assert base <= tier.effective_im_ppm(low) <= tier.effective_im_ppm(high) <= PPM
    assert tier.margin(notional, low, account_im_ppm=PPM).im == notional
    assert tier.margin(notional, low, account_im_ppm=0) == tier.margin(notional, low)


def test_without_an_upper_bound_nothing_is_scaled():
    assert OpenInterestTier(20_000, 600_000, 0, 0).effective_im_ppm(10**30) == 20_000


@quick
@given(st.integers(0, 10**15), RATE)
def test_a_share_rounds_up_by_less_than_a_unit(amount, ppm):
    assert 0 <= share_up(amount, ppm) - Fraction(amount * ppm, PPM) < 1


def test_units_are_cut_off_in_both_directions_of_the_exponent():
    assert notional_units(-7, 3, 2) == 2_100
    assert notional_units(7, 3, -1) == 2
    assert notional_units(-19, 1, -1) == 1


@pytest.mark.parametrize("bad", [(-1, 0, 0, 0), (PPM + 1, 0, 0, 0), (1, PPM + 1, 0, 0), (1, 1, -1, 5), (1, 1, 9, 5)])
def test_malformed_tiers_are_refused(bad):
    with pytest.raises(PolicyError, match="BRACKETS"):
        OpenInterestTier(*bad)


def test_amounts_below_zero_are_refused():
    tier = OpenInterestTier(20_000, 600_000, 0, 0)
    for amounts in ((-1, 0), (0, -1)):
        with pytest.raises(ModelInputError, match="OPEN_INTEREST"):
            tier.margin(*amounts)
    with pytest.raises(ModelInputError, match="SIZE"):
        asset_weight(SizeWeight(9_000, 10), -1)
    with pytest.raises(ModelInputError, match="SIZE"):
        weight_at_deposits(SizeWeight(9_000, 10, 1), -1)
    with pytest.raises(PolicyError, match="BRACKETS"):
        SizeWeight(-1, 0)


@quick
@given(st.integers(1, 20_000), st.integers(1, 10**6), SIZE)
def test_weights_are_the_formulas_to_their_last_digit(weight, factor, size):
    rule = SizeWeight(weight, factor)
    root = math.sqrt(size / 1e9)
    assert asset_weight(rule, size) == pytest.approx(min(weight, 11_000 / (1 + factor / 1e6 * root)), abs=1.01)
    # The root is cut at 1e-5, which the factor carries into the weight.
    slack = 2.0 + factor * 1e-5 / 1e2 + factor / 1e2 * root * 1e-12
    assert liability_weight(rule, size) == pytest.approx(
        max(weight, 0.8 * weight + factor / 1e2 * root), abs=slack, rel=1e-9
    )


@quick
@given(st.integers(1, 20_000), st.integers(0, 10**6), SIZE, SIZE)
def test_size_never_raises_what_is_held_nor_lowers_what_is_owed(weight, factor, one, other):
    rule, (low, high) = SizeWeight(weight, factor), sorted((one, other))
    assert asset_weight(rule, high) <= asset_weight(rule, low) <= weight
    assert liability_weight(rule, high) >= liability_weight(rule, low) >= weight
    assert position_margin(rule, -high, 10**6) >= position_margin(rule, low, 10**6)


@quick
@given(st.integers(0, 10_000), st.integers(1, 10**15), st.integers(0, 10**18))
def test_beyond_the_start_all_deposits_together_count_no_more_than_at_the_start(weight, start, deposits):
    found = weight_at_deposits(SizeWeight(weight, 0, start), deposits)
    assert found <= weight
    assert found * max(deposits, start) <= weight * max(start, min(deposits, start))
    if deposits <= start:
        assert found == weight
