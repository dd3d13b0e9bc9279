"""What was asked of a policy before its back-test: each criterion met and missed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tasks.model.assurance.criteria import better_challengers, covered, ordered
from tasks.model.assurance.holm import holm
from tasks.model.assurance.judgement import JudgementPlan, judge
from tasks.model.assurance.promotion import Standing
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.static_portfolio import static_portfolios

PLAN = JudgementPlan(coverage=0.98, paths=500, runs=50)
DAYS = 400


def judged(*breach_days):
    """Paths of 400 days, breached on the days named; windows of two days."""
    none = np.full(DAYS, math.nan)
    dates = np.datetime64("2021-01-01") + np.arange(DAYS)
    paths = [
        RatePath(portfolio, "M", 2, dates, np.full(DAYS, 0.2), np.isin(np.arange(DAYS), days) * 0.3, none, none, 0.0)
        for portfolio, days in zip(static_portfolios(["BTC"]), breach_days, strict=False)
    ]
    return [judge(path, PLAN) for path in paths]


def test_coverage_asks_for_the_share_and_for_the_law():
    few, many, borderline = covered(judged([5, 90, 200], list(range(0, 400, 20)), list(range(0, 360, 40))), PLAN)
    assert few.met and few.breach_share == pytest.approx(3 / DAYS) and few.p_smallest > 0.9
    assert not many.met and many.breach_share == pytest.approx(0.05) and many.p_smallest < 0.01
    assert not borderline.met and borderline.breach_share > 0.02 and borderline.p_smallest > 0.05


def test_order_is_asked_of_every_series_side_by_side():
    found = judged([5, 90, 200], [100, 102, 104, 106])
    tests = ordered(found)
    assert [(each.portfolio, each.test, each.phase) for each in tests] == [
        (of.portfolio, test, phase) for of in found for test in ("independence", "DQ") for phase in (0, 1)
    ]
    np.testing.assert_allclose([each.p_across for each in tests], holm(np.array([each.p_exact for each in tests])))
    missed = {(each.portfolio, each.test, each.phase) for each in tests if not each.met(0.05)}
    # Four breaches in a row of one series: four windows of two days, none of which overlap.
    assert ("BTC short", "independence", 0) in missed
    assert all(portfolio == "BTC short" and phase == 0 for portfolio, _, phase in missed)


def test_a_challenger_is_better_where_it_dominates():
    champion = Standing("HOUSE", 4, 0.997, 0.2, 0.16, 1.5, 0.0, 0.0, 0.0, 1.0, True, False, "CHAMPION")
    other = replace(champion, model="OTHER", dominates=True)
    assert better_challengers([champion, other]) == ("OTHER",)
    assert better_challengers([champion]) == ()
