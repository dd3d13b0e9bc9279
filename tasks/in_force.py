"""Which version of each folder of a cycle is in force, once a later release holds the changed ones alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks import pack, resources
from tasks.key import CycleKey
from tasks.model.errors import Finding, LeveeError
from tasks.store import Store


@dataclass(frozen=True)
class InForce:
    """What is out of a cycle before a release: version of each audience's folder, and the sha256 of its files.

    `root` is the folder of the cycle's releases, `files` has an entry for each audience. Needs no database.
    """

    root: Path
    versions: Mapping[str, int]
    files: Mapping[str, Mapping[str, str]]

    def folder(self, audience: str) -> dict[str, bytes]:
        """Files of a folder by name, as they were let out. Raises LeveeError VERIFY_FAILED."""
        folder = self.root / pack.version_name(self.versions.get(audience, 0)) / audience
        return {name: _unchanged(folder / name, sha256) for name, sha256 in self.files.get(audience, {}).items()}


def before(store: Store, root: Path, cycle_id: str, version: int) -> InForce:
    """What is in force while a version is made."""
    found = store.read(resources.sql("release/files"), {"cycle_id": cycle_id, "version": version})
    versions: dict[str, int] = {}
    files: dict[str, dict[str, str]] = {}
    for audience, in_version, path, sha256 in found.iter_rows():
        versions[audience] = in_version
        files.setdefault(audience, {})[Path(path).name] = sha256
    return InForce(root, versions, files)


def packs(store: Store, cycle_id: str, version: int) -> dict[str, int]:
    """Version in force of each audience's folder once a version is out."""
    found = store.read(resources.sql("release/packs_in_force"), {"cycle_id": cycle_id, "version": version})
    return dict(found.iter_rows())


def accounts(store: Store, key: CycleKey, in_force: Mapping[str, int]) -> dict[str, int]:
    """Version in force of each account of a run: that of its member's folder."""
    found = store.read(resources.sql("release/members"), {"run_id": key.run_id})
    return {account: in_force[f"{pack.MEMBERS}/{member}"] for account, member in found.iter_rows()}


def _unchanged(path: Path, sha256: str) -> bytes:
    content = path.read_bytes() if path.is_file() else b""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise LeveeError(
            Finding(
                "VERIFY_FAILED",
                "a published file is missing or was changed, so what a correction changes cannot be told",
                where=str(path),
                value=found[:16],
                limit=sha256[:16],
                action="restore published/ from a backup, then run the cycle again",
            )
        )
    return content
