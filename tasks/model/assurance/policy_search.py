"""Search for a margin policy on a declared grid: chosen on the first half of each portfolio's days, judged on the rest.

A candidate is the active policy with the values of one point of the grid. It is read as any policy, so that none lies
outside of its bounds, and it may be chosen where the guard rails let one change lead there: no number moves further
than a step may, and no rate rises further than a notice allows on the day of the choice. The first half ends so many
days before the split as its last loss takes to be known: nothing of the second half is seen. Reference: METHODOLOGY 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from tasks.model import policy_file
from tasks.model.assurance.frontier import Figures, figures, least
from tasks.model.assurance.governance import Effect, Rails, rise_refused, steps_refused
from tasks.model.assurance.parameter_steps import with_value
from tasks.model.assurance.policy_change import changes
from tasks.model.assurance.rate_path import RatePath
from tasks.model.errors import Finding, PolicyError
from tasks.model.policy import Policy


@dataclass(frozen=True)
class Axis:
    """A direction of the grid: rules that move together, and the values they take.

    beside: labels of the axes that may move together with this one; None: all of them.
    """

    label: str
    rules: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    beside: tuple[str, ...] | None = None


AXES = (
    Axis("half-life", ("base_margin.half_life_days",), ((70,), (90,), (110,))),
    Axis("look-back", ("base_margin.lookback_scenarios",), ((1_000,), (1_500,))),
    Axis("weight", ("base_margin.stressed_weight_fraction",), ((0.0,), (0.20,), (0.25,), (0.30,), (0.50,))),
    Axis("confidence", ("base_margin.confidence_filtered_fraction",), ((0.97,), (0.975,))),
    Axis("buffer", ("apc_buffer.mode", "apc_buffer.fraction"), (("off", 0.25), ("on", 0.25)), ("weight",)),
)


@dataclass(frozen=True)
class Candidate:
    """A point of the grid: the content of its policy file, the policy, and what its change of the active one breaks."""

    name: str
    values: Mapping[str, Any]  # by rule
    content: Mapping[str, Any]
    policy: Policy
    too_far: tuple[Finding, ...]


@dataclass(frozen=True)
class Trial:
    """A candidate with its figures on the first half, and its largest rise over the active policy on its last day."""

    candidate: Candidate
    first: Figures
    rise: float  # fraction of the active policy's rate, of the portfolio that rises most
    refused: tuple[Finding, ...]  # guard rails it breaks as one change


@dataclass(frozen=True)
class Choice:
    """Every trial by name; which is the active policy, which is chosen within the guard rails, and which without."""

    trials: Mapping[str, Trial]
    active: str
    chosen: str | None  # None where no candidate within the guard rails covers
    unbound: str | None


def candidates(content: Mapping[str, Any], axes: Sequence[Axis], rails: Rails) -> tuple[list[Candidate], list[str]]:
    """Points of the grid, the active policy's own values among them, and names of those its bounds refuse.

    content: of the active policy's file. Raises PolicyError PARAM_STATE where it is no policy.
    """
    active = policy_file.parse(content, "the active policy")
    found, refused = [], []
    for name, values in _points(content, axes):
        changed = _with_values(content, values)
        try:
            policy = policy_file.parse(changed, name)
        except PolicyError:
            refused.append(name)
            continue
        found.append(Candidate(name, values, changed, policy, tuple(steps_refused(changes(active, policy), rails))))
    return found, refused


def active_name(content: Mapping[str, Any], axes: Sequence[Axis]) -> str:
    """Name of the point at which the active policy stands."""
    return _name(axes, [_held(content, axis) for axis in axes])


def first_half(path: RatePath, split: np.datetime64) -> RatePath:
    """Days whose loss is known before the split."""
    return path.between(path.dates[0], split - np.timedelta64(path.horizon_days + 1, "D"))


def second_half(path: RatePath, split: np.datetime64) -> RatePath:
    """Days from the split on."""
    return path.between(split, path.dates[-1])


def choose(
    firsts: Mapping[str, Sequence[RatePath]],
    tried: Sequence[Candidate],
    active: str,
    target: float,
    rails: Rails,
) -> Choice:
    """The choice from the first halves alone. firsts: paths by the candidates' names, portfolios in the same order."""
    trials = {each.name: _trial(each, firsts[each.name], firsts[active], target, rails) for each in tried}
    allowed = {name: each.first for name, each in trials.items() if not each.refused}
    every = {name: each.first for name, each in trials.items()}
    return Choice(trials, active, least(allowed, target), least(every, target))


def _trial(
    candidate: Candidate, paths: Sequence[RatePath], active: Sequence[RatePath], target: float, rails: Rails
) -> Trial:
    rises = {own.portfolio.name: _rise(own, base) for own, base in zip(paths, active, strict=True)}
    effect = Effect({"house": 0.0, **rises}, max(rises.values()))
    refused = (*candidate.too_far, *rise_refused(effect, rails))
    return Trial(candidate, figures(paths, target), max(rises.values()), refused)


def _rise(own: RatePath, base: RatePath) -> float:
    """Over the base's rate on the last day on which both have one."""
    known = np.flatnonzero(own.judged & base.judged)
    return float(own.rate[known[-1]] / base.rate[known[-1]]) - 1.0


def _points(content: Mapping[str, Any], axes: Sequence[Axis]) -> Iterator[tuple[str, dict[str, Any]]]:
    settings = [tuple(dict.fromkeys((*axis.values, _held(content, axis)))) for axis in axes]
    active = [_held(content, axis) for axis in axes]
    for point in product(*settings):
        moved = [axis for axis, held, base in zip(axes, point, active, strict=True) if held != base]
        if all(axis.beside is None or {each.label for each in moved} <= {axis.label, *axis.beside} for axis in moved):
            pairs = zip(axes, point, strict=True)
            yield _name(axes, point), {rule: value for axis, held in pairs for rule, value in _ruled(axis, held)}


def _ruled(axis: Axis, held: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    return zip(axis.rules, held, strict=True)


def _held(content: Mapping[str, Any], axis: Axis) -> tuple[Any, ...]:
    """What the content has along an axis."""
    found = []
    for rule in axis.rules:
        value: Any = content
        for part in rule.split("."):
            value = value[part]
        found.append(value)
    return tuple(found)


def _with_values(content: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(content)
    for rule, value in values.items():
        changed = with_value(changed, tuple(rule.split(".")), value)
    return changed


def _name(axes: Sequence[Axis], point: Sequence[tuple[Any, ...]]) -> str:
    return ", ".join(f"{axis.label} {_told(held)}" for axis, held in zip(axes, point, strict=True))


def _told(held: tuple[Any, ...]) -> str:
    if held[0] == "off":
        return "off"
    return " ".join(f"{each:,}" if isinstance(each, int) else f"{each:g}" for each in held if each != "on")
