"""Who says yes to a proposed policy: one person reviews it, another approves it, neither of them who proposed it.

In an emergency who reviewed may approve, as one of several. An approval is of exactly one diff with exactly one impact;
whatever changes after it makes it stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tasks import decisions, policy_impact, policy_proposal, policy_states
from tasks.decisions import Decision
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.policy_states import (
    ACTED,
    APPROVED,
    IMPACT_ASSESSED,
    LOOKED_BACK,
    REJECTED,
    REVIEWED,
    History,
)
from tasks.store import Store

KIND = "PARAMETER"


def review(home: Home, store: Store, proposal_id: str, user: str, note: str) -> History:
    """Review what was found, not as who proposed, and open the approval; look back at what acts or acted.

    A review that the same person gives again changes nothing. Raises LeveeError SELF_APPROVAL, PARAM_STATE,
    STALE_APPROVAL; STEP_LIMIT or BUFFER_FIRST where the impact breaks a guard rail and it is no emergency.
    """
    history = policy_states.history(store, proposal_id)
    if history.ended_so(REVIEWED, user):
        return history
    history.require(LOOKED_BACK if history.state in ACTED else REVIEWED)
    _require_another(history, user, history.events[0].user_name, "proposed it", "review it")
    day = policy_proposal.house_day(home)
    if history.state in ACTED:
        return policy_states.move(store, history, LOOKED_BACK, user, note, business_date=day)
    policy_proposal.unchanged(home, store, history)
    if not history.opens:
        policy_impact.require_within_rails(history, policy_impact.refused(history.of(IMPACT_ASSESSED)))
    with store.transaction():
        moved = policy_states.move(store, history, REVIEWED, user, note, business_date=day)
        _ask(home, store, moved, 1)
    return moved


def approve(home: Home, store: Store, proposal_id: str, user: str, approved: bool = True) -> History:
    """Approve what was reviewed, or reject it. An emergency stays reviewed until the last person has approved.

    The same answer of the same person again changes nothing. Raises LeveeError SELF_APPROVAL, STALE_APPROVAL,
    PARAM_STATE.
    """
    with store.transaction():
        return _approve(home, store, proposal_id, user, approved)


def _approve(home: Home, store: Store, proposal_id: str, user: str, approved: bool) -> History:
    history = policy_states.history(store, proposal_id)
    if history.ended_so(APPROVED if approved else REJECTED, user):
        return history
    history.require(APPROVED)
    if approved:
        _require_independent(store, history, user)
    number = 1 + len(_approvals(store, history))
    decision = decisions.decide(
        store,
        home,
        _ask(home, store, history, number).decision_id,
        user,
        approved,
        _subject(home, store, history, number),
    )
    return _answered(home, store, history, decision, number)


def answer(home: Home, store: Store, asked: Decision, user: str, approved: bool) -> Decision:
    """As `approve`, by the id of the request and in the caller's transaction. Raises as it does."""
    _approve(home, store, str(asked.subject["proposal_id"]), user, approved)
    return decisions.get(store, asked.decision_id)


def _answered(home: Home, store: Store, history: History, decision: Decision, number: int) -> History:
    """What follows from an answer."""
    told = {"decision_id": decision.decision_id, "business_date": policy_proposal.house_day(home)}
    if decision.state != APPROVED:
        return policy_states.move(store, history, REJECTED, decision.decided_by, decision.reason, **told)
    if number < policy_proposal.terms().approvals(history.last.emergency):
        _ask(home, store, history, number + 1)
        return history
    approvers = [each.decided_by for each in _approvals(store, history)]
    return policy_states.move(
        store, history, APPROVED, decision.decided_by, decision.reason, evidence={"approved_by": approvers}, **told
    )


def require_approved(home: Home, store: Store, history: History) -> policy_proposal.Proposal:
    """The proposal as it was approved. Raises LeveeError STALE_APPROVAL where no approval is of what it is now."""
    proposal = policy_proposal.unchanged(home, store, history)
    standing = _approvals(store, history)
    if len(standing) < policy_proposal.terms().approvals(history.last.emergency):
        raise LeveeError(
            Finding(
                "STALE_APPROVAL",
                "nobody has approved what the proposal is now",
                where=history.proposal_id,
                value=history.last.diff_hash[:16],
                action="propose it anew",
            )
        )
    return proposal


def _subject(home: Home, store: Store, history: History, number: int) -> Mapping[str, Any]:
    """What one person approves, as it is now."""
    evidence = {} if history.opens else history.of(IMPACT_ASSESSED).evidence
    kept = ("run_id", "notice_days", "significance", "numbers", "accounts_hash", "summary_hash")
    return {
        "action": "ACTIVATE",
        "approval": number,
        "proposal_id": history.proposal_id,
        "emergency": history.last.emergency,
        "diff": policy_proposal.of(home, store, history).diff,
        "impact": {name: evidence[name] for name in kept if evidence},
    }


def _ask(home: Home, store: Store, history: History, number: int) -> Decision:
    """The request for one approval: made when it was reviewed, by who proposed; made again where its time is over."""
    found = [each for each in _requests(store, history) if each.subject["approval"] == number]
    if found and found[-1].state != "EXPIRED":
        return found[-1]
    proposed = history.events[0]
    days = timedelta(days=policy_proposal.terms().approval.open_days)
    subject = _subject(home, store, history, number)
    return decisions.request(store, home, KIND, subject, proposed.user_name, proposed.reason, days)


def _requests(store: Store, history: History) -> list[Decision]:
    """Decisions asked for about a proposal, by their number."""
    rows = store.read(
        "SELECT decision_id FROM control.decision WHERE kind = $kind AND "
        "json_extract_string(subject, '$.proposal_id') = $proposal_id",
        {"kind": KIND, "proposal_id": history.proposal_id},
    )
    found = [decisions.get(store, decision_id) for decision_id in rows["decision_id"]]
    return sorted(found, key=lambda each: (int(each.subject["approval"]), each.requested_ts))


def _approvals(store: Store, history: History) -> list[Decision]:
    """Those that were given, of the diff the proposal was made with."""
    return [
        each
        for each in _requests(store, history)
        if each.state == APPROVED and decisions.subject_hash(each.subject["diff"]) == history.last.diff_hash
    ]


def _require_independent(store: Store, history: History, user: str) -> None:
    """Who reviewed does not approve, but in an emergency; nobody approves twice."""
    if not history.last.emergency:
        _require_another(history, user, history.of(REVIEWED).user_name, "reviewed it", "approve it")
    for each in _approvals(store, history):
        _require_another(history, user, each.decided_by, "has approved it", "approve it too")


def _require_another(history: History, user: str, other: str, did: str, may: str) -> None:
    if decisions.same_person(user, other):
        raise LeveeError(
            Finding(
                "SELF_APPROVAL",
                f"who {did} may not {may}",
                where=history.proposal_id,
                value=user,
                limit=f"anyone but {other}",
                action="have another person look at it",
            )
        )
