"""Margin rates of static portfolios over a history: no look-ahead, nothing shared that differs, holes left holes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tasks.model.arrays import Closes
from tasks.model.assurance.rolling_margin import from_early_days, roll, roll_policies
from tasks.model.assurance.rolling_tails import drawn_tails, static_rows, stressed_tails
from tasks.model.assurance.static_portfolio import static_portfolios
from tasks.model.errors import ModelInputError
from tasks.model.policy import ByName, StressWindows
from tasks.model.risk import scenarios, tail

DAYS = 640
FIGURES = ("rate", "loss", "volatility", "buffer")


@pytest.fixture(scope="module")
def closes():
    """BTC, and ETH from half a year later on, with fat tails and two holes."""
    rng = np.random.default_rng(3)
    common = rng.standard_t(3, DAYS)
    close = np.stack([100.0 * np.exp(np.cumsum(0.02 * (common + rng.standard_t(4, DAYS)))) for _ in range(2)])
    close[1, :180] = np.nan
    close[0, 450:452], close[1, 500:504] = np.nan, np.nan
    return Closes(("BTC", "ETH"), np.datetime64("2021-01-01") + np.arange(DAYS), close)


@pytest.fixture(scope="module")
def policy(opening_policy):
    base = replace(opening_policy.base_margin, lookback_scenarios=300, minimum_scenarios=100, half_life_days=30)
    narrow = replace(opening_policy.grid, range_fraction=ByName({"BTC": 0.02, "ETH": 0.025}))
    return replace(opening_policy, base_margin=base, grid=narrow)


def up_to(closes, day):
    return Closes(closes.underlyings, closes.dates[: day + 1], closes.close[:, : day + 1])


def same(one, other, names=FIGURES):
    for a, b in zip(one, other, strict=True):
        assert a.portfolio == b.portfolio
        for name in names:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_no_rate_knows_a_close_of_a_later_day(closes, policy):
    buffered = replace(policy, apc_buffer=replace(policy.apc_buffer, mode="on"))
    portfolios, last = static_portfolios(["BTC", "ETH"])[::9], 530
    spoiled = replace(closes, close=np.where(np.arange(DAYS) > last, closes.close**1.3, closes.close))
    for tried in (policy, buffered):
        span = closes.dates[last - 20], closes.dates[last]
        whole, ended, other = (roll(each, tried, portfolios, *span) for each in (closes, up_to(closes, last), spoiled))
        same(whole, ended, ("rate", "volatility", "buffer"))
        same(whole, other, ("rate", "volatility", "buffer"))
        for path, cut in zip(whole, ended, strict=True):
            assert np.isfinite(path.rate).all()
            np.testing.assert_array_equal(path.forecast.value_at_risk, cut.forecast.value_at_risk)
            np.testing.assert_array_equal(path.forecast.expected_shortfall, cut.forecast.expected_shortfall)
        for path in ended:
            assert np.isnan(path.loss[-2:]).all()


def test_policies_that_share_scenarios_have_the_rates_they_have_alone(closes, policy):
    base, span = policy.base_margin, (closes.dates[430], closes.dates[440])
    portfolios = [each for each in static_portfolios(["BTC", "ETH"]) if each.product == "SPREAD"]
    tried = [
        policy,
        replace(policy, base_margin=replace(base, stressed_weight_fraction=0.5)),
        replace(policy, base_margin=replace(base, confidence_filtered_fraction=0.99)),
        replace(policy, base_margin=replace(base, confidence_stressed_fraction=0.95)),
        replace(policy, base_margin=replace(base, lookback_scenarios=200)),
        replace(policy, base_margin=replace(base, half_life_days=60)),
        replace(policy, base_margin=replace(base, scaling="full")),
        replace(policy, base_margin=replace(base, offset_limit_fraction=0.0)),
        replace(policy, correlation_break=replace(policy.correlation_break, fraction=1.0)),
        replace(policy, grid=replace(policy.grid, range_fraction=ByName({"BTC": 0.4, "ETH": 0.5}))),
        replace(policy, stress=replace(policy.stress, events_per_anchor=2)),
        replace(policy, apc_buffer=replace(policy.apc_buffer, mode="on")),
    ]
    together = roll_policies(closes, tried, portfolios, *span)
    for each, paths in zip(tried, together, strict=True):
        same(paths, roll(closes, each, portfolios, *span))
    mean = [[path.rate.mean() for path in paths] for paths in together]
    for other in mean[1:]:
        assert not np.allclose(other, mean[0], rtol=1e-6)


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_look_backs_and_confidences_of_one_coin_are_read_off_one_drawing(closes, policy, coin, monkeypatch):
    # ETH has 220 start days of its own by then: fewer than one look-back, more than another.
    base, span = policy.base_margin, (closes.dates[430], closes.dates[445])
    portfolios = [each for each in static_portfolios([coin]) if each.product == "OUTRIGHT"]
    tried = [
        replace(policy, base_margin=replace(base, lookback_scenarios=n, confidence_filtered_fraction=confidence))
        for n in (300, 120, 250)
        for confidence in (0.975, 0.99)
    ]
    alone = [roll(closes, each, portfolios, *span) for each in tried]
    drawings = []

    def counted(*arguments):
        drawings.append(arguments)
        return drawn_tails(*arguments)

    monkeypatch.setattr("tasks.model.assurance.rolling_margin.drawn_tails", counted)
    for paths, own in zip(roll_policies(closes, tried, portfolios, *span), alone, strict=True):
        same(paths, own)
        for path, other in zip(paths, own, strict=True):
            np.testing.assert_array_equal(path.forecast.value_at_risk, other.forecast.value_at_risk)
    assert len(drawings) == 1 and len({paths[0].rate[0] for paths in alone}) == len(tried)


def test_an_inverse_portfolio_loses_and_posts_in_usd_what_a_linear_one_does(closes, policy):
    paths = {
        path.portfolio.name: path
        for path in roll(closes, policy, static_portfolios(["BTC"]), closes.dates[300], closes.dates[380])
    }
    for side in ("long", "short"):
        linear, inverse = paths[f"BTC {side}"], paths[f"BTC {side} inverse"]
        np.testing.assert_allclose(inverse.rate, linear.rate, rtol=1e-12)
        np.testing.assert_allclose(inverse.loss, linear.loss, rtol=1e-12, atol=1e-15)


def test_losses_are_of_exactly_so_many_days_and_holes_stay_holes(closes, policy):
    table = replace(policy.base_margin.liquidation_period_days, house=ByName({"BTC": 2, "ETH": 4}))
    slow = replace(policy, base_margin=replace(policy.base_margin, liquidation_period_days=table))
    paths = roll(closes, slow, static_portfolios(["BTC", "ETH"]), closes.dates[440], closes.dates[460])
    price = dict(zip(closes.underlyings, closes.close, strict=True))
    for path in paths:
        days = {leg.underlying: 2 if leg.underlying == "BTC" else 4 for leg in path.portfolio.legs}
        assert path.horizon_days == max(days.values())
        for at, day in enumerate(range(440, 461)):
            expected = -sum(
                leg.weight * (price[leg.underlying][day + days[leg.underlying]] / price[leg.underlying][day] - 1.0)
                for leg in path.portfolio.legs
            )
            np.testing.assert_allclose(path.loss[at], expected, rtol=1e-9, atol=1e-15)
        # Two closes of BTC are missing: the margin of those days stands on the closes before.
        assert np.isfinite(path.rate).all()
        assert path.judged.sum() == (21 if path.portfolio.underlyings == ("ETH",) else 17)


def test_a_market_whose_closes_ended_has_no_rate(closes, policy):
    paths = roll(closes, policy, static_portfolios(["ETH"])[:1], closes.dates[495], closes.dates[508])
    # Closes are missing from day 500 to 503, and the period is two days.
    np.testing.assert_array_equal(np.isnan(paths[0].rate), [495 + at in (502, 503) for at in range(14)])


def test_before_there_is_history_there_is_no_rate(closes, policy):
    whole = roll(closes, policy, static_portfolios(["ETH"])[:1], closes.dates[0], closes.dates[400])[0]
    # Thirty daily returns seed the forecast, the day of the thirtieth is the first start, and moves last two days.
    first = 180 + 30 + policy.base_margin.minimum_scenarios - 1 + 2
    assert np.flatnonzero(np.isfinite(whole.rate))[0] == first
    needy = replace(policy, base_margin=replace(policy.base_margin, minimum_scenarios=250))
    late = roll(closes, needy, static_portfolios(["ETH"])[:1], closes.dates[0], closes.dates[400])[0]
    assert not np.isfinite(late.rate).any()
    same(
        [whole],
        roll(closes, from_early_days(needy), static_portfolios(["ETH"])[:1], closes.dates[0], closes.dates[400]),
    )


@pytest.mark.parametrize("case", ["opening", "late", "windows"])
def test_stressed_tails_are_those_of_a_set_drawn_every_day(closes, policy, case):
    window = StressWindows(("spring",), (date(2022, 3, 1),), (date(2022, 3, 9),), (date(2022, 3, 5),))
    stress = {
        "opening": replace(policy.stress, events_per_anchor=3, refresh_days=11),
        "late": replace(policy.stress, events_per_anchor=3, refresh_days=11, known_days=2),
        "windows": replace(policy.stress, windows=window),
    }[case]
    tried = replace(policy, stress=stress)
    rows, periods = static_rows(static_portfolios(["BTC"])[:2]), {"BTC": 2}
    days = np.arange(250, 450)
    found = stressed_tails(rows, closes, periods, days, 0.95, tried)
    for at, day in enumerate(days.tolist()):
        gain = np.expm1(scenarios.stressed(up_to(closes, day), periods, tried).spot_return[0])
        expected = [tail.expected_shortfall(-gain, 0.95), tail.expected_shortfall(gain, 0.95)]
        np.testing.assert_allclose(found.portfolio[at], expected, rtol=1e-12)
    assert len(np.unique(found.portfolio[:, 0])) > 1


def test_what_cannot_be_rolled_is_named(closes, policy):
    with pytest.raises(ModelInputError, match=r"no history of an underlying .* at SOL"):
        roll(closes, policy, static_portfolios(["BTC", "SOL"]), closes.dates[300], closes.dates[301])
    with pytest.raises(ModelInputError, match="outside of the closes"):
        roll(closes, policy, static_portfolios(["BTC"]), closes.dates[300], closes.dates[-1] + 1)


def test_portfolios_are_one_dollar_of_gross_notional(closes):
    found = static_portfolios(["ETH", "BTC", "BTC", "SOL"])
    assert len(found) == len({each.name for each in found}) == 3 * 4 + 3 * 2
    for each in found:
        assert sum(abs(leg.weight) for leg in each.legs) == pytest.approx(1.0)
        assert each.underlyings == tuple(sorted(leg.underlying for leg in each.legs))
    assert [each.name for each in found if each.product == "SPREAD"][:2] == ["BTC long ETH short", "BTC short ETH long"]
