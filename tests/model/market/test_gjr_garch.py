"""GJR-GARCH-t against the `arch` package and a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.model.errors import ModelInputError
from tasks.model.market.gjr_garch import GjrGarch, fit_gjr, gjr_variance

MODEL = GjrGarch(4e-5, 0.05, 0.07, 0.87, 6.0)


def simulated(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    returns, variance = rng.standard_t(MODEL.degrees, n) * math.sqrt(4.0 / 6.0), MODEL.long_run_variance
    for at in range(n):
        returns[at] *= math.sqrt(variance)
        weight = MODEL.alpha + (MODEL.gamma if returns[at] < 0.0 else 0.0)
        variance = MODEL.omega + weight * returns[at] ** 2 + MODEL.beta * variance
    return returns


def test_the_recursion_is_that_of_a_plain_loop():
    returns = simulated(50, 1)
    variance = [2e-3]
    for value in returns:
        weight = MODEL.alpha + (MODEL.gamma if value < 0.0 else 0.0)
        variance.append(MODEL.omega + weight * value * value + MODEL.beta * variance[-1])
    assert gjr_variance(returns, MODEL, 2e-3) == pytest.approx(variance, rel=1e-12)


def test_parameters_likelihood_and_errors_are_those_of_arch():
    arch = pytest.importorskip("arch")
    returns = simulated(1500, 2)
    ours = fit_gjr(returns)
    scaled = 100.0 * returns
    model = arch.arch_model(scaled, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t")
    theirs = model.fit(disp="off", backcast=float(np.mean(scaled**2)))
    found = ours.model
    values = (found.omega * 1e4, found.alpha, found.gamma, found.beta, found.degrees)
    assert values == pytest.approx(tuple(theirs.params), rel=2e-2, abs=2e-4)
    assert ours.log_likelihood == pytest.approx(theirs.loglikelihood + 1500 * math.log(100.0), abs=1e-2)
    errors = np.sqrt(np.diag(ours.covariance)) * np.array([1e4, 1, 1, 1, 1])
    assert errors == pytest.approx(theirs.std_err.to_numpy(), rel=0.05)


@pytest.mark.parametrize(
    "parameters",
    [(0.0, 0.1, 0.0, 0.8, 5.0), (1e-5, 0.1, 0.2, 0.8, 5.0), (1e-5, 0.1, -0.2, 0.8, 5.0), (1e-5, 0.1, 0.0, 0.8, 2.0)],
)
def test_a_variance_without_a_long_run_is_no_model(parameters):
    with pytest.raises(ModelInputError, match="GARCH"):
        GjrGarch(*parameters)


def test_a_short_or_missing_series_is_not_fitted():
    with pytest.raises(ModelInputError, match="GARCH"):
        fit_gjr(simulated(249, 3))
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        fit_gjr(np.append(simulated(300, 3), np.nan))
