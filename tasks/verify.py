"""What was published, and whether it is intact: reads files alone, so a member can run it on its own folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from tasks import pack
from tasks.home import Home
from tasks.model.errors import Finding
from tasks.pack import COMPLETE, FILE_NAME, LATEST, MANIFEST, SIGNATURE, Edition, Entry

_POINTED = ("run_id", "business_date", "cycle", "version", "root_hash")
"""What a pointer says of its release, and the release of itself."""


def releases(home: Home) -> list[dict[str, Any]]:
    """Every complete release in order of issue: cycle_id, version, files, root_hash, folder, complete, in_force.

    `complete` says whether the folder holds as many files as were released; a folder without its marker is no release.
    `in_force`: members whose latest pack it holds, once later versions of its cycle have replaced some.
    """
    found = []
    markers = {marker: _read(marker) or {} for marker in home.published.glob(f"*/*/v*/{COMPLETE}")}
    latest = _packs_in_force(markers.values())
    for marker, content in markers.items():
        present = sum(1 for _ in _hashed(marker.parent))
        found.append(
            {
                "cycle_id": str(content.get("cycle_id", "?")),
                "version": _number(content, "version"),
                "files": _number(content, "files"),
                "root_hash": str(content.get("root_hash", "?")),
                "issue_no": _number(content, "issue_no"),
                "folder": str(marker.parent),
                "complete": present == content.get("files"),
                "in_force": latest.get(str(content.get("cycle_id")), []).count(_number(content, "version")),
            }
        )
    return sorted(found, key=lambda each: (each["issue_no"], each["folder"]))


def _packs_in_force(markers: Iterable[Mapping[str, Any]]) -> dict[str, list[int]]:
    """By cycle the version in force of each member's pack, as its latest release says."""
    found: dict[str, list[int]] = {}
    for content in sorted(markers, key=lambda each: _number(each, "version")):
        packs = content.get("packs_in_force")
        if isinstance(packs, dict):
            members = [version for audience, version in packs.items() if audience.startswith(pack.MEMBERS)]
            found[str(content.get("cycle_id"))] = members
    return found


def verify(pack_path: Path) -> list[Finding]:
    """Everything that does not match, file by file; nothing where all is intact.

    Takes one audience's folder, a release, or any folder that holds releases, such as published/.
    """
    path = pack_path.resolve()
    if not path.is_dir():
        return [Finding("UNKNOWN_ID", "no such pack", where=str(pack_path), action="see `levee publish list`")]
    if (path / MANIFEST).exists() or _looks_like_audience(path):
        return list(_audience(path))
    markers = sorted(path.rglob(COMPLETE)) if not _is_release(path) else [path / COMPLETE]
    if not markers:
        return [_fault("no release is in this folder", path, action="see `levee publish list`")]
    return [
        *(finding for marker in markers for finding in _release(marker.parent)),
        *_pointers(path),
        *_chain(_chained(path), everything=path.name == "published"),
    ]


def _looks_like_audience(path: Path) -> bool:
    return any(FILE_NAME.fullmatch(each.name) for each in path.iterdir())


def _is_release(path: Path) -> bool:
    return (path / COMPLETE).exists() or any((path / audience).is_dir() for audience in pack.AUDIENCES)


def _hashed(folder: Path) -> Iterator[Path]:
    skipped = {COMPLETE, MANIFEST, SIGNATURE}
    return (each for each in folder.rglob("*") if each.is_file() and each.name not in skipped)


def _release(folder: Path) -> Iterator[Finding]:
    marker = folder / COMPLETE
    if not marker.exists():
        yield _fault("the release has no completion marker: it is not published", marker)
        return
    content = _read(marker)
    if content is None or pack.sealed(content) != marker.read_bytes():
        yield _fault("the completion marker was changed", marker)
    audiences = sorted({each.parent for each in folder.rglob("*") if each.is_file() and each.parent != folder})
    for audience in audiences:
        yield from _audience(audience)
    strays = [each for each in folder.iterdir() if each.is_file() and each.name != COMPLETE]
    yield from (_fault("a file that was not released", each) for each in strays)
    yield from _roots(folder, content or {}, marker)


