"""The volatility surface from day to day, as this home published it: figures, their shocks, regimes, and the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from tasks import status
from tasks.home import Home
from tasks.model.arrays import Floats
from tasks.model.errors import Finding, LeveeError
from tasks.model.market import surface_history
from tasks.model.market.surface_history import FittedSlice, Shocks, SurfaceHistory
from tasks.model.market.svi import Svi
from tasks.model.risk.tail import value_at_risk

TENORS = (7.0, 30.0, 90.0)
TENOR = 1  # whose level the regime is read off
RISE, INVERSION = 0.10, 0.05  # logarithms: a tenth above what is usual, a twentieth dearer in front
CONFIDENCE = 0.99
_PARAMETERS = ("a", "b", "rho", "mu", "s")


@dataclass(frozen=True)
class Surfaces:
    """Of one underlying: its history, the shocks of it, and the regime of each day."""

    underlying: str
    history: SurfaceHistory
    shocks: Shocks
    regimes: list[str]


def read(home: Home, first: date | None = None, last: date | None = None) -> list[Surfaces]:
    """History of every underlying with a surface in the home's published end-of-day runs. Reads exports alone.

    Raises LeveeError WAITING where no run of the span has a surface.
    """
    runs = {day: run for day, run in status.in_force(home).items() if (first or day) <= day <= (last or day)}
    frames = [status.exported(home, run, "result.surface").with_columns(date=pl.lit(day)) for day, run in runs.items()]
    rows = pl.concat(frames).filter("certified") if frames else pl.DataFrame()
    if rows.is_empty():
        raise LeveeError(
            Finding(
                "WAITING",
                "no published end of day has a volatility surface",
                where=str(home.root),
                action="publish days with vol_quotes: `levee convert deribit-chain`, `levee cycle run`",
            )
        )
    days = sorted(runs)
    return [
        _surfaces(str(name), own, days)
        for (name,), own in rows.sort("underlying").group_by("underlying", maintain_order=True)
    ]


def distribution(of: Surfaces) -> list[dict[str, Any]]:
    """One row for each figure and tenor: changes seen, their deviation, the quantile of each side and the worst days.

    Quantiles are the house's: with few changes they are the largest ones. Nothing is told of a figure without changes.
    """
    figures: dict[str, Floats] = {"level": of.shocks.level, "skew": of.shocks.skew, "curvature": of.shocks.curvature}
    by_tenor = [(name, tenor, each[:, at]) for name, each in figures.items() for at, tenor in enumerate(TENORS)]
    rows = [_told(of, *each) for each in (*by_tenor, ("term", None, of.shocks.term))]
    return [row for row in rows if row["changes"]]


def as_dict(found: list[Surfaces]) -> dict[str, Any]:
    """What the command prints as JSON: by underlying the days with their figures, and the distribution of changes."""
    return {each.underlying: {"days": _days(each), "changes": distribution(each)} for each in found}


def _days(of: Surfaces) -> list[dict[str, Any]]:
    days = of.history.dates.astype("datetime64[D]").tolist()
    return [
        {
            "date": day.isoformat(),
            "regime": of.regimes[at],
            "term": _number(of.history.term[at]),
            **{
                name: [_number(value) for value in getattr(of.history, name)[at]]
                for name in ("level", "skew", "curvature")
            },
        }
        for at, day in enumerate(days)
    ]


def _surfaces(name: str, rows: pl.DataFrame, days: list[date]) -> Surfaces:
    by_day: Mapping[date, list[FittedSlice]] = {day: [] for day in days}
    for row in rows.sort("date", "years_to_expiry").iter_rows(named=True):
        svi = Svi(*(row[f"svi_{each}"] for each in _PARAMETERS))
        by_day[row["date"]].append(FittedSlice(row["years_to_expiry"], svi))
    dates = np.array(days, dtype="datetime64[D]")
    found = surface_history.history(dates, list(by_day.values()), np.array(TENORS))
    regimes = surface_history.regimes(found, TENOR, RISE, INVERSION)
    return Surfaces(name, found, surface_history.shocks(found), regimes)


def _told(of: Surfaces, name: str, tenor: float | None, changes: Floats) -> dict[str, Any]:
    known = np.isfinite(changes)
    seen, days = changes[known], of.history.dates[known].astype("datetime64[D]").tolist()
    row: dict[str, Any] = {"figure": name, "tenor_days": tenor, "changes": len(seen)}
    if not len(seen):
        return row
    low, high = (float(value_at_risk(each, CONFIDENCE)) for each in (-seen, seen))
    return row | {
        "deviation": float(np.std(seen)),
        "fall": -low,
        "fall_date": days[int(np.argmin(seen))].isoformat(),
        "rise": high,
        "rise_date": days[int(np.argmax(seen))].isoformat(),
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
