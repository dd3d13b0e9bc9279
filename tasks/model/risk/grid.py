"""Scenario grid: fixed moves of price, volatility, basis and the shape of the surface, in one product group.

One engine: the house grid, SPAN's 16 scenarios, TIMS and the venues' portfolio margins are sets of points and shocks.
A point moves an underlying by a share of its own price range, or by a fraction of its price, so a point's id is the
same for all underlyings. Reference: METHODOLOGY 3.3; docs/reference-models.md.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from tasks.model.arrays import DAYS_PER_YEAR, FLAT_SMILE, Contracts, Floats, Ints, States
from tasks.model.policy import Grid, Policy
from tasks.model.pricing.payoff import option_value_usd, pays_coin
from tasks.model.pricing.revaluation import revalue

DOWN, FLAT, UP = -1, 0, 1
ROLL = "ROLL"
REFERENCE_TENOR_DAYS = 30.0
_WORDS = {DOWN: "DOWN", FLAT: "FLAT", UP: "UP"}
_STEPS = (-1.0, -2 / 3, -1 / 3, 0.0, 1 / 3, 2 / 3, 1.0)  # shares of the price range
_SHORTEST_TENOR_DAYS = 1.0


@dataclass(frozen=True)
class VolShock:
    """How far volatility is raised and lowered: `up` and `down` at 30 days, times (30 / days)^power at others."""

    up: float  # fraction of volatility; fraction per sqrt(year) where additive
    down: float
    power_short: float = 0.0
    power_long: float = 0.0
    switch_days: float = REFERENCE_TENOR_DAYS
    switch_is_short: bool = True  # whether an option of exactly switch_days takes the short power
    shortest_days: float = _SHORTEST_TENOR_DAYS
    floor: float = 0.0  # fraction per sqrt(year), lifts the raised volatility alone
    additive: bool = False

    def share(self, days: Floats) -> Floats:
        """(g,) factor on the shock at each number of days to expiry."""
        tenor = REFERENCE_TENOR_DAYS / np.maximum(days, self.shortest_days)
        short = days <= self.switch_days if self.switch_is_short else days < self.switch_days
        return np.asarray(tenor ** np.where(short, self.power_short, self.power_long))


@dataclass(frozen=True)
class BasisShock:
    """How far the forward of an expiry moves against spot: a move a year, at least `smallest`, at most `largest`."""

    per_year: float = 0.0
    smallest: float = 0.0  # fraction of the forward; the move of a perpetual
    largest: float = np.inf

    def move(self, days: Floats) -> Floats:
        """(g,) fraction of the forward, >= 0, at each number of days to expiry (infinite for a perpetual)."""
        years = np.where(np.isfinite(days), days, 0.0) / DAYS_PER_YEAR
        return np.clip(np.expm1(self.per_year * years), self.smallest, self.largest)


@dataclass(frozen=True)
class Point:
    """One scenario of a grid. What it does not name stands still."""

    id: str
    share: float = 0.0  # spot: share of the price range
    move: float = 0.0  # spot: fraction of the price, beside the share
    vol: float = 0.0  # times the shock that raises volatility; below zero, times the one that lowers it
    weight: float = 1.0  # of the P&L that counts
    damped: bool = False  # weight times range / |move|: an extreme move counts as a move of one range
    basis: float = 0.0  # times the basis move of each expiry
    skew: float = 0.0  # times the shock of skew
    term: float = 0.0  # times the shock of the term structure: > 0 raises the short end and lowers the long end


@dataclass(frozen=True)
class ScenarioGrid:
    """Points of a grid and what they are measured in, for one underlying."""

    points: tuple[Point, ...]
    range_fraction: float  # of the price
    vol: VolShock
    basis: BasisShock = BasisShock()
    skew: float = 0.0  # fraction per sqrt(year) per unit of k / sqrt(T)
    term: float = 0.0  # fraction of volatility
    lookahead_days: float = 0.0  # by which options age
    sticky_strike: bool = False  # volatility stays with the strike; else with the place relative to the forward
    in_settlement_asset: bool = False  # P&L in the settlement asset at its price now; else in USD at the shocked price

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the points, in order."""
        return tuple(point.id for point in self.points)

    def column(self, name: str) -> Floats:
        """(p,) a field of every point."""
        return np.array([getattr(point, name) for point in self.points], dtype=np.float64)

    @property
    def moves(self) -> Floats:
        """(p,) spot move of each point, fraction of the price."""
        return self.range_fraction * self.column("share") + self.column("move")

    @property
    def weights(self) -> Floats:
        """(p,) share of the P&L of each point that counts."""
        moves, damped = self.moves, self.column("damped") > 0.0
        return self.column("weight") * np.where(damped, self.range_fraction / np.abs(np.where(damped, moves, 1.0)), 1.0)


