"""The market's triggers over a span of days: what is watched, its levels, and what each trigger says on each day.

Watched are each underlying and the house, a portfolio of all of them by the notional its members hold.
Reference: METHODOLOGY 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from tasks.model.arrays import Closes, Floats
from tasks.model.assurance.market_levels import MarketLevels, Measures, Subject, market_levels
from tasks.model.assurance.rolling_margin import house_periods, roll
from tasks.model.assurance.static_portfolio import OUTRIGHT, SPREAD, Leg, StaticPortfolio
from tasks.model.assurance.triggers import STANDING, Trigger, behind, states
from tasks.model.kernels import exp, log
from tasks.model.market.returns import daily_returns
from tasks.model.policy import Policy

HOUSE = "HOUSE"
EVIDENCE = {
    "volatility_rise": ("fast_volatility", "volatility"),
    "price_move": ("volatility", "last_loss"),
    "tail_drift": ("expected_shortfall", "value_at_risk"),
    "shortfall_rise": ("expected_shortfall", "value_at_risk"),
    "breach": ("last_loss", "margin_rate"),
    "breaches": ("margin_rate", "expected_shortfall"),
    "illiquidity_rise": ("volatility",),
}
"""Figures that stand beside the level of each trigger."""
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "date": pl.Date,
    "subject": pl.String,
    "trigger": pl.String,
    "level": pl.Float64,
    "state": pl.String,
    "since_date": pl.Date,
    "numbers": pl.String,
}


def watched(
    closes: Closes,
    policy: Policy,
    notional: Mapping[str, float],
    volumes: Mapping[str, Floats],
    measures: Measures,
    first: np.datetime64,
    last: np.datetime64,
) -> list[MarketLevels]:
    """Levels of each underlying of `notional` by name, then of the house, up to `last`; no close after it is read.

    They begin before `first`, where history does, so that a trigger that stands on that day is known to.
    notional: USD > 0 by underlying, the house's weights. volumes: USD traded by day of the closes, of underlyings that
    have it.
    Raises ModelInputError as `roll`.
    """
    known = _until(closes, last)
    start = max(known.dates[0], first - measures.window_days - _longest(policy, notional))
    sides = {name: _sides(name, {name: 1.0}) for name in sorted(notional)} | {HOUSE: _sides(HOUSE, notional)}
    paths = iter(roll(known, policy, [each for pair in sides.values() for each in pair], start, last))
    nothing = np.full(len(known.dates), np.nan)
    subjects = [
        Subject(name, next(paths), next(paths), _daily(known, long), volumes.get(name, nothing)[: len(known.dates)])
        for name, (long, _) in sides.items()
    ]
    return [market_levels(each, policy, measures) for each in subjects]


def said(levels: Sequence[MarketLevels], triggers: Mapping[str, Trigger]) -> pl.DataFrame:
    """One row per day, subject and trigger: see SCHEMA. level: NaN where missing; since_date: null where none stands.

    A trigger's first day is the first of the span it stands on: before the span nothing is known of it.
    """
    frames = [
        _path(each, trigger, each.level[name])
        for each in levels
        for name, trigger in triggers.items()
        if name in each.level
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)


def tracked(levels: Sequence[MarketLevels]) -> pl.DataFrame:
    """One row per day and subject: date, subject and the figures of `market_levels`, NaN where missing."""
    return pl.concat(
        pl.DataFrame({"date": each.dates.astype("datetime64[D]"), **each.figure}).select(
            "date", pl.lit(each.subject).alias("subject"), *each.figure
        )
        for each in levels
    )


def by_day(closes: Closes, rows: pl.DataFrame, name: str) -> Floats:
    """(n,) column `name` of rows with a date on the days of the closes, NaN where there is none."""
    found = np.full(len(closes.dates), np.nan)
    at = (rows["date"].cast(pl.Date).to_numpy().astype("datetime64[D]") - closes.dates[0]).astype(np.int64)
    inside = (at >= 0) & (at < len(found))
    found[at[inside]] = rows[name].cast(pl.Float64).to_numpy()[inside]
    return found


def _path(levels: MarketLevels, trigger: Trigger, level: Floats) -> pl.DataFrame:
    found = states(trigger, level)
    named = {name: levels.figure[name].tolist() for name in EVIDENCE[trigger.name]}
    numbers = [behind(**{name: values[at] for name, values in named.items()}) for at in range(len(found))]
    days = levels.dates.astype("datetime64[D]")
    columns = (days, [levels.subject] * len(found), [trigger.name] * len(found), level, found)
    return pl.DataFrame(dict(zip(SCHEMA, (*columns, _since(days, found), numbers), strict=True)), schema=SCHEMA)


def _since(days: np.ndarray, found: Sequence[str]) -> list[object]:
    """First day of the run of days a trigger stands, None where it does not."""
    since, first = [], None
    for day, state in zip(days.tolist(), found, strict=True):
        stands = state in STANDING
        first = (first or day) if stands else None
        since.append(first)
    return since


def _sides(name: str, notional: Mapping[str, float]) -> tuple[StaticPortfolio, StaticPortfolio]:
    """Long and short of a portfolio of one USD by notional."""
    whole = float(np.sum([notional[each] for each in sorted(notional)]))
    weights = [(each, notional[each] / whole) for each in sorted(notional)]
    product = OUTRIGHT if len(weights) == 1 else SPREAD
    long, short = (
        StaticPortfolio(f"{name} {side}", product, tuple(Leg(each, sign * weight) for each, weight in weights))
        for side, sign in (("long", 1.0), ("short", -1.0))
    )
    return long, short


def _daily(closes: Closes, long: StaticPortfolio) -> Floats:
    """(n,) log return of the portfolio that ends on each day; NaN where one of its underlyings has no close."""
    growth = [
        leg.weight * exp(daily_returns(np.asarray(closes.close[closes.underlyings.index(leg.underlying)])))
        for leg in long.legs
    ]
    return log(np.sum(growth, axis=0))


def _until(closes: Closes, last: np.datetime64) -> Closes:
    kept = closes.dates <= last
    return Closes(closes.underlyings, closes.dates[kept], closes.close[:, kept])


def _longest(policy: Policy, notional: Mapping[str, float]) -> int:
    return max(house_periods(notional, policy).values())
