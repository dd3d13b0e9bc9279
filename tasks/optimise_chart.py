"""Pictures of a policy search: every policy tried, the efficient ones told apart, named ones and challengers marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tasks import chart_labels, drawing, league_page
from tasks.chart_labels import Mark
from tasks.drawing import Frame
from tasks.league import TARGET
from tasks.model.assurance.frontier import Figures, non_dominated

if TYPE_CHECKING:
    from tasks.model.assurance.policy_search import Choice
    from tasks.optimise import Optimised

HALVES = ("First half: chosen here", "Second half: judged here")
_LEAST_SHOWN = 0.985  # what covers less is drawn at the edge


def frontier(found: Optimised, half: int) -> str:
    """Coverage-matched cost against peak to trough on one half; hollow ones cover too little.

    The box is that of the policies: a challenger beyond it stands at its edge, its figures beside its name.
    """
    points, named = _points(found, half), _named(found, half)
    frame, parts = league_page.frontier_box(
        [each.matched_cost for each in points.values()], [each.peak_to_trough for each in points.values()]
    )

    def place(each: Figures) -> tuple[float, float]:
        swing = min(math.log2(each.peak_to_trough), frame.y[1])
        return frame.across(min(max(each.matched_cost, frame.x[0]), frame.x[1])), frame.up(swing)

    def told(name: str, each: Figures) -> str:
        shown = frame.x[0] <= each.matched_cost <= frame.x[1] and math.log2(each.peak_to_trough) <= frame.y[1]
        return name if shown else f"{name} ({100 * each.matched_cost:.0f}\xa0%, {each.peak_to_trough:.1f}\xa0×)"

    parts += _dots(points, place)
    covering = {name: each for name, each in points.items() if each.covers(TARGET)}
    steps = _steps(covering)
    line = drawing.curve(
        frame,
        np.array([each.matched_cost for each in steps]),
        np.log2(np.array([each.peak_to_trough for each in steps])),
    )
    parts.append(f'<g class="efficient">{line}</g>')
    parts += chart_labels.marks(frame, [Mark(told(name, each), kind, *place(each)) for name, kind, each in named])
    return drawing.svg(frame, f"{HALVES[half]}: coverage-matched cost against peak to trough", "chart", parts)


def coverage(found: Optimised, half: int) -> str:
    """Lowest coverage against cost times swing on one half."""
    points, named = _points(found, half), _named(found, half)
    scores = [each.score for each in (*points.values(), *(each for _, _, each in named))]
    low, high = math.log2(min(scores)) - 0.2, math.log2(max(scores)) + 0.2
    frame = Frame(720, 300, 62, 40, (_LEAST_SHOWN, 1.0), (low, high))
    levels = [each / 10.0 for each in (1, 1.5, 2, 3, 5, 8, 12, 20)]
    parts = [drawing.gridline(frame, math.log2(at), f"{at:g}") for at in levels if low < math.log2(at) < high]
    parts += [drawing.tick(frame, at, f"{100 * at:.1f} %") for at in (0.985, 0.99, 0.995, 1.0)]
    edge = frame.across(TARGET)
    parts.append(
        f'<line class="target" x1="{edge:.1f}" x2="{edge:.1f}" y1="{frame.top}" y2="{frame.height - frame.bottom}"/>'
    )
    parts.append(drawing.titles(frame, "lowest coverage", "cost × peak to trough"))

    def place(each: Figures) -> tuple[float, float]:
        return frame.across(max(each.lowest_coverage, _LEAST_SHOWN)), frame.up(math.log2(each.score))

    parts += _dots(points, place)
    parts += chart_labels.marks(frame, [Mark(name, kind, *place(each)) for name, kind, each in named])
    return drawing.svg(frame, f"{HALVES[half]}: lowest coverage against cost times swing", "chart", parts)


def roles(choice: Choice) -> dict[str, str]:
    """What each named policy is, in words."""
    found = {choice.active: ["active"]}
    named = ((choice.chosen, "chosen"), (choice.unbound, "chosen in stages"), (choice.cheapest, "cheapest"))
    for name, role in named:
        if name is not None:
            found.setdefault(name, []).append(role)
    return {name: ", ".join(each) for name, each in found.items()}


CHARTS: tuple[Callable[[Optimised, int], str], ...] = (frontier, coverage)


def _dots(points: Mapping[str, Figures], place: Callable[[Figures], tuple[float, float]]) -> list[str]:
    """Policies tried: those that cover too little, the dominated ones and, on top, the efficient ones."""
    efficient = set(non_dominated(points))
    groups: dict[str, list[Figures]] = {"short": [], "dominated": [], "best": []}
    for name, each in points.items():
        groups["short" if not each.covers(TARGET) else "best" if name in efficient else "dominated"].append(each)
    return [
        f'<g class="tried {kind}">{"".join(_dot(*place(each)) for each in held)}</g>' for kind, held in groups.items()
    ]


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>'


def _points(found: Optimised, half: int) -> Mapping[str, Figures]:
    return found.seconds if half else {name: each.first for name, each in found.trials.items()}


def _steps(covering: Mapping[str, Figures]) -> Sequence[Figures]:
    """Efficient in cost and swing among those that cover, by cost: how much they cover beyond that does not count."""
    alike = {name: replace(each, lowest_coverage=1.0) for name, each in covering.items()}
    return [alike[name] for name in non_dominated(alike)] if alike else []


def _named(found: Optimised, half: int) -> list[tuple[str, str, Figures]]:
    """Names, kinds and figures of what is labelled: the active policy, the chosen ones, the challengers."""
    points, active = _points(found, half), found.choice.active
    policies = [
        (told, "champion" if name == active else _kind(points[name]), points[name])
        for name, told in roles(found.choice).items()
    ]
    return [*policies, *((name, _kind(each[half]), each[half]) for name, each in found.baselines.items())]


def _kind(figures: Figures) -> str:
    return "covers" if figures.covers(TARGET) else "short"
