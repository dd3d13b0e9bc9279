"""`levee league` on a short stretch of real history: what it prints, its page, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest


def test_the_policy_is_judged_beside_its_challengers(
    levee: Callable[..., object], market_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEVEE_MARKET_DATA_DIR", str(market_data))
    page = tmp_path / "pages" / "league.html"
    days = ("--from", "2022-06-01", "--to", "2022-07-15", "--coins", "BTC")
    result = levee("league", *days, "--home", tmp_path / "home", "--page", page, "--tried", "40", "--json")
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert told["champion"] == "OPENING" and told["rule"]["policies_tried"] == 40
    standings = {each["model"]: each for each in told["standings"]}
    assert standings["OPENING"]["verdict"] == "CHAMPION" and set(standings) >= {"HS_1000", "FHS", "EVT", "SPAN", "TIMS"}
    long = {row["model"]: row for row in told["portfolios"] if row["portfolio"] == "BTC long"}
    assert {row["observations"] for row in long.values()} == {45}
    # The moves from 11 and 12 June were 21.4 % and 20.9 %: more than any scan of 15 %.
    assert long["TIMS"]["breaches"] >= 2 and long["TIMS"]["mean_rate"] == pytest.approx(0.15, abs=2e-6)
    assert "OPENING stays" in page.read_text(encoding="utf-8")


def test_what_belongs_to_static_portfolios_is_refused_for_a_run(levee: Callable[..., object], tmp_path: Path) -> None:
    result = levee("sensitivity", "--date", "2026-01-30", "--data", "--home", tmp_path)
    assert result.code == 2 and "USAGE" in result.err
