"""What a portfolio would lose if its underlyings moved together otherwise than they did (METHODOLOGY 5, line 2).

The block of an underlying's moves (spot, volatility, basis) stays whole; blocks are paired anew across underlyings.
Only indices move: nothing is priced again, and nothing is drawn at random. A portfolio in one underlying keeps its
expected shortfall, for there is nothing to pair. Every portfolio meets the same pairs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats, Ints
from tasks.model.risk import tail


class Repaired(NamedTuple):
    """(p,) expected shortfall in USD of p portfolios, loss > 0."""

    comonotone: Floats  # worst spot return with worst, best with best
    independent: Floats  # mean over the shifted calendars


def repaired_shortfall(
    pnl: Floats, starts: Ints, place: Ints, spot_return: Floats, confidence: float, shifts: int
) -> Repaired:
    """Expected shortfall of portfolios under both pairings.

    pnl: (r, n) USD of each portfolio's rows, gain > 0, one row per underlying; starts: (p,) first row of each
    portfolio; place: (r,) row of spot_return (u, n) an underlying stands in. Raises ModelInputError as `tail`.
    """
    n = pnl.shape[1]
    ranked = np.argsort(spot_return, axis=1, kind="stable")
    comonotone = _shortfall(pnl, starts, ranked[place], confidence)
    calendar = np.arange(n)
    independent = np.zeros(len(starts))
    for shift in range(1, shifts + 1):
        moved = (calendar + place[:, None] * (shift * n // (shifts + 1))) % n
        independent += _shortfall(pnl, starts, moved, confidence)
    return Repaired(comonotone, independent / shifts)


def _shortfall(pnl: Floats, starts: Ints, order: Ints, confidence: float) -> Floats:
    paired = np.take_along_axis(pnl, order, axis=1)
    return tail.expected_shortfall(0.0 - np.add.reduceat(paired, starts), confidence)
