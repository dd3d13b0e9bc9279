"""What a portfolio must post beyond its base margin (METHODOLOGY 5, lines 2, 3 and 5 to 8).

    CORRELATION_BREAK = κ·max(0, max(ES comonotone, ES independent) − BASE_MARGIN)
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
from tasks.model.margin.lines import Line, line
from tasks.model.margin.liquidity import Cost
from tasks.model.margin.portfolio import ACCOUNT, Book, row_horizon
from tasks.model.margin.requirement import BaseMargin
from tasks.model.policy import Policy
from tasks.model.risk.correlation import Repaired


def correlation_line(base: BaseMargin, repaired: Repaired, policy: Policy) -> Line:
    """CORRELATION_BREAK of each portfolio."""
    pairing = np.where(repaired.comonotone >= repaired.independent, "COMONOTONE", "INDEPENDENT")
    return line("CORRELATION_BREAK", money.cents_up(correlation_break(base, repaired, policy)), pairing)


def liquidity_line(cost: Cost) -> Line:
    """LIQUIDITY_CONCENTRATION of each portfolio."""
    within = np.where(np.array(cost.longer, dtype=np.bool_), "BEYOND_PERIOD", "WITHIN_PERIOD")
    return line("LIQUIDITY_CONCENTRATION", money.cents_up(cost.amount), within)


def mark_line(book: Book, policy: Policy) -> Line:
    """MARK_UNCERTAINTY of each portfolio."""
    return line("MARK_UNCERTAINTY", money.cents_up(mark_uncertainty(book, policy)), "UNCERTAIN_MARKS")


def depeg_line(book: Book, depeg: Mapping[int, Decimal]) -> Line:
    """STABLECOIN_DEPEG of each portfolio. depeg: USD by portfolio, whole cents."""
    cents = np.zeros(book.portfolios.height, dtype=np.int64)
    for portfolio, amount in depeg.items():
        cents[portfolio] = int(amount / money.CENT)
    return line("STABLECOIN_DEPEG", cents, "BELOW_THRESHOLD")


def holiday_line(book: Book, base: BaseMargin, gap_days: Mapping[tuple[str, str], int], policy: Policy) -> Line:
    """HOLIDAY_GAP of each portfolio. gap_days: days without a settlement window beyond the usual, by account."""
    return line(
        "HOLIDAY_GAP", money.cents_up(holiday_gap(book, base.amount, gap_days, policy)), "CLOSED_DAYS", base.worst_id
    )


def expiry_line(base: BaseMargin, lasting: BaseMargin) -> Line:
    """EXPIRY of each portfolio. lasting: base margin without what expires within the liquidation period, else zero."""
    cents = money.cents_up(np.maximum(lasting.amount - base.amount, 0.0))
    return line("EXPIRY", cents, "HEDGE_EXPIRES", lasting.worst_id)


def correlation_break(base: BaseMargin, repaired: Repaired, policy: Policy) -> Floats:
    """(n,) USD: the policy's share of what the dearer pairing costs above base margin.

    Base margin M and the dearer tail D are sub-additive, and so is M + κ·max(0, D − M) = (1 − κ)·M + κ·max(D, M) for
    any κ up to 1. Measured against less than M it would not be: a hedge could cost more than its legs (docs/decisions).
    """
    dearer = np.maximum(repaired.comonotone, repaired.independent)
    excess = np.maximum(dearer - base.amount, 0.0)
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
