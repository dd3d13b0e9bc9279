"""Base margin, floor top-up and totals of every portfolio (METHODOLOGY 5, lines 1 and 11; the others: add_ons).

    B = (1 − w)·ES(filtered) + w·ES(stressed)
    B_ol = Σ B(g) − offset limit·(Σ B(g) − B(portfolio)), g = all contracts of one underlying, B(g) ≥ 0 in the sum
    BASE_MARGIN = max(B_ol, Σ worst grid loss(g), 0)
    FLOOR_TOP_UP = max(0, max(short option minimum, account minimum) − sum of the other lines)

Each line is rounded up to a cent and a total is the sum of rounded lines. The account minimum is asked once of an
account that holds a live position: in the account's own portfolio, or for a gross account beside its clients, where
their sum falls short. Lines of zero are kept, so that a member sees what did not bind.
Reference: Regulation (EU) 153/2013, articles 27(4) and 28(1)(b).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Floats, Ints, require_finite
from tasks.model.margin.portfolio import KEY, Book
from tasks.model.margin.tails import Tails, Words
from tasks.model.policy import Policy

BASE_MARGIN, FLOOR_TOP_UP = "BASE_MARGIN", "FLOOR_TOP_UP"
LINE_NO = {
    BASE_MARGIN: 1,
    "CORRELATION_BREAK": 2,
    "LIQUIDITY_CONCENTRATION": 3,
    "MARK_UNCERTAINTY": 5,
    "STABLECOIN_DEPEG": 6,
    "HOLIDAY_GAP": 7,
    "EXPIRY": 8,
    FLOOR_TOP_UP: 11,
}
_ZERO = Decimal("0.00")
_USD = pl.Decimal(20, 2)
REQUIREMENT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(KEY, pl.String),
    "component": pl.String,
    "line_no": pl.Int32,
    "amount_usd": _USD,
    "rule_id": pl.String,
    "policy_hash": pl.String,
    "worst_scenario_id": pl.String,
    "binding_component": pl.String,
}
PORTFOLIO_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(KEY, pl.String),
    "initial_margin_usd": _USD,
    "net_option_value_usd": _USD,
    "total_initial_margin_usd": _USD,
    "maintenance_margin_usd": _USD,
    "total_maintenance_margin_usd": _USD,
}


class Line(NamedTuple):
    """A requirement line with its cause."""

    component: str
    amount: Decimal
    rule_id: str
    worst_scenario_id: str
    binding_component: str


@dataclass(frozen=True)
class BaseMargin:
    """Figures behind BASE_MARGIN: of the rows of the book and of its n portfolios. USD, loss > 0."""

    row_blended: Floats
    blended: Floats  # (n,) B(portfolio)
    offset_limited: Floats  # (n,) B_ol
    grid: Floats  # (n,)
    worst_expected_id: Words  # (n,) of the part of the blend that weighs more
    worst_grid_id: Words  # (n,) of the product group with the largest grid loss

    @property
    def amount(self) -> Floats:
        """(n,) BASE_MARGIN before rounding, >= 0."""
        return np.maximum(np.maximum(self.offset_limited, self.grid), 0.0)


def blend(filtered: Floats, stressed: Floats, stressed_weight: float) -> Floats:
    """Expected shortfall of both sets, weighted (article 28(1)(b))."""
    return np.asarray((1.0 - stressed_weight) * filtered + stressed_weight * stressed)


def limit_offset(sum_of_groups: Floats, portfolio: Floats, offset_limit: float) -> Floats:
    """Margin after no more than `offset_limit` of the reduction that netting across product groups gives (27(4))."""
    reduction = np.maximum(sum_of_groups - portfolio, 0.0)
    return np.asarray(sum_of_groups - offset_limit * reduction)


def base_margin(book: Book, tails: Tails, policy: Policy) -> BaseMargin:
    """Base margin of every portfolio before rounding. Raises ModelInputError NON_FINITE."""
    weight, n = policy.base_margin.stressed_weight_fraction, book.portfolios.height
    row_blended = blend(tails.row_filtered.loss, tails.row_stressed.loss, weight)
    blended = blend(tails.filtered.loss, tails.stressed.loss, weight)
    # A group whose tail is a gain needs no margin; that gain helps the others within the limit and no further.
    groups = _sum_by_portfolio(book, np.maximum(row_blended, 0.0))
    limited = limit_offset(groups, blended, policy.base_margin.offset_limit_fraction)
    grid = _sum_by_portfolio(book, tails.row_grid.loss)
    calm_weighs_more = (1.0 - weight) * tails.filtered.loss >= weight * tails.stressed.loss
    return BaseMargin(
        row_blended,
        blended,
        require_finite("expected shortfall", limited),
        require_finite("grid loss", grid),
        np.where(calm_weighs_more, tails.filtered.worst_id, tails.stressed.worst_id),
        _largest(book.row_portfolio, tails.row_grid.loss, tails.row_grid.worst_id, n),
    )


def requirement_lines(
    book: Book,
    base: BaseMargin,
    add_ons: list[tuple[Line, ...]],
    short_option_minimum: Mapping[int, Decimal],
    policy: Policy,
) -> list[tuple[Line, ...]]:
    """Lines of each portfolio, in the order of the book's: base margin, its add-ons, floor top-up."""
    asked = [(_base_line(base, index), *lines) for index, lines in enumerate(add_ons)]
    sums = [money.total(line.amount for line in lines) for lines in asked]
    shorts = [short_option_minimum.get(index, _ZERO) for index in range(book.portfolios.height)]
    minimum = _account_minimum(book, [max(pair) for pair in zip(sums, shorts, strict=True)], policy)
    return [(*lines, _floor_line(*figures)) for lines, *figures in zip(asked, sums, shorts, minimum, strict=True)]


