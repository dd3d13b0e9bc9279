"""GJR-GARCH(1,1) with Student's innovations: falls may move the variance more than rises do.

    variance_(t+1) = omega + (alpha + gamma 1{r_t < 0}) r_t^2 + beta variance_t,   r_t = sqrt(variance_t) z_t

z has Student's law of variance 1. Returns are daily and have mean zero. A challenger of the exponential weights: no
scenario is scaled by it. Reference: Glosten, Jagannathan and Runkle (1993); Bollerslev (1987).
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import cache

import numpy as np
from scipy import signal

from tasks.model import kernels
from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, ModelInputError

LEAST_RETURNS = 250
_FLAT = 1e-4  # slope of the mean log-likelihood where it is at its most
_FLATTEST, _STEPS = 1e-6, 500  # where the search for it ends
_DESCENTS = 2  # from the likeliest of the starts
# alpha, gamma, beta, long-run variance in mean squares: three of ever livelier ones, falls, rises, a short memory.
_STARTS = (
    (0.03, 0.0, 0.95, 1.0),
    (0.10, 0.0, 0.88, 1.0),
    (0.20, 0.0, 0.79, 2.7),
    (0.02, 0.15, 0.88, 1.0),
    (0.20, -0.17, 0.88, 1.0),
    (0.30, 0.0, 0.30, 1.0),
)
_START_DEGREES = 3.4


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
    found, slopes, figures = np.empty(5), np.full(5, np.inf), np.empty(5)
    value = kernels.gjr_fit(returns / unit, _free_starts(), _DESCENTS, _FLATTEST, _STEPS, found, slopes)
    if not (math.isfinite(value) and float(np.abs(slopes).max()) <= _FLAT):
        raise ModelInputError(
            Finding("GARCH", "no most likely parameters were found", value=f"slope {np.abs(slopes).max():g}")
        )
    kernels.gjr_figures(found, figures)
    model = GjrGarch(*(figures * np.array([unit * unit, 1.0, 1.0, 1.0, 1.0])).tolist())
    return Fitted(model, -n * (value + math.log(unit)), returns)


@cache
def _free_starts() -> Floats:
    """(s, 5) the starts as the free numbers `kernels.gjr_figures` takes."""
    alpha, gamma, beta, long_run = np.array(_STARTS).T
    rest = 1.0 - alpha - 0.5 * gamma - beta
    free = np.log([0.5 * alpha / rest, 0.5 * (alpha + gamma) / rest, beta / rest, long_run])
    above = np.full(len(_STARTS), math.log(_START_DEGREES - kernels.LOWEST_DEGREES))
    return np.ascontiguousarray(np.vstack([free, above]).T)


def _unit(returns: Floats) -> float:
    """Root of the mean square."""
    return math.sqrt(float(np.mean(returns * returns)))


def _constant(degrees: float) -> float:
    tail = math.log(math.pi * (degrees - 2.0))
    return math.lgamma(0.5 * (degrees + 1.0)) - math.lgamma(0.5 * degrees) - 0.5 * tail


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
