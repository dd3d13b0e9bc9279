"""A watched cycle ends as an unwatched one; who watches it tells what stops it, what is slow, and when it is over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import alerts, board, slo, watch
from tasks.cycle import STAGES, Outcome
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import DeliveryError, Finding, GateClosed, ReconciliationError

DAY = date(2026, 1, 30)
KEY = CycleKey(DAY, "EOD", 1)
ENDED = Outcome(KEY, False)
LATE = DeliveryError(Finding("WAITING", "positions is not there", action="deliver positions.csv"))


@pytest.fixture
def cycle(home: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a watched cycle whose only stage is the one given."""

    def run(body: Callable[[], Any]) -> Any:
        def gate(*_: Any) -> Outcome:
            body()
            return ENDED

        monkeypatch.setattr(watch, "procedure", lambda home, day, name, do: do(gate))
        return watch.watched(home, DAY, "EOD", lambda step, *given: step(*given))

    return run


def events(home: Home) -> list[tuple[str, str, str]]:
    path = home.logs / "alerts.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(event["event"], event["subject"], event["code"]) for event in map(json.loads, lines)]


def fail(error: Exception) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


def test_a_cycle_that_stops_is_told_once_and_its_recovery_once(home: Home, cycle: Callable[..., Any]) -> None:
    for _ in range(3):
        with pytest.raises(DeliveryError):
            cycle(fail(LATE))
    assert cycle(lambda: None) is ENDED
    assert events(home) == [("RAISED", "20260130-EOD", "WAITING"), ("RESOLVED", "20260130-EOD", "WAITING")]


def test_the_error_of_a_watched_cycle_is_the_stages_own(cycle: Callable[..., Any]) -> None:
    error = GateClosed(Finding("UNBALANCED_BOOK", "not zero"))
    with pytest.raises(GateClosed) as met:
        cycle(fail(error))
    assert met.value is error


