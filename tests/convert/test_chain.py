from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import convert_chain
from tasks.convert_chain import Chain
from tasks.model.errors import DeliveryError

FIRST, SECOND = date(2026, 3, 9), date(2026, 3, 10)
Row = dict[str, Any]


def chain(folder: Path, day: date = SECOND) -> Chain:
    found = convert_chain.chain_of(convert_chain.options_until(folder, day), day)
    assert found is not None
    return found


def on_second(rows: list[Row], at: int) -> Row:
    return [row for row in rows if row["timestamp"].date() == SECOND][at]


def test_a_clean_snapshot_is_used_whole(market: Callable[..., Path]) -> None:
    found = chain(market())
    assert (found.rows_read, len(found.quotes), dict(found.remarks.unusable)) == (16, 16, {})
    assert dict(found.remarks.noted) == {}
    assert found.index == {"BTC": 84_000.0, "ETH": 2_700.0}
    assert [future.venue_symbol for future in found.futures] == ["BTC-27MAR26", "ETH-27MAR26"]


UNUSABLE = [
    ("UNKNOWN_NAME", {"instrument_name": "BTC-27MAR26-90000-CALL"}),
    ("UNKNOWN_NAME", {"instrument_name": None}),
    ("UNKNOWN_COIN", {"instrument_name": "SOL-27MAR26-90000-C", "currency": "SOL"}),
    ("UNKNOWN_OPTION_TYPE", {"option_type": "straddle"}),
    ("UNKNOWN_OPTION_TYPE", {"option_type": None}),
    ("NAME_DISAGREES", {"option_type": "put"}),
    ("NAME_DISAGREES", {"strike": 81_000.0}),
    ("NAME_DISAGREES", {"currency": "ETH"}),
    ("EXPIRED", {"instrument_name": "BTC-10MAR26-80000-C", "expiry_datetime": None}),
]


@pytest.mark.parametrize(("reason", "values"), UNUSABLE)
def test_rows_that_cannot_be_used_are_counted_and_named(
    market: Callable[..., Path], reason: str, values: dict[str, Any]
) -> None:
    def spoil(rows: list[Row]) -> None:
        row = on_second(rows, 0)
        row.update(values)
        row["open_interest"] = 0.0

    found = chain(market(options=spoil))
    name = values.get("instrument_name", "BTC-20MAR26-80000-C") or "(no name)"
    assert dict(found.remarks.unusable) == {reason: [name]}


def test_a_second_row_of_a_name_is_not_used(market: Callable[..., Path]) -> None:
    found = chain(market(options=lambda rows: rows.append(dict(on_second(rows, 3), mark_price=0.5))))
    assert dict(found.remarks.unusable) == {"DUPLICATE_NAME": ["BTC-20MAR26-90000-P"]}
    assert found.quotes["BTC-20260320-90000-P.INV"].mark != 0.5


NOTED = [
    ("NO_MARK", {"mark_price": None}),
    ("NO_MARK", {"mark_price": float("nan")}),
    ("NEGATIVE_MARK", {"mark_price": -0.001, "bid_price": None}),
    ("NO_IMPLIED_VOLATILITY", {"implied_volatility": None}),
    ("NO_IMPLIED_VOLATILITY", {"implied_volatility": float("inf")}),
    ("NO_FORWARD", {"underlying": 0.0}),
    ("NO_OPEN_INTEREST", {"open_interest": None}),
    ("NO_OPEN_INTEREST", {"open_interest": -3.0}),
    ("NO_DELTA", {"delta": None}),
    ("NO_INDEX", {"index_price": None}),
    ("BID_ABOVE_ASK", {"bid_price": 9.0}),
    ("MARK_OUTSIDE_BID_ASK", {"mark_price": 0.0}),
    ("OPTION_TYPE_SPELT_OTHERWISE", {"option_type": "CALL"}),
    ("OPTION_TYPE_SPELT_OTHERWISE", {"option_type": "C"}),
]


