"""What it costs to close a position out into the market (METHODOLOGY 5, line 3).

    d = Q / (φ·ADV)                                   days at a share φ of the daily volume
    d ≤ h:  Q·(half spread + Y·σ·√(Q/ADV))
    d > h:  Q·(half spread + Y·σ·√φ) + B·(√(d/h) − 1)

Q and ADV are in one unit: USD of delta, or USD of vega; the half spread and the daily move σ are in the price that Q
moves with. Just above d = h the second line is lower than the first at d = h by Q·Y·σ·(√(φh) − √φ); the charge is
held at that value there, so that neither a larger position nor a thinner market ever costs less (docs/decisions).
Reference: the square-root law of market impact.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats


def half_spread(bid: Floats, ask: Floats) -> Floats:
    """Half of the spread as a fraction of the middle; NaN where the book is not two-sided or is crossed."""
    with np.errstate(invalid="ignore"):
        usable = (bid > 0.0) & (ask > bid) & np.isfinite(ask)
    return np.where(usable, (ask - bid) / np.where(usable, ask + bid, 1.0), np.nan)


def days_to_close(size: Floats, daily_volume: Floats, participation: float) -> Floats:
    """Days a size takes at a share of the daily volume, both in one unit; size >= 0, daily_volume > 0."""
    return np.asarray(size / (participation * daily_volume))


def impact(size: Floats, daily_volume: Floats, volatility: Floats, factor: float) -> Floats:
    """Price given way by a size, in units of the volatility's price: factor x volatility x sqrt(size / volume)."""
    return np.asarray(factor * volatility * np.sqrt(size / daily_volume))


def close_out_cost(
    size: Floats,
    daily_volume: Floats,
    spread: Floats,
    volatility: Floats,
    margin: Floats,
    horizon_days: Floats,
    participation: float,
    factor: float,
) -> Floats:
    """USD per position, >= 0, all arguments (n,).

    size: |Q| in USD of delta or vega; daily_volume: ADV in the same unit, > 0; spread: half spread; volatility: move
    of a day; margin: B(g) in USD, a gain counting nothing; horizon_days: h >= 1.
    """
    days = days_to_close(size, daily_volume, participation)
    within = size * (
        spread + impact(np.minimum(size, participation * horizon_days * daily_volume), daily_volume, volatility, factor)
    )
    longer = np.sqrt(np.maximum(days / horizon_days, 1.0)) - 1.0
    beyond = size * (spread + factor * volatility * np.sqrt(participation)) + np.maximum(margin, 0.0) * longer
    return np.where(days > horizon_days, np.maximum(within, beyond), within)
