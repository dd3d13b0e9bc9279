"""The published end-of-day runs a disclosure is made of, and queries over what they exported.

Reads ledgers and exports, never the home's database: tables a query names are put into a store in memory, and of a run
only for as long as it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta
from typing import Any

import polars as pl

from tasks import ledgers, resources, status
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.store import Store

Row = Mapping[str, Any]

_QUARTER = re.compile(r"([0-9]{4})Q([1-4])")
_OF_A_RUN = re.compile(r"(?:FROM|JOIN) ((?:book|result)\.\w+)")
_OF_THE_HOUSE = ("control.attempt", "control.cycle_run", "control.margin_call", "control.release")


@dataclass(frozen=True)
class Quarter:
    """A quarter of a year: its first and last day, and the first of the twelve months that end with it."""

    name: str
    first: date
    last: date

    @property
    def year_first(self) -> date:
        """First day of the twelve months."""
        after = self.last + timedelta(days=1)
        return after.replace(year=after.year - 1)


def quarter(name: str) -> Quarter:
    """The quarter of a name such as 2026Q1. Raises LeveeError USAGE."""
    found = _QUARTER.fullmatch(name)
    if found is None or not MINYEAR < int(found[1]) < MAXYEAR:
        raise LeveeError(Finding("USAGE", "no quarter", value=name, limit="YYYYQn", action="e.g. --quarter 2026Q1"))
    year, number = int(found[1]), int(found[2])
    first, month_after = date(year, 3 * number - 2, 1), 3 * number % 12 + 1
    return Quarter(name, first, date(year + number // 4, month_after, 1) - timedelta(days=1))


@dataclass(frozen=True)
class Period:
    """A quarter's runs in force, oldest first: one for each day of the twelve months that has a published end of day.

    `runs` are rows of sql/disclosure/run.sql.
    """

    home: Home
    store: Store
    quarter: Quarter
    runs: tuple[Row, ...]

    @property
    def quarter_runs(self) -> tuple[Row, ...]:
        """Runs of the quarter itself."""
        return tuple(run for run in self.runs if run["business_date"] >= self.quarter.first)

    @property
    def latest(self) -> Row:
        """The quarter's last run."""
        return self.runs[-1]

    def of_house(self, name: str) -> pl.DataFrame:
        """sql/<name>.sql over the ledgers, with $first and $last, the days of the twelve months."""
        days = {"first": self.quarter.year_first, "last": self.quarter.last}
        return self.store.read(resources.sql(name), days)

    def of_run(self, name: str, run_id: str) -> pl.DataFrame:
        """sql/<name>.sql over what a run exported, with $run_id. Raises LeveeError UNKNOWN_ID."""
        query = resources.sql(name)
        tables = sorted(set(_OF_A_RUN.findall(query)))
        for table in tables:
            self.store.append(table, status.exported(self.home, run_id, table))
        try:
            return self.store.read(query, {"run_id": run_id})
        finally:
            for table in tables:
                self.store.delete(table, {"run_id": run_id})

    def of_days(self, name: str, runs: tuple[Row, ...]) -> pl.DataFrame:
        """The query's rows of several runs, each with its business_date."""
        found = (self.of_run(name, run["run_id"]).with_columns(business_date=run["business_date"]) for run in runs)
        return pl.concat(found)


@contextmanager
def opened(home: Home, asked: Quarter) -> Iterator[Period]:
    """The runs behind a quarter's disclosure. Raises LeveeError UNKNOWN_ID where no day of it is published."""
    with Store.in_memory() as store:
        for table in _OF_THE_HOUSE:
            store.append(table, ledgers.read(home, table))
        days = {"first": asked.year_first, "last": asked.last}
        runs = tuple(store.read(resources.sql("disclosure/run"), days).iter_rows(named=True))
        if not runs or runs[-1]["business_date"] < asked.first:
            raise LeveeError(
                Finding(
                    "UNKNOWN_ID",
                    "no end of day of the quarter is published",
                    where=str(home.root),
                    value=asked.name,
                    action="`levee publish list` shows what is out",
                )
            )
        yield Period(home, store, asked, runs)
