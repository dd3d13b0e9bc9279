"""Every test of every model as a grid: a cell says its p-value in figures, and in a word where it rejects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from markupsafe import escape

from tasks import drawing
from tasks.drawing import Frame

_CELL, _LEFT, _HEAD = 34.0, 110.0, 92.0
_DOUBTFUL = 0.25  # p-values up to here are tinted: evidence, if weak
_TWO_SIDED = {"TBF", "TBFI", "DQ"}  # these reject a margin that is hardly ever breached, too
_TOLD = {
    "rejected": "rejected",
    "few": "rejected for too few breaches, or too long without one",
    "doubtful": "not rejected, some evidence",
    "kept": "not rejected",
}
_HEADINGS = {"conditional coverage": "cond. coverage"}


def chart(tests: pl.DataFrame, models: Sequence[str]) -> str:
    """Models in rows, tests in columns. tests: as `league_tests.coverage_by_test` has them."""
    names = tests.select("family", "test").unique(maintain_order=True)["test"].to_list()
    cells = {(row["model"], row["test"]): row for row in tests.iter_rows(named=True)}
    frame = Frame(
        760, _HEAD + _CELL * len(models) + 4, _LEFT, 4, (0.0, len(names)), (len(models), 0.0), top=_HEAD, right=48
    )
    parts = [_heading(frame, place, name) for place, name in enumerate(names)]
    for line, model in enumerate(models):
        parts.append(
            f'<text class="level" x="{frame.left - 8}" y="{frame.up(line + 0.5) + 4:.1f}">{escape(model)}</text>'
        )
        parts += [_cell(frame, line, place, cells.get((model, name))) for place, name in enumerate(names)]
    return drawing.svg(frame, "p-values by model and test, the smallest of all series after Holm", "chart grid", parts)


def _heading(frame: Frame, place: int, name: str) -> str:
    x, y = frame.across(place + 0.5) - 4, frame.top - 8
    shown = escape(_HEADINGS.get(name, name))
    return f'<text class="first" x="{x:.1f}" y="{y:.1f}" transform="rotate(-38 {x:.1f} {y:.1f})">{shown}</text>'


def _cell(frame: Frame, line: int, place: int, row: Mapping[str, Any] | None) -> str:
    """Box with a p-value; a dash where the model forecasts nothing that the test could judge."""
    x, y = frame.across(place), frame.up(line)
    middle, width = frame.across(place + 0.5), frame.across(place + 1) - x - 3
    if row is None:
        return f'<text class="axis" x="{middle:.1f}" y="{y + _CELL / 2 + 4:.1f}">–</text>'
    p, kind = row["p_across"], _kind(row)
    word = {"rejected": "rejects", "few": "too few"}.get(kind, "")
    figure = "&lt;.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
    height = _CELL / 2 + (-1 if word else 4)
    below = f'<text class="word" x="{middle:.1f}" y="{y + _CELL / 2 + 11:.1f}">{word}</text>' if word else ""
    told = (
        f"{row['model']}, {row['test']}: smallest of {row['series']} p-values {row['p_smallest']:.4f}, "
        f"after Holm {p:.4f}: {_TOLD[kind]}"
    )
    return (
        f'<g class="{kind}"><title>{escape(told)}</title>'
        f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{width:.1f}" height="{_CELL - 3:g}" rx="4"/>'
        f'<text class="axis" x="{middle:.1f}" y="{y + height:.1f}">{figure}</text>{below}</g>'
    )


def _kind(row: Mapping[str, Any]) -> str:
    """Whether a test rejects, because of too many breaches or their order, or because there were too few of them."""
    if row["rejected"]:
        return "few" if row["test"] in _TWO_SIDED and row["of_expected"] < 1.0 else "rejected"
    return "doubtful" if row["p_across"] <= _DOUBTFUL else "kept"
