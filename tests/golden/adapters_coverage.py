"""Golden cases of tests of coverage: how many breaches, when, in which order, and in which zone that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats

from tasks.model.arrays import Bools, Floats
from tasks.model.assurance.breaches import Transitions, breaches_of, transitions_of
from tasks.model.assurance.chain import Chain
from tasks.model.assurance.coverage import accepted_region, binomial, count_law, directed_ratio, proportion
from tasks.model.assurance.dependence import coverage_ratio, two_degrees_p
from tasks.model.assurance.dynamic_quantile import dynamic_quantile
from tasks.model.assurance.overlap import Windows, overlapping_law
from tasks.model.assurance.path_law import PathLaw, path_law
from tasks.model.assurance.pnl_attribution import attribution_zone
from tasks.model.assurance.ratios import independence_ratio, proportion_ratio
from tasks.model.assurance.traffic_light import FACTOR_1996, capital_factors, traffic_light
from tasks.model.assurance.verdict import Plan, Side
from tasks.model.assurance.waiting import first_breach, gaps_p

Inputs = dict[str, Any]
Cases = Mapping[str, Inputs]
# Quantiles of a Student t of 5 degrees and variance 1, as the cases of the simulated paths give them.
QUANTILES = {"var99": 2.6064635693842795, "var975": 1.9911641278965484}
FORECASTS = {"correct": 1.0, "underestimated": 0.8}  # of the volatility of the path; static: 1 throughout
PATHS = 500_000  # of overlapping windows: 50 of them decide the second limit


def planned(probability: float, side: Side = "two", level: float = 0.05) -> Plan:
    null = Chain("", probability)
    return Plan(probability, level, null, null, side)


def path(given: Inputs, cases: Cases) -> tuple[Floats, Floats]:
    """Losses and margins of a data set."""
    data = cases[given["dataset"]]["inputs"]
    sigma = np.array(data["sigma"])
    forecast = np.ones_like(sigma) if given["forecast"] == "static" else FORECASTS[given["forecast"]] * sigma
    return -np.array(data["pnl"]), np.round(QUANTILES[given["measure"]] * forecast, 12)


def counted(given: Inputs, cases: Cases) -> tuple[int, int, float]:
    """Breaches, days, probability."""
    if "dataset" in given:
        breaches = breaches_of(*path(given, cases))
        return int(breaches.sum()), len(breaches), given["alpha"]
    return given["exceptions"], given["n"], given["p"]


def kupiec_pof(given: Inputs, cases: Cases) -> Inputs:
    x, n, p = counted(given, cases)
    found = proportion(x, n, planned(p))
    return {"exceptions": x, "lr": found.statistic, "pvalue": found.p_asymptotic}


def kupiec_tuff(given: Inputs, _: Cases) -> Inputs:
    first: Bools = np.arange(1, given["first_failure"] + 1) == given["first_failure"]
    found = first_breach(first, planned(given["p"]))
    return {"lr": found.statistic, "pvalue": found.p_asymptotic}


def transitions(given: Inputs) -> Transitions:
    return Transitions(*(np.array(given[name]) for name in ("n00", "n01", "n10", "n11")))


def christoffersen_ind(given: Inputs, _: Cases) -> Inputs:
    ratio = float(independence_ratio(transitions(given)))
    return {"lr": ratio, "pvalue": float(stats.chi2.sf(ratio, 1))}


def christoffersen_cc(given: Inputs, cases: Cases) -> Inputs:
    of = transitions_of(breaches_of(*path(given, cases))) if "dataset" in given else transitions(given)
    x, n, p = counted(given, cases)
    ratio = float(proportion_ratio(x, n, p) + independence_ratio(of))
    return {"lr": ratio, "pvalue": two_degrees_p(ratio, "two")}


def time_between_failures(given: Inputs, _: Cases) -> Inputs:
    return {
        "p_tbf": gaps_p(given["lr_pof"] + given["lr_tbfi"], given["failures"] + 1),
        "p_tbfi": gaps_p(given["lr_tbfi"], given["failures"]),
    }


def binomial_z(given: Inputs, _: Cases) -> Inputs:
    found = binomial(given["exceptions"], given["n"], planned(given["p"]))
    return {"z": found.statistic, "pvalue": found.p_asymptotic}


def binomial_exact(given: Inputs, _: Cases) -> Inputs:
    return {"p_ge": binomial(given["exceptions"], given["n"], planned(given["p"], "more")).p_exact}


def kupiec_region(given: Inputs, _: Cases) -> Inputs:
    plan = planned(given["p"], level=1.0 - given["test_level"])
    region = accepted_region(given["n"], plan, exact=False)
    return {"lo": region.low, "hi": region.high}


def exact_backtest(given: Inputs, _: Cases) -> Inputs:
    plan = planned(given["p"])
    law = path_law(given["n"], 0, given["n"])
    ratio, likely = coverage_ratio(law, plan), law.probability(plan.null)
    if "lr_cc" in given:
        reached = np.round(ratio, 4) >= given["lr_cc"]
        return {"exact_p": float(likely[reached].sum()), "chi2_p": two_degrees_p(given["lr_cc"], "two")}
    return sizes(law, ratio, likely, plan, given["nominal"])


def sizes(law: PathLaw, ratio: Floats, likely: Floats, plan: Plan, level: float) -> Inputs:
    """Probability that a right margin is beyond the chi-square limits."""
    one, two = stats.chi2.isf(level, (1, 2))
    return {
        "uc": float(count_law(law.n, plan.null)[directed_ratio(law.n, plan) > one].sum()),
        "ind": float(likely[independence_ratio(law.transitions) > one].sum()),
        "cc": float(likely[ratio > two].sum()),
    }


def light(given: Inputs, _: Cases) -> Inputs:
    n, p = given["n"], given["p"]
    found = traffic_light(given.get("exceptions", 0), n, p)
    limits = {"max_green": found.zones.max_green, "max_amber": found.zones.max_amber}
    if "exceptions" not in given:
        return limits
    zone = found.zone.replace("amber", "yellow")
    factors = capital_factors(given["exceptions"], n, p)
    return limits | {
        "probability": found.up_to,
        "cumulative_pct": 100.0 * found.up_to,
        "type1": found.at_least,
        "zone": zone,
        "increase": factors[0] - FACTOR_1996,
        "multiplier_1996": factors[0],
        "multiplier_mar": factors[1],
    }


def overlapping(given: Inputs, _: Cases) -> Inputs:
    windows = Windows(given["obs"], given["horizon_days"], given["p"])
    return overlapping_law(windows, PATHS, seed=1).zones(tuple(given["levels"]))._asdict()


def pla_zone(given: Inputs, _: Cases) -> Inputs:
    return {"zone": attribution_zone(given["spearman"], given["ks"])}


def engle_manganelli_dq(given: Inputs, cases: Cases) -> Inputs:
    losses, margins = path(given, cases)
    earlier = np.append(0.0, losses[:-1] ** 2)
    plan = planned(given["alpha"])
    found = dynamic_quantile(breaches_of(losses, margins), plan, 1, np.column_stack([-margins, earlier]), given["lags"])
    return {"dq": found.statistic, "rank": found.degrees, "pvalue": found.p_asymptotic}


ADAPTERS: dict[str, Callable[[Inputs, Cases], Mapping[str, Any]]] = {
    "kupiec_pof": kupiec_pof,
    "kupiec_tuff": kupiec_tuff,
    "christoffersen_ind": christoffersen_ind,
    "christoffersen_cc": christoffersen_cc,
    "traffic_light": light,
    "traffic_light_overlapping": overlapping,
    "binomial_z": binomial_z,
    "binomial_exact": binomial_exact,
    "time_between_failures": time_between_failures,
    "kupiec_region": kupiec_region,
    "exact_backtest": exact_backtest,
    "pla_zone": pla_zone,
    "engle_manganelli_dq": engle_manganelli_dq,
}
