"""GJR-GARCH(1,1) with Student's innovations: falls may move the variance more than rises do.

    variance_(t+1) = omega + (alpha + gamma 1{r_t < 0}) r_t^2 + beta variance_t,   r_t = sqrt(variance_t) z_t

z has Student's law of variance 1. Returns are daily and have mean zero. A challenger of the exponential weights: no
scenario is scaled by it. Reference: Glosten, Jagannathan and Runkle (1993); Bollerslev (1987).
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import partial

import numpy as np
from scipy import signal
from scipy.special import digamma

from tasks.model import kernels
from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.market.quasi_newton import minimum

LEAST_RETURNS = 250
_LOWEST_DEGREES = 2.05  # below them the law has hardly a variance
_MOST = 10.0  # logarithm of degrees beyond which Student's law is the normal one
_FLAT = 1e-4  # slope of the mean log-likelihood where it is at its most
_START = np.array([-3.0, -2.5, 3.0, 0.0, math.log(4.0)])  # weights up 0.02, down 0.04, remembered 0.9; 6 degrees


@dataclass(frozen=True)
class GjrGarch:
    """Parameters of the recursion. Raises ModelInputError GARCH where the variance has no long run."""

    omega: float  # variance per day
    alpha: float  # weight of a squared rise
    gamma: float  # weight of a squared fall beyond alpha
    beta: float  # weight of the last variance
    degrees: float  # of Student's law, > 2

    def __post_init__(self) -> None:
        weights = min(self.alpha, self.alpha + self.gamma, self.beta)
        if not (self.omega > 0.0 and weights >= 0.0 and self.persistence < 1.0 and self.degrees > 2.0):
            raise ModelInputError(
                Finding(
                    "GARCH",
                    "the variance has no long run",
                    value=str(self),
                    limit="omega > 0, weights >= 0, persistence < 1, degrees > 2",
                    action="fit the parameters again",
                )
            )

    @property
    def persistence(self) -> float:
        """Weight of all of yesterday: what a distance from the long run is multiplied by in a day."""
        return self.alpha + 0.5 * self.gamma + self.beta

    @property
    def long_run_variance(self) -> float:
        """Variance per day the forecast returns to."""
        return self.omega / (1.0 - self.persistence)


@dataclass(frozen=True)
class Fitted:
    """Most likely parameters of returns, (n,), and the logarithm of their likelihood."""

    model: GjrGarch
    log_likelihood: float
    returns: Floats

    def covariance(self) -> Floats:
        """(5, 5) of the parameters in the order of `GjrGarch`, valid for any innovations."""
        unit = _unit(self.returns)
        to_unit = np.array([unit * unit, 1.0, 1.0, 1.0, 1.0])
        scaled = _sandwich(self.returns / unit, np.array(astuple(self.model)) / to_unit)
        return np.asarray(scaled * np.outer(to_unit, to_unit))


def gjr_variance(returns: Floats, model: GjrGarch, seed_variance: float) -> Floats:
    """Variance forecast before each return and after the last one, (n + 1,); element 0 is the seed.

    returns: (n,) finite. Raises ModelInputError NON_FINITE: fill nothing, leave the day out of the series.
    """
    return _variance(require_finite("return", returns), np.array(astuple(model)), seed_variance)


def fit_gjr(returns: Floats) -> Fitted:
    """Most likely parameters of returns, (n,), the first variance being their mean square.

    Raises ModelInputError NON_FINITE; GARCH for fewer than 250 returns or where the search finds no maximum.
    """
    n = len(require_finite("return", returns))
    unit = _unit(returns) if n else 0.0
    if n < LEAST_RETURNS or unit == 0.0:
        raise ModelInputError(Finding("GARCH", "too few returns to fit", value=str(n), limit=f">= {LEAST_RETURNS}"))
    scaled = returns / unit
    found = minimum(partial(_unlikeliness, scaled), _START)
    value, slopes = _unlikeliness(scaled, found)
    if not (math.isfinite(value) and float(np.abs(slopes).max()) <= _FLAT):
        raise ModelInputError(
            Finding("GARCH", "no most likely parameters were found", value=f"slope {np.abs(slopes).max():g}")
        )
    model = GjrGarch(*(_natural(found) * np.array([unit * unit, 1.0, 1.0, 1.0, 1.0])).tolist())
    return Fitted(model, -n * (value + math.log(unit)), returns)


def _unit(returns: Floats) -> float:
    """Root of the mean square."""
    return math.sqrt(float(np.mean(returns * returns)))


def _unlikeliness(returns: Floats, at: Floats) -> tuple[float, Floats]:
    """Mean log-likelihood at five free numbers, with the other sign, and its slopes."""
    omega, alpha, gamma, beta, degrees = _figures(at)
    tail, n, sums = degrees - 2.0, len(returns), np.empty(7)
    kernels.gjr_student(returns, omega, alpha, gamma, beta, tail, sums)
    variances, thicknesses, share, by_omega, by_alpha, by_gamma, by_beta = (sums / n).tolist()
    value = _constant(degrees) - 0.5 * variances - 0.5 * (degrees + 1.0) * thicknesses
    own = float(digamma(0.5 * (degrees + 1.0)) - digamma(0.5 * degrees))
    by_degrees = 0.5 * (own - (1.0 - (degrees + 1.0) * share) / tail - thicknesses)
    up, down, rest = 0.5 * alpha, 0.5 * (alpha + gamma), 1.0 - 0.5 * alpha - 0.5 * (alpha + gamma) - beta
    by_rest = by_omega * omega / rest
    by_up, by_down = 2.0 * (by_alpha - by_gamma), 2.0 * by_gamma
    mean = up * by_up + down * by_down + beta * by_beta + rest * by_rest
    free = (up * (by_up - mean), down * (by_down - mean), beta * (by_beta - mean), by_rest * rest)
    more = degrees - _LOWEST_DEGREES if at[4] < _MOST else 0.0
    return -value, -np.array([*free, by_degrees * more])


def _constant(degrees: float) -> float:
    tail = math.log(math.pi * (degrees - 2.0))
    return math.lgamma(0.5 * (degrees + 1.0)) - math.lgamma(0.5 * degrees) - 0.5 * tail


def _natural(at: Floats) -> Floats:
    return np.array(_figures(at))


def _figures(at: Floats) -> tuple[float, float, float, float, float]:
    """omega, alpha, gamma, beta and degrees of five free numbers, every one of which gives a lasting variance.

    Shares of rises, falls, memory and the long run sum to 1; the fourth number is the logarithm of its variance.
    """
    *free, long_run, above = at.tolist()
    most = max(*free, 0.0)
    up, down, beta, rest = (math.exp(each - most) for each in (*free, 0.0))
    total = up + down + beta + rest
    degrees = _LOWEST_DEGREES + math.exp(min(above, _MOST))
    return rest / total * math.exp(long_run), 2.0 * up / total, 2.0 * (down - up) / total, beta / total, degrees


def _variance(returns: Floats, parameters: Floats, seed: float) -> Floats:
    omega, alpha, gamma, beta = parameters[:4].tolist()
    driven = omega + (alpha + gamma * (returns < 0.0)) * returns * returns
    after, _ = signal.lfilter([1.0], [1.0, -beta], driven, zi=[beta * seed])
    return np.concatenate([[seed], after])


def _log_likelihood(returns: Floats, parameters: Floats) -> Floats:
    """(n,) of each return; the seed is the mean square."""
    degrees = float(parameters[4])
    variance = _variance(returns, parameters, float(np.mean(returns * returns)))[:-1]
    inside = 1.0 + returns * returns / (variance * (degrees - 2.0))
    return np.asarray(_constant(degrees) - 0.5 * np.log(variance) - 0.5 * (degrees + 1.0) * np.log(inside))


def _sandwich(returns: Floats, best: Floats) -> Floats:
    """Covariance of the parameters: scores' variance between inverse curvatures. Reference: White (1982)."""
    steps = 1e-4 * np.maximum(np.abs(best), 1e-2)
    scores = np.stack([_slope(returns, best, at, steps) for at in range(len(best))])
    curvature = np.stack([_bend(returns, best, at, steps) for at in range(len(best))])
    inverse = np.linalg.pinv(0.5 * (curvature + curvature.T))
    return np.asarray(inverse @ (scores @ scores.T) @ inverse)


def _slope(returns: Floats, at: Floats, place: int, steps: Floats) -> Floats:
    """(n,) change of each return's likelihood with one parameter."""
    step = np.where(np.arange(len(at)) == place, steps, 0.0)
    above, below = _log_likelihood(returns, at + step), _log_likelihood(returns, at - step)
    return np.asarray((above - below) / (2.0 * steps[place]))


def _bend(returns: Floats, at: Floats, place: int, steps: Floats) -> Floats:
    """(5,) change of the whole likelihood's slopes with one parameter."""
    step = np.where(np.arange(len(at)) == place, steps, 0.0)
    sums = [
        [float(_slope(returns, at + sign * step, other, steps).sum()) for other in range(len(at))]
        for sign in (1.0, -1.0)
    ]
    return np.asarray((np.array(sums[0]) - np.array(sums[1])) / (2.0 * steps[place]))
