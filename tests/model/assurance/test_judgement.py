"""The judgement of a rate path: counts by hand, bounds and phases by their own tests, windows by their days."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tasks.model.assurance.conditional_calibration import calibration_test
from tasks.model.assurance.coverage import coverage_bounds
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.judgement import JudgementPlan, judge
from tasks.model.assurance.overlap import Windows, overlapping_bounds, window_quantile, window_tail
from tasks.model.assurance.phase_tests import phase_tests
from tasks.model.assurance.rate_path import Forecast, RatePath
from tasks.model.assurance.responsiveness import Window
from tasks.model.assurance.static_portfolio import static_portfolios
from tasks.model.errors import ModelInputError

FIRST = np.datetime64("2020-02-20")
PLAN = JudgementPlan(coverage=0.95, paths=400, runs=200)


def path_of(loss, rate, forecast=None, horizon=2):
    n = len(loss)
    none = np.full(n, math.nan)
    portfolio = static_portfolios(["BTC"])[0]
    volatility = np.linspace(0.02, 0.03, n)
    return RatePath(portfolio, "M", horizon, FIRST + np.arange(n), rate, loss, volatility, none, 0.0, forecast)


@pytest.fixture(scope="module")
def path():
    """Two hundred days, five breaches, two days without a loss and one without a margin, one of them a breach."""
    rng = np.random.default_rng(8)
    rate, loss = 0.20 + 0.001 * np.arange(200), rng.normal(0.0, 0.03, 200)
    loss[[3, 20, 21, 90, 150]] = 0.5
    loss[[40, 41]], rate[[20]] = math.nan, math.nan
    return path_of(loss, rate, Forecast(np.full(200, 0.05), np.full(200, 0.07), 0.95))


def test_days_without_a_margin_or_a_loss_are_not_judged(path):
    found = judge(path, PLAN)
    assert (found.observations, found.breaches, found.coverage) == (197, 4, 1.0 - 4 / 197)
    assert [str(day) for day in found.breach_days] == [str(path.dates[at]) for at in (3, 21, 90, 150)]
    judged = [at for at in range(200) if at not in (20, 40, 41)]
    assert found.mean_rate == pytest.approx(path.rate[judged].mean(), rel=1e-12)
    # To cover 95 of a hundred the 188th smallest ratio of loss to margin is enough: 9 of 197 may lie above it.
    ratios = sorted(path.loss[judged] / path.rate[judged])
    assert found.matched_cost == pytest.approx(ratios[187] * path.rate[judged].mean(), rel=1e-12)
    assert (str(found.first), str(found.last)) == ("2020-02-20", str(path.dates[-1]))


def test_bounds_are_exact_and_those_of_overlapping_windows_are_wider(path):
    found = judge(path, PLAN)
    of_breach = coverage_bounds(4, 197, 0.95)
    assert found.bounds == pytest.approx((1.0 - of_breach.high, 1.0 - of_breach.low), rel=1e-12)
    assert found.overlap_bounds.low < found.bounds.low < found.coverage < found.bounds.high < found.overlap_bounds.high


def test_every_phase_is_tested_as_by_itself(path):
    found = judge(path, PLAN)
    breaches = np.delete(path.loss > path.rate, [20, 40, 41])
    assert found.phases == phase_tests(breaches, 2, PLAN.of_phases, PLAN.seed)
    assert len(found.phase_p("DQ")) == 2
    assert {each.phase for each in found.shortfalls} == {0, 1}
    assert not judge(replace(path, forecast=None), PLAN).shortfalls


def test_days_whose_shortfall_too_few_scenarios_leave_at_its_quantile_are_out_of_the_tests_of_both(path):
    forecast, few = path.forecast, np.zeros(200, dtype=bool)
    few[60:80] = True
    coarse = replace(forecast, expected_shortfall=np.where(few, 0.04, forecast.expected_shortfall))
    found = [
        each for each in judge(replace(path, forecast=coarse), PLAN).shortfalls if each.verdict.test == "Nolde-Ziegel"
    ]
    kept = [at for at in range(200) if at not in (20, 40, 41)]
    for each in found:
        days = [at for at in kept[each.phase :: 2] if not few[at]]
        record = ForecastRecord(path.loss[days], np.full(len(days), 0.05), np.full(len(days), 0.07), 0.95)
        assert each.verdict.p_value == calibration_test(record).p_short_margin
    assert len(found) == 2


def test_a_window_tells_of_its_own_days_alone(path):
    asked = (Window("spring", FIRST + 80, FIRST + 99), Window("never", FIRST - 9, FIRST - 1))
    (row,) = judge(path, PLAN, asked).windows.to_dicts()
    assert (row["window"], row["observations"], row["breaches"], row["coverage"]) == ("spring", 20, 1, 0.95)
    assert row["uncovered_largest"] == row["uncovered_mean"] == pytest.approx(0.5 - 0.29, rel=1e-12)
    assert (row["largest_loss"], row["smallest_rate"]) == (0.5, 0.28)
    assert row["peak_to_trough"] == pytest.approx(0.299 / 0.28, rel=1e-12)
    assert "2020-03 pandemic" in judge(path, PLAN).windows["window"].to_list()


def test_too_few_days_are_no_evidence():
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        judge(path_of(np.full(11, 0.1), np.full(11, 0.2)), PLAN)
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        judge(path_of(np.full(50, 0.1), np.full(50, math.nan)), PLAN)


def test_a_margin_that_is_a_fifth_short_is_found_and_a_right_one_kept():
    rng, plan = np.random.default_rng(4), JudgementPlan(coverage=0.99, paths=1_000, runs=200)
    daily = rng.standard_normal(2_001)
    loss = 0.02 * (daily[:-1] + daily[1:])
    right = 0.02 * window_quantile(2, 0.01, math.inf)
    kept, found = (judge(path_of(loss, np.full(2_000, share * right)), plan) for share in (1.0, 0.8))
    assert min(each.p_exact for each in kept.counts) > 0.05 > max(each.p_exact for each in found.counts)
    assert any(each.rejected for each in found.phases) and not any(each.rejected for each in kept.phases)
    assert found.overlap_bounds.high < 0.99 < kept.overlap_bounds.high


@pytest.mark.parametrize(("breaches", "n"), [(0, 300), (4, 300), (300, 300)])
def test_bounds_of_days_that_do_not_overlap_are_those_of_clopper_and_pearson(breaches, n):
    found = overlapping_bounds(breaches, Windows(n, 1, 0.01), 0.95, 4_000, 7)
    exact = coverage_bounds(breaches, n, 0.95)
    # The margin is a quantile of simulated ones, known to some four per cent of the probability beyond it.
    np.testing.assert_allclose(found, exact, rtol=0.12)


def test_bounds_of_overlapping_windows_hold_the_right_probability():
    rng, windows, held = np.random.default_rng(9), Windows(250, 5, 0.02), 0
    limit = window_quantile(5, 0.02, math.inf)
    for _ in range(300):
        total = np.cumsum(np.append(0.0, rng.standard_normal(254)))
        count = int((total[5:] - total[:-5] > limit).sum())
        low, high = overlapping_bounds(count, windows, 0.9, 1_000, 3)
        held += low <= 0.02 <= high
    assert held / 300 >= 0.9 - 4 * math.sqrt(0.09 / 300)


@pytest.mark.parametrize("degrees", [4.0, math.inf])
def test_the_tail_undoes_the_quantile(degrees):
    for probability in (0.2, 0.005):
        assert window_tail(3, window_quantile(3, probability, degrees), degrees) == pytest.approx(probability, rel=1e-9)
    assert (window_tail(3, -math.inf, degrees), window_tail(3, math.inf, degrees)) == (1.0, 0.0)


def test_a_path_is_one_value_for_each_of_consecutive_days(path):
    with pytest.raises(ModelInputError, match="SHAPE"):
        replace(path, rate=path.rate[:-1])
    with pytest.raises(ModelInputError, match="SHAPE"):
        replace(path, dates=path.dates + np.arange(200) // 100)
    part = path.between(FIRST + 10, FIRST + 19)
    assert part.table().height == 10 and part.forecast.value_at_risk.shape == (10,)
    assert path.table().filter(path.table()["rate"].is_null()).height == 1
