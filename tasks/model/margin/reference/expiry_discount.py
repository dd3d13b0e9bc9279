"""What a model takes off the options of an expiry: gains count for less than they are worth, debts for more.

    gain  long_static e^(-T (r long_rate + long_add))              r the rate, T years to expiry
    debt  min(e^(rT), short_static e^(+T (r short_rate + short_add)))

The sign is that of the expiry's whole value in the scenario, so longs and shorts of one expiry offset in full and
those of two expiries do not. The cap keeps a debt from counting for more than its value without discounting.
Reference: the portfolio margin of Derive, both versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.policy import Bound

_STATIC = Bound(0.0, 10.0, "factor on value")
_RATE = Bound(0.0, 100.0, "factor on the rate")
_ADD = Bound(0.0, 100.0, "per year")


@dataclass(frozen=True)
class ExpiryDiscount:
    """Figures of the two discounts, and whether values are brought to today by the rate of their expiry."""

    present_value: bool
    long_static: Annotated[float, _STATIC]
    long_rate: Annotated[float, _RATE]
    long_add: Annotated[float, _ADD]
    short_static: Annotated[float, _STATIC]
    short_rate: Annotated[float, _RATE]
    short_add: Annotated[float, _ADD]


class Factors(NamedTuple):
    """(expiries,) factors on value."""

    present: Floats  # to today
    gain: Floats  # on what an expiry is worth above zero
    debt: Floats  # on what it is worth below zero


def factors(rate: Floats, years: Floats, rule: ExpiryDiscount) -> Factors:
    """Factors of each expiry. rate: per year, continuous; years: to expiry, below zero counts as zero.

    Raises ModelInputError NON_FINITE.
    """
    T = np.maximum(require_finite("years to expiry", years), 0.0)
    present = np.exp(-require_finite("rate", rate) * T) if rule.present_value else np.ones_like(T)
    gain = rule.long_static * np.exp(-T * (rate * rule.long_rate + rule.long_add))
    debt = rule.short_static * np.exp(T * (rate * rule.short_rate + rule.short_add))
    return Factors(present, gain, np.minimum(1.0 / present, debt))


def discounted(value: Floats, gain: Floats, debt: Floats) -> Floats:
    """Value (rows, n) times the factor of its sign, gain and debt (rows,). Raises ModelInputError NON_FINITE."""
    require_finite("value of an expiry", value)
    return np.where(value > 0.0, value * gain[:, None], value * debt[:, None])
