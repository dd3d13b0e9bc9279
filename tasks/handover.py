"""What a home of its own is given of another one: archived files under their names, and what earlier runs handed on.

Reads frozen/, exports/ and policy/ of the giving home, never its database. What a predecessor handed on is every table
its run exported; of the days before it, the runs, releases and calls.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from tasks import decided, status
from tasks.envelope import file_name
from tasks.home import Home, write_atomically
from tasks.key import CycleKey
from tasks.model.errors import Finding, LeveeError
from tasks.store import SCHEMAS, Store

_DECISIONS = ("book.decision", "control.approval")  # what a run is computed from, and what its release needed
CALL_HISTORY = ("control.cycle_run", "control.release", "control.margin_call", "result.outstanding_call")

Run = Mapping[str, Any]


def policies(home: Home, to: Home) -> None:
    """Every policy of the home, in force or not."""
    for policy in sorted(home.policy.glob("*.toml")):
        shutil.copyfile(policy, to.policy / policy.name)


def files(home: Home, run: Run, to: Home) -> None:
    """The files a run was frozen on, under the names they were delivered by. Raises LeveeError VERIFY_FAILED.

    What the house wrote itself (version 0) nobody delivered: the decision behind it makes it again.
    """
    folder = to.inbox / run["business_date"].isoformat() / run["cycle"]
    manifest = status.exported(home, run["run_id"], "control.input_manifest").filter(pl.col("seq") > 0)
    for dataset, sender, seq, sha256 in manifest.select("dataset", "sender", "seq", "sha256").iter_rows():
        name = file_name(dataset, sender, seq)
        write_atomically(folder / name, archived(home, sha256, name))


def archived(home: Home, sha256: str, name: str) -> bytes:
    """Bytes of the archive that hash to what they are kept under. Raises LeveeError VERIFY_FAILED."""
    path = home.frozen / sha256
    content = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise LeveeError(
            Finding(
                "VERIFY_FAILED",
                "an archived file is missing or was changed",
                where=str(path),
                value=name,
                limit=sha256,
                action="restore it from a backup",
            )
        )
    return content


def opening(home: Home, predecessor_run_id: str, store: Store) -> None:
    """Tables a run reads of earlier ones: all of its predecessor's, and the calls of the days before."""
    if not predecessor_run_id:
        return
    with store.transaction():
        for path in sorted((home.exports / predecessor_run_id).glob("*.parquet")):
            if path.stem.split(".")[0] in SCHEMAS:
                store.append(path.stem, pl.read_parquet(path))
        for run_id in _before(home, predecessor_run_id):
            for table in CALL_HISTORY:
                store.append(table, status.exported(home, run_id, table))


def decisions(home: Home, run: Run, store: Store) -> None:
    """What people had decided when the run was frozen, as the run keeps it."""
    overrides = status.exported(home, run["run_id"], "book.override").drop("run_id")
    exported = [home.exports / str(run["run_id"]) / f"{table}.parquet" for table in _DECISIONS]
    kept = [pl.read_parquet(path)["decision_id"] for path in exported if path.exists()]
    with store.transaction():
        store.append("control.override", overrides)
        decided.hand_over(home, set().union(*kept), store)


def number(home: Home, run: Run, store: Store) -> None:
    """A place for the attempts before the run, so that it gets its own number."""
    if run["run_no"] == 1:
        return
    before = CycleKey(run["business_date"], run["cycle"], run["run_no"] - 1)
    attempt = {**run, "run_id": before.run_id, "run_no": before.run_no, "state": "BLOCKED", "fingerprint": ""}
    schema = status.exported(home, run["run_id"], "control.cycle_run").schema
    with store.transaction():
        store.append("control.cycle_run", pl.DataFrame([attempt], schema=schema))


def _before(home: Home, run_id: str) -> Iterator[str]:
    """The run a run follows, the one that follows, … to the genesis."""
    while run_id := status.exported(home, run_id, "control.cycle_run")["predecessor_run_id"].item():
        yield run_id
