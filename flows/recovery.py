"""Commands for when something is lost, or there is too much of it: the database again, and what nobody needs away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from flows import printing
from flows.options import Common
from tasks import codes


def rebuild(wait: float = 0.0, common: Common | None = None) -> int:
    """Make the database again from archived files, exports, ledgers and releases; every root must come out the same.

    For a database that is lost or broken, or was made by a version with other tables. The old one is kept beside it.

    Parameters
    ----------
    wait
        Seconds to wait for another command that holds the home.
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
    apply: Annotated[bool, Parameter(negative="")] = False,
    wait: float = 0.0,
    common: Common | None = None,
) -> int:
    """Show what no release rests on and no cycle needs any more; remove it only with --apply.

    Parameters
    ----------
    keep_days
        Business days before the latest release whose runs, refused files and journals stay.
    apply
        Remove it.
    wait
        Seconds to wait for another command that holds the home.
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
