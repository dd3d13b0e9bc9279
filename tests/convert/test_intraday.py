"""Snapshots before a day's last one as intraday cycles: what each knows, and that it knows nothing later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import convert, inbox
from tasks.home import Home
from tasks.model.errors import LeveeError
from tests.convert.conftest import SECOND, THIRD, option_rows

MORNING, NOON = (datetime(2026, 3, 10, hour, 30, tzinfo=UTC) for hour in (4, 12))
CRASH = 0.8  # of the index, in the snapshot of noon


def snapshot(moment: datetime, factor: float) -> list[dict[str, Any]]:
    """The day's rows at another time and index; what expires at 08:00 is gone from those of noon."""
    rows = [
        row | {"timestamp": moment, "index_price": row["index_price"] * factor, "snapshot_id": f"{moment:%H}"}
        for row in option_rows(SECOND)
    ]
    return [row for row in rows if row["expiry_datetime"] > moment]


@pytest.fixture
def folder(market: Callable[..., Path]) -> Path:
    made = market()
    rows = [*snapshot(MORNING, 1.0), *snapshot(NOON, CRASH)]
    pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("timestamp").dt.cast_time_unit("us")
    ).write_parquet(made / "deribit_options_intraday_crash.parquet")
    return made


def read(home: Home, name: str, cycle: str) -> pl.DataFrame:
    path = home.inbox / SECOND.isoformat() / cycle / f"{name}.csv"
    return inbox.read(path.name, path.read_bytes(), inbox.Place(SECOND, cycle, "TEST")).frame


def test_each_snapshot_is_a_cycle_of_its_own(folder: Path, home: Home) -> None:
    index = {}
    for cycle, at in (("ITD1", MORNING), ("ITD2", NOON), ("EOD", None)):
        report = convert.deribit_chain(home, SECOND, folder, 1, cycle)
        assert at is None or report.as_of.startswith(f"{at:%Y-%m-%dT%H:%M}")
        prices = read(home, "prices", cycle).filter(pl.col("contract_id") == "BTC-USD")
        index[cycle] = float(prices["price"].item())
    assert index == pytest.approx({"ITD1": 84_000.0, "ITD2": 84_000.0 * CRASH, "EOD": 84_000.0}, abs=1.0)


def test_a_snapshot_is_no_close_and_the_end_of_its_own_day_is_not_known(folder: Path, home: Home) -> None:
    convert.deribit_chain(home, SECOND, folder, 1, "ITD2")
    days = {name: read(home, name, "ITD2")["date"] for name in ("history", "factor_history")}
    assert days["history"].max() == "2026-03-09"
    assert all(day.max() < SECOND.isoformat() for day in days.values())


def test_what_comes_later_changes_nothing(folder: Path, home: Home, tmp_path: Path) -> None:
    """The end of the day and the day after are cut away, and the next snapshot with them."""
    convert.deribit_chain(home, SECOND, folder, 1, "ITD1")
    whole = {path.name: path.read_bytes() for path in (home.inbox / SECOND.isoformat() / "ITD1").iterdir()}
    for name, column in (("deribit_options_eod", "timestamp"), ("deribit_options_intraday_crash", "timestamp")):
        path = folder / f"{name}.parquet"
        pl.read_parquet(path).filter(pl.col(column) <= MORNING).write_parquet(path)
    other = Home(tmp_path / "other").prepare("TEST")
    convert.deribit_chain(other, SECOND, folder, 1, "ITD1")
    assert {path.name: path.read_bytes() for path in (other.inbox / SECOND.isoformat() / "ITD1").iterdir()} == whole


@pytest.mark.parametrize(
    ("day", "cycle", "code"),
    [(SECOND, "ITD3", "WAITING"), (THIRD, "ITD1", "WAITING"), (SECOND, "SOD", "USAGE"), (SECOND, "ITD0", "USAGE")],
)
def test_a_cycle_without_a_snapshot_is_named(folder: Path, home: Home, day: date, cycle: str, code: str) -> None:
    with pytest.raises(LeveeError, match=code):
        convert.deribit_chain(home, day, folder, 1, cycle)
    assert not (home.inbox / day.isoformat() / cycle).exists()
