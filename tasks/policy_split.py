"""A change that is too large for one step as the policy files it is reached in, to be proposed one after the other."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from tasks import policy_proposal, policy_toml
from tasks.home import Home, write_atomically
from tasks.model import policy_file
from tasks.model.assurance.governance import Rails, steps_refused
from tasks.model.assurance.policy_change import changes, stages
from tasks.model.errors import Finding, PolicyError
from tasks.model.policy import Policy


def split(home: Home, file: Path, folder: Path) -> list[Path]:
    """Write the stages a policy is reached in without a step that is too large, each noticed after the one before acts.

    Raises PolicyError; STEP_LIMIT where a list moves too far, which nothing parts.
    """
    found, governance = policy_proposal.compared(home, file), policy_proposal.terms()
    largest = governance.rails.largest_step_fraction
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    parts = stages(tomllib.loads(found.base_file.read_text(encoding="utf-8")), content, largest)
    apart = timedelta(days=max(governance.rails.rise_notice_days) + 1)
    written, before = [], found.base
    for number, part in enumerate(parts, start=1):
        stage = part | {
            "policy_id": f"{found.policy.policy_id}-{number}-OF-{len(parts)}",
            "effective_date": _later(found.policy.effective_date, (number - 1) * apart),
        }
        policy = policy_file.parse(stage, f"stage {number}")
        _require_within(before, policy, governance.rails)
        before = policy
        path = folder / f"{stage['effective_date'].isoformat()}.toml"
        remark = f"Stage {number} of {len(parts)} towards {found.policy.policy_id}."
        write_atomically(path, policy_toml.text(stage, remark).encode())
        written.append(path)
    return written


def _require_within(before: Policy, after: Policy, rails: Rails) -> None:
    refused = list(steps_refused(changes(before, after), rails))
    if refused:
        stated = "change the list by hand, step by step; or propose it as an --emergency"
        raise PolicyError(*(replace(each, action=stated) for each in refused))


def _later(first: date, apart: timedelta) -> date:
    """Raises PolicyError PARAM_STATE where the calendar ends before."""
    try:
        return first + apart
    except OverflowError as error:
        raise PolicyError(
            Finding("PARAM_STATE", "the stages go beyond the calendar", value=first.isoformat(), limit=str(date.max))
        ) from error
