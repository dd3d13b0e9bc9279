"""What a portfolio must post beyond its base margin (METHODOLOGY 5, lines 2, 3 and 5 to 8).

    CORRELATION_BREAK = κ·max(0, max(ES comonotone, ES independent) − max(B_ol, 0))
    LIQUIDITY_CONCENTRATION = Σ over underlyings of the cost to close out net delta and net vega
    MARK_UNCERTAINTY = multiple·Σ |q|·uncertainty of the mark
    STABLECOIN_DEPEG = Σ over stablecoins of max(0, threshold − p)·factor·(owed + held after haircut), see depeg
    HOLIDAY_GAP = base·(√((h + gap)/h) − 1), h the shortest liquidation period of what is held
    EXPIRY = max(0, base without what expires within h − base)

Each line is rounded up to a cent, and a line of zero is kept. A line of an account that stands for all of its clients
(a gross account's coin collateral) stands in the portfolio without a client.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from tasks.model import money
from tasks.model.arrays import Floats, require_finite
from tasks.model.margin.liquidity import Cost
from tasks.model.margin.portfolio import ACCOUNT, Book, row_horizon
from tasks.model.margin.requirement import BaseMargin, Line
from tasks.model.policy import Policy
from tasks.model.risk.correlation import Repaired

_ZERO = Decimal("0.00")


def add_on_lines(
    book: Book,
    base: BaseMargin,
    lasting: BaseMargin,
    repaired: Repaired,
    cost: Cost,
    depeg: Mapping[int, Decimal],
    gap_days: Mapping[tuple[str, str], int],
    policy: Policy,
) -> list[tuple[Line, ...]]:
    """Lines 2, 3 and 5 to 8 of each portfolio, in the order of the book's.

    lasting: base margin without what expires within the liquidation period, zero where nothing does. depeg: USD by
    portfolio. gap_days: days without a settlement window beyond the usual, by account.
    """
    broken = correlation_break(base, repaired, policy)
    uncertain = mark_uncertainty(book, policy)
    gap = holiday_gap(book, base.amount, gap_days, policy)
    expiry = np.maximum(lasting.amount - base.amount, 0.0)
    pairing = np.where(repaired.comonotone >= repaired.independent, "COMONOTONE", "INDEPENDENT")
    return [
        (
            _line("CORRELATION_BREAK", money.round_up(float(broken[p])), str(pairing[p])),
            _line(
                "LIQUIDITY_CONCENTRATION",
                money.round_up(float(cost.amount[p])),
                "BEYOND_PERIOD" if cost.longer[p] else "WITHIN_PERIOD",
            ),
            _line("MARK_UNCERTAINTY", money.round_up(float(uncertain[p])), "UNCERTAIN_MARKS"),
            _line("STABLECOIN_DEPEG", depeg.get(p, _ZERO), "BELOW_THRESHOLD"),
            _line("HOLIDAY_GAP", money.round_up(float(gap[p])), "CLOSED_DAYS"),
            _line("EXPIRY", money.round_up(float(expiry[p])), "HEDGE_EXPIRES", _worst(lasting, p)),
        )
        for p in range(book.portfolios.height)
    ]


def correlation_break(base: BaseMargin, repaired: Repaired, policy: Policy) -> Floats:
    """(n,) USD: the policy's share of what the dearer pairing costs above the offset-limited margin."""
    dearer = np.maximum(repaired.comonotone, repaired.independent)
    excess = np.maximum(dearer - np.maximum(base.offset_limited, 0.0), 0.0)
    return require_finite("correlation break", policy.correlation_break.fraction * excess)


def mark_uncertainty(book: Book, policy: Policy) -> Floats:
    """(n,) USD: what the marks of live positions may be off, all to the portfolio's disadvantage."""
    each = np.abs(book.quantity) * book.mark_uncertainty[book.contract_index]
    portfolio = book.row_portfolio[book.entry_row]
    summed = np.bincount(portfolio, weights=each, minlength=book.portfolios.height)
    return np.asarray(policy.mark_uncertainty.multiple * summed)


def holiday_gap(book: Book, base: Floats, gap_days: Mapping[tuple[str, str], int], policy: Policy) -> Floats:
    """(n,) USD: base margin stretched from the shortest liquidation period of what is held to the end of the gap."""
    period = np.full(book.portfolios.height, np.inf)
    np.minimum.at(period, book.row_portfolio, row_horizon(book, policy))
    days = np.array([gap_days[account] for account in book.portfolios.select(ACCOUNT).iter_rows()], dtype=np.float64)
    gap = np.clip(days, 0.0, policy.holiday_gap.largest_gap_days)
    return np.asarray(base * (np.sqrt(1.0 + gap / period) - 1.0))


def _worst(lasting: BaseMargin, p: int) -> str:
    binding = lasting.worst_grid_id if lasting.grid[p] > lasting.offset_limited[p] else lasting.worst_expected_id
    return str(binding[p])


def _line(component: str, amount: Decimal, cause: str, worst_scenario_id: str = "") -> Line:
    if not amount:
        return Line(component, _ZERO, component.lower(), "", "NONE")
    return Line(component, amount, component.lower(), worst_scenario_id, cause)
