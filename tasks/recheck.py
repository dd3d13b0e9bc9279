"""Collateral looked at again before a call is issued: what was withdrawn since the snapshot is not counted as cover."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks import inbox
from tasks.home import Home
from tasks.store import Store

_DATASET = "collateral_balances"


def collateral_moved(home: Home, store: Store, run: Mapping[str, Any]) -> bool:
    """Whether the inbox holds a later version of a collateral file than a run was frozen on, or a new sender's.

    Only names are looked at: a run that has not issued its calls gives way, and the next one takes the file in.
    """
    frozen = store.read(
        "SELECT sender, max(seq) AS seq FROM control.input_manifest "
        "WHERE run_id = $run_id AND dataset = $dataset GROUP BY sender",
        {"run_id": run["run_id"], "dataset": _DATASET},
    )
    versions: dict[str, int] = dict(frozen.iter_rows())
    folder = home.inbox / run["business_date"].isoformat() / run["cycle"]
    return any(seq > versions.get(sender, 0) for sender, seq in _delivered(folder))


def _delivered(folder: Path) -> list[tuple[str, int]]:
    """Sender and version of the collateral files of a folder."""
    files = folder.iterdir() if folder.is_dir() else ()
    names = (inbox.parse_name(path.name) for path in files if not inbox.is_ignored(path.name))
    return [(name.sender, name.seq) for name in names if name and name.dataset == _DATASET]
