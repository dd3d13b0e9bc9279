"""The database made again from what lies beside it: archived files, exports, ledgers and releases.

For a database that is lost or broken, and for one made in another form of the tables. It is built whole in a folder of
its own, proven by the hashes the runs and releases carry, and only then put in the place of the old one, which stays
beside it until the next time. The old one is never opened.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tasks import call_ledger, freeze, handover, inbox, ledgers, pack, release, stage, verify
from tasks.home import Home, sync_folder
from tasks.inbox import Place
from tasks.key import CycleKey
from tasks.model.errors import Finding, LeveeError
from tasks.store import SCHEMAS, Store

_WORKSHOP = ".rebuild"
_ASIDE = "levee.duckdb.before-rebuild"
_COLUMNS = """
SELECT column_name, is_nullable OR column_default IS NOT NULL AS may_be_left_out FROM duckdb_columns()
WHERE schema_name || '.' || table_name = $table
"""


@dataclass(frozen=True)
class Rebuilt:
    """What the new database holds. `aside`: where the old one is kept, empty where there was none."""

    runs: int
    files: int
    releases: int
    rows: int
    aside: str

    def text(self) -> str:
        """For a person."""
        kept = f"; the old one is {self.aside}" if self.aside else ""
        return (
            f"rebuilt: {self.runs} runs, {self.releases} releases, {self.files} delivered files, {self.rows} rows; "
            f"every root is the recorded one{kept}"
        )


def rebuild(home: Home) -> Rebuilt:
    """Make the database again; the caller holds the home.

    Raises LeveeError UNKNOWN_ID in a home without ledgers, VERIFY_FAILED where something it is made from is missing or
    was changed, SCHEMA_VERSION where an export lacks what its table must have. The old database stands in that case.
    """
    damaged = verify.verify(home.published) if any(home.published.glob(f"*/*/v*/{pack.COMPLETE}")) else []
    if damaged:
        raise LeveeError(*damaged)
    workshop = home.root / _WORKSHOP
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir()
    with Store(workshop / home.database.name) as store:
        rows = _bring_ledgers(home, store) + _bring_files(home, store) + _bring_slices(home, store)
        _bring_releases(home, store)
        _require_same_roots(store)
        made = _counts(store)
    aside = _put_in_place(home, workshop)
    with Store(home.database) as store:
        release.recover(home, store)
        _show_again(home, store)
    return Rebuilt(**made, rows=rows, aside=aside)


def _bring_ledgers(home: Home, store: Store) -> int:
    known = set(ledgers.tables())
    if not ledgers.shown(home):
        ledgers.read(home, "control.cycle_run")  # which says that there is none
    with store.transaction():
        return sum(_bring(store, table, ledgers.read(home, table)) for table in ledgers.shown(home) if table in known)


def _bring_files(home: Home, store: Store) -> int:
    """Rows of every landed file, read from the archive again."""
    rows = 0
    for file in store.read("SELECT * FROM raw.file ORDER BY file_id").iter_rows(named=True):
        content = handover.archived(home, file["sha256"], file["path"])
        delivery = inbox.read(
            Path(file["path"]).name, content, Place(file["business_date"], file["cycle"], file["env"])
        )
        with store.transaction():
            frame = delivery.frame.with_columns(file_id=pl.lit(file["file_id"]))
            rows += store.append(f"raw.{file['dataset']}", frame)
    return rows


def _bring_slices(home: Home, store: Store) -> int:
    """What the runs exported, as many rows as their receipts say."""
    rows, ledger = 0, set(ledgers.tables())
    for run_id in store.read("SELECT run_id FROM control.cycle_run ORDER BY ALL")["run_id"]:
        with store.transaction():
            for path in sorted((home.exports / run_id).glob("*.parquet")):
                if path.stem.split(".")[0] in SCHEMAS and path.stem not in ledger:
                    rows += _bring(store, path.stem, pl.read_parquet(path))
        _require_receipts(store, run_id)
    return rows


def _bring(store: Store, table: str, frame: pl.DataFrame) -> int:
    """Append what a table still knows of a frame; nothing where there is no such table any more."""
    columns = dict(store.read(_COLUMNS, {"table": table}).iter_rows())
    lacking = [name for name, may in columns.items() if name not in frame.columns and not may]
    if lacking and frame.height:
        raise LeveeError(
            Finding(
                "SCHEMA_VERSION",
                "an export of an earlier version lacks what the table must have",
                where=table,
                value=", ".join(lacking),
                action="give the new column a DEFAULT that says what the earlier rows meant",
            )
        )
    return store.append(table, frame.select(name for name in frame.columns if name in columns)) if columns else 0


def _require_receipts(store: Store, run_id: str) -> None:
    """Every table of the run's finished stages has the rows the receipt counted."""
    receipts = store.read(
        "SELECT rows FROM control.stage_run WHERE run_id = $run_id AND state = 'DONE'", {"run_id": run_id}
    )
    for rows in receipts["rows"]:
        for table, counted in json.loads(rows).items():
            if table.startswith(("book.", "result.")):
                found = store.read(f"SELECT count(*) FROM {table} WHERE run_id = $run_id", {"run_id": run_id}).item()
                if found != counted:
                    raise _unlike("an export has other rows than its stage wrote", f"{run_id} {table}", found, counted)


