"""Estimators of parameters against closed forms, brute force and a second implementation."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from scipy import stats

from tasks.model.assurance.calibration.batch_means import batch_mean
from tasks.model.assurance.calibration.correlation import correlation_figure
from tasks.model.assurance.calibration.depth import Ladder, impact_figure, walked_cost
from tasks.model.assurance.calibration.estimate import Estimate, Figure, normal_figure, scale_figure
from tasks.model.assurance.calibration.garch_challenger import garch_challenger
from tasks.model.assurance.calibration.half_life import half_life
from tasks.model.assurance.calibration.moves import separate_falls, separate_returns
from tasks.model.assurance.calibration.offset import offset_figure, saving
from tasks.model.assurance.calibration.order_statistics import observations_needed, quantile_figure, upper_bound
from tasks.model.assurance.calibration.proposal import changes, decide
from tasks.model.assurance.calibration.resample import block_days, bootstrap_figure
from tasks.model.assurance.calibration.shock import normal_shock
from tasks.model.assurance.calibration.spot_vol_beta import spot_vol_beta
from tasks.model.assurance.calibration.tail_check import filtered_losses, tail_check
from tasks.model.errors import ModelInputError
from tasks.model.market.volatility import decay, ewma_variance

RNG = np.random.default_rng(5)


def estimate(parameter: str, value: float, low: float, high: float) -> Estimate:
    figure = Figure(value, 0.1, low, high, 0.95, "asymptotic", 100)
    return Estimate(parameter, figure, date(2020, 1, 1), date(2021, 1, 1), "", 0, value, "test")


def test_a_quantile_lies_between_order_statistics_whose_probability_is_counted():
    figure = quantile_figure(np.arange(1.0, 201.0), 0.9, 0.95)
    lower, upper = int(figure.low), int(figure.high)
    inside = sum(math.comb(200, k) * 0.9**k * 0.1 ** (200 - k) for k in range(lower, upper))
    assert figure.level == pytest.approx(inside, rel=1e-9)
    below = sum(math.comb(200, k) * 0.9**k * 0.1 ** (200 - k) for k in range(lower + 1))
    assert 1.0 - inside <= 0.05 < below * 2.0 + 0.05, "each side is missed with at most 2.5 %"
    assert figure.value == math.ceil(201 * 0.9)


def test_too_few_observations_to_bound_a_quantile_are_told():
    needed = observations_needed(0.99, 0.95)
    assert needed == math.ceil(math.log(0.025) / math.log(0.99)) == 368
    quantile_figure(RNG.random(needed), 0.99, 0.95)
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        quantile_figure(RNG.random(needed - 1), 0.99, 0.95)


def test_the_largest_loss_bounds_a_quantile_at_the_level_of_chance():
    figure = upper_bound(np.array([0.01, 0.12, 0.02, 0.11]), 3, 0.5)
    assert (figure.value, figure.low, figure.high, figure.level) == (0.12, 0.12, 0.12, 0.875)


def test_moves_share_no_day_end_at_the_last_one_and_leave_holes_out():
    close = np.exp(np.arange(10.0))
    close[4] = np.nan
    # Windows of two days end on days 9, 7, 5, 3 and 1; the one from 3 to 5 misses none of its ends.
    assert separate_returns(close, 2, 10).tolist() == pytest.approx([2.0] * 4)
    close[5] = np.nan
    assert len(separate_returns(close, 2, 10)) == 2
    falls = separate_falls(np.array([100.0, 80.0, 90.0, 120.0, 60.0]), 2, 5, 0.9)
    assert falls.tolist() == pytest.approx([0.2, 60.0 / 90.0 * 0.5])


@pytest.mark.parametrize(("last", "known"), [(90.0, [0.3, 0.2]), (60.0, [0.3, 0.2, 0.4])])
def test_a_fall_with_a_hole_counts_only_where_it_is_surely_beyond_the_quantile(last: float, known: list[float]):
    close = np.array([100.0, 70.0, 100.0, 80.0, 100.0, np.nan, last])
    assert separate_falls(close, 2, 10, 0.9).tolist() == pytest.approx(known)


def test_half_life_is_where_the_plain_recursion_has_its_smallest_loss():
    returns = RNG.standard_normal(900) * np.repeat([0.02, 0.05, 0.03], 300)
    figure = half_life(returns[None, :], 30, (5.0, 1000.0), 0.95)

    def loss(half: float) -> float:
        variance = ewma_variance(returns[30:], decay(half), float(np.mean(returns[:30] ** 2)))[:-1]
        return float(np.sum((np.log(variance) + returns[30:] ** 2 / variance)[220:]))

    grid = np.exp(np.linspace(math.log(5.0), math.log(1000.0), 300))
    best = grid[int(np.argmin([loss(float(half)) for half in grid]))]
    assert figure.value == pytest.approx(best, rel=0.02)
    assert 5.0 <= figure.low < figure.value < figure.high <= 1000.0
    assert figure.observations == 650


def test_half_life_passes_over_missing_days_and_needs_history():
    returns = RNG.standard_normal(700) * 0.03
    holes = np.insert(returns, 400, [np.nan] * 20)
    whole, holed = (half_life(each[None, :], 30, (5.0, 1000.0), 0.95) for each in (returns, holes))
    assert holed.value == pytest.approx(whole.value, rel=1e-6)
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        half_life(returns[None, :499], 30, (5.0, 1000.0), 0.95)


def test_a_shock_scales_with_the_root_of_days_and_has_the_chi_square_interval():
    moves = RNG.standard_normal(30)
    figure = normal_shock(moves, 4, 0.975, 0.95)
    scale = math.sqrt(float(np.mean(moves**2)))
    assert figure.value == pytest.approx(2.0 * 1.959964 * scale, rel=1e-6)
    low, high = 30 * scale**2 / stats.chi2.ppf(0.975, 30), 30 * scale**2 / stats.chi2.ppf(0.025, 30)
    assert (figure.low, figure.high) == pytest.approx((2 * 1.959964 * low**0.5, 2 * 1.959964 * high**0.5), rel=1e-6)


def test_slopes_are_those_of_least_squares():
    returns, noise = RNG.standard_normal(40) * 0.03, RNG.standard_normal(40) * 0.02
    vol = -1.6 * np.minimum(returns, 0.0) + 0.4 * np.maximum(returns, 0.0) + noise
    found = spot_vol_beta(returns, vol, 0.95)
    design = np.stack([np.minimum(returns, 0.0), np.maximum(returns, 0.0)], axis=1)
    slopes, squares, *_ = np.linalg.lstsq(design, vol, rcond=None)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * squares[0] / 38)
    assert (found.down.value, found.up.value) == pytest.approx(tuple(slopes))
    assert (found.down.standard_error, found.up.standard_error) == pytest.approx(tuple(errors))
    assert found.noise.value == pytest.approx(math.sqrt(squares[0] / 38))
    kept = np.arange(40) != np.argmax(np.abs(returns))
    assert found.down_without_largest == pytest.approx(np.linalg.lstsq(design[kept], vol[kept], rcond=None)[0][0])


def test_correlation_s_error_is_fisher_s_for_normal_returns_and_wider_for_heavy_tails():
    pair = RNG.standard_normal((2, 4000))
    pair[1] = 0.6 * pair[0] + 0.8 * pair[1]
    heavy = pair / np.sqrt(RNG.chisquare(5.0, 4000) / 5.0)
    calm, wild = (correlation_figure(*each, 0.95) for each in (pair, heavy))
    assert calm.value == pytest.approx(np.corrcoef(pair)[0, 1])
    assert calm.standard_error == pytest.approx((1.0 - calm.value**2) / math.sqrt(4000), rel=0.08)
    assert wild.standard_error > 1.2 * calm.standard_error
    with pytest.raises(ModelInputError, match="CORRELATION"):
        correlation_figure(pair[0], 2.0 * pair[0], 0.95)


def test_a_hedge_that_fails_under_stress_lowers_the_offset_and_one_that_holds_does_not():
    assert (saving(1.0), saving(-1.0)) == (1.0, 0.0)
    stressed = np.arange(1200) % 4 == 0
    pair = RNG.standard_normal((2, 1200))
    pair[1] = 0.8 * pair[0] + 0.6 * pair[1]
    steady = offset_figure(*pair, stressed, 30, 100, 0.95, 1)
    assert steady.holds(1.0)
    pair[1, stressed] = RNG.standard_normal(int(stressed.sum()))
    broken = offset_figure(*pair, stressed, 30, 100, 0.95, 1)
    assert broken.high < 1.0
    assert broken == offset_figure(*pair, stressed, 30, 100, 0.95, 1), "the same seed gives the same interval"


@pytest.mark.parametrize("still", ["always", "under stress"])
def test_an_offset_of_what_does_not_move_is_none(still: str):
    stressed = np.arange(1200) % 4 == 0
    pair = RNG.standard_normal((2, 1200))
    pair[1, stressed if still == "under stress" else slice(None)] = 0.0
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        offset_figure(*pair, stressed, 30, 100, 0.95, 1)


def test_an_offset_of_opposites_is_none():
    moves = RNG.standard_normal(1200)
    with pytest.raises(ModelInputError, match="NO_OBSERVATIONS"):
        offset_figure(moves, -moves, np.arange(1200) % 4 == 0, 30, 100, 0.95, 1)


def test_blocks_keep_neighbours_and_draw_every_day_alike():
    rng = np.random.default_rng(1)
    days = block_days(10, 4, rng)
    assert len(days) == 10
    assert all((days[at + 1] - days[at]) % 10 == 1 for at in (0, 1, 2, 4, 5, 6))
    counts = np.bincount(np.concatenate([block_days(10, 4, rng) for _ in range(4000)]), minlength=10)
    assert counts == pytest.approx(np.full(10, 4000), rel=0.1)
    mean = bootstrap_figure(lambda at: float(at.mean()), 10, 1, 50, 0.9, 3)
    assert mean.value == 4.5
    assert mean.low < 4.5 < mean.high


def test_tail_shape_s_interval_is_that_of_the_profile_likelihood():
    losses = ((1.0 - np.random.default_rng(9).random(2000)) ** -0.25 - 1.0) / 0.25
    found = tail_check(losses, 0.10, 0.975, 20, 0.95, 1)
    threshold = np.sort(losses)[-201]
    excess = losses[losses > threshold] - threshold

    def profile(shape: float) -> float:
        scales = np.exp(np.linspace(-3.0, 2.0, 4001)) * excess.mean()
        inside = 1.0 + shape * excess[:, None] / scales
        valid = (inside > 0.0).all(axis=0)
        logs = np.log(np.where(inside > 0.0, inside, 1.0)).sum(axis=0)
        return float(np.max(np.where(valid, -200 * np.log(scales) - (1.0 + 1.0 / shape) * logs, -np.inf)))

    for end in (found.shape.low, found.shape.high):
        assert profile(found.shape.value) - profile(end) == pytest.approx(0.5 * stats.chi2.ppf(0.95, 1), abs=0.01)
    assert found.shortfall_ratio.holds(1.0)


def test_losses_are_divided_by_the_forecast_of_the_day_before():
    daily, volatility = np.array([np.nan, -0.02, 0.03, np.nan, 0.01]), np.array([0.01, 0.02, 0.03, 0.04, 0.05])
    assert filtered_losses(daily, volatility).tolist() == pytest.approx([2.0, -1.5, -0.25])


def test_batches_are_the_latest_whole_ones():
    values = np.concatenate([[1e9] * 3, np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 4)])
    figure = batch_mean(values, 4, 0.95)
    assert (figure.value, figure.observations) == (3.0, 20)
    assert figure.standard_error == pytest.approx(math.sqrt(2.5 / 5))
    assert figure.high - 3.0 == pytest.approx(stats.t.ppf(0.975, 4) * math.sqrt(0.5))


def test_a_size_is_walked_level_by_level_and_never_beyond_the_book():
    side = Ladder(np.array([101.0, 102.0, 104.0]), np.array([100.0, 100.0, 100.0]))
    assert walked_cost(side, 100.0, 50.0) == pytest.approx(0.01)
    assert walked_cost(side, 100.0, 250.0) == pytest.approx((100 * 1 + 100 * 2 + 50 * 4) / 250 / 100)
    assert math.isnan(walked_cost(side, 100.0, 301.0))
    with pytest.raises(ModelInputError, match="SHAPE"):
        Ladder(np.array([101.0, 101.0]), np.ones(2))


def test_impact_is_the_slope_through_the_origin():
    law = np.linspace(0.001, 0.01, 10)
    figure = impact_figure(2.0 * law, law, 0.95)
    assert (figure.value, figure.high) == pytest.approx((2.0, 2.0))


def test_the_challenger_tells_its_parameters_and_its_score_on_days_it_did_not_see():
    figures = garch_challenger(np.insert(RNG.standard_normal(800) * 0.03, 100, np.nan), 90.0, 30, 50, 0.95, 1)
    assert set(figures) == {"omega", "alpha", "gamma", "beta", "degrees", "score_difference"}
    assert figures["score_difference"].observations == 400
    assert figures["omega"].observations == 800


def test_an_increasing_function_takes_value_ends_and_error_along():
    figure = normal_figure(1.0, 0.1, 0.95, 50).mapped(math.expm1)
    assert figure.value == pytest.approx(math.e - 1.0)
    assert figure.standard_error == pytest.approx(0.1 * math.e, rel=1e-6)
    assert figure.low == pytest.approx(math.expm1(1.0 - 0.1 * 1.959964), rel=1e-6)
    assert scale_figure(1.0, 30, 0.95, 30).holds(1.0)


@pytest.mark.parametrize(
    ("parameter", "value", "low", "high", "present", "most", "outcome", "proposed"),
    [
        ("grid.range_fraction.BTC", 0.2, 0.15, 0.25, 0.24, None, "KEPT", 0.24),
        ("grid.range_fraction.BTC", 0.2, 0.15, 0.23, 0.12, None, "PROPOSED", 0.2),
        ("grid.range_fraction.BTC", 0.2, 0.15, 0.23, 0.12, 0.18, "PROPOSED", 0.18),
        ("grid.range_fraction.BTC", 1.2, 1.0, 1.4, 0.12, None, "PROPOSED", 0.9),
        ("collateral.haircut_fraction.USDC", 0.01, 0.0, 0.02, 0.05, None, "KEPT", 0.05),
        ("collateral.haircut_fraction.USDC", 0.12, 0.12, 0.12, 0.05, None, "PROPOSED", 0.12),
        ("base_margin.offset_limit_fraction", 0.9, 0.85, 0.95, 0.8, None, "KEPT", 0.8),
        ("base_margin.offset_limit_fraction", 0.6, 0.55, 0.65, 0.8, None, "PROPOSED", 0.6),
        ("check.tail.BTC.shape", 0.2, 0.1, 0.3, None, None, "EVIDENCE", None),
    ],
)
def test_a_proposal_is_made_where_data_contradict_and_within_bounds(
    parameter, value, low, high, present, most, outcome, proposed
):
    decision = decide(estimate(parameter, value, low, high), present, (0.01, 0.9), most)
    assert (decision.outcome, decision.proposed) == (outcome, proposed)
    assert changes([decision]) == ({parameter: proposed} if outcome == "PROPOSED" else {})
