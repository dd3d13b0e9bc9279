"""The store: what is told once a transaction is committed, and what never is."""

from __future__ import annotations

from pathlib import Path

import pytest
from duckdb import TransactionException

from tasks.store import Store


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Store, Store]:
    """Two stores of one database, with a table of unique keys."""
    first, second = Store(tmp_path / "levee.duckdb"), Store(tmp_path / "levee.duckdb")
    first.execute("CREATE TABLE taken (key INTEGER PRIMARY KEY)")
    return first, second


def test_what_a_commit_refuses_is_never_told(stores: tuple[Store, Store]) -> None:
    first, second = stores
    told: list[str] = []
    with pytest.raises(TransactionException, match="Failed to commit"), first.transaction():
        first.execute("INSERT INTO taken VALUES (1)")
        first.when_committed(lambda: told.append("refused"))
        with second.transaction():
            second.execute("INSERT INTO taken VALUES (1)")
            second.when_committed(lambda: told.append("kept"))
    with first.transaction():
        first.execute("INSERT INTO taken VALUES (2)")
    assert told == ["kept"]
    assert first.read("SELECT key FROM taken ORDER BY key")["key"].to_list() == [1, 2]
