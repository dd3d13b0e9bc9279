"""The states a proposed policy goes through, as rows that are only added: none can be skipped, none is taken back.

    DRAFT -> CALIBRATED -> TESTED -> IMPACT_ASSESSED -> REVIEWED -> APPROVED -> NOTICED -> ACTIVE -> SUPERSEDED

A test or an impact may be made again until somebody has reviewed it. Until it acts a proposal may be rejected or
withdrawn, which ends it; what acts is looked back at by a fixed day, also where another took its place before. What a
house opens on knows no run to test and assess it on and no member to give notice to: those states are not among its.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from tasks import decisions, ledgers
from tasks.home import Home
from tasks.model import policy_file
from tasks.model.errors import Finding, LeveeError
from tasks.store import Store

TABLE = "control.policy_event"
DRAFT, CALIBRATED, TESTED, IMPACT_ASSESSED = "DRAFT", "CALIBRATED", "TESTED", "IMPACT_ASSESSED"
REVIEWED, APPROVED, NOTICED, ACTIVE, SUPERSEDED = "REVIEWED", "APPROVED", "NOTICED", "ACTIVE", "SUPERSEDED"
ORDER = (DRAFT, CALIBRATED, TESTED, IMPACT_ASSESSED, REVIEWED, APPROVED, NOTICED, ACTIVE, SUPERSEDED)
OPENING_ORDER = (DRAFT, CALIBRATED, REVIEWED, APPROVED, ACTIVE, SUPERSEDED)
REJECTED, WITHDRAWN, LOOKED_BACK = "REJECTED", "WITHDRAWN", "LOOKED_BACK"
ENDED = (SUPERSEDED, REJECTED, WITHDRAWN)
ACTED = (ACTIVE, SUPERSEDED)
CONTENT = "policy_toml"  # evidence: the policy file, whole
OPENING = "opening"  # evidence of a draft: the house opens on it
CURRENT, PROPOSED = "current", "proposed"  # the two policies of a comparison
_BEFORE_REVIEW = (CALIBRATED, TESTED, IMPACT_ASSESSED)
NEXT_STEP = {
    DRAFT: "levee policy justify ID --calibration FILE | --search FILE | --judgement WHY",
    CALIBRATED: "levee policy test ID",
    TESTED: "levee policy impact ID",
    IMPACT_ASSESSED: "levee policy review ID --user NAME",
    REVIEWED: "levee policy approve ID --user NAME",
    APPROVED: "levee policy notice ID",
    NOTICED: "levee policy activate ID",
    ACTIVE: "levee policy review ID --user NAME",
    SUPERSEDED: "levee policy review ID --user NAME",
}
_NEXT_OF_OPENING = {CALIBRATED: NEXT_STEP[IMPACT_ASSESSED], APPROVED: NEXT_STEP[NOTICED]}


@dataclass(frozen=True)
class Event:
    """One row of a proposal's history. Times are UTC; `evidence` is what the state rests on."""

    proposal_id: str
    event_no: int
    state: str
    policy_hash: str
    base_policy_hash: str
    diff_hash: str
    effective_date: date
    business_date: date | None
    emergency: bool
    user_name: str
    reason: str
    decision_id: str
    evidence: Mapping[str, Any]
    event_ts: datetime


@dataclass(frozen=True)
class History:
    """Events of one proposal in order, at least one."""

    events: Sequence[Event]

    @property
    def last(self) -> Event:
        """The latest one."""
        return self.events[-1]

    @property
    def proposal_id(self) -> str:
        """Its id."""
        return self.last.proposal_id

    @property
    def state(self) -> str:
        """Where it stands; what acts stands there however often it was looked back at."""
        return next(each.state for each in reversed(self.events) if each.state != LOOKED_BACK)

    @property
    def opens(self) -> bool:
        """Whether it is what the house begins with."""
        return bool(self.events[0].evidence.get(OPENING))

    @property
    def is_to_be_looked_back_at(self) -> bool:
        """Whether it acts or acted and nobody has looked back at it; another one in its place changes nothing of it."""
        return self.state in ACTED and all(each.state != LOOKED_BACK for each in self.events)

    @property
    def next_step(self) -> str:
        """The command that takes it on, empty where nothing is left to do."""
        if self.state in ACTED and not self.is_to_be_looked_back_at:
            return ""
        steps = NEXT_STEP | (_NEXT_OF_OPENING if self.opens else {})
        return steps.get(self.state, "").replace("ID", self.proposal_id, 1)

    def of(self, state: str) -> Event:
        """The latest event of a state. Raises LeveeError PARAM_STATE where there is none."""
        found = [each for each in self.events if each.state == state]
        if not found:
            raise _skipped(self, state)
        return found[-1]

    def ended_so(self, state: str, user: str) -> bool:
        """Whether its latest step is this one, by this person: who gives a command again finds it done."""
        return self.last.state == state and decisions.same_person(self.last.user_name, user)

    def require(self, state: str) -> None:
        """Raises LeveeError PARAM_STATE where a state does not follow the one it stands in."""
        if not follows(self.state, state, OPENING_ORDER if self.opens else ORDER):
            raise _skipped(self, state)


