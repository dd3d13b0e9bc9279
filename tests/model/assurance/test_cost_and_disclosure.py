"""Cost at equal coverage, haircuts against falls, and disclosed figures: against counting one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tasks.model.assurance.cost import coverage_matched_cost, matching_factor, relative_cost
from tasks.model.assurance.disclosure import largest_exposure, margin_coverage
from tasks.model.assurance.haircut_test import haircut_test, largest_falls
from tasks.model.errors import ModelInputError

nan = math.nan
quick = settings(deadline=None, derandomize=True, max_examples=80)
RATES = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.floats(-1.0, 1.0)),
        hnp.arrays(np.float64, n, elements=st.floats(0.01, 1.0)),
    )
)


@quick
@given(RATES, st.sampled_from([0.5, 0.9, 0.975, 0.99, 0.995]))
def test_the_factor_is_the_smallest_that_covers(rates, coverage):
    losses, margin = rates
    factor, allowed = matching_factor(losses, margin, coverage), math.floor(len(margin) * (1 - coverage) + 1e-9)
    assert (losses > factor * margin * (1 + 1e-12) + 1e-15).sum() <= allowed
    if factor > 1e-9:
        assert (losses > 0.999 * factor * margin).sum() > allowed
    assert coverage_matched_cost(losses, margin, coverage) == pytest.approx(factor * margin.mean())


@quick
@given(RATES, st.floats(0.1, 10.0))
def test_equal_coverage_costs_the_same_whatever_a_model_is_scaled_by(rates, factor):
    losses, margin = rates
    first = coverage_matched_cost(losses, margin, 0.9)
    assert coverage_matched_cost(losses, factor * margin, 0.9) == pytest.approx(first, rel=1e-9, abs=1e-12)


def test_the_model_that_knows_when_is_the_cheaper_one():
    sigma = np.tile([1.0, 3.0], 500)
    losses = sigma * np.random.default_rng(1).standard_normal(1_000)
    assert coverage_matched_cost(losses, sigma, 0.99) < 0.9 * coverage_matched_cost(losses, np.ones(1_000), 0.99)


def test_relative_cost_by_hand():
    assert relative_cost(np.array([2.0, 4.0]), np.array([1.0, 3.0])) == pytest.approx(0.5)


@quick
@given(
    hnp.arrays(np.float64, st.integers(1, 30), elements=st.one_of(st.just(nan), st.floats(1.0, 100.0))),
    st.integers(1, 8),
    st.floats(0.0, 0.9),
)
def test_haircuts_against_counting(close, holding_days, haircut):
    observed, over = 0, []
    for day in range(len(close) - holding_days):
        after = close[day + 1 : day + 1 + holding_days]
        deepest = max((1 - each / close[day] - haircut for each in after if each == each), default=nan)
        if deepest > 0:
            over.append(deepest)
        observed += deepest > 0 or not np.isnan(close[day : day + 1 + holding_days]).any()
    found = haircut_test(close, np.full(len(close), haircut), holding_days)
    assert (found.observations, found.days_exceeding) == (observed, len(over))
    assert found.largest_excess == pytest.approx(max(over, default=0.0))
    assert found.coverage == pytest.approx(1 - len(over) / observed if observed else nan, nan_ok=True)


@pytest.mark.parametrize(
    ("close", "observations", "exceeding"),
    [
        ([100.0, nan, 95.0, 95.0, 95.0], 1, 0),  # who knows how deep the first day was
        ([100.0, nan, 70.0, 70.0, 70.0], 2, 1),  # at least 30 %, whatever that day was
        ([nan, 70.0, 70.0, 70.0], 1, 0),  # a fall from an unknown price is no fall
        ([100.0, nan, nan, 60.0, 60.0], 0, 0),  # nothing known within the period
    ],
)
def test_an_unknown_close_is_no_all_clear_and_hides_no_fall(close, observations, exceeding):
    found = haircut_test(np.array(close), np.full(len(close), 0.2), 2)
    assert (found.observations, found.days_exceeding) == (observations, exceeding)


def test_a_fall_within_the_period_counts_though_the_price_comes_back():
    assert largest_falls(np.array([100.0, 60.0, 100.0, 110.0]), 2) == pytest.approx(
        [0.4, -2 / 3, nan, nan], nan_ok=True
    )


@quick
@given(RATES)
def test_coverage_of_margin_against_counting(rates):
    loss, margin = rates
    over = [(each - held, place) for place, (each, held) in enumerate(zip(loss, margin, strict=True)) if each > held]
    found = margin_coverage(margin, loss)
    assert (found.breaches, found.observations) == (len(over), len(loss))
    assert found.coverage == pytest.approx(1 - len(over) / len(loss))
    assert found.peak_uncovered == pytest.approx(max((size for size, _ in over), default=0.0))
    assert found.average_uncovered == pytest.approx(np.mean([size for size, _ in over]) if over else 0.0)
    assert found.largest == (max(over, key=lambda each: (each[0], -each[1]))[1] if over else None)


def test_nothing_observed_is_no_coverage():
    assert math.isnan(margin_coverage(np.zeros(0), np.zeros(0)).coverage)


def test_the_largest_participants_of_each_day():
    over = np.array([[5.0, -9.0, 3.0], [0.0, 1.0, 2.0], [-1.0, -2.0, -3.0]])
    one, two = (largest_exposure(over, np.array([4.0, 4.0, 4.0]), count) for count in (1, 2))
    assert (one.peak, one.mean, one.days_above_resources, one.largest_above_resources) == (
        5.0,
        pytest.approx(7 / 3),
        1,
        1.0,
    )
    assert (two.peak, two.mean, two.days_above_resources, two.largest_above_resources) == (
        8.0,
        pytest.approx(11 / 3),
        1,
        4.0,
    )
    assert largest_exposure(over[:, :1], np.zeros(3), 2).peak == 5.0


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("FORECAST", lambda: matching_factor(np.ones(2), np.array([1.0, 0.0]), 0.9)),
        ("CONFIDENCE", lambda: matching_factor(np.ones(2), np.ones(2), 1.0)),
        ("NON_FINITE", lambda: matching_factor(np.array([nan]), np.ones(1), 0.9)),
        ("SHAPE", lambda: relative_cost(np.ones(2), np.ones(3))),
        ("SHAPE", lambda: haircut_test(np.ones(2), np.ones(3), 1)),
        ("SHAPE", lambda: haircut_test(np.ones(2), np.ones(2), 0)),
        ("NON_FINITE", lambda: haircut_test(np.ones(2), np.array([0.1, nan]), 1)),
        ("SHAPE", lambda: margin_coverage(np.ones(2), np.ones(3))),
        ("NON_FINITE", lambda: margin_coverage(np.ones(1), np.array([nan]))),
        ("SHAPE", lambda: largest_exposure(np.ones((2, 2)), np.ones(3), 1)),
        ("SHAPE", lambda: largest_exposure(np.ones((0, 2)), np.ones(0), 1)),
        ("SHAPE", lambda: largest_exposure(np.ones((2, 2)), np.ones(2), 0)),
        ("NON_FINITE", lambda: largest_exposure(np.array([[nan]]), np.ones(1), 1)),
    ],
)
def test_what_cannot_be_counted_is_refused(code, make):
    with pytest.raises(ModelInputError, match=code):
        make()
