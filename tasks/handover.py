"""What a home of its own is given of another one: archived files under their names, and what earlier runs handed on.

Reads frozen/, exports/ and policy/ of the giving home, never its database. What a predecessor handed on is every table
its run exported; of the days before it, the runs, releases and calls.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from tasks import decided, ledgers, pack, policy_activations, policy_states, policy_store, resources, status
from tasks.envelope import file_name
from tasks.home import Home, write_atomically
from tasks.key import CycleKey, cycle_id
from tasks.model.errors import Finding, LeveeError
from tasks.store import SCHEMAS, Store

_DECISIONS = ("book.decision", "control.approval")  # what a run is computed from, and what its release needed
_DECIDED = frozenset(f"control.{table}" for table in ("override", "decision", "decision_answer", "call_response"))
HISTORY = (
    "control.cycle_run",
    "control.release",
    "control.margin_call",
    "result.outstanding_call",
    "result.margin_account",
    "result.held",
)
_NO_TIME = datetime(1970, 1, 1)

Run = Mapping[str, Any]


def policy(home: Home, policy_hash: str, to: Home, store: Store) -> None:
    """The policy a run is computed under, as one that acts. Raises LeveeError VERIFY_FAILED where it is not there."""
    path = policy_store.of_hash(home, policy_hash)
    if path is None:
        raise LeveeError(
            Finding(
                "VERIFY_FAILED",
                "the policy of a run is not in this home",
                where=str(home.policy),
                value=policy_hash[:16],
                action="restore policy/ from a backup",
            )
        )
    content, first = path.read_text(encoding="utf-8"), policy_store.load(path).effective_date
    write_atomically(to.policy / path.name, content.encode())
    acting = policy_activations.handed_over(policy_states.ACTIVE, "", policy_hash, first, None, content)
    policy_states.begin(store, acting)


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
    """Tables a run reads of earlier ones: all of its predecessor's; calls and what had to be covered of days before."""
    if not predecessor_run_id:
        return
    before = list(_before(home, predecessor_run_id))
    replaced = (superseded(home, _run(home, each)) for each in (predecessor_run_id, *before))
    with store.transaction():
        _everything(home, predecessor_run_id, store)
        for run_id in [*before, *itertools.chain.from_iterable(replaced)]:
            for table in HISTORY:
                store.append(table, status.exported(home, run_id, table))


def corrected(home: Home, run: Run, to: Home, store: Store) -> None:
    """What a correcting run reads of those it supersedes: their tables and what they let out."""
    with store.transaction():
        for run_id, folder in superseded(home, run).items():
            _everything(home, run_id, store)
            shutil.copytree(folder, to.published / folder.relative_to(home.published))
            entries = pack.entries(folder)
            columns = {"path": "path", "audience": "audience", "sha256": "sha256", "bytes": "size"}
            files = {column: [getattr(entry, name) for entry in entries] for column, name in columns.items()}
            cycle, version = cycle_id(run["business_date"], run["cycle"]), int(folder.name.removeprefix("v"))
            named = pl.DataFrame(files).with_columns(cycle_id=pl.lit(cycle), version=pl.lit(version))
            store.append("control.publication", named)
            store.append("control.rerun", _wanted_again(run_id))


def releases(home: Home, run: Run) -> dict[str, Path]:
    """Folders of the releases of a run's cycle by the run that was let out, in order of version."""
    markers = sorted(home.published.glob(f"{run['business_date']:%Y%m%d}/{run['cycle']}/v*/{pack.COMPLETE}"))
    return {json.loads(marker.read_text(encoding="utf-8"))["run_id"]: marker.parent for marker in markers}


def superseded(home: Home, run: Run) -> dict[str, Path]:
    """Releases of the cycle that were out before the run's own."""
    found = releases(home, run)
    return {run_id: folder for run_id, folder in found.items() if _run_no(run_id) < run["run_no"]}


def _run_no(run_id: str) -> int:
    return int(run_id.rpartition("-r")[2])


def _everything(home: Home, run_id: str, store: Store) -> None:
    for path in sorted((home.exports / run_id).glob("*.parquet")):
        if path.stem.split(".")[0] in SCHEMAS:
            store.append(path.stem, pl.read_parquet(path))


def _wanted_again(run_id: str) -> pl.DataFrame:
    """A wish for a rerun: a correction may be for the code alone, and it is replayed whatever it was for."""
    wish = {"run_id": run_id, "requested_by": "replay", "reason": "replay", "code_version": resources.code_version()}
    return pl.DataFrame([wish]).with_columns(requested_ts=pl.lit(_NO_TIME))


def decisions(home: Home, run: Run, store: Store) -> None:
    """What people had decided when the run was frozen, as the run keeps it."""
    overrides = status.exported(home, run["run_id"], "book.override").drop("run_id")
    exported = [home.exports / str(run["run_id"]) / f"{table}.parquet" for table in _DECISIONS]
    kept = [pl.read_parquet(path)["decision_id"] for path in exported if path.exists()]
    with store.transaction():
        store.append("control.override", overrides)
        store.append("control.call_response", _answers(home, run))
        decided.hand_over(home, set().union(*kept), store)


def decided_so_far(home: Home, store: Store) -> None:
    """What people have decided up to now, for a cycle that has not begun: ledgers as last shown."""
    with store.transaction():
        for table in sorted(_DECIDED.intersection(ledgers.shown(home))):
            store.append(table, ledgers.read(home, table))


def _answers(home: Home, run: Run) -> pl.DataFrame:
    """Answers to calls in the form they are given in; who gave them and when is not what a run reckons with."""
    answers = status.exported(home, run["run_id"], "book.call_response").drop("run_id")
    return answers.with_columns(
        response_no=pl.int_range(1, answers.height + 1, dtype=pl.Int32),
        user_name=pl.lit("replay"),
        reason=pl.lit("replay"),
        answered_ts=pl.lit(_NO_TIME),
    )


def number(home: Home, run: Run, store: Store) -> None:
    """A place for the attempts before the run, so that it gets its own number."""
    before = CycleKey(run["business_date"], run["cycle"], run["run_no"] - 1)
    if run["run_no"] == 1 or before.run_id in superseded(home, run):
        return
    attempt = {**run, "run_id": before.run_id, "run_no": before.run_no, "state": "BLOCKED", "fingerprint": ""}
    schema = status.exported(home, run["run_id"], "control.cycle_run").schema
    with store.transaction():
        store.append("control.cycle_run", pl.DataFrame([attempt], schema=schema))


def _before(home: Home, run_id: str) -> Iterator[str]:
    """The run a run follows, the one that follows, … to the genesis."""
    while run_id := _run(home, run_id)["predecessor_run_id"]:
        yield run_id


def _run(home: Home, run_id: str) -> Run:
    return status.exported(home, run_id, "control.cycle_run").row(0, named=True)
