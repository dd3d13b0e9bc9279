"""Buffer that is built in calm markets and used in rough ones, so that margin rates rise less fast.

Per underlying, on a reference portfolio that never changes (one unit outright, long or short, the dearer), with margin
rate m and buffer fraction b of the policy:

    not released: charged c = (1 + b_t)·m, b_t = min(b, b_(t−1) + step)       full, or replenished a step a day
    released:     c = max(m, min(c_(t−1), (1 + b)·m)), b_t = c/m − 1          used until nothing of it is left

It is released once m stands more than `release_rise_fraction` above its average of the days before, until it stands
less than `end_rise_fraction` above it. The average forgets with its half-life and is part of the state, so a day needs
nothing but the day before. An account pays b_t, weighted by B(g) of what it holds, on lines 1 to 3.
Reference: Regulation (EU) 153/2013, article 28(1)(a); METHODOLOGY 5, line 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Floats, Ints
from tasks.model.margin.lines import Line, line
from tasks.model.margin.outright import Outright
from tasks.model.margin.portfolio import Book
from tasks.model.market.volatility import decay
from tasks.model.policy import ApcBuffer, Policy

OFF, FULL, RELEASED, REPLENISHING = "OFF", "FULL", "RELEASED", "REPLENISHING"
BUFFER_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "underlying": pl.String,
    "margin_rate": pl.Float64,
    "average_rate": pl.Float64,
    "charged_rate": pl.Float64,
    "buffer_fraction": pl.Float64,
    "state": pl.String,
}


class Charge(NamedTuple):
    """Rate of the notional that is charged, and the part of the margin rate that stands on top of it."""

    rate: float
    buffer: float


def charge(rate: float, before: Charge, released: bool, fraction: float, step: float) -> Charge:
    """Charge of a day from the one before, on a margin rate > 0."""
    if released:
        charged = max(rate, min(before.rate, (1.0 + fraction) * rate))
        return Charge(charged, charged / rate - 1.0)
    buffer = min(fraction, before.buffer + step)
    return Charge((1.0 + buffer) * rate, buffer)


def buffer_table(reference: Outright, carried: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Rows of result.apc_buffer: every underlying of the reference a day on.

    carried: the rows of the cycle before, none in a genesis cycle. An underlying that is new starts with the whole
    buffer; one whose buffer was off builds it step by step.
    """
    before = {row["underlying"]: row for row in carried.iter_rows(named=True)}
    rates = zip(reference.underlyings, reference.margin_rate(policy).tolist(), strict=True)
    rows = [{"underlying": name, **day_on(rate, before.get(name), policy.apc_buffer)} for name, rate in rates]
    return pl.DataFrame(rows, schema=BUFFER_SCHEMA, orient="row")


def buffer_line(book: Book, row_blended: Floats, lines: Ints, table: pl.DataFrame) -> Line:
    """APC_BUFFER of each portfolio. row_blended: (g,) B of each row; lines: (n,) cents of lines 1 to 3."""
    state = {row["underlying"]: row for row in table.iter_rows(named=True)}
    names = [book.contracts.underlyings[group] for group in book.row_underlying.tolist()]
    fraction = np.array([state[name]["buffer_fraction"] for name in names], dtype=np.float64)
    share = weighted(book.row_portfolio, book.portfolios.height, row_blended, fraction)
    released = np.zeros(book.portfolios.height, dtype=np.bool_)
    released[book.row_portfolio[np.array([state[name]["state"] == RELEASED for name in names], dtype=np.bool_)]] = True
    return line("APC_BUFFER", money.cents_up(share * lines / 100.0), np.where(released, RELEASED, "BUFFER"))


def weighted(portfolio: Ints, portfolios: int, weight: Floats, fraction: Floats) -> Floats:
    """(n,) mean of the rows' fractions by their weights above zero; the largest of them where no row has any."""
    positive = np.maximum(weight, 0.0)
    sums = np.bincount(portfolio, positive, portfolios)
    mean = np.bincount(portfolio, positive * fraction, portfolios) / np.where(sums > 0.0, sums, 1.0)
    largest = np.zeros(portfolios)
    np.maximum.at(largest, portfolio, fraction)
    return np.where(sums > 0.0, mean, largest)


def day_on(rate: float, before: Mapping[str, Any] | None, rule: ApcBuffer) -> dict[str, Any]:
    """State of an underlying, as in `buffer_table`, a day after another one, or on its first day; margin rate > 0."""
    past = rate if before is None else before["average_rate"]
    kept = decay(rule.average_half_life_days)
    average = kept * past + (1.0 - kept) * rate
    if rule.mode == "off":
        return _state(rate, average, Charge(rate, 0.0), OFF)
    if before is None:
        return _state(rate, average, Charge((1.0 + rule.fraction) * rate, rule.fraction), FULL)
    limit = rule.end_rise_fraction if before["state"] == RELEASED else rule.release_rise_fraction
    released = rate > (1.0 + limit) * past
    held = Charge(before["charged_rate"], before["buffer_fraction"])
    charged = charge(rate, held, released, rule.fraction, rule.replenish_step_fraction)
    unreleased = FULL if charged.buffer == rule.fraction else REPLENISHING
    return _state(rate, average, charged, RELEASED if released else unreleased)


def _state(rate: float, average: float, charged: Charge, state: str) -> dict[str, Any]:
    return {
        "margin_rate": rate,
        "average_rate": average,
        "charged_rate": charged.rate,
        "buffer_fraction": charged.buffer,
        "state": state,
    }
