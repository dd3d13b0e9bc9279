"""What each position and each risk factor adds to what a portfolio must post (METHODOLOGY 5, attribution).

A line that is an expected shortfall or a worst loss is a weighted sum of scenario losses: its Euler contributions are
the same weights on each position's own losses, and its factors are the same weights on the losses as spot, basis,
volatility level and the shape of the smile move one after another. Every other line is shared out by what drives it.
Cents go to the largest remainders, so contributions sum to the line exactly. A hedge contributes less than nothing.
Reference: Tasche (1999), Euler allocation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Contracts, Floats, Ints, States
from tasks.model.margin.asked import Asked, Setting
from tasks.model.margin.initial_margin import Margined
from tasks.model.margin.lines import LINE_NO
from tasks.model.margin.liquidity import RowCosts, row_costs
from tasks.model.margin.portfolio import KEY, Book
from tasks.model.margin.requirement import CAUSES, BaseMargin, base_margin
from tasks.model.margin.tails import ScenarioSets, Tails, outlasting
from tasks.model.policy import Policy
from tasks.model.pricing.revaluation import revalue, sensitivities
from tasks.model.risk import grid
from tasks.model.risk.contribution import Blend, BySet, offset_limited_weights, repaired_weights, worst_weights
from tasks.model.risk.states import states_of

ACCOUNT_ITEM, COLLATERAL_ITEM, GRID_FACTOR = "ACCOUNT", "COLLATERAL", "GRID"
_MOVED = {
    "SPOT": ("spot_factor",),
    "BASIS": ("basis_factor",),
    "VOL_LEVEL": ("level", "shift", "vol_floor"),
    "SMILE_SHAPE": ("skew", "curvature"),
}
FACTORS = tuple(_MOVED)
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(KEY, pl.String),
    "component": pl.String,
    "item": pl.String,
    "contribution_usd": pl.Decimal(20, 2),
}
Shares = Mapping[str, float]


@dataclass(frozen=True)
class Attributed:
    """contributions: KEY, component, item (a contract, COLLATERAL or ACCOUNT), contribution_usd.

    factors: the same with a factor as item, or the line's own name where no scenario drives it. Both sum to the lines
    exactly; what contributes nothing is left out.
    """

    contributions: pl.DataFrame
    factors: pl.DataFrame


class _Split(NamedTuple):
    """Shares of a line by position and by factor, in USD before kappa, steps and rounding."""

    items: Shares
    factors: Shares


class _Losses(NamedTuple):
    """USD per contract or entry and scenario, loss > 0; no scenario of the long run where that floor is off."""

    filtered: Floats
    stressed: Floats
    long_run: Floats

    def of_blend(self) -> BySet:
        """What the blended expected shortfall is read off."""
        return BySet(self.filtered, self.stressed)

    def of_long_run(self) -> BySet:
        """What the long-run floor is read off: it knows no stressed scenarios."""
        return BySet(self.long_run, self.stressed[:, :0])


@dataclass(frozen=True)
class _Unit:
    """Losses of one contract long as one factor after another moves, and at the points of the grid."""

    losses: Mapping[str, _Losses]  # by the last factor moved
    grid: Floats  # (n_contracts, n_points)
    roll: Floats  # (n_contracts, 2) P&L, not loss, as every expiry rolls up and down
    place: Ints  # (u,) row of an underlying of the contracts in the filtered set
    spot_return: Floats  # (rows, n_filtered)


@dataclass(frozen=True)
class _Holding:
    """The entries of one portfolio: e positions in r product groups, group by group."""

    rows: Ints  # (r,) rows of the book
    row: Ints  # (e,) position in rows
    contract: Ints  # (e,)
    quantity: Floats  # (e,)
    lasting: Floats  # (e,) without what expires within the liquidation period
    items: tuple[str, ...]

    def losses(self, unit: Floats, quantity: Floats) -> Floats:
        """(e, n) losses of the entries at some quantities."""
        return np.asarray(quantity[:, None] * unit[self.contract])

    def by_row(self, values: Floats) -> Floats:
        """Entries' values summed by row: (e, n) -> (r, n)."""
        return np.asarray(np.add.reduceat(values, np.searchsorted(self.row, np.arange(len(self.rows))), axis=0))

    def named(self, values: Floats) -> dict[str, float]:
        """Values by contract."""
        return dict(zip(self.items, values.tolist(), strict=True))


