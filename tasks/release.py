"""Atomic releases: prepared and final in the database, then on disk, then out; and what a crash leaves is finished.

The moment of publication is the appearance of `_COMPLETE.json`. Steps and recovery follow the contract's table; every
gap between two steps is a crash point.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from tasks import call_ledger, in_force, lineage, pack, resources, stage
from tasks.crash import crash_point
from tasks.disk import writing
from tasks.home import Home, sync_folder, write_atomically
from tasks.key import CycleKey
from tasks.model.errors import Finding, LeveeError
from tasks.pack import Edition, Entry
from tasks.store import Store

CRASH_POINTS = (
    "begin",
    "rendering",
    "rendered",
    "durable",
    "checked",
    "before_prepared",
    "prepared",
    "renamed",
    "rename_durable",
    "completed",
    "before_issued",
    "issued",
    "latest_of_cycle",
    "latest",
    "shown",
)
_ONE_SYNC_ABOVE = 1000
_TABLES = {"control.release": 1}

Render = Callable[[Path], list[Entry]]


@dataclass(frozen=True)
class Release:
    """A release as control.release holds it."""

    key: CycleKey
    edition: Edition
    root: str
    chain: str
    issue_no: int
    files: int


def version_of(store: Store, key: CycleKey) -> int:
    """Version the run's release has, or will be allotted: the releases of the cycle have no gaps."""
    found = store.read(
        "SELECT coalesce(max(version) FILTER (run_id = $run_id), coalesce(max(version), 0) + 1) AS version "
        "FROM control.release WHERE cycle_id = $cycle_id",
        {"run_id": key.run_id, "cycle_id": key.cycle_id},
    )
    return int(found.item())


def recover(home: Home, store: Store) -> None:
    """Clear what an interrupted release left and finish each one that was prepared and still lies on disk whole."""
    for leftover in sorted(home.published.glob("*/*/.v*")):
        shutil.rmtree(leftover)
    for release in _releases(store, home, "PREPARED"):
        folder = home.published / release.edition.folder
        if _completed_root(folder) == release.root:
            _issue(store, release, datetime.now(UTC))
        elif folder.exists():
            _complete_or_remove(home, store, release, folder)
    for release in _releases(store, home, "PUBLISHED")[-1:]:
        finish(home, store, release)


def unfinished(store: Store, home: Home, key: CycleKey) -> list[Release]:
    """Prepared releases of the cycle whose files must be rendered again, other runs' first: versions have no gaps."""
    prepared = [each for each in _releases(store, home, "PREPARED") if each.key.cycle_id == key.cycle_id]
    return sorted(prepared, key=lambda each: each.issue_no)


def release(home: Home, store: Store, key: CycleKey, edition: Edition, render: Render) -> Release:
    """Take a run's files out in one piece. `render(folder)` writes them with their manifests and lists them, or raises.

    Raises LeveeError NOT_REPRODUCIBLE where a prepared release would come out with other bytes.
    """
    started = datetime.now(UTC)
    target = home.published / edition.folder
    temporary = target.with_name(f".{target.name}.tmp")
    entries = _rendered(temporary, render)
    prepared = _prepare(home, store, key, edition, entries, temporary)
    crash_point("publish:prepared")
    temporary.rename(target)
    crash_point("publish:renamed")
    sync_folder(target.parent)
    crash_point("publish:rename_durable")
    _complete(store, prepared, target)
    _issue(store, prepared, started)
    return prepared


def finish(home: Home, store: Store, done: Release) -> None:
    """Steps after publication, each harmless to repeat: pointers, exports, state."""
    content = {
        "business_date": done.edition.business_date.isoformat(),
        "cycle": done.edition.cycle,
        "version": done.edition.version,
        "run_id": done.key.run_id,
        "root_hash": done.root,
        "path": done.edition.folder,
    }
    folder = (home.published / done.edition.folder).parent
    _point(folder / pack.LATEST, content | {"path": f"v{done.edition.version:02d}"})
    crash_point("publish:latest_of_cycle")
    _point(home.published / pack.LATEST, content)
    crash_point("publish:latest")
    stage.show(home, store, done.key, (stage.receipt(store, done.key, "publish") or _nothing(done.key)).rows)
    lineage.show(home, store)
    crash_point("publish:shown")


