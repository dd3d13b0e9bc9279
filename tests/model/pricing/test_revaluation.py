"""Full revaluation against a slow second implementation, closed forms and central differences."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION, States
from tasks.model.errors import ModelInputError
from tasks.model.pricing.revaluation import Revaluation, revalue, revalue_cube, sensitivities


def moved(contracts, spot_factor, level=1.0):
    """States in which spot moves by these factors, and volatility by factors of every slice alike."""
    spot_factor = np.asarray(spot_factor)
    still = States.still(contracts, spot_factor.shape[1])
    return replace(still, spot_factor=spot_factor, level=still.level * level)


def slow_black(forward, strike, volatility, years, is_call):
    deviation = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    side = 1 if is_call else -1
    below = [0.5 * math.erfc(-side * d / math.sqrt(2)) for d in (d1, d2)]
    return side * (forward * below[0] - strike * below[1])


def slow_value_usd(row, factor, volatility):
    """USD value of one contract in a state, forwards entered at today's mark; straight from the formulas."""
    forward, spot = row["forward"] * factor, row["index_price"] * factor
    if row["form"] == LINEAR_FORWARD:
        return row["multiplier"] * (forward - row["forward"]) * row["settle_price"]
    if row["form"] == INVERSE_FORWARD:
        return row["multiplier"] * (1 / row["forward"] - 1 / forward) * spot
    black = slow_black(forward, row["strike"], volatility, row["years_to_expiry"], row["is_call"])
    if row["form"] == COIN_OPTION:
        return row["multiplier"] * black / forward * spot
    return row["multiplier"] * black * row["settle_price"]


def random_rows(n, seed=11):
    generator = np.random.default_rng(seed)
    rows = []
    for position in range(n):
        underlying, spot = (("BTC", 60_000.0), ("ETH", 2_500.0))[position % 2]
        form = (LINEAR_FORWARD, INVERSE_FORWARD, COIN_OPTION, QUOTE_OPTION, COIN_OPTION)[position % 5]
        row = {
            "underlying": underlying,
            "form": form,
            "multiplier": float(generator.choice([0.001, 1.0, 10.0])),
            "index_price": spot,
            "forward": spot * float(generator.uniform(0.97, 1.05)),
            "settle_price": spot if form in (INVERSE_FORWARD, COIN_OPTION) else 0.998,
        }
        if form in (COIN_OPTION, QUOTE_OPTION):
            row |= {
                "strike": spot * float(generator.uniform(0.5, 1.8)),
                "is_call": bool(generator.integers(2)),
                "years_to_expiry": float(generator.uniform(0.005, 1.5)),
                "volatility": float(generator.uniform(0.2, 1.4)),
            }
        rows.append(row)
    return rows


def test_every_form_agrees_with_the_slow_second_implementation(make_contracts):
    rows = random_rows(150)  # more than two blocks of options
    contracts = make_contracts(*rows)
    factor = np.array([[0.4, 0.97, 1.0, 1.6], [0.5, 1.02, 1.0, 2.5]])
    scale = np.array([1.9, 1.05, 1.0, 0.7])
    found = revalue(contracts, moved(contracts, factor, scale))
    for position, row in enumerate(rows):
        sigma = row.get("volatility", math.nan)
        for column in range(4):
            by = float(factor[0 if row["underlying"] == "BTC" else 1, column])
            expected = slow_value_usd(row, by, sigma * scale[column]) - slow_value_usd(row, 1.0, sigma)
            size = row["multiplier"] * row["index_price"] if row["form"] != INVERSE_FORWARD else row["multiplier"]
            assert found[position, column] == pytest.approx(expected, rel=1e-11, abs=1e-12 * size)


def test_neither_threads_nor_neighbours_change_a_bit(make_contracts):
    contracts = make_contracts(*random_rows(150))
    factor = np.exp(np.random.default_rng(12).normal(0.0, 0.1, (2, 333)))
    states = moved(contracts, factor, factor[0] ** -1)
    plain = revalue_cube(contracts, states)
    assert revalue_cube(contracts, states, threads=2).blocks.tobytes() == plain.blocks.tobytes()
    assert revalue_cube(contracts, states, threads=5).blocks.tobytes() == plain.blocks.tobytes()
    order = np.random.default_rng(13).permutation(333)
    shuffled = revalue(contracts, moved(contracts, factor[:, order], (factor[0] ** -1)[order]))
    assert shuffled.tobytes() == np.ascontiguousarray(plain.rows()[:, order]).tobytes()
    alone = make_contracts(*random_rows(150)[:37])
    assert revalue(alone, moved(alone, factor, factor[0] ** -1)).tobytes() == plain.rows()[:37].tobytes()


def test_memory_that_is_used_again_keeps_nothing_of_the_states_before(make_contracts):
    contracts = make_contracts(*random_rows(150))
    draw = np.random.default_rng(14)
    calm = moved(contracts, np.exp(draw.normal(0.0, 0.01, (2, 70))))
    slices = calm.skew.shape
    wild = replace(
        moved(contracts, np.exp(draw.normal(0.0, 0.3, (2, 70)))),
        basis_factor=np.exp(draw.normal(0.0, 0.05, slices)),
        level=np.exp(draw.normal(0.0, 0.2, slices)),
        skew=draw.normal(0.0, 0.05, slices),
        vol_floor=np.full(70, 0.5),
    )
    shifted, few = replace(calm, shift=np.broadcast_to(0.1, slices)), States.still(contracts, 20)
    again = Revaluation(contracts)
    for states in (calm, wild, calm, shifted, few, wild, shifted, States.still(contracts, 70)):
        assert again.cube(states).blocks.tobytes() == revalue_cube(contracts, states).blocks.tobytes()


