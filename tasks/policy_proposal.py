"""Proposed policies: files kept beside the policies in force, and what each changes of the one it takes the place of.

home/proposals/<id>/policy.toml is the file as it was proposed. Everything that is decided about it is bound to the hash
of what it changes: another file, or another policy in force before it, is another diff.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tasks import decisions, policy_fit, policy_states, policy_store, proposal_basis, resources, status
from tasks.home import Home, write_atomically
from tasks.model import policy_file
from tasks.model.assurance.governance import Governance
from tasks.model.assurance.policy_change import Change, changes
from tasks.model.errors import Finding, LeveeError
from tasks.model.policy import Policy
from tasks.policy_states import Event, History
from tasks.store import Store

FOLDER = "proposals"
FILE = "policy.toml"
TERMS = "reference/governance.toml"


@dataclass(frozen=True)
class Proposal:
    """A proposed policy as it is now, beside the policy it takes the place of."""

    file: Path
    policy: Policy
    base_file: Path
    base: Policy
    changes: tuple[Change, ...]

    @property
    def text(self) -> str:
        """The file as members are told it. Raises LeveeError STALE_APPROVAL where it was changed meanwhile."""
        found = self.file.read_text(encoding="utf-8")
        if policy_file.content_hash(tomllib.loads(found)) != self.policy.policy_hash:
            raise LeveeError(
                Finding(
                    "STALE_APPROVAL", "the file was changed while it was read", where=str(self.file), action="try again"
                )
            )
        return found

    @property
    def diff(self) -> dict[str, Any]:
        """What it changes, as it is approved."""
        return {
            "policy_hash": self.policy.policy_hash,
            "base_policy_hash": self.base.policy_hash,
            "effective_date": self.policy.effective_date.isoformat(),
            "changes": [asdict(each) for each in self.changes],
        }

    @property
    def diff_hash(self) -> str:
        """sha256 of the diff."""
        return decisions.subject_hash(self.diff)


def terms() -> Governance:
    """Terms of a policy change. Raises PolicyError PARAM_STATE."""
    content = tomllib.loads(resources.data(TERMS).read_text(encoding="utf-8"))
    read: Governance = policy_file.table(Governance, content, TERMS)
    return read


def house_day(home: Home) -> date | None:
    """Business date of the latest published end of day, None where nothing is out."""
    return max(status.in_force(home), default=None)


def required_day(home: Home) -> date:
    """The same. Raises LeveeError PARAM_STATE where nothing is out."""
    found = house_day(home)
    if found is None:
        raise LeveeError(
            Finding("PARAM_STATE", "no end of day is published in this home", action="run `levee cycle run` first")
        )
    return found


def require_none_out(home: Home, store: Store, where: str) -> None:
    """Raises LeveeError PARAM_STATE where a cycle is out or about to be: what comes then is a change."""
    found = (
        house_day(home)
        or store.read("SELECT max(business_date) FROM control.release JOIN control.cycle_run USING (run_id)").item()
    )
    if found:
        what = "a house opens on a policy before its first end of day is out"
        action = "propose it without --opening, from a later effective_date"
        raise LeveeError(Finding("PARAM_STATE", what, where=where, value=found.isoformat(), action=action))


def published_run(home: Home) -> str:
    """The run whose figures are out for that day. Raises LeveeError PARAM_STATE where nothing is out."""
    return status.in_force(home)[required_day(home)]


def compared(home: Home, file: Path, store: Store | None = None) -> Proposal:
    """A policy file beside the policy that acts on its first day but for it. Raises PolicyError.

    What was activated for the same day meanwhile is what it takes the place of, and so makes another diff.
    """
    policy = policy_store.load(file)
    base_file = policy_store.file_in_force(home, policy.effective_date, store, policy.policy_hash)
    return beside(file, base_file, policy_store.load(base_file))


def beside(file: Path, base_file: Path, base: Policy) -> Proposal:
    """A policy file beside a policy. Raises PolicyError."""
    policy = policy_store.load(file)
    return Proposal(file, policy, base_file, base, tuple(changes(base, policy)))


def of(home: Home, store: Store, history: History) -> Proposal:
    """A proposal as its file and the policies in force are now."""
    return compared(home, file_of(home, history.proposal_id), store)


def unchanged(home: Home, store: Store, history: History) -> Proposal:
    """The same. Raises LeveeError STALE_APPROVAL where it is not what was proposed."""
    found = of(home, store, history)
    if found.diff_hash != history.last.diff_hash:
        raise LeveeError(
            Finding(
                "STALE_APPROVAL",
                "what the proposal changes is not what it was when it was proposed",
                where=history.proposal_id,
                value=found.diff_hash[:16],
                limit=history.last.diff_hash[:16],
                action="look at `levee policy diff`, then propose the file anew",
            )
        )
    return found


def file_of(home: Home, proposal_id: str) -> Path:
    """Where a proposal's file is kept."""
    return home.root / FOLDER / proposal_id / FILE


