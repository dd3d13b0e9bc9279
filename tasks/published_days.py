"""Published ends of day as a back-test of real accounts reads them: from exports, never the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from tasks import status
from tasks.home import Home
from tasks.model.assurance.published_day import PublishedDay
from tasks.model.margin.portfolio import ACCOUNT, GROSS, KEY

CYCLE = "EOD"
_SETTLED = ("variation_margin", "funding", "premium", "fees", "settlement")
_BASE = ("BASE_MARGIN", "CORRELATION_BREAK")
_SUSPENDED = "^SUSPENSE"  # lines nobody is sure of have a margin and no account that holds them


def published_day(home: Home, business_date: date, run_id: str) -> PublishedDay:
    """The frames of a run. Raises LeveeError UNKNOWN_ID or STATE_UNREADABLE where an export is not there."""

    def table(name: str) -> pl.DataFrame:
        return status.exported(home, run_id, name)

    contracts = table("book.contract").select(
        *("contract_id", "kind", "payoff", "option_type", "settle_asset"),
        pl.col("underlying_asset").alias("underlying"),
        pl.col("multiplier", "strike").cast(pl.Float64),
    )
    marks = table("result.mark")
    book = table("book.position")
    return PublishedDay(
        business_date,
        run_id,
        _positions(book, contracts),
        marks.select("contract_id", pl.col("settlement_price", "final_price").cast(pl.Float64)),
        _prices(table("result.asset_price"), marks, contracts),
        _flows(table("result.variation"), book, contracts),
        _margins(table("result.portfolio"), table("result.requirement")),
        _products(table("result.portfolio_risk")),
        _collateral(table("result.collateral")),
    )


def _positions(book: pl.DataFrame, contracts: pl.DataFrame) -> pl.DataFrame:
    """Open positions; only a gross account has a portfolio for each client."""
    open_ = book.filter(pl.col("qty_close") != 0).select(
        *ACCOUNT,
        pl.when(pl.col("account_type") == GROSS).then("client_id").otherwise(pl.lit("")).alias("client_id"),
        *("account_type", "contract_id"),
        pl.col("qty_close").cast(pl.Float64).alias("quantity"),
    )
    return open_.join(contracts, on="contract_id", how="left").sort(*KEY, "contract_id")


def _prices(assets: pl.DataFrame, marks: pl.DataFrame, contracts: pl.DataFrame) -> Mapping[str, float]:
    """USD per unit of every asset, of those that settle contracts as they were marked."""
    settled = marks.join(contracts, on="contract_id").select(
        "settle_asset", pl.col("settle_asset_price").cast(pl.Float64)
    )
    found = dict(settled.drop_nulls().unique("settle_asset", keep="any").iter_rows())
    return found | dict(assets.select("asset", pl.col("price_usd").cast(pl.Float64)).drop_nulls().iter_rows())


def _flows(variation: pl.DataFrame, book: pl.DataFrame, contracts: pl.DataFrame) -> pl.DataFrame:
    gross = book.filter(pl.col("account_type") == GROSS).select(ACCOUNT).unique()
    flows = variation.select(
        *KEY,
        *("contract_id", "settle_asset"),
        pl.sum_horizontal(pl.col(name).cast(pl.Float64) for name in _SETTLED).alias("amount"),
    )
    by_client = flows.join(gross, on=ACCOUNT, how="semi")
    whole = flows.join(gross, on=ACCOUNT, how="anti").with_columns(client_id=pl.lit(""))
    terms = contracts.select("contract_id", "underlying")
    return pl.concat([by_client, whole]).filter(pl.col("amount") != 0).join(terms, on="contract_id", how="left")


def _margins(portfolios: pl.DataFrame, requirement: pl.DataFrame) -> pl.DataFrame:
    base = requirement.filter(pl.col("component").is_in(_BASE)).group_by(KEY).agg(pl.col("amount_usd").sum())
    return (
        portfolios.filter(~pl.col("client_id").str.contains(_SUSPENDED))
        .join(base, on=KEY, how="left")
        .select(
            *KEY,
            pl.col("initial_margin_usd").cast(pl.Float64),
            pl.col("amount_usd").cast(pl.Float64).fill_null(0.0).alias("base_margin_usd"),
        )
        .sort(KEY)
    )


def _products(risk: pl.DataFrame) -> pl.DataFrame:
    alone = pl.max_horizontal(pl.col("blended_es_usd", "grid_loss_usd").cast(pl.Float64))
    return risk.filter(pl.col("underlying") != "ALL").select(*KEY, "underlying", alone.alias("margin_usd"))


def _collateral(collateral: pl.DataFrame) -> pl.DataFrame:
    return collateral.select(
        *ACCOUNT,
        "asset",
        pl.col("quantity").cast(pl.Float64),
        pl.col("own_margin_usd").is_not_null().alias("joint"),
    ).sort(*ACCOUNT, "asset")
