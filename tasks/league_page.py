"""The league as a page: losses against margin with every breach, coverage, the frontier, and the tables behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup, escape

from tasks import chart_labels, drawing, league_tests_chart
from tasks.chart_labels import Mark
from tasks.drawing import Frame
from tasks.model.arrays import Floats
from tasks.model.assurance.league import League
from tasks.model.assurance.promotion import Standing
from tasks.model.assurance.rate_path import RatePath
from tasks.rendering import render

_WEEK = 7  # days drawn as one point: the largest loss and margin of them
_MOST_TICKS = 9  # of costs
_SWINGS = (  # levels of peak to trough that are drawn, by the doublings the picture spans
    (1.2, (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2)),
    (2.5, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0)),
    (math.inf, tuple(2.0**power for power in range(10))),
)
_LOWEST_COVERAGE = 0.98  # what covers less is drawn at the edge


def page(
    header: Mapping[str, Any],
    found: League,
    tests: pl.DataFrame,
    placed: Sequence[Standing],
    champion: Sequence[RatePath],
) -> bytes:
    """The page. header: title, policy, days and promotion rule in words; champion: its paths that are drawn.

    tests: as `league_tests.coverage_by_test` has them.
    """
    rows = found.rows.to_dicts()
    return render(
        "league",
        header=header,
        champion=found.champion,
        target=found.target,
        standings=placed,
        promoted=[each.model for each in placed if each.verdict == "PROMOTE"],
        losses=[{"name": path.portfolio.name, "chart": Markup(loss_chart(path))} for path in champion],
        coverage=Markup(coverage_chart(_drawn(rows, champion), [each.model for each in placed], found.target)),
        tests=Markup(league_tests_chart.chart(tests, [each.model for each in placed])),
        frontier=Markup(frontier_chart(placed)),
        portfolios=[
            {"name": name, "rows": [row for row in rows if row["portfolio"] == name]}
            for name in dict.fromkeys(row["portfolio"] for row in rows)
        ],
    )


def _drawn(rows: Sequence[Mapping[str, Any]], champion: Sequence[RatePath]) -> list[Mapping[str, Any]]:
    """Rows of the portfolios that are drawn."""
    names = {path.portfolio.name for path in champion}
    return [row for row in rows if row["portfolio"] in names]


def loss_chart(path: RatePath) -> str:
    """Margin over time and the losses it was held against, both the largest of each week; every breach is a dot."""
    days = (path.dates - path.dates[0]).astype(np.int64).astype(np.float64)
    loss, rate = _weekly(np.maximum(path.loss, 0.0)), _weekly(path.rate)
    at = days[::_WEEK]
    breached = path.judged & (np.nan_to_num(path.loss) > np.nan_to_num(path.rate))
    top = 1.08 * float(np.nanmax(np.concatenate([path.loss[path.judged], path.rate[path.judged]])))
    frame = Frame(720, 240, 40, 24, (0.0, float(days[-1]) or 1.0), (0.0, top))
    step = 0.1 if top > 0.25 else 0.05
    parts = [drawing.gridline(frame, level, f"{100 * level:.0f} %") for level in np.arange(0.0, top, step)]
    parts += [drawing.tick(frame, *each) for each in _years(path)]
    for kind, series in (("loss", loss), ("margin", rate)):
        parts += [f'<g class="{kind}">{drawing.curve(frame, at[part], series[part])}</g>' for part in _unbroken(series)]
    parts.append(f'<g class="breach">{drawing.dots(frame, days[breached], path.loss[breached])}</g>')
    return drawing.svg(
        frame, f"{path.portfolio.name}: losses against margin, {int(breached.sum())} breaches", "chart", parts
    )


def coverage_chart(rows: Sequence[Mapping[str, Any]], models: Sequence[str], target: float) -> str:
    """Coverage of every model in every portfolio with its exact bounds, one line each under the model's name."""
    of_model = {name: [row for row in rows if row["model"] == name] for name in models}
    lines = len(rows) + len(models)
    frame = Frame(720, 12.0 * lines + 40, 110, 24, (_LOWEST_COVERAGE, 1.0), (float(lines), 0.0))
    parts = [drawing.tick(frame, level, f"{100 * level:.1f} %") for level in (0.98, 0.985, 0.99, 0.995, 1.0)]
    edge, foot = frame.across(target), frame.height - frame.bottom
    parts.append(f'<line class="target" x1="{edge:.1f}" x2="{edge:.1f}" y1="{frame.top}" y2="{foot:.1f}"/>')
    line = 0.0
    for name, held in of_model.items():
        middle = frame.up(line + (len(held) + 1) / 2.0)
        parts.append(f'<text class="level" x="{frame.left - 8}" y="{middle + 4:.1f}">{escape(name)}</text>')
        for row in held:
            line += 1.0
            parts.append(_interval(frame, row, line, target))
        line += 1.0
    return drawing.svg(frame, "Coverage with exact 95 % bounds, by model and portfolio", "chart", parts)


