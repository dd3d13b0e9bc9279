"""Liquidation price of an account: closed forms, a slow scan of every cent, and what must hold of any book."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError
from tasks.model.margin.liquidation_price import LARGEST_FACTOR, PositionRows, liquidation_prices, price_ladder
from tasks.model.margin.reference.position_liquidation import inverse_liquidation_price

PERP = {"form": LINEAR_FORWARD, "index_price": 50_000.0, "forward": 50_000.0}
INVERSE = {"form": INVERSE_FORWARD, "index_price": 50_000.0, "forward": 50_000.0}
CALL = {
    "form": QUOTE_OPTION,
    "index_price": 50_000.0,
    "forward": 50_000.0,
    "strike": 60_000.0,
    "is_call": True,
    "years_to_expiry": 30 / 365,
    "volatility": 0.6,
}
quick = settings(deadline=None, derandomize=True, max_examples=30)


def one_row(*quantity):
    n = len(quantity)
    return PositionRows(np.array([0]), np.array([0, n]), np.arange(n), np.array(quantity, dtype=float))


def prices(contracts, quantity, headroom, coin=0.0):
    found = liquidation_prices(contracts, one_row(*quantity), np.array([headroom]), np.array([coin]))
    return float(found.below[0]), float(found.above[0])


def test_a_linear_future_is_closed_out_where_its_loss_is_the_headroom(make_contracts):
    contracts = make_contracts(PERP)
    below, above = prices(contracts, [2.0], 30_000.0)
    assert below == pytest.approx(35_000.0, rel=1e-9) and math.isnan(above)
    below, above = prices(contracts, [-2.0], 30_000.0)
    assert math.isnan(below) and above == pytest.approx(65_000.0, rel=1e-9)


def test_an_inverse_future_with_its_own_coin_as_collateral_has_the_closed_form(make_contracts):
    # 100,000 USD long against 1 coin, 10,000 USD of maintenance: 50,000 x - 10,000 + 100,000 (1 - 1 / x) x = 0.
    contracts = make_contracts({**INVERSE, "multiplier": 100_000.0})
    below, above = prices(contracts, [1.0], 40_000.0, coin=50_000.0)
    assert below == pytest.approx(50_000.0 * 110_000.0 / 150_000.0, rel=1e-9) and math.isnan(above)
    # With no maintenance it is the price at which the coin is used up.
    broke = prices(contracts, [1.0], 50_000.0, coin=50_000.0)[0]
    assert broke == pytest.approx(
        float(inverse_liquidation_price(np.array(1.0), np.array(1e5), np.array(5e4), np.array(0.0))), rel=1e-9
    )


def test_a_short_hedged_by_its_coin_is_never_closed_out(make_contracts):
    contracts = make_contracts({**INVERSE, "multiplier": 50_000.0})
    below, above = prices(contracts, [-1.0], 1_000.0, coin=50_000.0)
    assert math.isnan(below) and math.isnan(above)


def test_a_short_straddle_has_a_price_on_either_side(make_contracts):
    put = {**CALL, "strike": 50_000.0, "is_call": False}
    contracts = make_contracts({**CALL, "strike": 50_000.0}, put)
    below, above = prices(contracts, [-1.0, -1.0], 5_000.0)
    assert below < 50_000.0 < above
    nearer = prices(contracts, [-1.0, -1.0], 1_000.0)
    assert below < nearer[0] < 50_000.0 < nearer[1] < above


def test_a_long_option_never_loses_more_than_its_premium(make_contracts):
    contracts = make_contracts(CALL)
    assert all(map(math.isnan, prices(contracts, [1.0], 5_000.0)))


def test_at_maintenance_margin_the_present_price_is_the_price(make_contracts):
    contracts = make_contracts(PERP)
    assert prices(contracts, [1.0], 0.0) == (50_000.0, 50_000.0)
    assert prices(contracts, [1.0], -1.0) == (50_000.0, 50_000.0)


def test_a_price_beyond_the_ladder_is_none(make_contracts):
    contracts = make_contracts(PERP)
    just_within = 50_000.0 * (LARGEST_FACTOR - 1.0) * 0.999
    assert prices(contracts, [-1.0], just_within)[1] == pytest.approx(50_000.0 + just_within, rel=1e-9)
    assert math.isnan(prices(contracts, [-1.0], just_within * 1.01)[1])


def test_a_dip_between_two_strikes_at_expiry_is_seen(make_contracts):
    # A butterfly of 40 wide that expires now: the loss stands between steps of the ladder that are 1,000 apart.
    expired = {**CALL, "years_to_expiry": 0.0}
    rows = [{**expired, "strike": 60_000.0 + gap} for gap in (0.0, 20.0, 40.0)]
    contracts = make_contracts(*rows)
    _, above = prices(contracts, [-1.0, 2.0, -1.0], 19.0)
    assert above == pytest.approx(60_019.0, rel=1e-9)
    assert set(np.round(price_ladder(contracts) * 50_000.0, 6)) >= {60_000.0, 60_020.0, 60_040.0}


def test_rows_and_underlyings_do_not_know_of_each_other(make_contracts):
    ether = {**PERP, "underlying": "ETH", "index_price": 3_000.0, "forward": 3_000.0}
    contracts = make_contracts(PERP, ether, CALL)
    held = PositionRows(
        np.array([0, 1, 0]), np.array([0, 2, 3, 4]), np.array([0, 2, 1, 0]), np.array([1.0, -2.0, -5.0, -1.0])
    )
    together = liquidation_prices(contracts, held, np.array([20_000.0, 3_000.0, 10_000.0]), np.zeros(3))
    alone = liquidation_prices(
        contracts,
        PositionRows(np.array([0]), np.array([0, 2]), np.array([0, 2]), np.array([1.0, -2.0])),
        np.array([20_000.0]),
        np.zeros(1),
    )
    assert together.below[0] == alone.below[0] and together.above[0] == alone.above[0]
    assert together.above[1] == pytest.approx(3_600.0, rel=1e-9)
    assert together.above[2] == pytest.approx(60_000.0, rel=1e-9)


def test_accounts_that_share_an_expiry_each_have_their_own_price(make_contracts):
    put = {**CALL, "form": COIN_OPTION, "is_call": False, "strike": 45_000.0}
    contracts = make_contracts(PERP, CALL, put)
    generator = np.random.default_rng(4)
    quantity = generator.integers(-4, 5, (20, 3)).astype(float)
    headroom, coin = generator.uniform(1e3, 1e5, 20), generator.uniform(-1e5, 1e5, 20)
    pointer, entries = np.arange(0, 61, 3), np.tile(np.arange(3), 20)
    together = liquidation_prices(
        contracts, PositionRows(np.zeros(20, dtype=np.int64), pointer, entries, quantity.ravel()), headroom, coin
    )
    assert np.isfinite(together.below).sum() > 5 and np.isfinite(together.above).sum() > 5
    for row in range(20):
        alone = prices(contracts, quantity[row], headroom[row], coin[row])
        np.testing.assert_allclose((together.below[row], together.above[row]), alone, rtol=1e-12)


@quick
@given(
    st.lists(st.integers(-5, 5), min_size=4, max_size=4),
    st.floats(100.0, 1e5),
    st.floats(-1e5, 1e5),
)
def test_the_slow_scan_finds_the_same_price(make_contracts, quantity, headroom, coin):
    contracts = make_contracts(
        PERP, {**INVERSE, "multiplier": 10_000.0}, CALL, {**CALL, "form": COIN_OPTION, "is_call": False}
    )
    found = prices(contracts, quantity, headroom, coin)
    for side, price in zip((-1, 1), found, strict=True):
        expected = scan(quantity, headroom, coin, side)
        if expected is None:
            assert math.isnan(price)
        else:
            assert price == pytest.approx(expected, rel=1e-7)


def scan(quantity, headroom, coin, side):
    """First price, going out in 0.1 % steps, at which the book by textbook formulas has used up the headroom."""

    def value(spot):
        perp, inverse, call, put = quantity
        black = black_call(spot, 60_000.0, 0.6, 30 / 365)
        pnl = perp * (spot - 5e4) + inverse * 1e4 * (1 / 5e4 - 1 / spot) * spot
        pnl += call * black + put * (black + 60_000.0 - spot)
        return pnl + coin * spot / 5e4

    start, spot = value(5e4), 5e4
    while True:
        before, spot = spot, spot * (1.001**side)
        if not 1.0 / LARGEST_FACTOR <= spot / 5e4 <= LARGEST_FACTOR:
            return None
        if headroom + value(spot) - start <= 0.0:
            for _ in range(60):
                middle = 0.5 * (before + spot)
                before, spot = (before, middle) if headroom + value(middle) - start <= 0.0 else (middle, spot)
            return spot


def black_call(forward, strike, volatility, years):
    total = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / total + total / 2

    def normal(x):
        return 0.5 * math.erfc(-x / math.sqrt(2))

    return forward * normal(d1) - strike * normal(d1 - total)


@pytest.mark.parametrize(("headroom", "coin"), [(math.nan, 0.0), (1.0, math.inf)])
def test_missing_collateral_has_no_price(make_contracts, headroom, coin):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        prices(make_contracts(PERP), [1.0], headroom, coin)


def test_rows_of_another_underlying_are_refused(make_contracts):
    ether = {**PERP, "underlying": "ETH"}
    with pytest.raises(ModelInputError, match="SHAPE"):
        liquidation_prices(
            make_contracts(PERP, ether),
            PositionRows(np.array([1]), np.array([0, 1]), np.array([0]), np.ones(1)),
            np.ones(1),
            np.zeros(1),
        )
