"""A back-test of static portfolios from request to paths: plan, compute what does not stand yet, load, read back.

Who maps the jobs is the caller's: a plain loop, a pool of threads, or a cluster. Workers write files, one writer loads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks import back_test_results
from tasks.back_test_plan import Job, Plan, Request, plan
from tasks.home import Home
from tasks.model.assurance.rate_path import RatePath
from tasks.store import Store

FOLDER = "back_test"
COMMAND = "backtest"

Mapped = Callable[[Sequence[Job]], Sequence[str]]


@dataclass(frozen=True)
class BackTested:
    """A plan with its paths by policy hash and portfolio, and how much of it was computed now."""

    plan: Plan
    paths: dict[str, dict[str, RatePath]]
    computed: int
    stood: int


def back_test(home: Home, request: Request, market_data: Path, mapped: Mapped, wait_seconds: float = 0.0) -> BackTested:
    """Paths of every policy and portfolio of a request; the home is held while its database is open, not meanwhile.

    Raises LeveeError as `plan`, LockedError LEASE_HELD where another command holds the home for longer.
    """
    wanted = plan(request, market_data)
    with home.locked(COMMAND, wait_seconds), Store(home.database) as store:
        standing = back_test_results.standing(store)
    top = home.root / FOLDER
    top.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="work-", dir=top) as folder:
        jobs = wanted.jobs(Path(folder), standing)
        wanted.lay_out(Path(folder))
        files = [Path(name) for name in mapped(jobs)]
        open_ = [each for job in jobs for each in job.slices]
        with home.locked(COMMAND, wait_seconds), Store(home.database) as store:
            back_test_results.load(store, open_, files)
            found = back_test_results.paths(store, wanted)
    return BackTested(wanted, found, len(open_), len(wanted.slices) - len(open_))
