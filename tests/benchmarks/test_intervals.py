"""Coverage of intervals on few paths, and the page that tells it on many."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import intervals

PAGE = Path(__file__).resolve().parents[2] / "docs/calibration.md"
PATHS = 300


@pytest.mark.parametrize(
    "draw",
    [intervals.shock, intervals.slope, intervals.independent_range, intervals.impact],
    ids=lambda each: each.__name__,
)
def test_an_exact_interval_holds_the_truth_as_often_as_it_says(draw):
    assert abs(intervals.held("", "", draw, PATHS, 7).errors) < 4.0


def test_an_interval_that_is_too_narrow_is_seen():
    def narrow(rng: np.random.Generator):
        figure, truth = intervals.shock(rng)
        return figure._replace(low=0.5 * (figure.low + figure.value), high=0.5 * (figure.high + figure.value)), truth

    assert intervals.held("", "", narrow, PATHS, 7).errors < -4.0


def test_the_page_tells_every_estimator_and_what_is_promised_is_kept_within_three_errors():
    text = PAGE.read_text(encoding="utf-8")
    table = text.split(intervals.BEGIN)[1].split(intervals.END)[0]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if re.match(r"\| \w", line)
    ][1:]
    assert len(rows) == 13
    for name, law, method, paths, _, _, errors in rows:
        # A quantile's interval is exact for independent moves alone: the page says what clustering does to it.
        if method != "bootstrap" and not (name == "scan range" and "GARCH" in law):
            assert int(paths.replace(",", "")) >= 500, name
            assert abs(float(errors)) <= 3.0, name
