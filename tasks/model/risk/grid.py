"""Hypothetical grid: fixed moves of price and volatility, per underlying and in its own price range.

A point moves every underlying by the same share of its own range, so a point's id is the same for all of them.
Reference: METHODOLOGY 3.3; SPAN, TIMS and the venues' portfolio margins are other parameters of the same grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks.model.arrays import Contracts, Floats, Ints, States
from tasks.model.policy import Grid, Policy
from tasks.model.pricing.revaluation import revalue

DOWN, FLAT, UP = -1, 0, 1
_WORDS = {DOWN: "DOWN", FLAT: "FLAT", UP: "UP"}
_STEPS = (-1.0, -2 / 3, -1 / 3, 0.0, 1 / 3, 2 / 3, 1.0)  # shares of the price range
_REFERENCE_TENOR_DAYS = 30.0
_SHORTEST_TENOR_DAYS = 1.0


@dataclass(frozen=True)
class Points:
    """Points of the grid for m underlyings, p of them."""

    ids: tuple[str, ...]
    spot_factor: Floats  # (m, p)
    vol_direction: Ints  # (p,) DOWN, FLAT or UP
    weight: Floats  # (m, p) share of the P&L that counts: 1, and range / move for an extreme move


def grid_pnl(contracts: Contracts, policy: Policy) -> tuple[tuple[str, ...], Floats]:
    """Ids of the points and weighted USD per one contract long at each, (n_contracts, n_points); gain > 0.

    Raises ModelInputError as `revalue`.
    """
    points = grid_points(contracts.underlyings, policy.grid)
    up = points.vol_direction == UP
    states = replace(
        States.still(contracts, len(points.ids)),
        spot_factor=points.spot_factor,
        level=vol_level(contracts.slices.days, points.vol_direction, policy.grid),
        vol_floor=np.where(up, policy.grid.vol_floor, 0.0),
    )
    return points.ids, revalue(contracts, states) * points.weight[contracts.underlying]


def grid_points(underlyings: tuple[str, ...], grid: Grid) -> Points:
    """Points in fixed order: the price steps at volatility down, flat and up, then the extreme moves."""
    ranges = np.array([[grid.range_fraction[name]] for name in underlyings]).reshape(-1, 1)
    regular = [(step, direction) for step in _STEPS for direction in (DOWN, FLAT, UP)]
    steps = np.array([step for step, _ in regular])
    extremes = np.array(grid.extreme_moves)
    ids = [f"G{step:+.2f}R/{_WORDS[direction]}" for step, direction in regular]
    ids += [f"X{move:+g}" for move in grid.extreme_moves]
    moves = np.hstack([ranges * steps, np.broadcast_to(extremes, (len(ranges), len(extremes)))])
    weight = np.hstack([np.ones((len(ranges), len(steps))), ranges / np.abs(extremes)])
    direction = np.array([direction for _, direction in regular] + [UP] * len(extremes))
    return Points(tuple(ids), 1.0 + moves, direction, weight)


def vol_level(days: Floats, direction: Ints, grid: Grid) -> Floats:
    """Factor on the volatility of each slice at each point, (n_slices, p): a share that grows towards expiry.

    The policy's floor lifts the raised volatility alone: it guards against a quiet market and must not soften the
    fall of a long option's value (docs/decisions). A lowered volatility ends at zero.
    """
    tenor = _REFERENCE_TENOR_DAYS / np.maximum(days, _SHORTEST_TENOR_DAYS)
    power = np.where(days <= _REFERENCE_TENOR_DAYS, grid.vol_power_short, grid.vol_power_long)
    share = (tenor**power)[:, None]
    raised, lowered = 1.0 + grid.vol_up_fraction * share, np.maximum(1.0 - grid.vol_down_fraction * share, 0.0)
    return np.where(direction == UP, raised, np.where(direction == DOWN, lowered, 1.0))