def test_where_nothing_moves_nothing_is_gained(make_contracts):
    contracts = make_contracts(*random_rows(20))
    still = revalue(contracts, States.still(contracts, 3))
    size = np.array([row["multiplier"] * row["settle_price"] for row in random_rows(20)])
    assert (np.abs(still) <= 2e-16 * size[:, None]).all()


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.floats(1e-3, 1e7), st.floats(1e-2, 1e4), st.floats(0.01, 20.0))
def test_an_inverse_future_at_spot_is_linear_in_usd(make_contracts, spot, multiplier, factor):
    contracts = make_contracts(
        {"form": INVERSE_FORWARD, "multiplier": multiplier, "index_price": spot, "forward": spot}
    )
    found = revalue(contracts, moved(contracts, [[factor]]))[0, 0]
    assert found == pytest.approx(multiplier * (factor - 1.0), rel=1e-12, abs=1e-14 * multiplier)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.floats(1e-3, 1e7), st.floats(1.0, 1e8), st.floats(0.01, 20.0))
def test_a_short_inverse_future_and_its_coin_are_worth_nothing_together(make_contracts, spot, usd, factor):
    contracts = make_contracts({"form": INVERSE_FORWARD, "multiplier": 1.0, "index_price": spot, "forward": spot})
    short = -usd * revalue(contracts, moved(contracts, [[factor]]))[0, 0]
    coin = usd / spot * (spot * factor - spot)
    assert short + coin == pytest.approx(0.0, abs=1e-12 * usd * max(factor, 1.0))


def test_parity_holds_in_every_scenario(make_contracts):
    option = {"strike": 95.0, "years_to_expiry": 0.3, "volatility": 0.8, "forward": 102.0}
    factor = np.exp(np.linspace(-1.0, 1.0, 41))[None, :]
    for form in (COIN_OPTION, QUOTE_OPTION):
        contracts = make_contracts(
            {"form": form, "is_call": True, **option}, {"form": form, "is_call": False, **option}
        )
        call, put = revalue(contracts, moved(contracts, factor, 0.9 / 0.8))
        # USD of a coin-settled option: black price x spot / forward; C - P = F - K either way.
        usd_per_black = 100.0 / 102.0 if form == COIN_OPTION else 1.0
        np.testing.assert_allclose(call - put, usd_per_black * 102.0 * (factor[0] - 1.0), rtol=0, atol=1e-12)


def test_sensitivities_are_the_slope_of_the_revaluation(make_contracts):
    contracts = make_contracts(*random_rows(40, seed=3))
    step = 1e-4
    factor = np.tile([1 - step, 1.0, 1 + step], (2, 1))
    down, _, up = revalue(contracts, moved(contracts, factor)).T
    found, spot = sensitivities(contracts), contracts.index_price
    np.testing.assert_allclose(found.delta, (up - down) / (2 * step * spot), rtol=2e-5, atol=1e-7)
    curvature = (up + down) / (step * spot) ** 2
    np.testing.assert_allclose(found.gamma[contracts.is_option], curvature[contracts.is_option], rtol=2e-3, atol=1e-8)
    assert (found.gamma[~contracts.is_option] == 0).all()
    bumps = np.array([-1e-4, 1e-4])
    still = States.still(contracts, 2)
    bumped = revalue(contracts, replace(still, shift=still.shift + bumps))
    np.testing.assert_allclose(found.vega_usd, (bumped[:, 1] - bumped[:, 0]) / 2e-4 * 0.01, rtol=1e-4, atol=1e-7)


def test_delta_of_plain_contracts_in_closed_form(make_contracts):
    contracts = make_contracts(
        {"form": INVERSE_FORWARD, "multiplier": 10.0, "index_price": 50.0, "forward": 40.0},
        {"form": LINEAR_FORWARD, "multiplier": 0.5, "index_price": 50.0, "forward": 40.0},
        {"form": COIN_OPTION, "strike": 1e-3, "is_call": True, "years_to_expiry": 0.1, "volatility": 0.5},
    )
    np.testing.assert_allclose(sensitivities(contracts).delta, [10 / 40, 0.5 * 40 / 50, 1.0], rtol=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -0.5])
def test_a_factor_that_is_no_factor_is_refused(make_contracts, bad):
    contracts = make_contracts({"form": LINEAR_FORWARD})
    with pytest.raises(ModelInputError):
        revalue(contracts, moved(contracts, [[1.0, bad]]))


def test_a_missing_shocked_volatility_is_refused(make_contracts):
    contracts = make_contracts({"form": QUOTE_OPTION, "strike": 100.0, "years_to_expiry": 0.1, "volatility": 0.5})
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        revalue(contracts, moved(contracts, np.ones((1, 2)), np.array([1.0, math.nan])))


def test_factors_must_cover_every_underlying(make_contracts):
    contracts = make_contracts(*random_rows(4))
    with pytest.raises(ModelInputError, match="SHAPE"):
        revalue(contracts, replace(States.still(contracts, 2), spot_factor=np.ones((1, 2))))
