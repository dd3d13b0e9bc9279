"""Ageing of calls: how much of each has fallen due, is disputed or overdue, and which are handed over (METHODOLOGY 7).

Everything is counted to the snapshot of a cycle. Each version of a call has its own due time: what version n added is
due when version n was, what a later version took off is due no more. So of a call that asks A1, A2, … An,
min(Ai, …, An) is due from the due time of version i on. A disputed part is not overdue while its query clock runs, and
never stops the rest from being so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from tasks.model.margin.outstanding import SCHEMA

ACCEPT, PARTIAL_DISPUTE, FULL_DISPUTE = "ACCEPT", "PARTIAL_DISPUTE", "FULL_DISPUTE"
MEMBER_DEFAULTED, OVERDUE, AGE, UNCOLLECTED_LIMIT = "MEMBER_DEFAULTED", "OVERDUE", "AGE", "UNCOLLECTED_LIMIT"
AGED_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = SCHEMA | {
    "cycle_id": pl.String,
    "due_ts": pl.Datetime("us"),
    "due_asset": pl.String,
    "fallen_due_usd": pl.Decimal(20, 2),
    "disputed_usd": pl.Decimal(20, 2),
    "overdue_usd": pl.Decimal(20, 2),
    "age_days": pl.Int32,
    "overdue_hours": pl.Int32,
    "cause": pl.String,
}
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class CollectionTerms:
    """When a call that is not paid is handed over, and how long a dispute may last."""

    escalate_after_overdue_hours: int
    escalate_after_days: int
    uncollected_limit_usd: Decimal
    query_days: int


class Due(NamedTuple):
    """How much of a call was due by a moment, and since when a missing part of it was."""

    fallen_usd: Decimal
    since: datetime | None


def age_calls(
    outstanding: pl.DataFrame,
    versions: pl.DataFrame,
    responses: pl.DataFrame,
    defaulted: Collection[str],
    as_of: datetime,
    terms: CollectionTerms,
) -> pl.DataFrame:
    """Outstanding calls (see meet_calls) with due, disputed and overdue parts, age, and the state that follows.

    versions: call_id, call_version, cycle_id, call_amount_usd, issued_ts, due_ts, due_asset, of every outstanding call.
    responses: call_id, call_version, response_type, disputed_usd, query_by_date, at most one a call. as_of: UTC.
    """
    by_call: dict[str, list[dict[str, Any]]] = {}
    for row in versions.sort("call_id", "call_version").iter_rows(named=True):
        by_call.setdefault(row["call_id"], []).append(row)
    answered = {(row["call_id"], row["call_version"]): row for row in responses.iter_rows(named=True)}
    owed: dict[str, Decimal] = {}
    for member, closing in outstanding.select("clearing_member_id", "closing_usd").iter_rows():
        owed[member] = owed.get(member, _ZERO) + closing
    beyond = {member for member, amount in owed.items() if amount > terms.uncollected_limit_usd}
    rows = [
        _aged(
            row,
            by_call[row["call_id"]],
            answered.get((row["call_id"], row["call_version"])),
            row["clearing_member_id"] in defaulted,
            row["clearing_member_id"] in beyond,
            as_of,
            terms,
        )
        for row in outstanding.iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=AGED_SCHEMA)


def fallen_due(versions: Sequence[Mapping[str, Any]], covered: Decimal, as_of: datetime) -> Due:
    """What of a call was due by a moment. covered: USD of it that is met or disputed. versions: oldest first."""
    fallen, since = _ZERO, None
    for number, version in enumerate(versions):
        if version["due_ts"] > as_of:
            continue
        fallen = min((each["call_amount_usd"] for each in versions[number:]), default=_ZERO)
        if since is None and fallen > covered:
            since = version["due_ts"]
    return Due(fallen, since)


def disputed(answer: Mapping[str, Any] | None, owed: Decimal, business_date: date) -> Decimal:
    """USD of what is owed that is disputed, while the query clock runs."""
    if answer is None or answer["response_type"] == ACCEPT or business_date > answer["query_by_date"]:
        return _ZERO
    amount: Decimal = answer["disputed_usd"]
    return min(owed, amount)


def _aged(
    row: Mapping[str, Any],
    versions: Sequence[Mapping[str, Any]],
    answer: Mapping[str, Any] | None,
    defaulted: bool,
    beyond_limit: bool,
    as_of: datetime,
    terms: CollectionTerms,
) -> dict[str, Any]:
    met = row["call_amount_usd"] - row["closing_usd"]
    open_dispute = disputed(answer, row["closing_usd"], as_of.date())
    due = fallen_due(versions, met + open_dispute, as_of)
    figures = {
        "fallen_due_usd": due.fallen_usd,
        "disputed_usd": open_dispute,
        "overdue_usd": max(_ZERO, due.fallen_usd - met - open_dispute),
        "age_days": (as_of.date() - versions[0]["issued_ts"].date()).days,
        "overdue_hours": (as_of - due.since) // timedelta(hours=1) if due.since else 0,
    }
    cause = _cause(row["closing_usd"], figures, defaulted, beyond_limit, terms)
    latest = {name: versions[-1][name] for name in ("cycle_id", "due_ts", "due_asset")}
    return {**row, **latest, **figures, "state": _state(row, figures, cause, answer), "cause": cause}


def _cause(
    owed: Decimal, figures: Mapping[str, Any], defaulted: bool, beyond_limit: bool, terms: CollectionTerms
) -> str:
    """Why a call is handed over, empty where it is not."""
    if not owed:
        return ""
    reasons = (
        (MEMBER_DEFAULTED, defaulted),
        (OVERDUE, figures["overdue_usd"] > 0 and figures["overdue_hours"] >= terms.escalate_after_overdue_hours),
        (AGE, owed > figures["disputed_usd"] and figures["age_days"] >= terms.escalate_after_days),
        (UNCOLLECTED_LIMIT, beyond_limit),
    )
    return next((name for name, holds in reasons if holds), "")


def _state(row: Mapping[str, Any], figures: Mapping[str, Any], cause: str, answer: Mapping[str, Any] | None) -> str:
    if not row["closing_usd"]:
        return "MET"
    if cause:
        return "ESCALATED"
    if figures["overdue_usd"]:
        return "OVERDUE"
    if figures["disputed_usd"]:
        return "DISPUTED"
    if row["closing_usd"] < row["call_amount_usd"]:
        return "PART_MET"
    return "ACK" if answer and answer["response_type"] == ACCEPT else "ISSUED"
