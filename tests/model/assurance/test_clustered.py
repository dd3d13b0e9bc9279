"""Interval of a quantile where volatility clusters: binomial where it does not, wider where it does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.calibration.clustered import clustered_quantile, either_way, largest_fall
from tasks.model.errors import ModelInputError

DAYS, LEVEL, RUNS = 1_500, 0.95, 200


def clustered_days(n: int, seed: int) -> np.ndarray:
    """Normal returns whose variance remembers 0.98 of itself."""
    rng, variance, found = np.random.default_rng(seed), 4e-4, []
    for shock in rng.standard_normal(n + 200).tolist():
        found.append(math.sqrt(variance) * shock)
        variance = 8e-6 + 0.10 * found[-1] ** 2 + 0.88 * variance
    return np.array(found[200:])


def of_range(daily: np.ndarray, confidence: float = 0.95, seed: int = 1):
    moves = np.abs(daily[: len(daily) // 2 * 2].reshape(-1, 2).sum(axis=1))
    return clustered_quantile(moves, daily, 2, either_way, confidence, LEVEL, RUNS, seed), np.sort(moves)


def test_sizes_by_hand() -> None:
    windows = np.log(np.array([[[1.10, 1.10], [0.90, 0.80], [0.90, 1.20]]]))
    np.testing.assert_allclose(either_way(windows)[0], [2 * math.log(1.1), -math.log(0.72), abs(math.log(1.08))])
    np.testing.assert_allclose(largest_fall(windows)[0], [0.0, 0.28, 0.10], atol=1e-15)


def test_of_independent_moves_the_places_are_nearly_binomial() -> None:
    found, ordered = of_range(0.02 * np.random.default_rng(3).standard_normal(DAYS))
    law = stats.binom(len(ordered), 0.95)
    places = [int(np.searchsorted(ordered, each)) + 1 for each in (found.low, found.high)]
    # 200 paths know a place to about its own 1.3 moves, and a fit to independent returns finds some clustering.
    assert abs(places[0] - law.ppf(0.025)) <= 8 and abs(places[1] - law.isf(0.025) - 1) <= 8
    assert found.method == "bootstrap" and found.low < found.value < found.high


def test_where_volatility_clusters_it_is_wider_than_the_binomial_one() -> None:
    found, ordered = of_range(clustered_days(DAYS, 5))
    n, law = len(ordered), stats.binom(len(ordered), 0.95)
    binomial = ordered[int(law.isf(0.025))] - ordered[int(law.ppf(0.025)) - 1]
    assert found.high - found.low > 1.3 * binomial
    assert found.value == ordered[math.ceil((n + 1) * 0.95) - 1]


def test_the_unit_of_returns_does_not_matter_and_a_seed_gives_the_same_again() -> None:
    daily = clustered_days(DAYS, 6)
    one, again, tenfold = of_range(daily)[0], of_range(daily)[0], of_range(10.0 * daily)[0]
    assert one == again
    np.testing.assert_allclose([tenfold.low, tenfold.high], [10.0 * one.low, 10.0 * one.high], rtol=1e-6)


def test_an_end_beyond_the_largest_move_is_told_and_too_few_moves_are_refused() -> None:
    daily = clustered_days(1_100, 7)
    found, ordered = of_range(daily, confidence=0.993)
    assert len(ordered) == 550 and found.high > ordered[-1]
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        of_range(daily[:300], confidence=0.99)


def test_missing_days_are_passed_over() -> None:
    daily = clustered_days(DAYS, 8)
    moves = np.abs(daily.reshape(-1, 2).sum(axis=1))
    holes = np.insert(daily, [10, 700, 701], np.nan)
    whole, holed = (clustered_quantile(moves, each, 2, either_way, 0.95, LEVEL, RUNS, 1) for each in (daily, holes))
    assert whole == holed
