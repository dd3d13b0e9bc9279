"""Requirement lines: one amount per portfolio in whole cents, each with its rule and its cause.

A component is a column over all portfolios of a book, in the order of METHODOLOGY 5. What a portfolio must post is the
sum of its lines; each line is >= 0, and a line of zero is kept, so that a member sees what did not bind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.model import money
from tasks.model.arrays import Ints
from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin.portfolio import KEY, Book
from tasks.model.policy import Policy

Words = NDArray[np.str_]

LINE_NO = {
    "BASE_MARGIN": 1,
    "CORRELATION_BREAK": 2,
    "LIQUIDITY_CONCENTRATION": 3,
    "WRONG_WAY": 4,
    "MARK_UNCERTAINTY": 5,
    "STABLECOIN_DEPEG": 6,
    "HOLIDAY_GAP": 7,
    "EXPIRY": 8,
    "APC_BUFFER": 9,
    "CREDIT": 10,
    "LEVERAGE_SURCHARGE": 10,
    "FLOOR_TOP_UP": 11,
    "OVERRIDE": 12,
    "HELD": 13,
}
NOTHING = "NONE"


@dataclass(frozen=True)
class Line:
    """A component of n portfolios, with what caused each amount."""

    component: str
    cents: Ints  # (n,) >= 0
    rule_id: Words  # (n,) policy path of the parameter
    cause: Words  # (n,) what binds, NONE where nothing is asked
    worst_scenario_id: Words  # (n,) empty where no scenario did it


def line(
    component: str,
    cents: Ints,
    cause: str | Words,
    worst_scenario_id: str | Words = "",
    rule_id: str | Words | None = None,
) -> Line:
    """A line from its amounts; words may be shared by all. A zero has no cause, and its rule is the component's own.

    Raises ModelInputError NEGATIVE_LINE: what lowers a requirement is no line.
    """
    if (cents < 0).any():
        raise ModelInputError(Finding("NEGATIVE_LINE", "a requirement line is below zero", where=component))
    own, asked = component.lower(), cents > 0
    return Line(
        component,
        cents,
        np.where(asked, own if rule_id is None else rule_id, own),
        np.where(asked, cause, NOTHING),
        np.where(asked, worst_scenario_id, ""),
    )


def total(lines: Sequence[Line], portfolios: int) -> Ints:
    """(n,) cents the lines sum to."""
    return np.asarray(sum((each.cents for each in lines), np.zeros(portfolios, dtype=np.int64)), dtype=np.int64)


def requirement_table(book: Book, lines: Sequence[Line], policy: Policy) -> pl.DataFrame:
    """Rows of result.requirement: portfolio by portfolio, the lines in their order."""
    keys = book.portfolios.select(KEY)
    columns = [
        keys.with_columns(
            component=pl.lit(each.component),
            line_no=pl.lit(LINE_NO[each.component], pl.Int32),
            amount_usd=money.usd(each.cents),
            rule_id=pl.Series(each.rule_id.tolist(), dtype=pl.String),
            policy_hash=pl.lit(policy.policy_hash),
            worst_scenario_id=pl.Series(each.worst_scenario_id.tolist(), dtype=pl.String),
            binding_component=pl.Series(each.cause.tolist(), dtype=pl.String),
        )
        for each in lines
    ]
    by_portfolio = np.arange(len(lines) * keys.height).reshape(len(lines), keys.height).T.ravel()
    return pl.concat(columns)[by_portfolio]
