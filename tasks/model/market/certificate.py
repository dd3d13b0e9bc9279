"""Whether a slice admits arbitrage, and the slice nearest to it that does not.

The certificate holds on a dense grid of |k| <= 1.5: no butterfly (g >= 0), and no calendar spread for less than nothing
(total variance at least that of the expiry before). Reference: Gatheral and Jacquier (2014); METHODOLOGY 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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


def grid(atm_variance: float, steps: int = _STEPS, centre_steps: int = _CENTRE_STEPS) -> Floats:
    """Sorted log-moneyness: even steps over the whole range, finer ones where a slice of this level bends."""
    width = min(_CENTRE_WIDTHS * float(np.sqrt(max(atm_variance, 0.0))), RANGE)
    return np.union1d(np.linspace(-RANGE, RANGE, steps), np.linspace(-width, width, centre_steps))


def certify(svi: Svi, before: Svi | None) -> Certificate:
    """Certificate of a slice after the slice of the expiry before."""
    k = grid(float(svi.total_variance(np.zeros(1))[0]))
    gap = np.inf if before is None else float(np.min(svi.total_variance(k) - before.total_variance(k)))
    return Certificate(float(np.min(svi.density(k))), gap)


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
