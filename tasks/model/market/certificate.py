"""Whether a slice admits arbitrage, and the slice nearest to it that does not.

The certificate holds on a dense grid of |k| <= 1.5: no butterfly (g >= 0), and no calendar spread for less than nothing
(total variance at least that of the expiry before). Reference: Gatheral and Jacquier (2014); METHODOLOGY 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import bisect, minimize_scalar

from tasks.model.arrays import Floats
from tasks.model.market.svi import JumpWings, Svi, from_jump_wings, jump_wings

RANGE = 1.5  # log-moneyness on either side
_STEPS = 3001
_CENTRE_WIDTHS, _CENTRE_STEPS = 10.0, 801  # finer steps about the money, in units of sqrt(w(0))
_REPAIR_SHARES = np.linspace(0.0, 1.0, 11)
_WING_SHARES = (1.0, 0.75, 0.5, 0.25)
_LIFT_MARGIN = 1e-6


class Certificate(NamedTuple):
    """Lowest g, and lowest lead over the expiry before (inf for the first), on the grid."""

    min_g: float
    min_calendar_gap: float

    @property
    def passes(self) -> bool:
        """Whether neither arbitrage is found."""
        return self.min_g >= 0.0 and self.min_calendar_gap >= 0.0


class Butterfly(NamedTuple):
    """Where a slice admits butterfly arbitrage: its lowest g, the log-moneyness of it, and the outer edges of g < 0."""

    min_g: float
    at: float
    first: float
    last: float


def grid(atm_variance: float, steps: int = _STEPS, centre_steps: int = _CENTRE_STEPS) -> Floats:
    """Sorted log-moneyness: even steps over the whole range, finer ones where a slice of this level bends."""
    width = min(_CENTRE_WIDTHS * float(np.sqrt(max(atm_variance, 0.0))), RANGE)
    return np.union1d(np.linspace(-RANGE, RANGE, steps), np.linspace(-width, width, centre_steps))


def certify(svi: Svi, before: Svi | None) -> Certificate:
    """Certificate of a slice after the slice of the expiry before."""
    k = grid(float(svi.total_variance(np.zeros(1))[0]))
    gap = np.inf if before is None else float(np.min(svi.total_variance(k) - before.total_variance(k)))
    return Certificate(float(np.min(svi.density(k))), gap)


def butterfly(svi: Svi) -> Butterfly | None:
    """The butterfly arbitrage of a slice on |k| <= 1.5, to the digits of a root finder; None where there is none."""
    k = grid(float(svi.total_variance(np.zeros(1))[0]))
    g = svi.density(k)
    negative = np.flatnonzero(g < 0.0)
    if not len(negative):
        return None
    lowest, before, after = int(np.argmin(g)), int(negative[0]) - 1, int(negative[-1]) + 1
    sides = k[max(lowest - 1, 0)], k[min(lowest + 1, len(k) - 1)]
    near = minimize_scalar(_density_at, bounds=sides, args=(svi,), method="bounded", options={"xatol": 1e-9})
    first = -RANGE if before < 0 else bisect(_density_at, k[before], k[before + 1], args=(svi,))
    last = RANGE if after == len(k) else bisect(_density_at, k[after - 1], k[after], args=(svi,))
    return Butterfly(float(near.fun), float(near.x), float(first), float(last))


def _density_at(k: float, svi: Svi) -> float:
    return float(svi.density(np.array([k]))[0])


def without_butterfly(wings: JumpWings) -> JumpWings:
    """The guaranteed choice: same ATM variance, skew and put wing, another call wing and minimum.

    Reference: Gatheral and Jacquier (2014), section 5.1.
    """
    c = wings.p + 2.0 * wings.psi
    return wings._replace(c=c, v_min=wings.v * 4.0 * wings.p * c / (wings.p + c) ** 2)


def repaired(svi: Svi, years: float, before: Svi | None) -> Svi:
    """The slice moved towards the guaranteed one, then flattened, lifted above `before`: the first that passes.

    The last one tried where none passes. Parameters are rounded.
    """
    tried = svi
    for flatness in _WING_SHARES:
        for share in _REPAIR_SHARES:
            tried = _above(_towards(svi, years, float(share), flatness), before).rounded()
            if certify(tried, before).passes:
                return tried
    return tried


def _towards(svi: Svi, years: float, share: float, flatness: float) -> Svi:
    """`share` of the way to the guaranteed jump wings; slopes times `flatness` about an unchanged ATM variance."""
    own = jump_wings(svi, years)
    sure = without_butterfly(own)
    c, v_min = (x + share * (y - x) for x, y in ((own.c, sure.c), (own.v_min, sure.v_min)))
    moved = from_jump_wings(own._replace(c=c, v_min=v_min), years) or svi
    atm = float(moved.total_variance(np.zeros(1))[0])
    return moved.scaled(flatness).lifted((1.0 - flatness) * atm)


def _above(svi: Svi, before: Svi | None) -> Svi:
    lead = certify(svi, before).min_calendar_gap
    return svi if lead >= 0.0 else svi.lifted(-lead * (1.0 + _LIFT_MARGIN))
