"""What a policy file must be before it becomes a proposal: named, dated, a change, and none of its steps too large."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tasks.model.assurance.governance import Rails, steps_refused
from tasks.model.errors import Finding, PolicyError

if TYPE_CHECKING:
    from tasks.policy_proposal import Proposal

_LONGEST_NAME = 64
_LONGEST_AHEAD = timedelta(days=366)


def require(found: Proposal, day: date | None, reason: str, rails: Rails | None) -> None:
    """Raises PolicyError with everything that is wrong. day: latest published one; rails: None in an emergency."""
    faults = list(steps_refused(found.changes, rails)) if rails else []
    if not reason.strip():
        faults.append(Finding("USAGE", "a proposal has a reason", action="use --reason"))
    if not found.changes:
        faults.append(Finding("PARAM_STATE", "the policy changes nothing", where=str(found.file)))
    faults += [*_name(found), *(_first_day(found, day) if day else ())]
    if faults:
        raise PolicyError(*faults)


def _name(found: Proposal) -> Iterator[Finding]:
    name = found.policy.policy_id
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        limit = f"1 to {_LONGEST_NAME} printable characters"
        yield _fault(found, "the policy has no name of one line", repr(name[:_LONGEST_NAME]), limit, "policy_id")
    if name == found.base.policy_id:
        what = "the policy has the name of the one it takes the place of"
        yield _fault(found, what, name, "a name of its own", "policy_id")


def _first_day(found: Proposal, day: date) -> Iterator[Finding]:
    first, told = found.policy.effective_date, day.isoformat()
    if first <= day:
        what = "the policy would act on days that are published"
        yield _fault(found, what, first.isoformat(), f"after {told}", "effective_date")
    if first > day + _LONGEST_AHEAD:
        what = "the policy would act so late that nothing known today says what it does then"
        limit = f"{_LONGEST_AHEAD.days} days after {told}"
        yield _fault(found, what, first.isoformat(), limit, "effective_date")


def _fault(found: Proposal, what: str, value: str, limit: str, name: str) -> Finding:
    action = f"give it another {name}"
    return Finding("PARAM_STATE", what, where=str(found.file), value=value, limit=limit, action=action)
