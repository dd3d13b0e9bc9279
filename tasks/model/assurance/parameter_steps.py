"""A policy with one of its numbers moved by its declared step: what sensitivities are measured with.

The step is the same rule for every field, so that nobody chooses it field by field:
    a confidence: a tenth of its distance to one, towards one
    a number:     a tenth of itself, away from zero; a whole number at least one; zero a hundredth of its range
or the other way where its bound is in the way. A table by name is moved entry by entry, a list as a whole, in which a
zero stays where it is. The moved file is read as any other, so that a step a policy may not take is refused and told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.model import policy_file
from tasks.model.errors import PolicyError
from tasks.model.policy import Policy

SHARE, SHARE_OF_RANGE = 0.1, 0.01
_DIGITS = 12  # of a moved number: a tenth more of 0.1 is 0.11


@dataclass(frozen=True)
class Step:
    """One number before and after, and the policy with it; None and why where it may not be moved so."""

    rule_id: str
    unit: str
    before: str
    after: str
    policy: Policy | None
    refused: str = ""


def steps(content: Mapping[str, Any]) -> Iterator[Step]:
    """Every number of a policy file's content, in the order of the policy's fields. A seed is no parameter of risk."""
    content = policy_file.completed(content)
    for rule_id, (unit, low, high) in policy_file.describe().items():
        if rule_id.rpartition(".")[2] == "seed":
            continue
        table = rule_id.endswith(".*")
        path = tuple(rule_id.removesuffix(".*").split("."))
        value = _at(content, path)
        for key in value if table else ("",):
            place = (*path, key) if table else path
            yield _step(content, place, unit, float(low), float(high))


def moved(value: Any, name: str, low: float, high: float) -> Any:
    """A number or every number of a list, moved; of the same type. low, high: inclusive bounds."""
    if isinstance(value, list):
        return [moved(each, name, low, high) if each else each for each in value]
    size = _size(value, name, low, high)
    after = round(value + size, _DIGITS)
    if not low <= after <= high:
        after = round(value - size, _DIGITS)
    return int(after) if isinstance(value, int) else after


def _size(value: float, name: str, low: float, high: float) -> float:
    if name.startswith("confidence"):
        return SHARE * (1.0 - value)
    size = SHARE * value or SHARE_OF_RANGE * (high - low)
    return math.copysign(max(1.0, float(round(abs(size)))), size) if isinstance(value, int) else size


def _step(content: Mapping[str, Any], place: tuple[str, ...], unit: str, low: float, high: float) -> Step:
    rule_id = ".".join(place)
    before = _at(content, place)
    after = moved(before, _name(place), low, high)
    told = (rule_id, unit, str(before), str(after))
    try:
        return Step(*told, policy_file.parse(with_value(content, place, after), f"{rule_id} moved"))
    except PolicyError as error:
        return Step(*told, None, str(error))


def with_value(content: Mapping[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The content with another value at a place."""
    first, *rest = place
    return {**content, first: with_value(content[first], tuple(rest), value) if rest else value}


def _name(place: tuple[str, ...]) -> str:
    """Of the field a value belongs to."""
    return next((part for part in reversed(place) if part.startswith("confidence")), place[-1])


def _at(content: Any, place: tuple[str, ...]) -> Any:
    for part in place:
        content = content[part]
    return content
