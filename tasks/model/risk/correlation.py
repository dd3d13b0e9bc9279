"""What a portfolio would lose if its underlyings moved together otherwise than they did (METHODOLOGY 5, line 2).

The block of an underlying's moves (spot, volatility, basis) stays whole; blocks are paired anew across underlyings.
Only indices move: nothing is priced again, and nothing is drawn at random. A portfolio in one underlying keeps its
expected shortfall, for there is nothing to pair. Every portfolio meets the same pairs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model import kernels
from tasks.model.arrays import Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.risk import tail


class Repaired(NamedTuple):
    """(p,) expected shortfall in USD of p portfolios, loss > 0."""

    comonotone: Floats  # worst spot return with worst, best with best
    independent: Floats  # mean over the shifted calendars


def repaired_shortfall(
    pnl: Floats,
    starts: Ints,
    place: Ints,
    spot_return: Floats,
    confidence: float,
    shifts: int,
    threads: int = 1,
) -> Repaired:
    """Expected shortfall of portfolios under both pairings.

    pnl: (r, at least n) USD of each portfolio's rows, gain > 0, one row per underlying; starts: (p,) first row of each
    portfolio; place: (r,) row of spot_return (u, n) an underlying stands in. Raises ModelInputError as `tail`, and
    SHAPE where rows, portfolios and returns do not fit each other.
    """
    n = spot_return.shape[1]
    _require_fit(pnl, starts, place, spot_return, shifts)
    order, rows = pairings(spot_return, shifts), np.ascontiguousarray(pnl)
    ends = np.append(starts, len(rows)).astype(np.int64)
    worst = np.empty((len(starts), len(order), tail.wanted(n, confidence)))

    def read(first: int, last: int) -> None:
        kernels.smallest_repaired(first, last, rows, ends, place, order, worst)

    kernels.in_parts(read, len(starts), threads)
    shortfall = tail.mean_of_worst(require_finite("loss", worst), n, confidence)
    independent = np.zeros(len(starts))
    for shift in range(1, shifts + 1):
        independent += shortfall[:, shift]
    return Repaired(shortfall[:, 0], independent / shifts)


def pairings(spot_return: Floats, shifts: int) -> Ints:
    """(1 + shifts, u, n) scenario of each underlying at each place: ranked by return, then by shifted calendars."""
    u, n = spot_return.shape
    ranked = np.argsort(spot_return, axis=1, kind="stable")
    moved = [(np.arange(n) + np.arange(u)[:, None] * (k * n // (shifts + 1))) % n for k in range(1, shifts + 1)]
    return np.stack([ranked, *moved]).astype(np.int64)


def _require_fit(pnl: Floats, starts: Ints, place: Ints, spot_return: Floats, shifts: int) -> None:
    """The kernel checks no index: a wrong one would read another portfolio's P&L, or what is none."""
    u, n = spot_return.shape
    within = not len(place) or (place.min() >= 0 and place.max() < u)
    edges = np.append(starts, len(pnl))
    ordered = edges[0] == 0 and bool((np.diff(edges) >= 0).all())
    if not (within and ordered and len(place) == len(pnl) and pnl.shape[1] >= n and shifts >= 1):
        raise ModelInputError(Finding("SHAPE", "rows of P&L do not fit the portfolios or the returns"))
