"""Killed anywhere, a cycle is finished by running it again: as if nobody had killed it, and no stage done twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tasks import status
from tasks.verify import releases

Prove = Callable[[Any], None]


def test_a_dead_holder_is_taken_over_at_once_and_its_attempt_closed(house: Any, as_undisturbed: Prove) -> None:
    house.kill("settle:before_commit")
    assert house.home.lease.exists(), "the dead could not let go"
    assert status.holder(house.home) is None, "but hold nothing"
    house.clear()
    as_undisturbed(house)
    events = house.read(
        "SELECT stage, attempt, event, token FROM control.attempt WHERE stage IN ('gate', 'settle') ORDER BY at_ts"
    )
    assert events == [
        ("gate", 1, "STARTED", 1),
        ("gate", 1, "DONE", 1),
        ("settle", 1, "STARTED", 1),
        ("settle", 1, "ABANDONED", 2),
        ("settle", 2, "STARTED", 2),
        ("settle", 2, "DONE", 2),
    ]
    assert house.read("SELECT attempt FROM control.stage_run WHERE stage = 'settle'") == [(2,)]
    shown = status.exported(house.home, "20260130-EOD-r01", "control.attempt")
    assert shown.filter(shown["event"] == "ABANDONED").height == 1


@pytest.mark.parametrize(
    "point",
    [
        "database:made",  # nothing there yet
        "transaction:before_commit#9",  # half of the files landed
        "file:before_replace#40",  # a state file
        "publish:file#40",  # between two files of a release
    ],
)
def test_killed_at_points_that_lie_between_others(house: Any, as_undisturbed: Prove, point: str) -> None:
    house.kill(point)
    assert releases(house.home) == []
    house.clear()
    as_undisturbed(house)


def test_a_half_loaded_file_is_loaded_once(house: Any, undisturbed: Any, as_undisturbed: Prove) -> None:
    house.kill("land:positions:before_commit")
    assert house.read("SELECT count(*) FROM raw.positions") == [(0,)]
    house.clear()
    rows = "SELECT count(*), count(DISTINCT source_line) FROM raw.positions"
    assert house.read(rows) == undisturbed.read(rows)
    as_undisturbed(house)


def test_two_at_once_publish_once(house: Any, as_undisturbed: Prove) -> None:
    both = [house.start("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--json") for _ in range(2)]
    said = [process.communicate() for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 75], [0, 0]), said
    fresh = [out for out, _ in said if '"already_published": false' in out]
    assert len(fresh) == 1
    if codes == [0, 75]:
        refused = next(err for process, (_, err) in zip(both, said, strict=True) if process.returncode == 75)
        assert "LEASE_HELD" in refused
        assert "pid" in refused
    as_undisturbed(house)
    house.clear()
    as_undisturbed(house)
