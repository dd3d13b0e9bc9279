"""Haircuts of the day: the quantile worked by hand, which rule binds, and what is missing (METHODOLOGY 6)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl

from tasks.model.margin.haircut import calibrated_losses, haircut_table
from tasks.model.policy import Policy

TODAY = np.datetime64("2026-01-30")


def unscaled(policy: Policy) -> Policy:
    """A policy whose filtered returns are the observed ones."""
    return replace(policy, base_margin=replace(policy.base_margin, scaling="none"))


def test_the_quantile_is_the_rank_of_the_asset_s_own_losses(history: pl.DataFrame, policy: Policy) -> None:
    """Without scaling: of the latest 400 two-day losses the ⌈401·0.99⌉ = 397th, if that is above the stressed one."""
    found = calibrated_losses(history, TODAY, unscaled(policy))["BTC"]
    closes = [float(row["close"]) for row in history.filter(pl.col("underlying") == "BTC").iter_rows(named=True)]
    losses = [1 - later / now for now, later in zip(closes, closes[2:], strict=False)]
    filtered = sorted(losses[-400:])[math.ceil(401 * 0.99) - 1]
    assert found >= filtered - 1e-12
    calm = replace(policy.stress, window_days=0, events_per_anchor=1)
    # One event of each anchor alone: the stressed quantile is the worst of at most two dates.
    few = calibrated_losses(history, TODAY, replace(unscaled(policy), stress=calm))["BTC"]
    assert any(abs(few - each) < 1e-12 for each in (filtered, *losses))


def row(policy: Policy, losses: dict[str, float], asset: str = "BTC") -> tuple[object, ...]:
    found = haircut_table({asset: ""}, losses, policy).row(0, named=True)
    return found["haircut_fraction"], found["rule_id"], found["quality"]


def test_the_larger_of_policy_and_measured_binds_and_is_named(opening: Policy) -> None:
    floor, measured = "collateral.haircut_fraction.BTC", "collateral.calibration.confidence_fraction"
    assert row(opening, {"BTC": 0.2}) == (Decimal("0.25"), floor, "OK")
    assert row(opening, {"BTC": 0.25}) == (Decimal("0.25"), floor, "OK")
    assert row(opening, {"BTC": 0.3000001}) == (Decimal("0.300001"), measured, "OK")
    assert row(opening, {}, "USDC") == (Decimal("0.05"), "collateral.haircut_fraction.USDC", "OK")
    assert row(opening, {}, "DOGE") == (Decimal(1), "collateral.haircut_fraction.default", "OK")


def test_switched_off_the_policy_alone_counts(opening: Policy) -> None:
    rule = replace(opening.collateral.calibration, mode="off")
    off = replace(opening, collateral=replace(opening.collateral, calibration=rule))
    assert row(off, {"BTC": 0.9}) == (Decimal("0.25"), "collateral.haircut_fraction.BTC", "OK")
    assert calibrated_losses(pl.DataFrame(schema={"underlying": pl.String}), TODAY, off) == {}


def test_a_history_that_is_lost_makes_no_collateral_worth_more(history: pl.DataFrame, policy: Policy) -> None:
    short = history.filter((pl.col("underlying") == "BTC") | (pl.col("date") < date(2026, 1, 1)))
    losses = calibrated_losses(short, TODAY, policy)
    assert set(losses) == {"BTC"}
    assert row(policy, losses, "ETH") == (Decimal("0.5"), "collateral.calibration.missing_fraction", "PROXY")
