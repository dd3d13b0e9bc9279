"""The campaign itself: it finds every point, sees what is wrong, and says so in its table."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import crash_cycle, crash_report, crashes
from benchmarks.crash_cycle import Ended, Left
from benchmarks.crashes import Trial

TRIAL = Trial("publish:file#2", "named", ("publish",), (-9, 0), (), 3.0)


def test_every_passing_of_every_point_is_one_trial() -> None:
    passed = ["a", "b", "a", "a"]
    assert crashes.passings(passed, "all") == ["a#1", "b#1", "a#2", "a#3"]
    assert crashes.passings(passed, "first") == ["a#1", "b#1"]
    assert crashes.passings(passed, "none") == []


def test_a_trace_names_points_and_kills_nobody(
    house: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, as_undisturbed: Any
) -> None:
    monkeypatch.setenv("LEVEE_CRASH_AT", f"trace:{tmp_path / 'trace'}")
    house.clear()
    passed = (tmp_path / "trace").read_text(encoding="utf-8").splitlines()
    monkeypatch.undo()
    as_undisturbed(house)
    stages = ("gate", "mark", "settle", "margin", "call", "tie_out", "approve")
    assert {f"{stage}:{when}" for stage in stages for when in ("begin", "before_commit", "after_commit")} <= set(passed)
    before, after = (passed.count(f"transaction:{when}_commit") for when in ("before", "after"))
    assert before == after > 2 * len(stages), "every commit, and one at the beginning of each stage"
    files = [path for path in house.home.published.glob("*/*/v*/*/**/*.*") if path.name != "manifest.json"]
    assert passed.count("publish:file") == len(files)


def test_what_is_left_is_told_from_what_would_be(cleared: Any, undisturbed: Any) -> None:
    sound = crash_cycle.left(undisturbed.home.root)
    assert sound.faults == ()
    assert crash_cycle.differences(crash_cycle.left(cleared.home.root), sound) == []
    with crash_cycle.Store(cleared.home.database) as store:
        store.execute(
            "INSERT INTO control.attempt SELECT * FROM control.attempt WHERE event = 'DONE' AND stage = 'gate'"
        )
        store.execute("UPDATE control.margin_call SET call_amount_usd = call_amount_usd + 1")
    (cleared.home.state / ".left.tmp").write_bytes(b"")
    next(cleared.home.published.glob("*/*/v01/members/*/*.csv")).write_bytes(b"")
    wrong = crash_cycle.differences(crash_cycle.left(cleared.home.root), sound)
    assert "gate was done twice" in wrong
    assert ".left.tmp was left behind" in wrong
    assert "calls" in wrong
    assert any("VERIFY_FAILED" in each for each in wrong)


@pytest.mark.parametrize(
    ("codes", "already", "right"),
    [
        ((0, 75), (False, False), True),
        ((0, 0), (False, True), True),
        ((0, 0), (False, False), False),
        ((75, 75), (False, False), False),
        ((0, 70), (False, False), False),
    ],
)
def test_of_two_runners_one_publishes(codes: tuple[int, int], already: tuple[bool, bool], right: bool) -> None:
    both = [
        Ended(code, f'{{"already_published": {str(late).lower()}}}', "LEASE_HELD: …", 1.0, "land")
        for code, late in zip(codes, already, strict=True)
    ]
    assert (crashes._wrong_of_two(both) == []) == right


def test_the_table_counts_kills_and_what_came_back() -> None:
    root = "ab" * 32
    cycle: Any = SimpleNamespace(seconds=5.0, left=Left(root, (), (), (), ()))
    trials = [
        TRIAL,
        replace(TRIAL, name="publish:file#3", wrong=("root",)),
        Trial("moment 1:0", "moment", ("gate", "margin"), (-9, -9, 0), (), 9.0),
        Trial("moment 1:1", "moment", (), (0, 0), (), 9.0),
        Trial("runners 0", "runners", (), (75, 0, 0), (), 9.0),
    ]
    lines = crash_report.text(trials, cycle, "python -m benchmarks.crashes", "3.11").splitlines()
    assert "| publish:file | 2 | 2 | 1 |" in lines
    assert "| gate | 1 | 2 | 1 |" in lines
    assert "| over by then | 1 | 0 | 1 |" in lines
    assert "| 0 and 75 | 1 | 0 | 1 |" in lines
    assert "- publish:file#3, killed in publish: root" in lines


def test_results_of_an_earlier_campaign_are_taken_up_while_the_root_is_the_same(tmp_path: Any) -> None:
    cycle: Any = SimpleNamespace(left=Left("root", (), (), (), ()))
    results, made = tmp_path / "results.jsonl", []

    def make() -> Trial:
        made.append(1)
        return TRIAL

    for _ in range(2):
        assert list(crashes._campaign(cycle, [(TRIAL.name, make)], results, 1)) == [TRIAL]
    assert len(made) == 1
    other: Any = SimpleNamespace(left=Left("another root", (), (), (), ()))
    assert list(crashes._campaign(other, [(TRIAL.name, make)], results, 1)) == [TRIAL]
    assert len(made) == 2
