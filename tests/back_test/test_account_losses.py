"""What real accounts lost, against figures worked out by hand and the exact settlement of the clearing cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from tasks.model.arrays import INVERSE_FORWARD
from tasks.model.assurance.account_back_test import back_test_day
from tasks.model.assurance.published_day import PublishedDay
from tasks.model.policy import ByName, LiquidationPeriod
from tasks.model.pricing import settlement

DAY = date(2026, 1, 10)
PERIODS = LiquidationPeriod(*[ByName({"default": 3.0, "BTC": 2.0})] * 3)
HOUSE = ("M1", "A1", "", "HOUSE")
TERMS: Mapping[str, tuple[str, str, str, float, float | None, str | None, str]] = {
    "BTC-LIN": ("BTC", "FUT", "LINEAR", 2.0, None, None, "USDC"),
    "BTC-INV": ("BTC", "PERP", "INVERSE", 10.0, None, None, "BTC"),
    "BTC-PUT": ("BTC", "OPT", "INVERSE", 1.0, 90_000.0, "P", "BTC"),
    "SOL-LIN": ("SOL", "FUT", "LINEAR", 1.0, None, None, "USDC"),
}
_TEXT = dict.fromkeys(("clearing_member_id", "margin_account_id", "client_id"), pl.String)


def published(step: int, held: Mapping[str, float], marks: Mapping[str, float | None], **more: Any) -> PublishedDay:
    """A day of one account: quantities and marks by contract; final, prices, flows, collateral, products on request."""
    positions = [(*HOUSE, name, TERMS[name][0], quantity, *TERMS[name][1:]) for name, quantity in held.items()]
    final = more.get("final", {})
    listed = dict.fromkeys((*marks, *final))
    return PublishedDay(
        DAY + timedelta(days=step),
        f"run{step}",
        pl.DataFrame(
            positions,
            schema={
                **_TEXT,
                **dict.fromkeys(("account_type", "contract_id", "underlying"), pl.String),
                "quantity": pl.Float64,
                "kind": pl.String,
                "payoff": pl.String,
                "multiplier": pl.Float64,
                "strike": pl.Float64,
                "option_type": pl.String,
                "settle_asset": pl.String,
            },
            orient="row",
        ),
        pl.DataFrame(
            [(name, marks.get(name), final.get(name)) for name in listed],
            schema={"contract_id": pl.String, "settlement_price": pl.Float64, "final_price": pl.Float64},
            orient="row",
        ),
        {"USDC": 1.0, "USD": 1.0} | more.get("prices", {}),
        pl.DataFrame(
            [(*HOUSE[:3], name, TERMS[name][0], TERMS[name][6], amount) for name, amount in more.get("flows", ())],
            schema={
                **_TEXT,
                **dict.fromkeys(("contract_id", "underlying", "settle_asset"), pl.String),
                "amount": pl.Float64,
            },
            orient="row",
        ),
        pl.DataFrame(
            [(*HOUSE[:3], 500.0, 400.0)],
            schema={**_TEXT, "initial_margin_usd": pl.Float64, "base_margin_usd": pl.Float64},
            orient="row",
        ),
        pl.DataFrame(
            [(*HOUSE[:3], *each) for each in more.get("products", (("BTC", 300.0), ("SOL", 100.0)))],
            schema={**_TEXT, "underlying": pl.String, "margin_usd": pl.Float64},
            orient="row",
        ),
        pl.DataFrame(
            [(*HOUSE[:2], *each) for each in more.get("collateral", ())],
            schema={
                "clearing_member_id": pl.String,
                "margin_account_id": pl.String,
                "asset": pl.String,
                "quantity": pl.Float64,
                "joint": pl.Boolean,
            },
            orient="row",
        ),
    )


def rows(*days: PublishedDay) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of the first day by level and product."""
    found = back_test_day({each.business_date: each for each in days}, DAY, PERIODS)
    return {(row["level"], row["product"]): row for row in found.to_dicts()}


def test_a_linear_future_loses_its_fall_in_the_settlement_asset() -> None:
    account = rows(
        published(0, {"BTC-LIN": 3.0}, {"BTC-LIN": 100.0}),
        published(1, {"BTC-LIN": 3.0}, {"BTC-LIN": 97.0}, flows=[("BTC-LIN", -18.0)]),
        published(2, {"BTC-LIN": 3.0}, {"BTC-LIN": 90.0}, flows=[("BTC-LIN", -42.0)], prices={"USDC": 0.99}),
    )["ACCOUNT", ""]
    assert account["clean_loss_usd"] == pytest.approx(3 * 2 * 10 * 0.99, rel=1e-14)
    assert account["dirty_loss_usd"] == pytest.approx(account["clean_loss_usd"], rel=1e-14)
    assert (account["horizon_days"], account["margin_usd"]) == (2, 500.0)


