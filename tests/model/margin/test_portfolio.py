"""Smiles and running settlement averages in the book that scenarios price."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from tasks.model.arrays import FLAT_SMILE, States
from tasks.model.margin.initial_margin import initial_margin
from tasks.model.margin.portfolio import build_book, floats
from tasks.model.policy import Settlement
from tasks.model.pricing.averaging import cautious_fixed_part, fixed_share
from tasks.model.pricing.revaluation import revalue

AS_OF = datetime(2026, 1, 30, 8)
EXPIRY = datetime(2026, 3, 27, 8)
CALL, PUT, FLAT_CALL = "BTC-20260327-90000-C.INV", "BTC-20260327-80000-P.INV", "ETH-20260327-3000-C.LIN.USDC"
SVI = {"svi_a": 0.01, "svi_b": 0.12, "svi_rho": -0.4, "svi_mu": 0.05, "svi_s": 0.2}


def house(*held):
    return [("M001", "M001H", "", contract, quantity) for contract, quantity in held]


def smile(inputs, *held, **changed):
    row = {"underlying": "BTC", "expiry_ts": EXPIRY, **SVI, **changed}
    return replace(inputs(house(*held)), surface=pl.DataFrame([row]).cast({"expiry_ts": pl.Datetime("us")}))


def total_variance(k):
    a, b, rho, mu, s = SVI.values()
    return a + b * (rho * (k - mu) + math.sqrt((k - mu) ** 2 + s * s))


def black(forward, strike, deviation, side):
    d1 = math.log(forward / strike) / deviation + deviation / 2

    def below(d):
        return 0.5 * math.erfc(-side * d / math.sqrt(2.0))

    return side * (forward * below(d1) - strike * below(d1 - deviation))


def book_of(inputs, policy):
    return build_book(inputs.positions, inputs.accounts, inputs.surface, AS_OF, policy)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0])
def test_an_option_moves_along_the_slice_of_its_expiry_and_keeps_its_ratio_to_it(inputs, policy, factor):
    contracts = book_of(smile(inputs, (CALL, "1"), (PUT, "1"), (FLAT_CALL, "1")), policy).contracts
    moved = replace(States.still(contracts, 1), spot_factor=np.full((2, 1), factor))
    found = dict(zip(contracts.ids, revalue(contracts, moved)[:, 0], strict=True))
    years = 56 / 365
    for name, strike, volatility, side in ((CALL, 90_000, 0.55, 1), (PUT, 80_000, 0.60, -1)):
        F = 90_500 * factor
        share = math.sqrt(total_variance(math.log(strike / F)) / total_variance(math.log(strike / 90_500)))
        after, before = (
            black(forward, strike, vol * math.sqrt(years), side)
            for forward, vol in ((F, volatility * share), (90_500, volatility))
        )
        assert found[name] == pytest.approx((after - before) * 90_000 / 90_500, rel=1e-9)
    flat = black(3010 * factor, 3000, 0.75 * math.sqrt(years), 1) - black(3010, 3000, 0.75 * math.sqrt(years), 1)
    assert found[FLAT_CALL] == pytest.approx(0.1 * 0.9995 * flat, rel=1e-9)


def test_what_no_certified_slice_moves_is_told(inputs, policy):
    result = initial_margin(smile(inputs, (CALL, "1"), (FLAT_CALL, "1"), ("BTC-PERP.INV", "1")), AS_OF, policy)
    words = dict(result.position_risk.select("contract_id", "smile").iter_rows())
    assert words == {CALL: "SURFACE", FLAT_CALL: "FLAT", "BTC-PERP.INV": None}
    assert result.position_risk["fixing"].to_list() == [None, None, None]


@pytest.mark.parametrize("a", [-0.02, -0.12 * 0.2 * math.sqrt(1 - 0.4**2)])
def test_a_slice_that_reaches_zero_variance_is_no_smile(inputs, policy, a):
    book = book_of(smile(inputs, (CALL, "1"), svi_a=a), policy)
    positive = a > -0.0219
    assert book.has_smile.tolist() == [positive]
    assert (book.contracts.slices.smile[0].tolist() == list(FLAT_SMILE)) is not positive


@pytest.mark.parametrize(
    ("left", "share"), [(math.inf, 0.0), (1800, 0.0), (1799, 1 / 1800), (450, 0.75), (0, 1.0), (-5, 1)]
)
def test_the_fixed_share_runs_by_true_seconds(left, share):
    assert fixed_share(np.array([left]), 1800.0)[0] == pytest.approx(share, abs=1e-15)
    assert fixed_share(np.array([left]), 0.0)[0] == 0.0


def test_the_fallback_fixes_the_lower_price():
    found = cautious_fixed_part(np.array([0.25, 0.25]), np.array([100.0, 90.0]), np.array([96.0, 98.0]))
    assert found.tolist() == [24.0, 22.5]


def ending(inputs, seconds):
    plain = inputs(house((CALL, "1")))
    return replace(
        plain, positions=plain.positions.with_columns(pl.lit(AS_OF + timedelta(seconds=seconds)).alias("expiry_ts"))
    )


def test_only_what_still_floats_carries_risk(inputs, policy):
    book = book_of(ending(inputs, 450), policy)
    assert book.is_averaging.tolist() == [True]
    [fixed] = book.contracts.fixed_part
    assert fixed == pytest.approx(0.75 * 90_000)
    moved = replace(States.still(book.contracts, 1), spot_factor=np.full((1, 1), 1.5))
    F, deviation = 67_500 + (90_500 - 67_500) * 1.5, 0.55 * math.sqrt(450 / (365 * 86_400))
    after, before = black(F, 90_000, deviation, 1), black(90_500, 90_000, deviation, 1)
    expected = after / F * 90_000 * 1.5 - before / 90_500 * 90_000
    assert revalue(book.contracts, moved)[0, 0] == pytest.approx(expected, rel=1e-9)


def test_a_running_average_is_told_and_a_policy_may_settle_to_one_price(inputs, policy):
    result = initial_margin(ending(inputs, 450), AS_OF, policy)
    assert result.position_risk["fixing"].to_list() == ["PROXY"]
    one_price = replace(policy, settlement=Settlement(averaging_seconds=0.0))
    assert not book_of(ending(inputs, 450), one_price).is_averaging.any()


def test_an_expiry_shares_its_smile_among_its_contracts(inputs, policy):
    book = book_of(smile(inputs, (CALL, "1"), (PUT, "-2")), policy)
    assert book.contracts.slice_of.tolist() == [0, 0]
    assert book.contracts.slices.smile.tolist() == [list(SVI.values())]
    assert isinstance(book.positions["quantity"][0], Decimal)


@pytest.mark.parametrize("scale", [0, 2, 8, 12, 18])
def test_decimals_become_the_nearest_floats(scale):
    rng = np.random.default_rng(scale)
    edges = [0, 1, -1, 3, 2**53 - 1, 2**53, 2**53 + 1, -(2**60) - 1, 10**30 + 7]
    within = [int(n) for n in rng.integers(-(2**53) + 1, 2**53, 500)]
    for numbers in (within, [n % 10**6 for n in within], [*within, *edges]):
        values = [Decimal(n).scaleb(-scale) for n in numbers]
        found = floats(pl.Series([*values, None], dtype=pl.Decimal(38, scale)))
        assert found[:-1].tolist() == [float(value) for value in values]
        assert np.isnan(found[-1])
    assert floats(pl.Series([None], dtype=pl.Decimal(38, scale))).tolist() != [0.0]
