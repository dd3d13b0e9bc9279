"""A published run computed once more from what it was frozen on: its archived files and its predecessor's tables.

Reads frozen/, exports/, policy/ and published/ of the home, never its database, and writes into a home of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks import announced, handover, journal, pack, resources, status
from tasks.cycle import procedure
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.store import Store

_SHOWN_FILES = 10


@dataclass(frozen=True)
class Replay:
    """What was published and what came out again; `differing` are paths that are not the same in both."""

    run_id: str
    files: int
    published_root: str
    replayed_root: str
    differing: tuple[str, ...]
    code_changed: bool

    @property
    def identical(self) -> bool:
        """Whether every file came out byte by byte."""
        return self.published_root == self.replayed_root

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "differing": list(self.differing), "identical": self.identical}

    def text(self) -> str:
        """For a person."""
        if self.identical:
            return f"{self.run_id} identical: {self.files} files, root {self.published_root[:16]}"
        return (
            f"{self.run_id} differs in {len(self.differing)} of {self.files} files: published root "
            f"{self.published_root[:16]}, replayed {self.replayed_root[:16]}"
        )

    def require_identical(self) -> None:
        """Raises LeveeError NOT_REPRODUCIBLE naming the first files that differ."""
        if self.identical:
            return
        named = ", ".join(self.differing[:_SHOWN_FILES])
        action = (
            "the code has changed since: replay with the version that published it"
            if self.code_changed
            else "find what the reports read that the run did not freeze"
        )
        raise LeveeError(
            Finding(
                "NOT_REPRODUCIBLE",
                f"{len(self.differing)} of {self.files} files come out differently: {named}",
                where=self.run_id,
                value=self.replayed_root[:16],
                limit=self.published_root[:16],
                action=action,
            )
        )


def replay(home: Home, run_id: str, scratch: Home) -> Replay:
    """Compute a published run again in an empty home. Raises LeveeError UNKNOWN_ID, VERIFY_FAILED or a stage's own."""
    run = status.exported(home, run_id, "control.cycle_run").row(0, named=True)
    published = _release(home, run)
    scratch.prepare(home.environment)
    handover.files(home, run, scratch)
    with Store(scratch.database) as store:
        handover.policy(home, run["policy_hash"], scratch, store)
        handover.opening(home, run["predecessor_run_id"], store)
        handover.decisions(home, run, store)
        announced.hand_over(home, run, scratch, store)
        handover.corrected(home, run, scratch, store)
        handover.number(home, run, store)
    with journal.written(scratch, f"{run_id}-intake"), scratch.locked("cycle replay"):
        ended = procedure(scratch, run["business_date"], run["cycle"], lambda step, *given: step(*given))
    return _compared(run, published, _release(scratch, {**run, "run_id": ended.key.run_id}))


def _release(home: Home, run: Mapping[str, Any]) -> Path:
    """Folder of the run's release. Raises LeveeError UNKNOWN_ID where it has none."""
    folder = handover.releases(home, run).get(run["run_id"])
    if folder is None:
        raise LeveeError(
            Finding("UNKNOWN_ID", "the run has no release", where=run["run_id"], action="see `levee publish list`")
        )
    return folder


def _complete(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / pack.COMPLETE).read_text(encoding="utf-8"))
    return content


def _compared(run: Mapping[str, Any], published: Path, replayed: Path) -> Replay:
    was, is_now = ({entry.path: entry.sha256 for entry in pack.entries(folder)} for folder in (published, replayed))
    return Replay(
        run_id=run["run_id"],
        files=len(was),
        published_root=_complete(published)["root_hash"],
        replayed_root=_complete(replayed)["root_hash"],
        differing=tuple(path for path in sorted(was.keys() | is_now.keys()) if was.get(path) != is_now.get(path)),
        code_changed=run["code_version"] != resources.code_version(),
    )
