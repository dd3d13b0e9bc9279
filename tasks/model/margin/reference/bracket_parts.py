"""Margins that go by the size of a position, or by its side, as parts of a reference model.

They know futures and perpetuals alone where they come from. Options enter at their delta here, so that one book can be
put before every model; a charge then speaks of the book's direction and not of its volatility.
Reference: docs/reference-models.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.margin.brackets import Brackets, SizeRate, bracket_margin, bracket_notional, size_margin
from tasks.model.margin.reference.open_interest import OpenInterestTier
from tasks.model.margin.reference.parts import Charge, Group, uncaused
from tasks.model.margin.reference.position_orders import side_margin
from tasks.model.margin.reference.size_weight import SIZE_ONE, SizeWeight, position_margin
from tasks.model.policy import Bound

QUOTE_ONE = 1_000_000  # smallest unit of the quote in exact margins: 1e-6 USD
_SIDE = Bound(0.0, 10.0, "fraction of the index price")


@dataclass(frozen=True)
class BracketPart:
    """Continuous tiers by notional."""

    floors_usd: Annotated[tuple[float, ...], Bound(0.0, 1e12, "USD of notional")]
    largest_leverage: Annotated[tuple[float, ...], Bound(0.5, 1000.0, "times the margin")]
    mm_rates: Annotated[tuple[float, ...], Bound(1e-6, 1.0, "fraction of notional")]


@dataclass(frozen=True)
class SizePart:
    """A rate on the whole position that grows with its size in underlying units."""

    size_rate: SizeRate


@dataclass(frozen=True)
class OpenInterestPart:
    """A rate that grows with the open interest of the book itself, in exact integers. Bounds: 0 = never scaled."""

    im_ppm: Annotated[int, Bound(0, 1_000_000, "parts per million of notional")]
    maintenance_ppm: Annotated[int, Bound(0, 1_000_000, "parts per million of initial margin")]
    lower_usd: Annotated[int, Bound(0, 10**12, "USD of open interest")]
    upper_usd: Annotated[int, Bound(0, 10**12, "USD of open interest")]


@dataclass(frozen=True)
class SizeWeightPart:
    """A weight that grows with the root of the size, in exact integers."""

    weight: Annotated[int, Bound(0, 100_000, "1e-4 of notional")]
    size_factor: Annotated[int, Bound(0, 10_000_000, "1e-6 per sqrt(unit)")]


@dataclass(frozen=True)
class SidePart:
    """A rate for each side, contract by contract: nothing offsets another."""

    long_rate: Annotated[float, _SIDE]
    short_rate: Annotated[float, _SIDE]


def bracket_charge(group: Group, part: BracketPart) -> Charge:
    """Initial margin of the larger side by the tiers its notional reaches."""
    brackets = Brackets.by_leverage(part.floors_usd, part.largest_leverage, part.mm_rates)
    return uncaused(bracket_margin(_larger_side_usd(group), brackets).im)


def size_charge(group: Group, part: SizePart) -> Charge:
    """Initial margin of the larger side, all of it at the rate of its size."""
    notional = _larger_side_usd(group)
    return uncaused(size_margin(notional, notional / group.index_price, part.size_rate).im)


def open_interest_charge(group: Group, part: OpenInterestPart) -> Charge:
    """Initial margin of the larger side at the rate of what the whole book holds long."""
    tier = OpenInterestTier(part.im_ppm, part.maintenance_ppm, part.lower_usd * QUOTE_ONE, part.upper_usd * QUOTE_ONE)
    long = np.add.reduce(np.maximum(group.delta, 0.0)) * group.index_price
    interest = round(float(long) * QUOTE_ONE)
    charged = [tier.margin(notional, interest).im for notional in _smallest_units(_larger_side_usd(group), QUOTE_ONE)]
    return uncaused(np.array(charged, dtype=np.float64) / QUOTE_ONE)


def size_weight_charge(group: Group, part: SizeWeightPart) -> Charge:
    """Initial margin of the larger side at the weight its size costs."""
    rule = SizeWeight(part.weight, part.size_factor)
    price = round(group.index_price * QUOTE_ONE)
    sizes = _smallest_units(_larger_side_usd(group) / group.index_price, SIZE_ONE)
    return uncaused(np.array([position_margin(rule, size, price) for size in sizes], dtype=np.float64) / QUOTE_ONE)


def side_charge(group: Group, part: SidePart) -> Charge:
    """Each position at the rate of its side; a book holds no open orders."""
    return uncaused(group.per_row(side_margin(group.index_price, group.delta, part.long_rate, part.short_rate)))


def _larger_side_usd(group: Group) -> Floats:
    return bracket_notional(group.delta * group.index_price, group.row, group.rows)


def _smallest_units(amount: Floats, one: int) -> list[int]:
    """Nearest integers of a small unit, of any length."""
    return [round(value * one) for value in amount.tolist()]


BRACKET_PARTS: Mapping[str, tuple[type, Callable[[Group, Any], Charge]]] = {
    "bracket": (BracketPart, bracket_charge),
    "size": (SizePart, size_charge),
    "open_interest": (OpenInterestPart, open_interest_charge),
    "size_weight": (SizeWeightPart, size_weight_charge),
    "side": (SidePart, side_charge),
}
