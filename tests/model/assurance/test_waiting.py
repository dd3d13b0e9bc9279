"""Tests of the days between breaches: brute force over every path of a few days."""

from __future__ import annotations

import importlib.util
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.chain import Chain
from tasks.model.assurance.verdict import Plan
from tasks.model.assurance.waiting import DRAWS, first_breach, time_between
from tasks.model.errors import ModelInputError

spec = importlib.util.spec_from_file_location("brute_force", Path(__file__).parent / "brute_force.py")
brute = importlib.util.module_from_spec(spec)
spec.loader.exec_module(brute)

N, P = 12, 0.2
PLAN = Plan(P, 0.05, Chain("twice, again", 0.4, 0.2), Chain("again", 0.25, 0.4))
PATHS = brute.paths(N)
SOME = [(0,) * N, (1,) * N, (0,) * 11 + (1,), (1,) + (0,) * 11, *random.Random(2).sample(PATHS, 40)]


def weights(chain):
    return [brute.probability(path, chain.probability, chain.after_none, chain.after_breach) for path in PATHS]


def first(path, side):
    late = not any(path) or (path.index(1) + 1) * P >= 1.0
    return 0.0 if side == "more" and late else brute.first(path, P)


@pytest.mark.parametrize("side", ["two", "more"])
def test_the_first_breach_is_judged_among_all_paths(side):
    plan, every, null = replace(PLAN, side=side), [first(path, side) for path in PATHS], weights(PLAN.null)
    for path in SOME:
        found = first_breach(np.array(path, dtype=bool), plan)
        assert found.statistic == pytest.approx(first(path, side), abs=1e-9)
        assert found.p_exact == pytest.approx(brute.tail(first(path, side), every, null), abs=1e-9)
        assert found.p_beyond == pytest.approx(brute.tail(first(path, side), every, null, True), abs=1e-9)
    rejected = np.array([first_breach(np.array(path, dtype=bool), plan).rejected for path in PATHS])
    assert found.power == pytest.approx(np.array(weights(PLAN.too_little))[rejected].sum(), abs=1e-9)


def surprise(path, with_number):
    statistic, gaps = brute.between(path, P)
    degrees = gaps + with_number
    statistic += brute.pof(path, P) if with_number else 0.0
    return -stats.chi2.logsf(statistic, degrees) if degrees else 0.0


@pytest.mark.parametrize("with_number", [True, False])
def test_gaps_are_judged_as_among_all_paths_within_the_error_of_the_draws(with_number):
    every, null = [surprise(path, with_number) for path in PATHS], weights(PLAN.null)
    for path in SOME:
        found = time_between(np.array(path, dtype=bool), PLAN, 7, with_number)
        statistic, gaps = brute.between(path, P)
        assert found.statistic == pytest.approx(statistic + with_number * brute.pof(path, P), abs=1e-9)
        assert found.degrees == gaps + with_number
        expected = brute.tail(surprise(path, with_number), every, null)
        assert found.p_exact == pytest.approx(
            expected, abs=5 * math.sqrt(expected * (1 - expected) / DRAWS) + 2 / DRAWS
        )


def test_the_power_of_gaps_is_that_of_the_paths_rejected():
    every, null = [surprise(path, True) for path in PATHS], np.array(weights(PLAN.null))
    tails = [brute.tail(each, every, null) for each in every]
    expected = np.array(weights(PLAN.clustered))[np.array(tails) <= 0.05].sum()
    found = time_between(np.zeros(N, dtype=bool), PLAN, 7)
    # The critical value is drawn too: outcomes at the edge of the level may fall on either side.
    assert found.power == pytest.approx(expected, abs=0.04)


def test_without_a_breach_gaps_tell_nothing_and_the_number_is_judged_alone():
    path = np.zeros(250, dtype=bool)
    plan = Plan(0.01, 0.05, PLAN.too_little, PLAN.clustered)
    none, number = time_between(path, plan, 1, with_number=False), time_between(path, plan, 1)
    assert (none.statistic, none.degrees, none.p_asymptotic, none.p_exact) == (0.0, 0, 1.0, 1.0)
    assert number.statistic == pytest.approx(-500 * math.log(0.99)) == first_breach(path, plan).statistic
    assert first_breach(path, replace(plan, side="more")).p_exact == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_verdict_and_another_one_nearly():
    path = np.random.default_rng(1).random(300) < 0.03
    one, again, other = (time_between(path, PLAN, seed) for seed in (1, 1, 2))
    assert one == again
    assert one.p_exact == pytest.approx(other.p_exact, abs=0.03)


def test_no_days_are_refused():
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        first_breach(np.zeros(0, dtype=bool), PLAN)
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        time_between(np.zeros(0, dtype=bool), PLAN, 1)
