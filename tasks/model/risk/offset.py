"""What gains of one set of contracts may do for another, and how far moves too large to be likely are toned down.

Reference: portfolio margin of Deribit.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats, require_finite


def offset_gains(pnl: Floats, fraction: float, largest: float) -> Floats:
    """P&L with gains at a fraction of at most `largest` of them; losses count in full. Raises NON_FINITE."""
    require_finite("P&L of a set", pnl)
    return np.where(pnl > 0.0, fraction * np.minimum(pnl, largest), pnl)


def toned_down(pnl: Floats, allowance: Floats) -> Floats:
    """P&L brought towards zero, and never through it, by an allowance >= 0 of each scenario. Raises NON_FINITE."""
    require_finite("P&L of a set", pnl)
    return np.asarray(np.sign(pnl) * np.maximum(np.abs(pnl) - require_finite("allowance", allowance), 0.0))
