"""Proposed policies: files kept beside the policies in force, and what each changes of the one it takes the place of.

home/proposals/<id>/policy.toml is the file as it was proposed. Everything that is decided about it is bound to the hash
of what it changes: another file, or another policy in force before it, is another diff.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tasks import decisions, policy_states, policy_store, resources, search_evidence, status
from tasks.home import Home, write_atomically
from tasks.model import policy_file
from tasks.model.assurance.governance import Governance, steps_refused
from tasks.model.assurance.policy_change import Change, changes
from tasks.model.errors import Finding, LeveeError, PolicyError
from tasks.model.policy import Policy
from tasks.policy_states import Event, History
from tasks.store import Store

FOLDER = "proposals"
FILE = "policy.toml"
TERMS = "reference/governance.toml"
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Proposal:
    """A proposed policy as it is now, beside the policy it takes the place of."""

    file: Path
    policy: Policy
    base_file: Path
    base: Policy
    changes: tuple[Change, ...]

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


def compared(home: Home, file: Path) -> Proposal:
    """A policy file beside the policy in force on the day before its first. Raises PolicyError."""
    policy = policy_store.load(file)
    base_file = policy_store.file_in_force(home, policy.effective_date - _ONE_DAY)
    return beside(file, base_file, policy_store.load(base_file))


def beside(file: Path, base_file: Path, base: Policy) -> Proposal:
    """A policy file beside a policy. Raises PolicyError."""
    policy = policy_store.load(file)
    return Proposal(file, policy, base_file, base, tuple(changes(base, policy)))


def of(home: Home, history: History) -> Proposal:
    """A proposal as its file and the policies in force are now."""
    return compared(home, file_of(home, history.proposal_id))


def unchanged(home: Home, history: History) -> Proposal:
    """The same. Raises LeveeError STALE_APPROVAL where it is not what was proposed."""
    found = of(home, history)
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


def propose(home: Home, store: Store, file: Path, user: str, reason: str, emergency: bool) -> History:
    """Make a draft of a policy file.

    Raises PolicyError for a file that is none, LeveeError PARAM_STATE where it changes nothing or is dated before the
    next business date, STEP_LIMIT where a number moves too far and it is no emergency, USAGE without a reason.
    """
    found = compared(home, file)
    _require_fit(home, found, reason, emergency)
    same = [each for each in policy_states.histories(store) if each.last.policy_hash == found.policy.policy_hash]
    name = f"{found.base.policy_hash}|{found.policy.policy_hash}|{len(same) + 1}"
    proposal_id = f"P-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    write_atomically(file_of(home, proposal_id), file.read_bytes())
    first = Event(
        proposal_id=proposal_id,
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
        evidence={"policy_id": found.policy.policy_id, "diff": found.diff},
        event_ts=policy_states.now(),
    )
    return policy_states.begin(store, first)


def justify(home: Home, store: Store, proposal_id: str, user: str, evidence: Mapping[str, Any]) -> History:
    """Say what the numbers rest on: a calibration's report, a policy search's choice, or judgement in words.

    evidence: `calibration` (as_of, coins, data_hash, …), `search` (as `levee optimise` writes it) or `judgement`.
    Raises LeveeError PARAM_STATE, STALE_APPROVAL.
    """
    history = policy_states.history(store, proposal_id)
    found = unchanged(home, history)
    _require_calibrated(proposal_id, found, evidence)
    if search_evidence.KEY in evidence:
        search_evidence.require(evidence[search_evidence.KEY], found.base.policy_hash, found.changes, proposal_id)
    chosen = "chosen by a search" if search_evidence.KEY in evidence else "calibrated"
    reason = str(evidence.get("judgement") or chosen)
    return policy_states.move(
        store, history, policy_states.CALIBRATED, user, reason, business_date=house_day(home), evidence=evidence
    )


def _require_calibrated(proposal_id: str, found: Proposal, evidence: Mapping[str, Any]) -> None:
    """Raises LeveeError PARAM_STATE where a calibration is named that says nothing of a number that changes."""
    if "calibration" not in evidence:
        return
    told = evidence["calibration"].get("changes", {})
    others = [each.rule_id for each in found.changes if each.rule_id not in told]
    if others:
        raise LeveeError(
            Finding(
                "PARAM_STATE",
                "the calibration says nothing of a number that changes",
                where=proposal_id,
                value=" ".join(others),
                action="propose what it found, or give the --judgement the number rests on",
            )
        )


def evidence(judgement: str, calibration: Path | None, search: Path | None = None) -> dict[str, Any]:
    """What a draft's numbers rest on. Raises LeveeError USAGE unless it is one of these, or the report is none."""
    if sum(map(bool, (judgement.strip(), calibration, search))) != 1:
        raise LeveeError(
            Finding(
                "USAGE",
                "the numbers rest on a calibration, on a search or on judgement",
                action="use one of the options",
            )
        )
    if search:
        return {search_evidence.KEY: search_evidence.read(search)}
    if not calibration:
        return {"judgement": judgement.strip()}
    try:
        report = json.loads(calibration.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LeveeError(
            Finding("USAGE", "no report of a calibration", where=str(calibration), action="`levee calibrate --json`")
        ) from error
    return {"calibration": report}


def _require_fit(home: Home, found: Proposal, reason: str, emergency: bool) -> None:
    faults = [] if emergency else list(steps_refused(found.changes, terms().rails))
    day = house_day(home)
    if not reason.strip():
        faults.append(Finding("USAGE", "a proposal has a reason", action="use --reason"))
    if not found.changes:
        faults.append(Finding("PARAM_STATE", "the policy changes nothing", where=str(found.file)))
    if found.policy.policy_id == found.base.policy_id:
        faults.append(
            Finding(
                "PARAM_STATE",
                "the policy has the name of the one it takes the place of",
                where=str(found.file),
                value=found.policy.policy_id,
                action="give it a policy_id of its own",
            )
        )
    if day and found.policy.effective_date <= day:
        faults.append(
            Finding(
                "PARAM_STATE",
                "the policy would act on days that are published",
                where=str(found.file),
                value=found.policy.effective_date.isoformat(),
                limit=f"after {day.isoformat()}",
                action="give it a later effective_date",
            )
        )
    if faults:
        raise PolicyError(*faults)
