"""Volatility slices, option prices and inverse contracts: each case through the functions that mark and reprice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tasks.model.arrays import COIN_OPTION, DAYS_PER_YEAR, INVERSE_FORWARD
from tasks.model.market import certificate
from tasks.model.market.ssvi import Ssvi
from tasks.model.market.svi import JumpWings, Svi, from_jump_wings, jump_wings
from tasks.model.pricing import black76, gbsm, payoff
from tasks.model.pricing.implied import implied_volatility

Inputs = dict[str, Any]
Cases = Mapping[str, Any]
_SECONDS_PER_YEAR = DAYS_PER_YEAR * 86_400.0


def svi_jw(x: Inputs, cases: Cases) -> dict[str, Any]:
    return jump_wings(Svi(x["a"], x["b"], x["rho"], x["m"], x["sigma"]), x["t"])._asdict()


def svi_butterfly(x: Inputs, cases: Cases) -> dict[str, Any]:
    svi = Svi(*x["raw"])
    found = certificate.butterfly(svi)
    assert found is not None
    return {
        "arbitrage_free": certificate.certify(svi, None).passes,
        "g_min": found.min_g,
        "k_at_min": found.at,
        "k_neg_lo": found.first,
        "k_neg_hi": found.last,
    }


def svi_repair(x: Inputs, cases: Cases) -> dict[str, Any]:
    svi = from_jump_wings(JumpWings(x["v"], x["psi"], x["p"], x["c"], x["v_min"]), x["t"])
    assert svi is not None
    found = certificate.certify(svi, None)
    return {
        "a": svi.a,
        "b": svi.b,
        "rho": svi.rho,
        "m": svi.mu,
        "sigma": svi.s,
        "g_min_positive": found.min_g > 0.0,
        "w_m1_5": svi.total_variance(np.array([-1.5]))[0],
        "w_0_4": svi.total_variance(np.array([0.4]))[0],
        "g_0_9": svi.density(np.array([0.9]))[0],
        "arbitrage_free": found.passes,
    }


def svi_raw(x: Inputs, cases: Cases) -> dict[str, Any]:
    svi = Svi(*x["raw"])
    if "k" in x:
        return {"w": svi.total_variance(np.array([x["k"]]))[0]}
    k = np.array([-1.5, 0.0, 0.9, 0.7])
    w, g, wings = svi.total_variance(k), svi.density(k), jump_wings(svi, x["t"])
    return {
        "w_m1_5": w[0],
        "g_0": g[1],
        "g_0_9": g[2],
        "impl_vol_0_7": math.sqrt(w[3] / x["t"]),
        "call_wing": wings.c,
        "put_wing": wings.p,
        "psi": wings.psi,
        "v_min": wings.v_min,
        "arbitrage_free": certificate.certify(svi, None).passes,
    }


def ssvi(x: Inputs, cases: Cases) -> dict[str, Any]:
    surface = Ssvi(x["rho"], x["eta"], x["gamma"])
    return {
        "phi": surface.phi(x["theta"]),
        "w": surface.slice(x["theta"]).total_variance(np.array(x["k"])).tolist(),
        "eta_condition": surface.is_free_of_arbitrage,
        "bfly_c1": surface.wings_are_bounded(x["theta"]),
        "bfly_c2": surface.bend_is_bounded(x["theta"]),
    }


def svi_calendar(x: Inputs, cases: Cases) -> dict[str, Any]:
    lead = certificate.certify(Svi(*x["back"]), Svi(*x["front"])).min_calendar_gap
    return {"calendar_free": lead >= 0.0, "max_violation": -lead}


def svi(x: Inputs, cases: Cases) -> dict[str, Any]:
    variance = Svi(x["a"], x["b"], x["rho"], x["m"], x["sigma"]).total_variance(np.log([x["strike"] / x["fwd"]]))
    return {"vol": math.sqrt(variance[0] / x["tau"])}


def numbers(x: Inputs, *names: str) -> list[Any]:
    return [np.array([x[name]], dtype=np.float64) for name in names]


def spot_option(x: Inputs, cases: Cases) -> dict[str, Any]:
    terms = *numbers(x, "K", "sigma", "T"), np.array([x["cp"] == "C"])
    return {"price": float(gbsm.price(gbsm.Market(*numbers(x, "S", "r", "q")), *terms)[0])}


def greeks(x: Inputs, cases: Cases) -> dict[str, Any]:
    terms = *numbers(x, "K", "sigma", "T"), np.array([x["cp"] == "C"])
    found = gbsm.greeks(gbsm.Market(*numbers(x, "S", "r", "q")), *terms)
    return {"value": float(getattr(found, x["greek"])[0])}


def black(x: Inputs, cases: Cases) -> dict[str, Any]:
    """Options on a forward with a rate (ccp.json), or with a discount and both sides (crypto.json)."""
    if "discount" in x:
        return both_sides(x)
    F, K, sigma, T = numbers(x, "F", "K", "sigma", "T")
    is_call, kept = np.array([x["cp"] == "C"]), gbsm.discount(np.array([x["r"]]), T)
    price = black76.price(F, K, sigma, T, is_call)
    found = implied_volatility(price, F, K, T, is_call)
    return {"price": float((kept * price)[0]), "implied_vol": float(found[0])}


def both_sides(x: Inputs) -> dict[str, Any]:
    F, K, sigma, seconds = numbers(x, "forward", "strike", "vol", "sec")
    terms = F, K, sigma, seconds / _SECONDS_PER_YEAR
    call, put = (x["discount"] * float(black76.price(*terms, np.array([side]))[0]) for side in (True, False))
    if not x["forward"]:
        return {"call": call, "put": put}
    delta = x["discount"] * float(black76.greeks(*terms, np.array([True])).delta[0])
    return {"call": call, "put": put, "call_delta": delta}


def inverse_future(x: Inputs, cases: Cases) -> dict[str, Any]:
    contracts, entry, exit_ = numbers(x, "contracts", "entry", "exit")
    return {"pnl_btc": float(payoff.forward_value(np.array([INVERSE_FORWARD]), contracts, entry, exit_)[0])}


def inverse_option(x: Inputs, cases: Cases) -> dict[str, Any]:
    F, K, sigma, T = numbers(x, "F", "K", "sigma", "T")
    call, put = (black76.price(F, K, sigma, T, np.array([side])) for side in (True, False))
    in_coin = [payoff.quoted_option_price(np.array([COIN_OPTION]), each, F) for each in (call, put)]
    return {
        "call_usd": float(call[0]),
        "put_usd": float(put[0]),
        "call_coin": float(in_coin[0][0]),
        "put_coin": float(in_coin[1][0]),
        "parity": float((in_coin[0] - in_coin[1])[0]),
    }


ADAPTERS: dict[str, Callable[[Inputs, Cases], dict[str, Any]]] = {
    "svi_jw": svi_jw,
    "svi_butterfly": svi_butterfly,
    "svi_repair": svi_repair,
    "svi_raw": svi_raw,
    "ssvi": ssvi,
    "svi_calendar": svi_calendar,
    "svi": svi,
    "gbsm": spot_option,
    "greeks": greeks,
    "black76": black,
    "inverse_future": inverse_future,
    "inverse_option": inverse_option,
}
