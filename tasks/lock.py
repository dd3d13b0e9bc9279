"""Who may write to a home: the operating system's lock decides, lease.json beside it informs.

The lock file is created once and never replaced or removed, and its descriptor is not inherited, so a dead holder
frees it at once; a living one is never robbed, however long it takes.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from tasks.disk import writing
from tasks.model.errors import Finding, LockedError

LOCK, LEASE = "levee.lock", "lease.json"
LEASE_TIME = timedelta(minutes=30)
_PROBE_SECONDS = 0.2  # a reader that looks whether the home is held holds it for an instant: that is not a holder
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


def steady_seconds() -> float:
    """Seconds by a clock that nobody sets and that, where the system has one, does not stop while it sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Kept(Protocol):
    """What may stay open as long as a home is held."""

    def close(self) -> None:
        """Close it; raises nothing."""


@dataclass
class Hold:
    """A home held by this process since then, by the wall clock and in `steady_seconds`.

    `token` is the fencing token, None before the first transaction raises it. `kept` is closed when the hold ends.
    `unchanged` are the tables nothing was written to since the ledgers were last shown, while the database stays open.
    """

    root: Path
    command: str
    wait_seconds: float
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    steady_since: float = field(default_factory=steady_seconds)
    token: int | None = None
    kept: Kept | None = None
    unchanged: set[str] = field(default_factory=set)

    def let_go(self) -> None:
        """Close what was kept open."""
        if self.kept:
            self.kept.close()
        self.kept = None


_held: dict[Path, Hold] = {}


def hold_of(root: Path) -> Hold | None:
    """This process's hold on a home, None where it has none."""
    return _held.get(root.resolve())


@contextmanager
def held(root: Path, command: str, wait_seconds: float) -> Iterator[Hold]:
    """Hold a home. Raises LockedError LEASE_HELD naming the holder once it was busy for `wait_seconds`."""
    with writing(root):
        descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(root, descriptor, wait_seconds)
        hold = _held[root.resolve()] = Hold(root, command, wait_seconds)
        try:
            yield hold
        finally:
            hold.let_go()
            del _held[root.resolve()]
            with suppress(OSError):  # a lease that stays misleads nobody: the lock beside it is free
                (root / LEASE).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def lease(hold: Hold, command: str, run_id: str = "", stage: str = "") -> dict[str, Any]:
    """What lease.json says from now on: who holds the home since when, and what it is doing since when."""
    now = datetime.now(UTC)
    return {
        "command": command,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "run_id": run_id,
        "stage": stage,
        "started": hold.since.isoformat(timespec="seconds"),
        "stage_started": now.isoformat(timespec="seconds"),
        "lease_until": (now + LEASE_TIME).isoformat(timespec="seconds"),
    }


def pauses(wait_seconds: float) -> Iterator[None]:
    """Try at once and then again and again, each time after twice the pause, until the time is over."""
    deadline, pause = time.monotonic() + wait_seconds, _FIRST_PAUSE
    yield
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
        yield


def read_lease(root: Path) -> dict[str, Any]:
    """What lease.json says; empty where it is gone or says nothing."""
    try:
        found = json.loads((root / LEASE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_hung(said: dict[str, Any]) -> bool:
    """Whether a lease has passed."""
    try:
        return datetime.fromisoformat(said["lease_until"]) < datetime.now(UTC)
    except (KeyError, TypeError, ValueError):
        return False


def excludes(first: int, second: int) -> bool:
    """Whether a lock on the first descriptor keeps the second one, of the same file, from having it."""
    fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _acquire(root: Path, descriptor: int, wait_seconds: float) -> None:
    for _ in pauses(max(wait_seconds, _PROBE_SECONDS)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            continue
    raise LockedError(_busy(root))


def _busy(root: Path) -> Finding:
    """Holder, what it does, since when, and what to do."""
    said = read_lease(root)
    who = f"pid {said.get('pid', '?')} on {said.get('host', '?')}"
    doing = " ".join(str(said[name]) for name in ("command", "run_id", "stage") if said.get(name))
    action = "wait for it (`levee cycle status` shows its stage) or use --wait"
    if is_hung(said):
        doing += f" HUNG, its lease ended {said['lease_until']}"
        action = f"see whether pid {said.get('pid', '?')} still works; end it if not: the next command takes over"
    return Finding(
        "LEASE_HELD",
        "another command holds this home",
        where=str(root),
        value=f"{who}: {doing or 'starting'}, since {said.get('started', '?')}",
        action=action,
    )
