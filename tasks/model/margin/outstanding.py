"""Calls of earlier cycles: what this cycle's deposits meet of them, oldest call first (METHODOLOGY 7)."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import polars as pl

from tasks.model.margin.collateral import haircut_in_force, post_haircut_value, required_price
from tasks.model.policy import Policy

AccountKey = tuple[str, str]

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "clearing_member_id": pl.String, "margin_account_id": pl.String, "call_id": pl.String,
    "call_version": pl.Int32, "issued_ts": pl.Datetime("us"), "call_amount_usd": pl.Decimal(20, 2),
    "opening_usd": pl.Decimal(20, 2), "met_usd": pl.Decimal(20, 2), "closing_usd": pl.Decimal(20, 2),
    "state": pl.String,
}  # fmt: skip


def meet_calls(calls: pl.DataFrame, deposits: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Outstanding calls with what was met of each and the state that follows.

    `calls`: clearing_member_id, margin_account_id, call_id, call_version, issued_ts, call_amount_usd, opening_usd
    (face less what was met before, > 0), state. `deposits`: clearing_member_id, margin_account_id, asset, quantity
    (native, >= 0), price_usd, permitted_assets; each is worth price x (1 - haircut), rounded down to a cent.
    """
    left = deposits_worth(deposits, policy)
    met = []
    for row in calls.sort("issued_ts", "call_id").iter_rows(named=True):
        account = (row["clearing_member_id"], row["margin_account_id"])
        amount = min(left[account], row["opening_usd"])
        left[account] -= amount
        met.append(_met(row, amount))
    return pl.DataFrame(met, schema=SCHEMA).sort("clearing_member_id", "margin_account_id", "issued_ts", "call_id")


def deposits_worth(deposits: pl.DataFrame, policy: Policy) -> defaultdict[AccountKey, Decimal]:
    """USD worth of each account's deposits after haircut, zero where there are none."""
    worth: defaultdict[AccountKey, Decimal] = defaultdict(Decimal)
    for row in deposits.iter_rows(named=True):
        quantity = row["quantity"]
        haircut, _ = haircut_in_force(row["asset"], quantity, row["permitted_assets"], policy)
        price = required_price(row["asset"], row["price_usd"])
        account = (row["clearing_member_id"], row["margin_account_id"])
        worth[account] += post_haircut_value(quantity, price, haircut)
    return worth


def _met(row: dict[str, Any], amount: Decimal) -> dict[str, Any]:
    closing = row["opening_usd"] - amount
    return {**{name: row[name] for name in SCHEMA if name in row}, "met_usd": amount, "closing_usd": closing,
            "state": _state(row["state"], closing, row["call_amount_usd"])}  # fmt: skip


def _state(state: str, closing: Decimal, face: Decimal) -> str:
    """State after the cycle. It follows from what is still owed, so that a corrected cycle may take a MET back."""
    if not closing:
        return "MET"
    if state == "OVERDUE":
        return state
    return "PART_MET" if closing < face else "ISSUED"
