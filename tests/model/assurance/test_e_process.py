"""Bets against a forecast: all paths of few days, and that looking daily does not raise false alarms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.e_process import e_process, growth_bets, shortfall_e, value_at_risk_e
from tasks.model.assurance.forecast_law import ScaledLaw, record
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.errors import ModelInputError


def paths(n: int, probability: float):
    """Every path of n days with its probability."""
    breaches = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    count = breaches.sum(axis=1)
    return breaches, probability**count * (1 - probability) ** (n - count)


def of_breaches(path: np.ndarray, confidence: float, bets=growth_bets):
    e_values = value_at_risk_e(path, np.full(len(path), 0.5), confidence)
    return e_process(e_values, bets(e_values))


@pytest.mark.parametrize("confidence", [0.75, 0.9])
def test_capital_is_fair_and_seldom_large_over_all_paths(confidence):
    found, probability = paths(11, 1 - confidence)
    processes = [of_breaches(path, confidence) for path in found]
    assert probability @ [each.e_value for each in processes] == pytest.approx(1.0)
    for level in (0.05, 0.1, 0.25):
        alarms = [each.first_rejection(level) is not None for each in processes]
        assert probability @ alarms <= level
        assert alarms == [each.p_bound <= level * (1 + 1e-12) for each in processes]


def test_a_forecast_that_is_more_than_enough_loses_the_bets():
    found, probability = paths(10, 0.05)
    assert probability @ [of_breaches(path, 0.9, lambda e: np.full(len(e), 0.1)).e_value for path in found] < 1.0


def test_capital_by_hand():
    one = e_process(np.array([0.0, 10.0, 0.0]), np.array([0.1, 0.2, 0.5]))
    assert np.exp(one.log_capital) == pytest.approx([0.9, 0.9 * 2.8, 0.9 * 2.8 * 0.5])
    assert one.e_value == pytest.approx(1.26)
    assert one.largest == pytest.approx(2.52)
    assert one.first_rejection(0.4) == 1
    assert one.first_rejection(0.05) is None


def test_who_bets_all_loses_all():
    one = e_process(np.array([0.0, 100.0]), np.array([1.0, 0.5]))
    assert one.e_value == 0.0
    assert one.largest == 1.0
    assert one.p_bound == 1.0


def test_bets_know_nothing_of_their_day_or_later():
    rng = np.random.default_rng(1)
    e_values = rng.exponential(1.5, 60)
    for day in (0, 1, 30):
        changed = e_values.copy()
        changed[day:] = rng.exponential(9.0, 60 - day)
        assert growth_bets(changed)[: day + 1].tobytes() == growth_bets(e_values)[: day + 1].tobytes()


def test_bets_are_near_those_that_grow_fastest():
    # e = 0 or 2, the second with 55 %: capital grows fastest at a bet of 10 %.
    e_values = 2.0 * (np.random.default_rng(2).random(40_000) < 0.55)
    assert growth_bets(e_values)[-1] == pytest.approx(0.10, abs=0.03)
    assert growth_bets(np.zeros(5)).tolist() == [0.0] * 5
    assert growth_bets(np.full(5, 9.0), 0.3).tolist() == [0.0, 0.125, 0.125, 0.125, 0.125]


def test_the_shortfall_e_value_is_fair_only_at_the_right_forecast():
    beyond = (np.arange(400_000) + 0.5) / 400_000
    losses = stats.norm.isf(beyond)
    var, es = stats.norm.ppf(0.975), stats.norm.pdf(stats.norm.ppf(0.975)) / 0.025

    def mean(v, s):
        n = len(losses)
        return shortfall_e(ForecastRecord(losses, np.full(n, v), np.full(n, s), 0.975)).mean()

    assert mean(var, es) == pytest.approx(1.0, abs=2e-3)
    assert mean(var, 1.1 * es) < 1.0
    assert mean(var, 0.9 * es) > 1.0
    for wrong in (0.5, 0.9, 1.1):
        # Beside the right shortfall a wrong VaR gives more than 1.
        assert mean(wrong * var, es) >= 1.0 - 2e-3


def test_daily_looking_alarms_seldom_at_a_right_forecast_and_soon_at_one_a_third_too_low():
    n, runs, level = 500, 400, 0.05
    rng = np.random.default_rng(3)
    right, low = [], []
    for _ in range(runs):
        losses = rng.standard_t(5, n) * math.sqrt(0.6)
        for factor, alarms in ((1.0, right), (1.5, low)):
            e_values = shortfall_e(record(ScaledLaw(np.ones(n), 5.0), factor * losses, 0.975))
            alarms.append(e_process(e_values, growth_bets(e_values)).first_rejection(level))
    assert np.mean([each is not None for each in right]) <= level + 3 * math.sqrt(level * (1 - level) / runs)
    assert np.mean([each is not None for each in low]) > 0.8


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("BET", lambda: e_process(np.array([-1.0]), np.array([0.1]))),
        ("BET", lambda: e_process(np.array([1.0]), np.array([1.1]))),
        ("BET", lambda: e_process(np.array([1.0]), np.array([-0.1]))),
        ("SHAPE", lambda: e_process(np.ones(2), np.ones(3))),
        ("NON_FINITE", lambda: e_process(np.array([np.nan]), np.array([0.1]))),
        ("FORECAST", lambda: shortfall_e(ForecastRecord(np.ones(1), np.ones(1), np.ones(1), 0.9))),
        ("CONFIDENCE", lambda: value_at_risk_e(np.ones(1), np.ones(1), 1.0)),
    ],
)
def test_what_is_no_bet_is_refused(code, make):
    with pytest.raises(ModelInputError, match=code):
        make()
