"""Whether a folder of evidence is intact and agrees with itself. Run it where it lies: python verify.py [FOLDER]

Needs Python alone. What it proves: no file was added, removed or changed; the inputs, the parts of the fingerprint, the
policy's and the versions' hashes and the released files are those the run and the release carry.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"


def faults(folder: Path) -> Iterator[str]:
    """Everything that does not match, one line each; nothing where all is intact."""
    try:
        yield from _changed(folder, json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        yield from _frozen_on(folder, run)
        if (folder / "release.json").exists():
            yield from _released(folder, json.loads((folder / "release.json").read_text(encoding="utf-8")), run)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"the folder cannot be read: {type(error).__name__} {error}"


def manifest(folder: Path) -> dict[str, dict[str, str]]:
    """sha256 of every file of the folder but the manifest itself, by its path."""
    return {"files": {name: _sha256(folder / name) for name in sorted(_present(folder))}}


def _present(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in paths} - {MANIFEST}


def _changed(folder: Path, listed: Mapping[str, Any]) -> Iterator[str]:
    files, present = listed["files"], _present(folder)
    for name in sorted(present | files.keys()):
        if name not in files:
            yield f"{name}: not part of the evidence"
        elif name not in present:
            yield f"{name}: missing"
        elif _sha256(folder / name) != files[name]:
            yield f"{name}: changed"


def _frozen_on(folder: Path, run: Mapping[str, Any]) -> Iterator[str]:
    """Delivered files, fingerprint and versions against what the run carries."""
    inputs = _rows(folder / "inputs.csv")
    lines = sorted(" ".join(row[name] for name in ("dataset", "sender", "seq", "sha256")) for row in inputs)
    parts = run["fingerprint_of"]
    if _root(lines) != parts["input_root"]:
        yield "inputs.csv: does not hash to the input root of the run"
    if _root(f"{name} {value}" for name, value in sorted(parts.items())) != run["fingerprint"]:
        yield "run.json: the parts do not hash to the fingerprint"
    constraints = folder / "constraints.txt"
    if constraints.exists() and _sha256(constraints) != parts["constraints_hash"]:
        yield "constraints.txt: not the versions the run was computed with"
    delivered = {row["sha256"] for row in inputs}
    for path in sorted(folder.glob("inputs/*")):
        if _sha256(path) != path.name or path.name not in delivered:
            yield f"inputs/{path.name}: not a delivered file"


def _released(folder: Path, release: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    """The list of released files against the root and the chain of the release."""
    lines = sorted(f"{row['sha256']}  {row['path']}\n".encode() for row in _rows(folder / "files.csv"))
    if hashlib.sha256(b"".join(lines)).hexdigest() != release["root_hash"]:
        yield "files.csv: does not hash to the root of the release"
    chain = hashlib.sha256((release["previous_chain_hash"] + release["root_hash"]).encode()).hexdigest()
    if chain != release["chain_hash"]:
        yield "release.json: the chain does not follow from the root"
    if release["run_id"] != run["run_id"]:
        yield "release.json: of another run"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _root(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Print what does not match; 0 where all is intact, else 1."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    found = list(faults(folder))
    print("\n".join(found) or f"intact: {len(_present(folder))} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
