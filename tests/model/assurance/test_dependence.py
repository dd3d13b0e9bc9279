"""Tests of the order of breaches against every path of a few days."""

from __future__ import annotations

import importlib.util
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.chain import Chain
from tasks.model.assurance.dependence import conditional_coverage, independence
from tasks.model.assurance.verdict import Plan

spec = importlib.util.spec_from_file_location("brute_force", Path(__file__).parent / "brute_force.py")
brute = importlib.util.module_from_spec(spec)
spec.loader.exec_module(brute)

N, P = 11, 0.2
PLAN = Plan(P, 0.05, Chain("twice", 0.4), Chain("again", 0.25, 0.5))
PATHS = brute.paths(N)
SOME = [(0,) * N, (1,) * N, (0,) * 5 + (1,) + (0,) * 5, (1,) * 4 + (0,) * 7, *random.Random(1).sample(PATHS, 60)]
SIDES = pytest.mark.parametrize("side", ["two", "more"])


def order(path, side):
    return brute.ind(path) if side == "two" or brute.clustered(path) else 0.0


def both(path, side):
    number = brute.pof(path, P) if side == "two" or sum(path) > N * P else 0.0
    return number + order(path, side)


def weights(chain):
    return [brute.probability(path, chain.probability, chain.after_none, chain.after_breach) for path in PATHS]


@SIDES
def test_independence_is_judged_among_all_orders_of_as_many_breaches(side):
    for path in SOME:
        alike = [order(other, side) for other in PATHS if sum(other) == sum(path)]
        found = independence(np.array(path, dtype=bool), replace(PLAN, side=side))
        even = [1 / len(alike)] * len(alike)
        assert found.statistic == pytest.approx(order(path, side), abs=1e-9)
        assert found.p_exact == pytest.approx(brute.tail(order(path, side), alike, even), abs=1e-9)
        assert found.p_beyond == pytest.approx(brute.tail(order(path, side), alike, even, True), abs=1e-9)


@SIDES
def test_conditional_coverage_is_judged_among_all_paths(side):
    every, null = [both(path, side) for path in PATHS], weights(PLAN.null)
    for path in SOME:
        found = conditional_coverage(np.array(path, dtype=bool), replace(PLAN, side=side))
        assert found.statistic == pytest.approx(both(path, side), abs=1e-9)
        assert found.p_exact == pytest.approx(brute.tail(both(path, side), every, null), abs=1e-9)
        assert found.p_beyond == pytest.approx(brute.tail(both(path, side), every, null, True), abs=1e-9)


@SIDES
@pytest.mark.parametrize("test", [independence, conditional_coverage])
def test_power_is_that_of_the_paths_rejected_and_size_within_the_level(test, side):
    plan = replace(PLAN, side=side)
    verdicts = [test(np.array(path, dtype=bool), plan) for path in PATHS]
    rejected = np.array([each.rejected for each in verdicts])
    assert np.array(weights(PLAN.null))[rejected].sum() <= plan.level + 1e-12
    assert verdicts[0].power == pytest.approx(np.array(weights(PLAN.clustered))[rejected].sum(), abs=1e-9)


def test_without_two_breaches_nothing_is_known_of_their_order():
    for breaches in (0, 1):
        path = np.arange(250) == (120 if breaches else -1)
        assert independence(path, PLAN).p_exact > 0.9


def test_independence_does_not_mind_how_many_breaches_there_are():
    rng = np.random.default_rng(4)
    plan = Plan(0.01, 0.05, PLAN.too_little, PLAN.clustered)
    p_values = [independence(rng.random(400) < 0.08, plan) for _ in range(1_500)]
    lots = rng.random(1_500)
    rejected = np.mean([each.tie_broken(lot) <= 0.05 for each, lot in zip(p_values, lots, strict=True)])
    assert rejected == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / 1_500) ** 0.5)


def test_far_too_many_breaches_are_beyond_the_law():
    plan = Plan(0.01, 0.05, PLAN.too_little, Chain("again", 0.01, 0.1))
    for n in (300, 4_000):
        path = np.arange(n) % 2 == 0
        found, order = conditional_coverage(path, plan), independence(path, plan)
        assert 0.0 <= found.p_exact < 1e-12
        # Two of C(300, 150) paths alternate throughout.
        assert order.p_exact < 1e-80
        assert found.rejected and order.rejected


def test_one_sided_asymptotics_are_those_of_ratios_that_are_zero_half_of_the_time():
    path = np.array([0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0], dtype=bool)
    found = conditional_coverage(path, replace(PLAN, side="more"))
    z = np.random.default_rng(2).standard_normal((400_000, 2))
    drawn = (np.maximum(z, 0.0) ** 2).sum(axis=1)
    assert found.p_asymptotic == pytest.approx(np.mean(drawn >= found.statistic), abs=0.004)
    assert independence(path, replace(PLAN, side="more")).p_asymptotic == pytest.approx(
        stats.norm.sf(brute.ind(tuple(path.astype(int))) ** 0.5)
    )
