"""The least value of a smooth function of a few free numbers, with its slopes, by the BFGS method.

For functions that take microseconds, of which a general library's bookkeeping would take ten times as many.
Reference: Nocedal and Wright (2006), Numerical Optimization, 6.1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tasks.model.arrays import Floats

_LONGEST_STEP, _FIRST_STEP = 2.0, 0.5
_SHORTEST_SHARE = 1e-10
_ENOUGH = 1e-4  # of the fall that the slope promises


def minimum(
    function: Callable[[Floats], tuple[float, Floats]], start: Floats, slope: float = 1e-6, steps: int = 500
) -> Floats:
    """Where no slope is above `slope`, or no step in the direction of descent gets lower; (k,).

    function: value and slopes (k,) at a point, all finite.
    """
    at = start
    value, slopes = function(at)
    inverse = np.eye(len(start)) * _FIRST_STEP / max(float(np.abs(slopes).max()), _FIRST_STEP)
    for turn in range(steps):
        if abs(slopes).max() <= slope:
            break
        way = -(inverse @ slopes)
        fall = float(way @ slopes)
        if fall >= 0.0:  # rounding has spoilt the curvature: begin again from none
            inverse, way = np.eye(len(start)), -slopes
            fall = float(way @ slopes)
        share = min(1.0, _LONGEST_STEP / abs(way).max())
        there, (lower, changed) = at + share * way, function(at + share * way)
        while lower > value + _ENOUGH * share * fall and share > _SHORTEST_SHARE:
            share *= 0.5
            there = at + share * way
            lower, changed = function(there)
        if lower > value:
            break
        step, change = there - at, changed - slopes
        if turn == 0:  # the scale of the first step is the function's own
            inverse = np.eye(len(start)) * max(float(step @ change) / float(change @ change), 1e-8)
        inverse = _curved(inverse, step, change)
        at, value, slopes = there, lower, changed
    return at


def _curved(inverse: Floats, step: Floats, change: Floats) -> Floats:
    """Inverse curvature once the slopes' change over a step is known; as it was where the step tells nothing."""
    along = float(step @ change)
    if along <= 1e-14:
        return inverse
    turned = inverse @ change
    half = step * ((1.0 + float(change @ turned) / along) / (2.0 * along)) - turned / along
    across = step[:, None] * half
    return np.asarray(inverse + across + across.T)
