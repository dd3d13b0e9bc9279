"""From scenarios to states: what was observed of volatility and basis acts, and the proxy where nothing was."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION, ScenarioSet, TenorMoves
from tasks.model.market.series import Factors
from tasks.model.pricing.revaluation import revalue
from tasks.model.risk.observed import basis_moves
from tasks.model.risk.observed import vol_moves as observed_vol_moves
from tasks.model.risk.scenarios import filtered
from tasks.model.risk.states import states_of, vol_moves

RETURNS = np.array([[-0.3, 0.1, 0.2], [-0.2, 0.0, 0.3]])


def scenarios(vol=None, basis=None, returns=RETURNS):
    n = returns.shape[1]
    none = TenorMoves.none(2, n)
    return ScenarioSet(
        "FILTERED",
        tuple(f"F-{i}" for i in range(n)),
        ("BTC", "ETH"),
        np.arange(n).astype("M8[D]"),
        np.array([2, 2]),
        returns,
        np.ones((2, n)),
        np.zeros((2, n), dtype=bool),
        np.zeros(n),
        0,
        vol or none,
        basis or none,
    )


def options(make_contracts, *days, underlying="BTC"):
    terms = {"form": QUOTE_OPTION, "strike": 100.0, "is_call": True, "volatility": 0.6, "underlying": underlying}
    return make_contracts(
        *({**terms, "years_to_expiry": each / 365} for each in days), {"form": LINEAR_FORWARD, "underlying": "ETH"}
    )


def level_of(states, contracts, position):
    return np.log(states.level[contracts.slice_of[position]])


def test_between_the_observed_tenors_the_level_is_read_off_them(make_contracts, opening_policy):
    contracts = options(make_contracts, 10, 30, 60, 90)
    move = np.full((2, 2, 3), np.nan)
    move[0] = [[0.5, -0.1, 2.0], [0.2, 0.1, 1.8]]  # BTC at 10 and 90 days
    states = states_of(contracts, scenarios(TenorMoves(np.array([10.0, 90.0]), move)), opening_policy)
    for position, days in enumerate((10, 30, 60, 90)):
        share = math.log(days / 10) / math.log(90 / 10)
        expected = [(1 - share) * one + share * other for one, other in zip(*move[0], strict=True)]
        assert level_of(states, contracts, position) == pytest.approx(expected)


def test_beyond_them_it_follows_the_power_of_the_tenor_up_to_the_largest_move(make_contracts, opening_policy):
    contracts = options(make_contracts, 5, 30, 120)
    move = np.full((2, 1, 3), np.nan)
    move[0, 0] = [0.9, -0.1, 2.0]
    states = states_of(contracts, scenarios(TenorMoves(np.array([30.0]), move)), opening_policy)
    power, largest = opening_policy.vol_proxy.tenor_power, opening_policy.vol_proxy.largest_move
    assert level_of(states, contracts, 1) == pytest.approx([0.9, -0.1, 2.0])  # what was seen is not capped
    for position, days in ((0, 5), (2, 120)):
        expected = [max(-largest, min(largest, each * (30 / days) ** power)) for each in move[0, 0]]
        assert level_of(states, contracts, position) == pytest.approx(expected)


def test_a_scenario_without_an_observation_takes_the_proxy_and_is_counted(make_contracts, opening_policy):
    contracts = options(make_contracts, 30)
    move = np.full((2, 1, 3), np.nan)
    move[0, 0, 1] = 0.25
    seen = scenarios(TenorMoves(np.array([30.0]), move))
    states, proxy = states_of(contracts, seen, opening_policy), vol_moves(contracts, RETURNS, seen, opening_policy)
    at = contracts.slice_of[0]
    assert np.log(states.level[at]) == pytest.approx([proxy[at, 0], 0.25, proxy[at, 2]])
    assert seen.vol_proxied.tolist() == [[True, False, True], [True, True, True]]
    assert scenarios().vol_proxied.all()


def test_each_scenario_is_read_off_the_tenors_its_own_date_has(make_contracts, opening_policy):
    contracts = options(make_contracts, 10, 20, 30, 60)
    move = np.full((2, 3, 3), np.nan)
    # The whole term structure; all but its middle; a vol index of thirty days alone.
    move[0] = [[0.1, 0.1, math.nan], [0.2, math.nan, 0.2], [0.4, 0.4, math.nan]]
    seen = scenarios(TenorMoves(np.array([10.0, 30.0, 60.0]), move))
    states, power = states_of(contracts, seen, opening_policy), opening_policy.vol_proxy.tenor_power
    at_20, wide = math.log(20 / 10) / math.log(30 / 10), math.log(6)
    expected = {
        10: [0.1, 0.1, 0.2 * 3**power],
        20: [0.1 + 0.1 * at_20, 0.1 + 0.3 * math.log(2) / wide, 0.2 * 1.5**power],
        30: [0.2, 0.1 + 0.3 * math.log(3) / wide, 0.2],
        60: [0.4, 0.4, 0.2 * 0.5**power],
    }
    for position, levels in enumerate(expected.values()):
        assert level_of(states, contracts, position) == pytest.approx(levels)
    assert not seen.vol_proxied[0].any() and seen.vol_proxied[1].all()


@pytest.mark.parametrize(("days", "share"), [(3.5, 0.5), (7, 1.0), (30, 1.0), (200, 1.0)])
def test_the_basis_moves_as_observed_and_dies_towards_expiry(make_contracts, opening_policy, days, share):
    contracts = options(make_contracts, days)
    move = np.full((2, 2, 3), np.nan)
    move[0, 0] = [0.02, -0.01, math.nan]
    move[1, 1] = [0.005, math.nan, -0.004]  # premium of ETH's perpetual
    states = states_of(contracts, scenarios(basis=TenorMoves(np.array([30.0, np.inf]), move)), opening_policy)
    assert np.log(states.basis_factor[contracts.slice_of[0]]) == pytest.approx([0.02 * share, -0.01 * share, 0.0])
    assert np.log(states.basis_factor[contracts.slice_of[1]]) == pytest.approx([0.005, 0.0, -0.004])


def test_moves_are_taken_over_the_liquidation_period_of_each_underlying(make_closes):
    closes = make_closes(("BTC", "ETH"), "2026-01-01", 6, 3)
    level = np.array([0.5, 0.6, math.nan, 0.8, 0.9, 1.0])
    factors = Factors(
        {}, {"ETH": {30.0: level}}, {"BTC": {30.0: closes.close[0] * np.array([1, 1.01, 1.02, 1.0, 1.0, 1.0])}}
    )
    starts, horizon = np.array([0, 1, 2]), np.array([2, 3])
    vol = observed_vol_moves(factors, ("BTC", "ETH"), horizon, starts)
    assert np.isnan(vol.move[0]).all()
    assert vol.move[1, 0] == pytest.approx([math.log(0.8 / 0.5), math.log(0.9 / 0.6), math.nan], nan_ok=True)
    basis = basis_moves(factors, closes, ("BTC", "ETH"), horizon, starts)
    assert basis.move[0, 0] == pytest.approx([math.log(1.02), -math.log(1.01), -math.log(1.02)], abs=1e-12)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.floats(-1.5, 1.5),
    st.floats(-0.1, 0.1),
    st.floats(-0.9, 0.9),
    st.sampled_from([COIN_OPTION, QUOTE_OPTION]),
    st.floats(2.0, 300.0),
)
def test_parity_holds_in_every_state(make_contracts, opening_policy, spot, basis, vol, form, days):
    terms = {"form": form, "strike": 95.0, "years_to_expiry": days / 365, "volatility": 0.8, "forward": 102.0}
    contracts = make_contracts({**terms, "is_call": True}, {**terms, "is_call": False})
    smile = np.array([[0.01, 0.1, -0.3, 0.02, 0.2]])
    contracts = replace(contracts, slices=replace(contracts.slices, smile=smile))
    one = np.full((2, 1, 1), 1.0)
    seen = scenarios(
        TenorMoves(np.array([30.0]), vol * one), TenorMoves(np.array([30.0]), basis * one), np.full((2, 1), spot)
    )
    call, put = revalue(contracts, states_of(contracts, seen, opening_policy))[:, 0]
    moved = 102.0 * math.exp(spot + basis * min(days / 7, 1))
    in_coin = (1 - 95 / moved) * 100 * math.exp(spot) - (1 - 95 / 102) * 100  # each worth the spot of its state
    expected = in_coin if form == COIN_OPTION else moved - 102.0
    assert call - put == pytest.approx(expected, abs=1e-10 * max(moved, 100.0))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.floats(-1e-3, 1e-3), st.floats(100.0, 1e5))
def test_linear_and_inverse_agree_to_first_order(make_contracts, opening_policy, move, price):
    linear = {"form": LINEAR_FORWARD, "multiplier": 1.0, "index_price": price, "forward": price}
    inverse = {"form": INVERSE_FORWARD, "multiplier": price, "index_price": price, "forward": price * 1.01}
    contracts = make_contracts(linear, inverse)
    found = revalue(contracts, states_of(contracts, scenarios(returns=np.full((2, 1), move)), opening_policy))[:, 0]
    first_order = price * move
    assert abs(found[0] - first_order) <= price * (move * move + 1e-14)
    assert abs(found[1] - first_order / 1.01) <= 2 * price * (move * move + 1e-14)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(500, 880), st.integers(0, 10**6))
def test_nothing_after_a_start_date_changes_its_forecast_and_nothing_after_its_end_its_return(
    make_closes, opening_policy, day, seed
):
    base = replace(opening_policy.base_margin, lookback_scenarios=5000, minimum_scenarios=100, scaling="full")
    wide = replace(opening_policy, base_margin=replace(base, scale_factor_lowest=0.01, scale_factor_highest=100.0))
    closes = make_closes(("BTC", "ETH"), "2019-01-01", 900, 7)
    later = closes.close.copy()
    later[:, day + 1 :] *= np.exp(np.random.default_rng(seed).normal(0, 0.3, (2, 899 - day)))
    one, other = (filtered(each, {"BTC": 2, "ETH": 3}, wide) for each in (closes, replace(closes, close=later)))
    ended = one.start_dates + 3 <= closes.dates[day]
    assert ended.sum() > 300
    observed = [(each.spot_return / each.scale_factor)[:, ended] for each in (one, other)]
    np.testing.assert_allclose(*observed, rtol=1e-9, atol=1e-12)
    known = one.start_dates <= closes.dates[day]
    ratios = [each.scale_factor[:, known] / each.scale_factor[:, :1] for each in (one, other)]  # sigma_0 / sigma_i
    np.testing.assert_allclose(*ratios, rtol=1e-9)
