"""Parts a reference model is composed of: each is a rule, its parameters, and the charge it puts on a product group.

No part knows a venue; a venue or a clearing house is a composition of parts with dated parameters
(data/reference_models). Charges are USD, one for each row of the group. Reference: docs/reference-models.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.model.arrays import Contracts, Floats, Ints
from tasks.model.margin.brackets import SizeRate, size_margin
from tasks.model.margin.reference.holdings import forward_units
from tasks.model.margin.reference.standard_option import ShortOptionRates, short_option
from tasks.model.policy import Bound, Choice
from tasks.model.pricing.payoff import option_value_usd, pays_coin
from tasks.model.risk.grid import BasisShock, ScenarioGrid, roll_loss, scenario_pnl
from tasks.model.risk.offset import offset_gains, toned_down
from tasks.model.risk.profit import portfolio_pnl
from tasks.model.risk.scan import scan
from tasks.model.risk.spread import TierSpread, delta_split, intermonth, minimum_delta, tier_sides

Words = NDArray[np.str_]
_RATE = Bound(0.0, 2.0, "fraction of the index price")


class Charge(NamedTuple):
    """(rows,) USD, >= 0, and the scenario it comes from, empty where it comes from none."""

    amount: Floats
    cause: Words


@dataclass(frozen=True)
class Group:
    """What portfolios hold in one underlying: `rows` rows, entries in order of row and contract."""

    underlying: str
    contracts: Contracts  # of this underlying alone
    rows: int
    row: Ints  # (entries,) ascending
    contract_index: Ints  # (entries,)
    quantity: Floats  # (entries,) contracts, long > 0
    unit_delta: Floats  # (n_contracts,) underlying units per one contract long

    @cached_property
    def index_price(self) -> float:
        """USD, spot of the underlying."""
        return float(self.contracts.index_price[0])

    @cached_property
    def delta(self) -> Floats:
        """(entries,) underlying units."""
        return self.quantity * self.unit_delta[self.contract_index]

    @cached_property
    def slice_of(self) -> Ints:
        """(entries,) slice each entry belongs to."""
        return self.contracts.slice_of[self.contract_index]

    @cached_property
    def option(self) -> NDArray[np.bool_]:
        """(entries,) whether an entry is an option."""
        return self.contracts.is_option[self.contract_index]

    def per_row(self, values: Floats) -> Floats:
        """(rows,) sums of a figure of the entries."""
        return np.bincount(self.row, values, self.rows).astype(np.float64)

    def pnl(self, unit_pnl: Floats, chosen: NDArray[np.bool_]) -> Floats:
        """(rows, n_points) of the entries of chosen contracts (n_contracts,)."""
        quantity = np.where(chosen[self.contract_index], self.quantity, 0.0)
        pointer = np.searchsorted(self.row, np.arange(self.rows + 1))
        return portfolio_pnl(pointer, self.contract_index, quantity, unit_pnl)


@dataclass(frozen=True)
class GridPart:
    """Worst point of a grid. Contracts paid in coin and in quote are sets of their own where gains are cut."""

    grid: ScenarioGrid
    gain_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of a set's gain that offsets")] = 1.0
    largest_gain_usd: Annotated[float, Bound(0.0, 1e15, "USD")] = 1e15
    toned_down_usd: Annotated[float, Bound(0.0, 1e12, "USD per range a move exceeds the range by")] = 0.0


@dataclass(frozen=True)
class RollPart:
    """Every expiry rolls against the account: size of its delta times the basis move."""

    basis: BasisShock


@dataclass(frozen=True)
class SpreadPart:
    """Spreads between tiers of expiries, and a charge for what is about to be delivered. Rates on the index price."""

    tier_ends_days: tuple[float, ...]  # the last tier has no end; perpetuals are in the first
    spreads: tuple[TierSpread, ...]
    delivery_within_days: Annotated[float, Bound(0.0, 60.0, "days")] = 0.0
    delivery_rate: Annotated[float, _RATE] = 0.0


@dataclass(frozen=True)
class MinimumDeltaPart:
    """Least charge on open and on hedged delta."""

    net_rate: Annotated[float, _RATE]
    hedged_rate: Annotated[float, _RATE]


@dataclass(frozen=True)
class ShortOptionMinimumPart:
    """Least charge on options: rate per unit short and an amount per contract, calls and puts apart or together."""

    rate: Annotated[float, _RATE]
    per_contract_usd: Annotated[float, Bound(0.0, 1e6, "USD per contract, long or short")]
    sides: Annotated[str, Choice("MAX", "SUM")]


@dataclass(frozen=True)
class ShortOptionPart:
    """Every short option on its own."""

    rates: ShortOptionRates


@dataclass(frozen=True)
class ForwardPart:
    """Net position in futures and perpetuals at a rate that grows with its size in underlying units."""

    size_rate: SizeRate


@dataclass(frozen=True)
class GrossPart:
    """A rate on the gross size of futures and perpetuals, hedged or not."""

    rate: Annotated[float, _RATE]


@dataclass(frozen=True)
class LargeDeltaPart:
    """Net delta beyond a threshold costs a rate that grows with the excess."""

    rate_per_unit: Annotated[float, Bound(0.0, 1.0, "fraction of the delta per unit beyond the threshold")]
    threshold_usd: Annotated[float, Bound(0.0, 1e12, "USD")]
    largest_rate: Annotated[float, Bound(0.0, 1.0, "fraction of the delta")]


def grid_charge(group: Group, part: GridPart) -> Charge:
    """Worst point of the aggregated P&L."""
    found = scan(0.0 - aggregated_pnl(group, part))
    return Charge(found.risk, np.array(part.grid.ids)[found.active])


def aggregated_pnl(group: Group, part: GridPart) -> Floats:
    """(rows, n_points) USD: the sum of the sets, far moves toned down and gains at their fraction."""
    unit = scenario_pnl(group.contracts, part.grid)
    coin = pays_coin(group.contracts.form)
    total = np.zeros((group.rows, unit.shape[1]))
    for chosen, converted in ((coin, part.grid.in_settlement_asset), (~coin, False)):
        pnl = toned_down(group.pnl(unit, chosen), toning(part, converted))
        total += offset_gains(pnl, part.gain_fraction, part.largest_gain_usd)
    return total


def toning(part: GridPart, in_coin: bool) -> Floats:
    """(p,) USD by which a set's P&L is toned down at each point: none within the range."""
    moves, width = part.grid.moves, part.grid.range_fraction
    beyond = np.maximum(np.abs(moves) / width, 1.0) - 1.0
    return part.toned_down_usd * beyond / (1.0 + np.sign(moves) * width if in_coin else 1.0)