def grid_pnl(contracts: Contracts, policy: Policy) -> tuple[tuple[str, ...], Floats]:
    """Ids of the house's points and weighted USD per one contract long at each, (n_contracts, n_points); gain > 0.

    Raises ModelInputError as `revalue`.
    """
    unit_pnl = np.zeros((len(contracts.ids), len(house_points(policy.grid))))
    for index, name in enumerate(contracts.underlyings):
        rows = np.flatnonzero(contracts.underlying == index)
        unit_pnl[rows] = scenario_pnl(take(contracts, rows), house_grid(policy.grid, name))
    return tuple(point.id for point in house_points(policy.grid)), unit_pnl


def grid_roll_pnl(contracts: Contracts, policy: Policy) -> Floats:
    """USD per one contract long as every expiry rolls up and down by the house's basis move, (n_contracts, 2)."""
    pnl = np.zeros((len(contracts.ids), 2))
    for index, name in enumerate(contracts.underlyings):
        rows = np.flatnonzero(contracts.underlying == index)
        pnl[rows] = roll_pnl(take(contracts, rows), house_grid(policy.grid, name).basis)
    return pnl


def house_grid(grid: Grid, underlying: str) -> ScenarioGrid:
    """The house's grid of an underlying. No basis moves by more than the price range."""
    width = grid.range_fraction[underlying]
    return ScenarioGrid(
        points=house_points(grid),
        range_fraction=width,
        vol=VolShock(
            grid.vol_up_fraction,
            grid.vol_down_fraction,
            grid.vol_power_short,
            grid.vol_power_long,
            floor=grid.vol_floor,
        ),
        basis=BasisShock(grid.basis_move_per_year, grid.basis_move_smallest, width),
        skew=grid.skew_move,
        term=grid.term_move_fraction,
    )


def house_points(grid: Grid) -> tuple[Point, ...]:
    """Price steps at volatility down, flat and up; extreme moves; basis, skew and term structure, each both ways."""
    regular = [
        Point(f"G{step:+.2f}R/{_WORDS[way]}", share=step, vol=float(way)) for step in _STEPS for way in (DOWN, FLAT, UP)
    ]
    extreme = [Point(f"X{move:+g}", move=move, vol=1.0, damped=True) for move in grid.extreme_moves]
    shape = [
        point
        for sign, way in (("+", 1.0), ("-", -1.0))
        for point in (Point(f"BASIS{sign}", basis=way), Point(f"SKEW{sign}", skew=way), Point(f"TERM{sign}", term=way))
    ]
    return (*regular, *extreme, *shape)


def scenario_pnl(contracts: Contracts, grid: ScenarioGrid) -> Floats:
    """Weighted P&L per one contract long at each point, (n_contracts, n_points); gain > 0. See `shocked_pnl`."""
    return np.asarray(shocked_pnl(contracts, grid) * grid.weights)


def shocked_pnl(contracts: Contracts, grid: ScenarioGrid) -> Floats:
    """P&L per one contract long at each point, all of it, (n_contracts, n_points); gain > 0.

    USD; with `in_settlement_asset` the settlement asset's, at its price now: an extreme move that is damped is then
    converted at the price of one range, as the P&L it is damped to is. Raises ModelInputError as `revalue`.
    """
    moves = grid.moves
    held = flattened(contracts) if grid.sticky_strike else contracts
    now = option_value_usd(contracts)
    aged = replace(held, years_to_expiry=held.years_to_expiry - grid.lookahead_days / DAYS_PER_YEAR)
    pnl = revalue(aged, states_of(aged, grid)) + (option_value_usd(aged) - now)[:, None]
    if grid.in_settlement_asset:
        price = np.where(pays_coin(contracts.form)[:, None], 1.0 + moves, 1.0)
        at = np.where(pays_coin(contracts.form)[:, None], 1.0 + _counted_moves(grid), 1.0)
        pnl = ((pnl + now[:, None]) / price - now[:, None]) * (price / at)
    return pnl


