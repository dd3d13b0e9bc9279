"""Rates of a policy: the discount in closed form, and where it enters."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from tasks.model.policy import ByName, Discounting
from tasks.model.pricing import black76, discount, gbsm

RATES = Discounting(ByName({"default": 0.0, "USDC": 0.05, "BTC": -0.01}))


def test_a_unit_at_expiry_is_discounted_by_the_rate_of_its_asset():
    assets = np.array(["USDC", "BTC", "ETH", "USDC", "USDC", "USDC"])
    years = np.array([0.5, 2.0, 1.0, 0.5, np.nan, -0.1])
    option = np.array([True, True, True, False, False, True])
    found = discount.factors(assets, years, option, RATES)
    # An expired option is paid at once; futures and perpetuals settle daily.
    assert found.tolist() == pytest.approx([math.exp(-0.025), math.exp(0.02), 1.0, 1.0, 1.0, 1.0])


def test_without_a_rate_the_factor_is_exactly_one():
    years = np.array([0.1, 7.3, np.nan])
    found = discount.factors(np.array(["BTC"] * 3), years, np.ones(3, bool), Discounting(ByName({"default": 0.0})))
    assert found.tobytes() == np.ones(3).tobytes()


@pytest.mark.parametrize("is_call", [True, False])
def test_black_on_the_forward_times_the_discount_is_the_price_of_an_option_on_spot(is_call):
    spot, rate, dividend, strike, sigma, years = 105.0, 0.05, 0.02, 100.0, 0.6, 0.7
    forward = spot * math.exp((rate - dividend) * years)
    kept = discount.factors(np.array(["USDC"]), np.array([years]), np.array([True]), RATES)
    ours = kept * black76.price(np.array([forward]), strike, sigma, np.array([years]), np.array([is_call]))
    on_spot = gbsm.price(
        gbsm.Market(np.array([spot]), np.array([rate]), np.array([dividend])),
        strike, sigma, np.array([years]), np.array([is_call]),
    )  # fmt: skip
    total, cdf, sign = sigma * math.sqrt(years), NormalDist().cdf, 1 if is_call else -1
    d1 = math.log(forward / strike) / total + total / 2
    closed = math.exp(-rate * years) * sign * (forward * cdf(sign * d1) - strike * cdf(sign * (d1 - total)))
    assert ours.item() == pytest.approx(closed, rel=1e-12) == on_spot.item()
