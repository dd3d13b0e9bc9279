"""Commands for what failed, what is lost and what there is too much of: a run again, the database again, prune."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from flows import printing
from flows.options import Common, Inbox, NoOrchestrator, User, Wait
from flows.running import run_cycle
from tasks import codes


def rerun(
    run_id: str,
    reason: str,
    user: User = "",
    inbox: Inbox = None,
    no_orchestrator: NoOrchestrator = False,
    wait: Wait = 0.0,
    common: Common | None = None,
) -> int:
    """Go on with a failed run where it failed, or compute a published one anew for whatever has changed since.

    What is out is replaced only where figures or files change, and changed figures wait for a second person.

    Parameters
    ----------
    run_id
        The latest run of its cycle, as `levee cycle status` names it.
    reason
        Why; it is kept with the run.
    """
    from tasks import decisions
    from tasks import rerun as again

    common = common or Common()
    home = common.open(inbox).prepare()
    with home.locked("cycle rerun", wait):
        key = again.ask(home, run_id, reason, decisions.asking(user))
    outcome = run_cycle(common, home, key.business_date, key.cycle, not no_orchestrator, wait)
    common.show(outcome, lambda: printing.cycle(home, outcome))
    return codes.PUBLISHED


def rebuild(wait: Wait = 0.0, common: Common | None = None) -> int:
    """Make the database again from archived files, exports, ledgers and releases; every root must come out the same.

    For a database that is lost or broken, or was made by a version with other tables. The old one is kept beside it.
    """
    from tasks import rebuild as again

    common = common or Common()
    home = common.open().prepare()
    with home.locked("rebuild", wait), printing.waiting("rebuilding the database"):
        made = again.rebuild(home)
    common.show(asdict(made), made.text)
    return codes.PUBLISHED


def prune(
    keep_days: int = 90,
    apply: bool = False,
    wait: Wait = 0.0,
    common: Common | None = None,
) -> int:
    """Show what no release rests on and no cycle needs any more; remove it only with --apply.

    Parameters
    ----------
    keep_days
        Business days before the latest release whose runs, refused files and journals stay.
    apply
        Remove it.
    """
    from tasks import prune as retention
    from tasks.store import Store

    common = common or Common()
    home = common.open().prepare()
    with home.locked("prune", wait), Store(home.database) as store:
        found = retention.find(home, store, keep_days)
        if apply:
            retention.remove(home, store, found)
    common.show(found.as_dict() | {"removed": apply}, lambda: found.text(apply))
    return codes.PUBLISHED


COMMANDS: tuple[Callable[..., int], ...] = (rebuild, prune)
