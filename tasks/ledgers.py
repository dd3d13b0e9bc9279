"""What belongs to the house rather than to one run, shown beside the runs: files landed, runs, calls, decisions.

home/ledgers/<n>/<table>.parquet with the sha256 of each in home/ledgers/latest.json, replaced as a whole: a reader or a
rebuild meets the tables of one moment. Everything else the database holds is a run's, and shown in exports/<run>/.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import polars as pl

from tasks import disk, pack, resources
from tasks.home import Home, sync_folder, write_atomically
from tasks.model.errors import Finding, LeveeError
from tasks.store import Store

FOLDER = "ledgers"
# Slices of a run are in its exports; files of a release in its own manifests; the version is that of the code.
_ELSEWHERE = frozenset(
    f"control.{table}" for table in ("check_result", "finding", "input_manifest", "publication", "schema_version")
)


def tables() -> tuple[str, ...]:
    """Tables of the house: the landed files and every ledger of the schema control."""
    control = (name.removeprefix("schema/").replace("/", ".") for name in resources.sql_names("schema/control"))
    return ("raw.file", *(name for name in control if name not in _ELSEWHERE))


def show(home: Home, store: Store) -> None:
    """Show every ledger in a new edition and move the pointer to it; those that did not change are taken over."""
    top = home.root / FOLDER
    number = 1 + max((int(path.name) for path in _editions(top)), default=0)
    folder = top / str(number)
    with disk.writing(folder):
        folder.mkdir(parents=True)
    hashes = {table: _taken_over(top, folder, table, store) or _written(folder, table, store) for table in tables()}
    sync_folder(folder)
    write_atomically(top / pack.LATEST, pack.canonical({"edition": number, "tables": hashes}))
    store.all_shown(hashes)
    for older in _editions(top):
        if older != folder:
            shutil.rmtree(older, ignore_errors=True)


def _taken_over(top: Path, folder: Path, table: str, store: Store) -> str | None:
    """Hash of a ledger of the edition before that holds still; None where it has to be written."""
    if table not in store.unchanged():
        return None
    path, content, shown = _found(top, table)
    if hashlib.sha256(content).hexdigest() != shown:
        return None
    with disk.writing(folder, "a ledger cannot be written"):
        (folder / path.name).write_bytes(content)
    return shown


def _written(folder: Path, table: str, store: Store) -> str:
    path = folder / f"{table}.parquet"
    rows = store.read(f"SELECT * FROM {table} ORDER BY ALL")
    with disk.writing(path, "a ledger cannot be written"), path.open("wb") as file:
        rows.write_parquet(file)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(home: Home, table: str) -> pl.DataFrame:
    """A ledger as last shown. Raises LeveeError UNKNOWN_ID where none was, VERIFY_FAILED where it was changed."""
    top = home.root / FOLDER
    if not (top / pack.LATEST).exists():
        raise LeveeError(
            Finding("UNKNOWN_ID", "no ledger was shown in this home", where=str(top), action="run a cycle first")
        )
    path, content, shown = _found(top, table)
    while hashlib.sha256(content).hexdigest() != shown and path.parent != _pointed(top)[0]:
        path, content, shown = _found(top, table)  # a writer has shown the next edition and taken this one away
    found = hashlib.sha256(content).hexdigest()
    if found != shown:
        raise LeveeError(
            Finding(
                "VERIFY_FAILED",
                "a ledger is missing or was changed since it was shown",
                where=str(path),
                value=found[:16],
                limit=str(shown)[:16],
                action="restore the folder from a backup",
            )
        )
    return pl.read_parquet(content)


def shown(home: Home) -> tuple[str, ...]:
    """Tables that were last shown; none in a home without ledgers."""
    latest = home.root / FOLDER / pack.LATEST
    return tuple(json.loads(latest.read_text(encoding="utf-8"))["tables"]) if latest.exists() else ()


def _pointed(top: Path) -> tuple[Path, dict[str, str]]:
    """Folder of the edition the pointer leads to, and the hashes of its tables."""
    latest = json.loads((top / pack.LATEST).read_text(encoding="utf-8"))
    return top / str(latest["edition"]), latest["tables"]


def _found(top: Path, table: str) -> tuple[Path, bytes, str | None]:
    """A table's file of the latest edition, its bytes, none where it is gone, and the hash it was shown with."""
    folder, hashes = _pointed(top)
    path = folder / f"{table}.parquet"
    try:
        return path, path.read_bytes(), hashes.get(table)
    except FileNotFoundError:
        return path, b"", hashes.get(table)


def _editions(top: Path) -> list[Path]:
    return [path for path in top.glob("*") if path.name.isdigit()]
