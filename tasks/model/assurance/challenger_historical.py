"""Historical simulation, plain and filtered: the two models most back-tests of clearing houses begin with.

Plain, every past move counts as it was. Filtered, each underlying's move is scaled from the volatility of its own time
to the present one, in full by default, so that the margin follows volatility wherever it goes.
Reference: Barone-Adesi, Giannopoulos and Vosper (1999); Hull and White (1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats, Ints
from tasks.model.assurance.challenger_moves import Levels, Memory, Moves, TailPaths, nothing, windows
from tasks.model.market.volatility import scale_factor
from tasks.model.risk import tail


@dataclass(frozen=True)
class Rescaling:
    """How far a move is brought to the present: none, mid or full, and the factors it is kept within."""

    scaling: str
    lowest: float
    highest: float


def historical_tails(moves: Moves, weights: Floats, memory: Memory, rescaling: Rescaling, levels: Levels) -> TailPaths:
    """Margin and forecast tail of each portfolio at each close. weights: (p, u) of a gross of one, long > 0.

    Raises ModelInputError CONFIDENCE.
    """
    paths = nothing(len(weights), moves.daily.shape[1])
    volatility = moves.volatility(memory.half_life_days)
    held, group = np.unique((weights != 0.0).astype(np.int64), axis=0, return_inverse=True)
    for at, legs in enumerate(held):
        _fill(
            paths,
            np.flatnonzero(group == at),
            moves,
            weights,
            volatility,
            np.flatnonzero(legs),
            memory,
            rescaling,
            levels,
        )
    return paths


def _fill(
    paths: TailPaths,
    rows: Ints,
    moves: Moves,
    weights: Floats,
    volatility: Floats,
    legs: Ints,
    memory: Memory,
    rescaling: Rescaling,
    levels: Levels,
) -> None:
    """The portfolios that hold the same legs, day by day."""
    valid = np.asarray(np.isfinite(moves.returns[legs] * volatility[legs]).all(axis=0), dtype=np.bool_)
    for day, starts in windows(valid, moves.reach(weights[rows[0]]), memory, moves.since):
        losses = np.zeros((len(rows), len(starts)))
        for leg in legs:
            factor = _factor(volatility[leg], starts, day, rescaling)
            losses -= weights[rows, leg][:, None] * np.expm1(moves.returns[leg, starts] * factor)
        paths.margin[rows, day] = tail.expected_shortfall(losses, levels.margin)
        paths.value_at_risk[rows, day] = tail.value_at_risk(losses, levels.forecast)
        paths.expected_shortfall[rows, day] = tail.expected_shortfall(losses, levels.forecast)


def _factor(volatility: Floats, starts: Ints, day: int, rule: Rescaling) -> Floats:
    return scale_factor(volatility[starts], float(volatility[day]), rule.scaling, rule.lowest, rule.highest)
