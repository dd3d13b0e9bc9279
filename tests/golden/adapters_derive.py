"""Golden cases of standard and portfolio margins by expiry: a case's account as holdings, its figures as rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tasks.model.arrays import DAYS_PER_YEAR, LINEAR_FORWARD, QUOTE_OPTION, Contracts, slices_of
from tasks.model.margin.reference.composition import composed
from tasks.model.margin.reference.contingency import Basis, Depeg, Doubt
from tasks.model.margin.reference.expiry_discount import ExpiryDiscount
from tasks.model.margin.reference.holdings import Conditions, Cover, Holdings, option_value
from tasks.model.margin.reference.scenario_margin import (
    Charges,
    ScenarioMargin,
    ScenarioRules,
    row_factors,
    scenario_margin,
)
from tasks.model.margin.reference.standard_margin import (
    SizeRates,
    StandardRules,
    expiry_margin,
    isolated,
    standard_margin,
)
from tasks.model.margin.reference.standard_option import ShortOptionRates, short_option
from tasks.model.market import funding
from tasks.model.risk.expiries import at_expiry, rows_by_expiry
from tasks.model.risk.grid import Point, ScenarioGrid, VolShock, states_of
from tasks.model.risk.skew import Tilt, Wings

Inputs = dict[str, Any]
Cases = Mapping[str, Any]
_SECONDS_PER_DAY = 86_400.0
_WAYS = {"Up": 1.0, "None": 0.0, "Down": -1.0}


def contracts_of(spot: float, expiries: list[Inputs], perp_price: float) -> Contracts:
    """The options of the expiries in order, then a perpetual where it has a price."""
    rows = [
        {
            "form": QUOTE_OPTION,
            "forward": expiry.get("fwd", 0.0) + expiry.get("fwd_var", 0.0) + expiry.get("fwd_fix", 0.0),
            "fixed": expiry.get("fwd_fix", 0.0),
            "days": expiry["sec"] / _SECONDS_PER_DAY,
            **option,
        }
        for expiry in expiries
        for option in expiry["options"]
    ]
    if perp_price:
        nothing = {"fixed": 0.0, "days": np.inf, "strike": np.nan, "call": False, "vol": np.nan}
        rows.append({"form": LINEAR_FORWARD, "forward": perp_price, **nothing})

    def column(name: str, kind: Any = np.float64) -> Any:
        return np.array([row[name] for row in rows], dtype=kind)

    n, days = len(rows), column("days")
    slice_of, slices = slices_of(np.zeros(n, dtype=np.int64), days)
    return Contracts(
        ids=tuple(f"C{position}" for position in range(n)),
        underlyings=("X",),
        underlying=np.zeros(n, dtype=np.int64),
        form=column("form", np.int64),
        multiplier=np.ones(n),
        index_price=np.full(n, float(spot)),
        forward=column("forward"),
        settle_price=np.ones(n),
        strike=column("strike"),
        is_call=column("call", np.bool_),
        years_to_expiry=np.where(np.isfinite(days), days / DAYS_PER_YEAR, np.nan),
        volatility=column("vol"),
        fixed_part=column("fixed"),
        slice_of=slice_of,
        slices=slices,
    )


def holdings_of(account: Inputs, cover: Cover) -> Holdings:
    contracts = contracts_of(account["spot"], account["expiries"], account["perp_price"])
    amounts = [option["amount"] for expiry in account["expiries"] for option in expiry["options"]]
    quantity = np.array([*amounts, *([account["perp"]] if account["perp_price"] else [])], dtype=np.float64)
    return Holdings(contracts, np.array([0, len(quantity)]), np.arange(len(quantity)), quantity, cover)


def conditions_of(account: Inputs, stable: float, contracts: Contracts) -> Conditions:
    days = contracts.slices.days
    confidence, rate = np.ones(len(days)), np.zeros(len(days))
    for expiry in account["expiries"]:
        at = days == expiry["sec"] / _SECONDS_PER_DAY
        confidence[at], rate[at] = expiry["conf"], expiry.get("rate", 0.0)
    return Conditions(account["spot"], stable, account["conf_spot"], account["conf_perp"], confidence, rate)


def cover_of(*entries: tuple[float, bool, float, float, float]) -> Cover:
    """Entries of value, whether it moves with spot, confidence, maintenance and further initial haircut."""
    value, moves, confidence, maintenance, initial = np.array(entries, dtype=np.float64).reshape(-1, 5).T
    return Cover(np.zeros(len(value), dtype=np.int64), value, moves > 0.0, confidence, maintenance, initial)


def with_whole_dollars(figures: Inputs) -> Inputs:
    return figures | {
        f"{name}_trunc": math.trunc(figures[name] + math.copysign(1e-7, figures[name])) for name in ("im", "mm")
    }


def short_rates(figures: Inputs) -> ShortOptionRates:
    call = figures.get("mm_call", figures.get("mm_spot"))
    return ShortOptionRates(
        figures["max_spot"],
        figures["min_spot"],
        call,
        figures.get("mm_put", call),
        figures.get("mm_put_mtm", 0.0),
        figures.get("mm_offset", 0.0),
    )


def standard_rules(figures: Inputs, depeg: Depeg) -> StandardRules:
    factor = figures.get("oc_factor", 0.0)
    return StandardRules(
        short_rates(figures),
        SizeRates(
            figures.get("unpaired_im", figures.get("unpaired_scale")),
            figures.get("unpaired_mm", figures.get("unpaired_scale")),
            figures.get("im_perp", 0.0),
            figures.get("mm_perp", 0.0),
        ),
        Doubt(figures.get("oc_option", 0.0), factor),
        Doubt(figures.get("oc_perp", 0.0), factor),
        Doubt(figures.get("oc_base", 0.0), factor),
        depeg,
    )


def srm(inputs: Inputs, _: Cases) -> Inputs:
    account = inputs["account"]
    depeg = Depeg(account["depeg_threshold"], account["depeg_factor"])
    net = {name: float(account["cash"]) for name in ("im", "mm", "mtm")}
    option: dict[str, Inputs] = {"option_im": {}, "option_mm": {}}
    for name, market in account["markets"].items():
        figures, held = market["params"], market["base"] * market["spot"]
        counted = figures["base_factor"]
        cover = cover_of((held, False, 1.0, 1.0 - counted, counted * (1.0 - figures["base_im_scale"])))
        holdings = holdings_of(market, cover)
        conditions = conditions_of(market, account["stable"], holdings.contracts)
        result = standard_margin(holdings, conditions, standard_rules(figures, depeg))
        equity = market["upnl"] + held + result.option_value[0]
        net["mtm"] += equity
        net["im"] += equity - result.margin.initial[0]
        net["mm"] += equity - result.margin.maintenance[0]
        option["option_im"][name] = -result.option.initial[0]
        option["option_mm"][name] = -result.option.maintenance[0]
    return with_whole_dollars(net | option)


def srm_option(inputs: Inputs, _: Cases) -> Inputs:
    strike, mark = np.array([float(inputs["strike"])]), np.array([float(inputs["mark"])])
    margin = short_option(inputs["spot"], strike, mark, np.array([inputs["call"]]), short_rates(inputs))
    im, mm = (inputs["amount"] * float(each[0]) for each in margin)
    return {"im": im, "mm": mm, "net_im": inputs["cash"] + im, "net_mm": inputs["cash"] + mm}


def srm_spread(inputs: Inputs, _: Cases) -> Inputs:
    legs = [leg | {"vol": 0.5} for leg in inputs["legs"]]
    contracts = contracts_of(inputs["spot"], [{"sec": 86_400, "fwd": inputs["forward"], "options": legs}], 0.0)
    rows = rows_by_expiry(
        np.zeros(len(legs), dtype=np.int64),
        np.arange(len(legs)),
        np.array([leg["amount"] for leg in legs], dtype=np.float64),
        contracts,
    )
    mark = np.array([float(leg["mark"]) for leg in legs])[rows.contract_index]
    rules = standard_rules(inputs, Depeg(0.0, 0.0))
    alone = isolated(rows, inputs["spot"], mark, rules)
    margin = expiry_margin(rows, inputs["spot"], mark, np.array([float(inputs["forward"])]), rules)
    return {
        "isolated_im": -alone.initial[0],
        "isolated_mm": -alone.maintenance[0],
        "max_loss": at_expiry(rows).worst_payoff[0],
        "im": -margin.initial[0],
        "mm": -margin.maintenance[0],
    }


def grid_of(scenarios: list[Any], figures: Inputs, floor: float) -> ScenarioGrid:
    points = tuple(
        Point(f"{spot:g}/{way}", move=spot - 1.0, vol=_WAYS[way], weight=weight[0] if weight else 1.0)
        for spot, way, *weight in scenarios
        if way in _WAYS
    )
    shock = VolShock(
        figures["vol_range_up"],
        figures["vol_range_down"],
        figures["short_term_power"],
        figures["long_term_power"],
        shortest_days=figures["dte_floor_days"],
        floor=floor,
    )
    return ScenarioGrid(points, 0.0, shock, sticky_strike=True)


def net_of(result: ScenarioMargin, equity: float) -> Inputs:
    return {
        "mtm": equity,
        "mm": equity - float(result.margin.maintenance[0]),
        "im": equity - float(result.margin.initial[0]),
        "basis": -float(result.basis_loss[0]),
    }


def rules_of_both(figures: Inputs) -> Inputs:
    return {
        "basis": Basis(figures["basis_up"], figures["basis_dn"], figures["basis_add"], figures["basis_mult"]),
        "initial_factor": figures["im_factor"],
        "doubt": Doubt(figures["conf_threshold"], figures["conf_margin"]),
        "depeg": Depeg(figures["peg_threshold"], figures["peg_factor"]),
    }


def pmrm_v1(inputs: Inputs, _: Cases) -> Inputs:
    account, figures = inputs["account"], inputs["params"]
    held = account["base"] * account["spot"]
    holdings = holdings_of(account, cover_of((held, True, 1.0, figures["base_pct"], 0.0)))
    rules = ScenarioRules(
        grid=grid_of(inputs["scenarios"], figures, 0.0),
        tilts=(),
        wings=Wings(0.0, 0.0, 0.0, 0.0),
        discount=ExpiryDiscount(
            False, figures["base_static_discount"], figures["rate_mult"], figures["rate_add"], 1.0, 0.0, 0.0
        ),
        charges=Charges(figures["perp_pct"], 0.0, figures["option_pct"], 0.0),
        maintenance_factor=1.0,
        initial_scales_charges=True,
        **rules_of_both(figures),
    )
    result = scenario_margin(holdings, conditions_of(account, account["stable"], holdings.contracts), rules)
    equity = account["cash"] + account["perp_value"] + held + float(option_value(holdings)[0])
    charges = {"static": float(result.charges[0]), "oracle_contingency": float(result.doubt[0])}
    return with_whole_dollars(net_of(result, equity) | charges)


def rules_v2(inputs: Inputs) -> ScenarioRules:
    figures = inputs["params"]
    tilts = tuple(
        Tilt(way.upper(), figures[f"{name}_cap"], figures[f"{name}_cbase"], weight)
        for _, way, weight in inputs["scenarios"]
        for name in [{"Linear": "lin", "Abs": "abs"}.get(way)]
        if name
    )
    return ScenarioRules(
        grid=grid_of(inputs["scenarios"], figures, figures["min_vol_up"]),
        tilts=tilts,
        wings=Wings(figures["min_k_star"], figures["width_scale"], figures["vol_static"], figures["vol_scale"]),
        discount=ExpiryDiscount(
            True,
            *(figures[f"{side}_{name}"] for side in ("long", "short") for name in ("static", "rate_mult", "rate_add")),
        ),
        charges=Charges(*(figures[f"{kind}_{name}_pct"] for name in ("perp", "option") for kind in ("mm", "im"))),
        maintenance_factor=figures["mm_factor"],
        initial_scales_charges=False,
        **rules_of_both(figures),
    )


def pmrm_v2(inputs: Inputs, _: Cases) -> Inputs:
    account, rules = inputs["account"], rules_v2(inputs)
    entries = [
        (
            each["amount"] * each["price"] / account["stable"],
            each["risk_cancelling"],
            each["conf"],
            each["mm_haircut"],
            each["im_haircut"],
        )
        for each in account["collateral"]
    ]
    holdings = holdings_of(account, cover_of(*entries))
    conditions = conditions_of(account, account["stable"], holdings.contracts)
    result = scenario_margin(holdings, conditions, rules)
    equity = account["cash"] + account["perp_value"] + sum(entry[0] for entry in entries) + result.option_value[0]
    return net_of(result, float(equity)) | {
        "option_mtm": result.option_value[0],
        "scenario_pnl": result.scenario_pnl[0].tolist(),
        **by_expiry(account, holdings, conditions, rules),
    }


def by_expiry(account: Inputs, holdings: Holdings, conditions: Conditions, rules: ScenarioRules) -> Inputs:
    """Volatility factors and discounts in the order of the case's expiries."""
    rows, level = holdings.expiry_rows(), states_of(holdings.contracts, rules.grid).level
    discount = row_factors(rows, holdings, conditions, rules.discount)
    days = holdings.contracts.slices.days[rows.expiry]
    at = [int(np.flatnonzero(days == expiry["sec"] / _SECONDS_PER_DAY)[0]) for expiry in account["expiries"]]
    ways = rules.grid.column("vol").tolist()
    return {
        "vol_up": level[rows.expiry[at], ways.index(1.0)].tolist() if at else [],
        "vol_down": level[rows.expiry[at], ways.index(-1.0)].tolist() if at else [],
        "disc_long": discount.gain[at].tolist() if at else [],
        "disc_short": discount.debt[at].tolist() if at else [],
    }


def okx_pm_mmr(inputs: Inputs, _: Cases) -> Inputs:
    parts = {name: np.array([float(value)]) for name, value in inputs.items()}
    worst = [parts[name] for name in ("mr1", "mr2", "mr6")]
    added = [parts[name] for name in ("mr3", "mr4", "mr5")]
    return {"mmr": composed(worst, added, parts["mr7"])[0]}


def perp_funding(inputs: Inputs, _: Cases) -> Inputs:
    prices = [np.array([float(inputs[name])]) for name in ("spot", "impact_bid", "impact_ask")]
    rate = funding.hourly_rate(funding.premium(*prices), inputs["convergence_h"], inputs["cap"])
    return {"rate_per_hour": rate[0]}


ADAPTERS = {
    "derive_srm": srm,
    "derive_srm_option": srm_option,
    "derive_srm_spread": srm_spread,
    "derive_pmrm_v1": pmrm_v1,
    "derive_pmrm_v2": pmrm_v2,
    "okx_pm_mmr": okx_pm_mmr,
    "derive_perp_funding": perp_funding,
}
