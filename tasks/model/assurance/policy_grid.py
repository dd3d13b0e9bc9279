"""Points of a search for a margin policy: a declared grid, and finer ones between those that were tried.

A point is the active policy with some of its values changed. It is read as any policy, so that none lies outside of its
bounds, and what one change may not do is told with it. Directions that change what margin is made of are tried beside
a few others alone, or their number would multiply. Reference: METHODOLOGY 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tasks.model import policy_file
from tasks.model.assurance.governance import Rails, steps_refused
from tasks.model.assurance.parameter_steps import with_value
from tasks.model.assurance.policy_change import changes
from tasks.model.errors import Finding, PolicyError
from tasks.model.policy import Policy

_DIGITS = 4  # of a number between two others
Held = tuple[Any, ...]  # value of each rule of an axis


@dataclass(frozen=True)
class Axis:
    """A direction of the grid: rules that move together, and the values they take.

    beside: labels of the axes that may move together with this one, which is named where it moves alone; None: all.
    """

    label: str
    rules: tuple[str, ...]
    values: tuple[Held, ...]
    beside: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Candidate:
    """A point of the grid: the content of its policy file, the policy, and what its change of the active one breaks."""

    name: str
    values: Mapping[str, Any]  # by rule
    content: Mapping[str, Any]
    policy: Policy
    too_far: tuple[Finding, ...]


def axes(coins: Iterable[str]) -> tuple[Axis, ...]:
    """The declared grid. A liquidation period below the active one is none: it is the time it takes to close out."""
    seldom = ("weight", "confidence")
    accounts = ("house", "client_omni_net", "client_gross")
    periods = tuple(f"base_margin.liquidation_period_days.{each}.{coin}" for each in accounts for coin in sorted(coins))
    return (
        Axis("half-life", ("base_margin.half_life_days",), ((45,), (70,), (90,), (110,), (180,))),
        Axis("look-back", ("base_margin.lookback_scenarios",), ((1_000,), (1_250,), (1_500,), (2_000,))),
        Axis(
            "weight",
            ("base_margin.stressed_weight_fraction",),
            ((0.0,), (0.20,), (0.25,), (0.30,), (0.50,), (0.75,)),
        ),
        Axis("confidence", ("base_margin.confidence_filtered_fraction",), ((0.97,), (0.975,), (0.98,), (0.99,))),
        Axis("scaling", ("base_margin.scaling",), (("mid",), ("full",), ("none",)), seldom),
        Axis("floor", ("base_margin.long_run_floor",), (("off",), ("on",)), seldom),
        Axis("period", periods, ((3,) * len(periods),), seldom),
        Axis("buffer", ("apc_buffer.mode", "apc_buffer.fraction"), (("off", 0.25), ("on", 0.25)), seldom),
    )


def candidates(
    content: Mapping[str, Any], grid: Sequence[Axis], rails: Rails, points: Iterable[Sequence[Held]] | None = None
) -> tuple[list[Candidate], list[str]]:
    """Points of the grid, the active policy's own values among them, and names of those its bounds refuse.

    content: of the active policy's file; points: other ones, a value for each axis. Raises PolicyError PARAM_STATE
    where the content is no policy.
    """
    active = policy_file.parse(content, "the active policy")
    found, refused = [], []
    for point in every_point(content, grid) if points is None else points:
        name = _name(content, grid, point)
        values = {rule: value for axis, held in zip(grid, point, strict=True) for rule, value in _ruled(axis, held)}
        changed = _with_values(content, values)
        try:
            policy = policy_file.parse(changed, name)
        except PolicyError:
            refused.append(name)
            continue
        found.append(Candidate(name, values, changed, policy, tuple(steps_refused(changes(active, policy), rails))))
    return found, refused


def active_name(content: Mapping[str, Any], grid: Sequence[Axis]) -> str:
    """Name of the point at which the active policy stands."""
    return _name(content, grid, [_held(content, axis) for axis in grid])


def every_point(content: Mapping[str, Any], grid: Sequence[Axis]) -> Iterator[tuple[Held, ...]]:
    """Points of the grid, the active policy's own values among them, each once."""
    active = [_held(content, axis) for axis in grid]
    settings = [dict.fromkeys((*axis.values, held)) for axis, held in zip(grid, active, strict=True)]
    for point in product(*settings):
        moved = [axis for axis, held, base in zip(grid, point, active, strict=True) if held != base]
        if all(axis.beside is None or {each.label for each in moved} <= {axis.label, *axis.beside} for axis in moved):
            yield point


def between(grid: Sequence[Axis], tried: Sequence[Candidate], leader: Candidate) -> Iterator[tuple[Held, ...]]:
    """Points half way from a leader to the next values that were tried, one axis at a time, numbers alone."""
    own = [tuple(leader.values[rule] for rule in axis.rules) for axis in grid]
    for place, axis in enumerate(grid):
        if axis.beside is None:
            at = own[place][0]
            seen = sorted({each.values[axis.rules[0]] for each in tried})
            for other in (*[each for each in seen if each < at][-1:], *[each for each in seen if each > at][:1]):
                middle = 0.5 * (at + other)
                value = round(middle) if isinstance(at, int) and isinstance(other, int) else round(middle, _DIGITS)
                if value not in seen:
                    yield (*own[:place], (value,), *own[place + 1 :])


def _ruled(axis: Axis, held: Held) -> Iterator[tuple[str, Any]]:
    return zip(axis.rules, held, strict=True)


def _held(content: Mapping[str, Any], axis: Axis) -> Held:
    """What the content has along an axis; a name that is not listed has the default's value."""
    found = []
    for rule in axis.rules:
        value: Any = content
        for part in rule.split("."):
            value = value[part] if part in value else value["default"]
        found.append(value)
    return tuple(found)


def _with_values(content: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(content)
    for rule, value in values.items():
        changed = with_value(changed, tuple(rule.split(".")), value)
    return changed


def _name(content: Mapping[str, Any], grid: Sequence[Axis], point: Sequence[Held]) -> str:
    """Values of the axes; those tried beside few others alone are named where they move."""
    pairs = zip(grid, point, strict=True)
    told = [(axis, held) for axis, held in pairs if axis.beside is None or held != _held(content, axis)]
    return ", ".join(f"{axis.label} {_told(held)}" for axis, held in told)


def _told(held: Held) -> str:
    if held[0] == "off":
        return "off"
    told = [each for each in dict.fromkeys(held) if each != "on"]
    return " ".join(each if isinstance(each, str) else _number(each) for each in told) or "on"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
