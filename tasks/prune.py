"""Retention: what no release rests on and no cycle needs any more, found first and removed only when asked to.

Kept always: every run that was released or whose release is prepared, the run any other run was carried from, and the
latest run of every cycle; every archived file of a run that stays or that landed for a cycle with one. So a run that is
out, and a policy that was tested and assessed on one, is replayed however old it is. Ages are counted in business days
before the latest release of the home, never from a clock.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from tasks import ledgers, resources
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.store import SCHEMAS, Store

_OF_THE_RUN = frozenset(("control.cycle_run", "control.stage_run"))  # ledgers whose lines go with their run


@dataclass(frozen=True)
class Prunable:
    """What may go: runs with their rows and exports, archived files, journals; and how many bytes of files that is.

    replayable: runs that are out; they stay with all they are computed again from.
    """

    before: date
    runs: tuple[str, ...]
    archived: tuple[Path, ...]
    journals: tuple[Path, ...]
    bytes: int
    replayable: int

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "before": self.before.isoformat(),
            "runs": list(self.runs),
            "archived": [path.name for path in self.archived],
            "journals": [path.name for path in self.journals],
            "bytes": self.bytes,
            "replayable": self.replayable,
        }

    def text(self, done: bool) -> str:
        """For a person."""
        what = (
            f"{len(self.runs)} unreleased runs, {len(self.archived)} archived files and {len(self.journals)} journals "
            f"from before {self.before.isoformat()}, {self.bytes / 1e6:.1f} MB"
        )
        told = f"removed: {what}." if done else f"would remove: {what}. Nothing was touched; --apply removes it."
        return f"{told} All {self.replayable} runs that are out stay with what they and policies are replayed from"


def find(home: Home, store: Store, keep_days: int) -> Prunable:
    """What is older than so many days before the latest release. Raises LeveeError USAGE for fewer than none."""
    if keep_days < 0:
        raise LeveeError(Finding("USAGE", "days to keep are not negative", value=str(keep_days), limit="0"))
    last, replayable = store.read(resources.sql("prune/last_release")).row(0)
    if last is None:
        return Prunable(date.min, (), (), (), 0, 0)
    before = last - timedelta(days=keep_days)
    runs = tuple(store.read(resources.sql("prune/runs"), {"before": before})["run_id"])
    needed = set(store.read(resources.sql("prune/needed_files"), {"run_ids": list(runs)})["sha256"])
    archived = tuple(path for path in _older(home.frozen, before) if path.name not in needed)
    journals = tuple(path for path in _older(home.logs, before) if path.suffix == ".jsonl")
    exports = (path for run_id in runs for path in (home.exports / run_id).glob("*"))
    size = sum(path.stat().st_size for path in (*archived, *journals, *exports))
    return Prunable(before, runs, archived, journals, size, replayable)


def remove(home: Home, store: Store, found: Prunable) -> None:
    """Remove it: rows first and as a whole, then files, so that what a kill leaves is found again."""
    with store.transaction():
        for table in _tables_of_runs(store):
            for run_id in found.runs:
                store.delete(table, {"run_id": run_id})
    ledgers.show(home, store)
    for run_id in found.runs:
        shutil.rmtree(home.exports / run_id, ignore_errors=True)
    for path in (*found.archived, *found.journals):
        path.unlink(missing_ok=True)


def _tables_of_runs(store: Store) -> list[str]:
    """Tables that hold slices of runs; not the ledgers that tell what happened, whatever became of the run."""
    found = store.read(resources.sql("prune/tables_of_runs"), {"schemas": list(SCHEMAS)})
    stays = set(ledgers.tables()) - _OF_THE_RUN
    return [table for table in found["name"] if table not in stays]


def _older(folder: Path, before: date) -> list[Path]:
    """Files last written on a day before; the archive and the journals hold the days of their writing only."""
    limit = pl.Series([before]).cast(pl.Datetime("us")).dt.epoch("s").item()
    return [path for path in sorted(folder.glob("*")) if path.is_file() and path.stat().st_mtime < limit]
