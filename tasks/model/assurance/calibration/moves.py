"""Moves that do not overlap, so that one says nothing of the next but by its size.

A move runs over exactly its days; one with a missing close is no move of zero but none. They are laid back from the
last close, so that the latest days are always used. Reference: METHODOLOGY 0 (returns) and 9.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.haircut_test import largest_falls
from tasks.model.market.returns import horizon_returns


def separate_returns(close: Floats, days: int, most: int) -> Floats:
    """Log returns over `days`, (n,), of the latest most days without a common day, oldest first.

    close: (n_days,) USD by calendar day, NaN where missing.
    """
    return _separate(horizon_returns(close, days), days, most)


def separate_falls(close: Floats, days: int, most: int) -> Floats:
    """Largest fall from a close to those of the `days` after it, fraction of it, >= 0; (n,) without a common day."""
    return np.maximum(_separate(largest_falls(close, days), days, most), 0.0)


def _separate(moves: Floats, days: int, most: int) -> Floats:
    """Of moves by start day, (n_days,), those that end on the last day, `days` before it, and so on; missing left out.

    `most` counts days, not moves.
    """
    latest = moves[: len(moves) - days][::-1][:most:days][::-1]
    return np.asarray(latest[np.isfinite(latest)])
