"""Breaches of real accounts counted: coverage with bounds, exposure left uncovered, and the zone of the last 250 days.

Zones are those of the simulated law of overlapping windows, account by account: books that hold the same coins breach
together, so that the accounts of a house are no sample of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import polars as pl

from tasks.model.assurance.coverage import coverage_bounds
from tasks.model.assurance.disclosure import margin_coverage
from tasks.model.assurance.overlap import Windows, overlapping_law
from tasks.model.assurance.published_day import ACCOUNT_LEVEL
from tasks.model.assurance.traffic_light import Zones
from tasks.model.margin.portfolio import ACCOUNT

WINDOW_DAYS = 250
COVERAGE = 0.99  # of each account's windows: the least a clearing house may promise
_DEGREES, _PATHS, _SEED, _LEVEL = 4.0, 4_000, 1, 0.95
_BREACHED = pl.col("clean_loss_usd") > pl.col("margin_usd")


def breached(rows: pl.DataFrame) -> pl.DataFrame:
    """Accounts whose clean loss was above their margin."""
    return rows.filter(pl.col("level") == ACCOUNT_LEVEL, _BREACHED)


def ending_on(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """Rows whose losses end on a day."""
    return rows.filter(_end() == day)


def summary(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Each level and kind of loss: observations, breaches, coverage with its bounds, uncovered exposure in USD.

    Kinds: CLEAN and DIRTY against the margin, and against the collateral (accounts alone). Rows without a figure are
    counted as missing and are no observation.
    """
    return [told for level in sorted(set(rows["level"])) for told in _of_level(rows.filter(pl.col("level") == level))]


def _of_level(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    kinds = {
        "CLEAN": ("clean_loss_usd", "margin_usd"),
        "DIRTY": ("dirty_loss_usd", "margin_usd"),
        "CLEAN_WITH_COLLATERAL": ("clean_loss_usd", "cover_usd"),
        "DIRTY_WITH_COLLATERAL": ("dirty_loss_usd", "cover_usd"),
    }
    for kind, (loss, against) in kinds.items():
        known = rows.select(pl.col(loss).alias("loss"), pl.col(against).alias("against")).drop_nulls()
        if known.is_empty():
            continue
        found = margin_coverage(known["against"].to_numpy(), known["loss"].to_numpy())
        bounds = coverage_bounds(found.breaches, found.observations, _LEVEL)
        yield {
            "level": rows["level"][0],
            "kind": kind,
            "observations": found.observations,
            "missing": rows.height - known.height,
            "breaches": found.breaches,
            "coverage": found.coverage,
            "coverage_low": 1.0 - bounds.high,
            "coverage_high": 1.0 - bounds.low,
            "peak_uncovered_usd": found.peak_uncovered,
            "average_uncovered_usd": found.average_uncovered,
        }


def zone(rows: pl.DataFrame) -> dict[str, Any] | None:
    """The last day's breaches, and the zone of the account with most breaches of the last 250 days; None before any.

    `day` is the last day losses run to. Counts of days are those on which an account could be observed.
    """
    accounts = rows.filter(pl.col("level") == ACCOUNT_LEVEL).drop_nulls(["margin_usd", "clean_loss_usd"])
    if accounts.is_empty():
        return None
    ended = accounts.with_columns(end=_end())
    last = ended["end"].max()
    assert isinstance(last, date), "an end is a date"
    recent = ended.filter(pl.col("end") > last - timedelta(days=WINDOW_DAYS))
    counted = recent.group_by(ACCOUNT).agg(
        pl.len().alias("days"), _BREACHED.sum().alias("breaches"), pl.col("horizon_days").max()
    )
    worst = counted.sort("breaches", "days", *ACCOUNT, descending=[True, False, False, False]).row(0, named=True)
    zones = _zones(int(worst["days"]), int(worst["horizon_days"]))
    return {
        "day": last,
        "breaches_today": breached(ended.filter(pl.col("end") == last)).height,
        "accounts": counted.height,
        "observations": recent.height,
        "breaches": int(counted["breaches"].sum()),
        "worst_account_breaches": int(worst["breaches"]),
        "worst_account_days": int(worst["days"]),
        "zone": zones.zone(int(worst["breaches"])),
    }


def _end() -> pl.Expr:
    """Day losses run to."""
    return pl.col("margin_date") + pl.duration(days=pl.col("horizon_days"))


@lru_cache(maxsize=64)
def _zones(days: int, horizon: int) -> Zones:
    return overlapping_law(Windows(days, horizon, 1.0 - COVERAGE, degrees=_DEGREES), _PATHS, _SEED).zones()
