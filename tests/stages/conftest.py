"""A home with one frozen run whose tables a test fills row by row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import policy_store
from tasks.home import Home
from tasks.stage import CycleKey, open_context
from tasks.store import Store

NOON = datetime(2026, 1, 30, 8)
_FILLER = {"VARCHAR": "", "DATE": date(2026, 1, 30), "TIMESTAMP": NOON, "BOOLEAN": False, "DOUBLE": 0.0}


@dataclass(frozen=True)
class FrozenRun:
    """A home, the key of its run, and short ways to its tables."""

    home: Home
    key: CycleKey

    def put(self, table: str, **values: Any) -> None:
        """Insert one row of the run; required columns that are not given get a filler. Decimals are given as text."""
        with Store(self.home.database) as store:
            columns = store.read(f"DESCRIBE {table}").select("column_name", "column_type", "null").iter_rows()
            row = {"run_id": self.key.run_id} if table.split(".")[0] != "raw" else {}
            for name, kind, nullable in columns:
                if name in values:
                    row[name] = Decimal(values[name]) if kind.startswith("DECIMAL") and values[name] else values[name]
                elif nullable == "NO" and name not in row:
                    row[name] = _FILLER.get(kind, Decimal(0) if kind.startswith("DECIMAL") else 0)
            store.append(table, pl.DataFrame([row]))

    def execute(self, statement: str) -> None:
        """Run one statement."""
        with Store(self.home.database) as store:
            store.execute(statement)

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with Store(self.home.database) as store:
            return store.read(query).rows()

    def with_context(self, use: Any) -> Any:
        """What `use` makes of the run's context."""
        with Store(self.home.database) as store:
            return use(open_context(self.home, store, self.key))


@pytest.fixture
def frozen_run(tmp_path: Path) -> FrozenRun:
    """A genesis run frozen on the shipped policy, with empty tables."""
    home = Home(tmp_path / "home").prepare("TEST")
    run = FrozenRun(home, CycleKey(date(2026, 1, 30), "EOD", 1))
    policy = policy_store.in_force(home, run.key.business_date)
    run.put("control.cycle_run", cycle="EOD", run_no=1, state="VALIDATED", env="TEST", policy_hash=policy.policy_hash,
            genesis=True, origin="SYNTHETIC")  # fmt: skip
    return run
