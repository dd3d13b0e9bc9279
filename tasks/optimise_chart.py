"""Picture of a policy search: every policy tried by cost and swing, the efficient ones joined, named ones marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tasks import drawing, league_page
from tasks.league import TARGET
from tasks.model.arrays import Floats
from tasks.model.assurance.frontier import Figures, non_dominated

if TYPE_CHECKING:
    from tasks.optimise import Optimised

HALVES = ("First half: chosen here", "Second half: judged here")


def frontier(found: Optimised, half: int) -> str:
    """Coverage-matched cost against peak to trough on one half; hollow ones cover too little."""
    points = found.seconds if half else {name: each.first for name, each in found.choice.trials.items()}
    marks = _marks(found, points, half)
    every = [*points.values(), *(figures for _, _, figures in marks)]
    frame, parts = league_page.frontier_box(
        [each.matched_cost for each in every], [each.peak_to_trough for each in every]
    )
    covering = {name: each for name, each in points.items() if each.covers(TARGET)}
    short = [each for name, each in points.items() if name not in covering]
    for kind, held in (("short", short), ("covers", list(covering.values()))):
        parts.append(f'<g class="tried {kind}">{drawing.dots(frame, *_places(held))}</g>')
    parts.append(f'<g class="efficient">{drawing.curve(frame, *_places(_steps(covering)))}</g>')
    taken: list[tuple[float, float]] = []
    parts += [
        league_page.mark(frame, kind, figures.matched_cost, figures.peak_to_trough, name, taken)
        for name, kind, figures in marks
    ]
    return drawing.svg(frame, f"{HALVES[half]}: coverage-matched cost against peak to trough", "chart", parts)


def _steps(covering: Mapping[str, Figures]) -> list[Figures]:
    """Efficient in cost and swing among those that cover, by cost: how much they cover beyond that does not count."""
    alike = {name: replace(each, lowest_coverage=1.0) for name, each in covering.items()}
    return [alike[name] for name in non_dominated(alike)] if alike else []


def _marks(found: Optimised, points: Mapping[str, Figures], half: int) -> list[tuple[str, str, Figures]]:
    """Names, kinds and figures of what is labelled: the active policy, the chosen ones, the baselines."""
    choice = found.choice
    names = {choice.active: "active", choice.unbound: "chosen in stages", choice.chosen: "chosen"}
    if choice.chosen == choice.active:
        names[choice.active] = "active, chosen"
    policies = [
        (label, "champion" if name == choice.active else _kind(points[name]), points[name])
        for name, label in names.items()
        if name is not None
    ]
    return [*policies, *((name, _kind(each[half]), each[half]) for name, each in found.baselines.items())]


def _kind(figures: Figures) -> str:
    return "covers" if figures.covers(TARGET) else "short"


def _places(held: Sequence[Figures]) -> tuple[Floats, Floats]:
    """Where points stand: cost across, swing in doublings up."""
    cost = np.array([each.matched_cost for each in held])
    return cost, np.log2(np.array([each.peak_to_trough for each in held]))
