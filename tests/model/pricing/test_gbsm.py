"""Options on spot: their sensitivities against differences of the price, and QuantLib."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib

from tasks.model.pricing import gbsm

POINT = {"S": 105.0, "r": 0.08, "q": 0.03, "K": 100.0, "sigma": 0.36, "T": 0.5}
BUMPED = {
    "delta": ("S", 1.0),
    "vega": ("sigma", 1.0),
    "theta": ("T", -1.0),
    "rho": ("r", 1.0),
    "dividend_rho": ("q", 1.0),
}


def call(of, is_call, **changed):
    x = {name: np.array([value]) for name, value in (POINT | changed).items()}
    return of(gbsm.Market(x["S"], x["r"], x["q"]), x["K"], x["sigma"], x["T"], np.array([is_call]))


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("greek", sorted(BUMPED))
def test_a_sensitivity_is_the_slope_of_the_price(greek, is_call):
    name, sign = BUMPED[greek]
    step = 1e-5
    up, down = (call(gbsm.price, is_call, **{name: POINT[name] + each})[0] for each in (step, -step))
    found = getattr(call(gbsm.greeks, is_call), greek)[0]
    assert found == pytest.approx(sign * (up - down) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("is_call", [True, False])
def test_gamma_and_elasticity(is_call):
    step = 1e-2
    up, here, down = (call(gbsm.price, is_call, S=105.0 + each)[0] for each in (step, 0.0, -step))
    found = call(gbsm.greeks, is_call)
    assert found.gamma[0] == pytest.approx((up - 2 * here + down) / step**2, rel=1e-5)
    assert found.elasticity[0] == pytest.approx((up - down) / (2 * step) * 105.0 / here, rel=1e-5)


@pytest.mark.parametrize(("is_call", "kind"), [(True, QuantLib.Option.Call), (False, QuantLib.Option.Put)])
def test_quantlib_agrees(is_call, kind):
    forward, kept = 105.0 * math.exp((0.08 - 0.03) * 0.5), math.exp(-0.08 * 0.5)
    oracle = QuantLib.blackFormula(kind, 100.0, forward, 0.36 * math.sqrt(0.5), kept)
    assert call(gbsm.price, is_call)[0] == pytest.approx(oracle, rel=1e-12)


def test_parity_is_spot_less_its_yield_and_the_discounted_strike():
    difference = call(gbsm.price, True)[0] - call(gbsm.price, False)[0]
    assert difference == pytest.approx(105.0 * math.exp(-0.015) - 100.0 * math.exp(-0.04), rel=1e-12)
