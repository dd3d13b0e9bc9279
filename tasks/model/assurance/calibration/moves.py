"""Moves that do not overlap, so that one says nothing of the next but by its size.

A move runs over exactly its days; one with a missing close is no move of zero but none. They are laid back from the
last close, so that the latest days are always used. Reference: METHODOLOGY 0 (returns) and 9.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.haircut_test import largest_falls, whole_periods
from tasks.model.market.returns import horizon_returns
from tasks.model.risk.tail import value_at_risk


def separate_returns(close: Floats, days: int, most: int) -> Floats:
    """Log returns over `days`, (n,), of the latest most days without a common day, oldest first.

    close: (n_days,) USD by calendar day, NaN where missing.
    """
    return _separate(horizon_returns(close, days), days, most)


def separate_falls(close: Floats, days: int, most: int, confidence: float) -> Floats:
    """Largest fall from a close to those of the `days` after it, fraction of it, >= 0; (n,) without a common day.

    One with a missing close fell at least to its lowest known one. It is left out, unless that is beyond the quantile
    of the others at this confidence: what is known to be beyond must not be forgotten for what is not known.
    """
    falls, whole = np.maximum(largest_falls(close, days), 0.0), whole_periods(close, days)
    others = _separate(np.where(whole, falls, np.nan), days, most)
    if not len(others):
        return others
    beyond = falls > value_at_risk(others, confidence)
    return _separate(np.where(whole | beyond, falls, np.nan), days, most)


def _separate(moves: Floats, days: int, most: int) -> Floats:
    """Of moves by start day, (n_days,), those that end on the last day, `days` before it, and so on; missing left out.

    `most` counts days, not moves.
    """
    latest = moves[: len(moves) - days][::-1][:most:days][::-1]
    return np.asarray(latest[np.isfinite(latest)])
