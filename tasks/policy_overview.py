"""What a person asks about policies: which there are, where proposals stand, what each changes. Reads no database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tasks import decisions, fired_triggers, policy_proposal, policy_states, policy_store
from tasks.home import Home
from tasks.model.assurance.policy_change import changes
from tasks.model.errors import Finding, LeveeError
from tasks.model.policy import Policy
from tasks.policy_states import ACTED, ACTIVE, History

_LISTED = "`levee policy list` names the home's, or give the path of a file"
_SHIPPED, _UNKNOWN = "shipped", "never proposed"


def listed(home: Home) -> dict[str, Any]:
    """Policies of the home by first day, proposals as they were made, reviews that are due, triggers none answered."""
    found = policy_states.shown(home)
    return {
        "policies": [_policy(home, path, found) for path in policy_store.files(home)],
        "proposals": [row(each) for each in found],
        "reviews": [due for each in found if (due := _review(home, each))],
        "triggers_due": fired_triggers.told(fired_triggers.due(home)),
    }


def row(history: History) -> dict[str, str]:
    """Where a proposal stands."""
    first, last = history.events[0], history.last
    return {
        "proposal_id": history.proposal_id,
        "policy_id": str(first.evidence["policy_id"]),
        "policy_hash": last.policy_hash,
        "diff_hash": last.diff_hash,
        "effective_date": last.effective_date.isoformat(),
        "state": history.state,
        "emergency": str(last.emergency),
        "proposed_by": first.user_name,
        "reason": first.reason,
        "next": history.next_step,
    }


def shown(home: Home, proposal_id: str) -> dict[str, Any]:
    """Everything that is kept of a proposal. Raises LeveeError UNKNOWN_ID."""
    history = policy_states.shown_one(home, proposal_id)
    events = [asdict(each) | {"business_date": str(each.business_date or "")} for each in history.events]
    told = {"changes": history.events[0].evidence["diff"]["changes"], "triggers": _triggers(home, proposal_id)}
    return row(history) | {"events": events} | told


def _triggers(home: Home, proposal_id: str) -> list[dict[str, Any]]:
    """Triggers whose review led to a proposal; none of one that a person made."""
    return fired_triggers.answered_by(home, proposal_id)


def diff(home: Home, policy: str, against: str) -> dict[str, Any]:
    """What a policy changes of another, each a proposal's id or a file.

    Raises LeveeError UNKNOWN_ID where it is neither, PolicyError.
    """
    file = _file(home, policy)
    found = policy_proposal.compared(home, file)
    if not against:
        return {"changes": found.diff["changes"], "diff_hash": found.diff_hash}
    return _diff(policy_store.load(_file(home, against)), found.policy)


def _diff(before: Policy, after: Policy) -> dict[str, Any]:
    rows = [asdict(each) for each in changes(before, after)]
    return {"changes": rows, "diff_hash": decisions.subject_hash({"changes": rows})}


def _file(home: Home, named: str) -> Path:
    for path in (policy_proposal.file_of(home, named), home.policy / f"{named}.toml", Path(named)):
        if path.is_file():
            return path
    raise LeveeError(Finding("UNKNOWN_ID", "neither a proposal nor a policy file", value=named, action=_LISTED))


def _policy(home: Home, path: Path, found: Iterable[History]) -> dict[str, str]:
    """A policy of the home and where it comes from."""
    policy = policy_store.load(path)
    acted = [each.proposal_id for each in found if each.state in ACTED and each.last.policy_hash == policy.policy_hash]
    return {
        "policy_id": policy.policy_id,
        "effective_date": policy.effective_date.isoformat(),
        "policy_hash": policy.policy_hash,
        "proposal_id": acted[-1] if acted else _SHIPPED if policy_store.is_shipped(policy) else _UNKNOWN,
    }


def _review(home: Home, history: History) -> dict[str, str] | None:
    """The look back a policy that acts or acted still has to get, DUE or OVERDUE on the house's day."""
    if not history.is_to_be_looked_back_at:
        return None
    by = str(history.of(ACTIVE).evidence["review_by"])
    day = policy_proposal.house_day(home)
    overdue = day is not None and day.isoformat() > by
    return {"proposal_id": history.proposal_id, "review_by": by, "review": "OVERDUE" if overdue else "due"}
