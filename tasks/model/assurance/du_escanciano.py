"""Du and Escanciano's tests: probabilities below the tail, and how far below, have a known law and no memory.

u_t is the probability forecast of a loss like the day's or larger, uniform where the forecast is right, and
H_t = (a - u_t)+ / a with a = 1 - c is how far the day lies in the tail: mean a / 2, variance a (1/3 - a/4), whatever
the forecast was. Unconditional: the mean of H. Conditional: autocorrelations of H, the clustering a test of the mean
does not see. The law of H is known exactly, so p-values by simulation stand beside the asymptotic ones: with six
breaches in 250 days the latter are far off. Reference: Du and Escanciano (2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, ndtr

from tasks.model.arrays import Bools, Floats, Ints
from tasks.model.assurance.forecast_record import require_confidence, require_series
from tasks.model.assurance.simulated_breaches import drawn_places
from tasks.model.assurance.verdict import drawn_p
from tasks.model.errors import Finding, ModelInputError


@dataclass(frozen=True)
class TailDepthTest:
    """A statistic with the p-value of its asymptotic law and one among runs of the exact law; high values reject."""

    statistic: float  # NaN with p-values of 1 where it does not exist
    p_asymptotic: float
    p_simulated: float


def tail_depth(probability_beyond: Floats, confidence: float) -> Floats:
    """H, (n,) of (n,), each 0 to 1. Raises ModelInputError SHAPE, NON_FINITE, CONFIDENCE."""
    tail = 1.0 - require_confidence(confidence)
    beyond = require_series("probability of a loss", probability_beyond, len(probability_beyond))
    return np.asarray(np.maximum(tail - beyond, 0.0) / tail)


def mean_depth_test(
    probability_beyond: Floats, confidence: float, runs: int, rng: np.random.Generator
) -> TailDepthTest:
    """Is the tail deeper on average than forecast? One-sided; z is asymptotically normal. Raises as `tail_depth`."""
    observed = _observed(tail_depth(probability_beyond, confidence))
    z = _z(observed, confidence)
    under = _z(_drawn(observed.days, confidence, runs, rng), confidence)
    return TailDepthTest(float(z[0]), float(ndtr(-z[0])), float(drawn_p(z, under)[0]))


def depth_memory_test(
    probability_beyond: Floats, confidence: float, lags: int, runs: int, rng: np.random.Generator
) -> TailDepthTest:
    """Is a day deep in the tail followed by others? n times the sum of squared autocorrelations up to `lags`.

    About a / 2, the mean that is forecast; asymptotically chi-square with as many degrees. Without a breach there is
    nothing to follow. Raises as `tail_depth`, and SHAPE where lags is not 1 to n - 1.
    """
    observed = _observed(tail_depth(probability_beyond, confidence))
    if not 1 <= lags < observed.days:
        raise ModelInputError(Finding("SHAPE", "lags do not fit the days", value=str(lags), limit="1 to days - 1"))
    if not len(observed.day):
        return TailDepthTest(math.nan, 1.0, 1.0)
    statistic = _box_pierce(observed, confidence, lags)
    under = _box_pierce(_drawn(observed.days, confidence, runs, rng), confidence, lags)
    return TailDepthTest(float(statistic[0]), float(chdtrc(lags, statistic[0])), float(drawn_p(statistic, under)[0]))


class _Depths(NamedTuple):
    """Depths of `runs` runs of `days` days, the days in the tail alone, run by run and day by day."""

    runs: int
    days: int
    run: Ints
    day: Ints
    depth: Floats

    def total(self, kept: Bools, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.run[kept], weights=values, minlength=self.runs), dtype=np.float64)


def _observed(depth: Floats) -> _Depths:
    day = np.flatnonzero(depth)
    return _Depths(1, len(depth), np.zeros_like(day), day, depth[day])


def _drawn(days: int, confidence: float, runs: int, rng: np.random.Generator) -> _Depths:
    """Runs in which the forecast is right: a day in the tail is anywhere in it with the same probability."""
    run, day = np.divmod(drawn_places(runs * days, 1.0 - confidence, rng), days)
    return _Depths(runs, days, run, day, 1.0 - rng.random(len(day)))


def _z(found: _Depths, confidence: float) -> Floats:
    """(runs,)."""
    tail = 1.0 - confidence
    mean = found.total(np.ones(len(found.day), dtype=np.bool_), found.depth) / found.days
    return np.asarray((mean - tail / 2.0) / math.sqrt(tail * (1.0 / 3.0 - tail / 4.0) / found.days))


def _box_pierce(found: _Depths, confidence: float, lags: int) -> Floats:
    """(runs,), 0 for a run without a breach, whose depth is the same on all days."""
    variance = _autocovariance(found, confidence, 0)
    total = sum((_autocovariance(found, confidence, lag) / variance) ** 2 for lag in range(1, lags + 1))
    some = np.bincount(found.run, minlength=found.runs) > 0
    return np.where(some, found.days * np.asarray(total), 0.0)


def _autocovariance(found: _Depths, confidence: float, lag: int) -> Floats:
    """Mean over n - lag days of (H_t - a / 2)(H_(t - lag) - a / 2), (runs,), multiplied out: most H are 0."""
    mean, pairs = (1.0 - confidence) / 2.0, found.days - lag
    later, earlier = found.day >= lag, found.day < pairs
    alone = found.total(later, found.depth[later]) + found.total(earlier, found.depth[earlier])
    return np.asarray((_products(found, lag) - mean * alone) / pairs + mean * mean)


def _products(found: _Depths, lag: int) -> Floats:
    """Sum of H_t H_(t - lag), (runs,)."""
    place = found.run * found.days + found.day
    before = np.minimum(np.searchsorted(place, place - lag), max(len(place) - 1, 0))
    paired = (place[before] == place - lag) & (found.day >= lag)
    return found.total(paired, (found.depth * found.depth[before])[paired])
