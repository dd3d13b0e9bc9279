"""Residuals, depth in the tail and calibration: by hand, by second codings, and their size by seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.conditional_calibration import calibration_test, hommel, identification
from tasks.model.assurance.du_escanciano import depth_memory_test, mean_depth_test, tail_depth
from tasks.model.assurance.exceedance_residuals import residual_test, residuals
from tasks.model.assurance.forecast_law import ScaledLaw, record
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.errors import ModelInputError

C = 0.975


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def right(seed: int, n: int = 1_000, degrees: float = 5.0) -> ForecastRecord:
    """A record of a forecast that is right."""
    law = ScaledLaw(np.linspace(0.5, 2.0, n), degrees)
    return record(law, law.loss(np.arange(n), 1.0 - rng(seed).random(n)), C)


def scaled(one: ForecastRecord, factor: float) -> ForecastRecord:
    """The same losses beside forecasts times a factor."""
    return ForecastRecord(one.losses, factor * one.value_at_risk, factor * one.expected_shortfall, one.confidence)


# --- McNeil and Frey


def test_residuals_are_of_breaches_alone_and_in_units_of_the_scale():
    one = ForecastRecord(np.array([3.0, 0.0, 7.0]), np.full(3, 2.0), np.full(3, 4.0), C)
    assert residuals(one).tolist() == [-1.0, 3.0]
    assert residuals(one, np.array([2.0, 1.0, 6.0])).tolist() == [-0.5, 0.5]
    found = residual_test(one, 100, rng())
    assert found.mean_residual == 1.0
    assert found.statistic == pytest.approx(1.0 / (np.std([-1.0, 3.0], ddof=1) / math.sqrt(2)))


def test_the_bootstrap_is_that_of_all_samples():
    one = ForecastRecord(np.array([3.0, 5.5, 9.0, 0.0]), np.full(4, 2.0), np.full(4, 4.0), C)
    grid = np.stack(np.meshgrid(*[residuals(one)] * 3), axis=-1).reshape(-1, 3)
    grid = grid[np.ptp(grid, axis=1) > 0]
    t = grid.mean(axis=1) / grid.std(axis=1, ddof=1) * math.sqrt(3)
    t -= t.mean()
    found = residual_test(one, 60_000, rng(1))
    assert found.p_value == pytest.approx((t >= found.statistic - 1e-9).mean(), abs=0.01)
    assert found.p_value_two_sided == pytest.approx((np.abs(t) >= abs(found.statistic) - 1e-9).mean(), abs=0.01)


@pytest.mark.parametrize("losses", [[0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [5.0, 5.0, 0.0]])
def test_few_or_equal_residuals_say_nothing(losses):
    found = residual_test(ForecastRecord(np.array(losses), np.full(3, 2.0), np.full(3, 4.0), C), 100, rng())
    assert (found.p_value, found.p_value_two_sided) == (1.0, 1.0)
    assert math.isnan(found.statistic)
    assert found.breaches == sum(loss > 2.0 for loss in losses)


def test_residuals_see_a_shortfall_that_is_too_low_whatever_the_number_of_breaches():
    one = right(2)
    low = ForecastRecord(one.losses, one.value_at_risk, one.value_at_risk * 1.02, C)
    assert residual_test(low, 2_000, rng(3)).p_value < 0.05
    assert residual_test(one, 2_000, rng(3)).p_value > 0.05


def test_a_scale_has_a_value_for_each_day():
    with pytest.raises(ModelInputError, match="SHAPE"):
        residuals(right(0), np.ones(3))


# --- Du and Escanciano


def test_depth_is_how_far_below_the_tail():
    assert tail_depth(np.array([0.0, 0.0125, 0.025, 0.9]), C) == pytest.approx([1.0, 0.5, 0.0, 0.0])


def test_depth_has_the_moments_of_its_law():
    depth, a = tail_depth(rng(4).random(400_000), C), 1 - C
    deviation = math.sqrt(a * (1 / 3 - a / 4))
    assert depth.mean() == pytest.approx(a / 2, abs=5 * deviation / math.sqrt(400_000))
    assert depth.std() == pytest.approx(deviation, rel=0.02)


def test_the_statistics_are_their_formulas():
    beyond, a, lags = rng(5).random(300), 0.1, 3
    h = [max(a - u, 0.0) / a for u in beyond]
    z = (sum(h) / 300 - a / 2) / math.sqrt(a * (1 / 3 - a / 4) / 300)
    covariance = [sum((h[t] - a / 2) * (h[t - j] - a / 2) for t in range(j, 300)) / (300 - j) for j in range(lags + 1)]
    box = 300 * sum((covariance[j] / covariance[0]) ** 2 for j in range(1, lags + 1))
    mean, memory = mean_depth_test(beyond, 0.9, 100, rng()), depth_memory_test(beyond, 0.9, lags, 100, rng())
    assert mean.statistic == pytest.approx(z, rel=1e-9)
    assert mean.p_asymptotic == pytest.approx(stats.norm.sf(z))
    assert memory.statistic == pytest.approx(box, rel=1e-9)
    assert memory.p_asymptotic == pytest.approx(stats.chi2.sf(box, lags))


def test_simulated_p_values_reject_a_right_forecast_at_their_level():
    p = np.array(
        [
            (mean_depth_test(u, C, 199, rng(1)).p_simulated, depth_memory_test(u, C, 5, 199, rng(2)).p_simulated)
            for u in rng(6).random((600, 250))
        ]
    )
    assert (p <= 0.05).mean(axis=0) == pytest.approx([0.05, 0.05], abs=0.035)


def test_sparse_runs_have_the_law_of_runs_drawn_day_by_day():
    dense = rng(7).random((600, 120))
    for test in (mean_depth_test, lambda u, c, runs, own: depth_memory_test(u, c, 3, runs, own)):
        found = [test(u, 0.9, 999, rng(1_000 + seed)) for seed, u in enumerate(dense)]
        p = np.array([each.p_simulated for each in found])
        assert stats.kstest(p, "uniform").pvalue > 0.001


def test_depth_and_its_memory_are_seen():
    quiet = np.full(500, 0.5)
    often, together = quiet.copy(), quiet.copy()
    often[::15], together[100:109] = 0.001, 0.001
    assert mean_depth_test(often, C, 2_000, rng()).p_simulated < 0.01
    assert mean_depth_test(together, C, 2_000, rng()).p_simulated > 0.02
    assert depth_memory_test(together, C, 5, 2_000, rng()).p_simulated < 0.01


def test_without_a_breach_there_is_no_memory():
    found = depth_memory_test(np.full(100, 0.5), C, 5, 100, rng())
    assert math.isnan(found.statistic)
    assert (found.p_asymptotic, found.p_simulated) == (1.0, 1.0)
    with pytest.raises(ModelInputError, match="SHAPE"):
        depth_memory_test(np.full(5, 0.5), C, 5, 100, rng())


# --- Nolde and Ziegel


def test_identification_by_hand():
    one = ForecastRecord(np.array([3.0, 0.0]), np.full(2, 2.0), np.full(2, 4.0), 0.9)
    assert identification(one) == pytest.approx(np.array([[0.1 - 1.0, 0.1], [2.0 - 4.0 + 1.0 / 0.1, -2.0]]))


def test_statistics_are_their_formulas():
    one = right(7, 400)
    v, n = identification(one), 400
    m, w = v.mean(axis=1), v @ v.T / n
    h = np.stack([(one.expected_shortfall - one.value_at_risk) / one.tail, np.ones(n)]) / 3.0
    g = (h * v).sum(axis=0)
    found = calibration_test(one, np.full(n, 3.0))
    assert found.p_two_sided == pytest.approx(stats.chi2.sf(n * m @ np.linalg.solve(w, m), 2), rel=1e-8)
    assert found.p_scaled == pytest.approx(stats.chi2.sf(n * g.mean() ** 2 / (g @ g / n), 1), rel=1e-8)
    t = math.sqrt(n) * m / np.sqrt(np.diag(w))
    assert found.p_low_shortfall == pytest.approx(stats.norm.sf(t[1]), rel=1e-8)
    assert found.p_many_breaches + found.p_few_breaches == pytest.approx(1.0)
    assert found.p_many_breaches == pytest.approx(stats.norm.cdf(t[0]), rel=1e-8)


def test_neither_unit_nor_a_missing_scale_changes_the_verdict():
    one = right(8)
    cents = ForecastRecord(100 * one.losses, 100 * one.value_at_risk, 100 * one.expected_shortfall, C)
    first, second = calibration_test(one), calibration_test(cents)
    assert math.isnan(first.p_scaled)
    assert second.p_two_sided == pytest.approx(first.p_two_sided, rel=1e-6)
    assert second.p_short_margin == pytest.approx(first.p_short_margin, rel=1e-9)


def test_too_little_margin_is_seen_and_too_much_is_not_held_against_it():
    one = right(9)
    low, high = calibration_test(scaled(one, 0.75)), calibration_test(scaled(one, 1.5))
    assert low.p_short_margin < 0.01
    assert low.p_two_sided < 0.01
    assert high.p_short_margin > 0.5
    assert high.p_few_breaches < 0.05


def test_a_record_without_a_breach_rejects_nothing():
    found = calibration_test(ForecastRecord(np.zeros(9), np.ones(9), np.full(9, 2.0), C), np.ones(9))
    assert (found.p_two_sided, found.p_scaled, found.p_short_margin, found.p_one_sided) == (1.0, 1.0, 1.0, 1.0)


def test_the_one_sided_test_rejects_a_right_forecast_seldom():
    p = np.array([calibration_test(right(seed, 1_000)).p_short_margin for seed in range(100, 700)])
    assert (p <= 0.05).mean() <= 0.09


def test_hommel_of_two_and_three():
    assert hommel(np.array([0.01, 0.5])) == pytest.approx(1.5 * 0.02)
    assert hommel(np.array([0.9, 0.02, 0.021])) == pytest.approx((1 + 1 / 2 + 1 / 3) * min(0.06, 1.5 * 0.021, 0.9))
    assert hommel(np.array([1.0, 1.0])) == 1.0
