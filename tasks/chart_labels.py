"""Names beside the points of a chart: none runs into another, and points of a kind that stand together share one.

A label is tried to the right of its point, to the left, above and below, nearer places first; one that had to go far is
joined to its point by a thin line.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import escape

from tasks.drawing import Frame

_LETTER, _LINE = 7.4, 15.0  # of a label in the chart's units: generous, for fonts differ
_RADIUS, _GAP, _TOGETHER = 5.0, 9.0, 3.0
_RINGS = 24  # distances that are tried
_LONGEST = 26  # letters of a line


class Mark(NamedTuple):
    """A named point in the chart's units; kind: its class."""

    name: str
    kind: str
    x: float
    y: float


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: _Box) -> bool:
        """Whether the other lies within."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def meets(self, other: _Box) -> bool:
        """Whether they have a place in common."""
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)


def marks(frame: Frame, named: Sequence[Mark]) -> list[str]:
    """Points with their names, first come first placed."""
    shared = _shared(named)
    taken = [_Box(x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS) for _, _, x, y in shared]
    return [_drawn(frame, each, taken) for each in shared]


def _shared(named: Sequence[Mark]) -> list[Mark]:
    """Points of a kind that stand together as one."""
    found: list[Mark] = []
    for each in named:
        at = next((i for i, one in enumerate(found) if _near(one, each)), None)
        if at is None:
            found.append(each)
        else:
            found[at] = found[at]._replace(name=f"{found[at].name}, {each.name}")
    return found


def _near(one: Mark, other: Mark) -> bool:
    return one.kind == other.kind and abs(one.x - other.x) < _TOGETHER and abs(one.y - other.y) < _TOGETHER


def _drawn(frame: Frame, mark: Mark, taken: list[_Box]) -> str:
    box = next((each for each in _places(frame, mark) if not any(each.meets(other) for other in taken)), None)
    box = box or next(_places(frame, mark))
    taken.append(box)
    side, x = ("last", box.right) if box.right < mark.x else ("first", box.left)
    middle = 0.5 * (box.top + box.bottom)
    far = abs(middle - mark.y) > 0.5 * (box.bottom - box.top) + 1.0
    line = f'<line class="to" x1="{mark.x:.1f}" y1="{mark.y:.1f}" x2="{x:.1f}" y2="{middle:.1f}"/>' if far else ""
    words = "".join(
        f'<text class="{side}" x="{x:.1f}" y="{box.top + _LINE * (at + 0.8):.1f}">{escape(each)}</text>'
        for at, each in enumerate(_lines(mark.name))
    )
    return (
        f'<g class="{mark.kind}">{line}<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{_RADIUS:g}"/>'
        f'<g class="name">{words}</g></g>'
    )


def _lines(name: str) -> list[str]:
    return textwrap.wrap(name, _LONGEST, break_long_words=False)


def _places(frame: Frame, mark: Mark) -> Iterator[_Box]:
    """Where the label may stand within the frame, nearest first; to the right where the frame has no place for it."""
    lines = _lines(mark.name)
    width, half = _LETTER * max(len(each) for each in lines), 0.5 * _LINE * len(lines)
    inside = _Box(frame.left, 0.0, frame.width, frame.height - frame.bottom)
    found = False
    for ring in range(_RINGS):
        for down in dict.fromkeys((-ring, ring)):
            middle = mark.y + down * 0.7 * _LINE
            for left in (mark.x + _GAP, mark.x - _GAP - width):
                box = _Box(left, middle - half, left + width, middle + half)
                if inside.holds(box):
                    found = True
                    yield box
    if not found:
        yield _Box(mark.x + _GAP, mark.y - half, mark.x + _GAP + width, mark.y + half)
