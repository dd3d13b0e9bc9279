"""Levels of the market's triggers against sums by hand, on truncated history, and a shock that fires what it should."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import numpy as np
import polars as pl
import pytest

from tasks.model.arrays import Closes
from tasks.model.assurance.market_levels import Measures, Subject, market_levels
from tasks.model.assurance.market_watch import HOUSE, by_day, said, tracked, watched
from tasks.model.assurance.rate_path import Forecast, RatePath
from tasks.model.assurance.static_portfolio import OUTRIGHT, Leg, StaticPortfolio
from tasks.model.errors import ModelInputError
from tasks.model.policy import ByName
from tasks.triggers import terms

NAN = float("nan")
MEASURES = Measures(fast_half_life_days=5.0, window_days=40, rise_days=10)
DAYS = 420
FIRST = np.datetime64("2021-01-01")


@pytest.fixture(scope="module")
def policy(opening_policy):
    base = replace(opening_policy.base_margin, lookback_scenarios=200, minimum_scenarios=100, half_life_days=30)
    narrow = replace(opening_policy.grid, range_fraction=ByName({"default": 0.02}))
    return replace(opening_policy, base_margin=base, grid=narrow)


@pytest.fixture(scope="module")
def closes():
    rng = np.random.default_rng(5)
    moves = 0.03 * rng.standard_normal((2, DAYS)) + 0.02 * rng.standard_normal(DAYS)
    return Closes(("BTC", "ETH"), FIRST + np.arange(DAYS), 100.0 * np.exp(np.cumsum(moves, axis=1)))


def watch(closes, policy, **over):
    asked = {"notional": {"BTC": 3.0, "ETH": 1.0}, "volumes": {}, "first": closes.dates[-30], "last": closes.dates[-1]}
    asked |= over
    return watched(closes, policy, asked["notional"], asked["volumes"], MEASURES, asked["first"], asked["last"])


def path(rate, loss, at_risk, shortfall):
    n = len(rate)
    portfolio = StaticPortfolio("BTC long", OUTRIGHT, (Leg("BTC", 1.0),))
    series = [np.asarray(each, dtype=float) for each in (rate, loss, np.full(n, 0.02), np.zeros(n))]
    forecast = Forecast(np.asarray(at_risk, dtype=float), np.asarray(shortfall, dtype=float), 0.975)
    return RatePath(portfolio, "HOUSE", 2, FIRST + np.arange(n), *series, 0.0, forecast)


def test_breaches_count_losses_once_their_period_is_over(opening_policy):
    flat, nothing = [0.1] * 6, np.full(6, NAN)
    long = path(flat, [0.2, 0.05, 0.11, NAN, 0.3, 0.3], flat, flat)
    short = path(flat, [-0.2, 0.04, -0.1, NAN, NAN, NAN], flat, flat)
    found = market_levels(
        Subject("BTC", long, short, np.zeros(6), nothing), opening_policy, replace(MEASURES, window_days=2)
    )
    np.testing.assert_allclose(found.level["breach"], [NAN, NAN, 2.0, 0.5, 1.1, NAN])
    # The two last losses end beyond the last day: nobody knows of them. A window holds two days.
    np.testing.assert_array_equal(found.level["breaches"], [NAN, NAN, 1.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(found.figure["last_loss"], [NAN, NAN, 0.2, 0.05, 0.11, NAN])


def test_tails_are_held_against_the_days_before(opening_policy):
    rng = np.random.default_rng(7)
    at_risk = 0.1 + 0.01 * rng.random(60)
    shortfall = at_risk * (1.2 + 0.1 * rng.random(60))
    calm = [NAN] * 60
    long, short = path(calm, calm, at_risk, shortfall), path(calm, calm, 0.5 * at_risk, 0.5 * shortfall)
    found = market_levels(Subject("BTC", long, short, np.zeros(60), np.full(60, NAN)), opening_policy, MEASURES).level
    ratio = (shortfall / at_risk).tolist()
    assert np.isnan(found["tail_drift"][:40]).all()
    assert found["tail_drift"][40:] == pytest.approx([ratio[t] / median(ratio[t - 40 : t]) for t in range(40, 60)])
    assert found["shortfall_rise"][10:] == pytest.approx(shortfall[10:] / shortfall[:-10])
    assert np.isnan(found["breaches"]).all(), "without a margin nothing is known of breaches"


def test_illiquidity_needs_every_day_s_volume(opening_policy):
    daily, volume = np.tile([0.01, -0.03], 40), np.full(80, 1e6)
    volume[70:] = 2.5e5
    blind = [NAN] * 80
    flat = path(blind, blind, blind, blind)
    found = market_levels(Subject("BTC", flat, flat, daily, volume), opening_policy, MEASURES).level["illiquidity_rise"]
    assert found[69] == pytest.approx(1.0)
    assert found[79] == pytest.approx(4.0), "a quarter of the volume carries the same moves"
    volume[75] = NAN
    gone = market_levels(Subject("BTC", flat, flat, daily, volume), opening_policy, MEASURES).level["illiquidity_rise"]
    assert np.isnan(gone[75:]).all()


def test_days_that_do_not_belong_together_are_refused():
    blind = path([NAN] * 4, [NAN] * 4, [NAN] * 4, [NAN] * 4)
    with pytest.raises(ModelInputError, match="different days"):
        Subject("BTC", blind, blind, np.zeros(3), np.zeros(3))


def test_volatility_and_move_against_a_recursion_by_hand(closes, policy):
    btc = watch(closes, policy)[0]
    daily = np.diff(np.log(closes.close[0])).tolist()
    variances = []
    for half_life in (5.0, 30.0):
        variance, path_of = sum(r * r for r in daily[:30]) / 30.0, []
        for r in daily[30:]:
            keep = 0.5 ** (1.0 / half_life)
            variance = keep * variance + (1.0 - keep) * r * r
            path_of.append(variance)
        variances.append(path_of)
    fast, slow = variances
    assert btc.level["volatility_rise"][-1] == pytest.approx((fast[-1] / slow[-1]) ** 0.5)
    assert btc.level["price_move"][-1] == pytest.approx(abs(daily[-1]) / slow[-2] ** 0.5)
    assert btc.figure["volatility"][-1] == pytest.approx(slow[-1] ** 0.5)


def test_the_house_moves_with_its_weights(closes, policy):
    house = watch(closes, policy)[-1]
    growth = closes.close[:, 1:] / closes.close[:, :-1]
    expected = np.log(0.75 * growth[0] + 0.25 * growth[1])
    assert house.subject == HOUSE
    slow = house.figure["volatility"]
    assert house.level["price_move"][-1] * slow[-2] == pytest.approx(abs(expected[-1]))


def test_nothing_later_than_a_day_is_known_to_it(closes, policy):
    """Truncation: what was said of every day is said of it again when later closes are spoilt or gone."""
    whole = said(watch(closes, policy), terms().triggers)
    day = closes.dates[-12]
    cut = Closes(closes.underlyings, closes.dates[:-11], closes.close[:, :-11])
    spoilt = np.where(closes.dates > day, 1e-6, closes.close)
    for other in (cut, Closes(closes.underlyings, closes.dates, spoilt)):
        again = said(watch(other, policy, first=closes.dates[-30], last=day), terms().triggers)
        assert again.equals(whole.filter(pl.col("date") <= day.item()), null_equal=True)


def test_a_shock_fires_the_trigger_it_is_about_and_no_other(closes, policy):
    quiet = said(watch(closes, policy), terms().triggers)
    last = quiet["date"].max()
    of_last = pl.col("date") == last
    shocked = closes.close.copy()
    shocked[0, -1] = shocked[0, -2] * np.exp(-5.0 * watch(closes, policy)[0].figure["volatility"][-2])
    found = said(watch(Closes(closes.underlyings, closes.dates, shocked), policy), terms().triggers)

    def fired(rows, subject):
        return set(rows.filter(of_last, pl.col("state") == "FIRED", pl.col("subject") == subject)["trigger"])

    assert not fired(quiet, "BTC")
    assert "price_move" in fired(found, "BTC")
    assert not fired(found, "ETH")
    since = found.filter(of_last, pl.col("trigger") == "price_move", pl.col("subject") == "BTC").row(0, named=True)
    assert since["since_date"] == last
    assert since["numbers"].startswith("volatility 0.0")


def test_figures_by_day_hold_no_quantile_below_another(closes, policy):
    found = tracked(watch(closes, policy)).drop_nans()
    assert found.height
    assert (found["expected_shortfall"] >= found["value_at_risk"]).all()
    assert set(found["subject"]) == {"BTC", "ETH", HOUSE}


def test_rows_find_their_days_and_others_are_left_out(closes):
    days = [closes.dates[0].item(), closes.dates[2].item(), (closes.dates[-1] + 5).item()]
    found = by_day(closes, pl.DataFrame({"date": days, "x": [1.0, 2.0, 3.0]}), "x")
    np.testing.assert_array_equal(found[:3], [1.0, NAN, 2.0])
    assert np.isnan(found[3:]).all()
