"""Whether a file that is not there may still come: the clock held against the roster.

Until the end of its grace a cycle WAITs for a file; after it the file is late, and the cycle is BLOCKED until the file,
or what may stand in for it, is there. No run exists then, so only its state is shown. The time is never printed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from tasks import resources, roster
from tasks.envelope import file_name, timestamp
from tasks.home import Home, write_json
from tasks.model.errors import Finding, LeveeError
from tasks.roster import Expected
from tasks.store import Store

CLOCK = "LEVEE_NOW"


def now(home: Home) -> datetime:
    """The time, UTC; LEVEE_NOW (ISO 8601) in its place where the home is not PROD. Raises LeveeError USAGE."""
    told = os.environ.get(CLOCK, "") if home.environment != "PROD" else ""
    try:
        moment = datetime.fromisoformat(told) if told else datetime.now(UTC)
    except ValueError as error:
        raise LeveeError(Finding("USAGE", f"{CLOCK} is no time", value=told, limit="2026-01-30T08:05:00Z")) from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def is_late(home: Home, expected: Expected, business_date: date, cycle: str) -> bool:
    """Whether the grace of a file has passed."""
    last = expected.last_moment(business_date, cycle)
    return last is not None and now(home) > last


def missing(
    home: Home, store: Store, files: pl.DataFrame, previous: Mapping[str, Any] | None, business_date: date, cycle: str
) -> list[Finding]:
    """A finding for every file that the cycle needs and that is not there: WAITING, or LATE_<DATASET>.

    A sender that alone is late with its positions is not waited for: its accounts are held by the gate.
    """
    options = store.read(resources.sql("freeze/options_held"), {"file_ids": files["file_id"].to_list()}).item()
    there = set(files["dataset"])
    required = roster.required(options and not _surface_stands_in(home, store, previous, business_date, cycle))
    wanted = [(dataset, "HOUSE") for dataset in required if dataset not in there]
    if "positions" in there and not is_late(home, roster.roster()["positions"], business_date, cycle):
        wanted += [("positions", sender) for sender in absent_senders(store, files, previous)]
    return [
        _finding(home, roster.roster()[dataset], sender, business_date, cycle) for dataset, sender in sorted(wanted)
    ]


def _surface_stands_in(
    home: Home, store: Store, previous: Mapping[str, Any] | None, business_date: date, cycle: str
) -> bool:
    """Whether quotes are late and the cycle before left a surface of its own; the gate looks at each underlying."""
    if previous is None or not is_late(home, roster.roster()["vol_quotes"], business_date, cycle):
        return False
    fitted = store.read(resources.sql("freeze/fitted_surface"), {"predecessor_run_id": previous["run_id"]})
    return bool(fitted.item())


def absent_senders(store: Store, files: pl.DataFrame, previous: Mapping[str, Any] | None) -> list[str]:
    """Senders that answer for an open position of the end of day before and have delivered no positions."""
    if previous is None:
        return []
    carrying = store.read(resources.sql("freeze/position_senders"), {"predecessor_run_id": previous["run_id"]})
    return sorted(set(carrying["sender"]) - set(files.filter(pl.col("dataset") == "positions")["sender"]))


def show(home: Home, business_date: date, cycle: str, findings: Sequence[Finding]) -> None:
    """State of a cycle that has no run yet, for readers: WAITING, or BLOCKED once a file is late."""
    codes = sorted({finding.code for finding in findings})
    blocked = any(code.startswith("LATE_") for code in codes)
    write_json(
        home.state / f"{business_date.isoformat()}-{cycle}.json",
        {
            "run_id": "",
            "business_date": business_date.isoformat(),
            "cycle": cycle,
            "run_no": 0,
            "state": "BLOCKED" if blocked else "WAITING",
            "fingerprint": "",
            "policy_hash": "",
            "genesis": False,
            "stages": [],
            "findings": [
                {"severity": "critical", "code": code, "rows": sum(each.code == code for each in findings)}
                for code in codes
            ],
            "exports": {},
            "waiting_for": [finding.where for finding in findings],
            "next": findings[0].action,
        },
    )


def _finding(home: Home, expected: Expected, sender: str, business_date: date, cycle: str) -> Finding:
    name, last = file_name(expected.dataset, sender), expected.last_moment(business_date, cycle)
    where, limit = f"{business_date.isoformat()}/{cycle}/{name}", f"due by {timestamp(last)}" if last else ""
    if not is_late(home, expected, business_date, cycle):
        action = f"deliver {name} and run the cycle again"
        return Finding("WAITING", f"{expected.dataset} is not there", where=where, limit=limit, action=action)
    other = " or add --use-prior-positions" if expected.fallback == roster.PRIOR_POSITIONS else ""
    action = f"have the sender deliver {name} and run the cycle again{other}"
    return Finding(
        expected.late_code, f"{expected.dataset} did not come in time", where=where, limit=limit, action=action
    )
