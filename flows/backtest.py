"""A back-test under Prefect: every job of the plan is a task, mapped over threads or over a Dask cluster.

Workers read and write Parquet files of a folder; the one writer of the database is the flow. Results are the same bits
whoever runs the jobs. A cluster that runs already is used by its address; otherwise one is made on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from tasks import back_test, back_test_slice, store
from tasks.back_test_plan import Job, Request
from tasks.home import Home

_compute = task(name="compute_slices", cache_policy=NO_CACHE, persist_result=False)(back_test_slice.compute)
_LOOPBACK = "127.0.0.1"


@flow(name="backtest", persist_result=False)
def backtest(home: Path, request: Request, market_data: Path, wait_seconds: float = 0.0) -> back_test.BackTested:
    """Plan, map what does not stand yet, load, read back. `backtest.with_options(task_runner=…)` chooses who maps."""
    return back_test.back_test(Home(home), request, market_data, _mapped, wait_seconds)


def workers() -> int:
    """LEVEE_THREADS, else as many as there are cores."""
    return store.threads() or os.cpu_count() or 1


def runner(kind: str, scheduler: str = "") -> TaskRunner[Any]:
    """Task runner: `threads` of this process, or `dask` with a local cluster or the one at a scheduler's address."""
    if kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers())
    from prefect_dask.task_runners import DaskTaskRunner

    if scheduler:
        return DaskTaskRunner(address=scheduler)
    local = {"n_workers": workers(), "threads_per_worker": 1, "host": _LOOPBACK, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=local)


def _mapped(jobs: Sequence[Job]) -> Sequence[str]:
    return list(_compute.map(jobs).result()) if jobs else []
