"""What a search for a policy says of the one it chose, as what a proposal rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from tasks import proposal_evidence
from tasks.model.assurance.policy_change import Change
from tasks.model.errors import Finding, LeveeError

KEY = "search"  # of the evidence of a proposal
_TEXTS = ("as_of", "base_policy_hash", "data_hash", "policy_hash", "reason", "search_id")


def identify(told: Mapping[str, Any]) -> str:
    """Short hash of everything that is told beside it."""
    return proposal_evidence.identify({name: value for name, value in told.items() if name != "search_id"})


def read(path: Path) -> dict[str, Any]:
    """The evidence of a file. Raises LeveeError USAGE where it is none, or not as it was written."""
    action = "give the .json beside the policy as `levee optimise --out` wrote both"
    return proposal_evidence.read(path, _faults, "evidence of a policy search", action)


def require(told: Mapping[str, Any], base_policy_hash: str, changed: Iterable[Change], where: str) -> None:
    """Raises LeveeError PARAM_STATE where it began from another policy, or something that changes is not what it chose.

    A number may go part of the way from where it is to what was chosen: a stage of a change that is too large for one.
    """
    faults = []
    if told["base_policy_hash"] != base_policy_hash:
        faults.append(_fault("the search began from another policy than the one that is replaced", where))
    for each in changed:
        chosen = told["changes"].get(each.rule_id)
        if chosen is None or not proposal_evidence.is_on_the_way(each, str(chosen)):
            what = "something changes that the search did not choose so"
            faults.append(_fault(what, where, f"{each.rule_id} {each.after}", str(chosen)))
    if faults:
        raise LeveeError(*faults)


def _faults(told: Any) -> Iterator[str]:
    if not isinstance(told, dict):
        yield "it is no table"
        return
    yield from (f"{name} is no text" for name in _TEXTS if not isinstance(told.get(name), str))
    coins = told.get("coins")
    if not isinstance(coins, list) or not coins or not all(isinstance(each, str) for each in coins):
        yield "coins are no names"
    for name in ("as_of", "effective_date", *(["from"] if told.get("from") is not None else [])):
        date.fromisoformat(str(told.get(name)))
    if not isinstance(told.get("changes"), dict) or not told["changes"]:
        yield "it changes nothing"
    elif identify(told) != told["search_id"]:
        yield "it was changed since it was written"


def _fault(what: str, where: str, value: str = "", limit: str = "") -> Finding:
    return Finding("PARAM_STATE", what, where=where, value=value, limit=limit, action="search again, or propose that")
