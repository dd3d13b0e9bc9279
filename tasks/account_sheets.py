"""PB02 of real accounts: a cause sheet for every account whose loss was above its margin. For risk, never published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from tasks import account_back_test, account_zones, status
from tasks.home import Home, write_atomically
from tasks.model.assurance.published_day import PRODUCT
from tasks.model.errors import LeveeError
from tasks.model.margin.portfolio import ACCOUNT
from tasks.rendering import render

PAGE = "back-test.html"
_KEY = ["margin_date", *ACCOUNT]


def write(home: Home) -> Path:
    """Write the page to home/site; a reader sees the old one or the new one. Returns its path."""
    target = home.site / PAGE
    rows = account_back_test.rows(home)
    content = render(
        "account_exceptions",
        environment=home.environment,
        summary=account_zones.summary(rows),
        zone=account_zones.zone(rows),
        sheets=list(sheets(home, rows)),
    )
    write_atomically(target, content)
    return target


def sheets(home: Home, rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Every breach, latest first: loss, margin and cover, the product that lost most, its move and volatility before,
    and how many days other breaches of the account are away.
    """
    found = account_zones.breached(rows).sort("margin_date", *ACCOUNT, descending=[True, False, False])
    products = rows.filter(pl.col("level") == PRODUCT).drop_nulls("clean_loss_usd")
    worst = products.sort(*_KEY, "clean_loss_usd").group_by(_KEY, maintain_order=True).last()
    causes = worst.select(*_KEY, "product", pl.col("clean_loss_usd").alias("product_loss_usd"))
    since = pl.col("margin_date").diff().dt.total_days().over(ACCOUNT, order_by="margin_date")
    for row in found.with_columns(days_since=since).drop("product").join(causes, on=_KEY, how="left").to_dicts():
        yield row | _market(home, row)


def _market(home: Home, row: dict[str, Any]) -> dict[str, Any]:
    """Move of the product's price over the period, and its volatility as forecast when the margin was asked for."""
    first, *_, last = row["rests_on"].split(" ")
    before, after = _price(home, first, row["product"]), _price(home, last, row["product"])
    try:
        liquidity = status.exported(home, first, "result.liquidity").filter(pl.col("underlying") == row["product"])
    except LeveeError:
        return {"move": None, "volatility": None}
    volatility = liquidity["volatility_per_day"][0] if liquidity.height else None
    return {"move": after / before - 1.0 if before and after else None, "volatility": volatility}


def _price(home: Home, run_id: str, product: str) -> float | None:
    """Index of a product as a run marked it, None where the run has none."""
    try:
        marks = status.exported(home, run_id, "result.mark")
        contracts = status.exported(home, run_id, "book.contract").filter(pl.col("underlying_asset") == product)
    except LeveeError:
        return None
    found = marks.join(contracts, on="contract_id").sort("contract_id")["index_price"].drop_nulls()
    return float(found[0]) if len(found) else None
