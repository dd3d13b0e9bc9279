"""The league on paths made by hand: figures counted by eye, verdicts one condition at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tasks import league_page, league_tests_chart
from tasks.model.arrays import Floats
from tasks.model.assurance.judgement import JudgementPlan
from tasks.model.assurance.league import League, evidence_against, league, pooled_difference
from tasks.model.assurance.league_tests import coverage_by_test
from tasks.model.assurance.promotion import PromotionRule, standings, table
from tasks.model.assurance.rate_path import Forecast, RatePath
from tasks.model.assurance.static_portfolio import OUTRIGHT, SPREAD, Leg, StaticPortfolio
from tasks.model.errors import ModelInputError

DAYS = 1_000
LONG = StaticPortfolio("BTC long", OUTRIGHT, (Leg("BTC", 1.0),))
OTHER = StaticPortfolio("BTC short", OUTRIGHT, (Leg("BTC", -1.0),))


def path(rate: Floats | float, loss: Floats, portfolio: StaticPortfolio = LONG, start: str = "2020-01-01") -> RatePath:
    n = len(loss)
    nothing = np.full(n, np.nan)
    dates = np.datetime64(start) + np.arange(n)
    return RatePath(portfolio, "M", 2, dates, np.broadcast_to(rate, n).astype(float), loss, np.ones(n), nothing, 0.0)


@pytest.fixture(scope="module")
def losses() -> Floats:
    """A thousand losses of which exactly five are above 0.20, the largest 0.30."""
    found = np.abs(np.random.default_rng(4).normal(0.0, 0.04, DAYS)).clip(max=0.15)
    found[[100, 300, 500, 700, 900]] = [0.21, 0.22, 0.25, 0.30, 0.24]
    return found


def row(found: League, model: str) -> dict[str, float]:
    return found.rows.filter(model=model, portfolio="BTC long").row(0, named=True)


def test_a_model_is_counted_and_scaled_to_the_target(losses: Floats) -> None:
    found = row(league({"A": [path(0.2, losses)], "B": [path(0.1, losses)]}, "A", 0.995), "A")
    assert (found["observations"], found["breaches"], found["coverage"]) == (1000, 5, 0.995)
    assert found["coverage_low"] < 0.995 < found["coverage_high"]
    # The 995th smallest loss is the largest that is not above 0.20.
    assert found["coverage_matched_cost"] == pytest.approx(max(loss for loss in losses if loss <= 0.2))
    assert (found["mean_rate"], found["peak_to_trough"]) == (pytest.approx(0.2), 1.0)
    over = sum(loss - 0.2 for loss in losses if loss > 0.2)
    under = sum(0.2 - loss for loss in losses if loss <= 0.2)
    assert found["quantile_score"] == pytest.approx((0.995 * over + 0.005 * under) / 1000)
    assert math.isnan(found["fz0"]) and found["quantile_p_better"] == 0.5


def test_models_are_judged_on_the_days_all_of_them_have(losses: Floats) -> None:
    late = np.where(np.arange(DAYS) < 400, np.nan, 0.2)
    found = league({"A": [path(0.2, losses)], "B": [path(late, losses)]}, "A", 0.995)
    assert [row(found, name)["observations"] for name in "AB"] == [600, 600]
    assert [row(found, name)["breaches"] for name in "AB"] == [3, 3]
    shorter = path(0.2, losses[400:], start="2021-02-04")
    again = league({"A": [path(0.2, losses)], "B": [shorter]}, "A", 0.995)
    assert again.rows.equals(found.rows), "a path that begins later is as one that has no margin before"
    apart = league({"A": [path(0.2, losses)], "B": [path(0.2, losses, start="2030-01-01")]}, "A", 0.995)
    assert apart.rows.is_empty()


def test_a_forecast_is_scored_and_one_of_a_gain_is_not(losses: Floats) -> None:
    forecast = Forecast(np.full(DAYS, 0.10), np.full(DAYS, 0.09), 0.975)
    base = replace(path(0.2, losses), forecast=forecast)
    gain = replace(base, forecast=replace(forecast, value_at_risk=np.full(DAYS, -0.01)))
    found = league({"A": [base], "B": [gain]}, "A", 0.995)
    # A shortfall below its own quantile is taken as that quantile.
    beyond = sum(max(loss - 0.10, 0.0) for loss in losses) / 1000
    assert row(found, "A")["fz0"] == pytest.approx((beyond / 0.025 + 0.10) / 0.10 + math.log(0.10) - 1.0)
    assert math.isnan(row(found, "B")["fz0"]) and math.isnan(row(found, "B")["fz0_p_better"])


def test_evidence_grows_where_a_margin_falls_short_and_not_where_it_is_enough() -> None:
    draw = np.random.default_rng(6)
    losses = draw.uniform(size=3_000)
    enough, p_enough = evidence_against(losses, np.full(3_000, 0.996), 0.995, 2)
    short, p_short = evidence_against(losses, np.full(3_000, 0.97), 0.995, 2)
    assert enough < 3.0 and p_enough > 0.05
    assert short > 100.0 and p_short < 0.01


def test_differences_are_averaged_over_the_portfolios_of_a_day(losses: Floats) -> None:
    paths = {
        "A": [path(0.2, losses), path(0.2, losses[:500], OTHER)],
        "B": [path(0.3, losses), path(0.4, losses[:500], OTHER)],
    }
    found = league(paths, "A", 0.995)
    difference, horizon = pooled_difference(found, "B", ["BTC long", "BTC short"])
    own = [found.scores[name, "B"].score - found.scores[name, "A"].score for name in ("BTC long", "BTC short")]
    assert horizon == 2 and len(difference) == DAYS
    assert np.allclose(difference[500:], own[0][500:])
    assert np.allclose(difference[:500], (own[0][:500] + own[1]) / 2.0)


def verdict(champion: Floats | float, challenger: Floats | float, losses: Floats, tried: int = 1) -> str:
    found = league({"A": [path(champion, losses)], "B": [path(challenger, losses)]}, "A", 0.995)
    first, second = standings(found, PromotionRule(policies_tried=tried), [OUTRIGHT])
    assert (first.model, first.verdict, second.model) == ("A", "CHAMPION", "B")
    return second.verdict


def swinging(mean: float, swing: float) -> Floats:
    """Rates that swing slowly about a mean; a swing of 0.25 has a peak of 5 / 3 of its trough."""
    return mean * (1.0 + swing * np.sin(np.arange(DAYS) / 100.0))


def test_a_challenger_is_promoted_for_evidence_and_for_nothing_less(losses: Floats) -> None:
    champion = swinging(0.45, 0.25)
    assert verdict(champion, 0.2, losses) == "PROMOTE"
    assert verdict(champion, 0.19, losses, tried=1) == "PROMOTE", "0.19 still covers all but the same five"
    assert verdict(champion, 0.10, losses) == "COVERS TOO LITTLE"
    assert verdict(champion, champion * 1.01, losses) == "NOT MATERIALLY BETTER"
    assert verdict(0.2, swinging(0.2, 0.02), losses) == "NOT MATERIALLY BETTER"
    assert verdict(champion, 0.45, losses, tried=10**9) == "NO EVIDENCE"


def test_what_is_gained_in_one_may_not_be_lost_in_the_other(losses: Floats) -> None:
    # Matched in cost by knowing when losses are large, at the price of a swing, and the other way round.
    knows = np.where(losses > 0.12, 0.32, 0.18)
    assert verdict(0.5, knows, losses) == "MORE PROCYCLICAL"
    assert verdict(knows, 0.5, losses) == "DEARER"


def test_standings_speak_of_the_products_asked_for(losses: Floats) -> None:
    spread = StaticPortfolio("pair", SPREAD, (Leg("BTC", 0.5), Leg("ETH", -0.5)))
    paths = {name: [path(rate, losses), path(rate, losses, spread)] for name, rate in (("A", 0.2), ("B", 0.25))}
    found = league(paths, "A", 0.995)
    placed = standings(found, PromotionRule(), [OUTRIGHT, SPREAD])
    assert [each.portfolios for each in placed] == [2, 2] and table(placed).height == 2
    assert standings(found, PromotionRule(), [SPREAD])[0].portfolios == 1
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        standings(found, PromotionRule(), ["INVERSE"])


@pytest.mark.parametrize("wrong", [{"policies_tried": 0}, {"materiality_fraction": 1.0}, {"level": 0.0}])
def test_a_rule_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ModelInputError, match=r"SHAPE|CONFIDENCE"):
        PromotionRule(**wrong)  # type: ignore[arg-type]  # each is a number of its field


def drawn(champion: Sequence[RatePath], losses: Floats) -> str:
    paths = {"A": list(champion), "<B>": [path(0.1, losses)]}
    found = league(paths, "A", 0.995)
    placed = standings(found, PromotionRule(), [OUTRIGHT])
    header = {"title": "T", "policy": "P", "first": "2020-01-01", "last": "2022-09-26", "rule": "R"}
    tests = coverage_by_test(paths, "A", [OUTRIGHT], JudgementPlan(runs=99))
    return league_page.page(header, found, tests, placed, champion).decode()


def test_the_page_draws_every_breach_and_no_missing_number(losses: Floats) -> None:
    rate = np.where(np.arange(DAYS) // 50 % 7 == 3, np.nan, 0.2)
    rate[[100, 300, 500, 700, 900]] = 0.2
    page = drawn([path(rate, losses)], losses)
    breaches = page.split('class="breach"')[1].split("</g>")[0]
    assert breaches.count("<circle") == 5
    assert "nan" not in page and "A stays" in page and page.count('class="chart') == 4
    assert "<B>" not in page and "&lt;B&gt;" in page, "a name is text"


def test_each_model_has_the_smallest_p_value_of_its_series_paid_for(losses: Floats) -> None:
    short = np.where(np.arange(DAYS) % 2 == 0, 0.01, 0.4)  # breached again and again in one of the two series
    paths = {"A": [path(0.2, losses), path(0.4, losses, OTHER)], "B": [path(short, losses), path(0.4, losses, OTHER)]}
    found = coverage_by_test(paths, "A", [OUTRIGHT], JudgementPlan())
    told = {(row["model"], row["test"]): row for row in found.iter_rows(named=True)}
    # A: five breaches of the same series of 500 days at 0.5 % each; two portfolios of two series.
    five = float(stats.binom.sf(4, 500, 0.005))
    assert told["A", "POF"]["series"] == 4 and told["A", "POF"]["p_smallest"] == pytest.approx(five, rel=1e-9)
    assert told["A", "POF"]["p_across"] == pytest.approx(min(1.0, 4 * five), rel=1e-9)
    assert not told["A", "POF"]["rejected"] and told["B", "POF"]["rejected"]
    assert found["model"].to_list() == sorted(found["model"]) and set(found["family"]) == {"COVERAGE"}


def test_the_grid_says_in_words_what_rejects_and_leaves_open_what_cannot_be_asked(losses: Floats) -> None:
    forecast = Forecast(np.full(DAYS, 0.05), np.full(DAYS, 0.07), 0.975)
    paths = {"A": [replace(path(0.2, losses), forecast=forecast)], "B": [path(0.01, losses)]}
    tests = coverage_by_test(paths, "A", [OUTRIGHT], JudgementPlan(runs=99))
    grid = league_tests_chart.chart(tests, ["A", "B"])
    rejected = int(tests["rejected"].sum())
    assert rejected and grid.count(">rejects<") == rejected and ">too few<" not in grid
    asked_of_forecasts = tests.filter(family="SHORTFALL")
    assert set(asked_of_forecasts["model"]) == {"A"} and grid.count(">–<") == asked_of_forecasts.height
    assert grid.count("<rect") == tests.height and "nan" not in grid


def test_a_margin_that_is_hardly_ever_breached_is_not_told_as_short(losses: Floats) -> None:
    plan = JudgementPlan(coverage=0.95, runs=99)
    tests = coverage_by_test({"A": [path(0.29, losses)]}, "A", [OUTRIGHT], plan)
    waiting = tests.filter(test="TBF").row(0, named=True)
    assert waiting["rejected"] and waiting["of_expected"] < 0.05, "one breach of 25 in one series, none in the other"
    grid = league_tests_chart.chart(tests, ["A"])
    assert ">too few<" in grid and ">rejects<" not in grid
