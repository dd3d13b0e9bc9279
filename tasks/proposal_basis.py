"""What the numbers of a proposal rest on: a calibration's report, a policy search's choice, or judgement in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tasks import calibration_evidence, search_evidence
from tasks.model.assurance.policy_change import Change
from tasks.model.errors import Finding, LeveeError

JUDGEMENT = "judgement"  # of the evidence of a proposal


def read(judgement: str, calibration: Path | None, search: Path | None = None) -> dict[str, Any]:
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
        return {JUDGEMENT: judgement.strip()}
    return {calibration_evidence.KEY: calibration_evidence.read(calibration)}


def require(told: Mapping[str, Any], base_policy_hash: str, changed: Collection[Change], where: str) -> None:
    """Raises LeveeError PARAM_STATE where a change is not what a report says, or the report began from another base."""
    for kind in (calibration_evidence, search_evidence):
        if kind.KEY in told:
            kind.require(told[kind.KEY], base_policy_hash, changed, where)


def reason(told: Mapping[str, Any]) -> str:
    """Why the numbers are what they are, in words."""
    chosen = "chosen by a search" if search_evidence.KEY in told else "calibrated"
    return str(told.get(JUDGEMENT) or chosen)
