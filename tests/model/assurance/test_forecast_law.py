"""Records and laws of forecasts: quantiles, probabilities and tails against each other and against counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.forecast_law import ScaledLaw, ScenarioLaw, record
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.errors import ModelInputError

SCALE = np.array([0.5, 1.0, 2.0])


@pytest.mark.parametrize("degrees", [math.inf, 2.5, 5.0])
def test_a_scaled_law_is_the_law_of_the_library(degrees):
    law = ScaledLaw(SCALE, degrees)
    unit = 1.0 if math.isinf(degrees) else math.sqrt((degrees - 2) / degrees)
    other = stats.norm(scale=SCALE) if math.isinf(degrees) else stats.t(degrees, scale=unit * SCALE)
    losses = np.array([0.3, -1.0, 5.0])
    assert law.probability_beyond(losses) == pytest.approx(other.sf(losses), rel=1e-10)
    assert law.value_at_risk(0.975) == pytest.approx(other.ppf(0.975), rel=1e-10)
    assert law.loss(np.arange(3), np.full(3, 0.025)) == pytest.approx(other.ppf(0.975), rel=1e-10)
    assert law.breach_probability(losses) == pytest.approx(other.sf(losses), rel=1e-10)


def test_the_shortfall_of_a_law_is_the_mean_of_its_losses_beyond():
    beyond = (np.arange(200_000) + 0.5) / 200_000 * 0.025
    for law in (ScaledLaw(SCALE), ScaledLaw(SCALE, 5.0)):
        means = [law.loss(np.full(len(beyond), day), beyond).mean() for day in range(3)]
        assert law.expected_shortfall(0.975) == pytest.approx(means, rel=1e-3)


def test_scenarios_are_drawn_evenly_and_counted():
    losses = np.array([[4.0, 1.0, 3.0, 2.0], [1.0, 1.0, 1.0, 9.0]])
    law = ScenarioLaw(losses)
    assert law.loss(np.zeros(4, dtype=int), np.array([0.01, 0.26, 0.51, 0.99])).tolist() == [4.0, 3.0, 2.0, 1.0]
    assert law.breach_probability(np.array([3.0, 1.0])).tolist() == [0.25, 0.25]
    assert law.value_at_risk(0.5).tolist() == [3.0, 1.0]
    assert law.expected_shortfall(0.5).tolist() == [3.5, 5.0]
    # Among five draws the loss is the largest, the smallest; the middle of those it equals.
    assert law.probability_beyond(np.array([5.0, 0.0])) == pytest.approx([0.1, 0.9])
    assert law.probability_beyond(np.array([2.5, 1.0])) == pytest.approx([0.5, 0.6])


@pytest.mark.parametrize(
    "law",
    [ScaledLaw(SCALE), ScaledLaw(SCALE, 4.0), ScenarioLaw(np.random.default_rng(2).standard_normal((3, 40)))],
)
def test_sums_over_probabilities_and_days_are_those_of_single_losses(law):
    rng = np.random.default_rng(3)
    beyond, weight, unit = rng.random(50), rng.random(50), rng.random(3) + 0.5
    losses = np.array([law.loss(np.full(50, day), beyond) for day in range(3)])
    assert law.weighted_loss(beyond, weight) == pytest.approx(losses @ weight)
    assert law.mean_ratio(beyond.reshape(10, 5), unit).ravel() == pytest.approx((losses / unit[:, None]).mean(axis=0))


def test_ranks_of_a_right_forecast_are_even():
    rng = np.random.default_rng(1)
    days = rng.standard_t(4, (4_000, 20))
    beyond = ScenarioLaw(days[:, 1:]).probability_beyond(days[:, 0])
    counts = np.bincount(np.floor(beyond * 20).astype(int), minlength=20)
    assert stats.chisquare(counts).pvalue > 0.001


def test_a_coarse_sample_never_has_a_shortfall_below_its_quantile():
    law = ScenarioLaw(np.arange(1.0, 11.0)[None, :])
    assert law.value_at_risk(0.9).tolist() == [10.0]
    assert law.expected_shortfall(0.85).tolist() == [10.0]


def test_a_record_counts_breaches_strictly():
    one = ForecastRecord(np.array([1.0, 1.1, -3.0]), np.ones(3), np.full(3, 2.0), 0.975)
    assert one.breaches.tolist() == [False, True, False]
    assert one.breach_days.tolist() == [1]
    assert (one.days, one.tail) == (3, pytest.approx(0.025))


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("NON_FINITE", {"losses": np.array([1.0, np.nan])}),
        ("NON_FINITE", {"expected_shortfall": np.array([2.0, np.inf])}),
        ("SHAPE", {"value_at_risk": np.ones(3)}),
        ("SHAPE", {name: np.ones(0) for name in ("losses", "value_at_risk", "expected_shortfall")}),
        ("CONFIDENCE", {"confidence": 1.0}),
        ("FORECAST", {"expected_shortfall": np.array([2.0, 0.9])}),
        ("FORECAST", {"value_at_risk": np.full(2, -2.0), "expected_shortfall": np.array([1.0, 0.0])}),
    ],
)
def test_a_record_refuses_what_cannot_be_forecast(code, change):
    good = {"losses": np.zeros(2), "value_at_risk": np.ones(2), "expected_shortfall": np.full(2, 2.0)}
    with pytest.raises(ModelInputError, match=code):
        ForecastRecord(**({**good, "confidence": 0.975} | change))


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("FORECAST", lambda: ScaledLaw(np.array([1.0, 0.0]))),
        ("NON_FINITE", lambda: ScaledLaw(np.array([1.0, np.nan]))),
        ("DEGREES", lambda: ScaledLaw(np.ones(2), 2.0)),
        ("SHAPE", lambda: ScenarioLaw(np.ones(3))),
        ("NO_SCENARIOS", lambda: ScenarioLaw(np.ones((3, 0)))),
        ("NON_FINITE", lambda: ScenarioLaw(np.full((2, 2), np.nan))),
        ("SHAPE", lambda: record(ScaledLaw(np.ones(2)), np.ones(3), 0.975)),
        ("CONFIDENCE", lambda: record(ScenarioLaw(np.ones((2, 2))), np.ones(2), 0.0)),
    ],
)
def test_a_law_refuses_what_is_none(code, make):
    with pytest.raises(ModelInputError, match=code):
        make()
