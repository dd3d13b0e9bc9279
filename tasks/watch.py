"""A cycle with an eye on it: what stops it becomes an alert, a slow stage is told while it runs, the board is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from threading import Timer
from typing import Any

from tasks import account_back_test, account_sheets, alerts, board, board_figures, published_days, status, trigger_watch
from tasks.cycle import Do, Outcome, procedure
from tasks.home import Home
from tasks.key import cycle_id
from tasks.model.errors import Finding, LeveeError
from tasks.slo import BREACH, WARN, WITHIN, Objectives, objectives
from tasks.store import Store

log = logging.getLogger("levee")
POLICY = "policy"


def watched(home: Home, business_date: date, cycle: str, do: Do) -> Outcome:
    """The procedure of a cycle under observation. Its outcome and errors are the procedure's own."""

    def observed(step: Callable[..., Any], *arguments: Any) -> Any:
        with early_warning(home, business_date, cycle, step.__name__):
            done = do(step, *arguments)
        show(home)
        return done

    try:
        outcome = procedure(home, business_date, cycle, observed)
    except Exception as error:
        stopped(home, business_date, cycle, error)
        raise
    with harmless():
        _back_test(home, cycle)
    with harmless():
        alerts.settle(home, cycle_id(business_date, cycle), ())
        alerts.settle(home, cycle, warnings(home, business_date, cycle), sorted(objectives().page_codes))
        alerts.settle(home, f"{POLICY} {cycle}", review(home, outcome.key.run_id))
    show(home)
    return outcome


def stopped(home: Home, business_date: date, cycle: str, error: Exception) -> None:
    """Tell that a cycle does not go on."""
    findings = error.findings if isinstance(error, LeveeError) else (_unforeseen(error),)
    now, known = datetime.now(UTC), objectives()
    paged = [finding.code for finding in findings if known.pages(finding.code, business_date, cycle, now)]
    subject = cycle_id(business_date, cycle)
    for finding in findings:
        log.error(finding.headline(), extra={"code": finding.code})
    with harmless():
        alerts.settle(home, subject, findings, paged)
    show(home)


def warnings(home: Home, business_date: date, cycle: str) -> list[Finding]:
    """What a published cycle is told for: checks that warned, slow stages, overdue calls, losses above a margin."""
    state = next((each for each in status.cycles(home, business_date) if each["cycle"] == cycle), None)
    if state is None:
        return []
    checks = [
        Finding(
            row["code"],
            f"the gate warned of {row['rows']} row(s)",
            action="see the validation report OV01 of the release",
        )
        for row in state["findings"]
        if row["severity"] != "info"
    ]
    known = objectives()
    slow = [row for row in state["stages"] if known.kept(row["stage"], row["seconds"]) != WITHIN]
    stages = [
        slow_stage(known, cycle_id(business_date, cycle), row["stage"], known.kept(row["stage"], row["seconds"]))
        for row in slow
    ]
    overdue = _overdue(board_figures.calls_overdue(home, state["run_id"]))
    breached = account_back_test.findings(home, business_date) if cycle == published_days.CYCLE else []
    return [*checks, *stages, *overdue, *breached]


def review(home: Home, run_id: str) -> list[Finding]:
    """What asks for a review of the policy: it is none of the cycle."""
    triggers = board_figures.table(home, run_id, "result.policy_trigger")
    return trigger_watch.findings(triggers) if triggers is not None else []


def _back_test(home: Home, cycle: str) -> None:
    """Hold what accounts lost over the liquidation periods that end today against their margins of then."""
    if cycle == published_days.CYCLE:
        with Store(home.database) as store:
            account_back_test.bring_up_to_date(home, store)
        account_sheets.write(home)


def _overdue(calls: int) -> Iterator[Finding]:
    if calls:
        yield Finding(
            "CALL_OVERDUE",
            f"{calls} call(s) were not paid in time",
            limit="their due time",
            action="`levee calls list` names them; ask the members, and see the hand-off of those that are ESCALATED",
        )


def slow_stage(known: Objectives, where: str, stage: str, kept: str = WARN) -> Finding:
    """SLO_WARN of a stage that used up most of its budget (WARN), or more than all of it (BREACH)."""
    used = "more time than it has" if kept == BREACH else f"{known.warn_fraction:.0%} of its time"
    return Finding(
        "SLO_WARN",
        f"{stage} has used {used}",
        where=where,
        limit=f"{known.budget_seconds[stage]:g} s",
        action="see `levee cycle status` for what is left, and what else runs on the machine",
    )


@contextmanager
def early_warning(home: Home, business_date: date, cycle: str, stage: str) -> Iterator[None]:
    """Raise SLO_WARN while the stage of the body still runs, once most of its budget is used up."""
    known = objectives()
    if stage not in known.budget_seconds:
        yield
        return

    def warn() -> None:
        finding = slow_stage(known, cycle_id(business_date, cycle), stage)
        log.warning(finding.headline(), extra={"code": finding.code})
        with harmless():
            alerts.add(home, cycle, finding)

    timer = Timer(known.warn_seconds(stage), warn)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # a warning under way is told before anything else is


def show(home: Home) -> None:
    """Write the board anew."""
    with harmless():
        board.write(home)


@contextmanager
def harmless() -> Iterator[None]:
    """Whoever watches a cycle may fail at it: that is journalled, and the cycle goes on."""
    try:
        yield
    except Exception as error:  # a fault of the watch, of whatever kind, is none of the cycle
        log.warning(f"the watch failed: {type(error).__name__}", extra={"code": "BUG"})


def _unforeseen(error: Exception) -> Finding:
    return Finding("BUG", type(error).__name__, action="run again with LEVEE_DEBUG=1 and report it")
