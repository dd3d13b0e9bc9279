"""Du and Escanciano's tests: probabilities below the tail, and how far below, have a known law and no memory.

u_t is the probability forecast of a loss like the day's or larger, uniform where the forecast is right, and
H_t = (a - u_t)+ / a with a = 1 - c is how far the day lies in the tail: mean a / 2, variance a (1/3 - a/4), whatever
the forecast was. Unconditional: the mean of H. Conditional: autocorrelations of H, the clustering a test of the mean
does not see. The law of H is known exactly, so p-values by simulation stand beside the asymptotic ones: with six
breaches in 250 days the latter are far off. Reference: Du and Escanciano (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtr

from tasks.model.arrays import Floats
from tasks.model.assurance.forecast_record import require_confidence, require_series
from tasks.model.assurance.verdict import drawn_p
from tasks.model.errors import Finding, ModelInputError

_AT_ONCE = 4_000_000  # probabilities drawn at once


@dataclass(frozen=True)
class TailDepthTest:
    """A statistic with the p-value of its asymptotic law and one among runs of the exact law; high values reject."""

    statistic: float  # NaN with p-values of 1 where it does not exist
    p_asymptotic: float
    p_simulated: float


def tail_depth(probability_beyond: Floats, confidence: float) -> Floats:
    """H, (n,) of (n,), each 0 to 1. Raises ModelInputError SHAPE, NON_FINITE, CONFIDENCE."""
    require_confidence(confidence)
    return _depth(require_series("probability of a loss", probability_beyond, len(probability_beyond)), confidence)


def mean_depth_test(
    probability_beyond: Floats, confidence: float, runs: int, rng: np.random.Generator
) -> TailDepthTest:
    """Is the tail deeper on average than forecast? One-sided; z is asymptotically normal. Raises as `tail_depth`."""
    depth = tail_depth(probability_beyond, confidence)
    z = float(_z(depth[None, :], confidence)[0])
    under = _under(len(depth), confidence, runs, rng, lambda drawn: _z(drawn, confidence))
    return TailDepthTest(z, float(ndtr(-z)), float(drawn_p(np.array([z]), under)[0]))


def depth_memory_test(
    probability_beyond: Floats, confidence: float, lags: int, runs: int, rng: np.random.Generator
) -> TailDepthTest:
    """Is a day deep in the tail followed by others? n times the sum of squared autocorrelations up to `lags`.

    About a / 2, the mean that is forecast; asymptotically chi-square with as many degrees. Without a breach there is
    nothing to follow. Raises as `tail_depth`, and SHAPE where lags is not 1 to n - 1.
    """
    depth = tail_depth(probability_beyond, confidence)
    if not 1 <= lags < len(depth):
        raise ModelInputError(Finding("SHAPE", "lags do not fit the days", value=str(lags), limit="1 to days - 1"))
    if not depth.any():
        return TailDepthTest(math.nan, 1.0, 1.0)
    statistic = float(_box_pierce(depth[None, :], confidence, lags)[0])
    under = _under(len(depth), confidence, runs, rng, lambda drawn: _box_pierce(drawn, confidence, lags))
    return TailDepthTest(statistic, float(chdtrc(lags, statistic)), float(drawn_p(np.array([statistic]), under)[0]))


def _z(depth: Floats, confidence: float) -> Floats:
    """(runs, n) -> (runs,)."""
    tail = 1.0 - confidence
    deviation = math.sqrt(tail * (1.0 / 3.0 - tail / 4.0) / depth.shape[1])
    return np.asarray((depth.mean(axis=1) - tail / 2.0) / deviation)


def _box_pierce(depth: Floats, confidence: float, lags: int) -> Floats:
    """(runs, n) -> (runs,), 0 for a run without a breach, whose depth is the same on all days."""
    n = depth.shape[1]
    centred = depth - (1.0 - confidence) / 2.0
    variance = (centred * centred).mean(axis=1)
    covariances = [(centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / (n - lag) for lag in range(1, lags + 1)]
    total = np.square(np.array(covariances) / variance).sum(axis=0)
    return np.where(depth.any(axis=1), n * total, 0.0)


def _under(
    n: int, confidence: float, runs: int, rng: np.random.Generator, statistic: Callable[[Floats], Floats]
) -> Floats:
    """Statistics of runs in which the forecast is right, (runs,)."""
    step = max(1, _AT_ONCE // n)
    sizes = [min(step, runs - start) for start in range(0, runs, step)]
    return np.concatenate([statistic(_depth(rng.random((size, n)), confidence)) for size in sizes])


def _depth(beyond: Floats, confidence: float) -> Floats:
    tail = 1.0 - confidence
    return np.asarray(np.maximum(tail - beyond, 0.0) / tail)
