"""Reruns that a person asks for, with a reason: a failed run goes on where it failed, a published one is judged anew.

A published run is computed again for whatever has changed since, be it the code alone; where nothing has, it stands.
The request is a row, so whoever finishes the rerun after a crash finds it.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from tasks import freeze, resources, stage
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import Finding, LeveeError
from tasks.store import Store


def ask(home: Home, run_id: str, reason: str, user: str) -> CycleKey:
    """Note who wants a run again and why; the caller holds the home.

    Raises LeveeError USAGE without a reason or for a run that another one of its cycle has taken the place of,
    UNKNOWN_ID.
    """
    if not reason.strip():
        raise LeveeError(Finding("USAGE", "a rerun has a reason", action="say it with --reason"))
    with Store(home.database) as store:
        key = _latest_of_its_cycle(store, run_id)
        row = {
            "run_id": run_id,
            "requested_by": user,
            "reason": " ".join(reason.split()),
            "code_version": resources.code_version(),
            "requested_ts": datetime.now(UTC).replace(tzinfo=None),
        }
        with store.transaction():
            store.append("control.rerun", pl.DataFrame([row]))
        stage.show(home, store, key, {"control.rerun": 1})
    return key


def is_asked_for(store: Store, run_id: str) -> bool:
    """Whether somebody wants the run again with the code as it is now."""
    found = store.read(
        "SELECT count(*) > 0 FROM control.rerun WHERE run_id = $run_id AND code_version = $code_version",
        {"run_id": run_id, "code_version": resources.code_version()},
    )
    return bool(found.item())


def _latest_of_its_cycle(store: Store, run_id: str) -> CycleKey:
    found = store.read("SELECT business_date, cycle FROM control.cycle_run WHERE run_id = $run_id", {"run_id": run_id})
    if found.is_empty():
        raise LeveeError(Finding("UNKNOWN_ID", "no such run", value=run_id, action="see `levee cycle status`"))
    runs = freeze.runs_of(store, *found.row(0))
    latest = runs[0]
    if latest["run_id"] != run_id:
        raise LeveeError(
            Finding(
                "USAGE",
                "another run has taken its place",
                value=run_id,
                limit=latest["run_id"],
                action=f"`levee cycle rerun {latest['run_id']}`",
            )
        )
    return CycleKey(latest["business_date"], latest["cycle"], latest["run_no"])
