"""Quantile and expected shortfall: a slow second implementation, and what makes ES coherent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tasks.model.errors import ModelInputError
from tasks.model.risk.tail import expected_shortfall, rungs, value_at_risk, worst

CONFIDENCE = st.sampled_from([0.9, 0.95, 0.975, 0.99, 0.995])
LOSSES = hnp.arrays(np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6))
quick = settings(deadline=None, derandomize=True, max_examples=150)


def slow_shortfall(losses, confidence):
    """Worst losses taken one by one until the share is used up."""
    left = wanted = len(losses) * (1 - confidence)
    total = 0.0
    for loss in sorted(losses, reverse=True):
        part = min(1.0, left)
        total, left = total + part * loss, left - part
        if left <= 0:
            break
    return total / wanted


@pytest.mark.parametrize(
    ("n", "confidence", "rank"), [(999, 0.975, 975), (99, 0.95, 95), (1500, 0.975, 1464), (50, 0.99, 50), (1, 0.9, 1)]
)
def test_the_rank_is_exact_and_capped_at_the_largest(n, confidence, rank):
    losses = np.random.default_rng(1).permutation(np.arange(1.0, n + 1))
    assert value_at_risk(losses, confidence) == rank


@quick
@given(LOSSES, CONFIDENCE)
def test_the_slow_second_implementation_agrees(losses, confidence):
    expected = slow_shortfall(losses.tolist(), confidence)
    assert expected_shortfall(losses, confidence) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@quick
@given(LOSSES, CONFIDENCE)
def test_shortfall_is_never_below_the_plain_quantile_nor_above_the_worst(losses, confidence):
    found = expected_shortfall(losses, confidence)
    lower = np.sort(losses)[math.floor(len(losses) * confidence - 1e-9)]
    size = np.abs(losses).max() + 1.0
    assert lower - 1e-9 * size <= found <= losses.max() + 1e-9 * size


@quick
@given(LOSSES, CONFIDENCE, st.floats(0.0, 1e3), st.floats(-1e6, 1e6))
def test_it_is_homogeneous_and_moves_with_cash(losses, confidence, scale, cash):
    base = float(expected_shortfall(losses, confidence))
    size = np.abs(losses).max() + 1.0
    assert expected_shortfall(losses * scale, confidence) == pytest.approx(base * scale, abs=1e-9 * size * (scale + 1))
    assert expected_shortfall(losses + cash, confidence) == pytest.approx(base + cash, abs=1e-9 * (size + abs(cash)))


@quick
@given(hnp.arrays(np.float64, st.tuples(st.just(2), st.integers(1, 300)), elements=st.floats(-1e6, 1e6)), CONFIDENCE)
def test_it_is_sub_additive_and_monotone(pair, confidence):
    one, other = expected_shortfall(pair, confidence)
    size = np.abs(pair).max() + 1.0
    assert expected_shortfall(pair.sum(axis=0), confidence) <= one + other + 1e-9 * size
    assert expected_shortfall(pair.max(axis=0), confidence) >= max(one, other) - 1e-9 * size


@quick
@given(LOSSES, CONFIDENCE, st.randoms(use_true_random=False))
def test_the_order_of_scenarios_changes_no_bit(losses, confidence, random):
    order = list(range(len(losses)))
    random.shuffle(order)
    assert expected_shortfall(losses[order], confidence) == expected_shortfall(losses, confidence)
    assert value_at_risk(losses[order], confidence) == value_at_risk(losses, confidence)


def test_a_portfolio_does_not_know_of_its_neighbours():
    table = np.random.default_rng(2).normal(size=(37, 1500))
    together = expected_shortfall(table, 0.975)
    for row in (0, 17, 36):
        assert together[row] == expected_shortfall(table[row], 0.975)
        assert together[row] == expected_shortfall(table[row : row + 1], 0.975)[0]
    assert expected_shortfall(table[:0], 0.975).shape == (0,)


def test_the_worst_scenario_is_the_first_of_equals():
    assert worst(np.array([[1.0, 3.0, 3.0], [-1.0, -5.0, -2.0]])).tolist() == [1, 0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("measure", [value_at_risk, expected_shortfall, lambda losses, _: worst(losses)])
def test_a_missing_loss_has_no_tail(measure, bad):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        measure(np.array([[1.0, 2.0], [bad, 3.0]]), 0.975)


@pytest.mark.parametrize("measure", [value_at_risk, expected_shortfall, lambda losses, _: worst(losses)])
def test_no_scenarios_have_no_tail(measure):
    with pytest.raises(ModelInputError, match="NO_SCENARIOS"):
        measure(np.empty((3, 0)), 0.975)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.1, 97.5, math.nan])
def test_a_confidence_is_a_fraction(confidence):
    with pytest.raises(ModelInputError, match="CONFIDENCE"):
        expected_shortfall(np.ones(10), confidence)


def test_several_confidences_in_one_search_are_each_alone_to_the_bit():
    losses = np.random.default_rng(8).standard_t(3, (5, 400))
    losses[2] = np.round(losses[2])  # with equals
    losses[3] = np.minimum(losses[3], 0.0)  # quantiles of zero, which has a sign
    found = rungs(np.ascontiguousarray(0.0 - losses[:, :390]), 390, (0.97, 0.9, 0.9999, 0.975))
    for confidence, each in zip((0.97, 0.9, 0.9999, 0.975), found, strict=True):
        assert each.shortfall.tobytes() == expected_shortfall(losses[:, :390], confidence).tobytes()
        assert each.value_at_risk.tobytes() == value_at_risk(losses[:, :390], confidence).tobytes()
