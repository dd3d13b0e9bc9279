"""How a volatility surface moved: level, skew, curvature and term of each day, their one-day shocks, and the regime.

Read off fitted slices at constant tenors, between the expiries of a day and never beyond them:
    level      sigma(0), fraction per sqrt(year)
    skew       d sigma / d x at 0, x = k / sqrt(T), k = ln(K / F)
    curvature  d2 sigma / d x2 at 0
    term       ln(sigma at the shortest tenor / sigma at the longest), above 0 where the front is dearer
so that skews and curvatures of different tenors are of one size. A missing figure is NaN and so is what needs it.
Reference: Gatheral and Jacquier (2014) for the slice; METHODOLOGY 2 and 3.3 for the coordinates a shock moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import DAYS_PER_YEAR, Dates, Floats
from tasks.model.kernels import log
from tasks.model.market.constant_tenor import volatility_at
from tasks.model.market.svi import Svi

CALM, WATCH, STRESS, UNKNOWN = "CALM", "WATCH", "STRESS", "UNKNOWN"


@dataclass(frozen=True)
class FittedSlice:
    """One expiry of a day."""

    years: float  # to expiry, > 0
    svi: Svi


@dataclass(frozen=True)
class SurfaceHistory:
    """One underlying on n days and m tenors; NaN where a tenor lies beyond the expiries of a day."""

    dates: Dates  # (n,) ascending
    tenors: Floats  # (m,) days, ascending
    level: Floats  # (n, m)
    skew: Floats  # (n, m)
    curvature: Floats  # (n, m)

    @property
    def term(self) -> Floats:
        """(n,) ln(shortest / longest)."""
        return log(self.level[:, 0] / self.level[:, -1])


@dataclass(frozen=True)
class Shocks:
    """One-day changes of a history, NaN on a day without its day before: level and term in logarithms, others plain."""

    level: Floats  # (n, m)
    skew: Floats  # (n, m)
    curvature: Floats  # (n, m)
    term: Floats  # (n,)


def history(dates: Dates, slices: Sequence[Sequence[FittedSlice]], tenors: Floats) -> SurfaceHistory:
    """History of n days, each with its slices in any order. dates: (n,) ascending; tenors: (m,) days, ascending."""
    figures = np.array([_day(sorted(each, key=lambda one: one.years), tenors) for each in slices])
    level, skew, curvature = np.moveaxis(figures.reshape(len(dates), 3, len(tenors)), 1, 0)
    return SurfaceHistory(dates, tenors, level, skew, curvature)


def shocks(of: SurfaceHistory) -> Shocks:
    """Changes over exactly one calendar day: a hole gives none."""
    ln = log(of.level)
    return Shocks(*(_change(of.dates, each) for each in (ln, of.skew, of.curvature, of.term)))


def regimes(of: SurfaceHistory, tenor: int, rise: float, inversion: float) -> list[str]:
    """(n,) STRESS where the level is above its median of the days before by more than `rise` and the term above
    `inversion`, both logarithms; WATCH where one is; CALM where neither; UNKNOWN where either is missing.

    tenor: place of the tenor whose level counts. A day's regime does not depend on later days.
    """
    ln = log(of.level[:, tenor])
    medians = [float(np.median(known)) if len(known := _known(ln[:at])) else np.nan for at in range(len(ln))]
    return [_regime(*each, rise, inversion) for each in zip((ln - medians).tolist(), of.term.tolist(), strict=True)]


def _day(slices: Sequence[FittedSlice], tenors: Floats) -> Floats:
    """(3, m) level, skew and curvature of one day."""
    if not slices:
        return np.full((3, len(tenors)), np.nan)
    days = np.array([each.years for each in slices]) * DAYS_PER_YEAR
    level, skew, curvature = np.array([_at_the_money(each) for each in slices]).T
    beside = (np.interp(tenors, days, each, left=np.nan, right=np.nan) for each in (skew, curvature))
    return np.stack([volatility_at(days, level, tenors), *beside])


def _at_the_money(of: FittedSlice) -> tuple[float, float, float]:
    """Level, skew and curvature of a slice, from w, w' and w'' at k = 0; NaN where it has no variance there.

    sigma = sqrt(w / T):  d sigma / d x = w' / (2 sqrt(w)),  d2 sigma / d x2 = sqrt(T / w) (w'' - w'^2 / (2 w)) / 2
    """
    shape = of.svi.shape(np.zeros(1))
    w, slope, bend = (float(each[0]) for each in shape)
    if not w > 0.0:
        return np.nan, np.nan, np.nan
    return (
        (w / of.years) ** 0.5,
        slope / (2.0 * w**0.5),
        0.5 * (of.years / w) ** 0.5 * (bend - slope * slope / (2.0 * w)),
    )


def _change(dates: Dates, values: Floats) -> Floats:
    found = np.full(values.shape, np.nan)
    found[1:] = values[1:] - values[:-1]
    found[np.append(True, np.diff(dates) != np.timedelta64(1, "D"))] = np.nan
    return found


def _known(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _regime(rise: float, term: float, high: float, inverted: float) -> str:
    if np.isnan(rise) or np.isnan(term):
        return UNKNOWN
    return (CALM, WATCH, STRESS)[int(rise > high) + int(term > inverted)]
