"""A back-test under Prefect: every job of the plan is a task, mapped over threads or over a Dask cluster.

Workers read and write Parquet files of a folder; the one writer of the database is the flow. Results are the same bits
whoever runs the jobs. A cluster that runs already is used by its address; otherwise one is made on this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from tasks import back_test, back_test_slice, back_test_verdicts
from tasks.back_test_plan import Request
from tasks.home import Home

_LOOPBACK = "127.0.0.1"
_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")


@flow(name="backtest", persist_result=False)
def backtest(home: Path, request: Request, market_data: Path, wait_seconds: float = 0.0) -> back_test.Judged:
    """Plan, map what does not stand yet, load, judge. `backtest.with_options(task_runner=…)` chooses who maps."""
    here = Home(home)
    tested = back_test.back_test(here, request, market_data, _by_tasks(back_test_slice.compute), wait_seconds)
    return back_test.judgements(here, tested, _by_tasks(back_test_verdicts.rows_of), wait_seconds)


def runner(kind: str, workers: int, scheduler: str = "") -> TaskRunner[Any]:
    """Task runner: `threads` of this process, or `dask` with a local cluster or the one at a scheduler's address."""
    if kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers)
    from prefect_dask.task_runners import DaskTaskRunner

    if scheduler:
        return DaskTaskRunner(address=scheduler)
    local = {"n_workers": workers, "threads_per_worker": 1, "host": _LOOPBACK, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=local)


def _by_tasks(work: Callable[[_Asked], _Found]) -> Callable[[Sequence[_Asked]], list[_Found]]:
    """Map a piece of work as tasks that nobody caches or stores."""
    as_task = task(name=work.__name__, cache_policy=NO_CACHE, persist_result=False)(work)
    return lambda asked: list(as_task.map(asked).result()) if asked else []
