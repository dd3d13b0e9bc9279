"""The call ledger: what a release makes final and issued, and which answers of members a cycle reckons with.

Rows of control.margin_call keep their amounts for ever, only their state moves; control.call_event and
control.call_response are only added to. Each function works inside the caller's transaction.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from tasks import resources
from tasks.store import Store

_ANSWER = ("call_id", "call_version", "response_type", "disputed_usd", "first_date", "query_by_date")


def approve(store: Store, run_id: str) -> None:
    """Make the drafts of a run final: its release is prepared."""
    store.run_file("ledger/approve", {"run_id": run_id})


def issue(store: Store, run_id: str, now: datetime) -> None:
    """Issue a run's calls, replace their earlier versions, and move the calls it found outstanding; with events."""
    store.run_file("ledger/issue", {"run_id": run_id, "now": now})


def responses(store: Store, business_date: date, cycle: str) -> pl.DataFrame:
    """Answers a cycle reckons with: columns of book.call_response."""
    return store.read(resources.sql("freeze/call_responses"), {"business_date": business_date, "cycle": cycle})


def lines(answers: pl.DataFrame) -> list[str]:
    """One line per answer a cycle is computed from."""
    return [" ".join(("response", *map(str, row))) for row in answers.select(_ANSWER).iter_rows()]
