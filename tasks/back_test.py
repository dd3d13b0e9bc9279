"""A back-test of static portfolios from request to paths: plan, compute what does not stand yet, load, read back.

Who maps the jobs is the caller's: a plain loop, a pool of threads, or a cluster. Workers write files, one writer loads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tasks import back_test_results, back_test_verdicts
from tasks.back_test_plan import Job, Plan, Request, plan
from tasks.back_test_verdicts import Rows, Series
from tasks.home import Home
from tasks.model.assurance.judgement import JudgementPlan
from tasks.model.assurance.rate_path import RatePath
from tasks.model.errors import Finding, LockedError
from tasks.store import Store

FOLDER = "back_test"
COMMAND = "backtest"
ASKED = JudgementPlan()  # fixed before any breach is seen

Mapped = Callable[[Sequence[Job]], Sequence[str]]


@dataclass(frozen=True)
class BackTested:
    """A plan with its paths by policy hash and portfolio, and how much of it was computed now."""

    plan: Plan
    paths: dict[str, dict[str, RatePath]]
    computed: int
    stood: int


@dataclass(frozen=True)
class Judged:
    """What is known of every path of a back-test, read from the database, and how many were judged now."""

    tested: BackTested
    summary: pl.DataFrame  # result.back_test, in the order of policies and portfolios
    tests: pl.DataFrame  # result.back_test_test
    windows: pl.DataFrame  # result.back_test_window, with policy and portfolio
    exceptions: pl.DataFrame  # result.back_test_exception, with policy and portfolio, by day
    judged: int


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
            _require_all(wanted, back_test_results.standing(store))
            found = back_test_results.paths(store, wanted)
    return BackTested(wanted, found, len(open_), len(wanted.slices) - len(open_))


def _require_all(wanted: Plan, standing: Collection[str]) -> None:
    """Raises LockedError LEASE_HELD where another back-test has put other slices of the same days in their place."""
    lost = [each for each in wanted.slices if each.key not in standing]
    if lost:
        raise LockedError(
            Finding(
                "LEASE_HELD",
                "another back-test of this home has replaced what this one rests on",
                where=f"{lost[0].portfolio} from {lost[0].first}",
                value=f"{len(lost)} slices",
                action="run it again: what was computed stands",
            )
        )


def judgements(
    home: Home,
    tested: BackTested,
    mapped: Callable[[Sequence[Series]], Sequence[Rows]],
    wait_seconds: float = 0.0,
) -> Judged:
    """Judge every path that was not judged before, and read back what is known of all of them.

    Raises LockedError LEASE_HELD where another command holds the home for longer.
    """
    series = back_test_verdicts.series_of(tested.plan, tested.paths, ASKED)
    keys = [each.key for each in series]
    with home.locked(COMMAND, wait_seconds), Store(home.database) as store:
        known = back_test_verdicts.judged(store)
    made = mapped([each for each in series if each.key not in known])
    with home.locked(COMMAND, wait_seconds), Store(home.database) as store:
        back_test_verdicts.load(store, made)
        frames = {name: back_test_verdicts.read(store, name, keys) for name in ("summary", "tests", "windows")}
        return Judged(tested, **frames, exceptions=back_test_verdicts.read(store, "exceptions", keys), judged=len(made))