def move(store: Store, history: History, state: str, user: str, reason: str, **known: Any) -> History:
    """Append the next state, in the caller's transaction if it has one; what is there already is not added again.

    known: business_date, decision_id, evidence where they are not empty. Raises LeveeError PARAM_STATE where the state
    does not follow the one it stands in, USAGE without a reason.
    """
    if not reason.strip():
        raise LeveeError(
            Finding("USAGE", "every step of a policy has its reason in words", where=history.proposal_id, value=state)
        )
    fresh: dict[str, Any] = {"business_date": None, "decision_id": "", "evidence": {}}
    event = replace(
        history.last,
        event_no=history.last.event_no + 1,
        state=state,
        user_name=user,
        reason=reason.strip(),
        event_ts=now(),
        **(fresh | known),
    )
    if _told_again(history.last, event):
        return history
    history.require(state)
    return begin(store, event, history.events)


def begin(store: Store, event: Event, before: Sequence[Event] = ()) -> History:
    """Append an event as it is: the first of a proposal."""
    row = asdict(event) | {"evidence": policy_file.canonical(event.evidence)}
    with store.joined():
        store.append(TABLE, pl.DataFrame([row], schema_overrides={"business_date": pl.Date}))
    return History((*before, event))


def _told_again(last: Event, event: Event) -> bool:
    """Whether an event says what the last one says; when it was said is no difference."""
    same = policy_file.canonical(last.evidence) == policy_file.canonical(event.evidence)
    return same and last == replace(event, event_no=last.event_no, evidence=last.evidence, event_ts=last.event_ts)


def follows(state: str, then: str, order: Sequence[str] = ORDER) -> bool:
    """Whether a proposal that stands in one state may go to another, through the states of an order."""
    if then == LOOKED_BACK:
        return state in ACTED
    if then in (REJECTED, WITHDRAWN):
        return state not in (ACTIVE, *ENDED)
    if state in ENDED or then not in order:
        return False
    again = state in _BEFORE_REVIEW and then in _BEFORE_REVIEW and order.index(then) <= order.index(state)
    return again or order.index(then) == order.index(state) + 1


def history(store: Store, proposal_id: str) -> History:
    """Of one proposal. Raises LeveeError UNKNOWN_ID."""
    return _one(histories(store), proposal_id)


def histories(store: Store) -> list[History]:
    """Of every proposal, in the order they were made."""
    return _grouped(store.read(f"SELECT * FROM {TABLE}"))


def shown(home: Home) -> list[History]:
    """As `histories`, as last shown: reads no database."""
    return _grouped(ledgers.read(home, TABLE)) if TABLE in ledgers.shown(home) else []


def shown_one(home: Home, proposal_id: str) -> History:
    """As `history`, as last shown. Raises LeveeError UNKNOWN_ID."""
    return _one(shown(home), proposal_id)


def _one(found: Sequence[History], proposal_id: str) -> History:
    for each in found:
        if each.proposal_id == proposal_id:
            return each
    raise LeveeError(Finding("UNKNOWN_ID", "no such proposal", value=proposal_id, action="see `levee policy list`"))


def _grouped(rows: pl.DataFrame) -> list[History]:
    ordered = rows.sort("proposal_id", "event_no")
    events: dict[str, list[Event]] = {}
    for row in ordered.iter_rows(named=True):
        made = Event(**row | {"evidence": json.loads(row["evidence"])})
        events.setdefault(made.proposal_id, []).append(made)
    return sorted(map(History, events.values()), key=lambda each: (each.events[0].event_ts, each.proposal_id))


def _skipped(history: History, state: str) -> LeveeError:
    action = history.next_step or "propose it anew"
    return LeveeError(
        Finding(
            "PARAM_STATE",
            _why_not(history.state, state),
            where=history.proposal_id,
            value=state,
            limit=f"it is {history.state}",
            action=f"{action}" if action.startswith("propose") else f"`{action}`",
        )
    )


def _why_not(state: str, then: str) -> str:
    if state in (REJECTED, WITHDRAWN):
        return "the proposal has ended"
    if then in ORDER and ORDER.index(then) <= ORDER.index(state):
        return "the proposal has this step behind it"
    return "a policy goes from state to state and skips none"


def now() -> datetime:
    """UTC wall clock, without a zone as the database keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)
