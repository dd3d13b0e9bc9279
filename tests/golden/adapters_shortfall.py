"""Tests of expected shortfall, scores and e-values, each on the data set its case names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tasks.model.assurance.acerbi_szekely import z1, z2, z2_under
from tasks.model.assurance.conditional_calibration import calibration_test
from tasks.model.assurance.diebold_mariano import diebold_mariano
from tasks.model.assurance.du_escanciano import mean_depth_test
from tasks.model.assurance.e_process import e_process, value_at_risk_e
from tasks.model.assurance.exceedance_residuals import residual_test
from tasks.model.assurance.forecast_law import ScaledLaw
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.scores import quantile_loss, shortfall_loss
from tasks.model.assurance.simulated_test import critical, p_value
from tasks.model.market.garch import Garch, garch_variance
from tasks.model.risk.closed_form import student_expected_shortfall, student_value_at_risk

Inputs = dict[str, Any]
Cases = Mapping[str, Inputs]
DEGREES = 5.0  # of the data sets' shocks
DIGITS = 12  # of the data sets' forecasts
RUNS = 100_000


def data(given: Inputs, cases: Cases) -> tuple[np.ndarray, np.ndarray]:
    """Losses of a data set and the scale that is forecast."""
    inputs = cases[given["dataset"]]["inputs"]
    sigma = np.array(inputs["sigma"])
    forecast = {"correct": sigma, "underestimated": 0.8 * sigma, "static": np.ones(len(sigma))}[given["forecast"]]
    return -np.array(inputs["pnl"]), forecast


def record_of(given: Inputs, cases: Cases) -> ForecastRecord:
    losses, scale = data(given, cases)
    confidence = 1.0 - given["alpha"]
    var, es = student_value_at_risk(confidence, DEGREES), student_expected_shortfall(confidence, DEGREES)
    return ForecastRecord(losses, np.round(var * scale, DIGITS), np.round(es * scale, DIGITS), confidence)


def mean_quantile_loss(given: Inputs, cases: Cases) -> Inputs:
    record = record_of(given, cases)
    return {"mean_loss": quantile_loss(record.losses, record.value_at_risk, record.confidence).mean()}


def fz0(given: Inputs, cases: Cases) -> Inputs:
    score = shortfall_loss(record_of(given, cases))
    return {"mean": score.mean(), "first5": score[:5].tolist()}


def calibration(given: Inputs, cases: Cases) -> Inputs:
    found = calibration_test(record_of(given, cases), data(given, cases)[1])
    return {"p2_simple": found.p_two_sided, "p1_simple": found.p_one_sided, "p2_general": found.p_scaled}


def residuals(given: Inputs, cases: Cases) -> Inputs:
    found = residual_test(record_of(given, cases), 20_000, np.random.default_rng(0))
    return {"p_one_sided": found.p_value, "p_two_sided": found.p_value_two_sided}


def depth(given: Inputs, cases: Cases) -> Inputs:
    losses, scale = data(given, cases)
    beyond = ScaledLaw(scale, DEGREES).probability_beyond(losses)
    return {"z": mean_depth_test(beyond, 1.0 - given["alpha"], 100, np.random.default_rng(0)).statistic}


def z1_z2(given: Inputs, _: Cases) -> Inputs:
    losses = -np.array(given["pnl"])
    var, es = np.full(len(losses), given["var"]), np.full(len(losses), given["es"])
    record = ForecastRecord(losses, var, es, 1.0 - given["alpha"])
    return {"z1": z1(record), "z2": z2(record), "exceptions": record.breaches.sum()}


def z2_critical(given: Inputs, _: Cases) -> Inputs:
    degrees = math.inf if given["dist"] == "normal" else float(str(given["dist"]).removeprefix("t"))
    law = ScaledLaw(np.ones(given["T"]), degrees)
    level = given["level"] if "level" in given else 1.0 - given["test_level"]
    runs = max(RUNS, round(100 / level))  # a hundred runs beyond the critical value
    under = z2_under(law, 1.0 - given["alpha"], runs, np.random.default_rng(1))
    p = p_value(given.get("statistic", 0.0), under)
    return {"critical": critical(under, level), "pvalue": p, "reject": p <= level}


def compared(given: Inputs, _: Cases) -> Inputs:
    pnl, sigma = simulated(given["seed"], given["n"])
    var = 2.6064635693842795
    scores = [quantile_loss(-pnl, var * each, 0.99) for each in (sigma, np.ones(len(pnl)))]
    weights = {"bartlett": "BARTLETT", "acf": "UNWEIGHTED"}[given["varestimator"]]
    found = diebold_mariano(*scores, given["horizon"], weights)
    return {"stat": found.statistic, "p_two_sided": found.p_value}


def simulated(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """P&L and volatility of the recipe of the data sets."""
    model = Garch(0.02, 0.08, 0.90)
    shocks = np.random.default_rng(seed).standard_t(DEGREES, n) * math.sqrt(0.6)
    pnl, variance = np.empty(n), model.long_run_variance
    sigma = np.empty(n)
    for day, shock in enumerate(shocks):
        sigma[day] = math.sqrt(variance)
        pnl[day] = sigma[day] * shock
        variance = float(garch_variance(pnl[day : day + 1], model, variance)[-1])
    return np.round(pnl, DIGITS), np.round(sigma, DIGITS)


def e_backtest(given: Inputs, _: Cases) -> Inputs:
    losses = (np.arange(given["n"]) >= given["n"] - given["exceptions"]).astype(np.float64)
    e_values = value_at_risk_e(losses, np.full(given["n"], 0.5), given["beta"])
    found = e_process(e_values, np.full(given["n"], given["lam"]))
    # The case has no days: with its breaches last the capital is largest at the end.
    return {"e_value": found.e_value, "p_bound": found.p_bound}


ADAPTERS: dict[str, Callable[[Inputs, Cases], Mapping[str, Any]]] = {
    "quantile_loss": mean_quantile_loss,
    "fissler_ziegel_fz0": fz0,
    "nolde_ziegel_cc": calibration,
    "mcneil_frey_er": residuals,
    "du_escanciano": depth,
    "acerbi_szekely_z1_z2": z1_z2,
    "acerbi_szekely_z2": z2_critical,
    "diebold_mariano": compared,
    "e_backtest": e_backtest,
}
