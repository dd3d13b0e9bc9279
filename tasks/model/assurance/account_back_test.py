"""Back-test of real margin accounts: what each lost over its liquidation period against what it was asked for.

Clean: the book is held constant and valued at the marks of the end of each product's liquidation period. Dirty: what
was settled meanwhile, trades, funding and fees with it, and the change of what its options are worth; without any of
these the two are the same. Excluding collateral a loss is compared with the margin; including it, with the collateral
of the day at the later prices and the options held. Coin that is margined together with the positions is one of them.

Levels: the account; the portfolio of each client; the product (one underlying), against what it would be asked for
alone; the liquidity group (products with one liquidation period), against its share of the portfolio's base margin by
these. Loss > 0. Reference: METHODOLOGY 9; CPMI-IOSCO (2015), item 6.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from tasks.model.arrays import Floats
from tasks.model.assurance.held_constant import option_values, position_losses
from tasks.model.assurance.published_day import (
    ACCOUNT_LEVEL,
    LIQUIDITY_GROUP,
    PORTFOLIO,
    PRODUCT,
    PublishedDay,
)
from tasks.model.margin.portfolio import ACCOUNT, KEY
from tasks.model.policy import LiquidationPeriod

SCHEMA = pl.Schema(
    {
        "level": pl.String,
        **dict.fromkeys(KEY, pl.String),
        "product": pl.String,
        "horizon_days": pl.Int64,
        "margin_usd": pl.Float64,
        "clean_loss_usd": pl.Float64,
        "dirty_loss_usd": pl.Float64,
        "cover_usd": pl.Float64,
    }
)
_LOSSES = ["clean_loss_usd", "dirty_loss_usd"]
_PRODUCT = [*KEY, "underlying"]
_MISSING = float("nan")


def back_test_day(days: Mapping[date, PublishedDay], day: date, periods: LiquidationPeriod) -> pl.DataFrame:
    """Every account, portfolio, product and liquidity group that held something on a day, in key order.

    days: the day itself and those after it that are published. A loss whose end, or a flow on whose way, is not there
    is NaN; cover_usd is NaN for all levels but the account. Columns: SCHEMA.
    """
    held = _held(days[day], periods)
    if held.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    types = held.select(*ACCOUNT, "account_type").unique(ACCOUNT, keep="any")
    clean = pl.concat(_clean(days, day, held, horizon) for horizon in _horizons(held))
    dirty = pl.concat(_dirty(days, day, held, types, horizon, periods) for horizon in _horizons(held))
    lost = summed(pl.concat([clean, dirty]), [*_PRODUCT, "horizon_days"], _LOSSES)
    known = lost.join(held.select(_PRODUCT).unique(), on=_PRODUCT, how="semi")
    levels = [
        _accounts(days, day, lost),
        _portfolios(days[day], lost),
        _products(days[day], known),
        _groups(days[day], lost, known),
    ]
    return pl.concat(each.select(SCHEMA.names()).cast(SCHEMA) for each in levels).sort("level", *KEY, "product")


def summed(rows: pl.DataFrame, key: Sequence[str], values: Sequence[str]) -> pl.DataFrame:
    """Sums of float columns by key, in the order of the sorted rows: the same bits whatever order they came in.

    A NaN makes its sum NaN.
    """
    ordered = rows.select(*key, *values).sort(*key, *values)
    groups = ordered.select(pl.struct(key).rle_id().alias("group"))["group"].to_numpy()
    sums = [pl.Series(name, np.bincount(groups, weights=ordered[name].to_numpy())) for name in values]
    return ordered.select(key).unique(maintain_order=True).with_columns(sums)


def _horizons(held: pl.DataFrame) -> list[int]:
    return sorted(set(held["horizon_days"]))


def _held(day: PublishedDay, periods: LiquidationPeriod) -> pl.DataFrame:
    """Positions and coin margined with them, each with the liquidation period of its underlying."""
    coin = day.collateral.filter("joint").select(
        *ACCOUNT, pl.lit("").alias("client_id"), pl.col("asset").alias("underlying"), "quantity"
    )
    types = day.positions.select(*ACCOUNT, "account_type").unique(ACCOUNT, keep="any")
    both = pl.concat([day.positions, coin.join(types, on=ACCOUNT)], how="diagonal")
    return _with_horizon(both, periods)


def _with_horizon(rows: pl.DataFrame, periods: LiquidationPeriod) -> pl.DataFrame:
    horizon = [int(periods.of(kind)[name]) for kind, name in rows.select("account_type", "underlying").iter_rows()]
    return rows.with_columns(horizon_days=pl.Series(horizon, dtype=pl.Int64))


def _clean(days: Mapping[date, PublishedDay], day: date, held: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """What each product with a liquidation period lost at the marks of its end."""
    there = held.filter(pl.col("horizon_days") == horizon)
    end, is_coin = days.get(day + timedelta(days=horizon)), pl.col("contract_id").is_null()
    if end is None:
        return _columns(there, np.full(there.height, _MISSING), np.zeros(there.height))
    start, contracts, coin = days[day], there.filter(~is_coin), there.filter(is_coin)
    marks = _ending(days, day, horizon)
    lost = position_losses(contracts, start.marks, marks, start.prices, end.prices)
    fallen = [start.prices.get(asset, _MISSING) - end.prices.get(asset, _MISSING) for asset in coin["underlying"]]
    of_coin = coin["quantity"].to_numpy() * np.array(fallen, dtype=np.float64)
    # Coin held is held: it loses the same whatever is traded.
    both = [_columns(contracts, lost, np.zeros(contracts.height)), _columns(coin, of_coin, of_coin)]
    return pl.concat(both)


def _ending(days: Mapping[date, PublishedDay], day: date, horizon: int) -> pl.DataFrame:
    """Marks at the end of the period, and the final price of what expired on the way."""
    way = [days[on] for step in range(horizon + 1) if (on := day + timedelta(days=step)) in days]
    finals = pl.concat(each.marks.select("contract_id", "final_price").drop_nulls() for each in way)
    finals = finals.unique("contract_id", keep="first", maintain_order=True)
    marks = way[-1].marks.select("contract_id", "settlement_price")
    return marks.join(finals, on="contract_id", how="full", coalesce=True)


def _dirty(
    days: Mapping[date, PublishedDay],
    day: date,
    held: pl.DataFrame,
    types: pl.DataFrame,
    horizon: int,
    periods: LiquidationPeriod,
) -> pl.DataFrame:
    """What was settled until the end of the period, and what options came to: of all that was held or traded since."""
    there = held.filter(pl.col("horizon_days") == horizon, pl.col("contract_id").is_not_null())
    way = [each for step in range(1, horizon + 1) if (each := days.get(day + timedelta(days=step)))]
    if len(way) < horizon:
        return _columns(there, np.zeros(there.height), np.full(there.height, _MISSING))
    start, end = days[day], way[-1]
    flows = _of_horizon(pl.concat(each.flows for each in way), types, periods, horizon)
    later = _of_horizon(end.positions.drop("account_type"), types, periods, horizon)
    worth = np.array([end.prices.get(asset, _MISSING) for asset in flows["settle_asset"]], dtype=np.float64)
    parts = [
        (flows, 0.0 - flows["amount"].to_numpy() * worth),
        (there, option_values(there, start.marks, start.prices)),
        (later, 0.0 - option_values(later, end.marks, end.prices)),
    ]
    return pl.concat(_columns(rows, np.zeros(rows.height), lost) for rows, lost in parts)


def _of_horizon(rows: pl.DataFrame, types: pl.DataFrame, periods: LiquidationPeriod, horizon: int) -> pl.DataFrame:
    """Rows of the accounts that held something on the day, in products with the liquidation period."""
    return _with_horizon(rows.join(types, on=ACCOUNT), periods).filter(pl.col("horizon_days") == horizon)


def _columns(rows: pl.DataFrame, clean: Floats, dirty: Floats) -> pl.DataFrame:
    losses = zip(_LOSSES, (clean, dirty), strict=True)
    return rows.select(*_PRODUCT, "horizon_days").with_columns(
        pl.Series(name, values, dtype=pl.Float64) for name, values in losses
    )


def _accounts(days: Mapping[date, PublishedDay], day: date, lost: pl.DataFrame) -> pl.DataFrame:
    margins = summed(days[day].margins, ACCOUNT, ["initial_margin_usd"]).rename({"initial_margin_usd": "margin_usd"})
    longest = lost.group_by(ACCOUNT).agg(pl.col("horizon_days").max())
    found = summed(lost, ACCOUNT, _LOSSES).join(longest, on=ACCOUNT).join(margins, on=ACCOUNT, how="left")
    cover = summed(_cover(days, day, longest), ACCOUNT, ["cover_usd"])
    none = pl.lit("")
    return found.join(cover, on=ACCOUNT, how="left").with_columns(
        pl.col("cover_usd").fill_null(0.0),
        pl.col("margin_usd").fill_null(_MISSING),
        level=pl.lit(ACCOUNT_LEVEL),
        client_id=none,
        product=none,
    )


def _cover(days: Mapping[date, PublishedDay], day: date, longest: pl.DataFrame) -> pl.DataFrame:
    """Collateral of the day at the prices of the end of each account's longest period, and the options held.

    Joint coin counts at the price of the day: what it lost since is among the losses.
    """
    start = days[day]
    posted = start.collateral.join(longest, on=ACCOUNT)
    ends = {horizon: days.get(day + timedelta(days=horizon)) for horizon in set(longest["horizon_days"])}
    worth = [
        (start if joint else end).prices.get(asset, _MISSING) if (end := ends[horizon]) else _MISSING
        for asset, joint, horizon in posted.select("asset", "joint", "horizon_days").iter_rows()
    ]
    value = posted["quantity"].to_numpy() * np.array(worth, dtype=np.float64)
    options = option_values(start.positions, start.marks, start.prices)
    parts = ((posted, value), (start.positions, options))
    return pl.concat(rows.select(ACCOUNT).with_columns(pl.Series("cover_usd", each)) for rows, each in parts)


def _portfolios(day: PublishedDay, lost: pl.DataFrame) -> pl.DataFrame:
    longest = lost.group_by(KEY).agg(pl.col("horizon_days").max())
    margins = day.margins.select(*KEY, pl.col("initial_margin_usd").alias("margin_usd"))
    found = summed(lost, KEY, _LOSSES).join(longest, on=KEY).join(margins, on=KEY, how="left")
    return _below_account(found, PORTFOLIO, pl.lit(""))


def _products(day: PublishedDay, known: pl.DataFrame) -> pl.DataFrame:
    of_account = [*ACCOUNT, "underlying", "horizon_days"]
    margins = summed(day.products, [*ACCOUNT, "underlying"], ["margin_usd"])
    found = summed(known, of_account, _LOSSES).join(margins, on=[*ACCOUNT, "underlying"], how="left")
    return _below_account(found.with_columns(client_id=pl.lit("")), PRODUCT, pl.col("underlying"))


def _groups(day: PublishedDay, lost: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """A group's margin is the share of each portfolio's base margin that its products have of the sum of all."""
    alone = known.select(*_PRODUCT, "horizon_days").join(day.products, on=_PRODUCT, how="left")
    alone = alone.with_columns(pl.col("margin_usd").fill_null(_MISSING))
    whole = summed(alone, KEY, ["margin_usd"]).rename({"margin_usd": "whole_usd"})
    base = day.margins.select(*KEY, "base_margin_usd")
    shares = summed(alone, [*KEY, "horizon_days"], ["margin_usd"]).join(whole, on=KEY).join(base, on=KEY, how="left")
    share = pl.when(pl.col("whole_usd") == 0).then(0.0).otherwise(pl.col("margin_usd") / pl.col("whole_usd"))
    margins = shares.with_columns(margin_usd=pl.col("base_margin_usd").fill_null(_MISSING) * share)
    of_account = [*ACCOUNT, "horizon_days"]
    found = summed(lost, of_account, _LOSSES).join(summed(margins, of_account, ["margin_usd"]), on=of_account)
    named = found.with_columns(client_id=pl.lit(""))
    return _below_account(named, LIQUIDITY_GROUP, pl.col("horizon_days").cast(pl.String) + "D")


def _below_account(rows: pl.DataFrame, level: str, product: pl.Expr) -> pl.DataFrame:
    """Rows of a level below the account, which has no collateral of its own; a margin nobody told is NaN."""
    missing = pl.lit(_MISSING)
    return rows.with_columns(
        pl.col("margin_usd").fill_null(_MISSING), level=pl.lit(level), product=product, cover_usd=missing
    )
