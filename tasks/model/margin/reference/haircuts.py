"""What other models would count of the same collateral: dated parameters by asset, beside the house's haircuts.

Two rules. Tiers count each slice of an account's amount at its own rate. A size weight counts less the larger a deposit
is, and less once all accounts together hold more than a start value: the venue as a whole is concentrated then. What
is owed counts whole under both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import numpy as np
import polars as pl

from tasks.model import policy_file
from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, PolicyError
from tasks.model.margin.brackets import MarginalTiers
from tasks.model.margin.reference.size_weight import SIZE_ONE, WEIGHT_ONE, SizeWeight, asset_weight, weight_at_deposits
from tasks.model.policy import Bound, Choice

_QUOTE_ONE = 1_000_000
_KEY = ("clearing_member_id", "margin_account_id")


@dataclass(frozen=True)
class TieredValue:
    """Rates by the amount of one account, the floors in coins or in USD."""

    unit: Annotated[str, Choice("COIN", "USD")]
    floors: Annotated[tuple[float, ...], Bound(0.0, 1e15, "coins or USD")]
    rates: Annotated[tuple[float, ...], Bound(0.0, 1.0, "fraction of value that counts")]

    def counted(self, quantity: Floats, price: float) -> Floats:
        """USD of holdings >= 0."""
        tiers = MarginalTiers(self.floors, self.rates)
        return tiers.total(quantity) * price if self.unit == "COIN" else tiers.total(quantity * price)


@dataclass(frozen=True)
class WeightedValue:
    """A weight that falls with the size of a deposit and with the deposits of all accounts, in exact integers."""

    weight: Annotated[int, Bound(0, 10_000, "1e-4 of value")]
    size_factor: Annotated[int, Bound(0, 10_000_000, "1e-6 per sqrt(unit)")]
    deposits_start_usd: Annotated[int, Bound(0, 10**12, "USD of all accounts, 0 = never scaled")]

    def counted(self, quantity: Floats, price: float) -> Floats:
        """USD of holdings >= 0 of all accounts."""
        start = self.deposits_start_usd * _QUOTE_ONE
        deposits = round(float(np.add.reduce(quantity)) * price * _QUOTE_ONE)
        scaled = weight_at_deposits(SizeWeight(self.weight, self.size_factor, start), deposits)
        rule = SizeWeight(scaled, self.size_factor)
        weights = [asset_weight(rule, round(size * SIZE_ONE)) for size in quantity.tolist()]
        return np.asarray(quantity * price * np.array(weights, dtype=np.float64) / WEIGHT_ONE)


_RULES: Mapping[str, type[TieredValue | WeightedValue]] = {"tiers": TieredValue, "size_weight": WeightedValue}


@dataclass(frozen=True)
class ReferenceHaircut:
    """A dated parameter set: a rule by asset, and under `default` the rule of every other asset."""

    name: str
    effective_date: date
    assets: Mapping[str, TieredValue | WeightedValue]

    def rule(self, asset: str) -> TieredValue | WeightedValue:
        """Rule of an asset."""
        return self.assets.get(asset, self.assets["default"])


def parse(content: Mapping[str, Any], name: str, effective_date: date) -> ReferenceHaircut:
    """Parameter set of a file's content. Raises PolicyError PARAM_STATE, or BRACKETS where tiers are malformed."""
    assets = content.get("assets", {})
    if "default" not in assets or any(each.get("kind") not in _RULES for each in assets.values()):
        raise PolicyError(
            Finding(
                "PARAM_STATE",
                "an asset has no rule, or none is the default",
                where=name,
                limit=" ".join(_RULES),
                action="correct the parameter file",
            )
        )
    rules = {asset: _rule(each, name, f"assets.{asset}") for asset, each in assets.items()}
    for each in rules.values():
        each.counted(np.zeros(1), 1.0)
    return ReferenceHaircut(name, effective_date, rules)


def reference_collateral(holdings: pl.DataFrame, model: ReferenceHaircut) -> pl.DataFrame:
    """USD each account's collateral counts under a model, by account in key order: key, model, counted_usd (float).

    holdings: clearing_member_id, margin_account_id, asset, quantity (native, below 0 where owed), price_usd, one row
    for each account and asset, all accounts of the house. Raises ModelInputError NON_FINITE where a number is missing.
    """
    ordered = holdings.sort(*_KEY, "asset")
    quantity = require_finite("quantity", ordered["quantity"].cast(pl.Float64).to_numpy())
    price = require_finite("price", ordered["price_usd"].cast(pl.Float64).to_numpy())
    counted = np.minimum(quantity, 0.0) * price
    names = ordered["asset"].to_numpy()
    for asset in sorted(set(names.tolist())):
        rows = np.flatnonzero(names == asset)
        counted[rows] += model.rule(asset).counted(np.maximum(quantity[rows], 0.0), float(price[rows[0]]))
    accounts = ordered.select(_KEY).unique(maintain_order=True)
    place = {key: index for index, key in enumerate(accounts.iter_rows())}
    at = np.array([place[key] for key in ordered.select(_KEY).iter_rows()], dtype=np.int64)
    return accounts.with_columns(
        model=pl.lit(model.name), counted_usd=pl.Series(np.bincount(at, counted, len(place)), dtype=pl.Float64)
    )


def _rule(content: Mapping[str, Any], name: str, path: str) -> TieredValue | WeightedValue:
    fields = {key: each for key, each in content.items() if key != "kind"}
    rule: TieredValue | WeightedValue = policy_file.table(_RULES[content["kind"]], fields, name, path)
    return rule
