"""How fast and how far a margin rate moves: of a portfolio that never changes, as a rate of its notional.

In USD the price of the coin would be most of what is measured. A day without a figure is NaN in a series by calendar
day and takes no part; nothing is filled. A fall from a peak is not the peak to trough: a cycle that only rises has one
too. Reference: Murphy, Vasios and Vause (2014); CPMI-IOSCO (2015); METHODOLOGY 9.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.errors import Finding, ModelInputError
from tasks.model.risk.tail import value_at_risk


class BufferUse(NamedTuple):
    """How much of a procyclicality buffer was drawn."""

    largest_share: float  # 0 to 1 of the full buffer, on the worst day; NaN without a figure
    days_below: int  # days on which less than all of it stood


def peak_to_trough(margin: Floats) -> float:
    """Largest over smallest margin, >= 1, whichever came first; NaN without a figure.

    margin: (n,) > 0 by calendar day, NaN where there is none. Raises ModelInputError FORECAST where one is not above 0.
    """
    known = _known(margin)
    return float(known.max() / known.min()) if len(known) else math.nan


def rises(margin: Floats, days: int) -> Floats:
    """(n - days,) relative change over exactly so many days, NaN where either end is; empty where n is smaller.

    Raises as `peak_to_trough`.
    """
    _known(margin)
    return margin[days:] / margin[: max(len(margin) - days, 0)] - 1.0


def largest_rise(margin: Floats, days: int) -> float:
    """Largest relative rise over exactly so many days, below 0 where it only fell; NaN without one."""
    return _largest(rises(margin, days))


def large_call(margin: Floats, days: int, confidence: float) -> float:
    """Quantile of what is called over so many days, of the margin before them, >= 0; NaN without one.

    A fall is no call. The house's quantile: at 99 % one day in a hundred asks for more. Raises as `peak_to_trough`, and
    CONFIDENCE.
    """
    moves = rises(margin, days)
    calls = np.maximum(moves[np.isfinite(moves)], 0.0)
    return float(value_at_risk(calls, confidence)) if len(calls) else math.nan


def elasticity(margin: Floats, volatility: Floats) -> float:
    """Change of ln margin per change of ln volatility, day by day: slope through 0 of one on the other.

    1: margin follows volatility in full; 0: not at all. volatility: (n,) > 0, NaN where there is none, on the days of
    the margin. NaN where volatility never moved. Raises as `peak_to_trough`; SHAPE.
    """
    if margin.shape != volatility.shape:
        raise ModelInputError(
            Finding("SHAPE", "a volatility for every margin", value=f"{margin.shape}, {volatility.shape}")
        )
    y, x = np.log1p(rises(margin, 1)), np.log1p(rises(volatility, 1))
    both = np.isfinite(x) & np.isfinite(y)
    moved = float(x[both] @ x[both])
    return float(x[both] @ y[both]) / moved if moved > 0.0 else math.nan


def buffer_use(standing: Floats, full: float) -> BufferUse:
    """standing: (n,) buffer fraction in force on each day, 0 to `full`, NaN where none is known; full: > 0.

    Raises ModelInputError FORECAST where `full` is not above 0.
    """
    if not full > 0.0:
        raise ModelInputError(Finding("FORECAST", "there is no buffer to use", value=str(full), limit="> 0"))
    known = standing[np.isfinite(standing)]
    share = np.maximum(1.0 - known / full, 0.0)
    return BufferUse(float(share.max()) if len(known) else math.nan, int((share > 0.0).sum()))


def _largest(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else math.nan


def _known(values: Floats) -> Floats:
    """Those that are there. Raises ModelInputError FORECAST where one is not above 0 or infinite."""
    known = values[~np.isnan(values)]
    wrong = (known <= 0.0) | np.isinf(known)
    if wrong.any():
        raise ModelInputError(
            Finding("FORECAST", "a margin rate or volatility is not above 0", value=str(known[wrong][0]))
        )
    return known
