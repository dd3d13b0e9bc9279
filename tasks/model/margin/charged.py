"""Collateral that requirement lines charge for its own risk: as far as it counts as cover, and no further.

WRONG_WAY and STABLECOIN_DEPEG ask for more the more is held. What caps cut off covers nothing, so it is not charged
either: else who holds more would be called for more. What counts is measured on what the positions need before any such
charge; that is never above the requirement, so all of it counts there too (docs/decisions).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import polars as pl

from tasks.model import money
from tasks.model.margin.collateral import SCHEMA, count_as_cover
from tasks.model.margin.outright import outright
from tasks.model.margin.portfolio import ACCOUNT
from tasks.model.margin.tails import ScenarioSets
from tasks.model.policy import Policy


def may_be_charged(
    collateral: pl.DataFrame, sets: list[ScenarioSets], stablecoins: Collection[str], policy: Policy
) -> bool:
    """Whether a stablecoin stands below its threshold, or the tail of a coin alone above its haircut.

    Where neither does, no part of the collateral is charged. collateral: lines of `collateral.value_collateral`.
    """
    below = pl.col("price_usd") < money.exact(policy.stablecoin_depeg.threshold)
    if not collateral.filter(below & pl.col("asset").is_in(list(stablecoins))).is_empty():
        return True
    rates: dict[str, float] = {}
    for each in sets:
        of_set = outright(each, policy)
        for name, *sides in zip(of_set.underlyings, of_set.long, of_set.short, strict=True):
            rates[name] = max(rates.get(name, 0.0), *sides)
    haircuts = collateral.select("asset", "haircut_fraction").unique().iter_rows()
    return any(rates.get(asset, 0.0) > haircut for asset, haircut in haircuts)


def counting(
    collateral: pl.DataFrame, portfolios: pl.DataFrame, balances: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """The valued lines, of what is held as much as counts as cover; what is owed stays whole.

    collateral: lines of `collateral.value_collateral` of the balances. portfolios: result.portfolio of the positions.
    """
    required: dict[tuple[str, str], Decimal] = {}
    for member, account, amount in portfolios.select(*ACCOUNT, "total_initial_margin_usd").iter_rows():
        required[member, account] = required.get((member, account), Decimal(0)) + amount
    joint = collateral.filter(pl.col("own_margin_usd").is_not_null()).select(ACCOUNT).unique()
    alone = {key: required[key] for key in joint.iter_rows() if key in required}
    issuers = {asset: issuer for asset, issuer in balances.select("asset", "issuer").unique().iter_rows() if issuer}
    counted = count_as_cover(collateral, required, issuers, policy, alone)
    return pl.DataFrame([_part(row) for row in counted.iter_rows(named=True)], schema=SCHEMA)


def _part(row: Mapping[str, Any]) -> dict[str, Any]:
    whole, counted = row["post_haircut_value_usd"], row["counted_value_usd"]
    kept = {name: row[name] for name in SCHEMA}
    if counted == whole:
        return kept
    market = floor(Fraction(row["market_value_usd"]) * Fraction(counted) / Fraction(whole) * 100) * money.CENT
    return {**kept, "market_value_usd": market, "post_haircut_value_usd": counted}
