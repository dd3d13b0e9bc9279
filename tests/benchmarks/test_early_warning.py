"""Signals before falls: each is ranked by its own past alone, and chance is counted with the hits."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import calibrated_steps, early_warning


def test_a_rank_is_a_share_of_the_days_before_and_knows_nothing_later() -> None:
    values = np.array([1.0, 3.0, 2.0, np.nan, 4.0, 2.5])
    found = early_warning.rank(values, 4)
    assert np.isnan(found[[0, 1, 3]]).all(), "less than half of the days, or no value"
    assert found[[2, 4, 5]].tolist() == [0.5, 1.0, pytest.approx(1 / 3)]
    later = np.concatenate([values[:5], [1e9]])
    assert early_warning.rank(later, 4)[:5].tolist() == pytest.approx(found[:5].tolist(), nan_ok=True)


def test_an_alarm_covers_its_day_and_those_after() -> None:
    alarms = np.array([False, True, False, False, False])
    assert early_warning.covered(alarms, 3).tolist() == [False, True, True, True, False]


def test_falls_are_the_largest_a_month_apart_whose_eve_is_known() -> None:
    daily = np.zeros(100)
    daily[[10, 20, 60, 90]] = [-0.3, -0.2, -0.4, -0.5]
    known = np.ones(100, dtype=np.bool_)
    known[89] = False
    assert early_warning.falls(daily, known, 2).tolist() == [59, 9]


def test_a_signal_that_rises_before_every_fall_is_told_from_noise() -> None:
    draws = np.random.default_rng(3)
    daily = draws.standard_normal(2000) * 0.01
    eves = np.arange(400, 1990, 80)
    daily[eves + 1] = -0.2
    noise = draws.standard_normal(2000)
    warned = noise.copy()
    warned[eves] += 10.0
    seen, blind = (early_warning.judged(daily, each) for each in (warned, noise))
    assert (seen["events"], seen["called"]) == (20.0, 20.0)
    assert seen["p"] < 1e-6 < 0.01 < blind["p"]


def test_stages_act_one_notice_after_the_other() -> None:
    dates = np.arange(np.datetime64("2020-03-11"), np.datetime64("2020-04-01"))
    stage = calibrated_steps.in_force(dates, dates[0].item(), 2, 5)
    assert stage.tolist() == [0] * 6 + [1] * 6 + [2] * 9
