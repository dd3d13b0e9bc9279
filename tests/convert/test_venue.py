from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import convert_venue, schema
from tasks.convert_venue import Future, Option

CONTRACT = next(column for column in schema.dataset("contracts").columns if column.name == "contract_id")


def test_known_names() -> None:
    option = convert_venue.parse_option("BTC-27MAR26-90000-C")
    assert option == Option(Future("BTC", date(2026, 3, 27)), Decimal(90000), "C")
    assert option.contract_id == "BTC-20260327-90000-C.INV"
    assert option.future.contract_id == "BTC-20260327.INV"
    assert option.future.expiry.isoformat() == "2026-03-27T08:00:00+00:00"
    tenth = convert_venue.parse_option("XRP-1FEB26-0d625-P")
    assert tenth is not None
    assert (tenth.strike, tenth.contract_id) == (Decimal("0.625"), "XRP-20260201-0d625-P.INV")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "BTC",
        "BTC-27MAR26",
        "BTC-27MAR26-90000",
        "BTC-27MAR26-90000-X",
        "BTC-27mar26-90000-C",
        "BTC-31FEB26-90000-C",
        "BTC-27MRZ26-90000-C",
        "BTC-07MAR26-90000-C",
        "BTC-27MAR26-090000-C",
        "BTC-27MAR26-90000-C ",
        "BTC-27MAR26-90000.5-C",
        "BTC-27MAR26-0-C",
        "BTC-00MAR26-90000-C",
    ],
)
def test_names_the_venue_would_not_give(name: str) -> None:
    assert convert_venue.parse_option(name) is None


def test_a_future_is_no_option_and_a_synthetic_forward_no_future() -> None:
    assert convert_venue.parse_future("BTC-27MAR26") == Future("BTC", date(2026, 3, 27))
    assert convert_venue.parse_future("SYN.BTC-27MAR26") is None
    assert convert_venue.parse_future("BTC-27MAR26-90000-C") is None


@settings(derandomize=True, deadline=None)
@given(
    st.sampled_from(["BTC", "ETH", "XRP"]),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.decimals(Decimal("0.0001"), Decimal(10**7), places=4),
    st.sampled_from("CP"),
)
def test_names_round_trip(coin: str, expires: date, strike: Decimal, right: str) -> None:
    plain = strike.normalize() if strike != strike.to_integral_value() else strike.quantize(Decimal(1))
    option = Option(Future(coin, expires), plain, right)
    assert convert_venue.parse_option(option.venue_symbol) == option
    assert schema.re.fullmatch(CONTRACT.pattern, option.contract_id)


@pytest.mark.market_data
def test_every_name_of_the_venue_round_trips(market_data: Path) -> None:
    names = pl.read_parquet(market_data / "deribit_options_eod.parquet")["instrument_name"].unique().to_list()
    options = [convert_venue.parse_option(name) for name in names]
    assert [option.venue_symbol if option else None for option in options] == names
    assert len({option.contract_id for option in options if option}) == len(names)