def published(store: Store, home: Home, key: CycleKey) -> Release:
    """The run's release that is out."""
    return next(each for each in reversed(_releases(store, home, "PUBLISHED")) if each.key == key)


def _rendered(temporary: Path, render: Render) -> list[Entry]:
    try:
        with writing(temporary.parent, "nothing was published: the release cannot be written"):
            temporary.mkdir(parents=True)
            entries = render(temporary)
            crash_point("publish:rendered")
            _make_durable(temporary, len(entries))
            crash_point("publish:durable")
    except LeveeError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return entries


def _make_durable(folder: Path, files: int) -> None:
    if files > _ONE_SYNC_ABOVE:
        os.sync()
        return
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)


def _prepare(
    home: Home, store: Store, key: CycleKey, edition: Edition, entries: Sequence[Entry], temporary: Path
) -> Release:
    """TX A: the release is final from here on."""
    root = pack.root_hash(entries)
    standing = next((each for each in unfinished(store, home, key) if each.key == key), None)
    if standing and standing.root != root:
        shutil.rmtree(temporary)
        raise LeveeError(
            Finding(
                "NOT_REPRODUCIBLE",
                "a prepared release renders to other bytes",
                where=key.run_id,
                value=root[:16],
                limit=standing.root[:16],
                action="find what the reports read that the run did not freeze",
            )
        )
    crash_point("publish:checked")
    if standing:
        return standing
    previous, issue_no = _last_chain(store)
    made = Release(key, edition, root, pack.chain_hash(previous, root), issue_no + 1, len(entries))
    with store.transaction():
        _insert(store, made, entries)
        call_ledger.approve(store, key.run_id)
        crash_point("publish:before_prepared")
    return made


def _insert(store: Store, made: Release, entries: Sequence[Entry]) -> None:
    cycle_id, version = made.key.cycle_id, made.edition.version
    store.append(
        "control.release",
        pl.DataFrame(
            [
                {
                    "cycle_id": cycle_id,
                    "version": version,
                    "issue_no": made.issue_no,
                    "run_id": made.key.run_id,
                    "state": "PREPARED",
                    "root_hash": made.root,
                    "chain_hash": made.chain,
                    "files": made.files,
                    "prepared_ts": _now(),
                }
            ]
        ),
    )
    _insert_files(store, made, entries)


def _insert_files(store: Store, made: Release, entries: Sequence[Entry]) -> None:
    store.append(
        "control.publication",
        pl.DataFrame(
            {
                "path": [entry.path for entry in entries],
                "audience": [entry.audience for entry in entries],
                "sha256": [entry.sha256 for entry in entries],
                "bytes": [entry.size for entry in entries],
            }
        ).with_columns(cycle_id=pl.lit(made.key.cycle_id), version=pl.lit(made.edition.version)),
    )


def _know_files(store: Store, made: Release, folder: Path) -> None:
    """Put down the files of a release that are not: a database made again knows of those alone that were sealed."""
    which = {"cycle_id": made.key.cycle_id, "version": made.edition.version}
    known = "SELECT count(*) FROM control.publication WHERE cycle_id = $cycle_id AND version = $version"
    if not store.read(known, which).item():
        with store.transaction():
            _insert_files(store, made, pack.entries(folder))


