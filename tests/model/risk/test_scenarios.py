"""Filtered and stressed sets against slow second implementations that know dates and not positions."""

from __future__ import annotations

import itertools
import math
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from statistics import NormalDist

import numpy as np
import pytest

from tasks.model.arrays import Closes
from tasks.model.errors import ModelInputError
from tasks.model.policy import ByName, StressWindows
from tasks.model.risk.rescaled import normal_scores
from tasks.model.risk.scenarios import filtered, filtered_history, long_run, stressed


def by_date(closes, name):
    row = closes.close[closes.underlyings.index(name)]
    return {day: price for day, price in zip(closes.dates.tolist(), row.tolist(), strict=True) if not math.isnan(price)}


def log_return(prices, start, days):
    end = start + timedelta(days=days)
    return math.log(prices[end] / prices[start]) if start in prices and end in prices else None


def slow_forecasts(closes, name, policy):
    """Volatility by date, walked day by day."""
    base, prices = policy.base_margin, by_date(closes, name)
    lam = 0.5 ** (1 / base.half_life_days)
    seed, variance, forecasts = [], None, {}
    for day in closes.dates.tolist():
        r = log_return(prices, day - timedelta(days=1), 1)
        if variance is None:
            seed += [r * r] if r is not None else []
            if len(seed) == base.volatility_seed_days:
                variance = sum(seed) / len(seed)
        elif r is not None:
            variance = lam * variance + (1 - lam) * r * r
        if variance is not None:
            forecasts[day] = max(math.sqrt(variance), base.volatility_floor_per_day[name])
    return forecasts


def slow_filtered(closes, horizons, policy):
    """Start date -> underlying -> (return, factor), the latest look-back of valid ones."""
    base, today = policy.base_margin, closes.dates.tolist()[-1]
    prices = {name: by_date(closes, name) for name in horizons}
    sigma = {name: slow_forecasts(closes, name, policy) for name in horizons}
    found = {}
    for start in closes.dates.tolist():
        if start + timedelta(days=max(horizons.values())) > today:
            break
        moves = {}
        for name, days in horizons.items():
            r, then = log_return(prices[name], start, days), sigma[name].get(start)
            if r is not None and then is not None:
                factor = min(
                    max((then + sigma[name][today]) / (2 * then), base.scale_factor_lowest), base.scale_factor_highest
                )
                moves[name] = (r * factor, factor)
        if len(moves) == len(horizons):
            found[start] = moves
    return dict(list(found.items())[-base.lookback_scenarios :])


def slow_stress_starts(closes, horizons, policy):
    """Start dates by the rule, with dates, lists and loops."""
    rule, today = policy.stress, closes.dates.tolist()[-1]
    refreshed = rule.since
    while refreshed + timedelta(days=rule.refresh_days) <= today:
        refreshed += timedelta(days=rule.refresh_days)
    starts = set()
    for anchor in (name for name in rule.anchors if name in closes.underlyings):
        days = horizons.get(anchor, int(policy.base_margin.liquidation_period_days.house[anchor]))
        prices, moves = by_date(closes, anchor), []
        for start in closes.dates.tolist():
            r = log_return(prices, start, days)
            end = start + timedelta(days=days)
            if r is not None and start >= rule.since and end <= refreshed - timedelta(days=rule.known_days):
                moves.append((-abs(r), end))
        events = []
        for _, end in sorted(moves):
            if len(events) < rule.events_per_anchor and all(abs((end - e).days) >= rule.spacing_days for e in events):
                events.append(end)
        for start in closes.dates.tolist():
            end = start + timedelta(days=days)
            inside = start + timedelta(days=max(horizons.values())) <= today
            if inside and any(abs((end - event).days) <= rule.window_days for event in events):
                starts.add(start)
    return sorted(starts)


@pytest.fixture
def short_policy(opening_policy):
    """The opening policy on a look-back that a test can walk."""
    base = replace(
        opening_policy.base_margin,
        lookback_scenarios=400,
        minimum_scenarios=250,
        half_life_days=30.0,
        scale_factor_lowest=0.85,
        scale_factor_highest=1.1,
    )
    return replace(opening_policy, base_margin=base)


