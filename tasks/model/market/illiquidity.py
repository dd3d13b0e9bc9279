"""How far a price moves per unit of money traded: a yardstick for the impact the close-out cost assumes.

No requirement line reads it. Reference: Amihud (2002).
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, ModelInputError


def amihud(returns: Floats, volume_usd: Floats) -> float:
    """Mean of |daily return| / volume of the day, per USD; both (n,).

    Raises ModelInputError NON_FINITE, or VOLUME where a day has none: its illiquidity is unbounded and not zero.
    """
    require_finite("return", returns)
    require_finite("volume", volume_usd)
    if not len(volume_usd) or (volume_usd <= 0.0).any():
        raise ModelInputError(Finding("VOLUME", "a day without volume has no illiquidity", limit="> 0"))
    return float(np.mean(np.abs(returns) / volume_usd))
