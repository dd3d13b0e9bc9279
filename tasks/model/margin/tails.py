"""Tails of every portfolio and product group, all read off one P&L per scenario set (METHODOLOGY 4 and 5).

Each contract is priced once per scenario. What the portfolio loses, what it would lose without the contracts that
expire within its liquidation period, and what it would lose were its underlyings paired otherwise are sums over that.
Portfolios are taken in blocks, so memory grows with the block and not with the book. Account types with the same
liquidation periods share scenario sets and revaluations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tasks.model.arrays import Closes, Floats, Ints, ScenarioSet
from tasks.model.kernels import aligned
from tasks.model.margin.portfolio import Book, row_horizon
from tasks.model.market.series import split
from tasks.model.policy import Policy
from tasks.model.pricing.cube import Cube, padded
from tasks.model.risk import grid, profit, scenarios, tail
from tasks.model.risk.correlation import Repaired, repaired_shortfall

Words = NDArray[np.str_]

_BLOCK_ROWS = 4096  # rows of a block: about 50 MB at 1,500 scenarios
_ID = "U24"


@dataclass(frozen=True)
class Tail:
    """Expected shortfall or worst loss in USD (loss > 0) and the id of the worst scenario, empty without positions."""

    loss: Floats
    worst_id: Words

    @staticmethod
    def empty(n: int) -> Tail:
        """No loss for each of n."""
        return Tail(np.zeros(n), np.full(n, "", dtype=_ID))


@dataclass(frozen=True)
class Tails:
    """Of the g rows of a book (a portfolio's positions in one underlying) and of its n portfolios.

    `row_grid` is the worst loss of the grid, >= 0. The grid knows no offset across underlyings: a portfolio has none.
    """

    row_filtered: Tail
    row_stressed: Tail
    row_grid: Tail
    row_long_run: Tail  # of the long-run floor, no loss where it is off
    filtered: Tail
    stressed: Tail
    long_run: Tail

    @staticmethod
    def empty(rows: int, portfolios: int) -> Tails:
        """No loss anywhere."""
        return Tails(*(Tail.empty(rows) for _ in range(4)), *(Tail.empty(portfolios) for _ in range(3)))

    def of(self, scenario_set: str) -> tuple[Tail, Tail]:
        """Tails of the rows and of the portfolios under FILTERED, STRESSED or LONG_RUN."""
        return {
            scenarios.FILTERED: (self.row_filtered, self.filtered),
            scenarios.STRESSED: (self.row_stressed, self.stressed),
            scenarios.LONG_RUN: (self.row_long_run, self.long_run),
        }[scenario_set]


@dataclass(frozen=True)
class Readings:
    """All that is read off the P&L.

    `lasting` holds the tails without the contracts that expire within the liquidation period, of the portfolios that
    hold such contracts; no loss for the others.
    """

    whole: Tails
    lasting: Tails
    repaired: Repaired


@dataclass(frozen=True)
class ScenarioSets:
    """Scenarios of the account types that share liquidation periods; those of the long-run floor where it is on."""

    account_types: tuple[str, ...]
    filtered: ScenarioSet
    stressed: ScenarioSet
    long_run: ScenarioSet | None

    @property
    def every(self) -> tuple[ScenarioSet, ...]:
        """The sets there are."""
        return tuple(each for each in (self.filtered, self.stressed, self.long_run) if each is not None)


def scenario_sets(
    series: Closes, underlyings: tuple[str, ...], account_types: tuple[str, ...], policy: Policy
) -> list[ScenarioSets]:
    """Scenario sets of the account types, in order, from every series delivered. Raises ModelInputError HISTORY_SHORT.

    See market.series for what a series may be beside daily closes.
    """
    closes, factors = split(series)
    sharing: dict[tuple[int, ...], list[str]] = {}
    for account_type in sorted(account_types):
        horizon = _horizon(account_type, underlyings, policy)
        sharing.setdefault(tuple(horizon.values()), []).append(account_type)
    return [
        ScenarioSets(
            tuple(types),
            scenarios.filtered(closes, dict(zip(underlyings, periods, strict=True)), policy, factors),
            scenarios.stressed(closes, dict(zip(underlyings, periods, strict=True)), policy, factors),
            scenarios.long_run(closes, dict(zip(underlyings, periods, strict=True)), policy, factors)
            if policy.base_margin.long_run_floor == "on"
            else None,
        )
        for periods, types in sharing.items()
    ]


def readings(book: Book, sets: list[ScenarioSets], policy: Policy, threads: int = 1) -> Readings:
    """Readings of a book, the same bits for any number of threads.

    Raises ModelInputError where a number of the book or of its P&L is missing.
    """
    rows, n = len(book.row_portfolio), book.portfolios.height
    result = Readings(Tails.empty(rows, n), Tails.empty(rows, n), Repaired(np.zeros(n), np.zeros(n)))
    if not rows:
        return result
    lasting = outlasting(book, policy)
    ids, unit_pnl = grid.grid_pnl(book.contracts, policy)
    grid_cube = Cube.of(unit_pnl).require_finite("grid P&L", book.contracts.ids)
    roll_pnl = grid.grid_roll_pnl(book.contracts, policy)
    for held, into in ((book, result.whole), (lasting, result.lasting)):
        chosen = _differing(book, held)
        _read_grid(held, chosen, ids, grid_cube, into.row_grid)
        _read_roll(held, chosen, roll_pnl, into.row_grid)
    account_type = np.array(book.portfolios["account_type"].to_list())[book.row_portfolio]
    for each in sets:
        chosen = np.flatnonzero(np.isin(account_type, each.account_types))
        if len(chosen):
            _read_sets(book, lasting, chosen, each, result, policy, threads)
    return result


def _horizon(account_type: str, underlyings: tuple[str, ...], policy: Policy) -> Mapping[str, int]:
    table = policy.base_margin.liquidation_period_days.of(account_type)
    return {name: int(table[name]) for name in underlyings}


def outlasting(book: Book, policy: Policy) -> Book:
    """The book without what expires within the liquidation period of its row."""
    period = policy.expiry.within_periods * row_horizon(book, policy)[book.entry_row]
    expires = book.days_to_expiry[book.contract_index] <= period
    return replace(book, quantity=np.where(expires, 0.0, book.quantity))


def _differing(book: Book, held: Book) -> Ints:
    """Rows of the portfolios in which `held` differs from the book; all of them for the book itself."""
    if held is book:
        return np.arange(len(book.row_portfolio))
    portfolios = np.unique(book.row_portfolio[book.entry_row[held.quantity != book.quantity]])
    return np.flatnonzero(np.isin(book.row_portfolio, portfolios))


def _read_sets(
    book: Book, lasting: Book, chosen: Ints, sets: ScenarioSets, into: Readings, policy: Policy, threads: int
) -> None:
    """Reads the chosen rows of a book, which share scenario sets, off both of them."""
    base = policy.base_margin
    fewer = np.intersect1d(chosen, _differing(book, lasting))
    for scenario_set in sets.every:
        stress = scenario_set is sets.stressed
        confidence = base.confidence_stressed_fraction if stress else base.confidence_filtered_fraction
        cube = profit.unit_cube(book.contracts, scenario_set, policy, threads)
        for held, rows, tails in ((book, chosen, into.whole), (lasting, fewer, into.lasting)):
            _read_set(held, rows, cube, scenario_set, confidence, tails, threads)
        if scenario_set is sets.filtered:
            _read_repaired(book, chosen, cube, scenario_set, into, policy, threads)


def _read_grid(book: Book, chosen: Ints, ids: tuple[str, ...], cube: Cube, into: Tail) -> None:
    for rows in _blocks(book, chosen):
        losses = 0.0 - _row_pnl(book, rows, cube, 1)[:, : len(ids)]
        at = tail.worst(losses)
        into.loss[rows] = np.maximum(losses[np.arange(len(rows)), at], 0.0)
        into.worst_id[rows] = np.array(ids)[at]


def _read_roll(book: Book, chosen: Ints, unit_pnl: Floats, into: Tail) -> None:
    """Where every expiry rolling to the account's disadvantage costs more than the worst point, that is the cause."""
    pnl = book.quantity[:, None] * unit_pnl[book.contract_index]
    slice_of = book.contracts.slice_of[book.contract_index]
    loss = grid.roll_loss(len(book.row_portfolio), book.entry_row, slice_of, pnl)[chosen]
    worse = loss > into.loss[chosen]
    into.loss[chosen[worse]] = loss[worse]
    into.worst_id[chosen[worse]] = grid.ROLL


def _read_set(
    book: Book,
    chosen: Ints,
    cube: Cube,
    scenario_set: ScenarioSet,
    confidence: float,
    into: Tails,
    threads: int,
) -> None:
    ids = np.array(scenario_set.ids)
    of_rows, of_all = into.of(scenario_set.name)
    blocks = list(_blocks(book, chosen))
    memory = aligned(max(map(len, blocks), default=0), padded(cube.n_scenarios))
    for rows in blocks:
        pnl = _row_pnl(book, rows, cube, threads, memory[: len(rows)])
        portfolio, starts = np.unique(book.row_portfolio[rows], return_index=True)
        for where, gains, target in ((rows, pnl, of_rows), (portfolio, np.add.reduceat(pnl, starts), of_all)):
            read = tail.tails(gains, len(ids), confidence, threads)
            target.loss[where], target.worst_id[where] = read.shortfall, ids[read.worst]


def _read_repaired(
    book: Book, chosen: Ints, cube: Cube, scenario_set: ScenarioSet, into: Readings, policy: Policy, threads: int
) -> None:
    """Shortfall under other pairings; a portfolio in one underlying keeps its own."""
    portfolios, rows_of = np.unique(book.row_portfolio[chosen], return_counts=True)
    for figure in into.repaired:
        figure[portfolios] = into.whole.filtered.loss[portfolios]
    several = chosen[np.isin(book.row_portfolio[chosen], portfolios[rows_of > 1])]
    place = np.array([scenario_set.underlyings.index(name) for name in book.contracts.underlyings])
    for rows in _blocks(book, several):
        portfolio, starts = np.unique(book.row_portfolio[rows], return_index=True)
        found = repaired_shortfall(
            _row_pnl(book, rows, cube, threads),
            starts,
            place[book.row_underlying[rows]],
            scenario_set.spot_return,
            policy.base_margin.confidence_filtered_fraction,
            policy.correlation_break.shifts,
            threads,
        )
        for figure, losses in zip(into.repaired, found, strict=True):
            figure[portfolio] = losses


def _row_pnl(book: Book, rows: Ints, cube: Cube, threads: int, into: Floats | None = None) -> Floats:
    """USD per row and scenario of some rows of the book, ascending; columns as in `profit.sum_positions`."""
    counts = np.diff(book.pointer)[rows]
    pointer = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    entries = np.arange(pointer[-1]) + np.repeat(book.pointer[rows] - pointer[:-1], counts)
    return profit.sum_positions(pointer, book.contract_index[entries], book.quantity[entries], cube, threads, into)


def _blocks(book: Book, chosen: Ints) -> Iterator[Ints]:
    """Chosen rows, ascending, in blocks that never part the rows of a portfolio."""
    boundaries = np.append(np.flatnonzero(np.diff(book.row_portfolio[chosen])) + 1, len(chosen))
    start = 0
    while start < len(chosen):
        beyond = int(np.searchsorted(boundaries, start + _BLOCK_ROWS))
        end = int(boundaries[min(beyond, len(boundaries) - 1)])
        yield chosen[start:end]
        start = end