def roll_charge(group: Group, part: RollPart) -> Charge:
    """Sum over expiries of |delta| x move x price."""
    move = part.basis.move(group.contracts.slices.days)[group.slice_of]
    pnl = (group.delta * move * group.index_price)[:, None] * np.array([1.0, -1.0])
    return uncaused(roll_loss(group.rows, group.row, group.slice_of, pnl))


def spread_charge(group: Group, part: SpreadPart) -> Charge:
    """Spreads between tiers of expiries in order of priority; then what is about to be delivered, hedged or not."""
    days = group.contracts.slices.days
    tier_of_slice = np.searchsorted(np.array(part.tier_ends_days), np.where(np.isfinite(days), days, 0.0))
    cells, place = np.unique(group.row * len(days) + group.slice_of, return_inverse=True)
    delta = np.bincount(place, group.delta, len(cells)).astype(np.float64)
    row, at = cells // len(days), cells % len(days)
    sides = tier_sides(group.rows, len(part.tier_ends_days) + 1, row, tier_of_slice[at], delta)
    delivered = np.where(days[at] <= part.delivery_within_days, np.abs(delta), 0.0)
    delivery = part.delivery_rate * np.bincount(row, delivered, group.rows)
    return uncaused((intermonth(*sides, part.spreads).charge + delivery) * group.index_price)