HORIZONS = {"SOL": 3, "BTC": 2, "ETH": 2}


@pytest.fixture
def closes(make_closes):
    return make_closes(("BTC", "ETH", "SOL"), "2019-01-01", 900, 7, {"SOL": [*range(200), 600, 601, 720], "BTC": [500]})


def check_filtered(closes, horizons, policy):
    found, expected = filtered(closes, horizons, policy), slow_filtered(closes, horizons, policy)
    assert found.start_dates.tolist() == list(expected)
    assert found.ids == tuple(f"F-{start}" for start in expected)
    assert found.underlyings == tuple(sorted(horizons))
    assert found.horizon_days.tolist() == [horizons[name] for name in found.underlyings]
    for row, name in enumerate(found.underlyings):
        pairs = np.array([moves[name] for moves in expected.values()])
        np.testing.assert_allclose(found.spot_return[row], pairs[:, 0], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(found.scale_factor[row], pairs[:, 1], rtol=1e-10)
    return found


def check_stressed(closes, horizons, policy):
    found = stressed(closes, horizons, policy)
    assert found.start_dates.tolist() == slow_stress_starts(closes, horizons, policy)
    assert (found.scale_factor == 1.0).all()
    for row, name in enumerate(found.underlyings):
        prices, ranges = by_date(closes, name), policy.grid.range_fraction
        for column, start in enumerate(found.start_dates.tolist()):
            expected = log_return(prices, start, horizons[name])
            assert found.proxied[row, column] == (expected is None)
            for anchor in (each for each in policy.stress.anchors if each in closes.underlyings and expected is None):
                days = horizons.get(anchor, int(policy.base_margin.liquidation_period_days.house[anchor]))
                moved = log_return(by_date(closes, anchor), start, days)
                if moved is not None:
                    expected = moved * ranges[name] / ranges[anchor]
                    break
            assert found.spot_return[row, column] == pytest.approx(expected, rel=1e-11, abs=1e-13)
    return found


def test_filtered_agrees_with_the_slow_second_implementation(closes, short_policy):
    found = check_filtered(closes, HORIZONS, short_policy)
    assert len(found.ids) == 400
    # Dates without a scenario between the first and the last possible start: those whose return or start meets a hole.
    spoiled = {day for hole in (600, 601, 720) for day in (hole, hole - 3)} | {500, 498}
    first = int((found.start_dates[0] - closes.dates[0]).astype(int))
    assert found.dropped == len({day for day in spoiled if first <= day < 897})
    assert not found.proxied.any()


@pytest.mark.parametrize("missing", [30, 64, 65, 90])
def test_many_holes_within_the_look_back_are_passed_over(make_closes, short_policy, missing):
    holes = range(650, 650 + missing)
    gone = make_closes(("BTC", "ETH", "SOL"), "2019-01-01", 900, 8, {"ETH": [*holes]})
    found = check_filtered(gone, HORIZONS, short_policy)
    assert found.dropped == missing + 2 and len(found.ids) == 400


def test_both_caps_bind_somewhere_in_the_sample(closes, short_policy):
    factor = filtered(closes, HORIZONS, short_policy).scale_factor
    assert factor.min() == 0.85 and factor.max() == 1.1


def test_filtered_knows_nothing_after_its_last_day(closes, short_policy):
    policy = replace(short_policy, base_margin=replace(short_policy.base_margin, lookback_scenarios=300))
    cut = Closes(closes.underlyings, closes.dates[:800], closes.close[:, :800])
    later = closes.close.copy()
    later[:, 800:] *= 7.0
    again = Closes(closes.underlyings, closes.dates[:800], later[:, :800])
    assert (
        filtered(cut, HORIZONS, policy).spot_return.tobytes() == filtered(again, HORIZONS, policy).spot_return.tobytes()
    )
    last = filtered(cut, HORIZONS, policy).start_dates[-1]
    assert last + 3 <= cut.dates[-1]


def test_other_underlyings_in_the_history_change_nothing(closes, short_policy):
    whole = filtered(closes, {"BTC": 2}, short_policy)
    alone = filtered(Closes(("BTC",), closes.dates, closes.close[:1]), {"BTC": 2}, short_policy)
    assert whole.spot_return.tobytes() == alone.spot_return.tobytes()
    assert whole.start_dates.tolist() == alone.start_dates.tolist()


def test_a_young_underlying_takes_no_dates_from_the_others(closes, short_policy):
    """SOL's first start is day 230 of 900: a look-back over all days begins before it."""
    base = replace(short_policy.base_margin, lookback_scenarios=900)
    policy = replace(short_policy, base_margin=base)
    found, alone = filtered(closes, HORIZONS, policy), filtered(closes, {"BTC": 2, "ETH": 2}, policy)
    own, ranges = slow_filtered(closes, {"SOL": 3}, policy), policy.grid.range_fraction
    stand_in = slow_filtered(closes, {"BTC": 3}, policy)  # an anchor over the liquidation period of SOL
    first = min(own)
    assert found.start_dates[0] == alone.start_dates[0] < np.datetime64(first)
    shared = np.isin(alone.start_dates, found.start_dates)
    lost = alone.start_dates[~shared].tolist()  # to holes of SOL since its listing, and to its longer period at the end
    assert all(day >= first for day in lost) and len(lost) < 15
    np.testing.assert_array_equal(found.spot_return[:2], alone.spot_return[:, shared])
    for column, day in enumerate(found.start_dates.tolist()):
        assert found.proxied[:, column].tolist() == [False, False, day < first]
        if day < first:
            expected, factor = stand_in[day]["BTC"][0] * ranges["SOL"] / ranges["BTC"], 1.0
        else:
            expected, factor = own[day]["SOL"]
        assert found.spot_return[2, column] == pytest.approx(expected, rel=1e-9, abs=1e-13)
        assert found.scale_factor[2, column] == pytest.approx(factor, rel=1e-9)


def test_a_short_history_names_its_underlying(closes, opening_policy):
    with pytest.raises(ModelInputError, match=r"HISTORY_SHORT.*SOL.*at least 1000"):
        filtered(closes, HORIZONS, opening_policy)


@pytest.mark.parametrize("build", [filtered, stressed])
def test_an_underlying_without_history_is_named(closes, short_policy, build):
    with pytest.raises(ModelInputError, match=r"HISTORY_SHORT.*XRP"):
        build(closes, {"BTC": 2, "XRP": 3}, short_policy)
    with pytest.raises(ModelInputError, match="empty book"):
        build(closes, {}, short_policy)


def test_exactly_the_minimum_is_enough(make_closes, short_policy):
    # 30 seed returns end on day 30 (counted from 0); starts 30 ... n - 3 are valid at h = 2.
    closes = make_closes(("BTC",), "2020-01-01", 30 + 250 + 2, 1)
    assert len(filtered(closes, {"BTC": 2}, short_policy).ids) == 250
    fewer = Closes(closes.underlyings, closes.dates[1:], closes.close[:, 1:])
    with pytest.raises(ModelInputError, match="value 249"):
        filtered(fewer, {"BTC": 2}, short_policy)


def test_stressed_agrees_with_the_slow_second_implementation(closes, opening_policy):
    found = check_stressed(closes, HORIZONS, opening_policy)
    assert found.proxied[found.underlyings.index("SOL")].any()
    assert found.ids[0].startswith("S-")


def test_a_book_without_an_anchor_is_stressed_on_the_anchors_dates(closes, opening_policy):
    check_stressed(closes, {"SOL": 3}, opening_policy)
    only_eth = Closes(("ETH", "SOL"), closes.dates, closes.close[1:])
    check_stressed(only_eth, {"SOL": 3}, opening_policy)
    none = Closes(("SOL",), closes.dates, closes.close[2:])
    with pytest.raises(ModelInputError, match=r"HISTORY_SHORT.*BTC ETH"):
        stressed(none, {"SOL": 3}, opening_policy)


def test_a_date_without_any_anchor_gives_no_scenario_and_is_counted(make_closes, opening_policy):
    closes = make_closes(("BTC", "SOL"), "2019-01-01", 500, 9)
    plain = stressed(closes, {"SOL": 3}, opening_policy)
    position = int((plain.start_dates[4] - closes.dates[0]).astype(int))
    close = closes.close.copy()
    close[:, position] = math.nan
    holed = stressed(Closes(closes.underlyings, closes.dates, close), {"SOL": 3}, opening_policy)
    assert holed.dropped > 0 and plain.dropped == 0
    assert plain.start_dates[4] not in holed.start_dates


def test_a_short_known_window_never_reaches_past_the_last_day(closes, opening_policy):
    eager = replace(opening_policy, stress=replace(opening_policy.stress, known_days=0, refresh_days=1))
    found = check_stressed(closes, HORIZONS, eager)
    assert (found.start_dates + 3 <= closes.dates[-1]).all()


def test_the_set_stands_still_between_refresh_days(make_closes, opening_policy):
    closes = make_closes(("BTC", "ETH"), "2014-01-01", 1400, 3)
    since = np.datetime64(opening_policy.stress.since)
    refresh = next(n for n in range(1200, 1400) if int((closes.dates[n] - since).astype(int)) % 30 == 0)
    sets = [
        stressed(
            Closes(closes.underlyings, closes.dates[: n + 1], closes.close[:, : n + 1]),
            {"BTC": 2, "ETH": 2},
            opening_policy,
        ).start_dates.tolist()
        for n in (refresh, refresh + 13, refresh + 29)
    ]
    assert sets[0] == sets[1] == sets[2]


def test_an_event_counts_on_the_refresh_day_it_becomes_known_and_not_before(opening_policy):
    """A quiet series with one crash: it enters on the first refresh day at least 16 days after its end."""
    since = opening_policy.stress.since
    days = np.datetime64(since) + np.arange(400)
    generator = np.random.default_rng(8)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.002, 400)))
    close[200:] *= 0.5  # the two-day return from day 198 ends on day 200
    policy = replace(opening_policy, stress=replace(opening_policy.stress, events_per_anchor=1))

    def centre(today):
        found = stressed(Closes(("BTC",), days[: today + 1], close[None, : today + 1]), {"BTC": 2}, policy)
        return int((found.start_dates[len(found.start_dates) // 2] - days[0]).astype(int))

    assert abs(centre(239) - 198) > 15  # refreshed on day 210: the crash is known for 10 days only
    assert abs(centre(240) - 198) <= 1  # refreshed on day 240
    assert since + timedelta(days=240) > date(2014, 1, 1)


def test_ranges_scale_the_proxy(closes, opening_policy):
    wide = replace(
        opening_policy, grid=replace(opening_policy.grid, range_fraction=ByName({"default": 0.5, "BTC": 0.1}))
    )
    plain, wider = stressed(closes, HORIZONS, opening_policy), stressed(closes, HORIZONS, wide)
    sol = plain.underlyings.index("SOL")
    at = plain.proxied[sol] & ~np.isnan(plain.spot_return[0]) & ~plain.proxied[0]
    np.testing.assert_allclose(wider.spot_return[sol, at], plain.spot_return[0, at] * 5.0, rtol=1e-13)


def test_scores_are_the_normal_quantiles_in_a_fixed_order():
    scores = normal_scores(200, 20260101)
    middle = [NormalDist().inv_cdf((j + 0.5) / 200) for j in range(200)]
    np.testing.assert_allclose(np.sort(scores), middle, rtol=1e-12, atol=1e-14)
    assert scores.tobytes() == normal_scores(200, 20260101).tobytes()
    assert scores.tobytes() != normal_scores(200, 20260102).tobytes()
    assert abs(np.corrcoef(scores, np.arange(200))[0, 1]) < 0.2  # the order is not the index


def test_the_order_is_the_seeded_permutation_of_the_scenario_index():
    rank = np.argsort(np.argsort(normal_scores(50, 20260101)))
    assert rank.tolist() == np.random.Generator(np.random.PCG64(20260101)).permutation(50).tolist()


@pytest.mark.market_data
def test_real_history_agrees_with_the_slow_second_implementations(real_closes, opening_policy):
    horizons = {"BTC": 2, "ETH": 2}
    found = check_filtered(real_closes, horizons, opening_policy)
    assert len(found.ids) == 1500 and found.dropped > 0
    check_stressed(real_closes, horizons, opening_policy)
    crash = np.datetime64("2020-03-11")  # the largest two-day fall of the decade must be among the stressed starts
    assert crash in stressed(real_closes, horizons, opening_policy).start_dates


@pytest.mark.parametrize("scaling", ["full", "none"])
def test_challengers_rescale_all_of_the_way_or_not_at_all(closes, short_policy, scaling):
    policy = replace(short_policy, base_margin=replace(short_policy.base_margin, scaling=scaling))
    found = filtered(closes, HORIZONS, policy)
    for row, name in enumerate(found.underlyings):
        sigma = slow_forecasts(closes, name, policy)
        today = sigma[closes.dates.tolist()[-1]]
        for column, start in enumerate(found.start_dates.tolist()):
            expected = 1.0 if scaling == "none" else min(max(today / sigma[start], 0.85), 1.1)
            assert found.scale_factor[row, column] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("days", [365, 3650])
def test_long_run_scenarios_are_scaled_half_way_to_the_volatility_of_all_the_years(closes, short_policy, days):
    policy = replace(short_policy, base_margin=replace(short_policy.base_margin, long_run_days=days))
    found, plain = long_run(closes, HORIZONS, policy), filtered(closes, HORIZONS, policy)
    assert found.name == "LONG_RUN" and found.ids[0] == plain.ids[0].replace("F-", "L-")
    for row, name in enumerate(found.underlyings):
        prices, sigma = by_date(closes, name), slow_forecasts(closes, name, policy)
        moves = [log_return(prices, day - timedelta(days=1), 1) for day in closes.dates.tolist()[-days:]]
        known = [r * r for r in moves if r is not None]
        lasting = math.sqrt(sum(known) / len(known))
        for column, start in enumerate(found.start_dates.tolist()):
            factor = min(max((sigma[start] + lasting) / (2 * sigma[start]), 0.85), 1.1)
            assert found.scale_factor[row, column] == pytest.approx(factor, rel=1e-10)
            expected = log_return(prices, start, HORIZONS[name]) * factor
            assert found.spot_return[row, column] == pytest.approx(expected, rel=1e-10)


def test_a_named_window_is_stressed_from_its_date_on_and_not_before(closes, opening_policy):
    calm = stressed(closes, HORIZONS, opening_policy).start_dates.tolist()
    gap = next(day for day, after in itertools.pairwise(calm) if (after - day).days > 9)
    first, last = gap + timedelta(days=2), gap + timedelta(days=8)

    def starts(active):
        windows = StressWindows(("a quiet week",), (first,), (last,), (active,))
        stress = replace(opening_policy.stress, windows=windows)
        return stressed(closes, HORIZONS, replace(opening_policy, stress=stress)).start_dates.tolist()

    today = closes.dates.tolist()[-1]
    assert starts(today + timedelta(days=1)) == calm
    assert starts(today) == sorted([*calm, *(first + timedelta(days=n) for n in range(7))])


@pytest.mark.parametrize("scaling", ["mid", "full"])
def test_any_day_of_a_history_has_the_set_of_closes_that_end_there(make_closes, opening_policy, scaling):
    """Holes, a young underlying and two liquidation periods: no close after the day leaves a trace."""
    base = replace(opening_policy.base_margin, lookback_scenarios=400, minimum_scenarios=250, scaling=scaling)
    policy = replace(opening_policy, base_margin=base)
    closes = make_closes(("BTC", "ETH", "SOL"), "2015-01-01", 900, 5, {"BTC": (300, 301, 555), "SOL": range(400)})
    horizon = {"BTC": 2, "ETH": 2, "SOL": 3}
    history = filtered_history(closes, horizon, policy)
    for day in (700, 701, 812, 899):
        ends = Closes(closes.underlyings, closes.dates[: day + 1], closes.close[:, : day + 1])
        found, expected = history.at(day), filtered(ends, horizon, policy)
        for field in fields(found):
            assert_same(getattr(found, field.name), getattr(expected, field.name))
        assert found.proxied[2].any() == (day != 899)


def assert_same(found, expected):
    if isinstance(found, np.ndarray):
        assert found.tobytes() == expected.tobytes()
    elif is_dataclass(found):
        for field in fields(found):
            assert_same(getattr(found, field.name), getattr(expected, field.name))
    else:
        assert found == expected
