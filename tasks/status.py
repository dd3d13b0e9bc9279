"""What readers see of a home: state files, exports and published releases. Never the database, never Prefect."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from tasks import lock
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError

_NOBODY_SAID = dict.fromkeys(("command", "run_id", "stage", "pid", "host", "started"), "?")
_RESUME = "run `levee cycle run` again: it resumes at the first stage without a receipt"
_NEXT = {
    "APPROVED": "run `levee cycle run` again: it finishes the release",
    "BLOCKED": "correct what the findings name, deliver the next version, run `levee cycle run` again",
    "WAITING(APPROVAL)": "see `levee approvals list`; another person: `levee cycle approve RUN --user NAME`",
    "WAITING": "see to what it waits for, then run `levee cycle run` again",
    "PUBLISHED": "nothing: statements and calls are out",
}


def cycles(home: Home, business_date: date | None = None) -> list[dict[str, Any]]:
    """State of every cycle (of one business date), oldest first, each with its next action."""
    pattern = f"{business_date.isoformat()}-*.json" if business_date else "*.json"
    states = [_state(path) for path in sorted(home.state.glob(pattern))]
    return [state | {"next": state.get("next") or _NEXT.get(state["state"], _RESUME)} for state in states]


def _state(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = state["run_id"], state["cycle"], state["state"], state["stages"], state["findings"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable("a state file does not hold the state of a cycle", path) from error
    return state


def holder(home: Home) -> dict[str, Any] | None:
    """Who holds the home now, with HUNG where its lease has passed; None where nobody does."""
    if not _is_locked(home):
        return None
    said = lock.read_lease(home.root)
    if not said:  # let go since the lock was looked at, or a holder that is about to write who it is
        return None
    return _NOBODY_SAID | said | {"state": "HUNG" if lock.is_hung(said) else "RUNNING"}


def exported(home: Home, run_id: str, table: str) -> pl.DataFrame:
    """A run's rows of a table as exported. Raises LeveeError UNKNOWN_ID where there is no such export."""
    path = home.exports / run_id / f"{table}.parquet"
    if not path.exists():
        raise LeveeError(
            Finding(
                "UNKNOWN_ID",
                "nothing was exported",
                where=run_id,
                value=table,
                action="`levee cycle status` lists the runs of this home",
            )
        )
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable("an export cannot be read", path) from error


def release_of(home: Home, business_date: date, cycle: str) -> Path | None:
    """Folder of the version in force of a cycle, None where nothing is out."""
    latest = home.published / f"{business_date:%Y%m%d}" / cycle / "latest.json"
    if not latest.exists():
        return None
    return latest.parent / f"v{int(pointed(latest)['version']):02d}"


def pointed(latest: Path) -> dict[str, Any]:
    """The release a latest.json points to: run_id, version, root_hash, …. Raises LeveeError STATE_UNREADABLE."""
    try:
        content: dict[str, Any] = json.loads(latest.read_text(encoding="utf-8"))
        _ = content["run_id"], int(content["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable("the pointer to the latest release names none", latest) from error
    return content


def in_force(home: Home, cycle: str = "EOD") -> dict[date, str]:
    """Run of the version in force of every business date whose cycle is out, by date: a correction under way is none.

    Raises LeveeError STATE_UNREADABLE.
    """
    pointers = sorted(home.published.glob(f"*/{cycle}/latest.json"))
    return {datetime.strptime(each.parts[-3], "%Y%m%d").date(): str(pointed(each)["run_id"]) for each in pointers}


def margined_run(home: Home, business_date: date, cycle: str) -> str:
    """A cycle's latest run if it came as far as margins, else the one in force. Raises LeveeError UNKNOWN_ID."""
    runs = [str(each["run_id"]) for each in cycles(home, business_date) if each["cycle"] == cycle]
    out = in_force(home, cycle).get(business_date)
    for run_id in [*runs, *([out] if out else [])]:
        if (home.exports / run_id / "result.portfolio.parquet").exists():
            return run_id
    raise LeveeError(
        Finding(
            "UNKNOWN_ID",
            "no margins of such a cycle",
            value=f"{business_date} {cycle}",
            action="`levee cycle status` lists the cycles of this home",
        )
    )


def completion(release: Path) -> dict[str, Any]:
    """The completion marker of a release. Raises LeveeError VERIFY_FAILED where it cannot be read."""
    marker = release / "_COMPLETE.json"
    try:
        content: dict[str, Any] = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LeveeError(
            Finding(
                "VERIFY_FAILED",
                "the completion marker of a release cannot be read",
                where=str(marker),
                action=f"see what else was changed: `levee publish verify {release}`",
            )
        ) from error
    return content


def _unreadable(what: str, path: Path) -> LeveeError:
    action = "run the cycle again: a standing run writes its state, exports and pointers anew"
    return LeveeError(Finding("STATE_UNREADABLE", what, where=str(path), action=action))


def _is_locked(home: Home) -> bool:
    file = home.root / lock.LOCK
    if not file.exists() or not home.lease.exists():
        return False
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
