"""Deltas against each other: what spreads between expiries cost, what offsets between commodities are worth.

A spread takes as much of a long side as of a short side as both have. Spreads are formed in the order they are
listed, and what one has taken is gone for the next. Deltas in underlying units, charges >= 0.
Reference: CME SPAN, intra-commodity spread charge, delivery charge and inter-commodity spread credit; the floors on
hedged delta of Paradex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats, Ints, require_finite


@dataclass(frozen=True)
class TierSpread:
    """Spreads between two tiers of expiries (or within one) and what each costs per unit of delta spread."""

    tier: int
    other: int
    rate: float  # per unit of delta, in the unit the charge is wanted in


class Spreads(NamedTuple):
    """Of every row: units spread by each entry of the list, the charge, and what is left of each side by tier."""

    formed: Floats  # (rows, spreads)
    charge: Floats  # (rows,)
    long: Floats  # (rows, tiers) >= 0
    short: Floats  # (rows, tiers) >= 0


@dataclass(frozen=True)
class Leg:
    """A leg of a spread between commodities: units of its delta per spread."""

    commodity: int
    ratio: float
    side: int  # 1 or -1: legs of the same sign are on the same side of the market


@dataclass(frozen=True)
class CreditSpread:
    """A spread between commodities and the fraction of each leg's price risk it saves."""

    legs: tuple[Leg, ...]
    credit: float


class Credits(NamedTuple):
    """Of every row: spreads formed by each entry, the credit by commodity, and the delta that is left."""

    formed: Floats  # (rows, spreads)
    credit: Floats  # (rows, commodities) >= 0
    delta: Floats  # (rows, commodities)


class DeltaSplit(NamedTuple):
    """(rows,) of the deltas of each row: their sum, the sum of their sizes, and what of that is hedged, once."""

    net: Floats
    gross: Floats
    hedged: Floats


def tier_sides(rows: int, tiers: int, row: Ints, tier: Ints, delta: Floats) -> tuple[Floats, Floats]:
    """Long and short side of each row by tier, (rows, tiers), >= 0.

    row, tier, delta: (cells,) net delta of each expiry. Raises ModelInputError NON_FINITE.
    """
    place = row * tiers + tier
    require_finite("delta", delta)

    def side(sign: float) -> Floats:
        sums = np.bincount(place, np.maximum(sign * delta, 0.0), rows * tiers)
        return np.asarray(sums.reshape(rows, tiers), dtype=np.float64)

    return side(1.0), side(-1.0)


def intermonth(long: Floats, short: Floats, spreads: Sequence[TierSpread]) -> Spreads:
    """Charge for spreads between expiries, in order of priority. long, short: (rows, tiers), >= 0."""
    long, short = require_finite("delta", long.copy()), require_finite("delta", short.copy())
    formed, charge = np.zeros((len(long), len(spreads))), np.zeros(len(long))
    for index, spread in enumerate(spreads):
        ways = [(spread.tier, spread.other), (spread.other, spread.tier)][: 1 if spread.tier == spread.other else 2]
        for bought, sold in ways:
            taken = np.minimum(long[:, bought], short[:, sold])
            long[:, bought] -= taken
            short[:, sold] -= taken
            formed[:, index] += taken
        charge += formed[:, index] * spread.rate
    return Spreads(formed, charge, long, short)


def intercommodity(delta: Floats, price_risk: Floats, spreads: Sequence[CreditSpread]) -> Credits:
    """Credit for offsets between commodities, in order of priority.

    delta: (rows, commodities) net; price_risk: (rows, commodities) per unit of delta. A spread saves, of each leg,
    units spread x price risk x its fraction. Raises ModelInputError NON_FINITE.
    """
    left = require_finite("delta", delta.copy())
    price_risk = np.maximum(require_finite("price risk", price_risk), 0.0)
    formed, credit = np.zeros((len(delta), len(spreads))), np.zeros_like(left)
    for index, spread in enumerate(spreads):
        for market in (1.0, -1.0):
            units = [np.maximum(market * leg.side * left[:, leg.commodity], 0.0) / leg.ratio for leg in spread.legs]
            taken = np.minimum.reduce(units)
            formed[:, index] += taken
            for leg in spread.legs:
                consumed = taken * leg.ratio
                left[:, leg.commodity] -= market * leg.side * consumed
                credit[:, leg.commodity] += consumed * price_risk[:, leg.commodity] * spread.credit
    return Credits(formed, credit, left)


def delta_split(rows: int, row: Ints, delta: Floats) -> DeltaSplit:
    """Net, gross and hedged delta of each row; row, delta: (entries,). Raises ModelInputError NON_FINITE."""
    require_finite("delta", delta)
    net = np.bincount(row, delta, rows).astype(np.float64)
    gross = np.bincount(row, np.abs(delta), rows).astype(np.float64)
    return DeltaSplit(net, gross, (gross - np.abs(net)) / 2.0)


def minimum_delta(split: DeltaSplit, net_rate: float, hedged_rate: float) -> Floats:
    """(rows,) least charge in underlying units: a rate on what is open and a lower one on what is hedged."""
    return np.asarray(net_rate * np.abs(split.net) + hedged_rate * split.hedged)
