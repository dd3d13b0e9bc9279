"""Moves of implied volatility and of forwards that were observed, by tenor; a proxy acts where none was.

Both run over the liquidation period of their underlying from the start date, like its return, and are not rescaled:
they are moves of levels that were quoted, not of a price whose volatility is forecast. Reference: METHODOLOGY 0, 3.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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


def by_tenors_seen(moves: TenorMoves, underlying: int) -> Iterator[tuple[Ints, Floats, Floats]]:
    """Scenarios (m,) in which the same finite tenors were observed, one or more: with those days (k,) and moves (k, m).

    One day knows a whole surface, another an index of thirty days alone: each scenario is read off what its own has.
    """
    dated = np.flatnonzero(np.isfinite(moves.days))
    days, move = moves.days[dated], moves.move[underlying, dated]
    for seen in np.unique(~np.isnan(move), axis=1).T:
        if seen.any():
            scenarios = np.flatnonzero((~np.isnan(move) == seen[:, None]).all(axis=0))
            yield scenarios, days[seen], move[np.ix_(seen, scenarios)]


def at_tenors(tenors: Floats, move: Floats, days: Floats) -> Floats:
    """(g, m) moves at so many days, linear in the logarithm of days between tenors, and flat beyond them.

    tenors: (k,) ascending, k > 0; move: (k, m) finite; days: (g,) finite, > 0.
    """
    place, at = np.log(tenors), np.log(np.clip(days, tenors[0], tenors[-1]))
    right = np.clip(np.searchsorted(place, at), 1, max(len(place) - 1, 1)) if len(place) > 1 else np.zeros(len(at), int)
    left = np.maximum(right - 1, 0)
    width = np.where(right > left, place[right] - place[left], 1.0)
    share = ((at - place[left]) / width)[:, None]
    return np.asarray((1.0 - share) * move[left] + share * move[right])


def _moves(
    levels: Mapping[str, Mapping[float, Floats]], names: tuple[str, ...], horizon: Ints, starts: Ints
) -> TenorMoves:
    tenors = sorted({days for name in names for days in levels.get(name, {})})
    move = np.full((len(names), len(tenors), len(starts)), np.nan)
    for u, name in enumerate(names):
        for days, series in levels.get(name, {}).items():
            move[u, tenors.index(days)] = horizon_returns(series, int(horizon[u]))[starts]
    return TenorMoves(np.array(tenors, dtype=np.float64), move)
