"""A home with one frozen run whose tables a test fills row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tasks import policy_store
from tasks.home import Home
from tasks.key import CycleKey
from tasks.stage import Context, open_context
from tasks.store import Store

EIGHT = datetime(2026, 1, 30, 8)
_FILLER = {"VARCHAR": "", "DATE": date(2026, 1, 30), "TIMESTAMP": EIGHT, "BOOLEAN": False, "DOUBLE": 0.0}


@dataclass(frozen=True)
class FrozenRun:
    """A home, the key of its run, and short ways to its tables."""

    home: Home
    key: CycleKey

    def put(self, table: str, **values: Any) -> None:
        """Insert one row of the run; required columns that are not given get a filler. Decimals are given as text."""
        self.put_all((table, values))

    def put_all(self, *rows: tuple[str, dict[str, Any]]) -> None:
        """Insert many rows, each as (table, values), opening the database once."""
        with Store(self.home.database) as store:
            for table, values in rows:
                store.append(table, pl.DataFrame([self._filled(store, table, values)]))

    def _filled(self, store: Store, table: str, values: dict[str, Any]) -> dict[str, Any]:
        columns = store.read(f"DESCRIBE {table}").select("column_name", "column_type", "null").iter_rows()
        row = {"run_id": self.key.run_id} if not table.startswith("raw.") else {}
        for name, kind, nullable in columns:
            if name in values:
                row[name] = Decimal(values[name]) if kind.startswith("DECIMAL") and values[name] else values[name]
            elif nullable == "NO" and name not in row:
                row[name] = _FILLER.get(kind, Decimal(0) if kind.startswith("DECIMAL") else 0)
        return row

    def execute(self, statement: str) -> None:
        """Run one statement."""
        with Store(self.home.database) as store:
            store.execute(statement)

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with Store(self.home.database) as store:
            return store.read(query).rows()

    def tried(self, statements: list[str], use: Callable[[Context], Any]) -> Any:
        """What `use` makes of the run's context after some statements, which are taken back afterwards."""
        with Store(self.home.database) as store:
            store.execute("BEGIN TRANSACTION")
            for statement in statements:
                store.execute(statement)
            found = use(open_context(self.home, store, self.key))
            store.execute("ROLLBACK")
            return found


@pytest.fixture(scope="session")
def freeze_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], FrozenRun]:
    """Makes a genesis run frozen on the shipped policy, with empty tables, in a home of its own."""

    def make() -> FrozenRun:
        home = Home(tmp_path_factory.mktemp("run") / "home").prepare("TEST")
        run = FrozenRun(home, CycleKey(date(2026, 1, 30), "EOD", 1))
        policy = policy_store.in_force(home, run.key.business_date)
        run.put(
            "control.cycle_run",
            cycle="EOD",
            run_no=1,
            state="VALIDATED",
            env="TEST",
            policy_hash=policy.policy_hash,
            genesis=True,
            origin="SYNTHETIC",
        )
        return run

    return make


@pytest.fixture
def frozen_run(freeze_run: Callable[[], FrozenRun]) -> FrozenRun:
    """A frozen run with empty tables."""
    return freeze_run()
