"""What one policy changes of another: every rule with its value before and after and the size of the step, and stages.

The step of a number is its change over what it was; of a confidence, of its distance to one; of a number that was
zero, the share of its bounds. A list of numbers that has another length moves by what it declares (`relisted`). A word,
a date or a seed has no size: a choice of method.
A change too large for one step is parted into stages in equal ratios, as many as the largest of them needs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tasks.model import policy_file
from tasks.model.assurance import parameter_steps, relisted
from tasks.model.errors import Finding, PolicyError
from tasks.model.policy import Policy

HEADER = ("policy_id", "effective_date")
_DIGITS = 12
_MOST_STAGES = 50
_ALLOWED_FOR = 1e-9


@dataclass(frozen=True)
class Change:
    """One rule before and after, as texts, with its unit (empty for a choice) and its step (None: has no size)."""

    rule_id: str
    unit: str
    before: str
    after: str
    step: float | None


def changes(before: Policy, after: Policy) -> list[Change]:
    """Every rule that differs, in the order of the policy after; a name that is not listed has the default's value."""
    old, new, described = policy_file.flat(before), policy_file.flat(after), policy_file.describe()
    found = []
    for rule_id in (*new, *(each for each in old if each not in new)):
        pair = _value(old, rule_id), _value(new, rule_id)
        if rule_id in HEADER or pair[0] == pair[1]:
            continue
        bound = described.get(rule_id) or described.get(f"{rule_id.rpartition('.')[0]}.*")
        step = _step(rule_id, old, new, described) if bound else None
        found.append(Change(rule_id, bound[0] if bound else "", *pair, step))
    return found


def stages(content: Mapping[str, Any], proposed: Mapping[str, Any], largest: float) -> list[dict[str, Any]]:
    """Contents of the policies that lead from one to the other, none of whose steps is larger; the last is `proposed`.

    What has no size changes with the last. Raises PolicyError STEP_LIMIT where fifty stages are too few.
    """
    described = policy_file.describe()
    moved = list(_numbers(content, proposed, ()))
    bounds = {place: _reach(described.get(".".join(place)) or _of_table(described, place)) for place, *_ in moved}
    for count in range(1, _MOST_STAGES + 1):
        paths = {place: _path(place, old, new, count) for place, old, new in moved}
        if all(_fits(place, [old, *paths[place]], bounds[place], largest) for place, old, _ in moved):
            return [_stage(content, paths, at) for at in range(count - 1)] + [dict(proposed)]
    raise PolicyError(
        Finding("STEP_LIMIT", "no fifty stages lead there", limit=str(largest), action="propose a smaller change")
    )


def _value(flat: Mapping[str, str], rule_id: str) -> str:
    """Of a rule, or of its table's default, empty where neither stands."""
    return flat.get(rule_id, flat.get(f"{rule_id.rpartition('.')[0]}.default", ""))


def _reach(bound: tuple[str, str, str]) -> float:
    """The largest a number may be, either way."""
    return max(abs(float(bound[1])), abs(float(bound[2])))


def _step(
    rule_id: str, before: Mapping[str, str], after: Mapping[str, str], described: Mapping[str, tuple[str, str, str]]
) -> float | None:
    """Of a rule that has bounds and differs; None for a seed."""
    table, _, name = rule_id.rpartition(".")
    if name == "seed":
        return None
    old, new = _floats(_value(before, rule_id)), _floats(_value(after, rule_id))
    if len(old) == len(new):
        reach = _reach(described.get(rule_id) or described[f"{table}.*"])
        return max(_size(rule_id, a, b, reach) for a, b in zip(old, new, strict=True))
    lists, new_lists = _lists(table, before, described), _lists(table, after, described)
    values = f"{table}.{relisted.values_of(name, new_lists)}"
    size = partial(_size, values, reach=_reach(described[values]))
    return relisted.step(values.rpartition(".")[2], lists, new_lists, size)


def _lists(
    table: str, flat: Mapping[str, str], described: Mapping[str, tuple[str, str, str]]
) -> dict[str, list[float]]:
    """The numbers of a table by their names, each as a list."""
    named = {rule_id: rule_id.rpartition(".") for rule_id in flat if rule_id in described}
    return {name: _floats(flat[rule_id]) for rule_id, (of, _, name) in named.items() if of == table}


def _size(rule_id: str, old: float, new: float, reach: float) -> float:
    if _is_confidence(rule_id):
        old, new = 1.0 - old, 1.0 - new
    return abs(new - old) / (abs(old) or reach)


def _is_confidence(rule_id: str) -> bool:
    return any(part.startswith("confidence") for part in rule_id.split("."))


def _floats(text: str) -> list[float]:
    return [float(each) for each in text.split()]


def _numbers(old: Any, new: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float, float]]:
    """Places of single numbers that differ; an entry a table gains starts at the table's default."""
    for name in new:
        before, after = old.get(name, old.get("default")), new[name]
        if isinstance(after, Mapping) and isinstance(before, Mapping):
            yield from _numbers(before, after, (*place, name))
        elif _is_number(before) and _is_number(after) and before != after and name != "seed":
            yield (*place, name), before, after


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_table(described: Mapping[str, tuple[str, str, str]], place: tuple[str, ...]) -> tuple[str, str, str]:
    return described[".".join((*place[:-1], "*"))]


def _path(place: tuple[str, ...], old: float, new: float, count: int) -> list[float]:
    """Numbers after each stage: in equal ratios, of the distance to one for a confidence, else in equal parts."""
    apart = _is_confidence(".".join(place))
    first, last = (1.0 - old, 1.0 - new) if apart else (float(old), float(new))
    found = [_between(first, last, at / count) for at in range(1, count)]
    values = [round(1.0 - each if apart else each, _DIGITS) for each in found]
    return [*(round(each) if isinstance(old, int) else each for each in values), new]


def _between(first: float, last: float, share: float) -> float:
    if first * last > 0.0:
        return math.copysign(abs(first) ** (1.0 - share) * abs(last) ** share, first)
    return first + (last - first) * share


def _fits(place: tuple[str, ...], path: Sequence[float], reach: float, largest: float) -> bool:
    rule_id = ".".join(place)
    pairs = itertools.pairwise(path)
    return all(_size(rule_id, old, new, reach) <= largest + _ALLOWED_FOR for old, new in pairs)


def _stage(content: Mapping[str, Any], paths: Mapping[tuple[str, ...], Sequence[float]], at: int) -> dict[str, Any]:
    made = dict(content)
    for place, path in paths.items():
        made = parameter_steps.with_value(made, place, path[at])
    return made
