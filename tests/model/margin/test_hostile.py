"""What a member may try to owe less: more risk, odd positions and odd terms never lower what is asked in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.model import money
from tasks.model.errors import ModelInputError
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.policy import ByName, Policy

AS_OF = datetime(2026, 1, 30, 8)
Rows = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Rows], MarginInputs]
HOUSE = ("M001", "M001H", "")
LONG: Rows = [(*HOUSE, "BTC-PERP.LIN.USDC", "1000")]


def made(given_: MarginInputs, policy: Policy) -> MarginResult:
    return initial_margin(given_, AS_OF, policy)


def figure(result: MarginResult, name: str, account: str = "M001H") -> Decimal:
    return money.total(result.portfolio.filter(pl.col("margin_account_id") == account)[name])


def line(result: MarginResult, component: str, account: str = "M001H") -> Decimal:
    own = result.requirement.filter(pl.col("margin_account_id") == account, pl.col("component") == component)
    return money.total(own["amount_usd"])


# A young coin


def test_one_contract_of_a_young_coin_changes_nobody_else_s_margin(inputs: Inputs, policy: Policy) -> None:
    """It used to cut the joint look-back to its own history, and with it the wild months before its listing."""
    narrow = replace(policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.01})))
    plain = inputs(LONG)
    newest, logs = plain.history["date"].max(), pl.col("close").cast(pl.Float64).log()
    wild = pl.col("date") < newest - timedelta(days=340)
    moves = logs.diff().over("underlying", order_by="date").fill_null(0.0) * pl.when(wild).then(2.0).otherwise(0.6)
    history = plain.history.sort("underlying", "date").with_columns(
        close=(10.0 + moves.cum_sum().over("underlying", order_by="date")).exp().cast(pl.Decimal(28, 10))
    )
    young = history.filter(pl.col("underlying") == "ETH").tail(345).with_columns(underlying=pl.lit("SOL"))
    known = replace(plain, history=pl.concat([history, young]))
    one = [("M003", "M003H", "", "SOL-PERP.LIN.USDC", "1")]
    alone = made(known, narrow)
    together = made(replace(known, positions=inputs(LONG + one).positions), narrow)
    assert figure(together, "initial_margin_usd") == figure(alone, "initial_margin_usd")
    sets = together.scenario_set.filter(pl.col("scenario_set") == "FILTERED", pl.col("account_type") == "HOUSE")
    assert dict(sets.select("underlying", "proxied").iter_rows())["SOL"] > 0
    assert dict(sets.select("underlying", "proxied").iter_rows())["BTC"] == 0
