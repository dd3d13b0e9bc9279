"""GARCH, range volatility and illiquidity: sums written out, simulated paths, and what they may not be asked."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.market import funding
from tasks.model.market.garch import Garch, garch_variance
from tasks.model.market.illiquidity import amihud
from tasks.model.market.range_volatility import (
    garman_klass_variance,
    parkinson_variance,
    rogers_satchell_variance,
)
from tasks.model.market.volatility import ewma_variance

quick = settings(deadline=None, derandomize=True, max_examples=60)
MODEL = Garch(2e-6, 0.13, 0.86)


def test_the_recursion_is_the_weighted_sum_written_out():
    returns = np.random.default_rng(3).normal(0.0, 0.02, 30)
    seed = 4e-4
    expected = MODEL.beta**30 * seed + sum(
        MODEL.beta ** (29 - i) * (MODEL.omega + MODEL.alpha * r * r) for i, r in enumerate(returns)
    )
    assert garch_variance(returns, MODEL, seed)[-1] == pytest.approx(expected, rel=1e-12)


@quick
@given(st.floats(0.5, 0.99), st.integers(0, 20))
def test_without_a_constant_it_is_the_exponential_average(beta, seed):
    returns = np.random.default_rng(seed).normal(0.0, 0.03, 50)
    nearly = Garch(1e-300, (1.0 - beta) * (1.0 - 1e-12), beta)
    np.testing.assert_allclose(garch_variance(returns, nearly, 1e-3), ewma_variance(returns, beta, 1e-3), rtol=1e-9)


def test_the_forecast_is_the_recursion_with_every_return_of_the_expected_size():
    missing = np.full(10, np.nan)
    path = garch_variance(missing, MODEL, 5e-4)
    np.testing.assert_allclose(path, [MODEL.forecast(5e-4, days) for days in range(11)], rtol=1e-12)
    assert MODEL.forecast(5e-4, 100_000) == pytest.approx(MODEL.long_run_variance, rel=1e-12)


@pytest.mark.parametrize("bad", [(0.0, 0.1, 0.8), (1e-6, -0.1, 0.8), (1e-6, 0.2, 0.8), (math.nan, 0.1, 0.8)])
def test_a_variance_without_a_long_run_is_refused(bad):
    with pytest.raises(ModelInputError, match="GARCH"):
        Garch(*bad)


def bars(drift):
    """Open, high, low, close of 4,000 simulated bars of 500 steps, 2 % volatility a bar."""
    steps = np.random.default_rng(7).normal(drift / 500, 0.02 / math.sqrt(500), (4_000, 500))
    path = np.exp(np.hstack([np.zeros((4_000, 1)), np.cumsum(steps, axis=1)]))
    return path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1]


def test_each_finds_the_variance_of_a_driftless_walk():
    open_, high, low, close = bars(0.0)
    # The extremes of 500 steps lie within those of a continuous path: a few per cent are missing.
    for found in (
        parkinson_variance(high, low),
        garman_klass_variance(open_, high, low, close),
        rogers_satchell_variance(open_, high, low, close),
    ):
        assert 0.90 * 0.02**2 < found.mean() < 1.01 * 0.02**2
        assert found.std() < 0.7 * (np.log(close / open_) ** 2).std()


def test_a_drift_misleads_all_but_rogers_satchell():
    open_, high, low, close = bars(0.04)
    assert 0.80 * 0.02**2 < rogers_satchell_variance(open_, high, low, close).mean() < 1.01 * 0.02**2
    assert parkinson_variance(high, low).mean() > 1.5 * 0.02**2


@quick
@given(st.floats(0.1, 1e6), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 10))
def test_a_range_is_never_negative_and_knows_no_unit(level, up, down, first, last, unit):
    high, low = level * math.exp(up), level * math.exp(-down)
    open_, close = (low * (high / low) ** each for each in (first, last))
    bar = np.array([open_, high, low, close])
    for estimate in (garman_klass_variance, rogers_satchell_variance):
        assert estimate(*bar) >= -1e-12
        assert estimate(*(bar * unit)) == pytest.approx(float(estimate(*bar)), abs=1e-11)


def test_a_missing_price_has_no_variance():
    assert np.isnan(parkinson_variance(np.array([np.nan]), np.array([1.0])))[0]


def test_illiquidity_by_hand_and_where_there_is_none():
    assert amihud(np.array([0.02, -0.01]), np.array([1e6, 2e6])) == pytest.approx(1.25e-8, rel=1e-14)
    for volume in (0.0, -1.0):
        with pytest.raises(ModelInputError, match="VOLUME"):
            amihud(np.array([0.02]), np.array([volume]))
    with pytest.raises(ModelInputError, match="VOLUME"):
        amihud(np.array([]), np.array([]))
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        amihud(np.array([np.nan]), np.array([1.0]))


def test_accrued_funding_is_the_interest_where_no_bound_binds_and_the_bounded_premium_elsewhere():
    index = np.array([1_600.0])
    free = funding.accrued(index, np.array([1_500.0]), np.array([1e-4]), -1.0, 1.0)
    assert free == pytest.approx(0.16)
    below = funding.accrued(index, np.array([1_500.0]), np.array([1e-4]), -0.05, 0.05)
    above = funding.accrued(index, np.array([1_700.0]), np.array([1e-4]), -0.05, 0.05)
    assert below == pytest.approx(-20.0) and above == pytest.approx(20.0)
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        funding.accrued(np.array([np.nan]), index, np.array([0.0]), -1.0, 1.0)