def _bring_releases(home: Home, store: Store) -> None:
    """Files of every release; and a release that came out after the ledgers were last shown, to be finished."""
    known = set(store.read("SELECT cycle_id, version FROM control.release").rows())
    with store.transaction():
        for marker in sorted(home.published.glob(f"*/*/v*/{pack.COMPLETE}")):
            content = json.loads(marker.read_text(encoding="utf-8"))
            if (content["cycle_id"], content["version"]) not in known:
                _bring(store, "control.release", pl.DataFrame([_prepared(content)]))
                call_ledger.approve(store, content["run_id"])
            _bring(store, "control.publication", _files(marker.parent, content))
    for folder in home.published.glob("*/*/v*"):
        if not (folder / pack.COMPLETE).exists() and not _is_prepared(store, folder):
            folder.rename(folder.with_name(f".{folder.name}.unknown"))


def _prepared(marker: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in marker.items() if isinstance(value, str | int)}
    published = pl.Series([marker["published_ts"].removesuffix("Z")]).str.to_datetime(time_unit="us").item()
    return plain | {"state": "PREPARED", "prepared_ts": published, "published_ts": published}


def _is_prepared(store: Store, folder: Path) -> bool:
    name = {"cycle_id": "-".join(folder.parts[-3:-1]), "version": int(folder.name.removeprefix("v"))}
    found = store.read("SELECT 1 FROM control.release WHERE cycle_id = $cycle_id AND version = $version", name)
    return bool(found.height)


def _files(folder: Path, marker: Mapping[str, Any]) -> pl.DataFrame:
    entries = pack.entries(folder)
    return pl.DataFrame(
        {
            "cycle_id": [marker["cycle_id"]] * len(entries),
            "version": [marker["version"]] * len(entries),
            "path": [entry.path for entry in entries],
            "audience": [entry.audience for entry in entries],
            "sha256": [entry.sha256 for entry in entries],
            "bytes": [entry.size for entry in entries],
        }
    )


def _require_same_roots(store: Store) -> None:
    """Inputs and opening of every run hash to what it was frozen on, releases to what went out."""
    for run in store.read("SELECT * FROM control.cycle_run ORDER BY run_id").iter_rows(named=True):
        manifest = store.slice("control.input_manifest", run["run_id"])
        previous = {"run_id": run["predecessor_run_id"]} if run["predecessor_run_id"] else None
        for name, found in {
            "input_root": freeze.input_root(manifest),
            "opening_root": freeze.opening_root(store, previous),
        }.items():
            if found != run[name]:
                raise _unlike(f"the {name} of a run does not come out again", run["run_id"], found, run[name])


def _counts(store: Store) -> dict[str, int]:
    tables = {"runs": "control.cycle_run", "files": "raw.file", "releases": "control.release"}
    return {name: store.read(f"SELECT count(*) FROM {table}").item() for name, table in tables.items()}


def _put_in_place(home: Home, workshop: Path) -> str:
    """Old database aside, new one in its place. Killed in between there is none, which is told and rebuilt again."""
    aside, wal = home.root / _ASIDE, f"{home.database.name}.wal"
    there = home.database.exists()
    if there:
        home.database.replace(aside)
        Path(f"{aside}.wal").unlink(missing_ok=True)
    if (home.root / wal).exists():
        (home.root / wal).replace(f"{aside}.wal")
    if (workshop / wal).exists():
        raise _unlike("the new database was not closed", str(workshop), wal, "none")
    (workshop / home.database.name).replace(home.database)
    shutil.rmtree(workshop)
    sync_folder(home.root)
    return str(aside) if there else ""


def _show_again(home: Home, store: Store) -> None:
    """State of every cycle's latest run, and the ledgers."""
    latest = store.read(
        "SELECT business_date, cycle, max(run_no) AS run_no FROM control.cycle_run GROUP BY ALL ORDER BY ALL"
    )
    for row in latest.iter_rows():
        stage.write_state(home, store, CycleKey(*row))
    ledgers.show(home, store)


def _unlike(what: str, where: str, value: Any, limit: Any) -> LeveeError:
    return LeveeError(
        Finding(
            "VERIFY_FAILED",
            what,
            where=where,
            value=str(value)[:16],
            limit=str(limit)[:16],
            action="restore exports/, frozen/ and ledgers/ from a backup; the old database was left as it is",
        )
    )
