"""Which snapshots of the venue a cycle of a day is converted from: its last one, or one of those before it.

An intraday cycle knows the ends of day before its own date and its own snapshot. Its snapshot is no close: the history
it is delivered with ends the day before.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from tasks import convert_chain
from tasks.convert_chain import SNAPSHOTS_BETWEEN_FILE
from tasks.model.errors import DeliveryError, Finding, LeveeError

END_OF_DAY, _INTRADAY = "EOD", "ITD"


def options_at(folder: Path, business_date: date, cycle: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Option rows up to the snapshot of a cycle, and those of them that are of an end of day.

    Raises DeliveryError WAITING naming what there is where the day or the cycle has no snapshot, SCHEMA_DRIFT;
    LeveeError USAGE for a cycle that is neither EOD nor ITDn.
    """
    if cycle == END_OF_DAY:
        options = convert_chain.options_until(folder, business_date)
        return options, options
    number = cycle.removeprefix(_INTRADAY)
    if not cycle.startswith(_INTRADAY) or not number.isdigit() or int(number) < 1:
        raise LeveeError(
            Finding("USAGE", "snapshots are of an end of day or intraday", value=cycle, limit="EOD or ITD<n>")
        )
    ended = convert_chain.options_known(folder, business_date).filter(pl.col("day") < business_date)
    rows = _nth(convert_chain.options_between(folder, business_date), int(number), folder, business_date)
    return pl.concat([ended, rows.select(ended.columns)]), ended


def _nth(rows: pl.DataFrame, number: int, folder: Path, business_date: date) -> pl.DataFrame:
    times = rows["timestamp"].unique().sort().to_list()
    if number > len(times):
        told = ", ".join(f"{_INTRADAY}{at} {each:%H:%M}" for at, each in enumerate(times, start=1))
        raise DeliveryError(
            Finding(
                "WAITING",
                "the day has no such snapshot before its last",
                where=str(folder / f"{SNAPSHOTS_BETWEEN_FILE}.parquet"),
                value=f"{business_date.isoformat()} {_INTRADAY}{number}",
                limit=told or "none of this day",
                action="choose one of these",
            )
        )
    return rows.filter(pl.col("timestamp") == times[number - 1])
