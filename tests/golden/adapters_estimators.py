"""Volatility, correlation, liquidity and tail estimators, each under the convention its case names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tasks.model.market.garch import Garch, garch_variance
from tasks.model.market.illiquidity import amihud
from tasks.model.market.range_volatility import (
    garman_klass_variance,
    parkinson_variance,
    rogers_satchell_variance,
)
from tasks.model.market.volatility import ewma_variance, scale_factor
from tasks.model.risk import closed_form
from tasks.model.risk.age_weighting import age_weights, weighted_expected_shortfall, weighted_value_at_risk
from tasks.model.risk.extreme_value import ParetoTail
from tasks.model.risk.nearest_correlation import nearest_correlation
from tasks.model.risk.quantile_conventions import CONVENTIONS, quantile
from tasks.model.risk.tail import expected_shortfall

Inputs = dict[str, Any]
Cases = Mapping[str, Inputs]
# A field ends in the digits of its confidence: es975 is the shortfall at 97.5 %.
CONFIDENCES = {digits: float(f"0.{digits}") for digits in ("90", "95", "975", "99", "995", "997", "999", "9997")}
WIDE = 1e-12, 1e12  # bounds of a scale factor that never bind


def series(losses: Any) -> np.ndarray:
    """`1..250` is the integers 1 to 250."""
    if isinstance(losses, str):
        first, last = map(int, losses.split(".."))
        return np.arange(first, last + 1, dtype=np.float64)
    return np.asarray(losses, dtype=np.float64)


def at_every_confidence(var: Callable[[float], float], es: Callable[[float], float], at_least: float = 0.0) -> Inputs:
    kept = {digits: c for digits, c in CONFIDENCES.items() if c > at_least}
    return {f"var{digits}": var(c) for digits, c in kept.items()} | {f"es{digits}": es(c) for digits, c in kept.items()}


def evt_gpd(given: Inputs, _: Cases) -> Inputs:
    share = given["n_u"] / given["n"]
    tail = ParetoTail(given["u"], given["beta"], given["xi"], share)
    return at_every_confidence(tail.value_at_risk, tail.expected_shortfall, 1.0 - share)


def age_weighted_hs(given: Inputs, _: Cases) -> Inputs:
    n = given["n"]
    weights = age_weights(n, given["lam"])
    if "scenario_loss_000" not in given:
        return {f"w{age}": weights[n - age] for age in range(1, n + 1)}
    by_scenario = {f"w{scenario}": weights[scenario - 1] for scenario in range(1, n + 1)}
    return by_scenario | of_losses(sparse(given["scenario_loss_000"], n), weights)


def sparse(worst: Mapping[str, float], n: int) -> np.ndarray:
    """The losses a case names, by scenario; all others are smaller, and zero serves."""
    losses = np.zeros(n)
    for scenario, loss in worst.items():
        losses[int(scenario) - 1] = loss
    return losses


def of_losses(losses: np.ndarray, weights: np.ndarray) -> Inputs:
    n, c = len(losses), 0.99
    # The source reads the plain quantile at the last loss within 1 - c and the plain shortfall beyond that one.
    worse = round(n * (1.0 - c)) - 1
    even = np.full(n, 1.0 / n)
    return {
        "var99_plain": weighted_value_at_risk(losses, even, c),
        "es99_plain": expected_shortfall(losses, 1.0 - worse / n),
        "var99_weighted": weighted_value_at_risk(losses, weights, c),
        "es99_weighted": weighted_expected_shortfall(losses, weights, c),
    }


def closed_forms(given: Inputs, _: Cases) -> Inputs:
    if "nu" not in given:
        return at_every_confidence(closed_form.normal_value_at_risk, closed_form.normal_expected_shortfall)
    degrees = float(given["nu"])
    return at_every_confidence(
        lambda c: closed_form.student_value_at_risk(c, degrees),
        lambda c: closed_form.student_expected_shortfall(c, degrees),
    )


def delta_gamma(given: Inputs, _: Cases) -> Inputs:
    p = given["p"]
    book = tuple(float(given[name]) for name in ("delta", "gamma", "variance"))
    digits = f"{p:g}".removeprefix("0.")
    return {
        f"cornish_fisher_q{digits}": closed_form.cornish_fisher_quantile(*book, p),
        f"true_q{digits}": closed_form.delta_gamma_quantile(*book, p),
    }


def garch(given: Inputs, _: Cases) -> Inputs:
    model = Garch(given["omega"], given["alpha"], given["beta"])
    following = garch_variance(np.array([given["u"]]), model, given["sigma"] ** 2)[-1]
    return {"var_next": following, "sigma_next": following**0.5, "long_run_var": model.long_run_variance}


def volatility_estimators(given: Inputs, _: Cases) -> Inputs:
    bar = [np.array(given[name], dtype=np.float64) for name in "ohlc"]
    return {
        "parkinson": parkinson_variance(bar[1], bar[2]),
        "garman_klass": garman_klass_variance(*bar),
        "rogers_satchell": rogers_satchell_variance(*bar),
    }


def correlation(given: Inputs, _: Cases) -> Inputs:
    nearest = nearest_correlation(np.array(given["matrix"], dtype=np.float64))
    return {f"row{number}": row for number, row in enumerate(nearest, start=1)} | {"matrix": nearest}


def liquidity_metric(given: Inputs, _: Cases) -> Inputs:
    return {"illiq": amihud(series(given["returns"]), series(given["dollar_volume"]))}


def hs_es(given: Inputs, _: Cases) -> Inputs:
    losses = series(given["losses"])
    n = len(losses)
    # A mean of whole scenarios is the house rule at the confidence that makes k whole.
    found: Inputs = {f"es_mean_of_{k}": expected_shortfall(losses, 1.0 - k / n) for k in range(1, min(n, 60))}
    if "k" in given:
        confidence = 1.0 - given["k"] / given["n"]
        return found | {"es": expected_shortfall(losses, confidence), "implied_confidence": confidence}
    return found | {"es_fractional": expected_shortfall(losses, given["confidence"])}


def hs_quantile(given: Inputs, _: Cases) -> Inputs:
    losses = series(given["losses"])
    return {convention: quantile(losses, given["confidence"], convention) for convention in CONVENTIONS}


def ewma(given: Inputs, _: Cases) -> Inputs:
    following = ewma_variance(np.array([given["u"]]), given["lam"], given["sigma"] ** 2)[-1]
    return {"var_next": following, "sigma_next": following**0.5}


def fhs(given: Inputs, _: Cases) -> Inputs:
    returns = series(given["returns"])
    sigma = np.sqrt(ewma_variance(returns, given["lam"], given["sigma0_sq"]))
    return {
        "sigma_forecast": sigma[-1],
        "scaled_returns": returns * scale_factor(sigma[:-1], sigma[-1], "full", *WIDE),
        "mid_vol_scaled": returns * scale_factor(sigma[:-1], sigma[-1], "mid", *WIDE),
    }


ADAPTERS: dict[str, Callable[[Inputs, Cases], Mapping[str, Any]]] = {
    "evt_gpd": evt_gpd,
    "age_weighted_hs": age_weighted_hs,
    "closed_form": closed_forms,
    "delta_gamma": delta_gamma,
    "garch": garch,
    "volatility_estimators": volatility_estimators,
    "nearest_correlation": correlation,
    "liquidity_metric": liquidity_metric,
    "hs_es": hs_es,
    "hs_quantile": hs_quantile,
    "ewma": ewma,
    "fhs": fhs,
}
