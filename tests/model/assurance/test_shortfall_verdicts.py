"""The family of tests as a whole: each verdict is its test's own, and the family errs as seldom as its level."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.model.assurance.acerbi_szekely import z2_test
from tasks.model.assurance.forecast_law import ScaledLaw, ScenarioLaw
from tasks.model.assurance.shortfall_verdicts import ShortfallPlan, every_shortfall_test, table

PLAN = ShortfallPlan(runs=499)
TESTS = [
    *("Z1", "Z2", "Z3", "Du-Escanciano mean", "Du-Escanciano memory"),
    *("McNeil-Frey", "Nolde-Ziegel", "e-process VaR", "e-process ES"),
]


def losses_of(law, seed, n, factor=1.0):
    return factor * law.loss(np.arange(n), 1.0 - np.random.default_rng(seed).random(n))


def test_every_test_is_there_with_its_own_verdict_and_the_family_by_hand():
    law = ScaledLaw(np.linspace(0.5, 1.5, 400), 5.0)
    losses = losses_of(law, 1, 400, 1.2)
    found = every_shortfall_test(law, losses, PLAN, 3)
    assert [each.test for each in found] == TESTS
    own = z2_test(law, losses, 0.975, 499, np.random.default_rng([3, 1]))
    assert (found[1].statistic, found[1].p_value) == (own.statistic, own.p_value)
    ranked, across = sorted((each.p_value, each.test) for each in found), 0.0
    by_name = {each.test: each for each in found}
    for place, (p, name) in enumerate(ranked):
        across = max(across, min(1.0, p * (len(ranked) - place)))
        assert by_name[name].p_across == pytest.approx(across)
        assert by_name[name].rejected == (across <= 0.05)


def test_the_table_names_every_field_and_only_z2_has_a_power():
    law = ScaledLaw(np.ones(300))
    frame = table(every_shortfall_test(law, losses_of(law, 2, 300), PLAN, 4))
    assert frame.columns == ["test", "statistic", "p_value", "p_across", "level", "power", "rejected"]
    assert frame.filter(frame["power"].is_nan().not_())["test"].to_list() == ["Z2"]
    assert 0.8 < frame["power"][1] < 1.0


def test_the_family_rejects_a_right_forecast_seldom_and_a_short_one_often():
    law = ScaledLaw(np.ones(500), 5.0)
    right, short = (
        [
            any(each.rejected for each in every_shortfall_test(law, losses_of(law, seed, 500, factor), PLAN, seed))
            for seed in range(60)
        ]
        for factor in (1.0, 1.6)
    )
    assert sum(right) <= 8  # a true 5 % gives more with a probability below 1 in 100
    assert sum(short) >= 55


def test_scenarios_are_judged_as_well_and_the_same_seed_gives_the_same():
    law = ScenarioLaw(np.random.default_rng(5).standard_t(5, (300, 400)))
    losses = np.random.default_rng(6).standard_t(5, 300)
    first, second = (every_shortfall_test(law, losses, PLAN, 7) for _ in range(2))
    assert first == second
    assert all(0.0 < each.p_value <= 1.0 for each in first)


def test_without_a_breach_nothing_is_rejected():
    found = every_shortfall_test(ScaledLaw(np.ones(300)), np.zeros(300), PLAN, 8)
    assert not any(each.rejected for each in found)
    assert math.isnan(found[0].statistic)
