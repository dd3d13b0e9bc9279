"""Variance of a bar from its open, high, low and close: several times as sharp as from the close alone.

All are per bar, of the log price, prices > 0 and broadcast; NaN in gives NaN out. Parkinson and Garman-Klass assume no
drift, Rogers-Satchell holds with one. Jumps between bars are seen by none of them. They are
challengers of the forecast from daily closes: no scenario is scaled by them.
Reference: Parkinson (1980); Garman and Klass (1980); Rogers and Satchell (1991).
"""

from __future__ import annotations

import math

import numpy as np

from tasks.model.arrays import Floats


def parkinson_variance(high: Floats, low: Floats) -> Floats:
    """ln(H/L)^2 / (4 ln 2)."""
    return np.asarray(np.log(high / low) ** 2 / (4.0 * math.log(2.0)))


def garman_klass_variance(open_: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2."""
    return np.asarray(0.5 * np.log(high / low) ** 2 - (2.0 * math.log(2.0) - 1.0) * np.log(close / open_) ** 2)


def rogers_satchell_variance(open_: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """ln(H/C) ln(H/O) + ln(L/C) ln(L/O)."""
    return np.asarray(np.log(high / close) * np.log(high / open_) + np.log(low / close) * np.log(low / open_))