def minimum_delta_charge(group: Group, part: MinimumDeltaPart) -> Charge:
    """Least charge on the net delta and on the hedged part of it."""
    split = delta_split(group.rows, group.row, group.delta)
    return uncaused(minimum_delta(split, part.net_rate, part.hedged_rate) * group.index_price)


def short_option_minimum_charge(group: Group, part: ShortOptionMinimumPart) -> Charge:
    """Short calls and short puts of each row, the larger or both of them."""
    units = -group.quantity * group.contracts.multiplier[group.contract_index]
    short = np.where(group.option, np.maximum(units, 0.0), 0.0)
    is_call = group.contracts.is_call[group.contract_index]
    calls, puts = group.per_row(np.where(is_call, short, 0.0)), group.per_row(np.where(is_call, 0.0, short))
    counted = short_option_minimum(calls, puts, part.rate * group.index_price, part.sides)
    contracts = group.per_row(np.where(group.option, np.abs(group.quantity), 0.0))
    return uncaused(counted + part.per_contract_usd * contracts)


def short_option_minimum(calls: Floats, puts: Floats, rate: float, sides: str) -> Floats:
    """(rows,) rate times the short calls and puts: the more of them (MAX), or both (SUM)."""
    return np.asarray(rate * (np.maximum(calls, puts) if sides == "MAX" else calls + puts))


def short_option_charge(group: Group, part: ShortOptionPart) -> Charge:
    """Initial margin of every short option, hedged or not."""
    contracts, at = group.contracts, np.flatnonzero(group.option & (group.quantity < 0.0))
    held = group.contract_index[at]
    mark = option_value_usd(contracts)[held] / contracts.multiplier[held]
    unit = short_option(
        contracts.index_price[held], contracts.strike[held], mark, contracts.is_call[held], part.rates
    ).initial
    units = -group.quantity[at] * contracts.multiplier[held]
    return uncaused(np.bincount(group.row[at], units * unit, group.rows).astype(np.float64))


def forward_charge(group: Group, part: ForwardPart) -> Charge:
    """Rate of the net size times its notional."""
    net = np.abs(group.per_row(np.where(group.option, 0.0, group.delta)))
    return uncaused(size_margin(net * group.index_price, net, part.size_rate).im)


def gross_charge(group: Group, part: GrossPart) -> Charge:
    """Rate times the gross size of futures and perpetuals at the index."""
    size = np.abs(group.quantity) * forward_units(group.contracts)[group.contract_index]
    return uncaused(part.rate * group.index_price * group.per_row(size))


def large_delta_charge(group: Group, part: LargeDeltaPart) -> Charge:
    """Size of the net delta times a rate that grows beyond the threshold."""
    net = np.abs(group.per_row(group.delta))
    beyond = np.maximum(net - part.threshold_usd / group.index_price, 0.0)
    return uncaused(net * np.minimum(part.rate_per_unit * beyond, part.largest_rate) * group.index_price)


def uncaused(amount: Floats) -> Charge:
    """A charge (rows,) USD >= 0 that comes from no scenario."""
    return Charge(np.asarray(amount, dtype=np.float64), np.full(len(amount), "", dtype="U24"))


PARTS: Mapping[str, tuple[type, Callable[[Group, Any], Charge]]] = {
    "grid": (GridPart, grid_charge),
    "roll": (RollPart, roll_charge),
    "spread": (SpreadPart, spread_charge),
    "minimum_delta": (MinimumDeltaPart, minimum_delta_charge),
    "short_option_minimum": (ShortOptionMinimumPart, short_option_minimum_charge),
    "short_option": (ShortOptionPart, short_option_charge),
    "forward": (ForwardPart, forward_charge),
    "gross": (GrossPart, gross_charge),
    "large_delta": (LargeDeltaPart, large_delta_charge),
}
