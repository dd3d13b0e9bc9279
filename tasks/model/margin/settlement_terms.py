"""What settling a position takes from its contract: form, prices, unit of the settlement asset and funding rate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import polars as pl

from tasks.model import money
from tasks.model.errors import Finding, ModelInputError
from tasks.model.policy import ByName
from tasks.model.pricing import payoff
from tasks.model.pricing.settlement import EXACT

DAY_SECONDS = 86_400
USUAL_FUNDING_INTERVAL_SECONDS = 28_800

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Terms:
    """A contract as settled. Prices are None where there is none; `funding_rate` sums the cycle's intervals."""

    kind: str
    form: int
    multiplier: Decimal
    settle_asset: str
    unit: Decimal
    previous: Decimal | None
    current: Decimal | None
    final: Decimal | None
    expired: bool
    is_call: bool
    strike: Decimal
    funding_rate: Decimal
    funding_quality: str  # OK, PROXY or NONE (no perpetual)


def terms_by_contract(
    contracts: pl.DataFrame, funding: pl.DataFrame, decimals: Mapping[str, int], reference_rate: ByName
) -> dict[str, Terms]:
    """Terms of each contract by its id; arguments as in `variation.settle`. Raises ModelInputError UNKNOWN_ASSET."""
    delivered = defaultdict(list)
    for contract_id, rate in funding.select("contract_id", "funding_rate").iter_rows():
        delivered[contract_id].append(rate)
    return {
        row["contract_id"]: _terms(row, _unit(row, decimals), *_funding(row, delivered, reference_rate))
        for row in contracts.iter_rows(named=True)
    }


def _terms(row: Mapping[str, Any], unit: Decimal, funding_rate: Decimal, funding_quality: str) -> Terms:
    return Terms(
        kind=row["kind"],
        form=payoff.form_of(row["kind"], row["payoff"]),
        multiplier=row["multiplier"],
        settle_asset=row["settle_asset"],
        unit=unit,
        previous=row["prev_settlement_price"],
        current=row["settlement_price"],
        final=row["final_price"],
        expired=row["expired"],
        is_call=row["option_type"] == "C",
        strike=row["strike"] or _ZERO,
        funding_rate=funding_rate,
        funding_quality=funding_quality,
    )


def _unit(row: Mapping[str, Any], decimals: Mapping[str, int]) -> Decimal:
    asset = row["settle_asset"]
    if asset not in decimals:
        raise ModelInputError(
            Finding(
                "UNKNOWN_ASSET",
                "the settlement asset has no reference data",
                where=row["contract_id"],
                value=asset,
                action="add it to the reference data",
            )
        )
    return money.settlement_unit(decimals[asset])


def _funding(
    row: Mapping[str, Any], delivered: Mapping[str, list[Decimal]], reference_rate: ByName
) -> tuple[Decimal, str]:
    """Sum of a perpetual's rates over the cycle, each within its cap, and where they came from."""
    if row["kind"] != "PERP":
        return _ZERO, "NONE"
    with localcontext(EXACT):
        rates = delivered.get(row["contract_id"])
        if rates:
            return sum((_within(rate, row["funding_cap"]) for rate in rates), _ZERO), "OK"
        rate = _within(money.exact(float(reference_rate[row["underlying_asset"]])), row["funding_cap"])
        return rate * DAY_SECONDS / (row["funding_interval_s"] or USUAL_FUNDING_INTERVAL_SECONDS), "PROXY"


def _within(rate: Decimal, cap: Decimal | None) -> Decimal:
    return rate if cap is None else max(-cap, min(cap, rate))