def frontier_chart(placed: Sequence[Standing]) -> str:
    """Coverage-matched cost against peak to trough: nearer to the lower left is better; hollow covers too little."""
    frame, parts = frontier_box(
        [each.coverage_matched_cost for each in placed], [each.peak_to_trough for each in placed]
    )
    parts += chart_labels.marks(frame, [_mark(frame, each) for each in placed])
    return drawing.svg(frame, "Coverage-matched cost against peak to trough of the rate", "chart", parts)


def frontier_box(cost: Sequence[float], swing: Sequence[float]) -> tuple[Frame, list[str]]:
    """Box with axes around costs and peaks to trough, these in doublings, with room for labels on the right."""
    edge = 0.15 * (max(cost) - min(cost)) or 0.01
    high = math.log2(max(swing)) + 0.25
    frame = Frame(720, 340, 62, 40, (min(cost) - edge, max(cost) + 2.2 * edge), (-0.15, high))
    levels = next(steps for most, steps in _SWINGS if high < most)
    parts = [drawing.gridline(frame, math.log2(level), f"{level:g} ×") for level in levels if math.log2(level) < high]
    low, high = (100.0 * each for each in frame.x)
    step = next(each for each in (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0) if each * _MOST_TICKS >= high - low)
    ticks = [step * at for at in range(math.ceil(low / step), math.floor(high / step) + 1)]
    parts += [drawing.tick(frame, at / 100.0, f"{at:g} %") for at in ticks]
    parts.append(drawing.titles(frame, "coverage-matched cost", "peak to trough"))
    return frame, parts


def _mark(frame: Frame, of: Standing) -> Mark:
    kind = "champion" if of.verdict == "CHAMPION" else "covers" if of.covers else "short"
    return Mark(of.model, kind, frame.across(of.coverage_matched_cost), frame.up(math.log2(of.peak_to_trough)))


def _interval(frame: Frame, row: Mapping[str, Any], line: float, target: float) -> str:
    low, high = (frame.across(max(row[name], _LOWEST_COVERAGE)) for name in ("coverage_low", "coverage_high"))
    at, y = frame.across(max(row["coverage"], _LOWEST_COVERAGE)), frame.up(line)
    kind = "short" if row["coverage"] < target else "covers"
    words = f"{row['model']}, {row['portfolio']}: {row['breaches']} of {row['observations']}"
    return (
        f'<g class="{kind}"><title>{escape(words)}</title>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle cx="{at:.1f}" cy="{y:.1f}" r="3.2"/></g>'
    )


def _weekly(values: Floats) -> Floats:
    """Largest of every seven days, NaN where none is known."""
    padded = np.concatenate([values, np.full(-len(values) % _WEEK, np.nan)]).reshape(-1, _WEEK)
    known = np.isfinite(padded).any(axis=1)
    return np.where(known, np.max(np.where(np.isfinite(padded), padded, -np.inf), axis=1), np.nan)


def _unbroken(values: Floats) -> list[slice]:
    """Stretches without a missing value."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    edges = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _years(path: RatePath) -> list[tuple[float, str]]:
    """Position and name of the first day of every second year."""
    first, last = path.dates[0], path.dates[-1]
    starts = np.arange(first.astype("datetime64[Y]") + 1, last.astype("datetime64[Y]") + 1)
    return [
        (float((start.astype("datetime64[D]") - first).astype(np.int64)), str(start))
        for start in starts[:: 2 if len(starts) > 7 else 1]
    ]
