"""Other tails than the house's: closed forms against quadrature, simulation and second codings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate, stats

from tasks.model.errors import ModelInputError
from tasks.model.risk import closed_form
from tasks.model.risk.age_weighting import age_weights, weighted_expected_shortfall, weighted_value_at_risk
from tasks.model.risk.extreme_value import ParetoTail, fit_tail
from tasks.model.risk.nearest_correlation import nearest_correlation
from tasks.model.risk.quantile_conventions import CONVENTIONS, quantile
from tasks.model.risk.tail import expected_shortfall

quick = settings(deadline=None, derandomize=True, max_examples=80)
CONFIDENCE = st.sampled_from([0.9, 0.95, 0.975, 0.99, 0.999])
LOSSES = hnp.arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e6, 1e6))


# --- closed forms


@quick
@given(CONFIDENCE, st.floats(2.1, 200.0))
def test_a_t_tail_is_its_own_integral(confidence, degrees):
    scale = math.sqrt((degrees - 2) / degrees)
    law = stats.t(degrees, scale=scale)
    mean = law.expect(lambda x: x, lb=law.ppf(confidence), conditional=True)
    assert closed_form.student_value_at_risk(confidence, degrees) == pytest.approx(law.ppf(confidence), rel=1e-9)
    assert closed_form.student_expected_shortfall(confidence, degrees) == pytest.approx(mean, rel=1e-5)


def test_normal_values_and_the_limit_of_the_t():
    assert closed_form.normal_value_at_risk(0.99) == pytest.approx(2.3263478740408408, rel=1e-13)
    assert closed_form.normal_expected_shortfall(0.975) == pytest.approx(2.337802792201413, rel=1e-12)
    assert closed_form.student_expected_shortfall(0.975, 1e7) == pytest.approx(2.3378, rel=1e-4)


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan])
def test_a_confidence_is_a_fraction(confidence):
    for measure in (closed_form.normal_value_at_risk, closed_form.normal_expected_shortfall):
        with pytest.raises(ModelInputError, match="CONFIDENCE"):
            measure(confidence)
    with pytest.raises(ModelInputError, match="CONFIDENCE"):
        weighted_value_at_risk(np.ones(2), np.full(2, 0.5), confidence)
    with pytest.raises(ModelInputError, match="DEGREES"):
        closed_form.student_value_at_risk(0.99, 2.0)


@quick
@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.1, 4.0), st.sampled_from([0.01, 0.25, 0.5, 0.9, 0.99]))
def test_the_delta_gamma_quantile_is_reached_with_its_probability(delta, gamma, variance, probability):
    if abs(gamma) < 0.01:
        gamma = 0.0
    found = closed_form.delta_gamma_quantile(delta, gamma, variance, probability)
    sigma = math.sqrt(variance)
    if gamma == 0.0:
        assert found == pytest.approx(abs(delta) * sigma * stats.norm.ppf(probability), abs=1e-12)
        return
    # P&L <= x where gamma / 2 u^2 + delta u - x <= 0: between the roots, or outside of them.
    width = math.sqrt(max(delta * delta + 2 * gamma * found, 0.0))
    low, high = sorted(((-delta - width) / gamma, (-delta + width) / gamma))
    between = stats.norm.cdf(high / sigma) - stats.norm.cdf(low / sigma)
    assert (between if gamma > 0 else 1 - between) == pytest.approx(probability, abs=1e-6)


def test_cornish_fisher_is_right_for_a_nearly_linear_book_and_absurd_for_a_short_gamma_one():
    near = closed_form.cornish_fisher_quantile(1.0, 0.05, 1.0, 0.01)
    assert near == pytest.approx(closed_form.delta_gamma_quantile(1.0, 0.05, 1.0, 0.01), rel=1e-3)
    absurd = closed_form.cornish_fisher_quantile(0.0, -10_000.0, 1.0, 0.99)
    assert absurd < -4_000.0 < -1.0 < closed_form.delta_gamma_quantile(0.0, -10_000.0, 1.0, 0.99) < 0.0


# --- extreme values


@quick
@given(st.floats(-0.4, 0.8), st.floats(0.5, 50.0), st.floats(-10.0, 100.0), st.floats(0.02, 0.2))
def test_a_pareto_tail_is_its_own_integral(shape, scale, threshold, share):
    tail, law = ParetoTail(threshold, scale, shape, share), stats.genpareto(shape, loc=threshold, scale=scale)
    var = tail.value_at_risk(0.99)
    assert share * law.sf(var) == pytest.approx(0.01, rel=1e-9)
    mean, _ = integrate.quad(lambda p: law.isf(p / share), 0.0, 0.01)
    assert tail.expected_shortfall(0.99) == pytest.approx(mean / 0.01, rel=1e-3)


def test_the_exponential_law_is_the_limit_of_shape_nought():
    at, near = (ParetoTail(1.0, 2.0, shape, 0.1) for shape in (0.0, 1e-6))
    assert at.value_at_risk(0.999) == pytest.approx(near.value_at_risk(0.999), rel=1e-4)
    assert at.value_at_risk(0.99) == pytest.approx(1.0 + 2.0 * math.log(10.0), rel=1e-13)
    assert ParetoTail(1.0, 2.0, 1.0, 0.1).expected_shortfall(0.99) == math.inf


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.3])
def test_the_fit_is_the_most_likely_one_and_near_the_truth(shape):
    losses = stats.genpareto(shape, scale=3.0).rvs(5_000, random_state=np.random.default_rng(11)) + 10.0
    body = np.linspace(0.0, 10.0, 15_000)
    tail = fit_tail(np.concatenate([body, losses]), 10.0)
    found_shape, _, found_scale = stats.genpareto.fit(losses - 10.0, floc=0.0)
    assert tail.shape == pytest.approx(found_shape, abs=1e-3) and tail.scale == pytest.approx(found_scale, rel=1e-3)
    assert abs(tail.shape - shape) < 0.06
    assert tail.share_beyond == 0.25


def test_a_tail_that_cannot_be_read_is_refused():
    with pytest.raises(ModelInputError, match="TAIL"):
        fit_tail(np.arange(100.0), 95.0)
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        fit_tail(np.array([1.0, math.nan]), 0.0)
    for bad in ((1.0, 0.0, 0.1, 0.1), (1.0, 1.0, 0.1, 0.0), (math.nan, 1.0, 0.1, 0.1), (1.0, 1.0, 0.1, 1.1)):
        with pytest.raises(ModelInputError, match="TAIL"):
            ParetoTail(*bad)
    with pytest.raises(ModelInputError, match="CONFIDENCE"):
        ParetoTail(1.0, 1.0, 0.1, 0.05).value_at_risk(0.9)


# --- age weighting


@quick
@given(LOSSES, CONFIDENCE)
def test_equal_weights_are_the_house_shortfall(losses, confidence):
    n = len(losses)
    found = weighted_expected_shortfall(losses, age_weights(n, 1.0), confidence)
    size = np.abs(losses).max() + 1.0
    assert found == pytest.approx(float(expected_shortfall(losses, confidence)), abs=1e-8 * size)


@quick
@given(LOSSES, st.floats(0.8, 0.9999), CONFIDENCE)
def test_the_slow_second_coding_agrees(losses, decay, confidence):
    n = len(losses)
    weights = [decay ** (age - 1) * (1 - decay) / (1 - decay**n) for age in range(n, 0, -1)]
    np.testing.assert_allclose(age_weights(n, decay), weights, rtol=1e-9)
    left, total = 1.0 - confidence, 0.0
    for loss, weight in sorted(zip(losses.tolist(), weights, strict=True), reverse=True):
        part = min(weight, left)
        total, left = total + part * loss, left - part
    expected, size = total / (1.0 - confidence), np.abs(losses).max() + 1.0
    found = weighted_expected_shortfall(losses, np.array(weights), confidence)
    assert found == pytest.approx(expected, abs=1e-7 * size)
    assert weighted_value_at_risk(losses, np.array(weights), confidence) <= found + 1e-7 * size


def test_weights_that_do_not_belong_are_refused():
    for weights in (np.array([0.5, 0.6]), np.array([1.0]), np.array([1.5, -0.5])):
        with pytest.raises(ModelInputError, match="WEIGHTS"):
            weighted_value_at_risk(np.ones(2), weights, 0.9)
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        weighted_value_at_risk(np.array([1.0, math.nan]), np.full(2, 0.5), 0.9)
    for decay in (0.0, 1.1, math.nan):
        with pytest.raises(ModelInputError, match="DECAY"):
            age_weights(5, decay)


# --- conventions


@quick
@given(LOSSES, CONFIDENCE)
def test_conventions_against_numpy_and_each_other(losses, confidence):
    found = {name: float(quantile(losses, confidence, name)) for name in CONVENTIONS}
    for name, method in (("linear_type7", "linear"), ("lower", "lower"), ("higher", "higher")):
        n = len(losses)
        if name == "linear_type7" or abs((n - 1) * confidence - round((n - 1) * confidence)) > 1e-6:
            expected = np.quantile(losses, confidence, method=method)
            assert found[name] == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert found["lower"] <= found["linear_type7"] <= found["higher"] <= found["conformal_ceil"]
    rank = math.floor(round(len(losses) * (1 - confidence), 9)) + 1
    assert found["kth_floor"] == sorted(losses, reverse=True)[min(rank, len(losses)) - 1]


def test_a_convention_has_a_name():
    with pytest.raises(ModelInputError, match="CONVENTION"):
        quantile(np.ones(3), 0.9, "median")


# --- nearest correlation


@quick
@given(st.integers(2, 6), st.integers(0, 1000))
def test_the_nearest_is_a_correlation_matrix_and_no_perturbation_is_nearer(n, seed):
    generator = np.random.default_rng(seed)
    given_ = generator.uniform(-1.0, 1.0, (n, n))
    given_ = 0.5 * (given_ + given_.T)
    np.fill_diagonal(given_, 1.0)
    found = nearest_correlation(given_)
    assert (np.diag(found) == 1.0).all() and np.array_equal(found, found.T)
    assert np.linalg.eigvalsh(found).min() > -1e-8
    distance = np.linalg.norm(found - given_)
    for _ in range(20):
        factor = generator.normal(size=(n, n))
        other = factor @ factor.T
        other /= np.sqrt(np.outer(np.diag(other), np.diag(other)))
        mixed = 0.99 * found + 0.01 * other
        assert np.linalg.norm(mixed - given_) >= distance - 1e-7


def test_a_correlation_matrix_is_its_own_nearest():
    matrix = np.array([[1.0, 0.3, -0.2], [0.3, 1.0, 0.5], [-0.2, 0.5, 1.0]])
    np.testing.assert_allclose(nearest_correlation(matrix), matrix, atol=1e-12)


@pytest.mark.parametrize("bad", [np.ones((2, 3)), np.array([[1.0, 0.2], [0.3, 1.0]]), np.ones(3)])
def test_what_is_no_matrix_of_pairs_is_refused(bad):
    with pytest.raises(ModelInputError, match="CORRELATION"):
        nearest_correlation(bad)
