"""Ledgers for readers: an edition is of one moment; what nothing was written to is taken over, not read again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks import attempts, ledgers
from tasks.home import Home
from tasks.key import CycleKey
from tasks.store import Store

KEY = CycleKey(date(2026, 1, 30), "EOD", 1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).prepare("TEST")


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[[Home, Store], set[str]]:
    """Shows the ledgers and tells which tables were read for it."""
    read: list[str] = []
    plain = Store.read

    def watched(store: Store, query: str, *given: Any) -> Any:
        read.append(query)
        return plain(store, query, *given)

    def shown(home: Home, store: Store) -> set[str]:
        read.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Store, "read", watched)
            ledgers.show(home, store)
        return {table for table in ledgers.tables() if any(f"FROM {table} " in query for query in read)}

    return shown


def test_what_was_written_to_is_read_again_and_nothing_else(home: Home, show: Callable[..., set[str]]) -> None:
    with home.locked("test"):
        with Store(home.database) as store:
            assert show(home, store) == set(ledgers.tables()), "nobody knows yet what the last edition was made of"
            attempts.begin(store, KEY, "gate")
            assert "control.attempt" in show(home, store)
            assert ledgers.read(home, "control.attempt").height == 1
        with Store(home.database) as store:  # the same database, still open
            assert show(home, store) == set()
            with pytest.raises(ZeroDivisionError), store.transaction():
                store.execute("DELETE FROM control.attempt")
                raise ZeroDivisionError
            assert show(home, store) == {"control.attempt"}, "it is read again, also where nothing came of it"
    with home.locked("test"), Store(home.database) as store:
        assert show(home, store) == set(ledgers.tables()), "whatever was done to it in between"
        events = ledgers.read(home, "control.attempt")["event"]
        assert sorted(events) == ["ABANDONED", "STARTED"], "the next holder closed it"


def test_a_spoilt_ledger_is_not_taken_over(home: Home, show: Callable[..., set[str]]) -> None:
    with home.locked("test"), Store(home.database) as store:
        show(home, store)
        next((home.root / ledgers.FOLDER).glob("*/control.attempt.parquet")).write_bytes(b"PAR1 no more")
        assert show(home, store) == {"control.attempt"}
        assert ledgers.read(home, "control.attempt").is_empty()


def test_without_a_hold_everything_is_read(home: Home, show: Callable[..., set[str]]) -> None:
    with Store(home.database) as store:
        for _ in range(2):
            assert show(home, store) == set(ledgers.tables())


def test_a_second_home_has_the_tables_of_the_first(tmp_path: Path) -> None:
    described = "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() ORDER BY ALL"
    found = []
    for name in ("first", "second"):
        with Store(Home(tmp_path / name).prepare("TEST").database) as store:
            found.append(store.read(described).rows())
            store.execute("INSERT INTO control.schema_version VALUES ('another row')")
    assert found[0] == found[1]
    with Store(Home(tmp_path / "third").prepare("TEST").database) as store:
        assert store.read("SELECT count(*) FROM control.schema_version").item() == 1
