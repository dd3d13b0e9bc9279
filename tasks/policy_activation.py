"""How an approved policy comes into force: notice to everybody, then activation at a cycle boundary.

The boundary: the day before its first is published (or two persons go on without it), and no cycle of its first day has
begun; an emergency waits for it as any other. What a house opens on acts from its first day, once two others than who
proposed it have looked at it, before any end of day is out. What acts is looked back at by a fixed day.
"""

from __future__ import annotations

from datetime import timedelta

from tasks import (
    freeze,
    policy_activations,
    policy_approval,
    policy_impact,
    policy_proposal,
    policy_reports,
    policy_states,
    policy_store,
)
from tasks.crash import crash_point
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.policy_impact import Assessed
from tasks.policy_states import ACTIVE, CONTENT, IMPACT_ASSESSED, NOTICED, SUPERSEDED, WITHDRAWN, History
from tasks.store import Store

_ONE_DAY = timedelta(days=1)


def notice(home: Home, store: Store, proposal_id: str, user: str) -> History:
    """Tell everybody: PN01, and MA01 to each member, from the last published end of day.

    Notice is given once: the same person giving it again changes nothing. Raises LeveeError NOTICE_SHORT where the
    first day comes too soon, PARAM_STATE, CROSS_REPORT, STALE_APPROVAL where what it does by now is not what was
    approved.
    """
    history = policy_states.history(store, proposal_id)
    if history.ended_so(NOTICED, user):
        return history
    history.require(NOTICED)
    proposal = policy_approval.require_approved(home, store, history)
    found = policy_impact.assessed(home, proposal, history.last.emergency)
    _require_time(history, found)
    policy_impact.require_as_approved(history.of(IMPACT_ASSESSED), found)
    policy_impact.require_within_rails(history, found.refused)
    policy_reports.require_tied(proposal, found)
    content = proposal.text
    top = policy_reports.write_notice(home, history, proposal, found)
    evidence = found.evidence | {CONTENT: content, policy_reports.FILES: str(top.relative_to(home.root))}
    day = found.business_date
    return policy_states.move(store, history, NOTICED, user, "noticed", business_date=day, evidence=evidence)


def _require_time(history: History, found: Assessed) -> None:
    day = found.business_date
    earliest = day + timedelta(days=max(found.notice_days, 1))
    if history.last.effective_date < earliest:
        raise LeveeError(
            Finding(
                "NOTICE_SHORT",
                "the policy would act before its notice is over",
                where=history.proposal_id,
                value=f"{history.last.effective_date} after notice on {day}",
                limit=f"{found.notice_days} days: from {earliest} on",
                action="propose it with a later effective_date",
            )
        )


def activate(home: Home, store: Store, proposal_id: str, user: str) -> History:
    """Put a policy in force from its first day on; the one it takes the place of is superseded.

    Its file is written once that is committed, from what members were told; killed in between, the next command does
    it, or the same one given again, which changes nothing. Raises LeveeError PARAM_STATE where the day before its first
    is not published yet, a cycle of its first day has begun, or another policy acts from that day or later;
    STALE_APPROVAL where what was approved is not what would act.
    """
    history = policy_states.history(store, proposal_id)
    if history.ended_so(ACTIVE, user):
        policy_store.files(home, store)
        return history
    history.require(ACTIVE)
    proposal = policy_approval.require_approved(home, store, history)
    _require_boundary(home, store, history)
    _require_next(store, history)
    first, day = history.last.effective_date, policy_proposal.house_day(home)
    review_by = first + policy_proposal.terms().review_within(history.last.emergency)
    with store.transaction():
        for each in policy_states.histories(store):
            if each.state == ACTIVE:
                policy_states.move(store, each, SUPERSEDED, user, f"replaced by {proposal_id}", business_date=day)
        evidence = {"review_by": review_by.isoformat()} | ({CONTENT: proposal.text} if history.opens else {})
        moved = policy_states.move(store, history, ACTIVE, user, "activated", business_date=day, evidence=evidence)
        crash_point("policy:activated")
    crash_point("policy:committed")
    policy_store.files(home, store)
    return moved


def withdraw(home: Home, store: Store, proposal_id: str, user: str, reason: str) -> History:
    """End a proposal that does not act yet. Raises LeveeError PARAM_STATE."""
    history = policy_states.history(store, proposal_id)
    day = policy_proposal.house_day(home)
    return policy_states.move(store, history, WITHDRAWN, user, reason, business_date=day)


def _require_boundary(home: Home, store: Store, history: History) -> None:
    first = history.last.effective_date
    begun = store.read(
        "SELECT run_id FROM control.cycle_run WHERE business_date >= $first ORDER BY run_id", {"first": first}
    )["run_id"].to_list()
    if begun:
        raise _not_yet(
            history,
            "a cycle of its first day has begun",
            begun[0],
            f"{first} and no cycle of it",
            "a later effective_date",
        )
    if history.opens:
        policy_proposal.require_none_out(home, store, history.proposal_id)
        return
    day = policy_proposal.required_day(home)
    if day < first - _ONE_DAY and not freeze.goes_on_over_days(store, first):
        raise _not_yet(
            history,
            "the day before its first is not published yet",
            day.isoformat(),
            (first - _ONE_DAY).isoformat(),
            "",
        )


def _require_next(store: Store, history: History) -> None:
    """No policy acts from its first day or later: it would be taken back by it unseen, or take it back."""
    later = [
        each
        for each in policy_activations.activations(policy_states.histories(store))
        if each.effective_date >= history.last.effective_date
    ]
    if later:
        raise _not_yet(
            history,
            "another one acts from its first day or later",
            f"{later[-1].policy_hash[:16]} from {later[-1].effective_date}",
            f"before {history.last.effective_date}",
            "a later effective_date",
        )


def _not_yet(history: History, what: str, value: str, limit: str, propose_with: str) -> LeveeError:
    action = f"propose it with {propose_with}" if propose_with else "activate it once that day is published"
    return LeveeError(
        Finding(
            "PARAM_STATE",
            f"a policy acts from a cycle boundary: {what}",
            where=history.proposal_id,
            value=value,
            limit=limit,
            action=action,
        )
    )
