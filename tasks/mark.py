"""Stage mark: the volatility surface, the mark of every contract in use, and price and haircut of every asset.

Delivered prices stay the decimals they were; a price the model makes is rounded half to even to the digits of the
table. Time to expiry runs from the cycle's own time (as_of_ts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from tasks import reference
from tasks.model import money
from tasks.model.arrays import Bools, Floats
from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin import haircut
from tasks.model.market.surface import ExpiryKey, Prior, Surface
from tasks.model.market.svi import Svi
from tasks.model.policy import Discounting
from tasks.model.pricing import black76, discount, marking, payoff, quoted_surface
from tasks.stage import Context, stage

PRICE_UNIT = Decimal("1e-10")
_PRICE = pl.Decimal(28, 10)
_MARK_COLUMNS: Mapping[str, Any] = {
    "contract_id": pl.String,
    "settlement_price": _PRICE,
    "prev_settlement_price": _PRICE,
    "index_price": _PRICE,
    "forward_price": _PRICE,
    "implied_volatility": pl.Float64,
    "settle_asset_price": _PRICE,
    "final_price": _PRICE,
    "obs_ts": pl.Datetime("us"),
    "age_seconds": pl.Float64,
    "source": pl.String,
    "method": pl.String,
    "quality": pl.String,
}
_SURFACE_COLUMNS: Mapping[str, Any] = {
    "underlying": pl.String,
    "expiry_ts": pl.Datetime("us"),
    "years_to_expiry": pl.Float64,
    "forward_price": pl.Float64,
    "svi_a": pl.Float64,
    "svi_b": pl.Float64,
    "svi_rho": pl.Float64,
    "svi_mu": pl.Float64,
    "svi_s": pl.Float64,
    "method": pl.String,
    "certified": pl.Boolean,
    "min_g": pl.Float64,
    "min_calendar_gap": pl.Float64,
    "n_quotes": pl.Int32,
    "rmse_bp": pl.Float64,
    "tolerance_bp": pl.Float64,
    "n_quoted": pl.Int32,
    "n_inside_half_spread": pl.Int32,
}


@stage("mark")
def mark(context: Context) -> None:
    """Mark every contract that is held, moved or listed. Raises ModelInputError NO_PRICE or NO_VOLATILITY."""
    write_marks(context)


def write_marks(context: Context) -> None:
    """Write surface, marks and asset prices of the run. Raises as `mark`."""
    gate = context.policy.gate
    contracts = context.query(
        "book/slices/mark_contracts",
        predecessor_run_id=context.run["predecessor_run_id"],
        stale_limit_seconds=gate.stale_limit_seconds,
        iv_lowest=gate.iv_lowest,
        iv_highest=gate.iv_highest,
    )
    assets = context.query(
        "book/slices/mark_assets",
        stale_limit_seconds=gate.stale_limit_seconds,
        settle_assets=contracts["settle_asset"].unique().sort().to_list(),
    )
    prices = _asset_prices(assets)
    listed, limits = _listed(contracts, context.run["as_of_ts"], context.policy.discounting), context.policy.surface
    surface = quoted_surface.fit(listed, _prior(context), limits, gate.iv_lowest, gate.iv_highest)
    marks = marking.mark(listed, surface, gate.iv_lowest, gate.iv_highest)
    settle_price = np.array([float(prices[asset]) for asset in contracts["settle_asset"]])
    moves = context.policy.liquidity_concentration.vol_move_per_day
    vol_move = np.array([moves[name] for name in contracts["underlying_asset"]], dtype=np.float64)
    uncertainty = quoted_surface.mark_uncertainty_usd(
        listed, marks, surface, _floats(contracts, "multiplier"), settle_price, vol_move, limits
    )
    context.write("result.asset_price", assets)
    context.write("result.haircut", _haircuts(context, assets["asset"].to_list()))
    context.write("result.surface", _surface_rows(listed, surface))
    context.write(
        "result.mark",
        _mark_rows(contracts, marks, prices).with_columns(
            mark_uncertainty_usd=pl.Series(uncertainty, dtype=pl.Float64)
        ),
    )


def _prior(context: Context) -> dict[ExpiryKey, Prior]:
    """Certified slices of the cycle before."""
    carried = context.carried("result.surface")
    rows = [] if carried is None else carried.filter("certified").iter_rows(named=True)
    return {
        (row["underlying"], np.datetime64(row["expiry_ts"], "us")): Prior(
            Svi(*(row[f"svi_{name}"] for name in ("a", "b", "rho", "mu", "s"))), row["years_to_expiry"]
        )
        for row in rows
    }


def _asset_prices(assets: pl.DataFrame) -> dict[str, Decimal]:
    missing = assets.filter(pl.col("price_usd").is_null())["asset"].to_list()
    if missing:
        raise ModelInputError(
            *(
                Finding(
                    "NO_PRICE",
                    "an asset in use has no index price above zero",
                    where=f"{asset}-USD",
                    action="deliver the price in a new version of the file",
                )
                for asset in missing
            )
        )
    return dict(assets.select("asset", "price_usd").iter_rows())


def _haircuts(context: Context, assets: list[str]) -> pl.DataFrame:
    """Rows of result.haircut: the day's losses of an asset may call for more than the policy does."""
    known = context.query("book/slices/mark_history", business_date=context.key.business_date)
    losses = haircut.calibrated_losses(known, np.datetime64(context.run["as_of_ts"], "D"), context.policy)
    issuers = {asset: reference.assets()[asset].issuer if asset in reference.assets() else "" for asset in assets}
    return haircut.haircut_table(issuers, losses, context.policy)


