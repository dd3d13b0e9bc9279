"""Scores and their comparison: closed forms, second codings, and that the right forecast scores best."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.diebold_mariano import diebold_mariano, long_run_variance
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.scores import quantile_loss, shortfall_loss
from tasks.model.errors import ModelInputError
from tasks.model.risk.closed_form import normal_expected_shortfall, normal_value_at_risk

C = 0.975
VAR, ES = normal_value_at_risk(C), normal_expected_shortfall(C)
LOSSES = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)


def of(var: float, es: float) -> ForecastRecord:
    n = len(LOSSES)
    return ForecastRecord(LOSSES, np.full(n, var), np.full(n, es), C)


def test_by_hand():
    losses, var = np.array([3.0, 2.0, 1.0]), np.full(3, 2.0)
    assert quantile_loss(losses, var, 0.9) == pytest.approx([0.9, 0.0, 0.1])
    found = shortfall_loss(ForecastRecord(losses, var, np.full(3, 4.0), 0.9))
    calm = 0.5 + math.log(4.0) - 1.0
    assert found == pytest.approx([1.0 / (0.1 * 4.0) + calm, calm, calm])


def test_the_right_forecast_scores_best():
    best_quantile, best = quantile_loss(LOSSES, np.full(len(LOSSES), VAR), C).mean(), shortfall_loss(of(VAR, ES)).mean()
    for factor in (0.8, 0.95, 1.05, 1.3):
        assert quantile_loss(LOSSES, np.full(len(LOSSES), factor * VAR), C).mean() > best_quantile
        assert shortfall_loss(of(factor * VAR, factor * ES)).mean() > best
        assert shortfall_loss(of(VAR, max(VAR, factor * ES))).mean() > best
    # At the right forecast VaR and tail cancel: the score is ln ES.
    assert best == pytest.approx(math.log(ES), abs=1e-3)


def test_another_unit_adds_a_constant():
    one, cents = (
        of(VAR, 3.0),
        ForecastRecord(100 * LOSSES, np.full(len(LOSSES), 100 * VAR), np.full(len(LOSSES), 300.0), C),
    )
    assert shortfall_loss(cents) - shortfall_loss(one) == pytest.approx(np.full(len(LOSSES), math.log(100.0)))


def test_the_score_needs_a_quantile_above_nothing():
    with pytest.raises(ModelInputError, match="FORECAST"):
        shortfall_loss(of(0.0, 1.0))


@pytest.mark.parametrize("weights", ["BARTLETT", "UNWEIGHTED"])
def test_the_statistic_is_its_formula(weights):
    rng = np.random.default_rng(1)
    a, b, n, h = rng.random(200), rng.random(200) + 0.05, 200, 4
    d = a - b
    gamma = [sum((d[t] - d.mean()) * (d[t - k] - d.mean()) for t in range(k, n)) / n for k in range(h)]
    share = [1 - k / h if weights == "BARTLETT" else 1.0 for k in range(h)]
    variance = gamma[0] + 2 * sum(w * g for w, g in zip(share[1:], gamma[1:], strict=True))
    t = d.mean() / math.sqrt(variance / n) * math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    found = diebold_mariano(a, b, h, weights)
    assert found.statistic == pytest.approx(t)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(t), n - 1))
    assert found.p_better == pytest.approx(stats.t.cdf(t, n - 1))
    turned = diebold_mariano(b, a, h, weights)
    assert (turned.statistic, turned.p_better) == (pytest.approx(-t), pytest.approx(1 - found.p_better))


def test_a_variance_below_nothing_is_weighted():
    d = np.tile([1.0, -1.0], 50) + 0.01 * np.arange(100)
    assert long_run_variance(d, 2, "UNWEIGHTED") < 0.0
    found = diebold_mariano(d, np.zeros(100), 2, "UNWEIGHTED")
    assert found == diebold_mariano(d, np.zeros(100), 2, "BARTLETT")
    assert found.weights == "BARTLETT"


def test_equal_and_always_better():
    score = np.random.default_rng(2).random(50)
    same = diebold_mariano(score, score, 1)
    assert (same.statistic, same.p_value, same.p_better) == (0.0, 1.0, 0.5)
    ahead = diebold_mariano(np.zeros(50), np.ones(50), 1)
    assert (ahead.statistic, ahead.p_value, ahead.p_better) == (-math.inf, 0.0, 0.0)


def test_models_that_are_equally_good_differ_as_often_as_the_level_says():
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((2_000, 254))
    overlapping = np.lib.stride_tricks.sliding_window_view(noise, 5, axis=1).sum(axis=2)
    for scores, horizon in ((noise, 1), (overlapping, 5)):
        p = [diebold_mariano(d, np.zeros(len(d)), horizon, "UNWEIGHTED").p_value for d in scores]
        assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("horizon", [0, 5])
def test_a_horizon_fits_the_days(horizon):
    with pytest.raises(ModelInputError, match="SHAPE"):
        diebold_mariano(np.ones(10), np.zeros(10), horizon)
