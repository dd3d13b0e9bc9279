"""The layout of what is published: names, folders, hashes. Shared by those who write it and those who verify it.

Knows files only: no database. A release is the folder `<YYYYMMDD>/<CYCLE>/v<NN>`, an audience's folder inside it can
be handed over and verified alone by its manifest.json.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

COMPLETE = "_COMPLETE.json"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
LATEST = "latest.json"
MEMBERS, PUBLIC, OPS, RISK, REGULATOR = "members", "public", "ops", "risk", "regulator"
AUDIENCES = (MEMBERS, PUBLIC, OPS, RISK, REGULATOR)

FILE_NAME = re.compile(
    r"(?P<env>PROD|TEST|DEMO)-(?P<report>[A-Z]{2}[0-9]{2})-(?P<party>[A-Z0-9]+)-(?P<account>[A-Z0-9]+)"
    r"-(?P<day>[0-9]{8})-(?P<cycle>SOD|EOD|ITD[0-9]+)-v(?P<version>[0-9]{2,})\.(?P<ending>csv|json|html)"
)
_UNHASHED = {COMPLETE, MANIFEST, SIGNATURE}
_BETWEEN = ",\n  "  # entries of a list, one a line
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False)


class Json(str):
    """Text that is JSON already: a value, or entries of a list as `listed` joins them."""


@dataclass(frozen=True)
class Edition:
    """Which release of which cycle of which home a file belongs to."""

    env: str
    business_date: date
    cycle: str
    version: int

    @property
    def day(self) -> str:
        """<YYYYMMDD>."""
        return f"{self.business_date:%Y%m%d}"

    @property
    def folder(self) -> str:
        """Folder of the release, relative to published/."""
        return f"{self.day}/{self.cycle}/{version_name(self.version)}"

    def file_name(self, report: str, party: str, account: str, ending: str) -> str:
        """Name of a file: party is a member, PUBLIC, OPS or REG; account ALL where it is not about one."""
        return f"{self.env}-{report}-{party}-{account}-{self.day}-{self.cycle}-v{self.version:02d}.{ending}"


def version_name(version: int) -> str:
    """v<NN>: a version's folder, and how it is printed."""
    return f"v{version:02d}"


@dataclass(frozen=True)
class Entry:
    """A published file: path relative to the folder it is listed for, sha256 in hex, bytes."""

    path: str
    sha256: str
    size: int

    @staticmethod
    def of(path: str, content: bytes) -> Entry:
        """Entry of a file's bytes."""
        return Entry(path, hashlib.sha256(content).hexdigest(), len(content))

    @property
    def audience(self) -> str:
        """members/<ID>, public, ops, risk or regulator: the folder a path relative to the release lies in."""
        return self.path.rpartition("/")[0]


def root_hash(entries: Iterable[Entry]) -> str:
    """sha256 over the lines `<sha256>  <path>`, sorted by bytes."""
    lines = sorted(f"{entry.sha256}  {entry.path}\n".encode() for entry in entries)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def chain_hash(previous: str, root: str) -> str:
    """sha256 of the previous release's chain hash (empty for the first) and this root."""
    return hashlib.sha256((previous + root).encode()).hexdigest()


def manifest(audience: str, edition: Edition, entries: Sequence[Entry]) -> bytes:
    """manifest.json of an audience's folder, paths relative to it: nothing in it but what the files say."""
    return canonical(
        {
            "audience": audience,
            "business_date": edition.business_date.isoformat(),
            "cycle": edition.cycle,
            "env": edition.env,
            "version": edition.version,
            "root_hash": root_hash(entries),
            "files": [
                {"path": entry.path, "sha256": entry.sha256, "bytes": entry.size}
                for entry in sorted(entries, key=lambda entry: entry.path)
            ],
        }
    )


def sealed(content: Mapping[str, Any]) -> bytes:
    """Canonical JSON of a mapping with `seal`, the sha256 of the rest."""
    body = {name: value for name, value in content.items() if name != "seal"}
    return canonical(body | {"seal": hashlib.sha256(canonical(body)).hexdigest()})


def canonical(value: Mapping[str, Any]) -> bytes:
    """Published JSON: sorted keys, one entry of a list or table per line, final LF. Decimals are strings already."""
    return (
        "{\n" + ",\n".join(f"{json.dumps(key)}: {_entries(value[key])}" for key in sorted(value)) + "\n}\n"
    ).encode()


def _entries(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        return "{\n" + ",\n".join(f"  {json.dumps(key)}: {line(value[key])}" for key in sorted(value)) + "\n}"
    if isinstance(value, list | tuple) and value:
        return f"[\n  {_BETWEEN.join(map(line, value))}\n]"
    return line(value)


def listed(entries: Sequence[str]) -> list[Json]:
    """Entries of a list that are JSON already, as one: a large book has millions of them."""
    return [Json(_BETWEEN.join(entries))] if entries else []


def line(value: Any) -> str:
    """An entry of published JSON on its one line."""
    if isinstance(value, Json):
        return value
    plain = _plain_object(value) if isinstance(value, dict) and len(value) > 1 else None
    return _ENCODER.encode(value) if plain is None else plain


def _plain_object(value: dict[str, Any]) -> str | None:
    """An object of texts that need no escape, filled into the form of its names; None for any other.

    Most of a release are such objects, and the same few forms. The result is the encoder's, four times sooner.
    """
    names = tuple(value)
    texts = _in_order(names)(value)
    try:
        together = "".join(texts)
    except TypeError:
        return None
    if not together.isprintable() or '"' in together or "\\" in together:
        return None
    return form_of(names) % texts


@cache
def form_of(names: tuple[str, ...]) -> str:
    """An object of published JSON with a place, `%s`, for the text of each of its names, in the names' order."""
    keys = (json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in sorted(names))
    return "{" + ", ".join(f'{key}: "%s"' for key in keys) + "}"


@cache
def _in_order(names: tuple[str, ...]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """What takes the texts of at least two names out of an object, in the names' order."""
    return itemgetter(*sorted(names))


def entries(folder: Path) -> list[Entry]:
    """Every hashed file below a folder as it lies there; dot files (leftovers of a write) are none."""
    return [
        Entry.of(path.relative_to(folder).as_posix(), path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in _UNHASHED and not path.name.startswith(".")
    ]


def cycle_order(cycle: str) -> int:
    """Place of a cycle in its day: SOD, ITD1, ITD2, …, EOD."""
    if cycle.startswith("ITD"):
        return int(cycle[3:])
    return {"SOD": 0, "EOD": 1_000_000}[cycle]


def release_order(latest: Mapping[str, Any]) -> tuple[str, int, int]:
    """Order of releases by business date, cycle and version: what a pointer never moves back in."""
    return str(latest["business_date"]), cycle_order(str(latest["cycle"])), int(latest["version"])