def test_without_trades_the_flows_of_the_clearing_cycle_are_the_clean_loss() -> None:
    marks = [100_000.0, 96_000.0, 91_500.0]
    flows = [
        float(
            settlement.variation_margin(
                INVERSE_FORWARD,
                Decimal(10),
                opened=Decimal(-400),
                closed=Decimal(-400),
                bought=Decimal(0),
                previous=Decimal(before),
                current=Decimal(after),
            )
        )
        for before, after in pairwise(marks)
    ]
    days = [
        published(
            step,
            {"BTC-INV": -400.0},
            {"BTC-INV": mark},
            prices={"BTC": mark},
            flows=[("BTC-INV", flows[step - 1])] if step else (),
        )
        for step, mark in enumerate(marks)
    ]
    account = rows(*days)["ACCOUNT", ""]
    assert account["clean_loss_usd"] == pytest.approx(4000.0 * (91_500.0 / 100_000.0 - 1.0), rel=1e-12)
    assert account["dirty_loss_usd"] == pytest.approx(account["clean_loss_usd"], rel=1e-9)


def test_an_option_that_expired_on_the_way_is_worth_its_payoff() -> None:
    account = rows(
        published(0, {"BTC-PUT": -5.0}, {"BTC-PUT": 0.01}, prices={"BTC": 100_000.0}),
        published(1, {}, {}, final={"BTC-PUT": 80_000.0}, prices={"BTC": 81_000.0}, flows=[("BTC-PUT", -5 * 0.125)]),
        published(2, {}, {}, prices={"BTC": 82_000.0}),
    )["ACCOUNT", ""]
    worked_out = 5.0 * (0.125 * 82_000.0 - 0.01 * 100_000.0)  # (90,000 - 80,000) / 80,000 coins, at the later price
    assert account["clean_loss_usd"] == pytest.approx(worked_out, rel=1e-12)
    assert account["dirty_loss_usd"] == pytest.approx(worked_out, rel=1e-12)


def test_a_trade_changes_the_dirty_loss_alone() -> None:
    account = rows(
        published(0, {"BTC-LIN": 3.0}, {"BTC-LIN": 100.0}),
        published(1, {}, {"BTC-LIN": 97.0}, flows=[("BTC-LIN", -18.0)]),
        published(2, {}, {"BTC-LIN": 90.0}),
    )["ACCOUNT", ""]
    assert (account["clean_loss_usd"], account["dirty_loss_usd"]) == (60.0, 18.0)


def test_what_cannot_be_told_is_missing_and_never_zero() -> None:
    held = published(0, {"BTC-LIN": 3.0}, {"BTC-LIN": 100.0})
    unmarked = rows(held, published(1, {}, {"BTC-LIN": 97.0}), published(2, {}, {"BTC-LIN": None}))["ACCOUNT", ""]
    assert unmarked["clean_loss_usd"] != unmarked["clean_loss_usd"]
    gap = rows(held, published(2, {}, {"BTC-LIN": 90.0}))["ACCOUNT", ""]
    assert gap["clean_loss_usd"] == 60.0
    assert gap["dirty_loss_usd"] != gap["dirty_loss_usd"]


def test_each_product_moves_over_its_own_period_and_groups_share_the_base_margin() -> None:
    marks = [{"BTC-LIN": 100.0 - step, "SOL-LIN": 50.0 - 2 * step} for step in range(4)]
    found = rows(*(published(step, {"BTC-LIN": 1.0, "SOL-LIN": 4.0}, each) for step, each in enumerate(marks)))
    assert found["PRODUCT", "BTC"]["clean_loss_usd"] == 2 * 2.0
    assert found["PRODUCT", "SOL"]["clean_loss_usd"] == 4 * 6.0
    assert found["ACCOUNT", ""]["clean_loss_usd"] == 28.0
    assert found["PORTFOLIO", ""]["margin_usd"] == 500.0
    assert (found["PRODUCT", "BTC"]["margin_usd"], found["PRODUCT", "SOL"]["margin_usd"]) == (300.0, 100.0)
    assert (found["LIQUIDITY_GROUP", "2D"]["margin_usd"], found["LIQUIDITY_GROUP", "3D"]["margin_usd"]) == (
        300.0,
        100.0,
    )


def test_collateral_counts_at_later_prices_and_joint_coin_is_a_position() -> None:
    days = [
        published(0, {"BTC-LIN": 1.0}, {"BTC-LIN": 100.0}, prices={"BTC": 100.0}, collateral=[("BTC", 3.0, False)]),
        published(1, {"BTC-LIN": 1.0}, {"BTC-LIN": 95.0}),
        published(2, {"BTC-LIN": 1.0}, {"BTC-LIN": 90.0}, prices={"BTC": 90.0}),
    ]
    apart = rows(*days)["ACCOUNT", ""]
    assert (apart["clean_loss_usd"], apart["cover_usd"]) == (20.0, 270.0)
    joint = rows(replace(days[0], collateral=days[0].collateral.with_columns(joint=pl.lit(value=True))), *days[1:])
    together = joint["ACCOUNT", ""]
    assert (together["clean_loss_usd"], together["cover_usd"]) == (50.0, 300.0)


def test_the_order_of_the_rows_leaves_no_trace() -> None:
    held = {"BTC-LIN": 1.0, "SOL-LIN": 4.0, "BTC-INV": 3.0}
    days = [published(step, held, dict.fromkeys(held, 100.0 - 3.3 * step), prices={"BTC": 100.0}) for step in range(4)]
    shuffled = [replace(each, positions=each.positions.reverse(), marks=each.marks.reverse()) for each in days]
    assert repr(rows(*days)) == repr(rows(*shuffled))