def states_of(contracts: Contracts, grid: ScenarioGrid) -> States:
    """The market at each point of a grid."""
    days, vol = contracts.slices.days, grid.column("vol")
    basis = (1.0 + grid.basis.move(days))[:, None] ** grid.column("basis")
    share = grid.vol.share(days)[:, None]
    moved = np.where(vol > 0.0, vol * (grid.vol.up * share), vol * (grid.vol.down * share))
    term = 1.0 + grid.column("term") * grid.term * short_end(days)[:, None]
    level = np.ones_like(moved) if grid.vol.additive else np.maximum(1.0 + moved, 0.0)
    still = States.still(contracts, len(grid.points))
    return replace(
        still,
        spot_factor=np.broadcast_to(1.0 + grid.moves, still.spot_factor.shape).copy(),
        basis_factor=basis,
        level=level * term,
        shift=moved if grid.vol.additive else still.shift,
        skew=np.broadcast_to(grid.column("skew") * grid.skew, level.shape).copy(),
        vol_floor=np.where(vol > 0.0, grid.vol.floor, 0.0),
    )


def short_end(days: Floats) -> Floats:
    """(g,) place of an expiry between the ends of the term structure: 1 at a day, 0 at 30 days, -1 from 900 on."""
    within = np.clip(days, _SHORTEST_TENOR_DAYS, REFERENCE_TENOR_DAYS**2)
    return np.asarray(np.log(REFERENCE_TENOR_DAYS / within) / np.log(REFERENCE_TENOR_DAYS))


def roll_pnl(contracts: Contracts, basis: BasisShock) -> Floats:
    """USD per one contract long as the forward of its expiry moves up and down against spot, (n_contracts, 2)."""
    points = (Point("up", basis=1.0), Point("down", basis=-1.0))
    return scenario_pnl(contracts, ScenarioGrid(points, 0.0, VolShock(0.0, 0.0), basis))


def roll_loss(rows: int, row: Ints, slice_of: Ints, pnl: Floats) -> Floats:
    """(rows,) loss >= 0 where each expiry moves in the direction that is worse for the row: no expiry hedges another.

    Arguments as `roll_shares`.
    """
    return np.bincount(row, roll_shares(row, slice_of, pnl), rows).astype(np.float64)


def roll_shares(row: Ints, slice_of: Ints, pnl: Floats) -> Floats:
    """(entries,) what each entry loses in the direction that is worse for its row's expiry; 0 where neither is.

    row, slice_of: (entries,) row and slice of each entry; pnl: (entries, 2) its P&L in the two directions.
    """
    if not len(row):
        return np.zeros(0)
    _, place = np.unique(row * (int(slice_of.max()) + 1) + slice_of, return_inverse=True)
    of_expiry = np.stack([np.bincount(place, direction) for direction in pnl.T])
    worse, loses = of_expiry.argmin(axis=0), of_expiry.min(axis=0) < 0.0
    return np.where(loses[place], 0.0 - pnl[np.arange(len(row)), worse[place]], 0.0)


def take(contracts: Contracts, rows: Ints) -> Contracts:
    """Some of the contracts, with the underlyings and slices of all."""
    arrays = {
        item.name: getattr(contracts, item.name)[rows]
        for item in fields(contracts)
        if isinstance(getattr(contracts, item.name), np.ndarray)
    }
    return replace(contracts, ids=tuple(contracts.ids[row] for row in rows), **arrays)


def flattened(contracts: Contracts) -> Contracts:
    """The contracts on flat smiles, where volatility stays with the strike."""
    smile = np.broadcast_to(np.array(FLAT_SMILE), contracts.slices.smile.shape)
    return replace(contracts, slices=replace(contracts.slices, smile=smile))


def _counted_moves(grid: ScenarioGrid) -> Floats:
    """(p,) move whose price converts a point's P&L: its own, or one range in its direction where it is damped."""
    moves = grid.moves
    return np.where(grid.column("damped") > 0.0, np.sign(moves) * grid.range_fraction, moves)
