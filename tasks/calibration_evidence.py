"""A calibration's report as what a proposal rests on: read from a file, and held against what is proposed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from tasks import proposal_evidence
from tasks.model.assurance.policy_change import Change
from tasks.model.errors import Finding, LeveeError

KEY = "calibration"  # of the evidence of a proposal
_TEXTS = ("calibration_id", "as_of", "base_policy_hash", "policy_hash", "data_hash")


def identify(as_of: str, base_policy_hash: str, estimates: list[dict[str, Any]]) -> str:
    """Short hash of the day, the policy a calibration began from, and everything that was found."""
    return proposal_evidence.identify({"as_of": as_of, "base": base_policy_hash, "found": estimates})


def read(path: Path) -> dict[str, Any]:
    """The report of a file. Raises LeveeError USAGE where it is none, or not as it was written."""
    action = "give PC01.json as `levee calibrate` wrote it"
    return proposal_evidence.read(path, _faults, "report of a calibration", action)


def require(report: Mapping[str, Any], base_policy_hash: str, changed: Iterable[Change], where: str) -> None:
    """Raises LeveeError PARAM_STATE where it began from another policy, or a number that changes is not what it found.

    A number may go part of the way from where it is to what was found: a stage of a change that is too large for one.
    """
    faults = [] if report["base_policy_hash"] == base_policy_hash else [_other_base(report, base_policy_hash, where)]
    faults += [found for each in changed if (found := _unlike(each, report["changes"], where))]
    if faults:
        raise LeveeError(*faults)


def _faults(report: Any) -> Iterator[str]:
    """What is wrong with its form, and with its id where that is right."""
    if not isinstance(report, dict):
        yield "it is no table"
        return
    yield from (f"{name} is no text" for name in _TEXTS if not isinstance(report.get(name), str))
    coins, found, estimates = (report.get(name) for name in ("coins", "changes", "estimates"))
    if not (isinstance(coins, list) and coins and all(isinstance(each, str) for each in coins)):
        yield "coins are no names"
    if not isinstance(found, dict) or not all(map(_is_number, found.values())):
        yield "changes are no numbers by rule"
    if not isinstance(estimates, list) or not all(isinstance(each, dict) for each in estimates):
        yield "estimates are no rows"
    else:
        yield from _contradictions(report, estimates)


def _contradictions(report: Mapping[str, Any], estimates: list[dict[str, Any]]) -> Iterator[str]:
    """The id is the hash of the day, the base and the estimates; what changes is what the estimates propose."""
    as_of, base = report.get("as_of"), report.get("base_policy_hash")
    if not isinstance(as_of, str) or not isinstance(base, str):
        return
    date.fromisoformat(as_of)
    if report.get("effective_date") is not None:
        date.fromisoformat(str(report["effective_date"]))
    if identify(as_of, base, estimates) != report.get("calibration_id"):
        yield "it was changed since it was written"
    proposed = {str(row.get("parameter")) for row in estimates if row.get("outcome") == "PROPOSED"}
    if isinstance(report.get("changes"), dict) and set(report["changes"]) != proposed:
        yield "what it changes is not what its estimates propose"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _other_base(report: Mapping[str, Any], base_policy_hash: str, where: str) -> Finding:
    return Finding(
        "PARAM_STATE",
        "the calibration began from another policy than the one that is replaced",
        where=where,
        value=str(report["base_policy_hash"])[:16],
        limit=base_policy_hash[:16],
        action="calibrate again from the policy in force",
    )


def _unlike(change: Change, found: Mapping[str, float], where: str) -> Finding | None:
    """What is wrong with a number that changes, None where it is on the way to what was found."""
    told = found.get(change.rule_id)
    if told is None:
        what, limit = "the calibration says nothing of a number that changes", ""
    elif proposal_evidence.is_on_the_way(change, str(told)):
        return None
    else:
        what, limit = "a number is not what the calibration found", f"{change.before} to {told:g}"
    return Finding(
        "PARAM_STATE",
        what,
        where=where,
        value=f"{change.rule_id} {change.after}",
        limit=limit,
        action="propose what it found, or give the --judgement the number rests on",
    )
