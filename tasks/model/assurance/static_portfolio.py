"""Portfolios that never change, in which a margin policy is judged: outright, inverse and spread positions.

A portfolio is a set of perpetuals of signed USD notional, 1 USD of gross notional in all, so that what it loses and
what it must post are rates of notional. Every day it is taken anew at that day's close. Reference: METHODOLOGY 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import INVERSE_FORWARD, LINEAR_FORWARD, Floats, Ints
from tasks.model.pricing.payoff import forward_value, settlement_price_after

OUTRIGHT, INVERSE, SPREAD = "OUTRIGHT", "INVERSE", "SPREAD"


class Leg(NamedTuple):
    """A perpetual that stands at the spot price of its underlying."""

    underlying: str
    weight: float  # USD of notional, long > 0
    form: int = LINEAR_FORWARD  # or INVERSE_FORWARD: settles in coin


class StaticPortfolio(NamedTuple):
    """Legs sorted by underlying and form, 1 USD of gross notional together."""

    name: str
    product: str  # OUTRIGHT, INVERSE or SPREAD
    legs: tuple[Leg, ...]

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Sorted names, each once."""
        return tuple(sorted({leg.underlying for leg in self.legs}))


def static_portfolios(coins: Iterable[str]) -> tuple[StaticPortfolio, ...]:
    """Each coin long and short, linear and inverse, and each pair of coins against each other both ways."""
    names = sorted(set(coins))
    sides = (("long", 1.0), ("short", -1.0))
    single = [
        StaticPortfolio(f"{name} {side}{label}", product, (Leg(name, sign, form),))
        for product, label, form in ((OUTRIGHT, "", LINEAR_FORWARD), (INVERSE, " inverse", INVERSE_FORWARD))
        for name in names
        for side, sign in sides
    ]
    spreads = [
        StaticPortfolio(f"{a} {first} {b} {second}", SPREAD, (Leg(a, 0.5 * sign), Leg(b, -0.5 * sign)))
        for a, b in combinations(names, 2)
        for first, second, sign in (("long", "short", 1.0), ("short", "long", -1.0))
    ]
    return (*single, *spreads)


def leg_gain(form: Ints, growth: Floats) -> Floats:
    """USD per USD of notional long of each leg as its underlying grows by a factor; gain > 0.

    form: (e,); growth: (e, n) S' / S > 0, NaN stays NaN. What an inverse leg pays in coin is worth the new price of it.
    """
    forms = form[:, None]
    one = np.ones_like(growth)
    return forward_value(forms, one, one, growth) * settlement_price_after(forms, one, growth)


def realised_loss(portfolio: StaticPortfolio, growth: Sequence[Floats]) -> Floats:
    """(n,) loss > 0, USD per USD of gross notional, of growth factors (n,) of each leg; NaN where one is missing."""
    gain = leg_gain(np.array([leg.form for leg in portfolio.legs]), np.stack(growth))
    weight = np.array([leg.weight for leg in portfolio.legs])[:, None]
    return np.asarray(0.0 - np.add.reduce(weight * gain, axis=0))
