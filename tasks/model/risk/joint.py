"""Positions and coin collateral under one scenario: what is left of an account when both move together.

A position that loses in the coin it is collateralised with loses twice: by its P&L and by the price of what covers it.
Reference: METHODOLOGY 4 and 5, line 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats


class Joint(NamedTuple):
    """(..., n) USD in each scenario."""

    collateral: Floats  # worth of the coins, a debt below zero
    equity: Floats  # the coins and what the positions have gained


def joint_outcome(position_pnl: Floats, coin_usd: Floats, spot_factor: Floats) -> Joint:
    """Coins and equity after each scenario.

    position_pnl: (..., n) USD, gain > 0; coin_usd: (..., u) USD of each coin held now, a debt below zero;
    spot_factor: (u, n) S'/S of each coin. Coins are summed in their order.
    """
    collateral = np.zeros(np.broadcast_shapes(position_pnl.shape, (*coin_usd.shape[:-1], spot_factor.shape[-1])))
    for coin, factor in enumerate(spot_factor):
        collateral = collateral + coin_usd[..., coin, None] * factor
    return Joint(collateral, collateral + position_pnl)
