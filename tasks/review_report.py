"""What a review of the policy found, for the analyst who takes it on: triggers, evidence, proposal, next step.

It is made from what is kept: the ledgers, the exports of the runs, the report of the calibration. Page and JSON lie in
home/reviews/<review>/; they name members and accounts and are nobody's but risk's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks import calibration, calibration_report, fired_triggers, policy_overview, policy_states
from tasks.fired_triggers import Review
from tasks.home import Home, canonical_json, write_atomically
from tasks.model.errors import Finding, LeveeError
from tasks.policy_states import CALIBRATED, IMPACT_ASSESSED, TESTED, History
from tasks.rendering import render

FOLDER = "reviews"
_JSON_FILE = "review.json"
NOTHING = "data contradict nothing of the policy in force: write down why there is no change, or propose by judgement"
REFUSED = "the test refused it: it covers fewer days than asked for and than now"


def of(home: Home, review_id: str) -> dict[str, Any]:
    """A kept review with what it answers and what it led to. Reads no database. Raises LeveeError UNKNOWN_ID."""
    review = next((each for each in fired_triggers.reviews(home) if each.review_id == review_id), None)
    if review is None:
        raise LeveeError(Finding("UNKNOWN_ID", "no such review", value=review_id, action="see `levee policy list`"))
    found = _calibration(home, review)
    history = policy_states.shown_one(home, review.proposal_id) if review.proposal_id else None
    return {
        **review._asdict(),
        "triggers": fired_triggers.answered_by(home, review_id=review_id),
        "calibration": found,
        "proposal": _proposal(history) if history else None,
        "said": _said(history),
    }


def write(home: Home, found: Mapping[str, Any]) -> Path:
    """Write a review's page, then its JSON; returns their folder."""
    folder = home.root / FOLDER / str(found["review_id"])
    write_atomically(folder / "review.html", render("review", review=found))
    write_atomically(folder / _JSON_FILE, canonical_json(found))
    return folder


def is_written(home: Home, review_id: str) -> bool:
    """Whether the files of a review tell every trigger it answers: a command may have died before it wrote them."""
    path = home.root / FOLDER / review_id / _JSON_FILE
    if not path.exists():
        return False
    told = json.loads(path.read_text(encoding="utf-8"))["triggers"]
    kept = fired_triggers.answered_by(home, review_id=review_id)
    return {_key(each) for each in told} == {_key(each) for each in kept}


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("run_id", "trigger_name", "subject"))


def report_of(home: Home, review: Review) -> tuple[Path, dict[str, Any]] | None:
    """The report of the calibration a review rests on, and where it lies; None where it was taken away."""
    places = (home.root / calibration.FOLDER).glob(f"*-{review.calibration_id}/{calibration_report.JSON_FILE}")
    path = next(iter(sorted(places)), None)
    return (path, json.loads(path.read_text(encoding="utf-8"))) if path else None


def _calibration(home: Home, review: Review) -> dict[str, Any]:
    """What the calibration told, and where its report lies; empty where it was taken away."""
    kept = report_of(home, review)
    if kept is None:
        return {}
    path, report = kept
    shown = [row for row in report["estimates"] if row["outcome"] == "PROPOSED"]
    kept = sum(row["outcome"] == "KEPT" for row in report["estimates"])
    names = ("as_of", "coins", "data_hash", "left_out")
    return {"file": str(path.relative_to(home.root)), "proposed": shown, "kept": kept} | {
        name: report[name] for name in names
    }


def _proposal(history: History) -> dict[str, Any]:
    """Where the proposal stands, what it changes, and the figures of its test and impact where they are made."""
    made = {each.state: each.evidence for each in history.events}
    test, impact = made.get(TESTED, {}), made.get(IMPACT_ASSESSED, {})
    return policy_overview.row(history) | {
        "changes": history.events[0].evidence["diff"]["changes"],
        "test": {name: test[name] for name in ("first", "last", "lowest_coverage", "asked_coverage") if name in test},
        "impact": {
            name: impact[name] for name in ("significance", "numbers", "notice_days", "refused") if name in impact
        },
    }


def _said(history: History | None) -> str:
    if history is None:
        return NOTHING
    return REFUSED if history.state == CALIBRATED else f"{history.proposal_id} stands as {history.state}"
