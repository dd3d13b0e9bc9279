"""Approved decisions a cycle is computed from: found when it is frozen, kept with the run, handed to who replays it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from tasks import resources
from tasks.decisions import OF_THE_DAY, STANDING, Decision, restore
from tasks.home import Home
from tasks.store import Store

_COLUMNS: Mapping[str, Any] = {
    "decision_id": pl.String,
    "kind": pl.String,
    "subject_hash": pl.String,
    "clearing_member_id": pl.String,
    "margin_account_id": pl.String,
    "contract_id": pl.String,
    "price_type": pl.String,
    "price": pl.Decimal(28, 10),
    "quantity": pl.Decimal(28, 8),
    "status": pl.String,
    "reason": pl.String,
    "requested_by": pl.String,
    "approved_by": pl.String,
}
_NUMBERS = ("price", "quantity")


def of_cycle(store: Store, business_date: date, cycle: str) -> pl.DataFrame:
    """Rows of book.decision for a cycle, run_id aside, in the order they were approved."""
    found = store.read(
        resources.sql("freeze/decisions"),
        {"business_date": business_date, "cycle": cycle, "of_the_day": list(OF_THE_DAY), "standing": list(STANDING)},
    )
    return pl.DataFrame([_row(row) for row in found.iter_rows(named=True)], schema=_COLUMNS)


def lines(found: pl.DataFrame) -> list[str]:
    """One line per decision for the fingerprint: its kind, the hash of its subject and who decided."""
    named = found.select("kind", "subject_hash", "requested_by", "approved_by")
    return sorted(" ".join(("decision", *row)) for row in named.iter_rows())


def hand_over(home: Home, decision_ids: Collection[str], store: Store) -> None:
    """Put decisions of one home, as it shows them, into another's database."""
    for decision_id in sorted(decision_ids):
        shown = json.loads((home.root / "approvals" / f"{decision_id}.json").read_text(encoding="utf-8"))
        times = {name: _time(shown[name]) for name in ("requested_ts", "expires_ts", "decided_ts")}
        restore(store, Decision(**shown | times))


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    subject = json.loads(row["subject"])
    values = {name: row[name] if name in row else subject.get(name) for name in _COLUMNS}
    return {
        name: (Decimal(value) if value is not None else None) if name in _NUMBERS else value or ""
        for name, value in values.items()
    }


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
