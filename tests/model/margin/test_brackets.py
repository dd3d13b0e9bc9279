"""Rates that rise with size: continuity, order, slow second codings, and every way a schedule can be malformed."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError, PolicyError
from tasks.model.margin.brackets import (
    Brackets,
    MarginalTiers,
    SizeRate,
    bracket_margin,
    bracket_notional,
    size_margin,
)

quick = settings(deadline=None, derandomize=True, max_examples=150)
TABLE = Brackets.by_leverage((0.0, 100.0, 1_000.0), (50.0, 20.0, 4.0), (0.01, 0.025, 0.125))


def a(*values):
    return np.array(values, dtype=float)


def slice_by_slice(amount, floors, rates):
    """Every slice of the amount at its own rate, in exact fractions."""
    ends = [*floors[1:], math.inf]
    return float(
        sum(
            Fraction(min(amount, end) - floor) * Fraction(rate)
            for floor, end, rate in zip(floors, ends, rates, strict=True)
            if amount > floor
        )
    )


@st.composite
def tables(draw):
    widths = draw(st.lists(st.floats(1.0, 1e8), min_size=0, max_size=8))
    rates = sorted(draw(st.lists(st.floats(1e-4, 0.5), min_size=len(widths) + 1, max_size=len(widths) + 1)))
    floors = tuple(np.concatenate([[0.0], np.cumsum(widths)]).tolist())
    return floors, tuple(rates)


def test_a_table_by_hand():
    im, mm = bracket_margin(a(0, 50, 100, 500, 1_000, 3_000), TABLE)
    np.testing.assert_allclose(im, [0, 1, 2, 22, 47, 547], rtol=1e-14)
    np.testing.assert_allclose(mm, [0, 0.5, 1, 11, 23.5, 273.5], rtol=1e-14)
    np.testing.assert_allclose(TABLE.mm.deductions, [0, 1.5, 101.5], rtol=1e-14)


@quick
@given(tables(), st.floats(0.0, 1e9))
def test_the_deduction_is_the_sum_over_slices(table, amount):
    floors, rates = table
    found = float(MarginalTiers(floors, rates).total(np.array(amount)))
    assert found == pytest.approx(slice_by_slice(amount, floors, rates), rel=1e-12, abs=1e-9 * max(floors[-1], 1.0))


@quick
@given(tables(), st.floats(0.0, 1e9), st.floats(0.0, 1e9))
def test_more_notional_never_costs_less_and_no_floor_is_a_jump(table, one, other):
    floors, mm_rates = table
    brackets = Brackets(floors, tuple(min(2 * rate, 1.0) for rate in mm_rates), mm_rates)
    low, high = sorted((one, other))
    im, mm = bracket_margin(a(low, high), brackets)
    slack = 1e-9 * (floors[-1] + high + 1.0)
    assert im[1] >= im[0] - slack
    assert mm[1] >= mm[0] - slack
    assert mm[1] - mm[0] <= mm_rates[-1] * (high - low) + slack
    assert (im >= mm - slack).all()


@quick
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e6, 1e6)), max_size=30))
def test_the_larger_side_is_charged_and_sides_do_not_net(entries):
    row = np.array([each[0] for each in entries], dtype=np.int64)
    delta = np.array([each[1] for each in entries], dtype=float)
    found = bracket_notional(delta, row, 4)
    for number in range(4):
        long = math.fsum(value for at, value in entries if at == number and value > 0)
        short = -math.fsum(value for at, value in entries if at == number and value < 0)
        assert found[number] == pytest.approx(max(long, short), rel=1e-12, abs=1e-9)


def test_whole_steps_move_the_whole_position():
    schedule = SizeRate(0.01, 0.005, 200.0, 150.0, 0.005, whole_steps=True)
    assert schedule.steps(a(0, 200, 200.01, 350, 350.01)).tolist() == [0, 0, 1, 1, 2]
    assert SizeRate(0.01, 0.005, 0.1, 0.1, 0.005, whole_steps=True).steps(a(0.4, 0.8)).tolist() == [3, 7]
    im, mm = size_margin(a(200, 201), a(200, 201), schedule)
    np.testing.assert_allclose(im, [2.0, 3.015], rtol=1e-14)
    np.testing.assert_allclose(mm, [1.0, 2.01], rtol=1e-14)


def test_a_slope_has_no_jump_and_may_be_looked_up_by_another_unit():
    # 2 % and 0.005 % per coin: 350 coins at 100,000 are charged 3.75 % of 35 million.
    schedule = SizeRate(0.02, 0.01, 0.0, 1.0, 0.00005, whole_steps=False)
    assert size_margin(a(35e6), a(350.0), schedule).im[0] == pytest.approx(1_312_500.0, rel=1e-14)
    near = SizeRate(0.01, 0.005, 100.0, 1.0, 0.00005, whole_steps=False).rates(a(99.999999, 100.0, 100.000001))
    assert np.ptp(near.im) < 1e-9


@quick
@given(st.floats(0, 1e6), st.floats(0, 1e6), st.booleans())
def test_a_larger_size_never_has_a_lower_rate(one, other, whole):
    low, high = SizeRate(0.01, 0.005, 50.0, 10.0, 0.001, whole_steps=whole).rates(a(*sorted((one, other)))).im
    assert low <= high


@pytest.mark.parametrize(
    ("floors", "im", "mm"),
    [
        ((), (), ()),
        ((1.0,), (0.1,), (0.05,)),
        ((0.0, 5.0, 5.0), (0.1, 0.2, 0.3), (0.05, 0.1, 0.15)),
        ((0.0, 5.0), (0.1,), (0.05,)),
        ((0.0, 5.0), (0.2, 0.1), (0.05, 0.06)),
        ((0.0,), (0.1,), (0.1,)),
        ((0.0,), (math.nan,), (0.05,)),
        ((0.0,), (math.inf,), (0.05,)),
        ((0.0, math.inf), (0.1, 0.2), (0.05, 0.1)),
        ((0.0,), (0.1,), (0.0,)),
    ],
)
def test_malformed_brackets_are_refused(floors, im, mm):
    with pytest.raises(PolicyError, match="BRACKETS"):
        Brackets(floors, im, mm)


@pytest.mark.parametrize("changed", [{"step": 0.0}, {"free": -1.0}, {"im_rate": 0.005}, {"rate_per_step": math.nan}])
def test_malformed_size_rates_are_refused(changed):
    plain = {"im_rate": 0.01, "mm_rate": 0.005, "free": 1.0, "step": 1.0, "rate_per_step": 0.001, "whole_steps": True}
    with pytest.raises(PolicyError, match="BRACKETS"):
        SizeRate(**(plain | changed))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_missing_notional_has_no_margin(bad):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        bracket_margin(a(1.0, bad), TABLE)
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        size_margin(a(bad), a(1.0), SizeRate(0.01, 0.005, 0.0, 1.0, 0.0, whole_steps=False))
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        bracket_notional(a(bad), np.array([0]), 1)


def test_a_negative_amount_is_refused():
    with pytest.raises(ModelInputError, match="NEGATIVE"):
        bracket_margin(a(-1.0), TABLE)
