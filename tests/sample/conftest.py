"""A synthetic house of five days, written once, and readers that share nothing with the writer."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from tasks import sample

Row = dict[str, str]
Tables = dict[str, list[Row]]

END = date(2026, 2, 1)  # a Sunday: the days span the expiry of Friday 30 January, the last of its month
SIZE = {"days": 5, "members": 9, "contracts": 120, "seed": 5, "end_date": END, "environment": "TEST"}


def read_day(folder: Path) -> Tables:
    """Records of each file of a folder, all values text."""
    tables = {}
    for path in sorted(folder.glob("*.csv")):
        _, *body = path.read_text(encoding="utf-8").splitlines()
        tables[path.stem] = list(csv.DictReader(body[:-1]))
    return tables


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inbox of the five days."""
    folder = tmp_path_factory.mktemp("sample")
    sample.write(folder, **SIZE)
    return folder


@pytest.fixture(scope="session")
def days(sample_folder: Path) -> list[tuple[date, Tables]]:
    """Date and tables of each day, in order."""
    dates = [END - timedelta(days=back) for back in range(4, -1, -1)]
    return [(day, read_day(sample_folder / day.isoformat() / "EOD")) for day in dates]


@pytest.fixture(scope="session")
def read() -> Callable[[Path], Tables]:
    """Reader of a day's folder."""
    return read_day
