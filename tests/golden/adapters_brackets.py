"""Brackets, step and slope rates, marginal tiers, weights by size, liquidation prices, variation margin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from tasks.model.arrays import LINEAR_FORWARD
from tasks.model.margin.brackets import Brackets, MarginalTiers, SizeRate, bracket_margin, size_margin
from tasks.model.margin.collateral import post_haircut_value
from tasks.model.margin.reference import position_orders
from tasks.model.margin.reference.open_interest import OpenInterestTier, notional_units
from tasks.model.margin.reference.position_liquidation import (
    OtherPositions,
    inverse_liquidation_price,
    linear_liquidation_price,
    tiered_liquidation_price,
)
from tasks.model.margin.reference.size_weight import (
    SizeWeight,
    asset_weight,
    liability_weight,
    position_margin,
    weight_at_deposits,
)
from tasks.model.market import funding
from tasks.model.money import exact
from tasks.model.pricing import settlement

Inputs = dict[str, Any]
Cases = Mapping[str, Inputs]


def array(value: Any) -> np.ndarray:
    return np.asarray(value, dtype=np.float64)


def tier_brackets(given: Inputs, _: Cases) -> Inputs:
    tiers = given["tiers"]
    brackets = Brackets.by_leverage(
        tuple(float(tier["floor"]) for tier in tiers),
        tuple(float(tier["max_leverage"]) for tier in tiers),
        tuple(float(tier["mmr"]) for tier in tiers),
    )
    charged = bracket_margin(array(given.get("notional", [])), brackets)
    return {"deduction": brackets.mm.deductions, "mm": charged.mm, "im": charged.im}


def hyperliquid(tiers: list[Inputs]) -> Brackets:
    leverage = [float(tier["max_leverage"]) for tier in tiers]
    floors = tuple(float(tier["floor"]) for tier in tiers)
    return Brackets.by_leverage(floors, tuple(leverage), tuple(0.5 / each for each in leverage))


def hyperliquid_mm(given: Inputs, _: Cases) -> Inputs:
    return {"mm": bracket_margin(array(given["notional"]), hyperliquid(given["tiers"])).mm}


def hyperliquid_liq_price(given: Inputs, _: Cases) -> Inputs:
    brackets = hyperliquid([{"floor": 0, "max_leverage": given["max_leverage"]}])
    signed = float(given["side"] * given["size"])
    return {"liq_price": tiered_liquidation_price(float(given["account_value"]), signed, given["price"], brackets)}


def liq_price_cross(given: Inputs, _: Cases) -> Inputs:
    others = OtherPositions(
        *(array([each[name] for each in given["others"]]) for name in ("qty", "entry", "mark", "mmr", "cum"))
    )
    free = others.free_collateral(given["wallet"])
    entered = (array(given[name]) for name in ("qty", "entry", "mmr", "cum"))
    return {"liq_price": linear_liquidation_price(array(free), *entered)}


def liq_price_isolated(given: Inputs, _: Cases) -> Inputs:
    quantity = -given["amount"] if given["short"] else given["amount"]
    value = given["amount"] * given["entry"]
    rate, deduction = {
        "binance": (given["mmr"], given["cum"]),
        "gate_okx": (given["mmr"] + given["taker"], 0.0),
        # Maintenance margin stays what it was at entry.
        "bybit": (0.0, -given["mmr"] * value),
    }[given["rule"]]
    entered = (value / given["leverage"], quantity, given["entry"], rate, deduction)
    return {"liq_price": linear_liquidation_price(*map(array, entered))}


def bitmex_risk_limit(given: Inputs, _: Cases) -> Inputs:
    schedule = SizeRate(
        given["base_im"], given["base_mm"], given["base_limit"], given["step"], given["base_mm"], whole_steps=True
    )
    return {"steps": schedule.steps(array(given["value"]))} | sized(schedule, given["value"])


def bigone_continuous_tier(given: Inputs, _: Cases) -> Inputs:
    schedule = SizeRate(given["base_im"], given["base_mm"], given["free"], 1.0, given["slope"], whole_steps=False)
    return sized(schedule, given["value"])


def sized(schedule: SizeRate, value: float) -> Inputs:
    rates, charged = schedule.rates(array(value)), size_margin(array(value), array(value), schedule)
    return {"im_rate": rates.im, "mm_rate": rates.mm, "im": charged.im, "mm": charged.mm}


def kraken_inverse(given: Inputs, _: Cases) -> Inputs:
    contracts, entry, coins = (array(given[name]) for name in ("contracts", "entry", "collateral"))
    value = np.abs(contracts) / entry
    charged = bracket_margin(value, Brackets((0.0,), (given["im_rate"],), (given["mm_rate"],)))
    return {
        "value": value,
        "im": charged.im,
        "mm": charged.mm,
        "liq_price": inverse_liquidation_price(coins, contracts, entry, array(given["mm_rate"])),
        "bankruptcy_price": inverse_liquidation_price(coins, contracts, entry, array(0.0)),
    }


def marginal_tiers(given: Inputs, _: Cases) -> Inputs:
    ends, rates = zip(*given["tiers"], strict=True)
    floors = (0.0, *map(float, ends[:-1]))  # a case states the amount up to which a rate holds
    return {"total": MarginalTiers(floors, tuple(map(float, rates))).total(array(given["amount"]))}


def collateral_value(given: Inputs, _: Cases) -> Inputs:
    values = [
        post_haircut_value(exact(float(row["qty"])), exact(float(row["price"])), 1 - exact(float(row["weight"])))
        for row in given["rows"]
    ]
    return {"values": values, "total": sum(values)}


def vega_isolated(given: Inputs, _: Cases) -> Inputs:
    return {"margin": position_orders.isolated_margin(given["price"], given["qty"], given["factor"])}


def vega_maintenance(given: Inputs, _: Cases) -> Inputs:
    rate = given["slippage"] + given["risk_factor"]
    return {"maintenance": position_orders.side_margin(given["price"], given["qty"], rate, rate)}


def vega_perp_funding_margin(given: Inputs, _: Cases) -> Inputs:
    index, mark, interest = array(given["s_twap"]), array(given["f_twap"]), array(given["dt"] * given["rate"])
    payment = float(funding.accrued(index, mark, interest, given["lower"], given["upper"]))
    owed = position_orders.funding_margin(payment, given["qty"], given["factor"])
    return {"funding_payment": payment, "total_margin": given["futures_margin"] + owed}


def vega_fully_collateralised(given: Inputs, _: Cases) -> Inputs:
    top = given["max_price"]
    position = position_orders.capped_margin(given.get("qty", 0), given.get("price", 0.0), top)
    orders = position_orders.capped_order_margin(given.get("buy_orders", []), given.get("sell_orders", []), top)
    return {"position_margin": position, "order_margin": orders, "total": position + orders}


def open_interest_tier(given: Inputs) -> OpenInterestTier:
    return OpenInterestTier(
        given["im_ppm"], given.get("fraction_ppm", 0), given.get("oi_lower", 0), given.get("oi_upper", 0)
    )


def dydx_mm_fraction(given: Inputs, _: Cases) -> Inputs:
    return {"mm_ppm": open_interest_tier(given).mm_ppm}


def dydx_oi_scaled_im(given: Inputs, _: Cases) -> Inputs:
    tier, interest = open_interest_tier(given), given["oi_notional"]
    charged = tier.margin(given.get("notional", 0), interest)
    return {"im": charged.im, "im_ppm": tier.effective_im_ppm(interest)}


def dydx_margin(given: Inputs, _: Cases) -> Inputs:
    exponent = given["exponent"] + given["atomic_resolution"] + 6
    notional = notional_units(given["quantums"], given["price"], exponent)
    interest = notional_units(given["open_interest"], given["price"], exponent)
    return open_interest_tier(given).margin(notional, interest)._asdict()


def dydx_funding_clamp(given: Inputs, _: Cases) -> Inputs:
    return {"clamp_ppm": open_interest_tier(given).largest_funding_ppm(given["factor_ppm"])}


def dydx_funding_settlement(given: Inputs, _: Cases) -> Inputs:
    # A funding index is the sum of price x rate, so its change is the rate at a price of one.
    moved = Decimal(given["index_now"] - given["index_then"])
    paid = settlement.funding(LINEAR_FORWARD, Decimal(1), Decimal(given["quantums"]), Decimal(1), moved)
    return {"settlement_ppm": paid}


def drift_asset_weight(given: Inputs, _: Cases) -> Inputs:
    return {"weight": asset_weight(SizeWeight(given["weight"], given["imf"]), given["size_1e9"])}


def drift_liability_weight(given: Inputs, _: Cases) -> Inputs:
    return {"weight": liability_weight(SizeWeight(given["weight"], given["imf"]), given["size_1e9"])}


def drift_scaled_asset_weight(given: Inputs, _: Cases) -> Inputs:
    micro = 1_000_000
    rule = SizeWeight(given["weight"], 0, round(given["start"] * micro))
    return {"weight": weight_at_deposits(rule, round(given["deposits"] * given["price"] * micro))}


def drift_perp_margin(given: Inputs, _: Cases) -> Inputs:
    micro = 1_000_000
    charged = position_margin(SizeWeight(given["im"], given["imf"]), given["base_1e9"], round(given["oracle"] * micro))
    return {"margin_requirement": charged / micro}


def variation_margin(given: Inputs, _: Cases) -> Inputs:
    opened = exact(float(given["prev_qty"]))
    trades = [(exact(float(quantity)), exact(float(price))) for quantity, price in given["trades"]]
    return {
        "cash_flow": settlement.variation_margin(
            LINEAR_FORWARD,
            Decimal(1),
            opened=opened,
            closed=opened + sum(quantity for quantity, _ in trades),
            bought=Decimal(sum(quantity * price for quantity, price in trades)),
            previous=exact(float(given["prev_price"])),
            current=exact(float(given["price"])),
        )
    }


ADAPTERS: dict[str, Callable[[Inputs, Cases], Mapping[str, Any]]] = {
    "tier_brackets": tier_brackets,
    "hyperliquid_mm": hyperliquid_mm,
    "hyperliquid_liq_price": hyperliquid_liq_price,
    "liq_price_cross": liq_price_cross,
    "liq_price_isolated": liq_price_isolated,
    "bitmex_risk_limit": bitmex_risk_limit,
    "bigone_continuous_tier": bigone_continuous_tier,
    "kraken_inverse": kraken_inverse,
    "marginal_tiers": marginal_tiers,
    "collateral_value": collateral_value,
    "vega_isolated": vega_isolated,
    "vega_maintenance": vega_maintenance,
    "vega_perp_funding_margin": vega_perp_funding_margin,
    "vega_fully_collateralised": vega_fully_collateralised,
    "dydx_v4_mm_fraction": dydx_mm_fraction,
    "dydx_v4_oi_scaled_im": dydx_oi_scaled_im,
    "dydx_v4_margin": dydx_margin,
    "dydx_v4_funding_clamp": dydx_funding_clamp,
    "dydx_v4_funding_settlement": dydx_funding_settlement,
    "drift_asset_weight": drift_asset_weight,
    "drift_liability_weight": drift_liability_weight,
    "drift_scaled_asset_weight": drift_scaled_asset_weight,
    "drift_perp_margin": drift_perp_margin,
    "variation_margin": variation_margin,
}
