"""Commands of two persons: one asks, another looks at exactly that and approves; and what was decided so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import Common, User, Wait
from tasks import codes
from tasks.home import Home

app = App(name="approvals", help="What waits for a second person, and asking for it.")

_WAIT_SECONDS = 30.0


def approve(
    subject: str,
    user: User = "",
    reject: bool = False,
    wait: Wait = _WAIT_SECONDS,
    common: Common | None = None,
) -> int:
    """Approve what a run or a decision asks for, as another person than who asked; an approved run goes on at once.

    Parameters
    ----------
    subject
        A run, as `levee cycle status` names it, or a decision, as `levee approvals list` names it.
    reject
        Refuse it: a refused run is blocked.
    """
    from tasks.answers import answer

    common = common or Common()
    home = common.open().prepare()
    with home.locked("cycle approve", wait):
        answered, key = answer(home, subject, user, not reject)
    if key is None or reject:
        told = [_told(vars(each)) for each in answered]
        common.show(told, lambda: _decisions(told))
        return codes.PUBLISHED
    from flows.running import run_cycle

    outcome = run_cycle(common, home, key.business_date, key.cycle, False, wait)
    common.show(outcome, lambda: printing.cycle(home, outcome))
    return codes.PUBLISHED


@app.command(name="list")
def list_decisions(only_open: Annotated[bool, Parameter(name="--open")] = False, common: Common | None = None) -> int:
    """List what was asked for, by whom, until when, and what a second person said. Reads no database.

    Parameters
    ----------
    only_open
        Only what still waits for an answer.
    """
    from tasks.answers import listed

    common = common or Common()
    found = listed(common.read(), only_open)
    common.show(found, lambda: _decisions(found))
    return codes.PUBLISHED


@contextmanager
def asking(common: Common | None) -> Iterator[tuple[Home, Any, Callable[[Any], None]]]:
    """The home, held, and its database; what was asked for is shown once it stands."""
    from tasks import ledgers
    from tasks.store import Store

    common = common or Common()
    home = common.open().prepare()
    made: list[Any] = []
    with home.locked("approvals ask", _WAIT_SECONDS), Store(home.database) as store:
        yield home, store, made.append
        ledgers.show(home, store)
    told = [_told(vars(each)) for each in made]
    common.show(told[0], lambda: _decisions(told))


def _told(decision: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, dict) else str(value or "") for name, value in decision.items()}


def _decisions(found: Sequence[Mapping[str, Any]]) -> Group | Text:
    """One line per decision, and what to do about those that are open."""
    if not found:
        return Text("nothing was asked for")
    table = Table("decision", "kind", "state", "asked by", "answered by", "until", "why", box=None, pad_edge=False)
    for each in found:
        names = ("decision_id", "kind", "state", "requested_by", "decided_by")
        until = str(each["expires_ts"])[:16]
        table.add_row(*(str(each[name]) for name in names), until, Text(each["reason"], overflow="fold"))
    note = (
        "approvals/<decision>.json holds what is approved; another person: levee cycle approve <decision> --user NAME"
    )
    return Group(table, Text(note))
