"""The forecast behind VaR and shortfall: the same scenarios, of full look-backs alone, blind to what comes later."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tasks.model.arrays import Closes
from tasks.model.assurance.forecast_law import ScaledLaw
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.judgement import JudgementPlan, shortfall_tests
from tasks.model.assurance.rolling_margin import roll
from tasks.model.assurance.shortfall_verdicts import ShortfallPlan, every_shortfall_test, forecast_tests
from tasks.model.assurance.static_portfolio import static_portfolios
from tasks.model.assurance.whole_forecast import whole_forecast
from tasks.model.policy import ByName

DAYS, LOOKBACK = 560, 200
NEED_THE_WHOLE = {"Z1", "Z2", "Z3", "Du-Escanciano mean", "Du-Escanciano memory"}


@pytest.fixture(scope="module")
def closes():
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(0.02 * rng.standard_t(4, (1, DAYS)), axis=1))
    close[0, 300:302] = math.nan
    return Closes(("BTC",), np.datetime64("2021-01-01") + np.arange(DAYS), close)


@pytest.fixture(scope="module")
def policy(opening_policy):
    base = replace(opening_policy.base_margin, lookback_scenarios=LOOKBACK, minimum_scenarios=50, half_life_days=30)
    grid = replace(opening_policy.grid, range_fraction=ByName({"BTC": 0.02}))
    anchors = replace(opening_policy.stress, anchors=("BTC",))
    return replace(opening_policy, base_margin=base, grid=grid, stress=anchors)


@pytest.fixture(scope="module", params=[0, 1, 2, 3])
def path(request, closes, policy):
    """BTC long and short, linear and inverse."""
    portfolio = static_portfolios(["BTC"])[request.param]
    return roll(closes, policy, [portfolio], closes.dates[120], closes.dates[-3])[0]


def test_scenarios_have_the_tail_that_was_forecast_on_the_days_whose_look_back_is_full(path, closes, policy):
    found, judged = whole_forecast(path, closes, policy), path.judged
    assert found.scenarios.shape == (len(found.place), LOOKBACK)
    worst = np.sort(found.scenarios, axis=1)[:, ::-1]
    # Of 200 scenarios the worst 2.5 % are 5.
    shortfall = worst[:, :5].mean(axis=1)
    assert shortfall == pytest.approx(path.forecast.expected_shortfall[judged][found.place], rel=1e-12)
    full = int(np.searchsorted(path.dates[judged], path.dates[judged][found.place[0]]))
    assert full > 0 and list(found.place) == list(range(full, int(judged.sum())))


def test_no_forecast_knows_a_close_of_a_later_day(path, closes, policy):
    last = 400
    cut = path.between(path.dates[0], closes.dates[last])
    spoiled = replace(closes, close=np.where(np.arange(DAYS) > last, closes.close**1.3, closes.close))
    known, other = (whole_forecast(cut, each, policy) for each in (closes, spoiled))
    np.testing.assert_array_equal(known.scenarios, other.scenarios)


def test_windows_of_a_phase_share_no_day_and_every_test_is_there(path, closes, policy):
    found = whole_forecast(path, closes, policy)
    losses = path.loss[path.judged]
    days = [found.of_phase(first, 2, np.arange(len(losses)) * 1.0)[1] for first in range(2)]
    assert sorted(np.concatenate(days)) == list(found.place)
    assert all((np.diff(each) == 2.0).all() for each in days)
    tested = shortfall_tests(path, JudgementPlan(runs=99), found)
    for phase in range(2):
        names = {each.verdict.test for each in tested if each.phase == phase}
        assert names >= NEED_THE_WHOLE and len(names) == 9
    assert not NEED_THE_WHOLE & {each.verdict.test for each in shortfall_tests(path, JudgementPlan(runs=99))}


def test_tests_that_need_the_law_judge_the_days_that_have_one_and_the_others_all():
    law, plan = ScaledLaw(np.linspace(0.5, 1.5, 300), 5.0), ShortfallPlan(runs=99)
    losses = law.loss(np.arange(300), 1.0 - np.random.default_rng(2).random(300))
    record = ForecastRecord(losses, law.value_at_risk(0.975), law.expected_shortfall(0.975), 0.975)
    whole = forecast_tests(record, (law, losses), plan, 3)
    assert whole == every_shortfall_test(law, losses, plan, 3)
    late = ScaledLaw(law.scale[100:], 5.0)
    part = {each.test: each for each in forecast_tests(record, (late, losses[100:]), plan, 3)}
    own = {each.test: each for each in every_shortfall_test(late, losses[100:], plan, 3)}
    for each in whole:
        expected = own[each.test] if each.test in NEED_THE_WHOLE else each
        assert part[each.test].p_value == expected.p_value
    few = forecast_tests(record, (ScaledLaw(law.scale[:119], 5.0), losses[:119]), plan, 3)
    assert not NEED_THE_WHOLE & {each.test for each in few}
