"""Which version of each folder of a cycle is in force, once a later release holds the changed ones alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tasks import pack, resources
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import Finding, LeveeError
from tasks.pack import Edition
from tasks.store import Store

Versions = Mapping[str, int]


def packs(store: Store, cycle_id: str, version: int) -> dict[str, int]:
    """Version in force of each audience's folder once a version is out."""
    found = store.read(resources.sql("release/packs_in_force"), {"cycle_id": cycle_id, "version": version})
    return dict(found.iter_rows())


def accounts(store: Store, key: CycleKey, in_force: Versions) -> dict[str, int]:
    """Version in force of each account of a run: that of its member's folder."""
    found = store.read(resources.sql("release/members"), {"run_id": key.run_id})
    return {account: in_force[f"{pack.MEMBERS}/{member}"] for account, member in found.iter_rows()}


def files(home: Home, store: Store, edition: Edition, audience: str, version: int) -> dict[str, bytes]:
    """Files of a folder of an earlier release as they were let out. Raises LeveeError VERIFY_FAILED."""
    cycle_id = f"{edition.day}-{edition.cycle}"
    listed = store.read(
        resources.sql("release/files"), {"cycle_id": cycle_id, "version": version, "audience": audience}
    )
    folder = home.published / replace(edition, version=version).folder
    return {Path(path).name: _unchanged(folder / path, sha256) for path, sha256 in listed.iter_rows()}


def _unchanged(path: Path, sha256: str) -> bytes:
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise LeveeError(
            Finding(
                "VERIFY_FAILED",
                "a published file is missing or was changed, and a correction of it cannot be told",
                where=str(path),
                value=hashlib.sha256(content).hexdigest()[:16],
                limit=sha256[:16],
                action="restore published/ from a backup, then run the cycle again",
            )
        )
    return content
