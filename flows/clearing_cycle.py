"""The clearing cycle under Prefect: one task per stage, nothing cached, nothing persisted.

The stage ledger in the database decides what is done, so Prefect's own retry of a failed run, `cycle run` after a crash
and a run without an orchestrator all resume at the same place.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from prefect import State, flow, runtime
from prefect.states import Completed

from flows import review_events
from flows.noted import as_task
from tasks import journal
from tasks.cycle import AFTER_LANDING, Outcome
from tasks.home import Home
from tasks.key import cycle_id
from tasks.land import land
from tasks.schedule import schedules
from tasks.watch import harmless, watched

_TASKS = {step.__name__: as_task(step) for step in (land, *AFTER_LANDING)}


def _run_name() -> str:
    given = runtime.flow_run.parameters
    cycle = given.get("cycle", "EOD")
    return cycle_id(given.get("business_date") or _date_by_clock(cycle), cycle)


@flow(name="clearing_cycle", flow_run_name=_run_name, persist_result=False)
def clearing_cycle(
    home: Path,
    business_date: date | None = None,
    cycle: str = "EOD",
    inbox: Path | None = None,
    wait_seconds: float = 0.0,
) -> Outcome | State[None]:
    """Land, check, mark, settle, margin, call, tie out, approve and publish one cycle of a home.

    Without a business date the scheduled time gives it, and a day that the cycle's calendar skips is Completed as
    Skipped.
    """
    day = business_date or _date_by_clock(cycle)
    if business_date is None and not schedules()[cycle].runs_on(day):
        return Completed(name="Skipped", message=f"{schedules()[cycle].calendar_id} has no window on {day.isoformat()}")
    here = Home(home, inbox).prepare()
    with journal.written(here, f"{cycle_id(day, cycle)}-intake"), here.locked("cycle run", wait_seconds):
        outcome = watched(here, day, cycle, _run_task)
        if not outcome.already_published:
            with harmless():
                review_events.tell(here, outcome.key)
        return outcome


def _date_by_clock(cycle: str) -> date:
    return schedules()[cycle].business_date(runtime.flow_run.scheduled_start_time)


def _run_task(step: Callable[..., Any], *arguments: Any) -> Any:
    return _TASKS[step.__name__](*arguments)
