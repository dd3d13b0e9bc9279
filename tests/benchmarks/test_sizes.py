"""Sizes of the tests of coverage on few paths: the law of each is right, so that ties broken by lot give the level."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import sizes

PAGE = Path(__file__).resolve().parents[2] / "docs/tests-of-coverage.md"
PATHS = 1_000


def wide(level, paths=PATHS):
    # Four errors of the simulation, and the one of the drawn laws of 1,999 paths.
    return 4 * math.sqrt(level * (1 - level) * (1 / paths + 1 / 1_999))


@pytest.mark.parametrize("side", ["two", "more"])
def test_no_exact_test_rejects_a_right_margin_beyond_its_level_and_ties_alone_keep_it_below(side):
    found = sizes.sizes(250, replace(sizes.PLAN, side=side), PATHS, 3)
    assert len(found) == (8 if side == "two" else 5)
    for test, each in found.items():
        assert each.exact <= 0.05 + wide(0.05), test
        assert each.tie_broken == pytest.approx(0.05, abs=wide(0.05)), test
    # The chi-square law rejects far too often here: 9.5 % by the binomial law.
    if side == "two":
        assert found["POF"].asymptotic == pytest.approx(0.0947, abs=wide(0.0947))


def test_the_page_shows_every_test_at_every_length():
    text = PAGE.read_text(encoding="utf-8")
    for test in ("POF", "binomial", "TUFF", "TBF", "TBFI", "independence", "conditional coverage", "DQ"):
        rows = [line for line in text.splitlines() if line.startswith(f"| {test} |")]
        assert len(rows) >= 2, test
    assert all(f"{n:,}: asymptotic" in text for n in sizes.DAYS)
    assert text.startswith(sizes.page(8, 1).split("## How often")[0])
