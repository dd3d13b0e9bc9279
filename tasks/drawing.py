"""Drawings on pages: a box with axes, lines and dots, as inline SVG that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from tasks.model.arrays import Floats

_DOT = 2.4


@dataclass(frozen=True)
class Frame:
    """A drawing's box in its own units, and the ranges its axes span."""

    width: float
    height: float
    left: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]
    top: float = 8.0
    right: float = 8.0

    def across(self, value: float) -> float:
        """Horizontal place of a value."""
        return self.left + (value - self.x[0]) / (self.x[1] - self.x[0]) * (self.width - self.left - self.right)

    def up(self, value: float) -> float:
        """Vertical place of a value."""
        inner = self.height - self.bottom - self.top
        return self.height - self.bottom - (value - self.y[0]) / (self.y[1] - self.y[0]) * inner


def gridline(frame: Frame, value: float, label: str) -> str:
    """A horizontal line across the box at a value, with its label."""
    y = frame.up(value)
    return (
        f'<line class="rule" x1="{frame.left:.1f}" x2="{frame.width - frame.right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="level" x="{frame.left - 6:.1f}" y="{y + 4:.1f}">{label}</text>'
    )


def tick(frame: Frame, value: float, label: str) -> str:
    """A vertical line through the box at a value, with its label below; the outermost labels stay within."""
    x, y = frame.across(value), frame.height - frame.bottom
    where = "last" if x > frame.width - 24 else "first" if x < frame.left + 14 else "axis"
    return (
        f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top:.1f}" y2="{y + 3:.1f}"/>'
        f'<text class="{where}" x="{x:.1f}" y="{y + 16:.1f}">{label}</text>'
    )


def titles(frame: Frame, across: str, up: str) -> str:
    """What the axes are of, below the box and, read upwards, on its left: a frame with both has 58 or more there."""
    middle, height = frame.left + (frame.width - frame.left - frame.right) / 2, (frame.height - frame.bottom) / 2
    return (
        f'<text class="axis" x="{middle:.0f}" y="{frame.height - 4:.0f}">{across}</text>'
        f'<text class="axis" transform="translate(13 {height:.0f}) rotate(-90)">{up}</text>'
    )


def curve(frame: Frame, x: Floats, y: Floats) -> str:
    """A line through points."""
    points = " ".join(f"{frame.across(at):.1f},{frame.up(value):.1f}" for at, value in zip(x, y, strict=True))
    return f'<polyline points="{points}"/>'


def dots(frame: Frame, x: Floats, y: Floats) -> str:
    """A dot at each point."""
    return "".join(
        f'<circle cx="{frame.across(at):.1f}" cy="{frame.up(value):.1f}" r="{_DOT}"/>'
        for at, value in zip(x, y, strict=True)
    )


def svg(frame: Frame, title: str, kind: str, parts: Sequence[str]) -> str:
    """The drawing of some parts, with the words that are read out for it."""
    return (
        f'<svg class="{kind}" role="img" viewBox="0 0 {frame.width:g} {frame.height:g}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
