"""Is the tail heavier than the scenarios show? A Pareto law on filtered residuals beside their own shortfall.

The shape tells how heavy. Its likelihood is skewed at a hundred losses, so its interval holds the shapes whose best
likelihood is no further below the highest than chi-square allows. The ratio of the law's shortfall to the empirical
one is the check itself: above 1, the sample is thinner than the law that fits it.
Reference: McNeil and Frey (2000); Coles (2001), 4.3.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import brentq, minimize_scalar

from tasks.model.arrays import Floats, require_finite
from tasks.model.assurance.calibration.estimate import Figure, require_enough
from tasks.model.assurance.calibration.resample import drawn_figure
from tasks.model.risk.extreme_value import ParetoTail, fit_tail
from tasks.model.risk.pareto_rows import most_likely_tails
from tasks.model.risk.tail import expected_shortfall

LEAST_BEYOND = 50
_REACH = 0.9  # no interval of so many losses is wider on either side
_EXPONENTIAL = 1e-9  # a shape nearer to zero than this is the exponential law


class TailCheck(NamedTuple):
    """Shape of the tail (> 0 heavier than exponential) and the law's shortfall over the empirical one."""

    shape: Figure
    shortfall_ratio: Figure


def filtered_losses(daily: Floats, volatility: Floats) -> Floats:
    """Loss of each day in units of the forecast made the day before, (m,), without days that lack either.

    daily: (n,) log return that ends on each day; volatility: (n,) forecast at the close of each day, per sqrt(day).
    """
    residual = -daily[1:] / volatility[:-1]
    return np.asarray(residual[np.isfinite(residual)])


def tail_check(losses: Floats, share_beyond: float, confidence: float, runs: int, level: float, seed: int) -> TailCheck:
    """Check of independent losses, (n,), the tail being the largest share_beyond of them.

    Raises ModelInputError NON_FINITE, TAIL, CONFIDENCE as `fit_tail`; NO_OBSERVATIONS below 50 losses in the tail.
    """
    n = len(require_finite("loss", losses))
    beyond = int(n * share_beyond)
    require_enough("tail", beyond, LEAST_BEYOND)
    fitted = fit_tail(losses, _threshold(losses, beyond))
    tail = losses[losses > fitted.threshold] - fitted.threshold
    low, high = _shapes(tail / tail.mean(), fitted.shape, level)
    error = (1.0 + fitted.shape) / math.sqrt(len(tail))
    shape = Figure(fitted.shape, error, low, high, level, "asymptotic", len(tail))

    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = _ratios(losses[rng.integers(0, n, (runs, n))], beyond, confidence)
    value = fitted.expected_shortfall(confidence) / float(expected_shortfall(losses, confidence))
    return TailCheck(shape, drawn_figure(value, drawn, level, n))


def _ratios(samples: Floats, beyond: int, confidence: float) -> Floats:
    """(runs,) shortfall of the law over the empirical one of each sample, (runs, n), by the quick fit of many tails.

    Days drawn twice can lie on the threshold: they are not beyond it.
    """
    largest = np.sort(samples, axis=1)[:, ::-1][:, : beyond + 1]
    excess = np.ascontiguousarray(largest[:, :-1] - largest[:, -1:])
    count = (excess > 0.0).sum(axis=1)
    law = most_likely_tails(excess, count.astype(np.int64))
    rows = zip(largest[:, -1], law.scale, law.shape, count / samples.shape[1], strict=True)
    fitted = np.array([ParetoTail(*(float(each) for each in row)).expected_shortfall(confidence) for row in rows])
    return np.asarray(fitted / expected_shortfall(samples, confidence))


def _shapes(excess: Floats, shape: float, level: float) -> tuple[float, float]:
    """Ends of the shapes that are likely enough; excess: (k,) with a mean of 1."""
    slack = 0.5 * float(stats.chi2.ppf(level, 1))
    highest = _profile(excess, shape)

    def short(at: float) -> float:
        return highest - slack - _profile(excess, at)

    edges = shape - _REACH, shape + _REACH
    low, high = (edge if short(edge) <= 0.0 else float(brentq(short, *sorted((edge, shape)))) for edge in edges)
    return low, high


def _profile(excess: Floats, shape: float) -> float:
    """Log likelihood of a shape at its most likely scale."""
    largest = float(excess.max())

    def minus(log_scale: float) -> float:
        inner = shape * excess / math.exp(log_scale)
        if abs(shape) < _EXPONENTIAL:
            return float(len(excess) * log_scale + excess.sum() / math.exp(log_scale))
        return float(len(excess) * log_scale + (1.0 + 1.0 / shape) * np.log1p(inner).sum())

    # A scale at which the largest loss lies at the end of a law with one is the lowest there is.
    lowest = math.log(max(-shape * largest * (1.0 + 1e-9), 1e-3))
    found = minimize_scalar(minus, bounds=(lowest, lowest + 8.0 if shape < 0.0 else 4.0), method="bounded")
    return -float(found.fun)


def _threshold(losses: Floats, beyond: int) -> float:
    """The largest loss that is not in the tail."""
    place = len(losses) - beyond - 1
    return float(np.partition(losses, place)[place])
