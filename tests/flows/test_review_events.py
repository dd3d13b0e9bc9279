"""What a fired trigger tells the orchestrator, and what listens for it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from flows import deployments, review_events
from tasks.home import Home
from tasks.key import CycleKey
from tasks.schedule import calibration_clock

KEY = CycleKey(date(2026, 1, 30), "EOD", 1)


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Events emitted of a run with triggers in the given states."""

    def of(*rows):
        home, found = Home(tmp_path), []
        folder = home.exports / KEY.run_id
        folder.mkdir(parents=True)
        table = pl.DataFrame(rows, schema=["kind", "subject", "state"], orient="row")
        table.write_parquet(folder / "result.policy_trigger.parquet")
        monkeypatch.setattr(review_events, "emit_event", lambda **event: found.append(event))
        review_events.tell(home, KEY)
        return found

    return of


def test_one_event_names_the_kinds_that_fired_and_nobody(told):
    (event,) = told(
        ("TAIL", "BTC", "FIRED"), ("CREDIT", "M001", "FIRED"), ("TAIL", "ETH", "FIRED"), ("LEVERAGE", "A", "STANDS")
    )
    assert event["payload"] == {"run_id": KEY.run_id, "kinds": ["CREDIT", "TAIL"]}
    assert "M001" not in str(event)


def test_what_stands_already_starts_nothing(told):
    assert told(("TAIL", "BTC", "STANDS"), ("CREDIT", "M001", "QUIET"), ("CREDIT", "M002", "ENDED")) == []


def test_the_review_listens_for_its_own_home_alone(tmp_path):
    home, other = Home(tmp_path / "a"), Home(tmp_path / "b")
    made = deployments.review_deployment(home, tmp_path)
    (trigger,) = made.triggers
    assert trigger.expect == {review_events.TRIGGER_FIRED}
    assert trigger.match.matches(review_events.resource(home))
    assert not trigger.match.matches(review_events.resource(other))
    assert trigger.parameters["home"] == str(home.root)
    assert not made.schedules


def test_the_calibration_is_deployed_beside_the_cycles_once_a_week(tmp_path):
    clock = calibration_clock()
    made = deployments.calibration_deployment(Home(tmp_path), tmp_path, clock)
    (each,) = made.schedules
    assert (each.schedule.cron, each.schedule.timezone) == ("0 10 * * 0", "UTC")
    assert made.parameters == {"home": str(tmp_path), "market_data": str(tmp_path), "coins": ["BTC", "ETH"]}
    assert clock.as_of(datetime(2026, 11, 22, 10, tzinfo=UTC)) == date(2026, 11, 21), "its own day is not over yet"
