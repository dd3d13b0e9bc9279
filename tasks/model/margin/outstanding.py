"""Calls of earlier cycles: what this cycle's deposits meet of them, oldest call first (METHODOLOGY 7).

A call asks for an amount of an asset. A deposit of that asset meets it in proportion, whatever it is worth after
haircut: who pays what the notice asks owes nothing of it. What is left, and every other asset, counts for its worth.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import polars as pl

from tasks.model import money
from tasks.model.margin.collateral import haircut_in_force, post_haircut_value, required_price

AccountKey = tuple[str, str]
AssetKey = tuple[str, str, str]
_QUANTITY_UNIT = Decimal(1).scaleb(-18)

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "clearing_member_id": pl.String,
    "margin_account_id": pl.String,
    "call_id": pl.String,
    "call_version": pl.Int32,
    "issued_ts": pl.Datetime("us"),
    "call_amount_usd": pl.Decimal(20, 2),
    "opening_usd": pl.Decimal(20, 2),
    "met_usd": pl.Decimal(20, 2),
    "closing_usd": pl.Decimal(20, 2),
    "state": pl.String,
}


def meet_calls(calls: pl.DataFrame, deposits: pl.DataFrame) -> pl.DataFrame:
    """Outstanding calls with what was met of each and the state that follows.

    `calls`: clearing_member_id, margin_account_id, call_id, call_version, issued_ts, call_amount_usd, due_asset,
    due_amount (native, for all of call_amount_usd), opening_usd (face less what was met before, > 0), state.
    `deposits`: clearing_member_id, margin_account_id, asset, quantity (native, >= 0), price_usd, and what
    collateral.haircut_in_force reads; what is not used as asked is worth price x (1 - haircut), rounded down to a cent.
    """
    ordered = list(calls.sort("issued_ts", "call_id").iter_rows(named=True))
    asked, left = _met_as_asked(ordered, deposits)
    worth = deposits_worth(left)
    met = []
    for row, paid in zip(ordered, asked, strict=True):
        account = (row["clearing_member_id"], row["margin_account_id"])
        more = min(worth[account], row["opening_usd"] - paid)
        worth[account] -= more
        met.append(_met(row, paid + more))
    return pl.DataFrame(met, schema=SCHEMA).sort("clearing_member_id", "margin_account_id", "issued_ts", "call_id")


def _met_as_asked(calls: list[dict[str, Any]], deposits: pl.DataFrame) -> tuple[list[Decimal], pl.DataFrame]:
    """USD of each call met in the asset it is due in, and the deposits that are left."""
    left: defaultdict[AssetKey, Decimal] = defaultdict(Decimal)
    keys = ("clearing_member_id", "margin_account_id", "asset")
    for member, account, asset, quantity in deposits.select(*keys, "quantity").iter_rows():
        left[member, account, asset] += quantity
    met = []
    for row in calls:
        key = (row["clearing_member_id"], row["margin_account_id"], row["due_asset"])
        opening = row["opening_usd"]
        needed = money.quantity_worth(money.product(opening, row["due_amount"]), row["call_amount_usd"], _QUANTITY_UNIT)
        used = min(left[key], needed)
        left[key] -= used
        met.append(_share_in_cents(opening, used, needed) if used else Decimal(0))
    rest = [left.pop(key, Decimal(0)) for key in deposits.select(keys).iter_rows()]
    return met, deposits.with_columns(quantity=pl.Series(rest, dtype=deposits.schema["quantity"]))


def _share_in_cents(amount: Decimal, used: Decimal, needed: Decimal) -> Decimal:
    return floor(Fraction(amount) * 100 * Fraction(used) / Fraction(needed)) * money.CENT


def deposits_worth(deposits: pl.DataFrame) -> defaultdict[AccountKey, Decimal]:
    """USD worth of each account's deposits after haircut, zero where there are none."""
    worth: defaultdict[AccountKey, Decimal] = defaultdict(Decimal)
    for row in deposits.iter_rows(named=True):
        quantity, (haircut, _) = row["quantity"], haircut_in_force(row)
        price = required_price(row["asset"], row["price_usd"])
        account = (row["clearing_member_id"], row["margin_account_id"])
        worth[account] += post_haircut_value(quantity, price, haircut)
    return worth


def _met(row: dict[str, Any], amount: Decimal) -> dict[str, Any]:
    closing = row["opening_usd"] - amount
    return {
        **{name: row[name] for name in SCHEMA if name in row},
        "met_usd": amount,
        "closing_usd": closing,
        "state": _state(closing, row["call_amount_usd"]),
    }


def _state(closing: Decimal, face: Decimal) -> str:
    """State after the cycle, age aside. It follows from what is owed, so a corrected cycle may take a MET back."""
    if not closing:
        return "MET"
    return "PART_MET" if closing < face else "ISSUED"
