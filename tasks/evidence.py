"""The evidence of a run in one folder, which proves itself without this house's software (tasks/evidence_check.py).

What it was computed from, by whom it was let go, what every check said, how long each stage took, and what came out:
read from exports, archive, policies and releases. Wall clocks and attempts are evidence; nothing here is published.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from tasks import evidence_check, handover, pack, policy_store, resources, status
from tasks.freeze import Basis
from tasks.home import Home, canonical_json
from tasks.model.errors import Finding, LeveeError

# Exported table by file of the folder; a run that has not come so far, or asked nobody, has none of it.
_TABLES = {
    "inputs.csv": "control.input_manifest",
    "checks.csv": "control.check_result",
    "findings.csv": "control.finding",
    "stages.csv": "control.stage_run",
    "attempts.csv": "control.attempt",
    "approvals.csv": "control.approval",
    "decisions.csv": "book.decision",
    "overrides.csv": "book.override",
    "reruns.csv": "control.rerun",
    "calls.csv": "control.margin_call",
}
_READ_ME = """Evidence of run {run_id}

run.json         what it is, and the parts its fingerprint is made of
inputs.csv       files it was frozen on, by sha256 of the delivered bytes{inputs}
policy.toml      margin policy it was computed with; constraints.txt: exact versions of what computed it
checks.csv       every check and what it found; findings.csv: line by line
stages.csv       receipts with times; attempts.csv: every attempt
approvals.csv, decisions.csv, overrides.csv, reruns.csv
                 what people decided and why
calls.csv        calls; tables.csv: sha256 of every table the run left
release.json, files.csv
                 what was published, file by file
verify.py        proves all of it: python verify.py
"""


def collect(home: Home, run_id: str, target: Path, with_inputs: bool = False) -> Path:
    """Write a run's evidence to a folder, in the place of an earlier one. `with_inputs` adds the delivered files.

    Raises LeveeError UNKNOWN_ID; USAGE where the folder holds something else; VERIFY_FAILED where what is collected
    does not agree with itself.
    """
    run = status.exported(home, run_id, "control.cycle_run").row(0, named=True)
    if target.exists() and not (target / evidence_check.MANIFEST).exists():
        raise LeveeError(
            Finding(
                "USAGE", "the folder holds something else", where=str(target), action="name an empty one with --out"
            )
        )
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, content in _files(home, run, with_inputs):
        (temporary / name).parent.mkdir(exist_ok=True)
        (temporary / name).write_bytes(content)
    (temporary / evidence_check.MANIFEST).write_bytes(canonical_json(evidence_check.manifest(temporary)))
    _require_intact(temporary)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    return target


def _files(home: Home, run: Mapping[str, Any], with_inputs: bool) -> Iterator[tuple[str, bytes]]:
    run_id = str(run["run_id"])
    yield "run.json", canonical_json(_identity(run))
    yield "verify.py", Path(evidence_check.__file__).read_bytes()
    told = "; the files themselves are in inputs/" if with_inputs else ""
    yield "README.txt", _READ_ME.format(run_id=run_id, inputs=told).encode()
    for name, table in _TABLES.items():
        if (home.exports / run_id / f"{table}.parquet").exists():
            yield name, status.exported(home, run_id, table).write_csv().encode()
    yield "tables.csv", _hashes(home.exports / run_id)
    yield from _versions(home, run)
    yield from _release(home, run)
    if with_inputs:
        manifest = status.exported(home, run_id, "control.input_manifest")
        for sha256, file_id in manifest.select("sha256", "file_id").iter_rows():
            yield f"inputs/{sha256}", handover.archived(home, sha256, file_id)


def _identity(run: Mapping[str, Any]) -> dict[str, Any]:
    parts = {part.name: run[part.name] for part in fields(Basis)}
    rest = {name: str(value) for name, value in run.items() if name not in parts}
    return {**rest, "fingerprint_of": parts}


def _hashes(folder: Path) -> bytes:
    lines = (
        f"{path.stem},{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(folder.glob("*.parquet"))
    )
    return "\n".join(["table,sha256", *lines, ""]).encode()


def _versions(home: Home, run: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The policy of the run, and the exact versions while they are those it was computed with."""
    policy = policy_store.of_hash(home, run["policy_hash"])
    if policy:
        yield "policy.toml", policy.read_bytes()
    constraints = (resources.root() / "constraints.txt").read_bytes()
    if hashlib.sha256(constraints).hexdigest() == run["constraints_hash"]:
        yield "constraints.txt", constraints


def _release(home: Home, run: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The run's release and its files as they lie there now; nothing where it has none."""
    for marker in home.published.glob(f"{run['business_date']:%Y%m%d}/{run['cycle']}/v*/{pack.COMPLETE}"):
        content = marker.read_bytes()
        if json.loads(content)["run_id"] == run["run_id"]:
            lines = (f"{entry.path},{entry.sha256},{entry.size}" for entry in pack.entries(marker.parent))
            yield "release.json", content
            yield "files.csv", "\n".join(["path,sha256,bytes", *lines, ""]).encode()


def _require_intact(folder: Path) -> None:
    found = list(evidence_check.faults(folder))
    if found:
        shutil.rmtree(folder)
        raise LeveeError(
            *(
                Finding("VERIFY_FAILED", fault, action="what was exported or published was changed since: see backups")
                for fault in found
            )
        )