def _listed(contracts: pl.DataFrame, as_of: Any, rates: Discounting) -> marking.Listed:
    years = black76.years_to_expiry(contracts["expiry_ts"].to_numpy(), np.datetime64(as_of))
    assets = contracts["settle_asset"].to_numpy().astype(np.str_)
    pairs = zip(contracts["kind"], contracts["payoff"], strict=True)
    final = pl.when("expired").then("final_quality").otherwise("quality")
    return marking.Listed(
        ids=tuple(contracts["contract_id"]),
        underlying=np.array(contracts["underlying_asset"].to_list(), dtype=np.str_),
        form=np.array([payoff.form_of(kind, how) for kind, how in pairs], dtype=np.int64),
        strike=_floats(contracts, "strike"),
        is_call=_flags(contracts, pl.col("option_type") == "C"),
        expiry=contracts["expiry_ts"].cast(pl.Datetime("us")).to_numpy(),
        years_to_expiry=years,
        expired=_flags(contracts, pl.col("expired")),
        price=_floats(contracts, "price"),
        stale=_flags(contracts, pl.col("stale")),
        quality=np.array(contracts.select(final.fill_null("")).to_series().to_list(), dtype=np.str_),
        final_price=_floats(contracts, "final_price"),
        index_price=_floats(contracts, "index_price"),
        index_stale=_flags(contracts, pl.col("index_stale")),
        quoted_volatility=_floats(contracts, "quoted_volatility"),
        quoted_forward=_floats(contracts, "quoted_forward"),
        quote_stale=_flags(contracts, pl.col("quote_stale")),
        bid=_floats(contracts, "bid"),
        ask=_floats(contracts, "ask"),
        discount=discount.factors(assets, years, _flags(contracts, pl.col("kind") == "OPT"), rates),
    )


def _floats(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _flags(frame: pl.DataFrame, condition: pl.Expr) -> Bools:
    return frame.select(condition.fill_null(False)).to_series().to_numpy()


def _surface_rows(listed: marking.Listed, surface: Surface) -> pl.DataFrame:
    quality = quoted_surface.quality(listed, surface)
    rows = [
        {
            "underlying": each.underlying,
            "expiry_ts": each.expiry.item(),
            "years_to_expiry": each.years,
            "forward_price": each.forward,
            **{f"svi_{name}": value for name, value in asdict(each.svi).items()},
            "method": each.method,
            "certified": each.certified,
            "min_g": each.min_g,
            "min_calendar_gap": each.min_calendar_gap if np.isfinite(each.min_calendar_gap) else None,
            "n_quotes": each.n_quotes,
            "rmse_bp": None if np.isnan(each.rmse_bp) else each.rmse_bp,
            "tolerance_bp": each.tolerance_bp,
            "n_quoted": quality[key].n_quoted,
            "n_inside_half_spread": quality[key].n_inside,
        }
        for key, each in surface.by_expiry.items()
    ]
    return pl.DataFrame(rows, schema=_SURFACE_COLUMNS)


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
        "contract_id": row["contract_id"],
        "settlement_price": settlement_price,
        "prev_settlement_price": row["prev_settlement_price"],
        "index_price": row["index_price"],
        "forward_price": _rounded(marks.forward[position]) if is_option else settlement_price,
        "implied_volatility": float(marks.volatility[position]) if is_option else None,
        "settle_asset_price": settle_asset_price,
        "final_price": row["final_price"] if row["expired"] else None,
        "obs_ts": seen["obs_ts"],
        "age_seconds": seen["age_seconds"],
        "source": seen["source"],
        "method": method,
        "quality": str(marks.quality[position]),
    }


def _seen(row: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Price, time, age and source of the delivered row a mark stands on: none for a model price."""
    prefix = "final_" if method == "FINAL" else ""
    names = ("price", "obs_ts", "age_seconds", "source")
    return {name: None if method == "MODEL_PRICE" else row[prefix + name] for name in names}


def _rounded(price: float) -> Decimal | None:
    return None if np.isnan(price) else money.round_half_even(float(price), PRICE_UNIT)
