"""Guard rails: steps and notices by hand, and that no step knows what comes after it."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.model.assurance import guarded_rates
from tasks.model.assurance.governance import Rails
from tasks.model.assurance.guarded_rates import cost
from tasks.model.errors import ModelInputError

RAILS = Rails(0.25, 2, (0.10, 0.25), (2, 5))


def guarded(wanted, rails):
    return guarded_rates.guarded(wanted, rails, smallest_change=0.02)


def test_a_jump_becomes_steps_each_with_its_own_notice():
    """40 %: 25 % after five days, the missing 12 % after five more."""
    assert guarded(np.full(12, 1.40), RAILS) == pytest.approx([*[1.0] * 5, *[1.25] * 5, *[1.40] * 2])


def test_a_small_rise_and_any_decrease_take_the_short_notice():
    assert guarded(np.full(4, 1.08), RAILS) == pytest.approx([1.0, 1.0, 1.08, 1.08])
    assert guarded(np.full(4, 0.50), RAILS) == pytest.approx([1.0, 1.0, 0.50, 0.50])


def test_a_difference_not_worth_a_change_and_a_missing_one_change_nothing():
    assert guarded(np.array([1.019, np.nan, 0.981, 1.0]), RAILS).tolist() == [1.0] * 4


def test_what_is_announced_acts_although_nobody_wants_it_any_more():
    wanted = np.array([1.2, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert guarded(wanted, RAILS) == pytest.approx([1.0, 1.0, 1.0, 1.0, 1.0, 1.2, 1.2, 1.0])


def test_steps_keep_the_rails_and_know_nothing_of_later_days():
    rng = np.random.default_rng(11)
    wanted = np.exp(np.cumsum(0.08 * rng.standard_normal(300)))
    found = guarded(wanted, RAILS)
    assert (found[1:] / found[:-1]).max() <= 1.25 + 1e-12
    for end in (1, 50, 173):
        np.testing.assert_array_equal(guarded(wanted[:end], RAILS), found[:end])


def test_a_multiplier_that_is_not_above_zero_is_refused():
    with pytest.raises(ModelInputError, match="above 0"):
        guarded(np.array([1.0, 0.0]), RAILS)


def test_cost_counts_days_with_a_rate_and_a_loss_within():
    rate, loss = np.array([0.1, 0.1, 0.1, np.nan, 0.2]), np.array([0.3, 0.15, 0.1, 0.5, np.nan])
    found = cost(rate, loss, np.array([False, True, True, True, True]))
    assert (found.observations, found.breaches) == (2, 1)
    assert (found.uncovered, found.mean_rate) == pytest.approx((0.05, 0.1))
    assert np.isnan(cost(rate, loss, np.zeros(5, dtype=bool)).mean_rate)
