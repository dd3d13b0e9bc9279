"""Moves of implied volatility and of forwards that were observed, by tenor; a proxy acts where none was.

Both run over the liquidation period of their underlying from the start date, like its return, and are not rescaled:
they are moves of levels that were quoted, not of a price whose volatility is forecast. Reference: METHODOLOGY 0, 3.4.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tasks.model.arrays import Closes, Floats, Ints, TenorMoves
from tasks.model.market.returns import horizon_returns
from tasks.model.market.series import Factors

SHORTEST_BASIS_DAYS = 7.0  # nearer to expiry the forward runs into spot: its move shrinks with the time left


def vol_moves(factors: Factors, names: tuple[str, ...], horizon: Ints, starts: Ints) -> TenorMoves:
    """Log moves of the volatility level from each start position on the calendar."""
    return _moves(factors.volatility, names, horizon, starts)


def basis_moves(factors: Factors, closes: Closes, names: tuple[str, ...], horizon: Ints, starts: Ints) -> TenorMoves:
    """Moves of ln(F / S) from each start position; tenor infinite for the premium of a perpetual, ln(P / S)."""
    spot = {name: closes.close[closes.underlyings.index(name)] for name in names}
    ratios = {
        name: {days: series / spot[name] for days, series in by_tenor.items()}
        for name, by_tenor in factors.forward.items()
        if name in spot
    }
    return _moves(ratios, names, horizon, starts)


def at_tenors(moves: TenorMoves, underlying: int, days: Floats) -> Floats:
    """(g, n) moves of one underlying between its tenors, linear in the logarithm of days, and flat beyond them.

    days: (g,) finite, > 0. NaN in a scenario in which a tenor next to it has none.
    """
    known = np.flatnonzero(np.isfinite(moves.days) & ~np.isnan(moves.move[underlying]).all(axis=1))
    if not len(known):
        return np.full((len(days), moves.move.shape[2]), np.nan)
    tenor, move = np.log(moves.days[known]), moves.move[underlying, known]
    at = np.clip(np.log(days), tenor[0], tenor[-1])
    right = np.clip(np.searchsorted(tenor, at), 1, max(len(tenor) - 1, 1)) if len(tenor) > 1 else np.zeros(len(at), int)
    left = np.maximum(right - 1, 0)
    width = np.where(right > left, tenor[right] - tenor[left], 1.0)
    share = ((at - tenor[left]) / width)[:, None]
    # A tenor that carries no weight may be missing: nothing times NaN would not be nothing.
    near, far = (
        np.where(weight == 0.0, 0.0, weight * move[side]) for weight, side in ((1.0 - share, left), (share, right))
    )
    return np.asarray(near + far)


def ends(moves: TenorMoves, underlying: int) -> tuple[float, float]:
    """Shortest and longest finite tenor of one underlying in days; infinite and zero where there is none."""
    seen = ~np.isnan(moves.move[underlying]).all(axis=1) if len(moves.days) else np.zeros(0, dtype=np.bool_)
    known = moves.days[np.isfinite(moves.days) & seen]
    return (float(known.min()), float(known.max())) if len(known) else (np.inf, 0.0)


def _moves(
    levels: Mapping[str, Mapping[float, Floats]], names: tuple[str, ...], horizon: Ints, starts: Ints
) -> TenorMoves:
    tenors = sorted({days for name in names for days in levels.get(name, {})})
    move = np.full((len(names), len(tenors), len(starts)), np.nan)
    for u, name in enumerate(names):
        for days, series in levels.get(name, {}).items():
            move[u, tenors.index(days)] = horizon_returns(series, int(horizon[u]))[starts]
    return TenorMoves(np.array(tenors, dtype=np.float64), move)