def test_a_fault_nobody_thought_of_is_an_alert_too(home: Home, cycle: Callable[..., Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        cycle(fail(ZeroDivisionError()))
    assert events(home) == [("RAISED", "20260130-EOD", "BUG")]


def test_a_watch_that_fails_fails_no_cycle(
    home: Home, cycle: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "settle", lambda *_: 1 / 0)
    monkeypatch.setattr(board, "write", lambda *_: 1 / 0)
    assert cycle(lambda: None) is ENDED
    with pytest.raises(DeliveryError):
        cycle(fail(LATE))


def test_a_slow_stage_is_told_while_it_still_runs(
    home: Home, cycle: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = replace(slo.objectives(), budget_seconds={"gate": 3600.0}, warn_fraction=1e-6)
    monkeypatch.setattr(watch, "objectives", lambda: soon)
    told: list[tuple[str, str, str]] = []

    def body() -> None:
        deadline = time.monotonic() + 60
        while not told and time.monotonic() < deadline:
            told.extend(events(home))
            time.sleep(0.01)

    cycle(body)
    assert told == [("RAISED", "EOD", "SLO_WARN")], "told before the stage ended, an hour before its budget is over"


def test_a_stage_within_its_budget_is_not_told(home: Home, cycle: Callable[..., Any]) -> None:
    cycle(lambda: None)
    assert events(home) == []


def test_a_published_cycle_leaves_tickets_for_its_warnings_until_one_comes_without(
    home: Home, cycle: Callable[..., Any], state: Callable[..., None]
) -> None:
    warned = [
        {"severity": "warning", "code": "STALE_PRICE", "rows": 4},
        {"severity": "info", "code": "POSITION_BEYOND_VOLUME", "rows": 1},
    ]
    state("2026-01-30", {"gate": 100.0}, "PUBLISHED", findings=warned)
    cycle(lambda: None)
    assert events(home) == [("RAISED", "EOD", "STALE_PRICE"), ("RAISED", "EOD", "SLO_WARN")], "gate has 90 seconds"
    assert {alert["level"] for alert in alerts.standing(home)} == {"ticket"}
    assert {alert["what"] for alert in alerts.standing(home)} >= {"gate has used more time than it has"}
    state("2026-01-30", {"gate": 1.0}, "PUBLISHED")
    cycle(lambda: None)
    assert sorted(events(home)[2:]) == [("RESOLVED", "EOD", "SLO_WARN"), ("RESOLVED", "EOD", "STALE_PRICE")]


def test_the_journal_of_a_stopped_cycle_holds_code_and_place_but_no_value(
    home: Home, cycle: Callable[..., Any]
) -> None:
    from tasks import journal

    position = Finding("UNBALANCED_BOOK", "lines do not sum to zero", "positions:7", "98765.4321", "0", "find it")
    with journal.written(home, "20260130-EOD-intake"), pytest.raises(GateClosed):
        cycle(fail(GateClosed(position)))
    written = "".join(path.read_text(encoding="utf-8") for path in home.logs.iterdir())
    assert "UNBALANCED_BOOK: lines do not sum to zero at positions:7" in written
    assert "98765.4321" not in written


def test_an_error_that_an_orchestrator_stores_has_no_value_in_its_text() -> None:
    error = ReconciliationError(Finding("CROSS_REPORT", "reports disagree", "M001", "98765.4321", "1"))
    error.keep_values_back()
    assert str(error) == "CROSS_REPORT: reports disagree at M001"
    assert error.findings[0].value == "98765.4321"


def test_every_stage_has_a_budget_and_they_add_up_to_ten_minutes() -> None:
    budgets = slo.objectives().budget_seconds
    assert tuple(budgets) == STAGES
    assert sum(budgets.values()) == 600


@pytest.mark.parametrize(("seconds", "kept"), [(71.9, "WITHIN"), (72.0, "WARN"), (90.0, "WARN"), (90.1, "BREACH")])
def test_a_stage_warns_at_four_fifths_of_its_budget_and_breaches_beyond_it(seconds: float, kept: str) -> None:
    assert slo.objectives().kept("gate", seconds) == kept


@pytest.mark.parametrize(
    ("code", "at", "paged"),
    [
        ("WAITING", datetime(2026, 1, 30, 8, 9, 59), False),
        ("WAITING", datetime(2026, 1, 30, 8, 10), True),
        ("UNBALANCED_BOOK", datetime(2026, 1, 30, 8, 1), True),
        ("LEAK", datetime(2026, 1, 30, 8, 1), True),
    ],
)
def test_what_stands_still_pages_a_quarter_of_an_hour_before_it_is_due_and_some_codes_always(
    code: str, at: datetime, paged: bool
) -> None:
    assert slo.objectives().pages(code, DAY, "EOD", at.replace(tzinfo=UTC)) is paged


def test_a_cycle_that_is_not_in_the_timetable_has_no_hour_to_page_at() -> None:
    late = datetime(2030, 1, 1, tzinfo=UTC)
    assert not slo.objectives().pages("WAITING", DAY, "ITD9", late)


def test_codes_that_page_are_codes_of_the_runbook() -> None:
    runbook = (Path(__file__).resolve().parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert [code for code in slo.objectives().page_codes if f"\n### {code}\n" not in runbook] == []


def test_an_overdue_call_pages_until_it_is_paid(
    home: Home, cycle: Callable[..., Any], state: Callable[..., None]
) -> None:
    state("2026-01-30", {"gate": 1.0}, "PUBLISHED")
    folder = home.exports / KEY.run_id
    folder.mkdir(parents=True)
    calls = pl.DataFrame({"call_id": ["a", "b", "c", "d"], "state": ["ISSUED", "OVERDUE", "MET", "ESCALATED"]})
    calls.write_parquet(folder / "result.outstanding_call.parquet")
    cycle(lambda: None)
    (alert,) = alerts.standing(home)
    assert (alert["code"], alert["level"], alert["owner"]) == ("CALL_OVERDUE", "page", "risk")
    assert alert["what"].startswith("2 call(s)")
    calls.filter(pl.col("state") == "MET").write_parquet(folder / "result.outstanding_call.parquet")
    cycle(lambda: None)
    assert alerts.standing(home) == []


def test_a_member_that_is_held_leaves_a_ticket(
    home: Home, cycle: Callable[..., Any], state: Callable[..., None]
) -> None:
    held = [{"severity": "critical", "code": "UNKNOWN_CONTRACT", "rows": 1}]
    state("2026-01-30", {"gate": 1.0}, "PUBLISHED", findings=held)
    cycle(lambda: None)
    assert [(alert["code"], alert["level"]) for alert in alerts.standing(home)] == [("UNKNOWN_CONTRACT", "ticket")]
