"""The fencing token: raised by whoever takes a home, so that nobody who lost it writes any more."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tasks import attempts, codes
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import LockedError
from tasks.store import Store

_OVERTAKE = """
import sys
from datetime import date
from pathlib import Path
from tasks.home import Home
from tasks.key import CycleKey
from tasks.store import Store
home = Home(Path(sys.argv[1]))
with home.locked("cycle run"), Store(home.database) as store:
    print(store.token)
"""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).prepare("TEST")


def overtake(home: Home) -> str:
    """Another process takes the home, after somebody removed the lock file by hand: what the lock cannot prevent."""
    (home.root / "levee.lock").unlink()
    ended = subprocess.run(
        [sys.executable, "-c", _OVERTAKE, str(home.root)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def tokens(home: Home) -> list[tuple[object, ...]]:
    with Store(home.database) as store:
        return store.read("SELECT token, command FROM control.holder ORDER BY token").rows()


def test_every_holder_raises_the_token_once(home: Home) -> None:
    for command in ("cycle run", "prune"):
        with home.locked(command):
            for _ in range(2):
                with Store(home.database):
                    pass
    assert tokens(home) == [(1, "cycle run"), (2, "prune")]


def test_a_holder_that_was_overtaken_writes_nothing_more(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.store._KEPT_BYTES", 0)  # a large database, which is closed between stages
    with home.locked("cycle run"):
        with Store(home.database) as store:
            assert store.token == 1
        assert overtake(home) == "2"
        with (
            pytest.raises(LockedError, match="token 1 · limit token 2") as fenced,
            Store(home.database) as store,
            store.transaction(),
        ):
            pytest.fail("a transaction of the overtaken holder began")
        with pytest.raises(LockedError, match="FENCED"), Store(home.database) as store:
            store.require_hold()
    assert codes.exit_code(fenced.value.code) == 75
    assert [token for token, _ in tokens(home)] == [1, 2]


def test_a_small_database_is_open_until_its_holder_ends_and_nobody_overtakes_it(home: Home) -> None:
    with home.locked("cycle run"):
        with Store(home.database) as store:
            assert store.token == 1
        with pytest.raises(AssertionError, match="DB_LOCKED"):
            overtake(home)
    assert overtake(home) == "2"


def test_a_token_is_not_raised_by_a_first_transaction_that_failed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import fence

    def fail(_store: Store, _token: int) -> int:
        raise RuntimeError("between")

    monkeypatch.setattr(fence.attempts, "abandon", fail)
    with home.locked("cycle run"):
        with pytest.raises(RuntimeError, match="between"), Store(home.database):
            pytest.fail("opened")
        monkeypatch.undo()
        with Store(home.database) as store:
            assert store.token == 1
    assert tokens(home) == [(1, "cycle run")]


def test_looking_without_holding_raises_no_token(home: Home) -> None:
    with Store(home.database) as store, store.transaction():
        assert store.token == 0
    assert tokens(home) == []


def test_an_attempt_that_never_said_how_it_ended_is_closed_by_the_next_one(home: Home) -> None:
    key = CycleKey(date(2026, 1, 30), "EOD", 1)
    with home.locked("cycle run"), Store(home.database) as store:
        attempts.begin(store, key, "gate")
        attempts.begin(store, key, "gate")
        with store.transaction():
            assert attempts.end(store, key, "gate", attempts.DONE) == 2
        found = store.read("SELECT attempt, event FROM control.attempt ORDER BY at_ts").rows()
    assert found == [(1, "STARTED"), (1, "ABANDONED"), (2, "STARTED"), (2, "DONE")]
