"""Most likely generalised Pareto tails of many samples at once: a fit for every day of a back-test.

With theta = xi / beta the likelihood has its maximum over xi in closed form,

    xi(theta) = mean ln(1 + theta x),   ln L / k = -ln(xi / theta) - xi - 1,

so that one number is searched per sample: on a grid, then by golden section around the best point of it. Shapes are
kept where the law has a mean and its likelihood a maximum. `extreme_value.fit_tail` searches both numbers and is what
this is checked against. Reference: Grimshaw (1993).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError

LOWEST_SHAPE, HIGHEST_SHAPE = -0.5, 0.9
_POINTS, _STEPS = 24, 32  # of the grid and of the golden section
_GOLDEN = (5.0**0.5 - 1.0) / 2.0
_EXPONENTIAL = 1e-7  # a theta nearer to zero than this is the exponential law


class ParetoRows(NamedTuple):
    """Of r samples."""

    scale: Floats  # (r,) unit of the losses, > 0
    shape: Floats  # (r,) within LOWEST_SHAPE and HIGHEST_SHAPE


def most_likely_tails(excess: Floats, count: Ints) -> ParetoRows:
    """Tails of losses beyond a threshold, less that threshold.

    excess: (r, k) > 0 in its first count places, 0 behind; count: (r,) at least 2.
    Raises ModelInputError NON_FINITE; TAIL where a sample has no two excesses above zero.
    """
    require_finite("excess", excess)
    if not len(count) or int(count.min()) < 2 or float(excess.max(axis=1).min()) <= 0.0:
        raise ModelInputError(Finding("TAIL", "a sample has too few losses beyond its threshold", limit=">= 2"))
    unit = excess.sum(axis=1) / count
    scaled = excess / unit[:, None]
    theta = _searched(scaled, count)
    shape = np.clip(_shape(scaled, count, theta), LOWEST_SHAPE, HIGHEST_SHAPE)
    near = np.abs(theta) < _EXPONENTIAL
    scale = np.where(near, 1.0, shape / np.where(near, 1.0, theta))
    return ParetoRows(scale * unit, np.where(near, 0.0, shape))


def _searched(scaled: Floats, count: Ints) -> Floats:
    """(r,) theta of the most likely law."""
    lowest = -(1.0 - 1e-6) / scaled.max(axis=1)
    # Points crowd towards the lower end, where the likelihood bends most; 4 means of the excess is beyond any shape.
    share = (np.arange(_POINTS) / (_POINTS - 1.0)) ** 1.5
    grid = lowest[:, None] + share * (4.0 - lowest[:, None])
    value = np.stack([_likelihood(scaled, count, grid[:, at]) for at in range(_POINTS)], axis=1)
    best = np.argmax(value, axis=1)
    rows = np.arange(len(best))
    low, high = grid[rows, np.maximum(best - 1, 0)], grid[rows, np.minimum(best + 1, _POINTS - 1)]
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        better = _likelihood(scaled, count, left) >= _likelihood(scaled, count, right)
        low, high = np.where(better, low, left), np.where(better, right, high)
    return np.asarray((low + high) / 2.0)


def _likelihood(scaled: Floats, count: Ints, theta: Floats) -> Floats:
    """(r,) mean logarithm of the likelihood; minus infinity for shapes that are not taken."""
    near = np.abs(theta) < _EXPONENTIAL
    shape = _shape(scaled, count, np.where(near, 1.0, theta))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = -np.log(shape / np.where(near, 1.0, theta)) - shape - 1.0
    taken = (shape >= LOWEST_SHAPE) & (shape <= HIGHEST_SHAPE)
    return np.where(near, -1.0, np.where(taken, found, -np.inf))  # the mean excess is 1: ln L / k = -1 at theta 0


def _shape(scaled: Floats, count: Ints, theta: Floats) -> Floats:
    """(r,) most likely shape at theta; places behind the sample are 0 and add nothing."""
    return np.asarray(np.log1p(theta[:, None] * scaled).sum(axis=1) / count)
