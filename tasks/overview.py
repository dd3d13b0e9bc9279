"""Where every cycle stands, what is in its way, who deals with it, when it will be out: from what readers may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from tasks import alerts, codes, slo, status
from tasks.home import Home
from tasks.key import cycle_id
from tasks.model.errors import LeveeError

WAITING, BLOCKED, PUBLISHED = "WAITING", "BLOCKED", "PUBLISHED"

View = dict[str, Any]


def cycles(home: Home, business_date: date | None = None, now: datetime | None = None) -> list[View]:
    """Every cycle (of a business date), oldest first; also one that stopped before it had a run.

    `eta` is given while a cycle runs; `seconds_left` is what it still takes once it goes on.
    """
    states = status.cycles(home)
    holder, standing = status.holder(home), alerts.standing(home)
    at = now or datetime.now(UTC)
    known = {cycle_id(date.fromisoformat(state["business_date"]), state["cycle"]): state for state in states}
    never_begun = {alert["subject"]: _nothing(alert["subject"]) for alert in standing if _is_cycle(alert, known)}
    found = sorted((never_begun | known).items())
    day = business_date.isoformat() if business_date else ""
    return [
        _view(home, state, [each for each in standing if each["subject"] == name], holder, states, at)
        for name, state in found
        if not day or state["business_date"] == day
    ]


def _is_cycle(alert: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    subject = alert["subject"]
    return subject not in known and "-" in subject


def _nothing(subject: str) -> View:
    """State of a cycle that has no run yet."""
    day, _, cycle = subject.partition("-")
    iso = date(int(day[:4]), int(day[4:6]), int(day[6:])).isoformat()
    return {"business_date": iso, "cycle": cycle, "run_id": "", "state": BLOCKED, "stages": [], "findings": []}


def _view(
    home: Home,
    state: Mapping[str, Any],
    blockers: Sequence[Mapping[str, Any]],
    holder: Mapping[str, Any] | None,
    states: Sequence[Mapping[str, Any]],
    now: datetime,
) -> View:
    own = cycle_id(date.fromisoformat(state["business_date"]), state["cycle"])
    running = holder if holder and _works_on(holder, own, state) else None
    left = _seconds_left(state, running, states, now)
    shown = _state(state["state"], blockers)
    return {
        **state,
        "cycle_id": own,
        "state": shown,
        "running": running["state"] if running else "",
        "stage": running["stage"] if running else _last_stage(state),
        "stages": [_measured(stage) for stage in state["stages"]],
        "blockers": list(blockers),
        "held": held(home, state["run_id"]),
        "stale": state.get("stale", []),
        "next": _next(shown, state, blockers, running),
        "owner": _owner(shown, blockers),
        "seconds_left": round(left, 1),
        "eta": _eta(running, left, now),
    }


def _works_on(holder: Mapping[str, Any], own: str, state: Mapping[str, Any]) -> bool:
    """Whether the holder works on a cycle; on a published run there is nothing left to do."""
    run_id = str(holder.get("run_id") or "")
    return run_id.startswith(own) and not (state["state"] == PUBLISHED and run_id == state["run_id"])


def _state(stated: str, blockers: Sequence[Mapping[str, Any]]) -> str:
    """A run that was frozen and stopped on something that is not there WAITS; what has no run is as its alert says."""
    if stated == PUBLISHED or stated.startswith(WAITING) or not blockers:
        return stated
    exits = {alert["exit_code"] for alert in blockers}
    return WAITING if exits == {codes.NOT_THERE} else BLOCKED


def _last_stage(state: Mapping[str, Any]) -> str:
    return str(state["stages"][-1]["stage"]) if state["stages"] else "land"


def _measured(stage: Mapping[str, Any]) -> View:
    """A stage against its budget."""
    known = slo.objectives()
    budget = known.budget_seconds.get(stage["stage"])
    kept = known.kept(stage["stage"], stage["seconds"]) if budget else slo.WITHIN
    return {**stage, "budget_seconds": budget, "kept": kept}


def _seconds_left(
    state: Mapping[str, Any],
    running: Mapping[str, Any] | None,
    states: Sequence[Mapping[str, Any]],
    now: datetime,
) -> float:
    if state["state"] == PUBLISHED:
        return 0.0
    done = [stage["stage"] for stage in state["stages"] if stage["state"] == "DONE"]
    spent = (now - datetime.fromisoformat(running["started"])).total_seconds() if running else 0.0
    return slo.seconds_left(done, spent, [each for each in states if each["cycle"] == state["cycle"]])


def _eta(running: Mapping[str, Any] | None, left: float, now: datetime) -> str | None:
    """When a running cycle will be out, UTC; none for one that hangs or stands still."""
    if not running or running["state"] != "RUNNING":
        return None
    return (now + timedelta(seconds=left)).isoformat(timespec="seconds")


def _next(
    shown: str,
    state: Mapping[str, Any],
    blockers: Sequence[Mapping[str, Any]],
    running: Mapping[str, Any] | None,
) -> str:
    if running and running["state"] == "RUNNING":
        return f"nothing: {running['stage']} is running"
    if running:
        return f"see what pid {running['pid']} on {running['host']} waits for; end it, then run the cycle again"
    if shown != PUBLISHED and blockers:
        return str(blockers[0]["action"] or state.get("next", ""))
    return str(state.get("next", ""))


def _owner(shown: str, blockers: Sequence[Mapping[str, Any]]) -> str:
    if shown == PUBLISHED:
        return ""
    return str(blockers[0]["owner"]) if blockers else codes.OPERATIONS


def held(home: Home, run_id: str) -> int:
    """Accounts of a run that are HELD: margined on the worse of what is known and what was."""
    try:
        accounts = status.exported(home, run_id, "result.margin_account")
    except LeveeError:  # the run has not come so far
        return 0
    return accounts.filter(pl.col("status") == "HELD").height