def attribute(found: Margined, margin_account_id: str) -> Attributed:
    """Contributions and factors of every line of an account's portfolios.

    Of an account in joint mode its coins contribute as what they are in the portfolio, under COLLATERAL:<coin>.
    Raises ModelInputError where a number is missing.
    """
    asked = found.apart
    if found.joint is not None and margin_account_id in found.joint.book.portfolios["margin_account_id"]:
        asked = found.joint
    policy, contracts = found.setting.policy, asked.tails.book.contracts
    units = {name: unit for each in found.setting.sets for name, unit in _units(contracts, each, policy)}
    shared = _Shared(asked, units, found.setting)
    contributed: list[tuple[Any, ...]] = []
    factored: list[tuple[Any, ...]] = []
    for p, key in enumerate(asked.book.portfolios.select(KEY).iter_rows()):
        if key[1] == margin_account_id:
            splits = _Splits(shared, p).all()
            for line in asked.lines:
                amount = Decimal(int(line.cents[p])).scaleb(-2)
                contributed += _rows(key, line.component, amount, splits[line.component].items)
                factored += _rows(key, line.component, amount, splits[line.component].factors)
    return Attributed(*(pl.DataFrame(rows, schema=SCHEMA, orient="row") for rows in (contributed, factored)))


def apportioned(amount: Decimal, shares: Shares) -> dict[str, Decimal]:
    """An amount in cents, in proportion to signed shares; the parts sum to it exactly.

    The cents that rounding down leaves go to the largest remainders, of equals to the first. Shares whose sum is not
    above zero say nothing of an amount that is: it is the account's then.
    """
    whole = money.exact(float(sum(shares.values())))
    if whole <= 0:
        return {ACCOUNT_ITEM: amount}
    exact = {item: money.exact(float(share)) * amount / whole for item, share in shares.items()}
    cents = {item: money.round_down(value) for item, value in exact.items()}
    left = int((amount - money.total(cents.values())) / money.CENT)
    for item in sorted(shares, key=lambda each: cents[each] - exact[each])[:left]:
        cents[item] += money.CENT
    return cents


def _rows(key: tuple[Any, ...], component: str, amount: Decimal, shares: Shares) -> Iterator[tuple[Any, ...]]:
    if amount:
        for item, part in apportioned(amount, shares).items():
            if part:
                yield (*key, component, item, part)


def _units(contracts: Contracts, sets: ScenarioSets, policy: Policy) -> Iterator[tuple[str, _Unit]]:
    """The same for every account type that shares the sets."""
    unfolded = [dict(_unfolded(contracts, states_of(contracts, each, policy))) for each in sets.every]
    if sets.long_run is None:
        unfolded.append(dict.fromkeys(FACTORS, np.zeros((len(contracts.ids), 0))))
    unit = _Unit(
        losses={factor: _Losses(*(each[factor] for each in unfolded)) for factor in FACTORS},
        grid=0.0 - grid.grid_pnl(contracts, policy)[1],
        roll=grid.grid_roll_pnl(contracts, policy),
        place=np.array([sets.filtered.underlyings.index(name) for name in contracts.underlyings], dtype=np.int64),
        spot_return=sets.filtered.spot_return,
    )
    yield from ((account_type, unit) for account_type in sets.account_types)


def _unfolded(contracts: Contracts, states: States) -> Iterator[tuple[str, Floats]]:
    """Losses per contract with the first factor moved, then the first two, ...: the last is the scenario whole."""
    moved = States.still(contracts, states.spot_factor.shape[1])
    for factor, names in _MOVED.items():
        moved = replace(moved, **{name: getattr(states, name) for name in names})
        yield factor, 0.0 - revalue(contracts, moved)


def _holding(book: Book, lasting: Book, p: int) -> _Holding:
    """Entries of a portfolio, none where it has no live position."""
    rows = np.flatnonzero(book.row_portfolio == p)
    entries = slice(int(book.pointer[rows[0]]), int(book.pointer[rows[-1] + 1])) if len(rows) else slice(0, 0)
    contract = book.contract_index[entries]
    return _Holding(
        rows=rows,
        row=book.entry_row[entries] - (rows[0] if len(rows) else 0),
        contract=contract,
        quantity=book.quantity[entries],
        lasting=lasting.quantity[entries],
        items=tuple(book.contracts.ids[index] for index in contract),
    )


@dataclass(frozen=True)
class _Shared:
    """What all portfolios of a book share."""

    asked: Asked
    units: Mapping[str, _Unit]
    setting: Setting

    @cached_property
    def lasting(self) -> tuple[Book, BaseMargin]:
        """Book and base margin without what expires within the liquidation period."""
        tails, policy = self.asked.tails, self.setting.policy
        return outlasting(tails.book, policy), base_margin(tails.book, tails.read.lasting, policy)

    @cached_property
    def costs(self) -> RowCosts:
        """Cost of closing out each row of the positions."""
        asked, setting = self.asked, self.setting
        return row_costs(asked.book, asked.alone.row_blended, setting.market, setting.policy)


