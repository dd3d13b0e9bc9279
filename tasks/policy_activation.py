"""How an approved policy comes into force: notice to everybody, then activation at a cycle boundary.

The boundary: the day before its first is published, and no cycle of its first day has begun. What acts is looked back
at by a fixed day.
"""

from __future__ import annotations

from datetime import timedelta

from tasks import pack, policy_approval, policy_impact, policy_proposal, policy_reports, policy_states
from tasks.crash import crash_point
from tasks.home import Home, write_atomically
from tasks.model.errors import Finding, LeveeError
from tasks.policy_states import ACTIVE, APPROVED, NOTICED, SUPERSEDED, WITHDRAWN, History
from tasks.store import Store


def notice(home: Home, store: Store, proposal_id: str, user: str) -> History:
    """Tell everybody: PN01, and MA01 to each member, from the last published end of day.

    Raises LeveeError NOTICE_SHORT where the first day comes too soon, PARAM_STATE, STALE_APPROVAL, CROSS_REPORT.
    """
    history = policy_states.history(store, proposal_id)
    history.require(APPROVED)
    proposal = policy_approval.require_approved(home, store, history)
    day = policy_proposal.required_day(home)
    found = policy_impact.assessed(home, proposal, day, history.last.emergency)
    earliest = day + timedelta(days=max(found.notice_days, 1))
    if history.last.effective_date < earliest:
        raise LeveeError(
            Finding(
                "NOTICE_SHORT",
                "the policy would act before its notice is over",
                where=proposal_id,
                value=f"{history.last.effective_date} after notice on {day}",
                limit=f"{found.notice_days} days: from {earliest} on",
                action="propose it with a later effective_date",
            )
        )
    policy_impact.require_within_rails(history, found.refused)
    policy_reports.require_tied(proposal, found)
    header = policy_reports.header(home, history, found)
    folders = {
        pack.RISK: policy_reports.impact_files(history, proposal, found, header),
        pack.PUBLIC: policy_reports.notice_files(history, proposal, found, header),
        **{
            f"{pack.MEMBERS}/{member}": policy_reports.member_files(member, history, proposal, found, header)
            for member in policy_reports.members(found)
        },
    }
    top = policy_reports.write(home, history, folders, header.edition)
    evidence = found.evidence | {
        "policy_toml": proposal.file.read_text(encoding="utf-8"),
        "files": str(top.relative_to(home.root)),
    }
    return policy_states.move(store, history, NOTICED, user, "noticed", business_date=day, evidence=evidence)


def activate(home: Home, store: Store, proposal_id: str, user: str) -> History:
    """Put a policy in force from its first day on; the one it takes the place of is superseded.

    Raises LeveeError PARAM_STATE where the day before its first is not published yet or a cycle of its first day has
    begun, STALE_APPROVAL where what was approved is not what would act.
    """
    history = policy_states.history(store, proposal_id)
    history.require(NOTICED)
    proposal = policy_approval.require_approved(home, store, history)
    _require_boundary(home, store, history)
    review_by = history.last.effective_date + policy_proposal.terms().review_within(history.last.emergency)
    with store.transaction():
        replaced = [each for each in policy_states.histories(store) if _acts(each, proposal.base.policy_hash)]
        day = policy_proposal.required_day(home)
        for each in replaced:
            policy_states.move(store, each, SUPERSEDED, user, f"replaced by {proposal_id}", business_date=day)
        evidence = {"review_by": review_by.isoformat(), "file": f"{history.last.effective_date.isoformat()}.toml"}
        moved = policy_states.move(store, history, ACTIVE, user, "activated", business_date=day, evidence=evidence)
        write_atomically(home.policy / evidence["file"], proposal.file.read_bytes())
        crash_point("policy:activated")
    return moved


def withdraw(home: Home, store: Store, proposal_id: str, user: str, reason: str) -> History:
    """End a proposal that does not act yet. Raises LeveeError PARAM_STATE."""
    history = policy_states.history(store, proposal_id)
    day = policy_proposal.house_day(home)
    return policy_states.move(store, history, WITHDRAWN, user, reason, business_date=day)


def _require_boundary(home: Home, store: Store, history: History) -> None:
    first, day = history.last.effective_date, policy_proposal.required_day(home)
    begun = store.read(
        "SELECT run_id FROM control.cycle_run WHERE business_date >= $first ORDER BY run_id", {"first": first}
    )["run_id"].to_list()
    early = day < first - timedelta(days=1) and not history.last.emergency
    if begun or early:
        what = "a cycle of its first day has begun" if begun else "the day before its first is not published yet"
        action = "propose it with a later effective_date" if begun else "activate it once that day is published"
        raise LeveeError(
            Finding(
                "PARAM_STATE",
                f"a policy acts from a cycle boundary: {what}",
                where=history.proposal_id,
                value=begun[0] if begun else day.isoformat(),
                limit=f"{first} and no cycle of it" if begun else (first - timedelta(days=1)).isoformat(),
                action=action,
            )
        )


def _acts(history: History, policy_hash: str) -> bool:
    return history.state == ACTIVE and history.last.policy_hash == policy_hash
