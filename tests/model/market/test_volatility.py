"""EWMA forecasts, their seed and floor, and the mid-vol factor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.model.market.volatility import decay, ewma_variance, forecast_volatility, scale_factor


def test_after_a_half_life_a_return_counts_half():
    assert decay(90.0) ** 90 == pytest.approx(0.5, rel=1e-13)
    assert decay(1.0) == 0.5


def test_the_recursion_is_the_weighted_sum_written_out():
    generator = np.random.default_rng(5)
    returns, lam, seed = generator.normal(0.0, 0.03, 40), 0.94, 0.0009
    weights = [(1 - lam) * lam ** (39 - position) for position in range(40)]
    expected = lam**40 * seed + sum(w * r * r for w, r in zip(weights, returns, strict=True))
    assert ewma_variance(returns, lam, seed)[-1] == pytest.approx(expected, rel=1e-12)


def test_a_missing_return_leaves_the_variance_unchanged():
    nan = math.nan
    with_hole = ewma_variance(np.array([0.01, nan, nan, 0.02]), 0.9, 1e-4)
    without = ewma_variance(np.array([0.01, 0.02]), 0.9, 1e-4)
    assert with_hole[1] == with_hole[2] == with_hole[3] == without[1]
    assert with_hole[4] == without[2]


def test_the_seed_returns_have_no_forecast_before_them():
    nan = math.nan
    daily = np.array([nan, 0.01, 0.03, nan, 0.02, 0.04])
    forecast = forecast_volatility(daily, half_life_days=1.0, seed_days=3, floor_per_day=0.0)
    seed = (0.01**2 + 0.03**2 + 0.02**2) / 3
    assert np.isnan(forecast[:4]).all()
    assert forecast[4] == pytest.approx(math.sqrt(seed), rel=1e-14)
    assert forecast[5] == pytest.approx(math.sqrt(0.5 * seed + 0.5 * 0.04**2), rel=1e-14)


def test_fewer_returns_than_the_seed_give_no_forecast():
    assert np.isnan(forecast_volatility(np.array([0.01, 0.02]), 90.0, 3, 0.0)).all()


def test_a_forecast_never_knows_what_comes_after_it():
    daily = np.random.default_rng(6).normal(0.0, 0.04, 300)
    whole = forecast_volatility(daily, 90.0, 30, 0.005)
    for end in (31, 100, 299):
        np.testing.assert_array_equal(forecast_volatility(daily[:end], 90.0, 30, 0.005), whole[:end])


def test_the_floor_holds_without_entering_the_recursion():
    daily = np.array([0.0] * 5 + [0.1])
    free = forecast_volatility(daily, 10.0, 2, 0.0)
    held = forecast_volatility(daily, 10.0, 2, 0.02)
    assert held[4] == 0.02 and free[4] == 0.0
    assert held[5] == free[5] > 0.02


def test_the_factor_is_capped_on_both_sides_and_keeps_what_is_missing():
    factor = scale_factor(np.array([0.001, 0.02, 10.0, math.nan]), 0.02, "mid", 0.6, 4.0)
    np.testing.assert_array_equal(factor[:3], [4.0, 1.0, 0.6])
    assert math.isnan(factor[3])
