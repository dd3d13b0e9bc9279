"""Calls as readers see them: every call in its latest version, what happened to it, what is in force of a run.

Reads ledgers/, exports/ and published/ of the home, never its database.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from tasks import ledgers, status
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError

OPEN = ("ISSUED", "ACK", "DISPUTED", "PART_MET", "OVERDUE", "ESCALATED")
_CALLS = "control.margin_call"
_AGED = ("age_days", "fallen_due_usd", "disputed_usd", "overdue_usd", "overdue_hours", "cause")


def listed(home: Home, business_date: str | None = None, only_open: bool = False) -> list[dict[str, Any]]:
    """Every call that left the house, oldest first, as its latest version with its age at the latest end of day.

    business_date: <YYYYMMDD> of the cycles that called. A home without ledgers has no calls.
    """
    if not ledgers.shown(home):
        return []
    calls = _latest(ledgers.read(home, _CALLS)).sort("issued_ts", "call_id")
    ages, answers = _ages(home), _answers(home)
    found = [
        row
        | {"open_usd": max(row["call_amount_usd"] - row["met_amount_usd"], row["call_amount_usd"] * 0)}
        | ages.get((row["call_id"], row["call_version"]), dict.fromkeys(_AGED))
        | {"answer": answers.get((row["call_id"], row["call_version"]), "")}
        for row in calls.iter_rows(named=True)
    ]
    return [
        row
        for row in found
        if (not business_date or row["cycle_id"].startswith(business_date)) and (not only_open or row["state"] in OPEN)
    ]


def history(home: Home, call_id: str) -> dict[str, Any]:
    """Versions, events and answers of a call. Raises LeveeError UNKNOWN_ID."""
    found = {
        name: ledgers.read(home, f"control.{table}").filter(pl.col("call_id") == call_id).to_dicts()
        for name, table in (("versions", "margin_call"), ("events", "call_event"), ("answers", "call_response"))
    }
    if not found["versions"]:
        raise unknown(call_id)
    for rows, order in zip(found.values(), ("call_version", "event_no", "response_no"), strict=True):
        rows.sort(key=lambda row: row[order])
    return {"call_id": call_id} | found


def in_force(home: Home, run_id: str) -> pl.DataFrame:
    """Calls of a cycle as a run of it left them: the latest version that it or an earlier run of the cycle wrote."""
    cycle = run_id.rpartition("-r")[0]
    of_cycle = (pl.col("cycle_id") == cycle) & (pl.col("run_id") <= run_id)
    return _latest(ledgers.read(home, _CALLS).filter(of_cycle))


def unknown(call_id: str) -> LeveeError:
    """The error of a call that nobody knows."""
    return LeveeError(Finding("UNKNOWN_ID", "no such call", value=call_id, action="see `levee calls list`"))


def _latest(calls: pl.DataFrame) -> pl.DataFrame:
    left = calls.filter(~pl.col("state").is_in(["DRAFT", "APPROVED", "INDICATIVE"]))
    return left.sort("call_id", "call_version").unique("call_id", keep="last", maintain_order=True)


def _ages(home: Home) -> dict[tuple[str, int], dict[str, Any]]:
    """What the latest cycle that is out says of the calls it found outstanding."""
    pointer = home.published / "latest.json"
    if not pointer.exists():
        return {}
    run_id = status.pointed(pointer)["run_id"]
    rows = status.exported(home, run_id, "result.outstanding_call").iter_rows(named=True)
    return {(row["call_id"], row["call_version"]): {name: row[name] for name in _AGED} for row in rows}


def _answers(home: Home) -> dict[tuple[str, int], str]:
    """The latest answer to each version of a call."""
    answers = ledgers.read(home, "control.call_response").sort("response_no")
    return {
        (call_id, version): answer
        for call_id, version, answer in answers.select("call_id", "call_version", "response_type").iter_rows()
    }
