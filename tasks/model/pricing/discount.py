"""What one unit paid at expiry is worth today: the one place where a policy's rates enter the price of options.

A rate belongs to the asset that is paid: the coin of a coin-settled option, the stablecoin or currency of the others.
Futures and perpetuals are settled daily and never discounted. Without a rate the factor is exactly one.
Reference: METHODOLOGY 0 (rates).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.model.arrays import Bools, Floats
from tasks.model.policy import Discounting
from tasks.model.pricing import gbsm


def factors(assets: NDArray[np.str_], years: Floats, is_option: Bools, rates: Discounting) -> Floats:
    """(n,) units today per unit of each contract's settlement asset paid at its expiry; 1 unless an option.

    years: of 365 days to expiry, NaN for perpetuals; below zero counts as zero.
    """
    rate = np.array([rates.rate_per_year[asset] for asset in assets.tolist()], dtype=np.float64)
    return np.where(is_option, gbsm.discount(rate, np.maximum(np.nan_to_num(years, nan=0.0), 0.0)), 1.0)
