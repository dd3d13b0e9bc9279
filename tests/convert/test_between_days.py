"""What links one converted day to the next: answered calls, funding, and what the index did in between."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import convert, convert_funding, convert_path
from tasks.home import Home

FIRST, SECOND, THIRD = date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 11)
AS_OF = {day: datetime(day.year, day.month, day.day, 21, 20, 0, 250_000, tzinfo=UTC) for day in (FIRST, SECOND, THIRD)}
Rows = list[dict[str, Any]]
Delivered = Callable[[str, date], pl.DataFrame]


def publish_calls(home: Home, day: date, calls: Rows) -> None:
    """What a reader sees of a published end of day with these calls."""
    run_id = f"{day:%Y%m%d}-EOD-r01"
    latest = home.published / f"{day:%Y%m%d}" / "EOD" / "latest.json"
    latest.parent.mkdir(parents=True)
    latest.write_text(json.dumps({"run_id": run_id, "version": 1}), encoding="utf-8")
    schema: dict[str, Any] = {
        "call_id": pl.String,
        "call_version": pl.Int32,
        "cycle_id": pl.String,
        "run_id": pl.String,
        "state": pl.String,
        "clearing_member_id": pl.String,
        "margin_account_id": pl.String,
        "due_asset": pl.String,
        "due_amount": pl.Decimal(38, 8),
    }
    told = [{"cycle_id": f"{day:%Y%m%d}-EOD", "run_id": run_id, "state": "ISSUED"} | each for each in calls]
    table = home.root / "ledgers" / "1" / "control.margin_call.parquet"
    earlier = [pl.read_parquet(table)] if table.exists() else []
    table.parent.mkdir(parents=True, exist_ok=True)
    pl.concat([*earlier, pl.DataFrame(told, schema=schema)]).write_parquet(table)
    hashes = {table.stem: hashlib.sha256(table.read_bytes()).hexdigest()}
    (home.root / "ledgers" / "latest.json").write_text(json.dumps({"edition": 1, "tables": hashes}), encoding="utf-8")


def call(account: str, asset: str, amount: str) -> dict[str, Any]:
    return {
        "call_id": f"of {account} in {asset}",
        "call_version": 1,
        "clearing_member_id": account[:-1],
        "margin_account_id": account,
        "due_asset": asset,
        "due_amount": Decimal(amount),
    }


def test_published_calls_come_as_deposits_of_their_due_amount(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    publish_calls(home, FIRST, [call("M002C", "USD", "31000"), call("M001H", "USDC", "12.345678")])
    convert.deribit_chain(home, SECOND, market(), 1)
    rows = delivered("collateral_balances", SECOND)
    told = rows.select(
        "clearing_member_id", "margin_account_id", "asset", "form", "deposits", "withdrawals", "qty_open"
    )
    assert [(*row[:4], Decimal(row[4]), Decimal(row[5]), row[6]) for row in told.iter_rows()] == [
        ("M001", "M001H", "USDC", "STABLECOIN", Decimal("12.345678"), 0, None),
        ("M002", "M002C", "USD", "CASH", Decimal(31000), 0, None),
    ]


def test_the_calls_are_those_of_the_latest_day_before(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    for day, amount in ((FIRST, "1000"), (SECOND, "2000"), (THIRD, "3000")):
        publish_calls(home, day, [call("M001H", "USD", amount)])
    convert.deribit_chain(home, THIRD, market(), 1)
    assert [Decimal(each) for each in delivered("collateral_balances", THIRD)["deposits"]] == [2000]


def test_where_nobody_was_called_nothing_moves(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    publish_calls(home, FIRST, [])
    convert.deribit_chain(home, SECOND, market(), 1)
    assert delivered("collateral_balances", SECOND).is_empty()


def test_a_genesis_day_tells_every_balance(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    publish_calls(home, THIRD, [call("M001H", "USD", "1000")])
    convert.deribit_chain(home, SECOND, market(), 1)
    told = delivered("collateral_balances", SECOND)
    assert told["qty_open"].null_count() == 0
    assert {"USD", "USDC", "USDT", "BTC", "ETH"} == set(told["asset"])
    assert set(told["margin_account_id"]) == set(delivered("accounts", SECOND)["margin_account_id"])


def rates(delivered: Delivered, day: date) -> dict[tuple[str, str], Decimal]:
    rows = delivered("funding", day)
    return {(row["contract_id"], row["interval_end_ts"][:13]): Decimal(row["funding_rate"]) for row in rows.to_dicts()}


def test_funding_is_the_premium_at_the_end_of_each_interval(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    def dear(rows: Rows) -> None:
        for row in rows:
            if row["coin"] == "BTC" and row["obs_ts_utc"] == AS_OF[SECOND]:
                row["candle_open"] = 84_000.0 * 1.003

    convert.deribit_chain(home, SECOND, market(candles=dear), 1)
    found = rates(delivered, SECOND)
    assert len(found) == 4 * 3
    for hour in ("2026-03-10T00", "2026-03-10T08", "2026-03-10T16"):
        share = (datetime.fromisoformat(f"{hour}:00+00:00") - AS_OF[FIRST]) / timedelta(days=1)
        expected = 0.001 + 0.002 * share
        assert float(found["BTC-PERP.INV", hour]) == pytest.approx(expected, abs=2e-12)
        assert found["BTC-PERP.LIN.USDC", hour] == found["BTC-PERP.INV", hour]
        assert float(found["ETH-PERP.INV", hour]) == pytest.approx(0.001, abs=2e-12)


@pytest.mark.parametrize(("factor", "expected"), [(1.02, "0.005"), (0.98, "-0.005")])
def test_funding_is_capped(
    market: Callable[..., Path], home: Home, delivered: Delivered, factor: float, expected: str
) -> None:
    def far(rows: Rows) -> None:
        for row in rows:
            row["candle_open"] *= factor

    convert.deribit_chain(home, SECOND, market(candles=far), 1)
    assert set(rates(delivered, SECOND).values()) == {Decimal(expected)}
    caps = delivered("contracts", SECOND).filter(pl.col("kind") == "PERP")["funding_cap"]
    assert {Decimal(cap) for cap in caps} == {Decimal("0.005")}


def test_the_first_day_takes_its_own_premium(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    convert.deribit_chain(home, FIRST, market(), 1)
    found = rates(delivered, FIRST)
    assert {hour for _, hour in found} == {"2026-03-09T00", "2026-03-09T08", "2026-03-09T16"}
    assert all(abs(each - Decimal("0.001")) < Decimal("2e-12") for each in found.values())


def test_without_the_candles_a_day_is_converted_and_says_what_is_missing(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    folder = market()
    (folder / "deribit_perp_candles_at_snapshots.parquet").unlink()
    report = convert.deribit_chain(home, SECOND, folder, 1)
    both = ["BTC-PERPETUAL", "ETH-PERPETUAL"]
    assert (report.noted["NO_PERPETUAL_CANDLE"], report.noted["NO_FUNDING"]) == (both, both)
    assert delivered("funding", SECOND).is_empty()
    assert "FINAL" in set(delivered("prices", SECOND)["price_type"])


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-09T21:20", "2026-03-10T21:20", [10, 10, 10]),
        ("2026-03-09T00:00", "2026-03-10T00:00", [9, 9, 10]),
        ("2026-03-09T23:59", "2026-03-10T00:00", [10]),
        ("2026-03-09T00:01", "2026-03-09T07:59", []),
    ],
)
def test_interval_ends(start: str, end: str, hours: list[int]) -> None:
    ends = convert_funding.interval_ends(*(datetime.fromisoformat(f"{each}+00:00") for each in (start, end)))
    assert [each.day for each in ends] == hours
    assert all((each.hour % 8, each.minute) == (0, 0) for each in ends)


def test_the_index_in_between_is_the_venues_where_it_is_known(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    """An index of the time of expiry itself is the final price; the candle taken then is not looked at."""
    folder, moment = market(), datetime(2026, 3, 10, 8, tzinfo=UTC)
    pl.DataFrame(
        [
            {"timestamp": moment, "currency": coin, "index_price": price}
            for coin, prices in (("BTC", (87_100.0, 87_000.0, 86_900.0)), ("ETH", (2_800.0, float("nan"))))
            for price in prices
        ]
    ).with_columns(pl.col("timestamp").dt.cast_time_unit("us")).write_parquet(
        folder / "deribit_options_intraday_crash.parquet"
    )
    convert.deribit_chain(home, SECOND, folder, 1)
    finals = delivered("prices", SECOND).filter(pl.col("price_type") == "FINAL")
    found = {contract_id[:3]: Decimal(price) for contract_id, price in finals["contract_id", "price"].iter_rows()}
    assert found == {"BTC": 87_000, "ETH": 2_800}


def test_interpolation_is_linear_in_the_logarithm_and_in_time() -> None:
    start = datetime(2026, 3, 9, 21, tzinfo=UTC)
    seen = [(start, 100.0), (start + timedelta(hours=20), 400.0)]
    assert convert_path.interpolated(seen, start + timedelta(hours=10)) == Decimal("200.00")
    assert convert_path.interpolated(seen, start) == 100
    assert convert_path.linear(seen, start + timedelta(hours=5)) == 175.0
    assert convert_path.linear(seen, start - timedelta(hours=5)) == 100.0
    assert convert_path.linear(seen, start + timedelta(hours=50)) == 400.0
