"""Tails of every portfolio and product group, all read off one P&L per scenario set (METHODOLOGY 4 and 5).

Portfolios are taken in blocks, so memory grows with the block and not with the book. Account types with the same
liquidation periods share scenario sets and revaluations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.model.arrays import Closes, Floats, Ints, ScenarioSet
from tasks.model.margin.portfolio import Book
from tasks.model.policy import Policy
from tasks.model.risk import grid, profit, scenarios, tail

Words = NDArray[np.str_]

_BLOCK_ROWS = 1024  # rows of a block: about 12 MB a set at 1,500 scenarios
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
    filtered: Tail
    stressed: Tail


@dataclass(frozen=True)
class ScenarioSets:
    """Filtered and stressed scenarios of the account types that share liquidation periods."""

    account_types: tuple[str, ...]
    filtered: ScenarioSet
    stressed: ScenarioSet


def scenario_sets(
    closes: Closes, underlyings: tuple[str, ...], account_types: tuple[str, ...], policy: Policy
) -> list[ScenarioSets]:
    """Scenario sets of the account types, in order. Raises ModelInputError HISTORY_SHORT."""
    sharing: dict[tuple[int, ...], list[str]] = {}
    for account_type in sorted(account_types):
        horizon = _horizon(account_type, underlyings, policy)
        sharing.setdefault(tuple(horizon.values()), []).append(account_type)
    return [
        ScenarioSets(tuple(types), scenarios.filtered(closes, dict(zip(underlyings, periods, strict=True)), policy),
                     scenarios.stressed(closes, dict(zip(underlyings, periods, strict=True)), policy))
        for periods, types in sharing.items()
    ]  # fmt: skip


def tails(book: Book, sets: list[ScenarioSets], policy: Policy) -> Tails:
    """Tails of a book. Raises ModelInputError where a number of the book or of its P&L is missing."""
    rows, portfolios = len(book.row_portfolio), book.portfolios.height
    result = Tails(*(Tail.empty(rows) for _ in range(3)), *(Tail.empty(portfolios) for _ in range(2)))
    if not rows:
        return result
    _read_grid(book, result.row_grid, policy)
    account_type = np.array(book.portfolios["account_type"].to_list())[book.row_portfolio]
    base = policy.base_margin
    for each in sets:
        chosen = np.flatnonzero(np.isin(account_type, each.account_types))
        _read_set(book, chosen, each.filtered, base.confidence_filtered_fraction,
                  result.row_filtered, result.filtered, policy)  # fmt: skip
        _read_set(book, chosen, each.stressed, base.confidence_stressed_fraction,
                  result.row_stressed, result.stressed, policy)  # fmt: skip
    return result


def _horizon(account_type: str, underlyings: tuple[str, ...], policy: Policy) -> Mapping[str, int]:
    table = policy.base_margin.liquidation_period_days.of(account_type)
    return {name: int(table[name]) for name in underlyings}


def _read_grid(book: Book, into: Tail, policy: Policy) -> None:
    ids, unit_pnl = grid.grid_pnl(book.contracts, policy)
    for rows in _blocks(book, np.arange(len(book.row_portfolio))):
        losses = 0.0 - _row_pnl(book, rows, unit_pnl)
        at = tail.worst(losses)
        into.loss[rows] = np.maximum(losses[np.arange(len(rows)), at], 0.0)
        into.worst_id[rows] = np.array(ids)[at]


def _read_set(
    book: Book, chosen: Ints, scenario_set: ScenarioSet, confidence: float, rows_into: Tail, into: Tail, policy: Policy
) -> None:
    if not len(chosen):
        return
    unit_pnl = profit.unit_pnl(book.contracts, scenario_set, policy)
    ids = np.array(scenario_set.ids)
    for rows in _blocks(book, chosen):
        pnl = _row_pnl(book, rows, unit_pnl)
        portfolio, starts = np.unique(book.row_portfolio[rows], return_index=True)
        for where, losses, target in (
            (rows, 0.0 - pnl, rows_into),
            (portfolio, 0.0 - np.add.reduceat(pnl, starts), into),
        ):
            target.loss[where] = tail.expected_shortfall(losses, confidence)
            target.worst_id[where] = ids[tail.worst(losses)]


def _row_pnl(book: Book, rows: Ints, unit_pnl: Floats) -> Floats:
    """USD per row and scenario of some rows of the book, ascending."""
    counts = np.diff(book.pointer)[rows]
    pointer = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    entries = np.arange(pointer[-1]) + np.repeat(book.pointer[rows] - pointer[:-1], counts)
    return profit.portfolio_pnl(pointer, book.contract_index[entries], book.quantity[entries], unit_pnl)


def _blocks(book: Book, chosen: Ints) -> Iterator[Ints]:
    """Chosen rows, ascending, in blocks that never part the rows of a portfolio."""
    boundaries = np.append(np.flatnonzero(np.diff(book.row_portfolio[chosen])) + 1, len(chosen))
    start = 0
    while start < len(chosen):
        beyond = int(np.searchsorted(boundaries, start + _BLOCK_ROWS))
        end = int(boundaries[min(beyond, len(boundaries) - 1)])
        yield chosen[start:end]
        start = end
