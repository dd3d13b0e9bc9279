"""A published run computed once more from what it was frozen on: its archived files and its predecessor's tables.

Reads frozen/, exports/, policy/ and published/ of the home, never its database, and writes into a home of its own. What
the predecessor handed on is every table its run exported; of the days before it, the runs, releases and calls.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tasks import journal, pack, resources, status
from tasks.cycle import procedure
from tasks.envelope import file_name
from tasks.home import Home, write_atomically
from tasks.key import CycleKey
from tasks.model.errors import Finding, LeveeError
from tasks.store import SCHEMAS, Store

CALL_HISTORY = ("control.cycle_run", "control.release", "control.margin_call", "result.outstanding_call")
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
    for policy in sorted(home.policy.glob("*.toml")):
        shutil.copyfile(policy, scratch.policy / policy.name)
    _deliver(home, run, scratch)
    with Store(scratch.database) as store:
        _hand_on(home, run, store)
    with journal.written(scratch, f"{run_id}-intake"), scratch.locked("cycle replay"):
        ended = procedure(scratch, run["business_date"], run["cycle"], lambda step, *given: step(*given))
    return _compared(run, published, _release(scratch, {**run, "run_id": ended.key.run_id}))


def _release(home: Home, run: Mapping[str, Any]) -> Path:
    """Folder of the run's release. Raises LeveeError UNKNOWN_ID where another run's is in force, or none."""
    folder = status.release_of(home, run["business_date"], run["cycle"])
    if folder is None or _complete(folder)["run_id"] != run["run_id"]:
        raise LeveeError(
            Finding(
                "UNKNOWN_ID", "the run has no release in force", where=run["run_id"], action="see `levee publish list`"
            )
        )
    return folder


def _complete(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / pack.COMPLETE).read_text(encoding="utf-8"))
    return content


def _deliver(home: Home, run: Mapping[str, Any], scratch: Home) -> None:
    """The files in force when the run was frozen, under the names they were delivered by."""
    folder = scratch.inbox / run["business_date"].isoformat() / run["cycle"]
    manifest = status.exported(home, run["run_id"], "control.input_manifest")
    for dataset, sender, seq, sha256 in manifest.select("dataset", "sender", "seq", "sha256").iter_rows():
        archived = home.frozen / sha256
        content = archived.read_bytes() if archived.exists() else b""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise LeveeError(
                Finding(
                    "VERIFY_FAILED",
                    "an archived file is missing or was changed",
                    where=str(archived),
                    value=file_name(dataset, sender, seq),
                    limit=sha256,
                    action="restore it from a backup",
                )
            )
        write_atomically(folder / file_name(dataset, sender, seq), content)


def _hand_on(home: Home, run: Mapping[str, Any], store: Store) -> None:
    """Tables the run reads of earlier ones; and a place for the attempts before it, so that it gets its own number."""
    predecessor, *earlier = [*_ancestors(home, run), ""]
    with store.transaction():
        for path in sorted((home.exports / predecessor).glob("*.parquet")) if predecessor else ():
            if path.stem.split(".")[0] in SCHEMAS:
                store.append(path.stem, pl.read_parquet(path))
        for run_id in filter(None, earlier):
            for table in CALL_HISTORY:
                store.append(table, status.exported(home, run_id, table))
        if run["run_no"] > 1:
            before = CycleKey(run["business_date"], run["cycle"], run["run_no"] - 1)
            attempt = {**run, "run_id": before.run_id, "run_no": before.run_no, "state": "BLOCKED", "fingerprint": ""}
            schema = status.exported(home, run["run_id"], "control.cycle_run").schema
            store.append("control.cycle_run", pl.DataFrame([attempt], schema=schema))


def _ancestors(home: Home, run: Mapping[str, Any]) -> Iterator[str]:
    """The run it follows, the one that follows, … to the genesis."""
    run_id = run["predecessor_run_id"]
    while run_id:
        yield run_id
        run_id = status.exported(home, run_id, "control.cycle_run")["predecessor_run_id"].item()


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
