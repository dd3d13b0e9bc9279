"""Which published results rest on something that was corrected since: they are shown as STALE until they are redone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasks import resources
from tasks.freeze import opening_root, predecessor
from tasks.home import Home, write_json
from tasks.store import Store


def stale(store: Store) -> dict[str, list[str]]:
    """Runs in force that rest on a replaced run or miss a file that landed since, each with what is behind it."""
    found: dict[str, list[str]] = {}
    for run_id, why in store.read(resources.sql("lineage/stale"), {"unmoved": _unmoved(store)}).iter_rows():
        found.setdefault(run_id, []).append(why)
    return found


def show(home: Home, store: Store) -> None:
    """Bring `stale` of every cycle's state file up to date."""
    found = stale(store)
    for path in sorted(home.state.glob("*.json")):
        state = _read(path)
        reasons = found.get(str(state.get("run_id")), [])
        if state.get("stale", []) != reasons:
            write_json(path, state | {"stale": reasons})


def _unmoved(store: Store) -> list[str]:
    """Runs that follow a replaced one and would open with the same today: what was corrected did not reach them."""
    followers = store.read(resources.sql("lineage/followers")).iter_rows()
    return [run_id for run_id, day, opened in followers if opening_root(store, predecessor(store, day)) == opened]


def _read(path: Path) -> dict[str, Any]:
    """A state file; nothing of one that cannot be read: its cycle's next run writes it anew."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}
