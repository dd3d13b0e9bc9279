"""How good was the margin: `levee backtest`, its table, and who computes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from cyclopts import App
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import COINS, Common, First, Last, NoOrchestrator, Wait, coins_of
from tasks import codes
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError

if TYPE_CHECKING:
    from tasks.back_test import Judged
    from tasks.back_test_plan import Request

app = App(name="backtest", help="Back-test margins: static portfolios on the daily history, real accounts of a home.")
_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")


@app.default
def backtest(
    first: First,
    last: Last,
    history: Literal["daily"] = "daily",
    coins: str = COINS,
    policy: tuple[Path, ...] = (),
    policy_minimum: bool = False,
    runner: Literal["threads", "dask"] = "threads",
    scheduler: str = "",
    no_orchestrator: NoOrchestrator = False,
    wait: Wait = 0.0,
    common: Common | None = None,
) -> int:
    """Margin outright, inverse and spread portfolios on every day of the history, from data up to it, and judge it.

    Parameters
    ----------
    first
        First day a margin is judged on.
    last
        Last day.
    history
        daily: clean daily closes of LEVEE_MARKET_DATA_DIR; what was left out of them is told.
    coins
        Coins of the history, with commas between them: each long and short, linear and inverse, and every spread.
    policy
        Policy files, one after another; by default the policy in force on the last day.
    policy_minimum
        Margin only days with the policy's own least number of scenarios; by default from 100 on, so that a history
        that begins with its market is judged from its early days.
    runner
        threads of this process, or a dask cluster of processes: the same figures either way.
    scheduler
        With --runner dask: address of a cluster that runs, instead of one made here.
    """
    from tasks import back_test_report, convert, policy_store
    from tasks.back_test_plan import Request

    common = common or Common()
    home = common.read().prepare()
    files = tuple(path.expanduser().resolve() for path in policy) or (policy_store.file_in_force(home, last),)
    request = Request(coins_of(coins), first, last, files, early=not policy_minimum)
    if scheduler and runner != "dask":
        raise LeveeError(Finding("USAGE", "--scheduler is for --runner dask", action="add --runner dask"))
    with printing.waiting("back-testing"):
        found = _run(home, request, convert.market_data_folder(), wait, None if no_orchestrator else runner, scheduler)
    _require_some(found)
    told = back_test_report.as_dict(found, back_test_report.write(home, found))
    common.show(told, lambda: _portfolios(told))
    return codes.PUBLISHED


@app.command
def accounts(wait: Wait = 0.0, common: Common | None = None) -> int:
    """Hold what real accounts lost over each liquidation period against their margins, on every published day."""
    from tasks import account_back_test, account_sheets, account_zones
    from tasks.store import Store

    common = common or Common()
    home = common.read().prepare()
    with home.locked("backtest accounts", wait), Store(home.database) as store:
        computed = account_back_test.bring_up_to_date(home, store)
    rows = account_back_test.rows(home)
    told = {
        "computed": computed,
        "summary": account_zones.summary(rows),
        "zone": account_zones.zone(rows),
        "page": str(account_sheets.write(home)),
    }
    common.show(told, lambda: _levels(told))
    return codes.PUBLISHED


def _levels(told: Mapping[str, Any]) -> Group:
    """One line for each level and kind of loss."""
    page = Text(f"PB02: {told['page']}")
    if not told["summary"]:
        return Group(Text("no loss is known yet: no liquidation period of a published end of day is over"), page)
    table = Table("level", "loss", box=None, pad_edge=False)
    for name in ("observed", "missing", "breaches", "coverage", "at least", "largest uncovered", "mean uncovered"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in told["summary"]:
        counts = (str(row[name]) for name in ("observations", "missing", "breaches"))
        shares = (f"{row[name]:.4f}" for name in ("coverage", "coverage_low"))
        amounts = (f"{row[name]:,.2f}" for name in ("peak_uncovered_usd", "average_uncovered_usd"))
        table.add_row(row["level"], row["kind"], *counts, *shares, *amounts)
    days = f"{printing.counted(len(told['computed']), 'day')} computed; amounts in USD"
    return Group(table, Text(days), page)


def _run(home: Home, request: Request, market_data: Path, wait: float, runner: str | None, scheduler: str) -> Judged:
    """By threads alone, or under Prefect; where an orchestrator that was to map threads fails, without one."""
    if runner is None:
        return _plain(home, request, market_data, wait)
    from flows import running, server

    def under_prefect() -> Judged:
        from flows import backtest as flow

        chosen = flow.runner(runner, _workers(), scheduler)
        return flow.backtest.with_options(task_runner=chosen)(home.root, request, market_data, wait)

    if runner == "threads":
        found = running.orchestrated(under_prefect)
        return _plain(home, request, market_data, wait) if found is None else found
    with ExitStack() as stack:
        stack.enter_context(server.answering(home))  # one for all workers: each would start its own
        return under_prefect()


def _plain(home: Home, request: Request, market_data: Path, wait: float) -> Judged:
    from tasks import back_test, back_test_slice, back_test_verdicts

    tested = back_test.back_test(home, request, market_data, _in_threads(back_test_slice.compute), wait)
    return back_test.judgements(home, tested, _in_threads(back_test_verdicts.rows_of), wait)


def _in_threads(work: Callable[[_Asked], _Found]) -> Callable[[Sequence[_Asked]], list[_Found]]:
    def mapped(asked: Sequence[_Asked]) -> list[_Found]:
        with ThreadPoolExecutor(_workers()) as pool:
            return list(pool.map(work, asked))

    return mapped


def _workers() -> int:
    """LEVEE_THREADS, else as many as there are cores."""
    from tasks import store

    return store.threads() or os.cpu_count() or 1


def _require_some(found: Judged) -> None:
    from tasks.back_test_report import left_out

    if found.summary.is_empty():
        raise LeveeError(
            *(
                Finding(
                    each["reason"],
                    "the history is too short to judge a margin on",
                    where=each["portfolio"],
                    value=f"{found.tested.plan.request.first} to {found.tested.plan.request.last}",
                    action="ask for more days, or leave the coin out",
                )
                for each in left_out(found)
            )
        )


def _portfolios(told: Mapping[str, Any]) -> Group:
    """One line for each policy and portfolio, then what it rests on."""
    table = Table("portfolio", "policy", box=None, pad_edge=False)
    for name in ("days", "breaches", "coverage", "at least", "at most", "mean margin", "peak/trough", "smallest p"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in told["portfolios"]:
        table.add_row(
            row["portfolio"],
            f"{row['policy']} {row['policy_hash'][:8]}",
            str(row["observations"]),
            str(row["breaches"]),
            f"{row['coverage']:.4f}",
            *(f"{bound:.4f}" for bound in row["bounds"]["overlapping"]),
            f"{row['mean_margin']:.4f}",
            f"{row['peak_to_trough']:.2f}",
            f"{min(row['p_values'].values()):.3f}",
        )
    slices, judged = told["slices"], told["judgements"]
    notes = [
        "margins are fractions of gross notional; bounds of 95 % by the law of overlapping windows; smallest p of all "
        "tests, Holm across phases: in those of waiting times and DQ, fewer breaches than expected make it small too",
        *(f"left out: {each['portfolio']}, {each['reason']}" for each in told["left_out"]),
        f"slices: {slices['computed']} computed, {slices['stood']} stood; "
        f"judgements: {judged['made']} made, {judged['stood']} stood",
        *(f"{name}: {path}" for name, path in told["files"].items()),
    ]
    return Group(table, *map(Text, notes))
