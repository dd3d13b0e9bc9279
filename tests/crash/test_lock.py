"""Who holds a home: the second is told who and since when, may wait, and never robs a living holder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks import lock, status
from tasks.home import Home, write_json
from tasks.model.errors import LockedError

RUN = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).prepare("DEMO")


def let_lease_pass(home: Home) -> None:
    said = lock.read_lease(home.root)
    write_json(home.lease, said | {"lease_until": "2026-01-30T08:00:00+00:00", "stage": "margin"})


def test_a_hung_holder_is_shown_and_not_robbed(home: Home, levee: Callable[..., Any]) -> None:
    with home.locked("cycle run"):
        let_lease_pass(home)
        assert (status.holder(home) or {})["state"] == "HUNG"
        ended = levee(*RUN, "--home", home.root, "--json")
        assert ended.code == 75
        (finding,) = json.loads(ended.out)["findings"]
        assert finding["code"] == "LEASE_HELD"
        assert "margin HUNG" in finding["value"]
        assert "end it" in finding["action"]
        assert (status.holder(home) or {})["state"] == "HUNG", "still held"
    assert status.holder(home) is None


@pytest.mark.parametrize("said", ["", "{", "[]", '{"lease_until": 7}'])
def test_a_lease_that_says_nothing_hides_no_lock(home: Home, said: str) -> None:
    with home.locked("cycle run"):
        home.lease.write_text(said, encoding="utf-8")
        with pytest.raises(LockedError, match=r"LEASE_HELD.*pid \?"), home.locked("prune"):
            pytest.fail("two hold the home")
        assert (status.holder(home) or {"state": "RUNNING"})["state"] == "RUNNING"


def test_a_lease_left_by_a_dead_holder_holds_nothing(home: Home) -> None:
    write_json(home.lease, {"pid": 1, "command": "cycle run", "lease_until": "2999-01-01T00:00:00+00:00"})
    assert status.holder(home) is None
    with home.locked("prune"):
        assert lock.read_lease(home.root)["command"] == "prune"


def test_whoever_waits_gets_the_home_when_it_is_let_go(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first = home.locked("cycle run")
    first.__enter__()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 7:
            first.__exit__(None, None, None)

    monkeypatch.setattr(lock.time, "sleep", sleep)
    with home.locked("respond", wait_seconds=30.0):
        pass
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0], "each pause twice the one before, up to a second"


def test_the_lease_tells_since_when_and_since_when_this_stage(home: Home) -> None:
    with home.locked("cycle run"):
        started = lock.read_lease(home.root)["started"]
        home.renew_lease("cycle run", "20260130-EOD-r01", "settle")
        said = lock.read_lease(home.root)
    assert (said["started"], said["run_id"], said["stage"]) == (started, "20260130-EOD-r01", "settle")
    assert said["stage_started"] >= started


def test_nobody_renews_a_lease_he_does_not_have(home: Home) -> None:
    home.renew_lease("cycle run", "20260130-EOD-r01", "settle")
    assert not home.lease.exists()