def propose(
    home: Home,
    store: Store,
    file: Path,
    user: str,
    reason: str,
    emergency: bool,
    rests_on: Mapping[str, Any] | None = None,
    opening: bool = False,
) -> History:
    """Make a draft of a policy file, and say what its numbers rest on where that is known: both or nothing.

    What the same person proposes again for the same reason is the proposal there is. rests_on: as for `justify`;
    opening: it is what the house begins with, and no step from anything. Raises PolicyError for a file that is none,
    LeveeError PARAM_STATE where it changes nothing, is dated before the next business date, is not what it rests on, or
    opens a house in which a day is out, STEP_LIMIT where a number moves too far and it is no emergency, USAGE without a
    reason.
    """
    found = compared(home, file, store)
    if opening:
        require_none_out(home, store, str(file))
    policy_fit.require(found, house_day(home), reason, None if emergency or opening else terms().rails)
    if rests_on:
        proposal_basis.require(rests_on, found.base.policy_hash, found.changes, str(file))
    same = [each for each in policy_states.histories(store) if each.last.policy_hash == found.policy.policy_hash]
    known = {policy_states.OPENING: True} if opening else {}
    draft = _draft(home, found, len(same) + 1, user, reason, emergency, known)
    standing = [each for each in same if _is_proposed_so(each, draft, rests_on)]
    if standing:
        return standing[-1]
    write_atomically(file_of(home, draft.proposal_id), file.read_bytes())
    with store.joined():
        made = policy_states.begin(store, draft)
        return _resting(home, store, made, user, rests_on) if rests_on else made


def _draft(
    home: Home, found: Proposal, number: int, user: str, reason: str, emergency: bool, known: Mapping[str, Any]
) -> Event:
    """The first event of the proposal of that number of its policy."""
    name = f"{found.base.policy_hash}|{found.policy.policy_hash}|{number}"
    return Event(
        proposal_id=f"P-{hashlib.sha256(name.encode()).hexdigest()[:12]}",
        event_no=1,
        state=policy_states.DRAFT,
        policy_hash=found.policy.policy_hash,
        base_policy_hash=found.base.policy_hash,
        diff_hash=found.diff_hash,
        effective_date=found.policy.effective_date,
        business_date=house_day(home),
        emergency=emergency,
        user_name=user,
        reason=reason.strip(),
        decision_id="",
        evidence={"policy_id": found.policy.policy_id, "diff": found.diff, **known},
        event_ts=policy_states.now(),
    )


def _is_proposed_so(standing: History, draft: Event, rests_on: Mapping[str, Any] | None) -> bool:
    """Whether a proposal that is still on its way began as the draft, and rests on the same."""
    first = standing.events[0]
    kept = next((each.evidence for each in standing.events if each.state == policy_states.CALIBRATED), None)
    return (
        standing.state not in (policy_states.ACTIVE, *policy_states.ENDED)
        and decisions.same_person(first.user_name, draft.user_name)
        and (first.reason, first.emergency, first.diff_hash) == (draft.reason, draft.emergency, draft.diff_hash)
        and standing.opens == History((draft,)).opens
        and policy_file.canonical(kept or {}) == policy_file.canonical(rests_on or {})
    )


def justify(home: Home, store: Store, proposal_id: str, user: str, evidence: Mapping[str, Any]) -> History:
    """Say what the numbers rest on: a calibration's report, a policy search's choice, or judgement in words.

    evidence: `calibration` (as PC01.json holds it), `search` (as `levee optimise` writes it) or `judgement`.
    Raises LeveeError PARAM_STATE, STALE_APPROVAL.
    """
    history = policy_states.history(store, proposal_id)
    found = unchanged(home, store, history)
    proposal_basis.require(evidence, found.base.policy_hash, found.changes, proposal_id)
    return _resting(home, store, history, user, evidence)


def _resting(home: Home, store: Store, history: History, user: str, evidence: Mapping[str, Any]) -> History:
    reason, day = proposal_basis.reason(evidence), house_day(home)
    return policy_states.move(
        store, history, policy_states.CALIBRATED, user, reason, business_date=day, evidence=evidence
    )
