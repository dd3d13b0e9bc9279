"""Margin a person has added to a portfolio: with reason, approver, last day and review date (METHODOLOGY 5).

An override only ever adds. One whose last day has passed without having been withdrawn stops the cycle: neither may
it act unnoticed, nor may its margin fall away without a decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin.lines import Line, line
from tasks.model.margin.portfolio import KEY, Book
from tasks.model.policy import Policy

OVERRIDE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "override_id": pl.String,
    **dict.fromkeys(KEY, pl.String),
    "amount_usd": money.USD,
    "reason": pl.String,
    "requested_by": pl.String,
    "approved_by": pl.String,
    "first_date": pl.Date,
    "last_date": pl.Date,
    "review_date": pl.Date,
}


def in_force(book: Book, overrides: pl.DataFrame, business_date: date, policy: Policy) -> pl.DataFrame:
    """Overrides that act on a date, by id; one that is withdrawn acts before the day it was withdrawn.

    overrides: OVERRIDE_SCHEMA and withdrawn_date (null while it stands). Raises ModelInputError OVERRIDE_EXPIRED, or
    OVERRIDE_REFUSED listing every one that is for no portfolio, lowers margin, or lacks what it must carry.
    """
    begun = standing(overrides, business_date)
    expired = [
        Finding(
            "OVERRIDE_EXPIRED",
            "an override stands past its last day",
            where=_address(row),
            value=str(business_date),
            limit=str(row["last_date"]),
            action="withdraw it, or have a new one approved",
        )
        for row in begun.filter(pl.col("last_date") < business_date).iter_rows(named=True)
    ]
    keys = set(book.portfolios.select(KEY).iter_rows())
    refused = [fault for row in begun.iter_rows(named=True) for fault in _faults(row, keys, policy)]
    if expired or refused:
        raise ModelInputError(*expired, *refused)
    return begun.select(list(OVERRIDE_SCHEMA))


def standing(overrides: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """Overrides that have begun by a date and are not withdrawn, by id; past their last day too."""
    return overrides.filter(
        (pl.col("first_date") <= business_date)
        & (pl.col("withdrawn_date").is_null() | (pl.col("withdrawn_date") > business_date))
    ).sort("override_id")


def override_line(book: Book, overrides: pl.DataFrame) -> Line:
    """OVERRIDE of each portfolio of a book, the sum of its overrides among those in force."""
    place = {key: index for index, key in enumerate(book.portfolios.select(KEY).iter_rows())}
    own = overrides.join(book.portfolios.select(KEY), on=KEY, how="semi")
    cents = np.zeros(book.portfolios.height, dtype=np.int64)
    at = np.array([place[key] for key in own.select(KEY).iter_rows()], dtype=np.int64)
    np.add.at(cents, at, money.cents_of(own["amount_usd"]))
    return line("OVERRIDE", cents, "OVERRIDE", rule_id="override.longest_days")


def terms_refused(row: Mapping[str, Any], policy: Policy) -> list[Finding]:
    """What is wrong with an override whoever asks for it: amount_usd, first_date, last_date, review_date, reason."""
    longest = policy.override.longest_days
    days = (row["last_date"] - row["first_date"]).days + 1
    rules = (
        (row["amount_usd"] >= 0, "an override lowers margin", str(row["amount_usd"]), "0 or more"),
        (bool(row["reason"]), "an override has no reason", "", ""),
        (1 <= days <= longest, "an override stands too long", f"{days} days", f"1 to {longest}"),
        (
            row["first_date"] <= row["review_date"],
            "an override is reviewed before it acts",
            str(row["review_date"]),
            str(row["first_date"]),
        ),
    )
    return _refused(row, rules)


def _faults(row: Mapping[str, Any], keys: set[tuple[Any, ...]], policy: Policy) -> list[Finding]:
    rules = (
        (tuple(row[name] for name in KEY) in keys, "an override names no portfolio of the book", "", ""),
        (bool(row["approved_by"]), "an override has no approver", "", ""),
        (row["approved_by"] != row["requested_by"], "an override is approved by who asked for it", "", ""),
    )
    return [*_refused(row, rules), *terms_refused(row, policy)]


def _refused(row: Mapping[str, Any], rules: Iterable[tuple[bool, str, str, str]]) -> list[Finding]:
    action = "withdraw or correct it"
    return [
        Finding("OVERRIDE_REFUSED", what, where=_address(row), value=value, limit=limit, action=action)
        for holds, what, value, limit in rules
        if not holds
    ]


def _address(row: Mapping[str, Any]) -> str:
    return " ".join(str(row[name]) for name in ("override_id", *KEY) if row.get(name))