@pytest.mark.parametrize(("reason", "values"), NOTED)
def test_odd_rows_are_used_and_named(market: Callable[..., Path], reason: str, values: dict[str, Any]) -> None:
    found = chain(market(options=lambda rows: on_second(rows, 0).update(values)))
    assert found.remarks.noted[reason] == ["BTC-20MAR26-80000-C"]
    assert dict(found.remarks.unusable) == {}
    assert found.quotes["BTC-20260320-80000-C.INV"].option.right == "C"


def test_a_zero_mark_is_a_mark(market: Callable[..., Path]) -> None:
    found = chain(market(options=lambda rows: on_second(rows, 0).update(mark_price=0.0, bid_price=None)))
    assert found.quotes["BTC-20260320-80000-C.INV"].mark == 0.0
    assert dict(found.remarks.noted) == {"NO_BID": ["BTC-20MAR26-80000-C"]}


def test_text_in_a_column_of_numbers_is_no_number(market: Callable[..., Path]) -> None:
    def spoil(rows: list[Row]) -> None:
        for row in rows:
            row["mark_price"] = str(row["mark_price"])
        on_second(rows, 0)["mark_price"] = "n/a"

    assert chain(market(options=spoil)).remarks.noted["NO_MARK"] == ["BTC-20MAR26-80000-C"]


def test_extra_columns_are_named(market: Callable[..., Path]) -> None:
    found = chain(market(options=lambda rows: [row.update(rho=1.0) for row in rows]))
    assert dict(found.remarks.noted) == {"EXTRA_COLUMN": ["rho"]}


def test_a_missing_column_is_refused(market: Callable[..., Path]) -> None:
    folder = market(options=lambda rows: [row.pop("delta") for row in rows])
    with pytest.raises(DeliveryError, match="delta") as raised:
        convert_chain.options_until(folder, SECOND)
    assert raised.value.code == "SCHEMA_DRIFT"


def test_a_column_of_another_type_is_refused(market: Callable[..., Path]) -> None:
    folder = market(options=lambda rows: [row.update(timestamp="yesterday") for row in rows])
    with pytest.raises(DeliveryError) as raised:
        convert_chain.options_until(folder, SECOND)
    assert raised.value.code == "SCHEMA_DRIFT"


def test_a_missing_day_names_the_days_there_are(market: Callable[..., Path]) -> None:
    with pytest.raises(DeliveryError, match=r"2026-03-09\.\.2026-03-11") as raised:
        convert_chain.options_until(market(), date(2026, 3, 12))
    assert raised.value.code == "WAITING"


def test_a_missing_folder_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"nowhere/deribit_options_eod\.parquet") as raised:
        convert_chain.options_until(tmp_path / "nowhere", SECOND)
    assert raised.value.code == "WAITING"


def test_an_option_left_out_before_its_expiry_keeps_its_last_row(market: Callable[..., Path]) -> None:
    folder = market(options=lambda rows: rows.remove(on_second(rows, 0)))
    found = chain(folder)
    kept = found.quotes["BTC-20260320-80000-C.INV"]
    assert kept.obs_ts.date() == FIRST
    assert found.remarks.noted["NOT_IN_SNAPSHOT"] == ["BTC-20MAR26-80000-C"]
    assert len(found.quotes) == 16


def test_only_the_last_snapshot_of_a_day_counts(market: Callable[..., Path]) -> None:
    def morning(rows: list[Row]) -> None:
        early = [dict(row, timestamp=row["timestamp"].replace(hour=4), index_price=1.0) for row in rows]
        rows.extend(early)

    found = chain(market(options=morning))
    assert (found.rows_read, found.index["BTC"]) == (16, 84_000.0)


@pytest.mark.market_data
def test_the_real_day_is_used_whole(market_data: Path) -> None:
    rows = pl.read_parquet(market_data / "deribit_options_eod.parquet")
    rows = rows.filter(pl.col("timestamp").dt.date() == date(2026, 1, 29))
    found = chain(market_data, date(2026, 1, 29))
    assert (found.rows_read, len(found.quotes)) == (rows.height, rows.height)
    assert len(found.remarks.noted["NO_BID"]) == rows["bid_price"].null_count()
    listed = rows.filter(~pl.col("underlying_name").str.starts_with("SYN."))
    assert len(found.futures) == listed["underlying_name"].n_unique()
