"""The dynamic quantile test beside least squares, and its p-value beside every path of a few days."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.chain import Chain
from tasks.model.assurance.dynamic_quantile import DRAWS, dynamic_quantile
from tasks.model.assurance.verdict import Plan
from tasks.model.errors import ModelInputError

spec = importlib.util.spec_from_file_location("brute_force", Path(__file__).parent / "brute_force.py")
brute = importlib.util.module_from_spec(spec)
spec.loader.exec_module(brute)

PLAN = Plan(0.1, 0.05, Chain("twice", 0.2), Chain("again", 0.1, 0.5))


@pytest.mark.parametrize("lags", [1, 4])
@pytest.mark.parametrize("size", [1.0, 1e9])
def test_it_equals_least_squares_whatever_the_unit_of_the_regressors(lags, size):
    rng = np.random.default_rng(lags)
    for _ in range(10):
        path = rng.random(120) < 0.15
        known = np.column_stack([rng.random(120), rng.standard_normal(120) ** 2])
        statistic, rank = brute.dq(path, 0.1, lags, known)
        found = dynamic_quantile(path, PLAN, 1, size * known, lags)
        assert found.statistic == pytest.approx(statistic, rel=1e-9)
        assert found.degrees == rank == lags + 3
        assert found.p_asymptotic == pytest.approx(stats.chi2.sf(statistic, rank), rel=1e-9)


def test_the_degrees_of_freedom_are_the_rank():
    none, rng = np.zeros(100, dtype=bool), np.random.default_rng(1)
    once = np.arange(100) == 50
    assert dynamic_quantile(none, PLAN, 1).degrees == 1
    assert dynamic_quantile(none, PLAN, 1, np.full((100, 1), 7.0)).degrees == 1
    assert dynamic_quantile(once, PLAN, 1).degrees == 5
    assert dynamic_quantile(once, PLAN, 1, np.full((100, 1), 1e-3)).degrees == 5
    assert dynamic_quantile(once, PLAN, 1, np.repeat(rng.random((100, 1)), 2, axis=1)).degrees == 6
    # No breach: the constant alone explains -p, n p^2 / (p (1 - p)).
    assert dynamic_quantile(none, PLAN, 1).statistic == pytest.approx(96 * 0.1 / 0.9, rel=1e-12)


def test_the_p_value_is_that_among_all_paths_within_the_error_of_the_draws():
    paths = brute.paths(10)
    every = [brute.dq(path, 0.1, 1)[0] for path in paths]
    null = [brute.probability(path, 0.1, 0.1, 0.1) for path in paths]
    for path in paths[::37]:
        found = dynamic_quantile(np.array(path, dtype=bool), PLAN, 3, lags=1)
        expected = brute.tail(found.statistic, every, null)
        wide = 5 * math.sqrt(expected * max(1 - expected, 0.0) / DRAWS) + 2 / DRAWS
        assert found.p_exact == pytest.approx(expected, abs=wide)


def test_clusters_are_found_with_the_power_that_is_said():
    rng = np.random.default_rng(8)
    verdicts = [dynamic_quantile(path, PLAN, 1) for path in PLAN.clustered.draw(400, 150, rng)]
    power = verdicts[0].power
    rejected = np.mean([each.rejected for each in verdicts])
    assert rejected == pytest.approx(power, abs=4 * math.sqrt(power * (1 - power) * (1 / 400 + 1 / DRAWS)))


def test_a_forecast_that_explains_breaches_is_found_and_one_that_does_not_is_kept():
    rng = np.random.default_rng(5)
    quiet = np.tile([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0], 60)
    path = rng.random(420) < np.where(quiet > 0, 0.5, 0.1 / 3)
    plan = Plan(0.1, 0.05, PLAN.too_little, PLAN.clustered)
    assert dynamic_quantile(path, plan, 1, quiet[:, None]).p_exact < 0.01
    kept = [dynamic_quantile(rng.permutation(path), plan, 1, quiet[:, None]) for _ in range(20)]
    # More than 5 of 20 at a level of 5 % would come once in 3,000 seeds.
    assert sum(each.rejected for each in kept) <= 5


def test_what_does_not_fit_is_refused():
    path = np.zeros(50, dtype=bool)
    with pytest.raises(ModelInputError, match="SHAPE"):
        dynamic_quantile(path, PLAN, 1, np.zeros((49, 1)))
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        dynamic_quantile(path, PLAN, 1, np.full((50, 1), np.nan))
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        dynamic_quantile(path[:5], PLAN, 1)
