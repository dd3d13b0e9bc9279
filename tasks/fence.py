"""The fencing token: a holder's first transaction raises it, and every later one finds it unchanged or is refused.

The lock of the operating system keeps two commands apart. Where it fails (the lock file was removed by hand, a file
system that forgets locks), the token still keeps the older one from writing over what the newer one did.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

import polars as pl

from tasks import attempts
from tasks.model.errors import Finding, LockedError

if TYPE_CHECKING:
    from tasks.lock import Hold
    from tasks.store import Store

log = logging.getLogger("levee")


def enter(store: Store, hold: Hold) -> None:
    """Raise the token for a new holder and close what a dead one left open. One transaction, before any other."""
    token = _highest(store) + 1
    with store.transaction():
        row = {
            "token": token,
            "command": hold.command,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since_ts": hold.since.replace(tzinfo=None),
        }
        store.append("control.holder", pl.DataFrame([row]))
        orphans = attempts.abandon(store, token)
    hold.token = token
    if orphans:
        log.warning("taken over from a holder that died", extra={"code": "ABANDONED", "findings": f"{orphans} open"})


def check(store: Store, hold: Hold) -> None:
    """Raises LockedError FENCED where another holder has raised the token since."""
    if hold.token is None:  # not raised yet: in a new home the first transaction makes the table it is kept in
        return
    highest = _highest(store)
    if hold.token != highest:
        raise LockedError(
            Finding(
                "FENCED",
                "another command has taken this home over",
                where=str(hold.root),
                value=f"token {hold.token}",
                limit=f"token {highest}",
                action="nothing of this command is written any more; see `levee cycle status`, then run it again",
            )
        )


def _highest(store: Store) -> int:
    return int(store.read("SELECT coalesce(max(token), 0) FROM control.holder").item())
