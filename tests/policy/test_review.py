"""A review nobody types: a fired trigger is answered once, by the first stage of what a calibration contradicts."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from tasks import policy_overview, policy_proposal, policy_review, policy_store, resources
from tasks.home import Home
from tasks.model.errors import Finding, PolicyError
from tasks.store import Store

DAY = date(2026, 1, 30)
RUN, LATER = "20260130-EOD-r01", "20260131-ITD1-r01"
LAST, OTHER = "20260131-ITD2-r01", "20260131-ITD3-r01"
ONE_DAY = timedelta(days=1)
ROW = {
    "kind": "TAIL",
    "level": 1.2,
    "fires_above": 1.05,
    "unit": "ratio",
    "numbers": "expected_shortfall 0.2",
    "action": "review the confidences",
}


def plainly(step: Callable[..., Any], *given: Any) -> Any:
    return step(*given)


def publish(home: Home, run_id: str, *fired: tuple[str, str, str]) -> None:
    """A run that is out, with triggers (name, subject, state)."""
    day, cycle, _ = run_id.split("-")
    pointer = home.published / day / cycle / "latest.json"
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.write_text(json.dumps({"run_id": run_id, "version": 1}), encoding="utf-8")
    rows = [ROW | {"trigger_name": name, "subject": subject, "state": state} for name, subject, state in fired]
    (home.exports / run_id).mkdir(parents=True)
    pl.DataFrame(rows).write_parquet(home.exports / run_id / "result.policy_trigger.parquet")


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[dict[str, Any], dict[str, Any]], Home]:
    """A home with a fired trigger whose calibration finds given changes, without any history."""

    def make(content: dict[str, Any], found: dict[str, Any]) -> Home:
        home = Home(tmp_path / "home").prepare("TEST")
        report = {
            "calibration_id": "0123",
            "as_of": DAY.isoformat(),
            "coins": ["BTC"],
            "base_policy_hash": policy_store.load(resources.data("policy/2014-01-01.toml")).policy_hash,
            "data_hash": "d",
            "changes": found,
            "estimates": [],
            "left_out": [],
        }
        made = SimpleNamespace(content=content, calibration_id="0123", as_dict=lambda: report)
        folder = home.root / "calibrations" / f"{DAY}-0123"
        folder.mkdir(parents=True)
        (folder / "PC01.json").write_text(json.dumps(report), encoding="utf-8")
        monkeypatch.setattr(policy_proposal, "house_day", lambda home: DAY)
        monkeypatch.setattr(policy_review.calibration, "calibrate", lambda *asked: made)
        monkeypatch.setattr(policy_review.calibration, "write", lambda *asked: {"policy.toml": folder / "policy.toml"})
        publish(home, RUN, ("tail_drift", "BTC", "FIRED"), ("leverage", "M001H", "STANDS"))
        return home

    return make


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that every proposal fails: nothing of a cycle is needed to go on."""

    def refuse(home: Home, store: Store, proposal: str, user: str) -> None:
        raise PolicyError(Finding("TEST_FAILED", "too few days"))

    monkeypatch.setattr(policy_review.policy_coverage, "test", refuse)


@pytest.fixture
def larger(content: dict[str, Any]) -> dict[str, Any]:
    """A calibrated policy two stages of 1.2 away: from 0.5 to 0.72."""
    content["grid"]["vol_up_fraction"] = 0.72
    content["policy_id"] = "CALIBRATED-2026-01-30"
    return content


CHANGES = {"grid.vol_up_fraction": 0.72}


def answered(home: Home, folder: Path) -> dict[str, Any] | None:
    return policy_review.answer(home, folder, ("BTC",), "ada", 0.0, plainly)


def test_a_change_that_is_too_large_is_drafted_as_its_first_stage(
    calibrated: Callable[..., Home], larger: dict[str, Any], content: dict[str, Any], tmp_path: Path
) -> None:
    home = calibrated(larger, CHANGES)
    made = policy_review.draft(home, tmp_path, ("BTC",))
    assert made is not None
    assert made.file is not None
    drafted = policy_store.load(made.file)
    assert drafted.grid.vol_up_fraction == pytest.approx(0.6)
    assert drafted.policy_id == "CALIBRATED-2026-01-30"
    assert drafted.effective_date == date(2026, 2, 5)  # six days on: the longest notice is five
    assert tomllib.loads(made.file.read_text(encoding="utf-8"))["call"] == content["call"]


