"""A review of the policy that nobody has to type: calibrate, draft, test, assess, and leave the rest to persons.

It answers every trigger that is due. What data contradict of the policy in force becomes a proposal, its first stage
where the way is too long for one step. It ends at the impact: to review and approve it takes two persons. A trigger is
answered once: a review that was broken off goes on where it stands, one that is asked for again changes nothing. One
calibration a published end of day: what fires later on the same day, in an intraday cycle or for another subject, is
listed on the review there is; the end of that day knows more, and is a review of its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from tasks import (
    calibration,
    fired_triggers,
    ledgers,
    policy_coverage,
    policy_proposal,
    policy_reports,
    policy_states,
    policy_store,
    policy_toml,
    review_report,
)
from tasks.catch_up import catch_up
from tasks.fired_triggers import Review
from tasks.home import Home, write_atomically
from tasks.model.assurance.policy_change import stages
from tasks.model.errors import LeveeError
from tasks.policy_states import CALIBRATED, TESTED, History
from tasks.store import Store

COMMAND = "policy answer"
REFUSED_BY_TEST = "TEST_FAILED"
_ON_ITS_WAY = (CALIBRATED, TESTED)


@dataclass(frozen=True)
class Draft:
    """What a calibration makes of the triggers that are due; file: None where data contradict nothing of the policy."""

    due: pl.DataFrame
    report: Mapping[str, Any]
    file: Path | None = None


def answer(
    home: Home, market_data: Path, coins: tuple[str, ...], user: str, wait_seconds: float, do: Callable[..., Any]
) -> dict[str, Any] | None:
    """The review of every trigger that is due, step by step through `do`, and its report; None where none is due.

    do: does one step, plainly or as a task. Raises LeveeError as the steps do.
    """
    catch_up(home)
    made: Draft | None = do(draft, home, market_data, coins)
    review: Review | None = do(propose, home, made, user, wait_seconds) if made else broken_off(home)
    if review is None:
        return None
    if review.proposal_id:
        do(assess, home, review.proposal_id, user, wait_seconds)
    found = review_report.of(home, review.review_id)
    review_report.write(home, found)
    return found


def draft(home: Home, market_data: Path, coins: tuple[str, ...]) -> Draft | None:
    """Calibrate as of the last published end of day and write what follows; None where no trigger is due.

    What was calibrated then, from the policy a draft would take the place of, is not calibrated anew. Raises LeveeError
    as `calibration.calibrate`, PARAM_STATE where nothing is published.
    """
    due = fired_triggers.due(home)
    if due.is_empty():
        return None
    day = policy_proposal.required_day(home)
    first = day + timedelta(days=1 + max(policy_proposal.terms().rails.rise_notice_days))
    base_file = policy_store.file_in_force(home, first)
    if known := _reviewed(home, day, policy_store.load(base_file).policy_hash, coins):
        return Draft(due, known)
    found = calibration.calibrate(base_file, market_data, day, coins)
    folder = calibration.write(home, found)[calibration.POLICY_FILE].parent
    report = found.as_dict()
    return Draft(due, report, _first_stage(folder, found, base_file, first) if report["changes"] else None)


def _first_stage(folder: Path, found: calibration.Calibration, base_file: Path, first: date) -> Path:
    """File of the policy a calibration found, or of the first stage on the way there."""
    content = dict(found.content) | {"effective_date": first}
    base = tomllib.loads(base_file.read_text(encoding="utf-8"))
    largest = policy_proposal.terms().rails.largest_step_fraction
    named = {"policy_id": content["policy_id"], "effective_date": first}
    drafted = stages(base, content, largest)[0] | named
    file = folder / "draft.toml"
    write_atomically(file, policy_toml.text(drafted, f"Drafted from calibration {found.calibration_id}.").encode())
    return file


def _reviewed(home: Home, day: date, base_policy_hash: str, coins: tuple[str, ...]) -> Mapping[str, Any] | None:
    """Report of the calibration of that day and policy that a review rests on already."""
    for review in reversed(fired_triggers.reviews(home)):
        _, report = review_report.report_of(home, review) or (None, {})
        wanted = {
            "calibration_id": review.calibration_id,
            "as_of": day.isoformat(),
            "base_policy_hash": base_policy_hash,
            "coins": sorted(coins),
        }
        if wanted.items() <= report.items():
            return report
    return None


def propose(home: Home, made: Draft, user: str, wait_seconds: float = 0.0) -> Review | None:
    """Keep the review of a draft with the proposal it leads to; None where every trigger is answered by now.

    A calibration that was reviewed before has its proposal already. Raises LeveeError as `policy_proposal.propose`,
    LEASE_HELD where the home is busy.
    """
    with home.locked(COMMAND, wait_seconds), Store(home.database) as store:
        due = fired_triggers.still_due(store, made.due)
        if due.is_empty():
            return None
        calibration_id = str(made.report["calibration_id"])
        before = fired_triggers.made_of(store, calibration_id)
        name = before.review_id if before else fired_triggers.review_id(calibration_id, due)
        with store.transaction():
            proposal = before.proposal_id if before else _proposed(home, store, made, due, user)
            review = Review(name, calibration_id, proposal)
            fired_triggers.keep(store, due, review, user)
        ledgers.show(home, store)
    return review


def _proposed(home: Home, store: Store, made: Draft, due: pl.DataFrame, user: str) -> str:
    """Id of a new proposal of the draft; empty without one."""
    if made.file is None:
        return ""
    reason = f"triggers fired: {fired_triggers.told(due)}"
    rests_on = {"calibration": made.report}
    return policy_proposal.propose(home, store, made.file, user, reason, False, rests_on).proposal_id


def broken_off(home: Home) -> Review | None:
    """The latest review where its proposal is still on its way to an impact, or its report was not written.

    Reads no database.
    """
    latest = fired_triggers.latest(home)
    if latest is None:
        return None
    state = policy_states.shown_one(home, latest.proposal_id).state if latest.proposal_id else ""
    return latest if state in _ON_ITS_WAY or not review_report.is_written(home, latest.review_id) else None


def assess(home: Home, proposal_id: str, user: str, wait_seconds: float = 0.0) -> History:
    """Take a proposal as far as its impact; one that fails the test stays where it is.

    Raises LeveeError as the steps do, LEASE_HELD where the home is busy.
    """
    with home.locked(COMMAND, wait_seconds), Store(home.database) as store:
        history = policy_states.history(store, proposal_id)
        if history.state in _ON_ITS_WAY:
            history = _assessed(home, store, history, user)
        ledgers.show(home, store)
    return history


def _assessed(home: Home, store: Store, history: History, user: str) -> History:
    try:
        tested = policy_coverage.test(home, store, history.proposal_id, user)
    except LeveeError as error:
        if error.findings[0].code != REFUSED_BY_TEST:
            raise
        return history
    return policy_reports.assess(home, store, tested.proposal_id, user)[0]
