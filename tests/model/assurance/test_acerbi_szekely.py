"""Z1, Z2 and Z3: by hand, by all outcomes of few days, by a dense second simulation; size and power by seed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.acerbi_szekely import z1, z1_test, z1_under, z2, z2_power, z2_test, z2_under
from tasks.model.assurance.acerbi_szekely_ranks import (
    mean_shortfall,
    smallest_uniforms,
    tail_days,
    z3,
    z3_test,
    z3_under,
)
from tasks.model.assurance.forecast_law import ScaledLaw, ScenarioLaw, record
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.simulated_breaches import draw_breaches
from tasks.model.assurance.simulated_test import critical, p_value
from tasks.model.errors import ModelInputError

C = 0.975


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_by_hand():
    one = ForecastRecord(np.array([3.0, 0.0, 6.0, 1.0]), np.full(4, 2.0), np.array([3.0, 3.0, 4.0, 4.0]), 0.5)
    assert z1(one) == pytest.approx(1 - (1.0 + 1.5) / 2)
    assert z2(one) == pytest.approx(1 - (1.0 + 1.5) / (4 * 0.5))


def test_without_a_breach_nothing_speaks_against_the_forecast():
    law = ScaledLaw(np.ones(100))
    first, second = (test(law, np.zeros(100), C, 500, rng()) for test in (z1_test, z2_test))
    assert math.isnan(first.statistic)
    assert first.p_value == 1.0
    assert second.statistic == 1.0
    assert second.p_value == 1.0
    assert first.breaches == second.breaches == 0


@pytest.mark.parametrize("loss_factor", [1.0, 2.0])
def test_simulated_statistics_have_the_law_of_all_outcomes(loss_factor):
    scenarios = np.array([[-1.0, 0.0, 1.0, 4.0], [0.0, 1.0, 2.0, 2.5], [-9.0, -8.0, 0.5, 1.0]])
    law, runs = ScenarioLaw(scenarios), 40_000
    var, es = law.value_at_risk(0.5), law.expected_shortfall(0.5)
    outcomes = np.array(list(itertools.product(*scenarios))) * loss_factor
    breach = outcomes > var
    exact = np.round(1.0 - (outcomes / es * breach).sum(axis=1) / 1.5, 9)
    drawn = np.round(z2_under(law, 0.5, runs, rng(), loss_factor), 9)
    assert set(drawn) == set(exact)
    for value in set(exact):
        share = (exact == value).mean()
        assert (drawn == value).mean() == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / runs))


def test_z1_has_the_law_of_outcomes_with_a_breach():
    scenarios = np.array([[0.0, 1.0, 4.0, 5.0], [0.0, 1.0, 2.0, 2.5]])
    law, runs = ScenarioLaw(scenarios), 40_000
    var, es = law.value_at_risk(0.5), law.expected_shortfall(0.5)
    outcomes = np.array(list(itertools.product(*scenarios)))
    breach = outcomes > var
    some = breach.any(axis=1)
    exact = 1.0 - (outcomes / es * breach).sum(axis=1)[some] / breach.sum(axis=1)[some]
    drawn = z1_under(law, 0.5, runs, rng())
    assert len(drawn) == pytest.approx(runs * some.mean(), abs=5 * math.sqrt(runs) / 2)
    assert drawn.mean() == pytest.approx(exact.mean(), abs=5 * exact.std() / math.sqrt(runs))
    assert np.round(np.unique(drawn), 9) == pytest.approx(np.unique(np.round(exact, 9)))


def dense(law_scale, degrees, runs, factor, seed):
    """Z2 of runs by drawing every loss: the second implementation."""
    unit = math.sqrt((degrees - 2) / degrees)
    losses = factor * law_scale * unit * rng(seed).standard_t(degrees, (runs, len(law_scale)))
    law = stats.t(degrees, scale=unit)
    var = law.ppf(C) * law_scale
    es = law.expect(lambda x: x, lb=law.ppf(C)) / (1 - C) * law_scale
    return 1.0 - (losses / es * (losses > var)).sum(axis=1) / (len(law_scale) * (1 - C))


@pytest.mark.parametrize("factor", [1.0, 1.25])
def test_the_sparse_simulation_is_the_dense_one(factor):
    scale = np.linspace(0.5, 2.0, 250)
    sparse = z2_under(ScaledLaw(scale, 5.0), C, 8_000, rng(1), factor)
    assert stats.ks_2samp(sparse, dense(scale, 5.0, 8_000, factor, 2)).pvalue > 0.001


def test_breaches_come_in_order_and_above_their_threshold():
    scale = np.linspace(1.0, 3.0, 50)
    law = ScaledLaw(scale)
    drawn = draw_breaches(law, law.value_at_risk(0.9), 2_000, rng(3))
    place = drawn.run * 50 + drawn.day
    assert (np.diff(place) > 0).all()
    assert (drawn.loss > law.value_at_risk(0.9)[drawn.day]).all()
    assert drawn.count().mean() == pytest.approx(5.0, abs=5 * math.sqrt(4.5 / 2_000))
    assert np.bincount(drawn.day, minlength=50) == pytest.approx(np.full(50, 200), abs=75)


def test_where_no_scenario_lies_beyond_there_are_no_breaches():
    drawn = draw_breaches(ScenarioLaw(np.ones((5, 3))), np.ones(5), 10, rng())
    assert drawn.count().tolist() == [0] * 10


@pytest.mark.parametrize("law", [ScaledLaw(np.ones(250)), ScaledLaw(np.ones(250), 4.0)])
def test_a_right_forecast_is_rejected_as_often_as_the_level_says(law):
    for under in (z1_under, z2_under, z3_under):
        limit = critical(under(law, C, 20_000, rng(4)), 0.05)
        assert (under(law, C, 20_000, rng(5)) <= limit).mean() == pytest.approx(0.05, abs=0.007)


def test_margins_a_fifth_too_low_are_caught_over_a_thousand_days():
    for degrees in (math.inf, 5.0):
        law = ScaledLaw(np.ones(1_000), degrees)
        assert z2_power(law, C, 0.05, 0.2, 10_000, rng(6)) >= 0.90
        assert z2_power(law, C, 0.05, 0.0, 10_000, rng(7)) == pytest.approx(0.05, abs=0.01)


def test_the_power_is_that_of_the_test_itself():
    law = ScaledLaw(np.ones(250), 5.0)
    limit = critical(z2_under(law, C, 20_000, rng(8)), 0.05)
    by_hand = (dense(np.ones(250), 5.0, 8_000, 1.25, 9) <= limit).mean()
    assert z2_power(law, C, 0.05, 0.2, 20_000, rng(8)) == pytest.approx(by_hand, abs=0.025)


def test_tests_see_a_tail_that_is_worse_and_not_one_that_is_better():
    law, right = (
        ScaledLaw(np.ones(1_000), 4.0),
        1.4 * ScaledLaw(np.ones(1_000), 4.0).loss(np.arange(1_000), rng(10).random(1_000)),
    )
    for test in (z1_test, z2_test, z3_test):
        calm, rough = test(law, right / 2.2, C, 2_000, rng(11)), test(law, right, C, 2_000, rng(11))
        assert calm.p_value > 0.2
        assert rough.breaches == (right > law.value_at_risk(C)).sum()
        assert rough.statistic < calm.statistic or math.isnan(calm.statistic)
    assert z2_test(law, right, C, 2_000, rng(11)).p_value < 0.01
    assert z3_test(law, right, C, 2_000, rng(11)).p_value < 0.05


def test_the_same_seed_gives_the_same_verdict():
    law, losses = ScaledLaw(np.ones(250), 5.0), rng(12).standard_t(5, 250)
    for test in (z1_test, z2_test, z3_test):
        assert test(law, losses, C, 500, rng(13)) == test(law, losses, C, 500, rng(13))


# --- Z3


def slow_z3(law, losses, confidence):
    """The definition, day by day."""
    n = len(losses)
    k = math.floor(n * (1 - confidence) + 1e-9)
    ranked = np.sort(law.probability_beyond(losses))[:k]
    nodes = (np.arange(40_000) + 0.5) / 40_000
    weight = stats.binom.cdf(k - 1, n - 1, nodes) * n / k / len(nodes)
    shares = []
    for day in range(n):
        place = np.full(k, day)
        mean = law.loss(np.full(len(nodes), day), nodes) @ weight
        shares.append(law.loss(place, ranked).mean() / mean)
    return 1.0 - float(np.mean(shares))


def test_z3_is_its_definition():
    losses = rng(14).standard_normal(40)
    scaled = ScaledLaw(np.linspace(0.5, 2.0, 40))
    assert z3(scaled, losses, 0.9) == pytest.approx(slow_z3(scaled, losses, 0.9), abs=1e-3)
    drawn = ScenarioLaw(rng(15).standard_t(4, (40, 300)) + 0.5)
    assert z3(drawn, losses, 0.9) == pytest.approx(slow_z3(drawn, losses, 0.9), abs=3e-3)


def test_the_mean_of_the_largest_of_four_normals():
    law = ScaledLaw(np.array([1.0, 1.0, 2.0, 3.0]))
    assert mean_shortfall(law, 1) == pytest.approx(1.0293753730 * law.scale, rel=1e-5)


@pytest.mark.parametrize("law", [ScaledLaw(np.ones(200), 4.0), ScenarioLaw(rng(16).standard_t(5, (200, 400)))])
def test_z3_is_zero_on_average_where_the_forecast_is_right(law):
    under = z3_under(law, C, 4_000, rng(17))
    assert under.mean() == pytest.approx(0.0, abs=5 * under.std() / math.sqrt(4_000))


def test_smallest_uniforms_have_their_beta_laws():
    drawn = smallest_uniforms(5_000, 30, 3, rng(18))
    for rank in range(3):
        assert stats.kstest(drawn[:, rank], stats.beta(rank + 1, 30 - rank).cdf).pvalue > 0.001


def test_z3_needs_a_day_in_the_tail():
    assert tail_days(40, C) == 1
    with pytest.raises(ModelInputError, match="SHAPE"):
        tail_days(39, C)


# --- p-values and critical values


def test_p_values_count_the_statistic_itself_and_ties():
    under = np.array([-3.0, -2.0, -2.0, 0.0])
    assert [p_value(each, under) for each in (-4.0, -3.0, -2.0, 0.0)] == [0.2, 0.4, 0.8, 1.0]
    assert critical(under, 0.4) == -3.0
    assert critical(under, 0.6) == -3.0
    assert critical(under, 0.8) == -2.0
    assert critical(under, 0.1) == -math.inf
    assert critical(np.zeros(9), 0.5) == -math.inf


def test_a_record_of_a_law_holds_its_forecasts():
    law = ScaledLaw(np.array([1.0, 2.0]))
    one = record(law, np.zeros(2), C)
    assert one.expected_shortfall / one.value_at_risk == pytest.approx(2.337802792 / 1.959963985)
