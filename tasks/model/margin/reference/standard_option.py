"""Margin of a short option on its own: a share of spot that shrinks out of the money, and the option's mark.

Per underlying unit short, S spot, m mark, OTM how far out of the money, in one currency:

    short call  initial      max(highest - OTM/S, lowest) S + m
                maintenance  call S + m
    short put   maintenance  max(put S, put_mark m) + m
                initial      max(max(highest - OTM/S, lowest) S + m, put_ratio x maintenance)

The charge stands against equity in which options count for nothing: a long option costs its premium and no more.
Venues differ in the figures alone. Reference: the standard margins of Deribit and of its followers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np

from tasks.model.arrays import Bools, Floats, require_finite
from tasks.model.policy import Bound

_FRACTION = Bound(0.0, 2.0, "fraction of spot")


@dataclass(frozen=True)
class ShortOptionRates:
    """Figures of the formula."""

    initial_highest: Annotated[float, _FRACTION]
    initial_lowest: Annotated[float, _FRACTION]
    maintenance_call: Annotated[float, _FRACTION]
    maintenance_put: Annotated[float, _FRACTION]
    maintenance_put_mark: Annotated[float, Bound(0.0, 2.0, "fraction of the mark")]
    put_initial_ratio: Annotated[float, Bound(0.0, 10.0, "least initial over maintenance margin of a put")]


class ShortOption(NamedTuple):
    """Charge per underlying unit short, >= 0, shaped like the marks and in their unit."""

    initial: Floats
    maintenance: Floats


def short_option(
    spot: float | Floats, strike: Floats, mark: Floats, is_call: Bools, rates: ShortOptionRates
) -> ShortOption:
    """Margin of one unit short of each option. Arguments broadcast; spot > 0, mark >= 0.

    For prices in coin, hand in spot 1 and the strike over spot. Raises ModelInputError NON_FINITE.
    """
    for name, values in (("spot", spot), ("strike", strike), ("option mark", mark)):
        require_finite(name, np.asarray(values))
    out_of_the_money = np.maximum(np.where(is_call, strike - spot, spot - strike), 0.0)
    share = np.maximum(rates.initial_highest - out_of_the_money / spot, rates.initial_lowest)
    plain = share * spot + mark
    call = rates.maintenance_call * spot + mark
    put = np.maximum(rates.maintenance_put * spot, rates.maintenance_put_mark * mark) + mark
    return ShortOption(
        np.where(is_call, plain, np.maximum(plain, rates.put_initial_ratio * put)), np.where(is_call, call, put)
    )
