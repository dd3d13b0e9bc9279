"""A home: the one folder that holds everything a clearing house keeps, and the lock that guards it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks import crash, lock, versions
from tasks.disk import writing
from tasks.model.errors import Finding, LeveeError, LockedError

ENVIRONMENTS = ("PROD", "TEST", "DEMO")


@dataclass(frozen=True)
class Home:
    """Paths of a home. Nothing is created before `prepare`.

    `challenger`: a policy that takes the place of the one in force; such a home is a trial, which releases nothing.
    """

    root: Path
    inbox_override: Path | None = field(default=None)
    challenger: Path | None = field(default=None)

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
        return self.root / lock.LEASE

    def prepare(self, environment: str | None = None) -> Home:
        """Create the folders and fix the environment at first use (argument, else LEVEE_ENV, else TEST).

        Raises LeveeError READ_ONLY or DISK_FULL where the home cannot be written, WRONG_ENV where another one is asked
        for, STATE_UNREADABLE where its marker names none, ENV_DRIFT for other versions than the pinned ones in PROD.
        """
        if self.inbox_override and not self.inbox_override.is_dir():
            raise LeveeError(
                Finding("USAGE", "no such inbox", where=str(self.inbox_override), action="name the folder of the files")
            )
        own = ("inbox", "frozen", "exports", "state", "published", "site", "policy", "approvals", "logs")
        with writing(self.root):
            for name in own:
                (self.root / name).mkdir(parents=True, exist_ok=True)
        self._fix_environment(environment or os.environ.get("LEVEE_ENV"))
        if self.environment == "PROD":
            os.environ.pop(crash.SETTING, None)
            versions.require_pinned()
        return self

    @property
    def environment(self) -> str:
        """PROD, TEST or DEMO, fixed at first use. Raises LeveeError STATE_UNREADABLE where the marker names none."""
        marker = self.root / "environment"
        said = marker.read_text(encoding="utf-8", errors="replace").strip()
        if said not in ENVIRONMENTS:
            raise LeveeError(
                Finding(
                    "STATE_UNREADABLE",
                    "the home does not say which environment it belongs to",
                    where=str(marker),
                    value=repr(said[:20]),
                    limit="|".join(ENVIRONMENTS),
                    action="write the one it was made for into that file",
                )
            )
        return said

    def _fix_environment(self, wanted: str | None) -> None:
        marker = self.root / "environment"
        if wanted is not None and wanted not in ENVIRONMENTS:
            raise LeveeError(Finding("USAGE", "unknown environment", value=wanted, limit="|".join(ENVIRONMENTS)))
        if not marker.exists():
            with suppress(LockedError), lock.held(self.root, "prepare", 0.0):
                if not marker.exists():
                    write_atomically(marker, f"{wanted or 'TEST'}\n".encode())
            self._require_marker(marker)
        if wanted is not None and wanted != self.environment:
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

    def _require_marker(self, marker: Path) -> None:
        """Whoever holds a home without a marker is about to write it."""
        if not marker.exists():
            raise LockedError(
                Finding("LEASE_HELD", "another command makes this home", where=str(self.root), action="run again")
            )

    @contextmanager
    def locked(self, command: str, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold the home for a whole writing command, waiting that long while it is busy.

        Raises LockedError LEASE_HELD naming the holder, LeveeError READ_ONLY where the home cannot be written.
        """
        with lock.held(self.root, command, wait_seconds) as hold:
            write_json(self.lease, lock.lease(hold, command))
            yield

    def renew_lease(self, command: str, run_id: str = "", stage: str = "") -> None:
        """Write what the holder is doing now, for readers; nothing where this process does not hold the home."""
        hold = lock.hold_of(self.root)
        if hold:
            write_json(self.lease, lock.lease(hold, command, run_id, stage))


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old bytes or the new ones: temporary, fsync, rename, fsync folder.

    Raises LeveeError DISK_FULL or READ_ONLY.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        crash.crash_point("file:before_replace")
        temporary.replace(path)
        crash.crash_point("file:after_replace")
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
