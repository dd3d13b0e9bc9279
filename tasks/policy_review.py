"""A review of the policy that nobody has to type: calibrate, draft, test, assess, and leave the rest to persons.

What data contradict of the policy in force becomes a proposal, its first stage where the way is too long for one step.
It ends at the impact: to review and approve it takes two persons.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tasks import (
    calibration,
    ledgers,
    policy_coverage,
    policy_impact,
    policy_proposal,
    policy_reports,
    policy_store,
    policy_toml,
)
from tasks.home import Home, write_atomically
from tasks.model.assurance.policy_change import stages
from tasks.policy_states import History
from tasks.store import Store

COMMAND = "policy review"


@dataclass(frozen=True)
class Draft:
    """A drafted policy file and the report of the calibration it comes from."""

    file: Path
    report: Mapping[str, Any]


def draft(home: Home, market_data: Path, coins: tuple[str, ...]) -> Draft | None:
    """Calibrate as of the last published end of day and write what follows; None where nothing is to be changed.

    Raises LeveeError as `calibration.calibrate`, PARAM_STATE where nothing is published.
    """
    day = policy_proposal.required_day(home)
    base_file = policy_store.file_in_force(home, day)
    found = calibration.calibrate(base_file, market_data, day, coins)
    folder = calibration.write(home, found)[calibration.POLICY_FILE].parent
    report = found.as_dict()
    if not report["changes"]:
        return None
    rails = policy_proposal.terms().rails
    first = day + timedelta(days=1 + max(rails.rise_notice_days))
    content = dict(found.content) | {"effective_date": first}
    base = tomllib.loads(base_file.read_text(encoding="utf-8"))
    stage = stages(base, content, rails.largest_step_fraction)[0]
    named = stage | {"policy_id": content["policy_id"], "effective_date": first}
    file = folder / "draft.toml"
    write_atomically(file, policy_toml.text(named, f"Drafted from calibration {found.calibration_id}.").encode())
    return Draft(file, report)


def assess(home: Home, made: Draft, reason: str, user: str, wait_seconds: float = 0.0) -> History:
    """Take a draft as far as its impact. Raises LeveeError as the steps do, LEASE_HELD where the home is busy."""
    with home.locked(COMMAND, wait_seconds), Store(home.database) as store:
        proposal = policy_proposal.propose(home, store, made.file, user, reason, emergency=False).proposal_id
        policy_proposal.justify(home, store, proposal, user, {"calibration": made.report})
        policy_coverage.test(home, store, proposal, user)
        history, found = policy_impact.assess(home, store, proposal, user)
        policy_reports.write_impact(home, history, found)
        ledgers.show(home, store)
    return history
