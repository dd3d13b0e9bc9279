"""Collateral of each account by asset, valued and cut (METHODOLOGY 6, haircut mode).

    line = floor_cent(max(b, 0)·p·(1 − h)) where b >= 0,  floor_cent(b·p·(1 + h)) where b < 0

What of it counts as cover is decided by the caps of concentration. Exact decimals throughout. The haircut is taken at
six digits, rounded up, so that the printed one is the one applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import groupby
from typing import Any

import polars as pl

from tasks.model import money
from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin.concentration import counted_values
from tasks.model.policy import Policy

_KEY = ("clearing_member_id", "margin_account_id")
NOT_PERMITTED_RULE = "members.permitted_assets"
_ONE = Decimal(1)
_HAIRCUT_UNIT = Decimal("0.000001")

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "clearing_member_id": pl.String,
    "margin_account_id": pl.String,
    "asset": pl.String,
    "quantity": pl.Decimal(38, 18),
    "price_usd": pl.Decimal(28, 10),
    "haircut_fraction": pl.Decimal(9, 6),
    "market_value_usd": pl.Decimal(20, 2),
    "post_haircut_value_usd": pl.Decimal(20, 2),
    "rule_id": pl.String,
}
COUNTED_SCHEMA = {**SCHEMA, "counted_value_usd": pl.Decimal(20, 2)}


def value_collateral(balances: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """One valued line per account and asset, in key order.

    `balances`: clearing_member_id, margin_account_id, asset, quantity (native, may be negative), price_usd (null = no
    price), permitted_assets (names separated by |, null = all). A positive balance of an asset that is not permitted
    is worth nothing. Raises ModelInputError PRICE_MISSING.
    """
    rows = balances.sort("clearing_member_id", "margin_account_id", "asset")
    return pl.DataFrame([_line(row, policy) for row in rows.iter_rows(named=True)], schema=SCHEMA)


def count_as_cover(
    lines: pl.DataFrame, required: Mapping[tuple[str, str], Decimal], issuers: Mapping[str, str], policy: Policy
) -> pl.DataFrame:
    """The valued lines with counted_value_usd: what of each counts after the caps.

    lines: see `value_collateral`. required: total initial margin by (clearing_member_id, margin_account_id).
    """
    rows = []
    for account, own in groupby(lines.iter_rows(named=True), key=lambda row: (row[_KEY[0]], row[_KEY[1]])):
        held = list(own)
        values = {row["asset"]: row["post_haircut_value_usd"] for row in held}
        counted = counted_values(values, required.get(account, Decimal(0)), issuers, policy.collateral.cap)
        rows += [{**row, "counted_value_usd": counted[row["asset"]]} for row in held]
    return pl.DataFrame(rows, schema=COUNTED_SCHEMA)


def post_haircut_value(quantity: Decimal, price: Decimal, haircut: Decimal) -> Decimal:
    """USD after haircut, towards minus infinity: taken off what is held, added to what is owed."""
    kept = _ONE - haircut if quantity >= 0 else _ONE + haircut
    return money.round_down(money.product(quantity, price, kept))


def haircut_in_force(asset: str, quantity: Decimal, permitted: str | None, policy: Policy) -> tuple[Decimal, str]:
    """Haircut of a balance and the rule it comes from. An asset the policy does not list takes its default."""
    if quantity > 0 and not _is_permitted(asset, permitted):
        return _ONE, NOT_PERMITTED_RULE
    table = policy.collateral.haircut_fraction
    return money.round_up(table[asset], _HAIRCUT_UNIT), f"collateral.haircut_fraction.{table.rule(asset)}"


def required_price(asset: str, price: Decimal | None) -> Decimal:
    """The price itself. Raises ModelInputError PRICE_MISSING where an asset held, paid in or due has none."""
    if price is None or not price.is_finite() or price < 0:
        raise ModelInputError(
            Finding(
                "PRICE_MISSING",
                "an asset has no price",
                where=asset,
                value=str(price),
                action="deliver an INDEX price of the asset in USD",
            )
        )
    return price


def _is_permitted(asset: str, permitted: str | None) -> bool:
    return not permitted or asset in permitted.split("|")


def _line(row: dict[str, Any], policy: Policy) -> dict[str, Any]:
    asset, quantity = str(row["asset"]), money.exact(row["quantity"])
    price = required_price(asset, row["price_usd"])
    haircut, rule = haircut_in_force(asset, quantity, row["permitted_assets"], policy)
    return {
        "clearing_member_id": row["clearing_member_id"],
        "margin_account_id": row["margin_account_id"],
        "asset": asset,
        "quantity": quantity,
        "price_usd": price,
        "haircut_fraction": haircut,
        "market_value_usd": money.round_down(money.product(quantity, price)),
        "post_haircut_value_usd": post_haircut_value(quantity, price, haircut),
        "rule_id": rule,
    }
