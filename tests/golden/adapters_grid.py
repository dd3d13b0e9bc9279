"""Golden cases of scenario grids: SPAN and its parts, TIMS, the venues' portfolio and standard margins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np

from tasks import reference_models
from tasks.model.arrays import (
    DAYS_PER_YEAR,
    INVERSE_FORWARD,
    LINEAR_FORWARD,
    QUOTE_OPTION,
    Contracts,
    Floats,
    slices_of,
)
from tasks.model.margin.brackets import SizeRate, size_margin
from tasks.model.margin.reference.composition import composed
from tasks.model.margin.reference.model import less_option_value
from tasks.model.margin.reference.parts import (
    GridPart,
    GrossPart,
    Group,
    RollPart,
    aggregated_pnl,
    gross_charge,
    roll_charge,
    short_option_minimum,
)
from tasks.model.margin.reference.standard_option import ShortOptionRates, short_option
from tasks.model.margin.requirement import blend
from tasks.model.pricing.revaluation import sensitivities
from tasks.model.risk.grid import BasisShock, Point, ScenarioGrid, VolShock, scenario_pnl
from tasks.model.risk.scan import composite_delta, price_risk, scan
from tasks.model.risk.spread import CreditSpread, Leg, TierSpread, delta_split, intercommodity, intermonth
from tasks.model.risk.spread import minimum_delta as least_on_delta

Case = dict[str, Any]
Fields = dict[str, Any]
CALM = VolShock(0.0, 0.0)


def _contracts(forms: list[int], forward: list[float], years: list[float], **terms: list[Any]) -> Contracts:
    """Contracts on one underlying; a perpetual has infinite years, what is no option has no strike."""
    n = len(forms)
    option = np.array(forms) == QUOTE_OPTION
    slice_of, slices = slices_of(np.zeros(n, dtype=np.int64), np.array(years) * DAYS_PER_YEAR)
    index = np.array(terms.get("index", forward), dtype=np.float64)
    return Contracts(
        ids=tuple(f"C{position}" for position in range(n)),
        underlyings=("U",),
        underlying=np.zeros(n, dtype=np.int64),
        form=np.array(forms, dtype=np.int64),
        multiplier=np.array(terms.get("multiplier", [1.0] * n), dtype=np.float64),
        index_price=index,
        forward=np.array(forward, dtype=np.float64),
        settle_price=np.where(np.array(forms) == INVERSE_FORWARD, index, 1.0),
        strike=np.array(terms.get("strike", [np.nan] * n), dtype=np.float64),
        is_call=np.array(terms.get("is_call", [False] * n), dtype=np.bool_),
        years_to_expiry=np.where(option, np.array(years), np.nan),
        volatility=np.where(option, np.array(terms.get("volatility", [np.nan] * n), dtype=np.float64), np.nan),
        fixed_part=np.zeros(n),
        slice_of=slice_of,
        slices=slices,
    )


def _group(contracts: Contracts, quantity: list[float]) -> Group:
    """One portfolio that holds each of the contracts."""
    n = len(quantity)
    at = np.arange(n, dtype=np.int64)
    row = np.zeros(n, dtype=np.int64)
    return Group("U", contracts, 1, row, at, np.array(quantity, dtype=np.float64), sensitivities(contracts).delta)


def _span_grid(inputs: Case) -> ScenarioGrid:
    """The grid of the shipped SPAN set, with the ranges and the extremes of the case."""
    shipped = reference_models.load("span", date(2026, 1, 1)).grid("scan", "BTC")
    multiple, cover = inputs["extreme_multiple"], inputs["extreme_cover"]
    points = tuple(
        Point(point.id, share=np.sign(point.share) * multiple, weight=cover) if abs(point.share) > 1.0 else point
        for point in shipped.points
    )
    vol = VolShock(inputs["vsr_relative"], inputs["vsr_relative"])
    return ScenarioGrid(
        points,
        inputs["psr"] / inputs["F"],
        vol,
        lookahead_days=inputs["lookahead_days"],
        sticky_strike=True,
    )


def _span_contracts(inputs: Case, names: list[str]) -> Contracts:
    """Instruments by name: `future`, `C65000`, `P55000`."""
    found = [re.fullmatch(r"([CP])(\d+)", name) for name in names]
    return _contracts(
        [QUOTE_OPTION if each else LINEAR_FORWARD for each in found],
        [inputs["F"]] * len(names),
        [inputs["T_days"] / DAYS_PER_YEAR] * len(names),
        multiplier=[inputs["multiplier"]] * len(names),
        strike=[float(each[2]) if each else np.nan for each in found],
        is_call=[bool(each and each[1] == "C") for each in found],
        volatility=[inputs["iv"]] * len(names),
    )


def _span_arrays(inputs: Case) -> dict[str, Floats]:
    """Losses of one long lot of each instrument at each scenario."""
    names = inputs["instruments"]
    pnl = scenario_pnl(_span_contracts(inputs, names), _span_grid(inputs))
    return dict(zip(names, 0.0 - pnl, strict=True))


def span_risk_array(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    return {name: losses.tolist() for name, losses in _span_arrays(inputs).items()}


def span_scan(inputs: Case, cases: Mapping[str, Case]) -> Fields:
    if "ref" in inputs:
        arrays = _span_arrays(cases[inputs["ref"]]["inputs"])
        losses = sum(np.array(quantity) * arrays[name] for name, quantity in inputs["positions"].items())
    else:  # printed arrays show gains
        printed = {name.removeprefix("array_"): np.array(each) for name, each in inputs.items() if "array" in name}
        quantity = inputs.get("qty", 1)
        held = quantity if isinstance(quantity, Mapping) else dict.fromkeys(printed, quantity)
        losses = 0.0 - sum(held[name] * each for name, each in printed.items())
    found = scan(np.asarray(losses, dtype=np.float64)[None, :])
    return {"scan_risk": found.risk[0], "active_scenario": int(found.active[0]) + 1}


def span_delta(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    rule = reference_models.load("span", date(2026, 1, 1)).delta
    assert rule
    shares, weights = np.array(rule.shares), np.array(rule.weights)
    contracts = _span_contracts(inputs, [inputs["option"]])
    found = composite_delta(contracts, _span_grid(inputs), shares, weights)
    return {"composite_delta": found[0], "weight_sum": weights.sum()}


def span_wfpr(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    losses = [inputs["loss_s1"], inputs["loss_s2"], inputs["loss_active"], inputs["loss_paired"]]
    delta = np.array([inputs["net_delta"]])
    found = price_risk(np.array([losses], dtype=np.float64), np.array([1, 0, 3, 2]), 0, delta)
    return dict(zip(("vol_adj_scan", "time_risk", "price_risk", "wfpr"), (each[0] for each in found), strict=True))


def span_intermonth(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    deltas = np.array([[inputs["delta_tier1"], inputs["delta_tier2"]]], dtype=np.float64)
    spread = TierSpread(0, 1, inputs["charge_per_spread"])
    found = intermonth(np.maximum(deltas, 0.0), np.maximum(-deltas, 0.0), [spread])
    left = float((found.long - found.short).sum())
    return {"spreads": found.formed[0, 0], "charge": found.charge[0], "residual_delta": left}


def span_intercommodity(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    names = [name.removesuffix("_delta") for name in inputs if name.endswith("_delta")]
    deltas = np.array([[inputs[f"{name}_delta"] for name in names]], dtype=np.float64)
    risk = np.array([[inputs[f"{name}_wfpr"] for name in names]], dtype=np.float64)
    sides = [1, -1]
    legs = tuple(Leg(at, inputs[f"ratio_{name}"], sides[at]) for at, name in enumerate(names))
    found = intercommodity(deltas, risk, [CreditSpread(legs, inputs["credit"])])
    credits = {f"credit_{name}": found.credit[0, at] for at, name in enumerate(names)}
    return {"spreads": found.formed[0, 0], **credits}


def span_som(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    calls, puts = np.array([inputs["short_calls"]]), np.array([inputs["short_puts"]])
    by_side = {
        sides: short_option_minimum(calls, puts, inputs["som_per_contract"], sides)[0] for sides in ("MAX", "SUM")
    }
    risk = composed([np.array([inputs["scan"]])], [], by_side["MAX"])
    return {"som_max_method": by_side["MAX"], "som_sum_method": by_side["SUM"], "commodity_risk_max": risk[0]}


def span_total(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    parts = [np.array([float(inputs[name])]) for name in ("scan", "intermonth", "delivery", "ics_credit")]
    risk = composed(parts[:1], [*parts[1:3], 0.0 - parts[3]], float(inputs["som"]))
    counts = inputs["style"] == "premium"
    value = np.array([float(inputs["long_option_value"] - inputs["short_option_value"])]) if counts else np.zeros(1)
    return {"commodity_risk": risk[0], "nov": value[0], "requirement": less_option_value(risk, value)[0]}


def span2(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    tails = [np.array([inputs[name]]) for name in ("hist", "stress")]
    base = blend(*tails, 1.0 - inputs["x"])
    return {"total": composed([base], [np.array([inputs[name]]) for name in ("liquidity", "concentration")])[0]}


def tims_cpm(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    shipped = reference_models.load("tims", date(2026, 1, 1)).grid("scan", "")
    grid = ScenarioGrid(shipped.points, inputs["range_pct"] / 100.0, shipped.vol, sticky_strike=shipped.sticky_strike)
    price, strike = inputs["price"], inputs["long_put_K"]
    contracts = _contracts(
        [LINEAR_FORWARD, QUOTE_OPTION],
        [price, price],
        [np.inf, inputs["T"]],
        strike=[np.nan, strike],
        volatility=[np.nan, inputs["iv"]],
    )
    found = scan(0.0 - (inputs["long_stock"] * scenario_pnl(contracts, grid)).sum(axis=0)[None, :])
    return {"points": (price * (1.0 + grid.moves)).tolist(), "worst_loss": 0.0 - found.risk[0]}


def deribit_pm_futures(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    index, parameters, positions = inputs["index"], inputs["params"], inputs["positions"]
    shipped = reference_models.load("deribit_pm", date(2024, 6, 1)).grid("scan", "BTC")
    flat = tuple(point for point in shipped.points if point.vol == 0.0 or point.damped)
    grid = ScenarioGrid(flat, parameters["price_range"], CALM, sticky_strike=True, in_settlement_asset=True)
    standard = np.array([not point.damped for point in flat])
    n = len(positions)
    years = [each["years"] if each["years"] > 0.0 or "PERP" not in each["name"] else np.inf for each in positions]
    contracts = _contracts([INVERSE_FORWARD] * n, [index] * n, years, multiplier=[index] * n)
    group = _group(contracts, [each["size"] for each in positions])
    unit = scenario_pnl(contracts, grid) / index
    of_positions = group.quantity[:, None] * unit
    part = GridPart(
        grid,
        parameters["pnl_offset"],
        parameters.get("max_offsettable_pnl", 1e15),
        parameters["extended_dampener"],
    )
    total = aggregated_pnl(group, part) / index
    roll = roll_charge(
        group, RollPart(BasisShock(parameters["annualised_move_risk"], parameters["min_annualised_move"]))
    )
    worst, rolled = scan(0.0 - total).risk, roll.amount / index
    risk = composed([worst], [rolled])
    return {
        "standard": of_positions[:, standard].tolist(),
        "extended": (parameters["extended_table_factor"] * of_positions[:, ~standard]).tolist(),
        "aggregated": total[0, standard].tolist(),
        "worst": worst[0],
        "roll_shock": rolled[0],
        "risk_matrix_margin": risk[0],
        "im": composed([risk], [np.array([inputs["mmp_margin"]]), np.array([inputs["open_order_margin"]])])[0],
        "mm": parameters["mm_factor"] * risk[0],
    }


def deribit_sm_linear_perp(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    rate = SizeRate(inputs["base"], 0.0, 0.0, 1.0, inputs["slope"], whole_steps=False)
    size = np.array([float(inputs["size"])])
    return {"rate": rate.rates(size).im[0], "margin": size_margin(size * inputs["price"], size, rate).im[0]}


def sm_short_option(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    mm = inputs["mm"]
    rates = ShortOptionRates(inputs["im_max"], inputs["im_min"], mm, mm, mm, 1.0)
    index, strike = float(inputs["index"]), np.array([float(inputs["strike"])])
    found = short_option(index, strike, np.array([inputs["mark"]]), np.array([inputs["call"]]), rates)
    size, sign = inputs["size"], 1.0 if inputs["call"] else -1.0
    return {
        "otm": max(sign * (inputs["strike"] - index), 0.0),
        "im": found.initial[0],
        "mm": found.maintenance[0],
        "im_total": size * found.initial[0],
        "mm_total": size * found.maintenance[0],
    }


def paradex_min_delta(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    deltas = np.array(inputs["deltas"], dtype=np.float64)
    split = delta_split(1, np.zeros(len(deltas), dtype=np.int64), deltas)
    least = least_on_delta(split, inputs["net_rate"], inputs["hedged_rate"]) * inputs["spot"]
    return {"net": split.net[0], "gross": split.gross[0], "hedged": split.hedged[0], "min_delta": least[0]}


def dederi_pm(inputs: Case, _cases: Mapping[str, Case]) -> Fields:
    index = inputs["index"]
    carry = BasisShock(inputs["abr"]).move(np.array([float(inputs["days"])]))[0]
    forward = index * (1.0 + carry)
    grid = ScenarioGrid(tuple(Point(f"{shock:+g}", move=shock) for shock in inputs["shocks"]), 0.0, CALM)
    contracts = _contracts([LINEAR_FORWARD], [forward], [inputs["days"] / DAYS_PER_YEAR], index=[index])
    contingency = gross_charge(_group(contracts, [inputs["qty"]]), GrossPart(inputs["rate"]))
    pnl = inputs["qty"] * scenario_pnl(contracts, grid)[0]
    return {"forward": forward, "contingency": contingency.amount[0], "pnl": pnl.tolist()}


ADAPTERS: dict[str, Callable[[Case, Mapping[str, Case]], Fields]] = {
    each.__name__: each
    for each in (
        span_risk_array,
        span_scan,
        span_delta,
        span_wfpr,
        span_intermonth,
        span_intercommodity,
        span_som,
        span_total,
        span2,
        tims_cpm,
        deribit_pm_futures,
        deribit_sm_linear_perp,
        sm_short_option,
        paradex_min_delta,
        dederi_pm,
    )
}