@dataclass(frozen=True)
class _Splits:
    """How each line of one portfolio is shared out."""

    shared: _Shared
    p: int

    def all(self) -> dict[str, _Split]:
        """By component; what nothing in the portfolio drives is the account's own."""
        splits = {line.component: _own(line.component, {ACCOUNT_ITEM: 1.0}) for line in self.shared.asked.lines}
        if len(self.holding.items):
            splits |= self._of_tails()
        if len(self.positions.items):
            splits |= self._of_positions()
        for component in ("WRONG_WAY", "STABLECOIN_DEPEG"):
            splits[component] = _own(component, {COLLATERAL_ITEM: 1.0})
        splits["APC_BUFFER"] = self._on_top(splits, ("BASE_MARGIN", "CORRELATION_BREAK", "LIQUIDITY_CONCENTRATION"))
        splits["CREDIT"] = self._on_top(
            splits, tuple(name for name, number in LINE_NO.items() if number < LINE_NO["CREDIT"])
        )
        return splits

    @cached_property
    def holding(self) -> _Holding:
        """What the tails are read off: positions, and coins margined with them."""
        return _holding(self.shared.asked.tails.book, self.shared.lasting[0], self.p)

    @cached_property
    def positions(self) -> _Holding:
        """Positions alone."""
        book = self.shared.asked.book
        return _holding(book, book, self.p)

    @property
    def unit(self) -> _Unit:
        """Losses of one contract under the scenarios of the account's type."""
        return self.shared.units[self.shared.asked.book.portfolios["account_type"][self.p]]

    @property
    def policy(self) -> Policy:
        """Policy of the run."""
        return self.shared.setting.policy

    def _of_tails(self) -> dict[str, _Split]:
        tails = self.shared.asked.tails
        base = self._base(tails.base, tails.read.whole, self.holding.quantity)
        lasting = self._base(self.shared.lasting[1], tails.read.lasting, self.holding.lasting)
        return {
            "BASE_MARGIN": base,
            "CORRELATION_BREAK": _less(self._dearer(), base),
            "HOLIDAY_GAP": base,
            "EXPIRY": _less(lasting, base),
        }

    def _of_positions(self) -> dict[str, _Split]:
        shares = {
            "LIQUIDITY_CONCENTRATION": self._liquidity(),
            "MARK_UNCERTAINTY": self._uncertainty(),
            "LEVERAGE_SURCHARGE": self._gross_delta(),
            **self._floor(),
        }
        return {component: _own(component, self.positions.named(each)) for component, each in shares.items()}

    def _base(self, base: BaseMargin, tails: Tails, quantity: Floats) -> _Split:
        """Base margin of the entries at some quantities, by the figure that binds; nothing where all are gains."""
        binding = CAUSES[base.binding[self.p]]
        if base.amount[self.p] <= 0.0:
            return _Split({}, {})
        if binding == "GRID":
            shares = self._grid_shares(tails, quantity)
            return _Split(self.holding.named(shares), {GRID_FACTOR: float(shares.sum())})
        rule = self.policy.base_margin
        of_set = _Losses.of_blend if binding == "EXPECTED_SHORTFALL" else _Losses.of_long_run
        blend = Blend(
            rule.confidence_filtered_fraction,
            rule.confidence_stressed_fraction,
            rule.stressed_weight_fraction if binding == "EXPECTED_SHORTFALL" else 0.0,
            rule.offset_limit_fraction,
        )
        losses = of_set(self._losses(FACTORS[-1], quantity))
        weights = offset_limited_weights(BySet(*(self.holding.by_row(each) for each in losses)), blend)
        return self._weighted(weights, {factor: of_set(self._losses(factor, quantity)) for factor in FACTORS})

    def _grid_shares(self, tails: Tails, quantity: Floats) -> Floats:
        """What each entry loses at the worst point of its row, or where every expiry rolls the worse way."""
        held, contracts = self.holding, self.shared.asked.tails.book.contracts
        losses = held.losses(self.unit.grid, quantity)
        at_worst = (worst_weights(held.by_row(losses))[held.row] * losses).sum(axis=1)
        rolled = grid.roll_shares(held.row, contracts.slice_of[held.contract], held.losses(self.unit.roll, quantity))
        return np.where(tails.row_grid.worst_id[held.rows][held.row] == grid.ROLL, rolled, at_worst)

    def _dearer(self) -> _Split:
        """Filtered expected shortfall under the dearer pairing of the underlyings' moves."""
        repaired, quantity = self.shared.asked.tails.read.repaired, self.holding.quantity
        weights = repaired_weights(
            self.holding.by_row(self._losses(FACTORS[-1], quantity).filtered),
            self.unit.place[self.shared.asked.tails.book.row_underlying[self.holding.rows]],
            self.unit.spot_return,
            self.policy.base_margin.confidence_filtered_fraction,
            self.policy.correlation_break.shifts,
            comonotone=bool(repaired.comonotone[self.p] >= repaired.independent[self.p]),
        )
        moved = {factor: self._losses(factor, quantity).of_blend() for factor in FACTORS}
        return self._weighted(BySet(weights, np.zeros((len(weights), moved[FACTORS[-1]].stressed.shape[1]))), moved)

    def _losses(self, factor: str, quantity: Floats) -> _Losses:
        return _Losses(*(self.holding.losses(each, quantity) for each in self.unit.losses[factor]))

    def _weighted(self, weights: BySet, moved: Mapping[str, BySet]) -> _Split:
        """Shares under weights by row: of each entry, and of each factor as one moves after another."""
        row = self.holding.row
        entries = {
            factor: sum((weight[row] * loss).sum(axis=1) for weight, loss in zip(weights, losses, strict=True))
            for factor, losses in moved.items()
        }
        steps = np.diff([0.0, *(float(np.sum(each)) for each in entries.values())])
        whole = np.asarray(entries[FACTORS[-1]], dtype=np.float64)
        return _Split(self.holding.named(whole), dict(zip(FACTORS, steps.tolist(), strict=True)))

    def _liquidity(self) -> Floats:
        """Cost of each underlying's net delta and net vega, by what each entry adds to the net."""
        held, contracts, entries = self.positions, self.shared.asked.book.contracts, np.zeros(len(self.positions.row))
        unit = sensitivities(contracts)
        sizes = (unit.delta * contracts.index_price, unit.vega_usd)
        for cost, size in zip((self.shared.costs.delta, self.shared.costs.vega), sizes, strict=True):
            own = held.quantity * size[held.contract]
            net = held.by_row(own)
            entries += own * (cost[held.rows] / np.where(net == 0.0, np.inf, net))[held.row]
        return entries

    def _uncertainty(self) -> Floats:
        held = self.positions
        return np.asarray(np.abs(held.quantity) * self.shared.asked.book.mark_uncertainty[held.contract])

    def _gross_delta(self) -> Floats:
        contracts, held = self.shared.asked.book.contracts, self.positions
        unit = np.abs(sensitivities(contracts).delta * contracts.index_price)
        return np.asarray(np.abs(held.quantity) * unit[held.contract])

    def _floor(self) -> dict[str, Floats]:
        """By the floor that binds: short options by their size, brackets by delta, an account's minimum by nobody."""
        causes = {line.component: str(line.cause[self.p]) for line in self.shared.asked.lines}
        drivers = {"SHORT_OPTION_MINIMUM": self._short_options, "BRACKET": self._gross_delta}
        driver = drivers.get(causes["FLOOR_TOP_UP"])
        return {"FLOOR_TOP_UP": driver()} if driver else {}

    def _short_options(self) -> Floats:
        contracts, held = self.shared.asked.book.contracts, self.positions
        size = contracts.multiplier[held.contract] * contracts.index_price[held.contract]
        return np.where(contracts.is_option[held.contract], np.maximum(-held.quantity, 0.0) * size, 0.0)

    def _on_top(self, splits: Mapping[str, _Split], components: tuple[str, ...]) -> _Split:
        """A share of other lines falls on what they fall on."""
        amounts = {line.component: float(line.cents[self.p]) for line in self.shared.asked.lines}
        return _Split(*(_merged(splits, components, amounts, which) for which in range(2)))


def _merged(splits: Mapping[str, _Split], components: tuple[str, ...], amounts: Shares, which: int) -> Shares:
    """Items or factors of some lines, each line at its amount."""
    merged: dict[str, float] = {}
    for component in components:
        shares = splits[component][which]
        whole = sum(shares.values())
        for item, share in shares.items() if whole > 0.0 else ((ACCOUNT_ITEM, whole := 1.0),):
            merged[item] = merged.get(item, 0.0) + amounts[component] * share / whole
    return merged


def _own(component: str, items: Shares) -> _Split:
    """A line that no scenario drives is its own factor."""
    return _Split(items, {component: 1.0})


def _less(minuend: _Split, subtrahend: _Split) -> _Split:
    """Shares of a difference of two lines."""
    return _Split(
        *(
            {item: more.get(item, 0.0) - less.get(item, 0.0) for item in sorted(more.keys() | less.keys())}
            for more, less in zip(minuend, subtrahend, strict=True)
        )
    )