def _complete(store: Store, made: Release, folder: Path) -> None:
    """The moment of publication."""
    _know_files(store, made, folder)
    previous = store.read(
        "SELECT chain_hash FROM control.release WHERE issue_no = $issue_no", {"issue_no": made.issue_no - 1}
    )
    packs = in_force.packs(store, made.key.cycle_id, made.edition.version)
    content: dict[str, Any] = {
        "run_id": made.key.run_id,
        "cycle_id": made.key.cycle_id,
        "env": made.edition.env,
        "business_date": made.edition.business_date.isoformat(),
        "cycle": made.edition.cycle,
        "version": made.edition.version,
        "issue_no": made.issue_no,
        "files": made.files,
        "root_hash": made.root,
        "previous_chain_hash": previous.item() if previous.height else "",
        "chain_hash": made.chain,
        "version_in_force": in_force.accounts(store, made.key, packs),
        "packs_in_force": packs,
        "published_ts": _now().isoformat() + "Z",
    }
    store.require_hold()
    write_atomically(folder / pack.COMPLETE, pack.sealed(content))
    crash_point("publish:completed")


def _issue(store: Store, made: Release, started: datetime) -> None:
    """TX B: what is out is recorded as out, by an attempt that started then."""
    with store.transaction():
        store.execute(
            "UPDATE control.release SET state = 'PUBLISHED', published_ts = $now "
            "WHERE cycle_id = $cycle_id AND version = $version",
            {"now": _now(), "cycle_id": made.key.cycle_id, "version": made.edition.version},
        )
        call_ledger.issue(store, made.key.run_id, _now())
        calls = store.read(
            "SELECT count(*) FROM control.margin_call WHERE run_id = $run_id", {"run_id": made.key.run_id}
        ).item()
        rows = _TABLES | {"control.margin_call": calls}
        stage.write_receipt(store, made.key, "publish", rows, started)
        stage.set_state(store, made.key, "PUBLISHED")
        store.execute(resources.sql("release/give_way"), {"cycle_id": made.key.cycle_id, "run_id": made.key.run_id})
        crash_point("publish:before_issued")
    crash_point("publish:issued")


def _complete_or_remove(home: Home, store: Store, made: Release, folder: Path) -> None:
    for stray in folder.glob(".*"):
        stray.unlink()
    if pack.root_hash(pack.entries(folder)) == made.root:
        _complete(store, made, folder)
        _issue(store, made, datetime.now(UTC))
    else:
        aside = folder.with_name(f".{folder.name}.bad")
        folder.rename(aside)
        shutil.rmtree(aside)
        sync_folder(folder.parent)


def _completed_root(folder: Path) -> str | None:
    complete = folder / pack.COMPLETE
    try:
        return str(json.loads(complete.read_text(encoding="utf-8"))["root_hash"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _point(pointer: Path, content: dict[str, Any]) -> None:
    """Move a pointer forward, never back."""
    try:
        standing = pack.release_order(json.loads(pointer.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        standing = None  # none yet, or none that can be read
    if standing is None or standing < pack.release_order(content):
        write_atomically(pointer, pack.canonical(content))


def _releases(store: Store, home: Home, state: str) -> list[Release]:
    found = store.read(
        "SELECT r.*, c.business_date, c.cycle, c.run_no, c.env FROM control.release AS r "
        "JOIN control.cycle_run AS c USING (run_id) WHERE r.state = $state ORDER BY r.issue_no",
        {"state": state},
    )
    return [
        Release(
            CycleKey(row["business_date"], row["cycle"], row["run_no"]),
            Edition(row["env"], row["business_date"], row["cycle"], row["version"]),
            row["root_hash"],
            row["chain_hash"],
            row["issue_no"],
            row["files"],
        )
        for row in found.iter_rows(named=True)
    ]


def _last_chain(store: Store) -> tuple[str, int]:
    found = store.read("SELECT chain_hash, issue_no FROM control.release ORDER BY issue_no DESC LIMIT 1")
    return (str(found["chain_hash"][0]), int(found["issue_no"][0])) if found.height else ("", 0)


def _nothing(key: CycleKey) -> stage.Receipt:
    return stage.Receipt(key.run_id, "publish", {})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
