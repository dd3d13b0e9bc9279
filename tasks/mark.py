"""Stage mark: the settlement price, forward and volatility of every contract in use, and the USD price of every asset.

Delivered prices stay the decimals they were; a price the model makes is rounded half to even to the digits of the
table. Time to expiry runs from the cycle's own time (as_of_ts).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Bools, Floats
from tasks.model.errors import Finding, ModelInputError
from tasks.model.pricing import black76, marking, payoff
from tasks.stage import Context, stage

PRICE_UNIT = Decimal("1e-10")
_PRICE = pl.Decimal(28, 10)
_MARK_COLUMNS: Mapping[str, Any] = {
    "contract_id": pl.String, "settlement_price": _PRICE, "prev_settlement_price": _PRICE, "index_price": _PRICE,
    "forward_price": _PRICE, "implied_volatility": pl.Float64, "settle_asset_price": _PRICE, "final_price": _PRICE,
    "obs_ts": pl.Datetime("us"), "age_seconds": pl.Float64, "source": pl.String, "method": pl.String,
    "quality": pl.String,
}  # fmt: skip


@stage("mark")
def mark(context: Context) -> None:
    """Mark every contract that is held, moved or listed. Raises ModelInputError NO_PRICE or NO_VOLATILITY."""
    gate = context.policy.gate
    contracts = context.query(
        "book/slices/mark_contracts", predecessor_run_id=context.run["predecessor_run_id"],
        stale_limit_seconds=gate.stale_limit_seconds, iv_lowest=gate.iv_lowest, iv_highest=gate.iv_highest,
    )  # fmt: skip
    assets = context.query("book/slices/mark_assets", stale_limit_seconds=gate.stale_limit_seconds,
                           settle_assets=contracts["settle_asset"].unique().sort().to_list())  # fmt: skip
    prices = _asset_prices(assets)
    marks = marking.mark(_listed(contracts, context.run["as_of_ts"]), gate.iv_lowest, gate.iv_highest)
    context.write("result.asset_price", assets)
    context.write("result.mark", _mark_rows(contracts, marks, prices))


def _asset_prices(assets: pl.DataFrame) -> dict[str, Decimal]:
    missing = assets.filter(pl.col("price_usd").is_null())["asset"].to_list()
    if missing:
        raise ModelInputError(
            *(Finding("NO_PRICE", "an asset in use has no index price above zero", where=f"{asset}-USD",
                      action="deliver the price in a new version of the file") for asset in missing)
        )  # fmt: skip
    return dict(assets.select("asset", "price_usd").iter_rows())


def _listed(contracts: pl.DataFrame, as_of: Any) -> marking.Listed:
    pairs = zip(contracts["kind"], contracts["payoff"], strict=True)
    final = pl.when("expired").then("final_quality").otherwise("quality")
    return marking.Listed(
        ids=tuple(contracts["contract_id"]),
        underlying=np.array(contracts["underlying_asset"].to_list(), dtype=np.str_),
        form=np.array([payoff.form_of(kind, how) for kind, how in pairs], dtype=np.int64),
        strike=_floats(contracts, "strike"),
        is_call=_flags(contracts, pl.col("option_type") == "C"),
        years_to_expiry=black76.years_to_expiry(contracts["expiry_ts"].to_numpy(), np.datetime64(as_of)),
        expired=_flags(contracts, pl.col("expired")),
        price=_floats(contracts, "price"),
        stale=_flags(contracts, pl.col("stale")),
        quality=np.array(contracts.select(final.fill_null("")).to_series().to_list(), dtype=np.str_),
        final_price=_floats(contracts, "final_price"),
        index_price=_floats(contracts, "index_price"),
        index_stale=_flags(contracts, pl.col("index_stale")),
        quoted_volatility=_floats(contracts, "quoted_volatility"),
        quoted_forward=_floats(contracts, "quoted_forward"),
    )


def _floats(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _flags(frame: pl.DataFrame, condition: pl.Expr) -> Bools:
    return frame.select(condition.fill_null(False)).to_series().to_numpy()


def _mark_rows(contracts: pl.DataFrame, marks: marking.Marks, prices: Mapping[str, Decimal]) -> pl.DataFrame:
    rows = [
        _mark_row(row, position, marks, prices[row["settle_asset"]])
        for position, row in enumerate(contracts.iter_rows(named=True))
    ]
    return pl.DataFrame(rows, schema=_MARK_COLUMNS)


def _mark_row(
    row: Mapping[str, Any], position: int, marks: marking.Marks, settle_asset_price: Decimal
) -> dict[str, Any]:
    method, is_option = str(marks.method[position]), row["kind"] == "OPT"
    seen = _seen(row, method)
    modelled = _rounded(marks.model_price[position])
    settlement_price = seen["price"] if modelled is None else modelled
    return {
        "contract_id": row["contract_id"], "settlement_price": settlement_price,
        "prev_settlement_price": row["prev_settlement_price"], "index_price": row["index_price"],
        "forward_price": _rounded(marks.forward[position]) if is_option else settlement_price,
        "implied_volatility": float(marks.volatility[position]) if is_option else None,
        "settle_asset_price": settle_asset_price, "final_price": row["final_price"] if row["expired"] else None,
        "obs_ts": seen["obs_ts"], "age_seconds": seen["age_seconds"], "source": seen["source"], "method": method,
        "quality": str(marks.quality[position]),
    }  # fmt: skip


def _seen(row: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Price, time, age and source of the delivered row a mark stands on: none for a model price."""
    prefix = "final_" if method == "FINAL" else ""
    names = ("price", "obs_ts", "age_seconds", "source")
    return {name: None if method == "MODEL_PRICE" else row[prefix + name] for name in names}


def _rounded(price: float) -> Decimal | None:
    return None if np.isnan(price) else money.round_half_even(float(price), PRICE_UNIT)
