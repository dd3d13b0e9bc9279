"""Volatility tilted or bent along the strikes, option by option.

    Linear  1 + sign(k) min(c, |k| c / k*)     upper strikes up, lower ones down
    Abs     1 +         min(c, |k| c / k*)     both wings up
    k = ln(K/F), c = cap + per_root_year √T, k* = max(smallest, √T width (vol + per_root_year_vol √T))

Beyond k* the factor grows no further; where k* is zero every strike is beyond it. Reference: portfolio margin of
Derive, second version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from tasks.model.arrays import Contracts, Floats, require_finite
from tasks.model.policy import Bound, Choice

LINEAR, ABS = "LINEAR", "ABS"


@dataclass(frozen=True)
class Tilt:
    """One skew scenario: its form and the height of its factor above one."""

    form: Annotated[str, Choice(LINEAR, ABS)]
    cap: Annotated[float, Bound(0.0, 100.0, "share of volatility at expiry")]
    cap_per_root_year: Annotated[float, Bound(-100.0, 100.0, "share of volatility per sqrt(year)")]
    weight: Annotated[float, Bound(0.0, 100.0, "share of the loss that counts")]


@dataclass(frozen=True)
class Wings:
    """Where the wings begin: the log-moneyness k* at which a tilt is at its height."""

    smallest: Annotated[float, Bound(0.0, 100.0, "log moneyness")]
    width: Annotated[float, Bound(0.0, 100.0, "standard deviations")]
    vol: Annotated[float, Bound(0.0, 100.0, "fraction per sqrt(year)")]
    vol_per_root_year: Annotated[float, Bound(-100.0, 100.0, "change of vol per sqrt(year)")]


def tilt_factor(contracts: Contracts, tilt: Tilt, wings: Wings) -> Floats:
    """(n,) factor on the volatility of each option, >= 0; 1 for forwards. Raises ModelInputError NON_FINITE."""
    factor = np.ones(len(contracts.ids))
    at = np.flatnonzero(contracts.is_option)
    root = np.sqrt(np.maximum(require_finite("years_to_expiry", contracts.years_to_expiry[at]), 0.0))
    k = require_finite("log moneyness", np.log(contracts.strike[at] / contracts.forward[at]))
    height = tilt.cap + tilt.cap_per_root_year * root
    start = np.maximum(wings.smallest, root * wings.width * (wings.vol + root * wings.vol_per_root_year))
    # Where the wings begin at once every strike is in them, the one at the money too.
    reached = np.abs(k) * height / np.where(start > 0.0, start, 1.0)
    rise = np.where(start > 0.0, np.minimum(height, reached), height)
    factor[at] = np.maximum(1.0 + (np.sign(k) * rise if tilt.form == LINEAR else rise), 0.0)
    return factor