@pytest.mark.usefixtures("refusing")
def test_a_fired_trigger_leads_to_one_proposal_that_names_it_and_does_not_act(
    calibrated: Callable[..., Home], larger: dict[str, Any], tmp_path: Path, levee: Callable[..., Any]
) -> None:
    home = calibrated(larger, CHANGES)
    assert policy_overview.listed(home)["triggers_due"] == f"tail_drift in {RUN}"
    printed = levee("policy", "list", "--home", home.root).out
    assert "no proposals" in printed and f"review due: tail_drift in {RUN}; next: levee policy answer" in printed
    found = answered(home, tmp_path)
    assert found is not None
    (proposal,) = policy_overview.listed(home)["proposals"]
    shown = policy_overview.shown(home, proposal["proposal_id"])
    assert [(each["run_id"], each["trigger_name"], each["subject"]) for each in shown["triggers"]] == [
        (RUN, "tail_drift", "BTC")
    ]
    assert proposal["state"] == "CALIBRATED", "tested and refused: it stays where it is"
    assert [policy_store.load(path).policy_id for path in policy_store.files(home)] == ["OPENING"]
    assert "tail_drift" in proposal["reason"]
    assert policy_overview.listed(home)["triggers_due"] == ""
    page = (home.root / "reviews" / found["review_id"] / "review.html").read_text(encoding="utf-8")
    assert "grid.vol_up_fraction" in page.replace("<wbr>", "")
    assert "tail_drift" in page


@pytest.mark.usefixtures("refusing")
def test_the_same_event_again_changes_nothing_and_one_later_that_day_is_listed_without_calibrating_anew(
    calibrated: Callable[..., Home], larger: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = calibrated(larger, CHANGES)
    asked = counted(monkeypatch)
    first = answered(home, tmp_path)
    assert first is not None
    assert policy_review.draft(home, tmp_path, ("BTC",)) is None, "nothing is due any more"
    for run_id, fired in (
        (LATER, ("tail_drift", "BTC")),
        (LAST, ("tail_drift", "BTC")),
        (OTHER, ("leverage", "M002H")),
    ):
        publish(home, run_id, (*fired, "FIRED"))
        again = answered(home, tmp_path)
        assert again is not None
        assert again["review_id"] == first["review_id"]
    assert asked == [(DAY, "OPENING")], "one calibration of what is known since the last end of day"
    assert len(policy_overview.listed(home)["proposals"]) == 1
    told = json.loads((home.root / "reviews" / first["review_id"] / "review.json").read_text(encoding="utf-8"))
    assert [(each["run_id"], each["trigger_name"]) for each in told["triggers"]] == [
        (RUN, "tail_drift"),
        (LATER, "tail_drift"),
        (LAST, "tail_drift"),
        (OTHER, "leverage"),
    ]


@pytest.mark.usefixtures("refusing")
def test_another_end_of_day_and_another_policy_are_looked_at_anew(
    calibrated: Callable[..., Home],
    larger: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    put_in_force: Callable[[Home, str], str],
) -> None:
    home = calibrated(larger, CHANGES)
    asked = counted(monkeypatch)
    assert answered(home, tmp_path)
    publish(home, LATER, ("tail_drift", "BTC", "FIRED"))
    monkeypatch.setattr(policy_proposal, "house_day", lambda home: DAY + ONE_DAY)
    assert answered(home, tmp_path)
    assert asked == [(DAY, "OPENING"), (DAY + ONE_DAY, "OPENING")]
    # It acts from the next day on: what a draft takes the place of is that one already.
    shipped = resources.data("policy/2014-01-01.toml").read_text(encoding="utf-8")
    acting = shipped.replace('"OPENING"', '"NEXT"').replace("2014-01-01", "2026-02-01")
    put_in_force(home, acting)
    publish(home, LAST, ("tail_drift", "BTC", "FIRED"))
    assert policy_review.draft(home, tmp_path, ("BTC",)) is not None
    assert asked[2:] == [(DAY + ONE_DAY, "NEXT")]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[date, str]]:
    """Days that are calibrated from now on, and from which policy."""
    asked: list[tuple[date, str]] = []
    made = policy_review.calibration.calibrate

    def calibrate(base_file: Path, data: Path, as_of: date, coins: tuple[str, ...]) -> Any:
        asked.append((as_of, policy_store.load(base_file).policy_id))
        return made(base_file, data, as_of, coins)

    monkeypatch.setattr(policy_review.calibration, "calibrate", calibrate)
    return asked


