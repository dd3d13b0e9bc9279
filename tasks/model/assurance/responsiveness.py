"""Measures of procyclicality by named window: the whole history, the last years, and the crashes everybody asks about.

A window holds its first and last day, and every measure uses days within it alone, so that figures of one window never
depend on how much history there is besides. The crash windows begin a month before the day they are named for, so that
twenty-day rises into it are seen, and end two months after, so that the way down is.
Reference: METHODOLOGY 9; Bank for International Settlements (2022), on margining practices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.model.arrays import Dates, Floats
from tasks.model.assurance import procyclicality
from tasks.model.errors import Finding, ModelInputError

RISE_DAYS = (1, 5, 20)
LARGE_CALL_CONFIDENCE = 0.99
_BEFORE, _AFTER = np.timedelta64(31, "D"), np.timedelta64(61, "D")
_YEAR = np.timedelta64(365, "D")
CRASHES = {
    "2020-03 pandemic": "2020-03-12",
    "2021-05 mining ban": "2021-05-19",
    "2022-06 lenders fail": "2022-06-13",
    "2022-11 exchange fails": "2022-11-08",
    "2025-10 liquidations": "2025-10-10",
}


@dataclass(frozen=True)
class Window:
    """A span of days with a name: first and last belong to it."""

    name: str
    first: np.datetime64
    last: np.datetime64


@dataclass(frozen=True)
class MarginPath:
    """The margin rate of one static portfolio and what it is held against, one row for each calendar day.

    Raises ModelInputError SHAPE where lengths differ, there is no day, or days are not consecutive.
    """

    dates: Dates  # (n,) consecutive calendar days
    rate: Floats  # (n,) fraction of notional > 0, NaN where there is none
    volatility: Floats  # (n,) of the portfolio's underlying, > 0 per any period, NaN where there is none
    buffer: Floats  # (n,) APC buffer in force, fraction of the margin; NaN where there is none
    full_buffer: float  # fraction when nothing of it is used; 0 where the policy has none

    def __post_init__(self) -> None:
        n = len(self.dates)
        whole = n > 0 and all(each.shape == (n,) for each in (self.rate, self.volatility, self.buffer))
        if not whole or (np.diff(self.dates) != np.timedelta64(1, "D")).any():
            raise ModelInputError(Finding("SHAPE", "a margin path needs one value for each of consecutive days"))

    def within(self, window: Window) -> MarginPath | None:
        """The days of a window, None where the path has none of them."""
        kept = (self.dates >= window.first) & (self.dates <= window.last)
        if not kept.any():
            return None
        return MarginPath(self.dates[kept], self.rate[kept], self.volatility[kept], self.buffer[kept], self.full_buffer)


def windows(first: np.datetime64, last: np.datetime64) -> tuple[Window, ...]:
    """All days, the last 3 years and last year before and with `last`, and each crash that lies between, at its day."""
    recent = [Window(f"{years} y", max(first, last - years * _YEAR + 1), last) for years in (3, 1)]
    days = {name: np.datetime64(day) for name, day in CRASHES.items()}
    crashes = [Window(name, day - _BEFORE, day + _AFTER) for name, day in days.items() if first <= day <= last]
    return (Window("all", first, last), *recent, *crashes)


def responsiveness(path: MarginPath, asked: tuple[Window, ...]) -> pl.DataFrame:
    """One row for each window that has days: window, first_date, last_date, days, peak_to_trough, elasticity,
    buffer_used, days_below_buffer, and largest_rise and large_call over 1, 5 and 20 days (_1d, _5d, _20d).

    Dates are those of the path within the window, days those with a margin. Ratios and fractions; NaN where a window
    has not the days for a measure, null for the buffer where the policy has none. Raises as `procyclicality`.
    """
    parts = ((window, path.within(window)) for window in asked)
    return pl.DataFrame([_row(window, part) for window, part in parts if part is not None])


def _row(window: Window, path: MarginPath) -> dict[str, object]:
    used = procyclicality.buffer_use(path.buffer, path.full_buffer) if path.full_buffer > 0.0 else None
    return {
        "window": window.name,
        "first_date": path.dates[0].item(),
        "last_date": path.dates[-1].item(),
        "days": int(np.isfinite(path.rate).sum()),
        "peak_to_trough": procyclicality.peak_to_trough(path.rate),
        **{f"largest_rise_{days}d": procyclicality.largest_rise(path.rate, days) for days in RISE_DAYS},
        "elasticity": procyclicality.elasticity(path.rate, path.volatility),
        **{
            f"large_call_{days}d": procyclicality.large_call(path.rate, days, LARGE_CALL_CONFIDENCE)
            for days in RISE_DAYS
        },
        "buffer_used": used.largest_share if used else None,
        "days_below_buffer": used.days_below if used else None,
    }
