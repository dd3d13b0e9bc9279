"""What a person sees of a command: tables, one last line, a progress bar on a terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tasks import status
from tasks.doctor import Check
from tasks.home import Home
from tasks.key import CycleKey

NARROWEST = 124


class StageBar(logging.Handler):
    """Advances a progress bar by one for every stage that is done or stood already."""

    def __init__(self, bar: Progress, total: int, title: str) -> None:
        super().__init__()
        self._bar = bar
        self._line = bar.add_task(title, total=total)

    def emit(self, record: logging.LogRecord) -> None:
        """Advance on the record of a stage."""
        stage = getattr(record, "stage", None)
        if stage:
            self._bar.update(self._line, advance=1, description=f"{record.getMessage()}: {stage}")


def paper() -> Console:
    """Standard output, wide enough that no figure is cut: a narrow terminal wraps lines instead."""
    console = Console()
    return console if console.width >= NARROWEST else Console(width=NARROWEST)


@contextmanager
def progress(title: str, total: int, quiet: bool) -> Iterator[StageBar]:
    """A progress bar on a terminal's stderr; silent elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        yield StageBar(bar, total, title)


@contextmanager
def waiting(title: str) -> Iterator[None]:
    """A spinner on a terminal's stderr."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(title):
            yield
    else:
        yield


def summary(home: Home, key: CycleKey, already_published: bool) -> dict[str, Any]:
    """How a run ended, from what it exported and published."""
    accounts = status.exported(home, key.run_id, "result.margin_account")
    findings = status.exported(home, key.run_id, "control.finding")
    release = status.release_of(home, key.business_date, key.cycle)
    complete = status.completion(release) if release else {}
    by_severity = findings["severity"].value_counts().rows()
    return {
        "run_id": key.run_id,
        "already_published": already_published,
        "release": str(release) if release else None,
        "root_hash": complete.get("root_hash"),
        "accounts": accounts.height,
        "calls": accounts.filter(accounts["margin_call_amount_usd"] > 0).height,
        "held_accounts": accounts.filter(accounts["status"] == "HELD").height,
        "findings": dict(sorted(by_severity)),
        "triggers_fired": _fired(home, key.run_id),
    }


def _fired(home: Home, run_id: str) -> str:
    """Triggers of a policy review that fired in a run and that no review has answered."""
    from tasks import fired_triggers

    due = fired_triggers.due(home)
    return fired_triggers.told(due.filter(due["run_id"] == run_id))


def cycle(home: Home, outcome: Mapping[str, Any]) -> Group:
    """What each member owes, then one line that counts everything."""
    fired = outcome["triggers_fired"]
    due = [Text(f"a review of the policy is due: {fired}; next: levee policy answer", overflow="fold")] if fired else []
    return Group(_accounts(home, outcome["run_id"]), *due, _last_line(outcome))


def day(outcome: Mapping[str, Any]) -> Text:
    """One day of a backfill, as it ends."""
    if "run_id" not in outcome:
        return Text(f"{outcome['cycle_id']} {outcome['state']}")
    return Text(f"{_last_line(outcome).plain}; {outcome['seconds']:.1f} s")


def span(outcomes: Sequence[Mapping[str, Any]]) -> Text:
    """A backfill's last line."""
    ran = [outcome for outcome in outcomes if "run_id" in outcome]
    seconds = sum(outcome["seconds"] for outcome in ran)
    if not ran:
        return Text(f"up to date: all {len(outcomes)} days are published")
    return Text(f"{len(ran)} days published in {seconds:.0f} s, {len(outcomes) - len(ran)} were out already")


def demo(home: Home, outcome: Mapping[str, Any]) -> Group:
    """The cycle's table and where to look."""
    if outcome["already_published"]:
        headline = Text(f"This home already holds the published cycle {outcome['run_id']}; nothing was changed.")
    else:
        headline = Text(f"Cycle {outcome['run_id']}: delivered, checked, margined, called, published.")
    release = outcome["release"]
    where = Text(
        f"\nStatements  {release}/members/<member>/*-MS01-*.html\n"
        f"Validation  {release}/ops/*-OV01-*.html\n"
        f"Parameters  {release}/public/*-PP01-*\n"
        f"Verify      levee publish verify {release} --home {home.root}\n"
        f"Status      levee cycle status --home {home.root}",
        overflow="fold",
    )
    return Group(headline, _accounts(home, outcome["run_id"]), _last_line(outcome), where)


def releases(found: Sequence[Mapping[str, Any]]) -> Table:
    """One line per complete release."""
    table = Table("cycle", "version", "files", "in force", "root hash", "folder", box=None, pad_edge=False)
    for release in found:
        table.add_row(
            release["cycle_id"],
            f"v{release['version']:02d}",
            str(release["files"]),
            f"{release['in_force']} members",
            release["root_hash"][:16],
            Text(release["folder"], overflow="fold"),
        )
    return table


def checks(found: Sequence[Check]) -> Table:
    """One line per check."""
    table = Table("check", "state", "found", "next", box=None, pad_edge=False)
    for check in found:
        style = {"OK": "green", "FAIL": "red"}.get(check.state, "yellow")
        table.add_row(check.name, Text(check.state, style=style), Text(check.found), Text(check.action))
    return table


def _accounts(home: Home, run_id: str) -> Table:
    """Requirement, collateral and what follows from them, one line per account."""
    table = Table("member", "account", box=None, pad_edge=False, caption_justify="left")
    for name in ("requirement", "collateral", "counts", "excess", "deficit", "call"):
        table.add_column(name, justify="right", no_wrap=True)
    columns = (
        "total_initial_margin_usd",
        "collateral_post_haircut_value_usd",
        "collateral_counted_value_usd",
        "excess_amount_usd",
        "deficit_amount_usd",
        "margin_call_amount_usd",
    )
    rows = status.exported(home, run_id, "result.margin_account")
    for row in rows.sort("clearing_member_id", "margin_account_id").iter_rows(named=True):
        table.add_row(row["clearing_member_id"], row["margin_account_id"], *(f"{row[name]:,.2f}" for name in columns))
    table.caption = (
        "USD; requirement: initial margin less net option value; collateral after haircut; counts: within the caps"
    )
    return table


def counted(number: int, thing: str) -> str:
    """A number of things: 1 call, 2 calls."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _last_line(outcome: Mapping[str, Any]) -> Text:
    found = ", ".join(f"{count} {severity}" for severity, count in outcome["findings"].items()) or "no findings"
    state = "already published" if outcome["already_published"] else "published"
    return Text(
        f"{outcome['run_id']} {state}: {counted(outcome['accounts'], 'account')}, {counted(outcome['calls'], 'call')}, "
        f"{outcome['held_accounts']} held; {found}; root {str(outcome['root_hash'])[:16]}"
    )
