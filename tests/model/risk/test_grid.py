"""The hypothetical grid: its points, its volatility shocks and the weight of extreme moves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import QuantLib

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.risk.grid import (
    BasisShock,
    Point,
    ScenarioGrid,
    VolShock,
    grid_pnl,
    house_grid,
    roll_loss,
    roll_pnl,
    scenario_pnl,
    states_of,
)


def test_ids_name_the_share_of_the_range_and_the_volatility(opening_policy):
    ids = house_grid(opening_policy.grid, "BTC").ids
    assert len(ids) == len(set(ids)) == 7 * 3 + 5 + 6
    assert {"G+0.67R/UP", "G-1.00R/DOWN", "G+0.00R/FLAT", "G-0.33R/FLAT", "X-0.66", "X-0.33", "X+0.5", "X+2"} <= set(
        ids
    )
    assert ids[-6:] == ("BASIS+", "SKEW+", "TERM+", "BASIS-", "SKEW-", "TERM-")


def test_a_linear_future_moves_by_its_own_range_and_extremes_are_weighted(make_contracts, opening_policy):
    contracts = make_contracts(
        {"form": LINEAR_FORWARD, "underlying": "BTC"},
        {"form": LINEAR_FORWARD, "underlying": "SOL"},
        {"form": INVERSE_FORWARD, "underlying": "ETH", "multiplier": 10.0},
    )
    ids, found = grid_pnl(contracts, opening_policy)
    at = dict(zip(ids, found.T, strict=True))
    for word in ("DOWN", "FLAT", "UP"):
        np.testing.assert_allclose(at[f"G+0.67R/{word}"], [100 * 0.12 * 2 / 3, 100 * 0.25 * 2 / 3, 10 * 0.15 * 2 / 3])
        np.testing.assert_allclose(at[f"G-1.00R/{word}"], [-12.0, -25.0, -1.5])
        np.testing.assert_array_equal(at[f"G+0.00R/{word}"], 0.0)
    # A weighted extreme move of a linear contract is worth one range: the move times range / |move|.
    for name, sign in (("X-0.66", -1), ("X-0.33", -1), ("X+0.5", 1), ("X+1", 1), ("X+2", 1)):
        np.testing.assert_allclose(at[name], [sign * 12.0, sign * 25.0, sign * 1.5], rtol=1e-12)


@pytest.mark.parametrize(
    ("days", "up", "down"),
    [
        (30.0, 1.5, 0.75),
        (90.0, 1 + 0.5 / 3**0.13, 1 - 0.25 / 3**0.13),
        (7.0, 1 + 0.5 * (30 / 7) ** 0.3, 1 - 0.25 * (30 / 7) ** 0.3),
        (0.1, 1 + 0.5 * 30**0.3, 1 - 0.25 * 30**0.3),  # a day at least
    ],
)
def test_volatility_shocks_by_tenor(make_contracts, opening_policy, days, up, down):
    found = levels(make_contracts, days, house_grid(opening_policy.grid, "BTC"))
    assert [found["G+0.00R/DOWN"], found["G+0.00R/FLAT"], found["G+0.00R/UP"]] == pytest.approx(
        [down, 1.0, up], rel=1e-13
    )


def test_a_lowered_volatility_ends_at_zero(make_contracts, opening_policy):
    steep = replace(opening_policy.grid, vol_down_fraction=0.9)
    assert levels(make_contracts, 1.0, house_grid(steep, "BTC"))["G-1.00R/DOWN"] == 0.0


def levels(make_contracts, days, grid):
    """Factor on the volatility of an option of some days at each point."""
    states = states_of(make_contracts(option_of(days)), grid)
    return dict(zip(grid.ids, states.level[0], strict=True))


def option_of(days, **changes):
    plain = {"form": QUOTE_OPTION, "strike": 105.0, "is_call": True, "years_to_expiry": days / 365, "volatility": 0.7}
    return plain | changes


@pytest.mark.parametrize(("switch_is_short", "power"), [(True, 0.3), (False, 0.13)])
def test_the_power_at_the_switch_is_a_choice(switch_is_short, power):
    shock = VolShock(0.5, 0.25, 0.3, 0.13, switch_days=20.0, switch_is_short=switch_is_short)
    np.testing.assert_allclose(
        shock.share(np.array([19.0, 20.0, 21.0])), [(30 / 19) ** 0.3, 1.5**power, (30 / 21) ** 0.13]
    )


def test_an_additive_shock_moves_volatility_by_points_and_never_below_zero(make_contracts):
    points = (Point("UP", vol=1.0), Point("DOWN", vol=-1.0), Point("HALF", vol=0.5))
    grid = ScenarioGrid(points, 0.2, VolShock(0.3, 0.9, additive=True), sticky_strike=True)
    found = scenario_pnl(make_contracts(option_of(60.0)), grid)[0]

    def value(sigma):
        return QuantLib.blackFormula(QuantLib.Option.Call, 105.0, 100.0, sigma * math.sqrt(60 / 365))

    now = value(0.7)
    assert found == pytest.approx([value(1.0) - now, -now, value(0.85) - now], rel=1e-10)


def test_forwards_move_against_spot_by_their_time_and_a_perpetual_by_the_least(make_contracts, opening_policy):
    contracts = make_contracts(
        {"form": LINEAR_FORWARD},
        {"form": LINEAR_FORWARD, "years_to_expiry": 0.5},
        {"form": LINEAR_FORWARD, "years_to_expiry": 0.01},
        {"form": INVERSE_FORWARD, "years_to_expiry": 0.5, "multiplier": 10.0},
        {"form": LINEAR_FORWARD, "years_to_expiry": 9.0},
    )
    ids, found = grid_pnl(contracts, opening_policy)
    at = dict(zip(ids, found.T, strict=True))
    move = math.expm1(0.075 * 0.5)
    # The last one's nine years would move it beyond the price range of 0.12.
    up = [1.0, 100 * move, 1.0, 10 * move / (1 + move), 12.0]
    down = [100 * (1 / 1.01 - 1), 100 * (1 / (1 + move) - 1), 100 * (1 / 1.01 - 1), -10 * move, 100 * (1 / 1.12 - 1)]
    np.testing.assert_allclose(at["BASIS+"], up, rtol=1e-12)
    np.testing.assert_allclose(at["BASIS-"], down, rtol=1e-12)


def test_roll_takes_the_worse_direction_of_each_expiry_and_adds_them(make_contracts):
    contracts = make_contracts(
        {"form": LINEAR_FORWARD},
        {"form": LINEAR_FORWARD, "years_to_expiry": 0.25},
        {"form": LINEAR_FORWARD, "years_to_expiry": 0.25},
        {"form": LINEAR_FORWARD, "years_to_expiry": 1.0},
    )
    pnl = roll_pnl(contracts, BasisShock(0.10, 0.01))
    quantity, row = np.array([2.0, -3.0, 1.0, -1.0, 5.0]), np.array([0, 0, 0, 0, 2])
    index = np.array([0, 1, 2, 3, 3])
    found = roll_loss(3, row, contracts.slice_of[index], quantity[:, None] * pnl[index])
    quarter, year = math.expm1(0.025), math.expm1(0.10)
    # Long 2 perpetuals lose downwards, short 2 of the quarter and 1 of the year upwards; a row without entries nothing.
    first = 200 * (1 - 1 / 1.01) + 200 * quarter + 100 * year
    np.testing.assert_allclose(found, [first, 0.0, 500 * (1 - 1 / (1 + year))], rtol=1e-12)
    np.testing.assert_array_equal(roll_loss(2, row[:0], row[:0], pnl[:0]), [0.0, 0.0])


def test_skew_tilts_about_the_forward_and_term_about_thirty_days(make_contracts, opening_policy):
    low, high = option_of(30.0, strike=90.0, is_call=False), option_of(30.0, strike=110.0)
    short, long = option_of(1.0, strike=100.0), option_of(900.0, strike=100.0)
    contracts = make_contracts(low, high, short, long)
    ids, found = grid_pnl(contracts, opening_policy)
    at = dict(zip(ids, found.T, strict=True))

    def value(terms, sigma):
        side = QuantLib.Option.Call if terms["is_call"] else QuantLib.Option.Put
        return QuantLib.blackFormula(side, terms["strike"], 100.0, sigma * math.sqrt(terms["years_to_expiry"]))

    def gain(terms, sigma):
        return value(terms, sigma) - value(terms, 0.7)

    root = math.sqrt(30 / 365)
    below, above = math.log(0.9) / root, math.log(1.1) / root
    np.testing.assert_allclose(at["SKEW+"][:2], [gain(low, 0.7 + 0.05 * below), gain(high, 0.7 + 0.05 * above)])
    np.testing.assert_allclose(at["SKEW-"][:2], [gain(low, 0.7 - 0.05 * below), gain(high, 0.7 - 0.05 * above)])
    np.testing.assert_allclose(at["SKEW+"][2:], 0.0, atol=1e-12)
    np.testing.assert_allclose(at["TERM+"], [0.0, 0.0, gain(short, 0.84), gain(long, 0.56)], atol=1e-10)
    np.testing.assert_allclose(at["TERM-"], [0.0, 0.0, gain(short, 0.56), gain(long, 0.84)], atol=1e-10)


def test_options_age_by_the_look_ahead(make_contracts):
    grid = ScenarioGrid((Point("STILL"),), 0.1, VolShock(0.0, 0.0), lookahead_days=1.0)
    dying = option_of(0.5, strike=90.0)
    found = scenario_pnl(make_contracts(option_of(30.0), dying, {"form": LINEAR_FORWARD}), grid)[:, 0]

    def value(strike, days):
        return QuantLib.blackFormula(QuantLib.Option.Call, strike, 100.0, 0.7 * math.sqrt(days / 365))

    assert found == pytest.approx([value(105.0, 29.0) - value(105.0, 30.0), 10.0 - value(90.0, 0.5), 0.0], rel=1e-9)


def test_in_the_settlement_asset_a_coin_contract_is_curved_and_a_damped_move_counts_as_one_range(make_contracts):
    points = (Point("DOWN", share=-1.0), Point("UP", share=1.0), Point("FAR", move=3.0, damped=True))
    grid = ScenarioGrid(points, 0.2, VolShock(0.0, 0.0), sticky_strike=True, in_settlement_asset=True)
    option = option_of(90.0, form=COIN_OPTION)
    found = scenario_pnl(
        make_contracts({"form": INVERSE_FORWARD, "multiplier": 100.0}, {"form": LINEAR_FORWARD}, option), grid
    )

    def coins(forward):
        sigma = 0.7 * math.sqrt(90 / 365)
        return QuantLib.blackFormula(QuantLib.Option.Call, 105.0, forward, sigma) / forward

    now, far = coins(100.0), coins(400.0)
    np.testing.assert_allclose(found[0], [100 * (1 - 1 / 0.8), 100 * (1 - 1 / 1.2), 100 * (1 - 1 / 1.2)], rtol=1e-12)
    np.testing.assert_allclose(found[1], [-20.0, 20.0, 20.0], rtol=1e-12)
    wanted = [100 * (coins(80.0) - now), 100 * (coins(120.0) - now), 100 * (far - now) * (4.0 / 1.2) * (0.2 / 3.0)]
    np.testing.assert_allclose(found[2], wanted, rtol=1e-9)


def test_a_sticky_strike_keeps_its_volatility_where_the_smile_is_steep(make_contracts):
    contracts = make_contracts(option_of(30.0))
    steep = np.array([[0.01, 0.1, -0.7, 0.0, 0.1]])
    smiled = replace(contracts, slices=replace(contracts.slices, smile=steep))
    down = ScenarioGrid((Point("DOWN", share=-1.0),), 0.1, VolShock(0.0, 0.0), sticky_strike=True)
    sticky = scenario_pnl(smiled, down)
    np.testing.assert_array_equal(sticky, scenario_pnl(contracts, down))
    assert abs(scenario_pnl(smiled, replace(down, sticky_strike=False)) - sticky) > 0.01


def test_the_floor_lifts_the_raised_volatility_alone(make_contracts, opening_policy):
    option = {"form": QUOTE_OPTION, "strike": 105.0, "is_call": True, "years_to_expiry": 30 / 365, "volatility": 0.2}
    ids, found = grid_pnl(make_contracts(option), opening_policy)
    at = dict(zip(ids, found[0], strict=True))

    def value(sigma):
        return QuantLib.blackFormula(QuantLib.Option.Call, 105.0, 100.0, sigma * math.sqrt(30 / 365))

    assert at["G+0.00R/UP"] == pytest.approx(value(0.40) - value(0.2), rel=1e-10)
    assert at["G+0.00R/DOWN"] == pytest.approx(value(0.15) - value(0.2), rel=1e-10)


def test_an_option_is_revalued_at_each_point(make_contracts, opening_policy):
    option = {"form": QUOTE_OPTION, "strike": 105.0, "is_call": True, "years_to_expiry": 90 / 365, "volatility": 0.7}
    ids, found = grid_pnl(make_contracts({**option, "underlying": "ETH"}), opening_policy)
    at = dict(zip(ids, found[0], strict=True))

    def value(forward, sigma):
        return QuantLib.blackFormula(QuantLib.Option.Call, 105.0, forward, sigma * math.sqrt(90 / 365))

    raised, lowered = 0.7 * (1 + 0.5 / 3**0.13), 0.7 * (1 - 0.25 / 3**0.13)
    now = value(100.0, 0.7)
    assert at["G+0.33R/UP"] == pytest.approx(value(105.0, raised) - now, rel=1e-10)
    assert at["G-0.67R/DOWN"] == pytest.approx(value(90.0, lowered) - now, rel=1e-10)
    assert at["G+0.00R/FLAT"] == pytest.approx(0.0, abs=1e-12)
    assert at["X+1"] == pytest.approx((value(200.0, raised) - now) * 0.15 / 1.0, rel=1e-10)
    assert at["X-0.66"] == pytest.approx((value(34.0, raised) - now) * 0.15 / 0.66, rel=1e-10)