def requirement_table(book: Book, lines: list[tuple[Line, ...]], policy: Policy) -> pl.DataFrame:
    """Rows of result.requirement."""
    rows = [
        {
            **{name: row[name] for name in KEY},
            "component": line.component,
            "line_no": LINE_NO[line.component],
            "amount_usd": line.amount,
            "rule_id": line.rule_id,
            "policy_hash": policy.policy_hash,
            "worst_scenario_id": line.worst_scenario_id,
            "binding_component": line.binding_component,
        }
        for row, own in zip(book.portfolios.iter_rows(named=True), lines, strict=True)
        for line in own
    ]
    return pl.DataFrame(rows, schema=REQUIREMENT_SCHEMA)


def portfolio_table(
    book: Book, lines: list[tuple[Line, ...]], net_option_value: Mapping[int, Decimal], policy: Policy
) -> pl.DataFrame:
    """Rows of result.portfolio: what the lines sum to, before and after net option value."""
    rows = [
        {
            **{name: row[name] for name in KEY},
            **_totals(money.total(line.amount for line in own), net_option_value.get(index, _ZERO), policy),
        }
        for index, (row, own) in enumerate(zip(book.portfolios.iter_rows(named=True), lines, strict=True))
    ]
    return pl.DataFrame(rows, schema=PORTFOLIO_SCHEMA)


def _totals(initial: Decimal, net_option_value: Decimal, policy: Policy) -> dict[str, Decimal]:
    maintenance = money.round_up(money.product(initial, money.exact(policy.maintenance.fraction)))
    return {
        "initial_margin_usd": initial,
        "net_option_value_usd": net_option_value,
        "total_initial_margin_usd": max(_ZERO, initial - net_option_value),
        "maintenance_margin_usd": maintenance,
        "total_maintenance_margin_usd": max(_ZERO, maintenance - net_option_value),
    }


def _base_line(base: BaseMargin, index: int) -> Line:
    expected, grid = float(base.offset_limited[index]), float(base.grid[index])
    amount = money.round_up(float(base.amount[index]))
    if not amount:
        return Line(BASE_MARGIN, _ZERO, "base_margin", "", "NONE")
    if grid > expected:
        return Line(BASE_MARGIN, amount, "grid", str(base.worst_grid_id[index]), "GRID")
    return Line(BASE_MARGIN, amount, "base_margin", str(base.worst_expected_id[index]), "EXPECTED_SHORTFALL")


def _floor_line(others: Decimal, short_option_minimum: Decimal, account_minimum: Decimal) -> Line:
    amount = max(_ZERO, max(short_option_minimum, account_minimum) - others)
    if not amount:
        return Line(FLOOR_TOP_UP, _ZERO, "floor_top_up", "", "NONE")
    if short_option_minimum >= account_minimum:
        rule = "floor_top_up.short_option_minimum_fraction"
        return Line(FLOOR_TOP_UP, amount, rule, "", "SHORT_OPTION_MINIMUM")
    return Line(FLOOR_TOP_UP, amount, "floor_top_up.account_minimum_usd", "", "ACCOUNT_MINIMUM")


def _account_minimum(book: Book, required: list[Decimal], policy: Policy) -> list[Decimal]:
    """Account minimum asked of each portfolio: none of a client, of a gross account what its clients leave open."""
    minimum = money.round_up(policy.floor_top_up.account_minimum_usd)
    of_clients: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    rows = list(book.portfolios.select(KEY).iter_rows())
    for (member, account, client), amount in zip(rows, required, strict=True):
        if client:
            of_clients[member, account] += amount
    live = {rows[index][:2] for index in book.row_portfolio.tolist()}
    return [
        minimum - of_clients[member, account] if not client and (member, account) in live else _ZERO
        for member, account, client in rows
    ]


def _sum_by_portfolio(book: Book, values: Floats) -> Floats:
    """Sum of the rows of each portfolio, in row order."""
    return np.bincount(book.row_portfolio, weights=values, minlength=book.portfolios.height).astype(np.float64)


def _largest(row_portfolio: Ints, loss: Floats, worst_id: Words, n: int) -> Words:
    """Id of the row with the largest loss of each portfolio, the first of equals; empty without rows."""
    order = np.lexsort((np.arange(len(loss)), -loss, row_portfolio))
    portfolio, first = np.unique(row_portfolio[order], return_index=True)
    largest = np.full(n, "", dtype=worst_id.dtype)
    largest[portfolio] = worst_id[order[first]]
    return largest
