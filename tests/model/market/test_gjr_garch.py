"""GJR-GARCH-t against the `arch` package and a plain loop."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy import optimize, special, stats

from tasks.back_test_history import history_of, joint
from tasks.model import kernels
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
    errors = np.sqrt(np.diag(ours.covariance())) * np.array([1e4, 1, 1, 1, 1])
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


def plain_sums(returns: np.ndarray, omega: float, alpha: float, gamma: float, beta: float, tail: float) -> list[float]:
    """The kernel's sums one after the other, changes of the variance by the product rule."""
    h, by, sums = float(np.mean(returns**2)), [0.0] * 4, [0.0] * 7
    for value in returns.tolist():
        squared, fallen = value * value, value * value if value < 0.0 else 0.0
        z = squared / (h * tail)
        pull = ((tail + 3.0) * z / (1.0 + z) - 1.0) / (2.0 * h)
        told = [math.log(h), math.log1p(z), z / (1.0 + z), *(pull * each for each in by)]
        sums = [before + more for before, more in zip(sums, told, strict=True)]
        by = [more + beta * each for more, each in zip((1.0, squared, fallen, h), by, strict=True)]
        h = omega + alpha * squared + gamma * fallen + beta * h
    return sums


@pytest.mark.parametrize("n", [1, 15, 16, 17, 250])
def test_the_kernel_s_sums_are_those_of_a_plain_loop(n):
    returns, found = simulated(n, 4) * 40.0, np.empty(7)
    kernels.gjr_student(returns, 0.03, 0.05, 0.07, 0.87, 4.0, found)
    assert found == pytest.approx(plain_sums(returns, 0.03, 0.05, 0.07, 0.87, 4.0), rel=1e-12, abs=1e-12)


def plain_unlikeliness(returns: np.ndarray, at: np.ndarray) -> float:
    """Mean log-likelihood with the other sign: shares by a softmax, variances one after the other, SciPy's gamma."""
    up, down, beta, rest = special.softmax([at[0], at[1], at[2], 0.0])
    omega, degrees = rest * math.exp(at[3]), kernels.LOWEST_DEGREES + math.exp(at[4])
    h, total = float(np.mean(returns**2)), 0.0
    for value in returns.tolist():
        total -= 0.5 * math.log(h) + 0.5 * (degrees + 1.0) * math.log1p(value * value / (h * (degrees - 2.0)))
        h = omega + 2.0 * (up if value >= 0.0 else down) * value * value + beta * h
    constant = special.gammaln(0.5 * (degrees + 1.0)) - special.gammaln(0.5 * degrees)
    return -(constant - 0.5 * math.log(math.pi * (degrees - 2.0)) + total / len(returns))


FREE = [[-3.0, -2.5, 3.0, 0.0, math.log(4.0)], [1.0, -4.0, 0.5, -1.0, 3.0], [-700.0, -1.0, 2.0, 0.3, -2.0]]


@pytest.mark.parametrize("at", FREE)
def test_the_compiled_likelihood_and_its_slopes_are_those_of_a_plain_one(at):
    returns, at, slopes = simulated(200, 5) * 40.0, np.array(at), np.empty(5)
    found = kernels.gjr_unlikeliness(returns, at, slopes)
    assert found == pytest.approx(plain_unlikeliness(returns, at), rel=1e-12)
    expected = optimize.approx_fprime(at, lambda each: plain_unlikeliness(returns, each), 1e-6)
    assert slopes == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", [6, 7])
def test_scipy_finds_nothing_more_likely(seed):
    returns, at, slopes = simulated(400, seed) * 40.0, np.array(FREE[0]), np.empty(5)
    least = kernels.gjr_descend(returns, at, slopes, 1e-6, 500)
    told = optimize.minimize(plain_unlikeliness_by(returns), FREE[0], jac=True, method="BFGS")
    assert np.abs(slopes).max() <= 1e-6
    assert least == pytest.approx(told.fun, abs=1e-8)
    assert least == pytest.approx(plain_unlikeliness(returns, at), rel=1e-12)


def test_the_likeliest_starts_are_descended_from_and_the_best_end_is_kept():
    returns, starts = simulated(400, 8) * 40.0, np.array(FREE)
    ends = []
    for start in starts:
        at, slopes = start.copy(), np.empty(5)
        ends.append((kernels.gjr_descend(returns, at, slopes, 1e-6, 500), *at))
    place, slopes = np.empty(5), np.empty(5)
    found = kernels.gjr_fit(returns, starts, 3, 1e-6, 500, place, slopes)
    assert (found, *place) == min(ends)
    likeliest = int(np.argmin([plain_unlikeliness(returns, start) for start in starts]))
    assert kernels.gjr_fit(returns, starts, 1, 1e-6, 500, place, slopes) == ends[likeliest][0]


def test_real_windows_at_the_end_of_lasting_variances_are_no_less_likely_than_under_arch(market_data):
    arch = pytest.importorskip("arch")
    closes = joint(history_of(market_data, ["BTC"]).closes).close[0]
    moves = np.diff(closes) / closes[:-1]
    moves = moves[np.isfinite(moves)]
    for end in (1_910, 2_092, 2_274, 2_638):
        returns = moves[end - 1_000 : end]
        scaled = 100.0 * returns
        law = arch.arch_model(scaled, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t")
        omega, *others = law.fit(disp="off", backcast=float(np.mean(scaled**2))).params
        theirs = likelihood(returns, omega * 1e-4, *others)
        ours = fit_gjr(returns)
        assert ours.log_likelihood == pytest.approx(likelihood(returns, *astuple(ours.model)), abs=1e-6)
        assert ours.log_likelihood >= theirs - 0.03


def likelihood(returns, omega, alpha, gamma, beta, degrees):
    """Logarithm, day by day, by SciPy's law; the first variance is the mean square."""
    h, total = float(np.mean(returns**2)), 0.0
    for value in returns.tolist():
        total += stats.t.logpdf(value, degrees, scale=math.sqrt(h * (degrees - 2.0) / degrees))
        h = omega + (alpha + (gamma if value < 0.0 else 0.0)) * value * value + beta * h
    return total


def plain_unlikeliness_by(returns: np.ndarray):
    """The plain function with the slopes it has by differences to both sides."""

    def told(at: np.ndarray) -> tuple[float, np.ndarray]:
        steps = 1e-5 * np.eye(5)
        ends = [(plain_unlikeliness(returns, at + step), plain_unlikeliness(returns, at - step)) for step in steps]
        return plain_unlikeliness(returns, at), np.array([(above - below) / 2e-5 for above, below in ends])

    return told


@pytest.mark.parametrize("x", [0.02, 0.5, 1.0, 1.4616321449683623, 3.7, 9.999, 10.0, 250.0, 1.1e4])
def test_gamma_and_its_slope_are_scipy_s(x):
    log_gamma, slope = kernels.log_gamma_digamma(x)
    assert log_gamma == pytest.approx(special.gammaln(x), rel=1e-13, abs=1e-13)
    assert slope == pytest.approx(special.digamma(x), rel=1e-13, abs=1e-13)
