"""Back-test of the real accounts of a home: every published end of day, once the days its losses run over are out.

A day is computed when it can be, and again when a run it rests on was replaced. Rows are in the database, and for
readers in home/back_test/accounts.parquet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from tasks import account_zones, disk, policy_store, status
from tasks.back_test import FOLDER
from tasks.home import Home
from tasks.model.assurance.account_back_test import SCHEMA, back_test_day
from tasks.model.assurance.published_day import PublishedDay
from tasks.model.errors import Finding
from tasks.model.policy import LiquidationPeriod
from tasks.published_days import published_day
from tasks.store import Store

TABLE = "result.back_test_account"
FILE = "accounts.parquet"
BREACH = "MARGIN_BREACH"
_NUMBERS = ("margin_usd", "clean_loss_usd", "dirty_loss_usd", "cover_usd")

Runs = Mapping[date, str]


def bring_up_to_date(home: Home, store: Store) -> list[date]:
    """Compute what is missing or rests on replaced runs, and show all of it; returns the days computed.

    The caller holds the home.
    """
    runs, kept = status.in_force(home), known(store)
    stale = [day for day, (rests_on, days) in kept.items() if rests_on != resting_on(runs, day, days)]
    asked = [day for day in runs if day in stale or day not in kept]
    reader = _Reader(home, runs)
    made = {day: rows for day in sorted(asked) if (rows := _day(reader, day)) is not None}
    with store.transaction():
        for day in {*stale, *made}:
            store.delete(TABLE, {"margin_date": day})
        for rows in made.values():
            store.append(TABLE, rows)
    if made or stale:
        show(home, store)
    return sorted(made)


def known(store: Store) -> dict[date, tuple[str, int]]:
    """Runs each day's rows rest on, and over how many days."""
    rows = store.read(f"SELECT margin_date, any_value(rests_on), max(horizon_days) FROM {TABLE} GROUP BY ALL")
    return {day: (rests_on, days) for day, rests_on, days in rows.iter_rows()}


def resting_on(runs: Runs, day: date, days: int) -> str:
    """Runs of a day and of those its losses run over; what is not published leaves a gap."""
    return " ".join(runs.get(day + timedelta(days=step), "-") for step in range(days + 1))


def show(home: Home, store: Store) -> None:
    """Write all rows for readers."""
    target = home.root / FOLDER / FILE
    target.parent.mkdir(exist_ok=True)
    temporary = target.with_name(f".{FILE}.tmp")
    with disk.writing(target):
        store.read(f"SELECT * FROM {TABLE} ORDER BY ALL").write_parquet(temporary)
        temporary.replace(target)


def rows(home: Home) -> pl.DataFrame:
    """All rows as last shown; none where nothing was computed yet."""
    path = home.root / FOLDER / FILE
    if path.exists():
        return pl.read_parquet(path)
    return pl.DataFrame(schema={"margin_date": pl.Date, "rests_on": pl.String, **SCHEMA})


def findings(home: Home, business_date: date) -> list[Finding]:
    """MARGIN_BREACH where losses that end on the day were above the margin of an account. It names no account."""
    ended = account_zones.ending_on(rows(home), business_date)
    breached = account_zones.breached(ended).height
    if not breached:
        return []
    return [
        Finding(
            BREACH,
            f"{breached} account(s) lost more than their margin over the liquidation period that ended",
            limit="initial margin",
            action="see the cause sheets PB02 (`levee backtest accounts`) and the zone on the status board",
        )
    ]


class _Reader:
    """Published days, each read once."""

    def __init__(self, home: Home, runs: Runs) -> None:
        self.home, self.runs = home, runs
        self._read: dict[date, PublishedDay] = {}

    def day(self, day: date) -> PublishedDay:
        """A published day."""
        if day not in self._read:
            self._read[day] = published_day(self.home, day, self.runs[day])
        return self._read[day]

    def over(self, day: date, days: int) -> dict[date, PublishedDay]:
        """The published ones of a day and those after it."""
        span = (day + timedelta(days=step) for step in range(days + 1))
        return {each: self.day(each) for each in span if each in self.runs}


def _day(reader: _Reader, day: date) -> pl.DataFrame | None:
    """Rows of a day; None where nothing was held, or the last day its losses run to is not out yet."""
    periods = policy_store.in_force(reader.home, day).base_margin.liquidation_period_days
    longest = _longest(reader.day(day), periods)
    if not longest or day + timedelta(days=longest) > max(reader.runs):
        return None
    found = back_test_day(reader.over(day, longest), day, periods)
    told: dict[str, Any] = {"margin_date": day, "rests_on": resting_on(reader.runs, day, longest)}
    named = [pl.lit(value).alias(name) for name, value in told.items()]
    return found.select(*named, *(name for name in SCHEMA if name not in _NUMBERS), pl.col(_NUMBERS).fill_nan(None))


def _longest(day: PublishedDay, periods: LiquidationPeriod) -> int:
    """Longest liquidation period of what was held, 0 where nothing was."""
    held = day.positions.select("account_type", "underlying").unique().iter_rows()
    joint = day.collateral.filter("joint").join(day.positions, on=["clearing_member_id", "margin_account_id"])
    coins = joint.select("account_type", "asset").unique().iter_rows()
    return max((int(periods.of(kind)[name]) for kind, name in (*held, *coins)), default=0)
