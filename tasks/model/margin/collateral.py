"""Collateral of each account by asset, valued and cut (METHODOLOGY 6).

    held: floor_cent(b·p·(1 − h)) − what the tiers take off,   owed: floor_cent(b·p·(1 + h)), b < 0

h is the haircut in force, p the lowest admissible price of what is held and the highest of what is owed. A tier takes
its added fraction off the slice of the market value above its floor, rounded up to a cent: the more of an asset an
account posts, the less the last of it is worth, without a jump, and never less than nothing. What a member may not post
is worth nothing, and neither is what its own house issued: it would fail together with the member it should cover.

What of it counts as cover is decided by the caps of concentration. Exact decimals throughout, tiers apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin.brackets import MarginalTiers
from tasks.model.margin.concentration import Cover, counted_values, to_cover
from tasks.model.margin.haircut import Haircut
from tasks.model.policy import HaircutTiers, Policy

_KEY = ("clearing_member_id", "margin_account_id")
NOT_PERMITTED_RULE = "members.permitted_assets"
OWN_ISSUE_RULE = "assets.issuer"
_ONE, _ZERO = Decimal(1), Decimal("0.00")
_TIER_DIGITS = 6  # of a USD: what float64 holds of any holding, so that no cent comes of a last digit

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "clearing_member_id": pl.String,
    "margin_account_id": pl.String,
    "asset": pl.String,
    "quantity": pl.Decimal(38, 18),
    "price_usd": pl.Decimal(28, 10),
    "haircut_fraction": pl.Decimal(9, 6),
    "tier_cut_usd": pl.Decimal(20, 2),
    "market_value_usd": pl.Decimal(20, 2),
    "post_haircut_value_usd": pl.Decimal(20, 2),
    "rule_id": pl.String,
    "own_margin_usd": pl.Decimal(20, 2),
}
COUNTED_SCHEMA = {**SCHEMA, "counted_value_usd": pl.Decimal(20, 2)}


def value_collateral(balances: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """One valued line per account and asset, in key order.

    `balances`: clearing_member_id, margin_account_id, asset, quantity (native, may be negative), price_usd (null = no
    price), and what `haircut_in_force` reads. Where they have own_margin_fraction, liquidity_haircut_fraction and
    index_price_usd of an asset (see coin_collateral), it is margined with the positions and keeps no market haircut.
    Raises ModelInputError PRICE_MISSING or HAIRCUT_MISSING.
    """
    rows = balances.sort("clearing_member_id", "margin_account_id", "asset")
    return pl.DataFrame([_line(row, policy) for row in rows.iter_rows(named=True)], schema=SCHEMA)


def count_as_cover(
    lines: pl.DataFrame,
    required: Mapping[tuple[str, str], Decimal],
    issuers: Mapping[str, str],
    policy: Policy,
    alone: Mapping[tuple[str, str], Decimal],
) -> pl.DataFrame:
    """The valued lines with counted_value_usd: what of each counts after the caps.

    lines: see `value_collateral`. required: total initial margin by (clearing_member_id, margin_account_id). alone:
    of accounts in joint mode, total initial margin of their positions alone.
    """
    rows = []
    for account, own in groupby(lines.iter_rows(named=True), key=lambda row: (row[_KEY[0]], row[_KEY[1]])):
        held = list(own)
        cover = cover_of(held, required.get(account, Decimal(0)), alone.get(account))
        counted = counted_values(cover, issuers, policy.collateral.cap)
        rows += [{**row, "counted_value_usd": counted[row["asset"]]} for row in held]
    return pl.DataFrame(rows, schema=COUNTED_SCHEMA)


def cover_of(lines: Iterable[Mapping[str, Any]], required: Decimal, alone: Decimal | None) -> Cover:
    """Collateral of one account as the caps see it; see `count_as_cover`."""
    held = list(lines)
    values = {row["asset"]: row["post_haircut_value_usd"] for row in held}
    if alone is None:
        return Cover(values, to_cover(values, required))
    return Cover(values, alone, {row["asset"]: row["own_margin_usd"] or _ZERO for row in held})


def post_haircut_value(quantity: Decimal, price: Decimal, haircut: Decimal) -> Decimal:
    """USD after haircut, towards minus infinity: taken off what is held, added to what is owed."""
    kept = _ONE - haircut if quantity >= 0 else _ONE + haircut
    return money.round_down(money.product(quantity, price, kept))


def haircut_in_force(row: Mapping[str, Any]) -> Haircut:
    """Haircut of a balance and the rule it comes from.

    row: asset, quantity, its haircut_fraction and haircut_rule (see haircut), permitted_assets (names separated by |,
    null = all), issuer of the asset (empty = none), related_parties (the member and its group, separated by |). What
    is owed keeps the asset's haircut. Raises ModelInputError HAIRCUT_MISSING or UNKNOWN_MEMBER.
    """
    if row["quantity"] > 0 and not _is_permitted(row["asset"], row["permitted_assets"]):
        return Haircut(_ONE, NOT_PERMITTED_RULE)
    if row["quantity"] > 0 and row["issuer"] and row["issuer"] in _parties(row):
        return Haircut(_ONE, OWN_ISSUE_RULE)
    if row["haircut_fraction"] is None:
        raise ModelInputError(
            Finding("HAIRCUT_MISSING", "an asset has no haircut", where=row["asset"], action="run the cycle from mark")
        )
    return Haircut(row["haircut_fraction"], row["haircut_rule"])


def tier_cut(asset: str, market_value: Decimal, haircut: Decimal, policy: Policy) -> Decimal:
    """USD the tiers take off a holding besides the haircut, rounded up to a cent: of no slice more than is left."""
    rule = policy.collateral.tiers
    if asset not in rule.assets or market_value <= _first_charged(rule):
        return _ZERO
    return money.round_up(round(float(_tiers(rule, haircut).total(np.array(float(market_value)))), _TIER_DIGITS))


def _first_charged(rule: HaircutTiers) -> float:
    """USD up to which the tiers take nothing off."""
    tiers = zip(rule.floor_usd, rule.added_fraction, strict=True)
    return next((floor for floor, added in tiers if added > 0.0), math.inf)


@cache
def _tiers(rule: HaircutTiers, haircut: Decimal) -> MarginalTiers:
    return MarginalTiers(rule.floor_usd, tuple(min(added, float(_ONE - haircut)) for added in rule.added_fraction))


def own_margin(quantity: Decimal, index_price: Decimal, fraction: Decimal) -> Decimal:
    """USD that a coin held can add to the requirement at most, rounded up to a cent; nothing where it is owed."""
    return money.round_up(money.product(max(quantity, Decimal(0)), index_price, fraction))


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


def _parties(row: Mapping[str, Any]) -> list[str]:
    """The holder and its group. Raises ModelInputError UNKNOWN_MEMBER where not even the holder is known."""
    if not row["related_parties"]:
        raise ModelInputError(
            Finding(
                "UNKNOWN_MEMBER", "who holds an asset is not known", where=row["asset"], action="deliver the member"
            )
        )
    return list(row["related_parties"].split("|"))


def _line(row: dict[str, Any], policy: Policy) -> dict[str, Any]:
    asset, quantity = str(row["asset"]), money.exact(row["quantity"])
    price = required_price(asset, row["price_usd"])
    own = row.get("own_margin_fraction")
    if own is not None and None in (row["liquidity_haircut_fraction"], row["index_price_usd"]):
        raise ModelInputError(Finding("HAIRCUT_MISSING", "a coin in joint mode lacks its terms", where=asset))
    haircut, rule = haircut_in_force(row) if own is None else _joint_haircut(row)
    market = money.round_down(money.product(quantity, price))
    value, cut = post_haircut_value(quantity, price, haircut), tier_cut(asset, market, haircut, policy)
    return {
        "clearing_member_id": row["clearing_member_id"],
        "margin_account_id": row["margin_account_id"],
        "asset": asset,
        "quantity": quantity,
        "price_usd": price,
        "haircut_fraction": haircut,
        "tier_cut_usd": cut,
        "market_value_usd": market,
        "post_haircut_value_usd": max(value - cut, _ZERO) if cut else value,
        "rule_id": rule,
        "own_margin_usd": None if own is None else own_margin(quantity, row["index_price_usd"], own),
    }


def _joint_haircut(row: Mapping[str, Any]) -> Haircut:
    return Haircut(row["liquidity_haircut_fraction"], f"collateral.liquidity_haircut_fraction.{row['asset']}")
