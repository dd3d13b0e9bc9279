"""Margin lines: offset limit, stress weight, long-run floor, buffer, wrong way, liquidity, correlation, clients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from tasks import policy_store, resources
from tasks.model.arrays import INVERSE_FORWARD
from tasks.model.margin.apc import Charge, charge
from tasks.model.margin.leverage import delta_notional, entry_delta_usd
from tasks.model.margin.portfolio import build_book
from tasks.model.margin.requirement import BaseMargin, blend, limit_offset
from tasks.model.policy_file import MINIMUM_PERIODS
from tasks.model.pricing import payoff
from tasks.model.risk.age_weighting import weighted_value_at_risk
from tasks.model.risk.closed_form import close_out_deviation, normal_value_at_risk, portfolio_deviation
from tasks.model.risk.joint import joint_outcome
from tasks.model.risk.liquidity import close_out_cost, days_to_close, impact

Case = dict[str, Any]
Cases = Mapping[str, Case]
POLICY = policy_store.load(resources.data("policy") / "2014-01-01.toml")
AS_OF = datetime(2026, 1, 30, 8)


def one(value: float) -> np.ndarray:
    return np.array([float(value)])


def emir_portfolio_margin(given: Case, _: Cases) -> Case:
    margin = limit_offset(one(given["sum_product_margins"]), one(given["portfolio_margin"]), given["cap"])
    return {"min_margin": margin[0]}


def apc_stress_weight(given: Case, _: Cases) -> Case:
    if "weight" in given:
        return {"blend": blend(one(given["var_current"]), one(given["var_stress"]), given["weight"])[0]}
    calm, stress, share = given["current_losses"], given["stress_losses"], given["stress_weight"]
    weights = [(1 - share) / len(calm)] * len(calm) + [share / len(stress)] * len(stress)
    losses = np.array([*calm, *stress], dtype=np.float64)
    return {"weighted_quantile": weighted_value_at_risk(losses, np.array(weights), given["confidence"])}


def apc_floor(given: Case, _: Cases) -> Case:
    zero, word = np.zeros(1), np.array(["F-1"])
    base = BaseMargin(zero, zero, one(given["var_short"]), zero, one(given["var_10y"]), word, word, word)
    return {"margin": base.amount[0]}


def apc_buffer(given: Case, _: Cases) -> Case:
    fraction, state, collected = given["buffer"], Charge(0.0, 0.0), []
    for rate, released in zip(given["im_path"], given["released"], strict=True):
        state = charge(float(rate), state, released, fraction, fraction)  # replenished at once
        collected.append(state.rate)
    return {"collected": collected}


def wrong_way_risk(given: Case, _: Cases) -> Case:
    form, factor = np.array([INVERSE_FORWARD]), given["shocked"] / given["entry"]
    coin = payoff.forward_value(form, one(given["contracts_usd"]), one(given["entry"]), one(given["shocked"]))
    price = payoff.settlement_price_after(form, one(given["entry"]), one(factor))
    before = given["collateral_btc"] * given["entry"]
    after = joint_outcome((coin * price)[:, None], one(before)[:, None], np.array([[factor]]))
    return {
        "pnl_btc": coin[0],
        "collateral_usd_before": before,
        "collateral_usd_after": after.collateral[0, 0],
        "equity_usd_after": after.equity[0, 0],
    }


def concentration_addon(given: Case, _: Cases) -> Case:
    size, volume, share = one(given["position"]), one(given["adv"]), given["participation"]
    margin, days = one(given["base_im"]), one(given["mpor_days"])
    cost = close_out_cost(size, volume, np.zeros(1), np.zeros(1), margin, days, share, 1.0)
    return {"days": days_to_close(size, volume, share)[0], "addon": cost[0]}


def liquidity_cost(given: Case, _: Cases) -> Case:
    size, volume, move = one(given["q"]), one(given["adv"]), one(given["sigma_daily"])
    usd = (size * given["price"], volume * given["price"])
    cost = close_out_cost(*usd, np.zeros(1), move, np.zeros(1), one(10.0), 0.1, given["Y"])
    return {"impact_frac": impact(size, volume, move, given["Y"])[0], "cost": cost[0]}


def correlation_break(given: Case, _: Cases) -> Case:
    notional, volatility = (np.array(given[name], dtype=np.float64) for name in ("notional", "vol"))
    matrices = [np.array([[1.0, rho], [rho, 1.0]]) for rho in given["rho"]]
    return {
        "var99": [normal_value_at_risk(0.99) * portfolio_deviation(notional, volatility, each) for each in matrices]
    }


def liquidation_horizon(given: Case, _: Cases) -> Case:
    at_ends, continuous = close_out_deviation(given["n"])
    return {"factor_discrete_end": given["sigma_daily"] * at_ends, "factor_cont": given["sigma_daily"] * continuous}


def mpor(given: Case, _: Cases) -> Case:
    found = [MINIMUM_PERIODS[name] for name in given["classes"]]
    percent = [each.intraday_call_percent for each in found if each.intraday_call_percent is not None]
    return {"min_days": [each.days for each in found], "itd_call_trigger_pct": percent[0]}


def client_margin(given: Case, _: Cases) -> Case:
    """A contract whose delta notional is the margin of one: what is asked of clients together, and one by one."""
    found = {}
    for account_type, name in (("CLIENT_OMNI_NET", "net"), ("CLIENT_GROSS", "gross")):
        gross = account_type == "CLIENT_GROSS"
        rows = [
            {
                "clearing_member_id": "M001",
                "margin_account_id": "M001C",
                "client_id": client if gross else "",
                "contract_id": "BTC-PERP.LIN.USD",
                "quantity": Decimal(sum(quantities)),
                "kind": "PERP",
                "payoff": "LINEAR",
                "underlying": "BTC",
                "multiplier": Decimal(given["im_per_contract"]),
                "strike": None,
                "option_type": None,
                "expiry_ts": None,
                "expired": False,
                "settle_asset": "USD",
                "implied_volatility": None,
                "mark_uncertainty_usd": 0.0,
                **dict.fromkeys(("settlement_price", "index_price", "forward_price", "settle_asset_price"), Decimal(1)),
            }
            for client, quantities in given["clients"].items()
        ]
        accounts = pl.DataFrame(
            {"clearing_member_id": ["M001"], "margin_account_id": ["M001C"], "account_type": [account_type]}
        )
        nulls: dict[str, pl.DataType | type[pl.DataType]] = {
            "strike": pl.Decimal(28, 10),
            "option_type": pl.String,
            "expiry_ts": pl.Datetime("us"),
        }
        nulls["implied_volatility"] = pl.Float64
        positions = pl.DataFrame(rows, schema_overrides=nulls)
        surface = pl.DataFrame(schema=["underlying", "expiry_ts", "svi_a", "svi_b", "svi_rho", "svi_mu", "svi_s"])
        book = build_book(positions, accounts, surface, AS_OF, POLICY)
        found[name] = delta_notional(book, entry_delta_usd(book)).net.sum()
    return found


ADAPTERS = {
    "emir_portfolio_margin": emir_portfolio_margin,
    "apc_stress_weight": apc_stress_weight,
    "apc_floor": apc_floor,
    "apc_buffer": apc_buffer,
    "wrong_way_risk": wrong_way_risk,
    "concentration_addon": concentration_addon,
    "liquidity_cost": liquidity_cost,
    "client_margin": client_margin,
    "correlation_break": correlation_break,
    "liquidation_horizon": liquidation_horizon,
    "mpor": mpor,
}
