"""Tests of the number of breaches: brute force, closed forms, bounds that hold, and power that is what it says."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.breaches import breaches_of, phases, transitions_of
from tasks.model.assurance.chain import Chain, undermargined
from tasks.model.assurance.coverage import accepted_region, binomial, count_law, coverage_bounds, proportion
from tasks.model.assurance.verdict import Plan, table
from tasks.model.errors import ModelInputError

N, P = 30, 0.1
PLAN = Plan(P, 0.05, Chain("twice", 0.2), Chain("again", 0.1, 0.3))


def mass(x, n, p):
    """Binomial probability by whole numbers."""
    exact = Fraction(p).limit_denominator(10_000)
    return float(math.comb(n, x) * exact**x * (1 - exact) ** (n - x))


def ratio(x, n, p):
    log = lambda count, share: count * math.log(share) if count else 0.0  # noqa: E731
    return 2 * (log(x, x / n) + log(n - x, 1 - x / n) - log(x, p) - log(n - x, 1 - p))


@pytest.mark.parametrize("x", range(N + 1))
def test_two_sided_proportion_adds_up_what_is_as_unlikely(x):
    found = proportion(x, N, PLAN)
    reached = [k for k in range(N + 1) if ratio(k, N, P) >= ratio(x, N, P) - 1e-9]
    beyond = [k for k in range(N + 1) if ratio(k, N, P) > ratio(x, N, P) + 1e-9]
    assert found.statistic == pytest.approx(ratio(x, N, P), abs=1e-12)
    assert found.p_exact == pytest.approx(sum(mass(k, N, P) for k in reached), abs=1e-12)
    assert found.p_beyond == pytest.approx(sum(mass(k, N, P) for k in beyond), abs=1e-12)


@pytest.mark.parametrize("x", range(N + 1))
def test_one_sided_tests_count_what_is_more(x):
    plan = replace(PLAN, side="more")
    more = sum(mass(k, N, P) for k in range(x, N + 1))
    assert binomial(x, N, plan).p_exact == pytest.approx(more, abs=1e-12)
    assert proportion(x, N, plan).p_exact == pytest.approx(more if x > N * P else 1.0, abs=1e-12)


@pytest.mark.parametrize("x", range(N + 1))
def test_the_two_sided_binomial_test_doubles_the_smaller_tail(x):
    more, fewer = (sum(mass(k, N, P) for k in ks) for ks in (range(x, N + 1), range(x + 1)))
    assert binomial(x, N, PLAN).p_exact == pytest.approx(min(1.0, 2 * min(more, fewer)), abs=1e-12)


@pytest.mark.parametrize("side", ["two", "more"])
@pytest.mark.parametrize("test", [proportion, binomial])
def test_size_and_power_are_those_of_all_counts(test, side):
    plan = replace(PLAN, side=side)
    rejected = [x for x in range(N + 1) if test(x, N, plan).rejected]
    assert sum(mass(x, N, P) for x in rejected) <= plan.level
    assert test(0, N, plan).power == pytest.approx(sum(mass(x, N, 0.2) for x in rejected), abs=1e-12)


def test_ties_broken_by_lot_reject_exactly_at_the_level():
    for test in (proportion, binomial):
        for side in ("two", "more"):
            verdicts = [test(x, 250, Plan(0.01, 0.05, PLAN.too_little, PLAN.clustered, side)) for x in range(251)]
            # P(p_beyond + u (p_exact - p_beyond) <= level) for u uniform, count by count.
            share = [np.clip((0.05 - v.p_beyond) / max(v.p_exact - v.p_beyond, 1e-300), 0, 1) for v in verdicts]
            weights = stats.binom.pmf(range(251), 250, 0.01)
            assert float(np.dot(share, weights)) == pytest.approx(0.05, abs=1e-9)


def test_a_margin_short_by_a_fifth_is_caught_at_a_thousand_days():
    for degrees, least in ((math.inf, 0.99), (5.0, 0.80)):
        plan = Plan(0.01, 0.05, undermargined(0.01, 0.8, degrees), PLAN.clustered)
        assert proportion(10, 1_000, plan).power >= least
        assert proportion(10, 1_000, replace(plan, side="more")).power >= least
    assert undermargined(0.01, 0.8).probability == pytest.approx(stats.norm.sf(0.8 * 2.3263478740408408), rel=1e-12)


def test_no_breach_is_a_verdict_and_one_sided_a_good_one():
    plan = Plan(0.01, 0.05, PLAN.too_little, PLAN.clustered)
    assert proportion(0, 250, plan).statistic == pytest.approx(-500 * math.log(0.99), rel=1e-14)
    for test in (proportion, binomial):
        assert test(0, 250, replace(plan, side="more")).p_exact == pytest.approx(1.0)
        assert not test(0, 250, plan).rejected
    # The chi-square law rejects the margin for being safe.
    assert proportion(0, 250, plan).p_asymptotic < 0.05


@pytest.mark.parametrize("p", [0.003, 0.01, 0.2])
def test_bounds_hold_the_probability_as_often_as_they_say(p):
    held = [bounds.low <= p <= bounds.high for bounds in (coverage_bounds(x, 120, 0.95) for x in range(121))]
    assert stats.binom.pmf(range(121), 120, p)[held].sum() >= 0.95


def test_bounds_are_where_a_tail_is_half_of_the_rest():
    low, high = coverage_bounds(7, 120, 0.95)
    assert stats.binom.sf(6, 120, low) == pytest.approx(0.025)
    assert stats.binom.cdf(7, 120, high) == pytest.approx(0.025)
    assert coverage_bounds(0, 250, 0.95) == (0.0, pytest.approx(1 - 0.025 ** (1 / 250)))
    assert coverage_bounds(250, 250, 0.95)[1] == 1.0


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("side", ["two", "more"])
@pytest.mark.parametrize("n", [50, 250, 1_000])
def test_the_region_is_what_the_verdicts_keep(n, side, exact):
    plan = Plan(0.01, 0.05, PLAN.too_little, PLAN.clustered, side)
    verdicts = [proportion(x, n, plan) for x in range(n + 1)]
    kept = [x for x, v in enumerate(verdicts) if (v.p_exact if exact else v.p_asymptotic) > 0.05]
    assert accepted_region(n, plan, exact) == (min(kept) - 1, max(kept) + 1)


def test_the_law_of_counts_of_a_chain_is_that_of_drawn_paths():
    chain = Chain("", 0.05, 0.4)
    law = count_law(60, chain)
    drawn = np.bincount(chain.draw(40_000, 60, np.random.default_rng(3)).sum(axis=1), minlength=61) / 40_000
    assert law.sum() == pytest.approx(1.0)
    assert np.abs(law - drawn).max() < 5 * math.sqrt(0.25 / 40_000)


def test_a_table_of_verdicts_has_a_row_each():
    found = table([proportion(3, 30, PLAN), binomial(9, 30, PLAN)])
    assert found["test"].to_list() == ["POF", "binomial"]
    assert found["rejected"].to_list() == [False, True]
    assert set(found["alternative"]) == {"twice"}


def test_a_breach_is_a_loss_above_the_margin_and_nothing_missing_is_none():
    assert breaches_of(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])).tolist() == [False, False, True]
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        breaches_of(np.array([np.nan]), np.array([1.0]))
    with pytest.raises(ModelInputError, match="SHAPE"):
        breaches_of(np.zeros(2), np.zeros(3))


def test_what_cannot_be_judged_is_refused():
    for x, n, code in ((1, 0, "NO_OBSERVATIONS"), (3, 2, "SHAPE"), (-1, 2, "SHAPE")):
        with pytest.raises(ModelInputError, match=code):
            proportion(x, n, PLAN)
    for probability in (0.0, 1.0, 1.5, math.nan):
        with pytest.raises(ModelInputError, match="CONFIDENCE"):
            Plan(probability, 0.05, PLAN.too_little, PLAN.clustered)
    with pytest.raises(ModelInputError, match="CONFIDENCE"):
        Chain("", 0.1, -0.9)
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        phases(np.zeros(1, dtype=bool), 2)


def test_transitions_and_phases_are_read_off_the_days():
    path = np.array([0, 1, 1, 0, 0, 1, 0], dtype=bool)
    assert [int(each) for each in transitions_of(path)] == [1, 2, 2, 1]
    assert [each.tolist() for each in phases(path, 3)] == [[False] * 3, [True, False], [True, True]]
