"""The clearing cycle under Prefect: one task per stage, nothing cached, nothing persisted.

The stage ledger in the database decides what is done, so Prefect's own retry of a failed run, `cycle run` after a crash
and a run without an orchestrator all resume at the same place.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from prefect import Task, flow, task
from prefect.cache_policies import NO_CACHE

from tasks.cycle import AFTER_LANDING, Outcome, procedure
from tasks.home import Home
from tasks.land import land


def _as_task(step: Callable[..., Any]) -> Task[..., Any]:
    return task(name=step.__name__, cache_policy=NO_CACHE, persist_result=False)(step)


_TASKS = {step.__name__: _as_task(step) for step in (land, *AFTER_LANDING)}


@flow(name="clearing_cycle", flow_run_name="{business_date}-{cycle}", persist_result=False)
def clearing_cycle(
    home: Path, business_date: date, cycle: str = "EOD", inbox: Path | None = None, wait_seconds: float = 0.0
) -> Outcome:
    """Land, check, mark, settle, margin, call, tie out, approve and publish one cycle of a home."""
    here = Home(home, inbox).prepare()
    with here.locked("cycle run", wait_seconds):
        return procedure(here, business_date, cycle, _run_task)


def _run_task(step: Callable[..., Any], *arguments: Any) -> Any:
    return _TASKS[step.__name__](*arguments)
