"""Triggers of a cycle: the market's levels from the history it was frozen on, the house's from its own tables."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import date

import numpy as np
import polars as pl

from tasks.model.arrays import Closes, Floats
from tasks.model.assurance import market_watch
from tasks.model.assurance.house_levels import HouseBook, Level, house_levels, notional
from tasks.model.assurance.market_levels import MarketLevels
from tasks.model.assurance.market_watch import HOUSE
from tasks.model.assurance.triggers import ENDED, FIRED, STANDING, STANDS, Trigger
from tasks.model.errors import Finding
from tasks.model.market.returns import joint_closes
from tasks.stage import Context
from tasks.triggers import Terms, terms

CODE = "POLICY_TRIGGER"
_KEY = ("trigger_name", "subject")
_NEAR_FRACTION = 0.01  # of the middle of an order book


def track(context: Context) -> None:
    """Write policy_trigger and risk_level of the run."""
    known, book = terms(), _book(context)
    levels = _market(context, known, notional(book.delta))
    before = _standing_before(context)
    found = [
        *_of_market(levels, known.triggers, context.key.business_date),
        *_of_house(context, house_levels(book, context.policy, known.triggers), known.triggers, before),
    ]
    found += _without_level(context, {(row[0], row[2]) for row in found}, known.triggers, before)
    schema = context.slice("result.policy_trigger").schema
    rows = pl.DataFrame(found, schema=schema, orient="row") if found else pl.DataFrame(schema=schema)
    context.write("result.policy_trigger", rows.sort(*_KEY))
    context.write("result.risk_level", _risk(context, levels))


def findings(triggers: pl.DataFrame) -> list[Finding]:
    """One finding that counts the triggers that stand by kind, or none. It names no member and no amount."""
    standing = triggers.filter(pl.col("state").is_in(STANDING))
    kinds = [f"{kind.lower()} {count}" for kind, count in standing.group_by("kind").len().sort("kind").iter_rows()]
    what = f"triggers of a policy review stand: {', '.join(kinds)}"
    action = "read PT01 of the release; `levee policy answer` drafts what data say to it"
    return [Finding(CODE, what, action=action)] if kinds else []


def fired_kinds(triggers: pl.DataFrame) -> list[str]:
    """Kinds of trigger that fired in the cycle, sorted; those that stood already are left out."""
    return sorted(triggers.filter(pl.col("state") == FIRED)["kind"].unique())


def _book(context: Context) -> HouseBook:
    before = {"predecessor_run_id": context.run["predecessor_run_id"] or ""}
    return HouseBook(
        liquidity=context.slice("result.liquidity").sort("underlying"),
        depth=context.query("book/slices/trigger_depth", near_fraction=_NEAR_FRACTION, **before),
        members=context.query("book/slices/trigger_members", **before),
        risk=context.query("book/slices/trigger_risk"),
        delta=context.query("book/slices/trigger_delta"),
        leverage=context.slice("result.leverage").sort("margin_account_id"),
    )


def _market(context: Context, known: Terms, weights: Mapping[str, float]) -> list[MarketLevels]:
    """Levels of the underlyings held and of the house up to the business date; none where nothing is held."""
    day = np.datetime64(context.key.business_date, "D")
    rows = context.query("book/slices/margin_history", business_date=context.key.business_date)
    delivered = rows.filter(~pl.col("underlying").str.contains(".", literal=True))
    known_weights = {name: weights[name] for name in sorted(set(weights) & set(delivered["underlying"]))}
    if not known_weights:
        return []
    closes = joint_closes(
        delivered["underlying"].to_list(),
        delivered["date"].to_numpy(),
        delivered["close"].cast(pl.Float64).to_numpy(),
        day,
    )
    with_today = _with_index(closes, context, day)
    volumes = _volumes(context, with_today)
    return market_watch.watched(with_today, context.policy, known_weights, volumes, known.measures, day, day)


def _with_index(closes: Closes, context: Context, day: np.datetime64) -> Closes:
    """Where the day has no close yet, the index of the cycle is what is known of it."""
    marks = context.slice("result.mark")
    contracts = context.slice("book.contract").select("contract_id", "underlying_asset")
    index = dict(
        marks.join(contracts, on="contract_id")
        .sort("contract_id")
        .select("underlying_asset", "index_price")
        .iter_rows()
    )
    today, close = closes.dates == day, closes.close.copy()
    for row, name in enumerate(closes.underlyings):
        if name in index and np.isnan(close[row, today]).all():
            close[row, today] = float(index[name])
    return Closes(closes.underlyings, closes.dates, close)


def _volumes(context: Context, closes: Closes) -> dict[str, Floats]:
    """USD traded by day of the closes, NaN where none was delivered."""
    rows = context.query("book/slices/trigger_volumes").sort("underlying")
    grouped = rows.group_by("underlying", maintain_order=True)
    return {str(name): market_watch.by_day(closes, own, "volume_usd") for (name,), own in grouped}


def _risk(context: Context, levels: Iterable[MarketLevels]) -> pl.DataFrame:
    schema = context.slice("result.risk_level").schema
    figures = [name for name in schema if name != "subject"]
    rows = [
        {"subject": each.subject} | {name: _finite(float(each.figure[name][-1])) for name in figures} for each in levels
    ]
    return pl.DataFrame(rows, schema=schema)


def _of_market(levels: list[MarketLevels], triggers: Mapping[str, Trigger], day: date) -> Iterable[tuple[object, ...]]:
    said = market_watch.said(levels, triggers).filter(pl.col("date") == day)
    for row in said.iter_rows(named=True):
        level = Level(row["subject"], row["trigger"], row["level"], row["numbers"])
        yield _row(triggers[row["trigger"]], level, row["state"], row["since_date"])


def _of_house(
    context: Context, levels: Iterable[Level], triggers: Mapping[str, Trigger], since: Mapping[tuple[str, str], date]
) -> Iterable[tuple[object, ...]]:
    """What stood at the cycle before stands until its level is low enough."""
    for level in levels:
        trigger, before = triggers[level.trigger], since.get((level.trigger, level.subject))
        state = trigger.state(level.level, before is not None)
        first = (before or context.key.business_date) if state in STANDING else None
        yield _row(trigger, level, state, first)


def _without_level(
    context: Context,
    told: Collection[tuple[object, object]],
    triggers: Mapping[str, Trigger],
    since: Mapping[tuple[str, str], date],
) -> Iterable[tuple[object, ...]]:
    """What stood at the cycle before and has no level now: it stands where its subject still holds something, for what
    is missing ends nothing, and has ended where there is nothing left."""
    silent = sorted(key for key in since if key not in told and key[0] in triggers)
    held = _held(context) if silent else set()
    for name, subject in silent:
        stands = subject in held
        level = Level(subject, name, math.nan, "no level" if stands else "nothing left")
        yield _row(triggers[name], level, STANDS if stands else ENDED, since[name, subject] if stands else None)


def _held(context: Context) -> set[str]:
    """Members, accounts and underlyings with an open position, and the house where there is any."""
    contracts = context.slice("book.contract").select("contract_id", "underlying_asset")
    open_now = context.slice("book.position").filter(pl.col("qty_close") != 0).join(contracts, on="contract_id")
    names = ("clearing_member_id", "margin_account_id", "underlying_asset")
    found = {str(each) for name in names for each in open_now[name].unique()}
    return found | ({HOUSE} if found else set())


def _standing_before(context: Context) -> dict[tuple[str, str], date]:
    """First day of what stood at the cycle before, by trigger and subject."""
    carried = context.carried("result.policy_trigger")
    return {} if carried is None else dict(_since(carried))


def _since(carried: pl.DataFrame) -> Iterable[tuple[tuple[str, str], date]]:
    standing = carried.filter(pl.col("state").is_in(STANDING))
    for name, subject, first in standing.select(*_KEY, "since_date").iter_rows():
        yield (name, subject), first


def _row(trigger: Trigger, level: Level, state: str, since: date | None) -> tuple[object, ...]:
    """A row of result.policy_trigger but for its run."""
    return (
        trigger.name,
        trigger.kind,
        level.subject,
        _finite(level.level),
        trigger.fires_above,
        trigger.ends_below,
        trigger.unit,
        state,
        since,
        level.numbers,
        trigger.action,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
