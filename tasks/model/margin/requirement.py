"""Base margin of every portfolio, and what its lines come to (METHODOLOGY 5, line 1 and the totals).

    B = (1 − w)·ES(filtered) + w·ES(stressed)
    B_ol = Σ B(g) − offset limit·(Σ B(g) − B(portfolio)), g = all contracts of one underlying, B(g) ≥ 0 in the sum
    BASE_MARGIN = max(B_ol, long-run floor if on, Σ worst grid loss(g), 0)
    long-run floor = ES of returns scaled half way to long-run volatility, offset-limited as B_ol
    maintenance margin = max(fraction of initial margin, bracket maintenance margin)

Each line is rounded up to a cent and a total is the sum of rounded lines.
Reference: Regulation (EU) 153/2013, articles 27(4), 28(1)(b) and (c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Bools, Floats, Ints, require_finite
from tasks.model.margin.lines import NOTHING, Line, line
from tasks.model.margin.portfolio import KEY, Book
from tasks.model.margin.tails import Tails, Words
from tasks.model.policy import Policy

SHARE, BRACKET = "INITIAL_MARGIN_SHARE", "BRACKET"
CAUSES = np.array(["EXPECTED_SHORTFALL", "LONG_RUN_FLOOR", "GRID"])
_RULES = np.array(["base_margin", "base_margin.long_run_floor", "grid"])


@dataclass(frozen=True)
class BaseMargin:
    """Figures behind BASE_MARGIN: of the rows of the book and of its n portfolios. USD, loss > 0."""

    row_blended: Floats
    blended: Floats  # (n,) B(portfolio)
    offset_limited: Floats  # (n,) B_ol
    grid: Floats  # (n,)
    long_run: Floats  # (n,) offset-limited tail at long-run volatility, zero where that floor is off
    worst_expected_id: Words  # (n,) of the part of the blend that weighs more
    worst_grid_id: Words  # (n,) of the product group with the largest grid loss
    worst_long_run_id: Words  # (n,)

    @property
    def amount(self) -> Floats:
        """(n,) BASE_MARGIN before rounding, >= 0."""
        return np.asarray(np.maximum(self._figures.max(axis=0), 0.0))

    @property
    def binding(self) -> Ints:
        """(n,) which of expected shortfall, long-run floor and grid it is, the first of equals: a place in CAUSES."""
        return np.asarray(np.argmax(self._figures, axis=0), dtype=np.int64)

    @property
    def worst_id(self) -> Words:
        """(n,) worst scenario of the figure that binds."""
        return np.choose(self.binding, [self.worst_expected_id, self.worst_long_run_id, self.worst_grid_id])

    @property
    def _figures(self) -> Floats:
        return np.stack([self.offset_limited, self.long_run, self.grid])


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
    limit = policy.base_margin.offset_limit_fraction
    limited = limit_offset(_sum_by_portfolio(book, np.maximum(row_blended, 0.0)), blended, limit)
    groups = _sum_by_portfolio(book, np.maximum(tails.row_long_run.loss, 0.0))
    grid = _sum_by_portfolio(book, tails.row_grid.loss)
    calm_weighs_more = (1.0 - weight) * tails.filtered.loss >= weight * tails.stressed.loss
    return BaseMargin(
        row_blended,
        blended,
        require_finite("expected shortfall", limited),
        require_finite("grid loss", grid),
        require_finite("long-run floor", limit_offset(groups, tails.long_run.loss, limit)),
        np.where(calm_weighs_more, tails.filtered.worst_id, tails.stressed.worst_id),
        _largest(book.row_portfolio, tails.row_grid.loss, tails.row_grid.worst_id, n),
        tails.long_run.worst_id,
    )


def base_line(base: BaseMargin) -> Line:
    """BASE_MARGIN of each portfolio."""
    at = base.binding
    return line("BASE_MARGIN", money.cents_up(base.amount), CAUSES[at], base.worst_id, _RULES[at])


@dataclass(frozen=True)
class Totals:
    """What the lines of n portfolios come to, (n,) cents each."""

    initial: Ints
    override: Ints  # what of it persons have added
    net_option_value: Ints  # long > 0
    maintenance: Ints
    bracket_binds: Bools  # whether brackets set maintenance margin

    @property
    def total_maintenance(self) -> Ints:
        """Level of collateral at which a portfolio is closed out."""
        return np.asarray(np.maximum(self.maintenance - self.net_option_value, 0))


def totals(initial: Ints, override: Ints, net_option_value: Ints, bracket: Ints, policy: Policy) -> Totals:
    """Totals of n portfolios; all (n,) cents. initial: the sum of all lines; bracket: the brackets' maintenance."""
    share = money.share_up(initial, policy.maintenance.fraction)
    return Totals(initial, override, net_option_value, np.maximum(share, bracket), bracket > share)


def portfolio_table(book: Book, come_to: Totals) -> pl.DataFrame:
    """Rows of result.portfolio: before and after net option value, with and without overrides."""
    amounts = {
        "initial_margin_usd": come_to.initial,
        "net_option_value_usd": come_to.net_option_value,
        "total_initial_margin_usd": np.maximum(come_to.initial - come_to.net_option_value, 0),
        "maintenance_margin_usd": come_to.maintenance,
        "total_maintenance_margin_usd": come_to.total_maintenance,
        "initial_margin_without_override_usd": come_to.initial - come_to.override,
    }
    binds = np.where(come_to.maintenance > 0, np.where(come_to.bracket_binds, BRACKET, SHARE), NOTHING)
    return book.portfolios.select(KEY).with_columns(
        **{name: money.usd(cents) for name, cents in amounts.items()},
        maintenance_binding_component=pl.Series(binds.tolist(), dtype=pl.String),
    )


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
