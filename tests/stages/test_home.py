"""A home under hands that do not wait for each other: readers, writers, odd settings, spoilt files."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks import lock, status
from tasks.home import Home
from tasks.model.errors import LeveeError, LockedError
from tasks.store import Store


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).prepare("TEST")


def test_a_reader_that_looks_at_the_lock_does_not_turn_a_writer_away(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [BlockingIOError(), None]

    def busy_once(_descriptor: int, _how: int) -> None:
        answer = answers.pop(0)
        if answer:
            raise answer

    monkeypatch.setattr(fcntl, "flock", busy_once)
    with home.locked("cycle run"):
        assert answers == []


def test_a_writer_is_turned_away_by_a_writer(home: Home) -> None:
    with home.locked("cycle run"), pytest.raises(LockedError, match="cycle run"), home.locked("cycle run"):
        pytest.fail("two hold the home")


def test_a_lease_let_go_while_it_is_looked_at_is_nobodys(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_is_locked", lambda _: True)
    assert status.holder(home) is None


def test_no_crash_is_asked_of_a_production_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Home(tmp_path).prepare("PROD")
    monkeypatch.delenv("LEVEE_ENV", raising=False)
    monkeypatch.setenv("LEVEE_CRASH_AT", "land:begin")
    Home(tmp_path).prepare()
    assert "LEVEE_CRASH_AT" not in os.environ


@pytest.mark.parametrize("said", ["two", "-1", "²"])
def test_a_wrong_number_of_threads_is_a_wrong_setting(home: Home, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("LEVEE_THREADS", said)
    with pytest.raises(LeveeError) as refused:
        Store(home.database)
    assert refused.value.code == "USAGE"


def test_a_spoilt_completion_marker_is_said_to_be_that(tmp_path: Path) -> None:
    (tmp_path / "_COMPLETE.json").write_text("{")
    with pytest.raises(LeveeError) as refused:
        status.completion(tmp_path)
    assert refused.value.code == "VERIFY_FAILED"


def test_a_home_that_several_commands_make_at_once_is_made_once(tmp_path: Path) -> None:
    def made(root: Path) -> str:
        try:
            return Home(root).prepare("DEMO").environment
        except LockedError as busy:
            return busy.code

    for number in range(20):
        root = tmp_path / str(number)
        with ThreadPoolExecutor(6) as pool:
            found = set(pool.map(made, [root] * 6))
        assert "DEMO" in found <= {"DEMO", "LEASE_HELD"}
        assert [path.name for path in root.glob(".*")] == []


def test_a_home_without_a_marker_that_another_holds_is_busy(tmp_path: Path) -> None:
    with lock.held(tmp_path, "prepare", 0.0), pytest.raises(LockedError, match="LEASE_HELD"):
        Home(tmp_path).prepare("DEMO")
