"""Zones, phases, Holm and the attribution of P&L."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.chain import Chain, undermargined
from tasks.model.assurance.holm import holm
from tasks.model.assurance.phase_tests import every_test, phase_table, phase_tests
from tasks.model.assurance.pnl_attribution import attribution
from tasks.model.assurance.traffic_light import capital_factors, traffic_light
from tasks.model.assurance.verdict import Plan
from tasks.model.errors import ModelInputError

PLAN = Plan(0.02, 0.05, undermargined(0.02, 0.8), Chain("again", 0.02, 0.3))


def test_holm_steps_down_and_keeps_the_order():
    found = holm(np.array([0.04, 0.01, 0.03, 0.5]))
    np.testing.assert_allclose(found, [0.09, 0.04, 0.09, 0.5])
    assert holm(np.zeros(0)).shape == (0,)
    assert holm(np.array([0.6, 0.7])).max() == 1.0
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        holm(np.array([0.1, math.nan]))


def test_holm_rejects_what_the_stepwise_rule_rejects():
    rng = np.random.default_rng(1)
    for _ in range(300):
        p_values, level = rng.random(6) ** 4, 0.05
        rejected, ordered = set(), np.argsort(p_values)
        for step, at in enumerate(ordered):
            if p_values[at] > level / (6 - step):
                break
            rejected.add(at)
        assert set(np.flatnonzero(holm(p_values) <= level)) == rejected


def test_every_phase_is_tested_and_read_beside_the_others():
    path = np.random.default_rng(2).random(900) < 0.02
    found = phase_tests(path, 3, PLAN, 1)
    tests = [each.test for each in every_test(path[::3], PLAN, 1)]
    assert [(each.verdict.test, each.phase) for each in found] == [(test, at) for test in tests for at in range(3)]
    for test in tests:
        of = [each for each in found if each.verdict.test == test]
        np.testing.assert_allclose([each.p_across for each in of], holm(np.array([e.verdict.p_exact for e in of])))
    rows = phase_table(found)
    assert rows.height == 24 and rows["phase"].to_list() == [0, 1, 2] * 8
    assert rows["p_across"].to_list() == [each.p_across for each in found]
    assert rows["rejected"].to_list() == [each.p_across <= 0.05 for each in found]
    assert found[1].verdict == every_test(path[1::3], PLAN, 1)[0]


def test_a_right_margin_with_overlapping_windows_is_kept_by_its_phases():
    rng, limit = np.random.default_rng(3), stats.norm.isf(0.02) * 3**0.5
    rejected = np.zeros(8)
    for _ in range(250):
        daily = rng.standard_normal(752)
        path = daily[:-2] + daily[1:-1] + daily[2:] > limit
        by_test = np.array([each.rejected for each in phase_tests(path, 3, PLAN, 1)]).reshape(8, 3)
        rejected += by_test.any(axis=1)
    assert (rejected / 250 <= 0.05 + 4 * (0.05 * 0.95 / 250) ** 0.5).all()


def test_what_was_known_is_split_like_the_windows():
    path = np.random.default_rng(4).random(300) < 0.05
    known = np.random.default_rng(5).random((300, 1))
    found = phase_tests(path, 2, PLAN, 1, known)
    assert found[-1].verdict == every_test(path[1::2], PLAN, 1, known[1::2])[-1]
    assert found[-1].verdict.degrees == 6


@pytest.mark.parametrize("n", [250, 365, 1_000])
@pytest.mark.parametrize("p", [0.01, 0.005])
def test_zones_are_cut_where_the_binomial_law_reaches_their_levels(n, p):
    zones = traffic_light(0, n, p).zones
    for limit, level in zip(zones, (0.95, 0.9999), strict=True):
        assert stats.binom.cdf(limit, n, p) < level <= stats.binom.cdf(limit + 1, n, p)
    counts = range(zones.max_amber + 3)
    names = [traffic_light(x, n, p).zone for x in counts]
    assert names == sorted(names, key=["green", "amber", "red"].index)
    assert [names.count(each) for each in ("green", "amber")] == [zones[0] + 1, zones[1] - zones[0]]


def test_factors_on_capital_are_those_of_the_table_and_of_no_other_length():
    assert [capital_factors(x, 250, 0.01)[1] for x in (0, 4, 5, 9, 10, 40)] == [1.5, 1.5, 1.7, 1.92, 2.0, 2.0]
    assert capital_factors(0, 500, 0.01) == (3.0, 1.5)
    assert all(math.isnan(each) for each in capital_factors(10, 500, 0.01))


def test_attribution_equals_a_second_implementation():
    rng = np.random.default_rng(6)
    for spread in (0.01, 0.3, 1.0):
        full = np.round(rng.standard_t(4, 400), 2)
        ours = np.round(full + spread * rng.standard_normal(400), 2)
        found = attribution(ours, full)
        assert found.spearman == pytest.approx(stats.spearmanr(ours, full).statistic, rel=1e-12)
        assert found.distance == pytest.approx(stats.ks_2samp(ours, full).statistic, rel=1e-12)
    assert attribution(full, full) == (pytest.approx(1.0), 0.0, "green")


def test_pnl_that_never_moves_explains_nothing():
    moving = np.arange(10.0)
    assert attribution(np.zeros(10), moving).zone == "red"
    assert math.isnan(attribution(np.zeros(10), moving).spearman)
    for one, other, code in (
        (moving, moving[1:], "SHAPE"),
        (moving[:1], moving[:1], "NO_OBSERVATIONS"),
        (moving * math.nan, moving, "NON_FINITE"),
    ):
        with pytest.raises(ModelInputError, match=code):
            attribution(one, other)
