"""Versions of a cycle's calls: what a correction after issue asks for in addition, or gives back (METHODOLOGY 7).

    increment of version n = amount of version n − amount of version n−1;  Σ increments = amount of the last version

A version never edits an earlier one. What is asked is tested and rounded once, on the whole amount; a difference to
what was asked before is neither. Money that came under an earlier version counts for the later one, so that a call that
was met is not opened again: more than it asked for is asked by the next version, less is given back.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl

CORRECTED_UP, CORRECTED_DOWN = "CORRECTION_INCREASE", "CORRECTION_CREDIT"
_ACCOUNT = ("clearing_member_id", "margin_account_id")
_NOTHING = Decimal("0.00")


def next_versions(drafts: pl.DataFrame, standing: pl.DataFrame, issued_ts: datetime) -> pl.DataFrame:
    """Rows to add to the ledger so that it asks of every account what `drafts` ask.

    drafts: the cycle's calls as if none had been issued. standing: the cycle's calls that were, each as its latest
    version, with the columns of drafts. A call that asks the same still stands at its own terms and gets no row.
    """
    asked = {_account(row): row for row in drafts.iter_rows(named=True)}
    issued = {_account(row): row for row in standing.iter_rows(named=True)}
    rows = [_next(asked.get(key), issued.get(key), issued_ts) for key in sorted(asked.keys() | issued.keys())]
    return pl.DataFrame([row for row in rows if row], schema=drafts.schema)


def frozen(
    accounts: pl.DataFrame, calls: pl.DataFrame, standing: pl.DataFrame, defaulted: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Accounts and drafts with the calls of defaulted members as they stand: the default procedure has the deficit.

    accounts: result.margin_account; what it says is called of such a member is what was called before, if anything.
    """
    if not defaulted:
        return accounts, calls
    before = {_account(row): row["call_amount_usd"] for row in standing.iter_rows(named=True)}
    called = [
        before.get(_account(row), _NOTHING) if row["clearing_member_id"] in defaulted else row["margin_call_amount_usd"]
        for row in accounts.iter_rows(named=True)
    ]
    amounts = pl.Series("margin_call_amount_usd", called, dtype=accounts.schema["margin_call_amount_usd"])
    theirs = pl.col("clearing_member_id").is_in(list(defaulted))
    kept = like(standing.filter(theirs), calls)
    return accounts.with_columns(amounts), pl.concat([calls.filter(~theirs), kept]).sort(_ACCOUNT)


def like(calls: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Calls with the columns and types of another frame."""
    return calls.select(pl.col(name).cast(kind) for name, kind in other.schema.items())


def _account(row: dict[str, Any]) -> tuple[str, str]:
    return row["clearing_member_id"], row["margin_account_id"]


def _next(draft: dict[str, Any] | None, last: dict[str, Any] | None, issued_ts: datetime) -> dict[str, Any] | None:
    if last is None:
        return draft
    amount = draft["call_amount_usd"] if draft else _NOTHING
    increment = amount - last["call_amount_usd"]
    if not increment:
        return None
    more = increment > 0
    return {
        **(draft or {**last, "due_amount": Decimal(0)}),
        "call_id": last["call_id"],
        "call_version": last["call_version"] + 1,
        "state": "DRAFT",
        "call_amount_usd": amount,
        "increment_amount_usd": increment,
        "met_amount_usd": last["met_amount_usd"],
        "issued_ts": issued_ts,
        # What is left of a call that asks for less is due when it was.
        "due_ts": draft["due_ts"] if draft and more else last["due_ts"],
        "reason_code": CORRECTED_UP if more else CORRECTED_DOWN,
    }
