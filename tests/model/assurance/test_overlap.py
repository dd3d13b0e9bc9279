"""Overlapping windows: where they do not overlap the binomial law, for two days an integral, for tests their size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from tasks.model.assurance.overlap import (
    Windows,
    overlapped_sizes,
    overlapping_count,
    overlapping_law,
    window_quantile,
)
from tasks.model.errors import ModelInputError

PATHS = 40_000


def error(probability):
    return 5 * np.sqrt(probability * (1 - probability) / PATHS) + 1e-4


def test_windows_of_a_day_are_binomial():
    found = overlapping_law(Windows(250, 1, 0.01), PATHS, 1).up_to
    expected = stats.binom.cdf(range(len(found)), 250, 0.01)
    assert (np.abs(found - expected) < error(expected)).all()


def two_day_counts(n, probability, most):
    """P(X = 0 .. most) for windows of two normal days: of the past only the last day counts, on a grid."""
    limit = stats.norm.isf(probability) * math.sqrt(2)
    grid = np.linspace(-7.0, 7.0, 1_401)
    mass = np.diff(stats.norm.cdf(np.append(grid - 0.005, grid[-1] + 0.005)))
    beyond = (grid[:, None] + grid[None, :] > limit).astype(float)
    state = np.zeros((most + 2, len(grid)))
    state[0] = mass
    for _ in range(n):
        breached = state @ beyond
        state = (state.sum(axis=1, keepdims=True) - breached) * mass
        state[1:] += breached[:-1] * mass
        state[-1] += breached[-1] * mass
    return state.sum(axis=1)[: most + 1]


def test_windows_of_two_days_have_the_law_that_is_integrated_day_by_day():
    expected = np.cumsum(two_day_counts(60, 0.05, 14))
    found = overlapping_law(Windows(60, 2, 0.05), PATHS, 2).up_to[:15]
    # The grid of the integral moves its limit by half a step: 0.005 of a day's scale.
    assert (np.abs(found - expected) < error(expected) + 0.004).all()


@pytest.mark.parametrize("degrees", [2.5, 4.0, 10.0, math.inf])
def test_the_quantile_of_a_day_is_the_known_one(degrees):
    law = stats.norm() if math.isinf(degrees) else stats.t(degrees)
    for probability in (0.005, 0.01, 0.05):
        assert window_quantile(1, probability, degrees) == pytest.approx(law.isf(probability), rel=1e-5)


def test_the_quantile_of_two_days_leaves_its_probability_beyond():
    q = window_quantile(2, 0.01, 4.0)
    day = stats.t(4.0)
    beyond, _ = integrate.quad(lambda x: day.pdf(x) * day.sf(q - x), -np.inf, np.inf, limit=400)
    assert beyond == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize(("n", "horizon", "green"), [(250, 2, 5), (365, 2, 6), (500, 10, 13), (250, 1, 4)])
def test_green_ends_where_the_field_has_it(n, horizon, green):
    assert overlapping_law(Windows(n, horizon, 0.01), PATHS, 8).zones().max_green == green


def test_several_accounts_are_counted_together():
    alone, alike = (overlapping_law(Windows(100, 1, 0.02, 3, rho), PATHS, 3) for rho in (0.0, 1.0))
    expected = stats.binom.cdf(range(len(alone.up_to)), 300, 0.02)
    assert (np.abs(alone.up_to - expected) < error(expected)).all()
    assert set(np.unique(alike.counts % 3)) == {0.0}
    both = overlapping_law(Windows(100, 1, 0.02, 2, 0.5), PATHS, 3).counts
    # The mean does not depend on the correlation; the spread does.
    assert both.mean() == pytest.approx(4.0, abs=5 * both.std() / PATHS**0.5)
    joint = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf(np.full(2, stats.norm.isf(0.02)))
    together = joint - (1 - 2 * 0.02)
    assert both.var() == pytest.approx(100 * (2 * 0.02 * 0.98 + 2 * (together - 0.02**2)), rel=0.05)


@pytest.mark.parametrize("degrees", [4.0, math.inf])
@pytest.mark.parametrize("horizon", [2, 5])
def test_the_mean_is_right_and_the_spread_is_wider_than_of_days_alone(horizon, degrees):
    counts = overlapping_law(Windows(250, horizon, 0.02, degrees=degrees), PATHS // 2, 4).counts
    assert counts.mean() == pytest.approx(5.0, abs=5 * counts.std() / (PATHS // 2) ** 0.5)
    assert counts.var() > 1.25 * 250 * 0.02 * 0.98


def test_tests_for_independent_days_reject_a_right_margin():
    days = overlapped_sizes(Windows(500, 1, 0.02), 0.05, 4_000, 5)
    overlapped = overlapped_sizes(Windows(500, 5, 0.02, degrees=4.0), 0.05, 4_000, 5)
    assert days.proportion < 0.08 and days.independence < 0.12
    assert overlapped.independence > 0.8 and overlapped.conditional_coverage > 0.8 and overlapped.proportion > 0.2


def test_a_count_is_judged_among_simulated_ones_with_its_power():
    windows = Windows(250, 1, 0.01)
    found = overlapping_count(6, windows, 0.8, 0.05, PATHS, 6)
    expected = stats.binom.sf(5, 250, 0.01)
    assert found.p_exact == pytest.approx(expected, abs=error(expected))
    assert found.rejected
    assert not overlapping_count(5, windows, 0.8, 0.05, PATHS, 6).rejected
    caught = stats.binom.sf(5, 250, stats.norm.sf(0.8 * stats.norm.isf(0.01)))
    assert found.power == pytest.approx(caught, abs=error(caught))
    assert overlapping_count(0, windows, 0.8, 0.05, PATHS, 6).p_exact == 1.0


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"n": 0}, "NO_OBSERVATIONS"),
        ({"horizon": 0}, "NO_OBSERVATIONS"),
        ({"probability": 0.0}, "CONFIDENCE"),
        ({"degrees": 2.0}, "DEGREES"),
        ({"correlation": 1.5}, "CORRELATION"),
    ],
)
def test_what_cannot_be_simulated_is_refused(wrong, code):
    with pytest.raises(ModelInputError, match=code):
        Windows(**({"n": 10, "horizon": 2, "probability": 0.01} | wrong))
