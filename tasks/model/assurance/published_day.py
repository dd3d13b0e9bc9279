"""One published day as a back-test of real accounts sees it: what was held, what marked it, what was asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

ACCOUNT_LEVEL, PORTFOLIO, PRODUCT, LIQUIDITY_GROUP = "ACCOUNT", "PORTFOLIO", "PRODUCT", "LIQUIDITY_GROUP"
LEVELS = (ACCOUNT_LEVEL, PORTFOLIO, PRODUCT, LIQUIDITY_GROUP)


@dataclass(frozen=True)
class PublishedDay:
    """Frames of one end of day, numbers as Float64, null where a figure is missing.

    `positions`: clearing_member_id, margin_account_id, client_id, account_type, contract_id, underlying, quantity
    (contracts, long > 0), kind, payoff, multiplier, strike, option_type, settle_asset.
    `marks`: contract_id, settlement_price, final_price of what expired.
    `flows`: clearing_member_id, margin_account_id, client_id, contract_id, underlying, settle_asset, amount (settlement
    asset, received > 0) of all that was settled on the day: variation margin, funding, premium, fees and payoffs.
    `margins`: clearing_member_id, margin_account_id, client_id, initial_margin_usd, base_margin_usd (with its
    correlation break) of every portfolio.
    `products`: the same key, underlying, margin_usd: what a product group would be asked for alone.
    `collateral`: clearing_member_id, margin_account_id, asset, quantity (native units), joint (whether the asset is
    margined together with the positions).
    """

    business_date: date
    run_id: str
    positions: pl.DataFrame
    marks: pl.DataFrame
    prices: Mapping[str, float]  # USD per unit of an asset
    flows: pl.DataFrame
    margins: pl.DataFrame
    products: pl.DataFrame
    collateral: pl.DataFrame
