"""Zones by the number of breaches: green, amber, red.

A count is green while P(X <= count) is below the first level, amber while below the second, where X is the number of
breaches of a right margin: binomial for days that do not overlap, simulated for windows that do (`overlap`). The known
4 and 9 breaches are those of 250 days at 99 % and of nothing else. Reference: Basel Committee (1996); MAR32.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from tasks.model.arrays import Floats
from tasks.model.assurance.breaches import require_count
from tasks.model.assurance.chain import require_probability

Zone = Literal["green", "amber", "red"]
LEVELS = 0.95, 0.9999
# Added to the factor on capital: where green, by 5 to 9 breaches in 250 days at 99 %, where red.
PLUS_1996 = 0.0, 0.40, 0.50, 0.65, 0.75, 0.85, 1.0
PLUS_MAR = 0.0, 0.20, 0.26, 0.33, 0.38, 0.42, 0.5
FACTOR_1996, FACTOR_MAR = 3.0, 1.5
_TABLED = 250, 0.01


class Zones(NamedTuple):
    """Largest counts of two zones; -1 where the zone is empty."""

    max_green: int
    max_amber: int

    def zone(self, breaches: int) -> Zone:
        """Zone of a count."""
        if breaches <= self.max_green:
            return "green"
        return "amber" if breaches <= self.max_amber else "red"


class TrafficLight(NamedTuple):
    """A count among those of a right margin."""

    zone: Zone
    zones: Zones
    up_to: float  # P(X <= count)
    at_least: float  # P(X >= count): how often a right margin would be judged so or worse


def traffic_light(breaches: int, n: int, probability: float, levels: tuple[float, float] = LEVELS) -> TrafficLight:
    """Zone of the breaches of n days or windows that do not overlap. Exact.

    Raises ModelInputError NO_OBSERVATIONS, CONFIDENCE, SHAPE.
    """
    require_count(breaches, n)
    up_to = stats.binom.cdf(np.arange(n + 1), n, require_probability(probability))
    zones = zones_of(up_to, levels)
    at_least = float(stats.binom.sf(breaches - 1, n, probability))
    return TrafficLight(zones.zone(breaches), zones, float(up_to[breaches]), at_least)


def zones_of(up_to: Floats, levels: tuple[float, float] = LEVELS) -> Zones:
    """From P(X <= count) of the counts 0, 1, ..., (m,)."""
    green, amber = (int(np.searchsorted(up_to, level)) - 1 for level in levels)
    return Zones(green, amber)


def capital_factors(breaches: int, n: int, probability: float) -> tuple[float, float]:
    """Factors on capital of 1996 and of MAR99, in the zone of the breaches of n days.

    The amber steps are set for 250 days at 99 % and for nothing else: elsewhere they are NaN.
    Raises ModelInputError NO_OBSERVATIONS, CONFIDENCE, SHAPE.
    """
    zone = traffic_light(breaches, n, probability).zone
    last = len(PLUS_MAR) - 1
    if zone == "amber":
        if (n, probability) != _TABLED:
            return math.nan, math.nan
        step = breaches - 4
    else:
        step = 0 if zone == "green" else last
    return FACTOR_1996 + PLUS_1996[step], FACTOR_MAR + PLUS_MAR[step]