def test_two_reviews_at_once_keep_one(calibrated: Callable[..., Home], larger: dict[str, Any], tmp_path: Path) -> None:
    home = calibrated(larger, CHANGES)
    made, other = (policy_review.draft(home, tmp_path, ("BTC",)) for _ in range(2))
    assert made is not None
    assert other is not None
    assert policy_review.propose(home, made, "ada") is not None
    assert policy_review.propose(home, other, "bob") is None
    assert len(policy_overview.listed(home)["proposals"]) == 1


@pytest.mark.usefixtures("refusing")
def test_a_review_that_was_broken_off_goes_on_where_it_stands(
    calibrated: Callable[..., Home], larger: dict[str, Any], tmp_path: Path
) -> None:
    home = calibrated(larger, CHANGES)
    made = policy_review.draft(home, tmp_path, ("BTC",))
    assert made is not None
    kept = policy_review.propose(home, made, "ada")
    assert kept is not None
    steps: list[str] = []

    def noted(step: Callable[..., Any], *given: Any) -> Any:
        steps.append(step.__name__)
        return step(*given)

    found = policy_review.answer(home, tmp_path, ("BTC",), "ada", 0.0, noted)
    assert found is not None
    assert steps == ["draft", "assess"]
    assert (found["review_id"], found["proposal_id"]) == (kept.review_id, kept.proposal_id)


@pytest.mark.usefixtures("refusing")
def test_a_review_whose_ledgers_were_not_shown_goes_on_too(
    calibrated: Callable[..., Home], larger: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = calibrated(larger, CHANGES)
    made = policy_review.draft(home, tmp_path, ("BTC",))
    assert made is not None
    with monkeypatch.context() as dying:
        dying.setattr(policy_review.ledgers, "show", lambda home, store: None)
        kept = policy_review.propose(home, made, "ada")
    home.lease.write_text("{}", encoding="utf-8")  # it died: nobody took its lease away
    found = answered(home, tmp_path)
    assert found is not None and kept is not None
    assert (found["review_id"], found["proposal_id"]) == (kept.review_id, kept.proposal_id)


@pytest.mark.parametrize("left", ["", "review.html"])
def test_a_review_that_died_over_its_report_writes_it_when_asked_again(
    calibrated: Callable[..., Home], content: dict[str, Any], tmp_path: Path, left: str
) -> None:
    home = calibrated(content, {})
    found = answered(home, tmp_path)
    assert found is not None
    folder = home.root / "reviews" / found["review_id"]
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        if path.name != left:
            path.unlink()
    assert answered(home, tmp_path) == found
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole
    assert answered(home, tmp_path) is None
    publish(home, LATER, ("tail_drift", "BTC", "FIRED"))
    assert answered(home, tmp_path) is not None
    (folder / "review.json").write_bytes(whole["review.json"])  # as if it had died before it told the later one
    again = answered(home, tmp_path)
    assert again is not None
    assert [each["run_id"] for each in again["triggers"]] == [RUN, LATER]


def test_data_that_contradict_nothing_are_an_answer_too(
    calibrated: Callable[..., Home], content: dict[str, Any], tmp_path: Path
) -> None:
    home = calibrated(content, {})
    found = answered(home, tmp_path)
    assert found is not None
    assert found["proposal"] is None
    assert "contradict nothing" in found["said"]
    assert answered(home, tmp_path) is None
    assert policy_overview.listed(home)["proposals"] == []
