"""Observed moves through the whole margin model: a member recomputes its shortfall from the published tables."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import polars as pl
import pytest

from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.policy import Policy

AS_OF, TODAY = datetime(2026, 1, 30, 8), date(2026, 1, 30)
Book = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Book], MarginInputs]
CALL: Book = [("M001", "M001H", "", "BTC-20260327-90000-C.INV", "-3"), ("M001", "M001H", "", "BTC-PERP.INV", "900")]
INDEX, FORWARD, STRIKE, VOLATILITY, DAYS = 90_000.0, 90_500.0, 90_000.0, 0.55, 56
PROXY: dict[str, float] = {"beta_down": -1.8, "noise": 0.08, "power": 0.62, "shortest": 2.0, "largest": 1.2}

Series = dict[str, dict[date, float]]


@pytest.fixture(scope="module")
def series(history: pl.DataFrame) -> Series:
    """Levels of the last days: two tenors for 40, before them a vol index alone; forwards for 90."""
    draw = random.Random(3)
    close = {day: float(level) for name, day, level in history.iter_rows() if name == "BTC"}
    days = sorted(close)

    def volatility(count: int, until: int) -> dict[date, float]:
        return {day: round(0.5 * math.exp(draw.gauss(0, 0.15)), 6) for day in days[-count : len(days) - until]}

    def price(count: int, drift: float) -> dict[date, float]:
        return {day: round(close[day] * math.exp(drift + draw.gauss(0, 0.004)), 6) for day in days[-count:]}

    return {
        "": close,
        "IV30": volatility(150, 0),
        "IV90": volatility(40, 0),
        "F30": price(90, 0.01),
        "F90": price(90, 0.02),
        "PERP": price(90, 0.001),
    }


@pytest.fixture
def result(inputs: Inputs, history: pl.DataFrame, series: Series, policy: Policy) -> MarginResult:
    rows = [
        (f"BTC.{name}", day, Decimal(f"{level:.6f}"))
        for name, levels in series.items()
        if name
        for day, level in levels.items()
    ]
    added = pl.DataFrame(rows, schema=history.schema, orient="row")
    return initial_margin(replace(inputs(CALL), history=pl.concat([history, added])), AS_OF, policy)


def after(levels: dict[date, float], start: date) -> float | None:
    end = start + timedelta(days=2)
    return math.log(levels[end] / levels[start]) if start in levels and end in levels else None


def test_moves_are_those_of_the_delivered_levels_by_tenor(result: MarginResult, series: Series) -> None:
    found = {
        (row["start_date"], row["factor"], row["tenor_days"]): row["move"]
        for row in result.scenario_move.join(
            result.scenario.select("scenario_id", "start_date").unique(), on="scenario_id"
        ).iter_rows(named=True)
    }
    expected: dict[tuple[date, str, float | None], float | None] = {}
    for day in result.scenario["start_date"].unique():
        for name, factor, tenor in (("IV30", "VOLATILITY", 30.0), ("IV90", "VOLATILITY", 90.0)):
            expected[day, factor, tenor] = after(series[name], day)
        for name, factor, days in (("F30", "FORWARD", 30.0), ("F90", "FORWARD", 90.0), ("PERP", "PERPETUAL", None)):
            ratio = {at: level / series[""][at] for at, level in series[name].items()}
            expected[day, factor, days] = after(ratio, day)
    seen = {key: value for key, value in expected.items() if value is not None}
    assert found == pytest.approx(seen, abs=1e-12) and len(found) > 300


def test_quality_tells_which_scenarios_moved_as_observed(result: MarginResult, series: Series) -> None:
    rows = result.scenario.filter(pl.col("underlying") == "BTC", pl.col("scenario_set") == "FILTERED")
    for name, column in (("IV30", "vol_quality"), ("PERP", "basis_quality")):
        seen = {day for day in rows["start_date"] if after(series[name], day) is not None}
        assert {day for day, word in rows.select("start_date", column).iter_rows() if word == "OK"} == seen != set()
    counted = result.scenario_set.filter(
        pl.col("underlying") == "BTC", pl.col("scenario_set") == "FILTERED", pl.col("account_type") == "HOUSE"
    )
    assert counted["vol_proxied"].item() == (rows["vol_quality"] == "PROXY").sum() == 400 - 148
    assert set(result.scenario.filter(pl.col("underlying") == "ETH")["vol_quality"]) == {"PROXY"}


def between(moves: dict[float, float], days: float) -> float:
    """Linear in the logarithm of days, flat beyond."""
    tenors = sorted(moves)
    inside = min(max(days, tenors[0]), tenors[-1])
    for low, high in pairwise(tenors):
        if low <= inside <= high:
            share = math.log(inside / low) / math.log(high / low)
            return (1 - share) * moves[low] + share * moves[high]
    return moves[tenors[0]]


def level(row: dict[str, Any], moves: dict[float, float]) -> float:
    if row["vol_quality"] == "PROXY":
        raw: float = PROXY["beta_down"] * min(row["spot_return"], 0.0) + PROXY["noise"] * row["vol_score"]
        raw *= (30 / max(DAYS, PROXY["shortest"])) ** PROXY["power"]
        return min(max(raw, -PROXY["largest"]), PROXY["largest"])
    tenors = sorted(moves)
    if tenors[0] <= DAYS <= tenors[-1]:
        return between(moves, DAYS)
    nearest = min(tenors, key=lambda days: abs(days - DAYS))
    grown: float = moves[nearest] * (nearest / DAYS) ** PROXY["power"]
    return min(max(grown, -PROXY["largest"]), PROXY["largest"])


def coin_call(forward: float, volatility: float) -> float:
    total, cdf = volatility * math.sqrt(DAYS / 365), NormalDist().cdf
    d1 = math.log(forward / STRIKE) / total + total / 2
    return cdf(d1) - STRIKE / forward * cdf(d1 - total)


@pytest.mark.parametrize(("name", "confidence"), [("FILTERED", 0.975), ("STRESSED", 0.99)])
def test_a_member_recomputes_its_shortfall_from_what_is_published(
    result: MarginResult, name: str, confidence: float
) -> None:
    """Three calls short, 900 inverse contracts of 10 USD long at the index: worked in plain Python."""
    moves: dict[str, dict[str, dict[float, float]]] = {}
    for row in result.scenario_move.filter(pl.col("underlying") == "BTC").iter_rows(named=True):
        at = moves.setdefault(row["scenario_id"], {}).setdefault(row["factor"], {})
        at[row["tenor_days"] or math.inf] = row["move"]
    losses = []
    rows = result.scenario.filter(pl.col("underlying") == "BTC", pl.col("scenario_set") == name)
    for row in rows.iter_rows(named=True):
        seen = moves.get(row["scenario_id"], {})
        spot = INDEX * math.exp(row["spot_return"])
        basis = between(seen["FORWARD"], DAYS) if "FORWARD" in seen else 0.0
        premium = seen.get("PERPETUAL", {}).get(math.inf, 0.0)
        option = coin_call(
            FORWARD * math.exp(row["spot_return"] + basis),
            VOLATILITY * math.exp(level(row, seen.get("VOLATILITY", {}))),
        )
        perpetual = 900 * 10 * (1 / INDEX - 1 / (spot * math.exp(premium))) * spot
        losses.append(3 * (option * spot - coin_call(FORWARD, VOLATILITY) * INDEX) - perpetual)
    losses.sort(reverse=True)
    k = len(losses) * (1 - confidence)
    whole = int(k + 1e-9)
    expected = (sum(losses[:whole]) + (k - whole) * losses[whole]) / k
    risk = result.portfolio_risk.filter(pl.col("underlying") == "BTC")
    assert risk[f"{name.lower()}_es_usd"].item() == pytest.approx(expected, rel=1e-6)
