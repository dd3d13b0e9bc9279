"""Names beside points of a chart: none over another, none beyond the frame, one for points that stand together."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tasks.chart_labels import Mark, marks
from tasks.drawing import Frame
from tasks.league_page import frontier_box
from tasks.model.assurance.policy_search import Choice
from tasks.optimise_chart import roles

FRAME = Frame(720, 340, 44, 40, (0.0, 1.0), (0.0, 1.0))
TEXT = re.compile(r'<text class="(first|last)" x="([\d.]+)" y="([\d.]+)">([^<]*)</text>')


def boxes(parts: list[str]) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of each line of text, at seven units a letter."""
    found = []
    for side, x, y, name in TEXT.findall("".join(parts)):
        width, left = 7.0 * len(name), float(x)
        left = left if side == "first" else left - width
        found.append((left, float(y) - 11.0, left + width, float(y) + 2.0))
    return found


@pytest.mark.parametrize("spread", [300.0, 60.0, 15.0])
def test_no_name_runs_into_another_or_out_of_the_frame(spread: float) -> None:
    rng = np.random.default_rng(4)
    places = zip(60.0 + spread * rng.random(13), 250.0 - spread * 0.5 * rng.random(13), strict=True)
    drawn = marks(FRAME, [Mark(f"CHALLENGER_{at}", "short", *place) for at, place in enumerate(places)])
    held = boxes(drawn)
    assert "".join(drawn).count("CHALLENGER_") == 13
    for at, (left, top, right, bottom) in enumerate(held):
        assert left >= FRAME.left and right <= FRAME.width and top >= 0.0 and bottom <= FRAME.height - FRAME.bottom
        for other in held[at + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_points_that_stand_together_share_a_name_and_a_long_one_is_broken() -> None:
    together = [Mark(name, "covers", 100.0, 100.0 + at) for at, name in enumerate(("chosen in stages", "HS_1000"))]
    (drawn,) = marks(FRAME, [*together, Mark("DERIBIT_PM", "covers", 101.0, 101.5)])
    assert drawn.count("<circle") == 1
    assert len(marks(FRAME, [together[0], together[1]._replace(kind="short")])) == 2
    assert [name for *_, name in TEXT.findall(drawn)] == ["chosen in stages, HS_1000,", "DERIBIT_PM"]


def test_at_the_right_edge_the_name_stands_to_the_left() -> None:
    (drawn,) = marks(FRAME, [Mark("GARCH (31 %, 6.4 ×)", "short", 712.0, 40.0)])
    assert 'class="last"' in drawn and float(TEXT.findall(drawn)[0][1]) < 712.0


@pytest.mark.parametrize(("swings", "levels"), [([1.1, 1.5], "1.2"), ([1.2, 3.0], "1.5"), ([1.0, 9.0], "4")])
def test_a_swing_can_be_read_off_however_little_it_is(swings: list[float], levels: str) -> None:
    _, parts = frontier_box([0.15, 0.17], swings)
    told = [float(each) for each in re.findall(r">([\d.]+) ×<", "".join(parts))]
    assert float(levels) in told and 3 <= len(told) <= 7 and max(told) < max(swings) * 1.25
    assert "peak to trough" in parts[-1] and "coverage-matched cost" in parts[-1]


def test_a_policy_that_is_two_things_is_named_once() -> None:
    assert roles(Choice("a", "b", "b", "a")) == {"a": "active, cheapest", "b": "chosen, chosen in stages"}
    assert roles(Choice("a", None, None, None)) == {"a": "active"}
