"""A home: the one folder that holds everything a clearing house keeps, and the lock that guards it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tasks.model.errors import Finding, LeveeError, LockedError

ENVIRONMENTS = ("PROD", "TEST", "DEMO")
_LEASE_MINUTES = 30
_PROBE_SECONDS = 0.2  # a reader that looks whether the home is held holds it for an instant: that is not a holder


@dataclass(frozen=True)
class Home:
    """Paths of a home. Nothing is created before `prepare`."""

    root: Path
    inbox_override: Path | None = field(default=None)

    @property
    def database(self) -> Path:
        return self.root / "levee.duckdb"

    @property
    def inbox(self) -> Path:
        return self.inbox_override or self.root / "inbox"

    @property
    def frozen(self) -> Path:
        return self.root / "frozen"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def site(self) -> Path:
        return self.root / "site"

    @property
    def policy(self) -> Path:
        return self.root / "policy"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def lease(self) -> Path:
        return self.root / "lease.json"

    def prepare(self, environment: str | None = None) -> Home:
        """Create the folders and fix the environment at first use (argument, else LEVEE_ENV, else TEST).

        Raises LeveeError READ_ONLY where the home cannot be written, WRONG_ENV where another environment is asked for.
        """
        if self.inbox_override and not self.inbox_override.is_dir():
            raise LeveeError(
                Finding("USAGE", "no such inbox", where=str(self.inbox_override), action="name the folder of the files")
            )
        own = ("inbox", "frozen", "exports", "state", "published", "site", "policy", "approvals", "logs")
        try:
            for name in own:
                (self.root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LeveeError(
                Finding(
                    "READ_ONLY",
                    f"the home cannot be written: {error.strerror}",
                    where=str(self.root),
                    action="give the user of this command write access, or another --home",
                )
            ) from error
        self._fix_environment(environment or os.environ.get("LEVEE_ENV"))
        if self.environment == "PROD":
            os.environ.pop("LEVEE_CRASH_AT", None)
        return self

    @property
    def environment(self) -> str:
        """PROD, TEST or DEMO, fixed at first use."""
        return (self.root / "environment").read_text(encoding="utf-8").strip()

    def _fix_environment(self, wanted: str | None) -> None:
        marker = self.root / "environment"
        if wanted is not None and wanted not in ENVIRONMENTS:
            raise LeveeError(Finding("USAGE", "unknown environment", value=wanted, limit="|".join(ENVIRONMENTS)))
        if not marker.exists():
            write_atomically(marker, f"{wanted or 'TEST'}\n".encode())
        elif wanted is not None and wanted != self.environment:
            raise LeveeError(
                Finding(
                    "WRONG_ENV",
                    "the home belongs to another environment",
                    where=str(self.root),
                    value=wanted,
                    limit=self.environment,
                    action="use another --home, or the right LEVEE_ENV",
                )
            )

    @contextmanager
    def locked(self, command: str, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold the home for a whole writing command. Raises LockedError LEASE_HELD naming the holder when busy.

        The operating system's lock decides; lease.json beside it only informs. The lock file is created once and
        never replaced, and its descriptor is not inherited, so a dead holder frees it at once.
        """
        descriptor = os.open(self.root / "levee.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._acquire(descriptor, wait_seconds)
            self.renew_lease(command)
            try:
                yield
            finally:
                self.lease.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def renew_lease(self, command: str, run_id: str = "", stage: str = "") -> None:
        """Write who holds the home and what it is doing, for readers."""
        now = datetime.now(UTC)
        write_json(
            self.lease,
            {
                "command": command,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "run_id": run_id,
                "stage": stage,
                "started": now.isoformat(timespec="seconds"),
                "lease_until": (now + timedelta(minutes=_LEASE_MINUTES)).isoformat(timespec="seconds"),
            },
        )

    def _acquire(self, descriptor: int, wait_seconds: float) -> None:
        deadline = time.monotonic() + max(wait_seconds, _PROBE_SECONDS)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise LockedError(self._holder()) from error
                time.sleep(0.05)

    def _holder(self) -> Finding:
        try:
            lease = json.loads(self.lease.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            lease = {}
        who = f"pid {lease.get('pid', '?')} on {lease.get('host', '?')}"
        doing = " ".join(str(lease[name]) for name in ("command", "run_id", "stage") if lease.get(name))
        return Finding(
            "LEASE_HELD",
            "another command holds this home",
            where=str(self.root),
            value=f"{who}: {doing or 'starting'}, since {lease.get('started', '?')}",
            action="wait for it (`levee cycle status` shows its stage) or use --wait",
        )


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old bytes or the new ones: temporary, fsync, rename, fsync folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def canonical_json(value: Any) -> bytes:
    """JSON as published: sorted keys, two spaces, UTF-8, final LF. Decimals must already be strings."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_json(path: Path, value: Any) -> None:
    """Replace a file by canonical JSON."""
    write_atomically(path, canonical_json(value))
