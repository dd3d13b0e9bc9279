"""Coverage of intervals on few paths, and the page that tells it on many."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import intervals

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/calibration.md"
PATHS = 300


def held(draw: intervals.Draw) -> list[intervals.Held]:
    names = tuple(str(at) for at in range(len(draw(np.random.default_rng(0)))))
    return list(intervals.held(intervals.Row(names, names, "", draw, PATHS), 7))


@pytest.mark.parametrize(
    "draw",
    [intervals.shock, intervals.slope, intervals.independent_range, intervals.impact, intervals.half_spread],
    ids=lambda each: each.__name__,
)
def test_an_exact_interval_holds_the_truth_as_often_as_it_says(draw):
    for each in held(draw):
        assert abs(each.errors) < 4.0


def test_an_interval_that_is_too_narrow_is_seen():
    def narrow(rng: np.random.Generator):
        figure, truth = intervals.shock(rng)[0]
        cut = figure._replace(low=0.5 * (figure.low + figure.value), high=0.5 * (figure.high + figure.value))
        return [(cut, truth)]

    assert held(narrow)[0].errors < -4.0


def rows() -> list[list[str]]:
    """Cells of the page's table, without its header."""
    table = PAGE.read_text(encoding="utf-8").split(intervals.BEGIN)[1].split(intervals.END)[0]
    found = [line for line in table.splitlines() if re.match(r"\| [\w]", line)]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in found][1:]


def parameters() -> set[str]:
    """What the rows stand for; an end in braces is each of its names."""
    found = set()
    for row in rows():
        stem, _, ends = row[1].strip("`").partition("{")
        found |= {stem + end for end in ends.rstrip("}").split(",")}
    return found


def test_what_is_promised_is_kept_within_three_errors():
    for name, _, _, method, paths, _, _, errors in rows():
        assert int(paths.replace(",", "")) >= 500, name
        assert method == "bootstrap" or abs(float(errors)) <= 3.0, name


def test_every_estimate_of_a_calibration_has_a_row():
    coin = re.compile(r"\.(?:BTC|ETH|SOL|XRP|LTC|BNB|USDC|USDT)(?:-ETH)?\b")
    told = re.findall(r"^\| ((?:check|[a-z_]+)\.[\w.-]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(told) > 40
    assert {coin.sub("", each) for each in told} <= parameters()


def test_no_estimate_is_made_that_the_rows_do_not_know():
    stem = re.compile(r'"((?:check|grid|collateral|base_margin|vol_proxy|liquidity_concentration)\.[a-z_.]*[a-z_])')
    sources = [ROOT / f"tasks/calibration_{name}.py" for name in ("asks", "market")]
    named = {each for source in sources for each in stem.findall(source.read_text(encoding="utf-8"))}
    assert len(named) >= 12
    for each in named:
        assert any(known == each or known.startswith(f"{each}.") for known in parameters()), each