def _roots(folder: Path, content: dict[str, Any], marker: Path) -> Iterator[Finding]:
    root = pack.root_hash(pack.entries(folder))
    if root != content.get("root_hash"):
        yield _fault("the files do not hash to the released root", marker, root, str(content.get("root_hash")))
    chain = pack.chain_hash(str(content.get("previous_chain_hash")), str(content.get("root_hash")))
    if chain != content.get("chain_hash"):
        yield _fault("the chain hash does not follow from the root", marker, chain, str(content.get("chain_hash")))


def _audience(folder: Path) -> Iterator[Finding]:
    """A folder against its manifest: each file by its hash, then the manifest itself byte by byte."""
    manifest = folder / MANIFEST
    content = _read(manifest) or {}
    try:
        listed = {entry["path"]: Entry(entry["path"], entry["sha256"], entry["bytes"]) for entry in content["files"]}
    except (TypeError, KeyError):
        yield _fault("the manifest is missing or cannot be read", manifest)
        return
    present = {
        each.name: each for each in folder.iterdir() if each.is_file() and each.name not in {MANIFEST, SIGNATURE}
    }
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            yield _fault("a released file is missing", folder / name)
        elif name not in listed:
            yield _fault("a file that was not released", present[name])
        elif (actual := Entry.of(name, present[name].read_bytes())) != listed[name]:
            yield _fault("the file was changed", present[name], actual.sha256, listed[name].sha256)
    if _expected(listed.values()) != manifest.read_bytes():
        yield _fault("the manifest was changed", manifest)


def _expected(listed: Iterable[Entry]) -> bytes:
    """The manifest that the listed files' own names and hashes make."""
    files = list(listed)
    named = FILE_NAME.fullmatch(files[0].path) if files else None
    if named is None:
        return b""
    try:
        day = date.fromisoformat(named["day"])
    except ValueError:
        return b""
    edition = Edition(named["env"], day, named["cycle"], int(named["version"]))
    party = named["party"]
    audience = {"PUBLIC": pack.PUBLIC, "OPS": pack.OPS, "RISK": pack.RISK, "REG": pack.REGULATOR}.get(
        party, f"{pack.MEMBERS}/{party}"
    )
    return pack.manifest(audience, edition, files)


def _chained(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Completion markers below a folder in order of issue."""
    found = [(marker, _read(marker) or {}) for marker in path.rglob(COMPLETE)]
    return sorted(found, key=lambda each: _number(each[1], "issue_no"))


def _chain(markers: list[tuple[Path, dict[str, Any]]], everything: bool) -> Iterator[Finding]:
    """Each release's chain hash stands on the one before it; where all releases are at hand none may be missing."""
    previous: dict[str, Any] = {"issue_no": 0, "chain_hash": ""} if everything else {}
    for marker, content in markers:
        follows = not previous or content.get("issue_no") == previous.get("issue_no", 0) + 1
        if everything and not follows:
            yield _fault(
                "a release before this one is missing",
                marker,
                str(content.get("issue_no")),
                str(previous.get("issue_no", 0) + 1),
            )
        elif previous and follows and content.get("previous_chain_hash") != previous.get("chain_hash"):
            yield _fault(
                "the chain breaks: not the hash of the release before",
                marker,
                str(content.get("previous_chain_hash")),
                str(previous.get("chain_hash")),
            )
        previous = content


def _pointers(path: Path) -> Iterator[Finding]:
    for pointer in sorted(path.rglob(LATEST)):
        content = _read(pointer) or {}
        marker = _read(pointer.parent / str(content.get("path")) / COMPLETE) or {}
        same = all(marker.get(name) == content.get(name) for name in _POINTED)
        if not marker or not same or pack.canonical(content) != pointer.read_bytes():
            yield _fault("the pointer does not lead to a complete release", pointer, str(content.get("path")))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _number(content: Mapping[str, Any], name: str) -> int:
    """A whole number of a marker, 0 where a changed marker holds none."""
    value = content.get(name)
    return value if isinstance(value, int) else 0


def _fault(what: str, where: Path, value: str = "", limit: str = "", action: str = "") -> Finding:
    return Finding(
        "VERIFY_FAILED",
        what,
        where=str(where),
        value=value,
        limit=limit,
        action=action or "fetch the pack again; tell the clearing house if it stays so",
    )
