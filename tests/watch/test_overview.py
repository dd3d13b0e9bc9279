"""One screen says where a cycle stands, what is in its way, who deals with it and when it will be out, and quickly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks import alerts, overview
from tasks.home import Home
from tasks.model.errors import Finding

NOW = datetime(2026, 1, 30, 8, 11, tzinfo=UTC)
BOOK = Finding("UNBALANCED_BOOK", "lines do not sum to zero", "positions:7", "3", "0", "find the other side")
LATE = Finding("WAITING", "positions is not there", "2026-01-30/EOD/positions.csv", action="deliver positions.csv")
DONE = {"land": 4.0, "gate": 8.0, "mark": 2.0}


def one(home: Home, **given: Any) -> dict[str, Any]:
    (view,) = overview.cycles(home, now=NOW, **given)
    return view


def hold(monkeypatch: pytest.MonkeyPatch, run_id: str, state: str = "RUNNING", stage: str = "settle") -> None:
    holder = {
        "state": state,
        "command": "cycle run",
        "run_id": run_id,
        "stage": stage,
        "pid": 77,
        "host": "night",
        "started": "2026-01-30T08:10:50+00:00",
    }
    monkeypatch.setattr(overview.status, "holder", lambda home: holder)


def test_a_cycle_that_waits_before_it_has_a_run_is_shown_with_what_it_waits_for(home: Home) -> None:
    alerts.settle(home, "20260130-EOD", [LATE])
    view = one(home)
    assert (view["state"], view["run_id"], view["stage"], view["owner"]) == ("WAITING", "", "land", "operations")
    assert view["next"] == "deliver positions.csv"
    assert view["eta"] is None


def test_a_blocked_cycle_names_blocker_next_action_and_owner(home: Home, state: Callable[..., None]) -> None:
    state("2026-01-30", DONE, "BLOCKED")
    alerts.settle(home, "20260130-EOD", [BOOK, BOOK])
    view = one(home)
    assert (view["state"], view["next"], view["owner"]) == ("BLOCKED", "find the other side", "operations")
    assert [(each["code"], each["places"]) for each in view["blockers"]] == [("UNBALANCED_BOOK", 2)]


def test_a_published_cycle_wants_nothing(home: Home, state: Callable[..., None]) -> None:
    state("2026-01-30", DONE, "PUBLISHED")
    view = one(home)
    assert (view["state"], view["owner"], view["seconds_left"]) == ("PUBLISHED", "", 0.0)
    assert view["next"].startswith("nothing")


def test_a_running_cycle_is_expected_out_after_what_its_stages_lately_took(
    home: Home, state: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    took = {"settle": 30.0, "margin": 20.0, "call": 5.0, "tie_out": 2.0, "approve": 1.0, "publish": 12.0}
    for day, more in (("2026-01-27", 100.0), ("2026-01-28", 0.0), ("2026-01-29", 0.0)):
        state(day, DONE | {stage: seconds + more for stage, seconds in took.items()}, "PUBLISHED")
    state("2026-01-30", DONE)
    hold(monkeypatch, "20260130-EOD-r01")
    (view,) = (each for each in overview.cycles(home, now=NOW) if each["business_date"] == "2026-01-30")
    assert view["seconds_left"] == (30 - 10) + 20 + 5 + 2 + 1 + 12, "settle began ten seconds ago"
    assert view["eta"] == "2026-01-30T08:12:00+00:00"
    assert (view["running"], view["stage"], view["next"]) == ("RUNNING", "settle", "nothing: settle is running")


def test_without_earlier_cycles_the_budgets_tell(home: Home, state: Callable[..., None]) -> None:
    state("2026-01-30", {"land": 4.0, "gate": 8.0, "mark": 2.0, "settle": 1.0, "margin": 9.0, "call": 1.0})
    assert one(home)["seconds_left"] == 25 + 5 + 180


def test_a_cycle_that_hangs_has_no_time_and_says_which_process_to_look_at(
    home: Home, state: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    state("2026-01-30", DONE)
    hold(monkeypatch, "20260130-EOD-r01", "HUNG")
    view = one(home)
    assert (view["running"], view["eta"]) == ("HUNG", None)
    assert "pid 77 on night" in view["next"]


def test_a_published_run_whose_command_only_tidies_up_is_not_running(
    home: Home, state: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    state("2026-01-30", DONE, "PUBLISHED")
    hold(monkeypatch, "20260130-EOD-r01", stage="publish")
    assert one(home)["running"] == ""
    hold(monkeypatch, "20260130-EOD", stage="land")
    assert one(home)["running"] == "RUNNING", "a correction of it is on its way"


def test_a_slow_stage_is_marked(home: Home, state: Callable[..., None]) -> None:
    state("2026-01-30", {"land": 44.0, "gate": 91.0, "mark": 1.0}, "PUBLISHED")
    assert {stage["stage"]: stage["kept"] for stage in one(home)["stages"]} == {
        "land": "WARN",
        "gate": "BREACH",
        "mark": "WITHIN",
    }


def test_a_state_nobody_knows_yet_is_shown_as_it_is(home: Home, state: Callable[..., None]) -> None:
    state("2026-01-30", DONE, "SOMETHING_NEW")
    view = one(home)
    assert view["state"] == "SOMETHING_NEW"
    assert "levee cycle run" in view["next"]


def test_a_run_that_waits_for_a_second_person_says_so_and_whom_to_ask(home: Home, state: Callable[..., None]) -> None:
    state("2026-01-30", DONE, "WAITING(APPROVAL)")
    alerts.settle(home, "20260130-EOD", [Finding("WAITING", "a second person approves", action="another person looks")])
    view = one(home)
    assert (view["state"], view["next"]) == ("WAITING(APPROVAL)", "another person looks")


def test_what_rests_on_a_corrected_cycle_is_said_to_be_stale(
    home: Home, state: Callable[..., None], levee: Callable[..., Any]
) -> None:
    state("2026-01-30", DONE, "PUBLISHED", stale=["opens from 20260129-EOD-r01, which was corrected"])
    said = " ".join(levee("cycle", "status", "--home", home.root).out.split())
    assert "20260130-EOD STALE: opens from 20260129-EOD-r01, which was corrected" in said


def test_only_the_day_that_is_asked_for(home: Home, state: Callable[..., None]) -> None:
    for day in ("2026-01-29", "2026-01-30"):
        state(day, DONE, "PUBLISHED")
    alerts.settle(home, "20260131-EOD", [LATE])
    view = one(home, business_date=datetime(2026, 1, 29).date())
    assert view["cycle_id"] == "20260129-EOD"
    assert [each["cycle_id"] for each in overview.cycles(home)] == ["20260129-EOD", "20260130-EOD", "20260131-EOD"]


def test_the_screen_names_state_blocker_owner_and_what_is_left(
    home: Home, state: Callable[..., None], levee: Callable[..., Any]
) -> None:
    state("2026-01-30", DONE, "BLOCKED")
    alerts.settle(home, "20260130-EOD", [BOOK])
    alerts.settle(home, "20260130-EOD", [BOOK])
    said = levee("cycle", "status", "--date", "2026-01-30", "--home", home.root)
    assert said.code == 0
    flat = " ".join(said.out.split())
    for part in ("20260130-EOD-r01", "BLOCKED", "UNBALANCED_BOOK", "met 2 times", "operations", "find the other side"):
        assert part in flat
    assert "about 435 s of work are left" in flat, "settle, margin, call, tie_out, approve, publish by their budgets"
    assert "docs/runbook.md#unbalanced_book" in flat


def test_status_answers_within_two_seconds_of_processor_time_and_imports_no_orchestrator(published: Home) -> None:
    code = (
        "import sys\nfrom flows import cli\n"
        "try:\n    cli.main(sys.argv[1:])\n"
        "finally:\n    print(sorted({'prefect', 'great_expectations', 'duckdb'} & set(sys.modules)), file=sys.stderr)\n"
    )
    before = os.times()
    ended = subprocess.run(
        [sys.executable, "-c", code, "cycle", "status", "--json", "--home", str(published.root)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert ended.returncode == 0, ended.stderr
    (view,) = json.loads(ended.stdout)["cycles"]
    assert (view["state"], view["held"]) == ("PUBLISHED", 0)
    assert ended.stderr.strip() == "[]"
    assert spent < 2.0


def test_a_year_of_cycles_is_read_in_no_time(home: Home, state: Callable[..., None]) -> None:
    for day in range(1, 29):
        for month in range(1, 13):
            state(f"2025-{month:02d}-{day:02d}", DONE, "PUBLISHED")
    began = time.process_time()
    assert len(overview.cycles(home)) == 28 * 12
    assert time.process_time() - began < 2.0
