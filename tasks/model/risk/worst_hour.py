"""The worst start hour of a stressed date: a crash does not wait for the hour of the daily close.

The anchor chooses the hour, and every underlying with bars of its own moves from that hour, so a date keeps one story;
one without bars keeps its daily close. Reference: METHODOLOGY 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tasks.model.arrays import Floats, Ints
from tasks.model.market.returns import horizon_returns

DAILY_CLOSE = -1  # no hour of the bars moves further than the daily close


def worst_hours(hourly: Mapping[float, Floats], daily: Floats, days: int, starts: Ints) -> Ints:
    """Hour (n,) of each start position from which the anchor moves furthest over `days`, DAILY_CLOSE where none does.

    hourly: closes by hour, (n_days,) each; daily: the anchor's returns by its daily closes, (n_days,); NaN = missing.
    Of equal moves the earliest hour is taken.
    """
    hours = sorted(hourly)
    size = np.stack([np.abs(horizon_returns(hourly[hour], days)[starts]) for hour in hours])
    size = np.where(np.isnan(size), -1.0, size)
    own = np.nan_to_num(np.abs(daily[starts]), nan=-0.5)
    furthest = np.argmax(size, axis=0)
    beyond = size[furthest, np.arange(len(starts))] > own
    return np.where(beyond, np.array(hours)[furthest], DAILY_CLOSE).astype(np.int64)


def moves_from(hourly: Mapping[float, Floats], daily: Floats, days: int, starts: Ints, hours: Ints) -> Floats:
    """Return (n,) over `days` from each start position at its hour, by the daily closes where there is no such bar."""
    moves = daily[starts].copy()
    for hour in np.unique(hours[hours != DAILY_CLOSE]).tolist():
        at = np.flatnonzero(hours == hour)
        if float(hour) in hourly:
            bars = horizon_returns(hourly[float(hour)], days)[starts[at]]
            moves[at] = np.where(np.isnan(bars), moves[at], bars)
    return moves
