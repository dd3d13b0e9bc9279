"""The hypothetical grid: its points, its volatility shocks and the weight of extreme moves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import QuantLib

from tasks.model.arrays import INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.risk.grid import DOWN, FLAT, UP, grid_pnl, grid_points, vol_level


def test_ids_name_the_share_of_the_range_and_the_volatility(opening_policy):
    ids = grid_points(("BTC",), opening_policy.grid).ids
    assert len(ids) == len(set(ids)) == 7 * 3 + 5
    assert {"G+0.67R/UP", "G-1.00R/DOWN", "G+0.00R/FLAT", "G-0.33R/FLAT", "X-0.66", "X-0.33", "X+0.5", "X+2"} <= set(
        ids
    )


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
def test_volatility_shocks_by_tenor(opening_policy, days, up, down):
    found = vol_level(np.array([days]), np.array([DOWN, FLAT, UP]), opening_policy.grid)[0]
    np.testing.assert_allclose(found, [down, 1.0, up], rtol=1e-13)


def test_a_lowered_volatility_ends_at_zero(opening_policy):
    steep = replace(opening_policy.grid, vol_down_fraction=0.9)
    assert vol_level(np.array([1.0]), np.array([DOWN]), steep)[0, 0] == 0.0


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
