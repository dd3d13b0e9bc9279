"""Likelihood ratios of breaches, -2 ln(L under the null / L at its best), 0 ln 0 being 0: no count gives NaN.

Every function takes arrays or numbers and returns an array of their common shape, >= 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlog1py, xlogy

from tasks.model.arrays import Floats
from tasks.model.assurance.breaches import Transitions


def proportion_ratio(breaches: ArrayLike, n: int, probability: float) -> Floats:
    """Whether breaches of n days are as frequent as they should be. Reference: Kupiec (1995)."""
    x = np.asarray(breaches, dtype=np.float64)
    best = xlogy(x, x / n) + xlogy(n - x, 1.0 - x / n)
    return _ratio(best, xlogy(x, probability) + xlog1py(n - x, -probability))


def waiting_ratio(days: ArrayLike, probability: float) -> Floats:
    """Whether a breach came on its day, 1 for the first day of the wait. Reference: Kupiec (1995); Haas (2001)."""
    v = np.asarray(days, dtype=np.float64)
    best = xlogy(v - 1.0, 1.0 - 1.0 / v) - np.log(v)
    return _ratio(best, np.log(probability) + xlog1py(v - 1.0, -probability))


def independence_ratio(of: Transitions) -> Floats:
    """Whether a breach is as frequent after a breach as after none. Reference: Christoffersen (1998)."""
    n00, n01, n10, n11 = (np.asarray(each, dtype=np.float64) for each in of)
    best = _binary(n00, n01) + _binary(n10, n11)
    return _ratio(best, _binary(n00 + n10, n01 + n11))


def _binary(without: Floats, breaches: Floats) -> Floats:
    """Log-likelihood of days at the frequency they show."""
    days = np.maximum(without + breaches, 1.0)
    return np.asarray(xlogy(breaches, breaches / days) + xlogy(without, without / days))


def _ratio(best: Floats, null: Floats) -> Floats:
    return np.asarray(np.maximum(2.0 * (best - null), 0.0))
