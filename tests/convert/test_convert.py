from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import convert
from tasks.home import Home
from tasks.model.errors import DeliveryError

FIRST, SECOND, THIRD = date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 11)
DATASETS = {
    "contracts",
    "prices",
    "vol_quotes",
    "history",
    "factor_history",
    "members",
    "accounts",
    "positions",
    "collateral_balances",
    "funding",
}
KEY = ["clearing_member_id", "margin_account_id", "client_id", "contract_id"]
Rows = list[dict[str, Any]]
Delivered = Callable[[str, date], pl.DataFrame]


def rows_of(frame: pl.DataFrame, *numbers: str) -> Rows:
    rows = frame.to_dicts()
    for row in rows:
        row.update({name: None if row[name] is None else Decimal(row[name]) for name in numbers})
    return rows


def positions(delivered: Delivered, day: date) -> Rows:
    return rows_of(
        delivered("positions", day),
        "qty_open",
        "qty_buy",
        "qty_sell",
        "qty_transfer",
        "qty_exercise_assign",
        "qty_expired",
        "qty_close",
        "buy_value",
        "sell_value",
        "premium_paid",
        "fees",
    )


def prices(delivered: Delivered, day: date) -> dict[tuple[str, str], dict[str, Any]]:
    rows = rows_of(delivered("prices", day), "price", "prev_price", "open_interest")
    return {(row["contract_id"], row["price_type"]): row for row in rows}


def files(home: Home, day: date) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home.inbox / day.isoformat() / "EOD").iterdir()}


def sums(rows: Rows, *names: str) -> dict[str, list[Decimal]]:
    found: dict[str, list[Decimal]] = {}
    for row in rows:
        total = found.setdefault(row["contract_id"], [Decimal(0)] * len(names))
        found[row["contract_id"]] = [each + row[name] for each, name in zip(total, names, strict=True)]
    return found


def test_every_file_is_of_the_declared_form(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    report = convert.deribit_chain(home, SECOND, market(), 1)
    assert {path.removesuffix(".csv") for path in files(home, SECOND)} == DATASETS == set(report.records)
    for name, records in report.records.items():
        assert delivered(name, SECOND).height == records
    header = files(home, SECOND)["prices.csv"].decode().splitlines()[0]
    stamp = "2026-03-10T21:20:00.250000Z"
    assert header == f"#H,prices,1,2026-03-10,EOD,1,HOUSE,{stamp},{stamp},TEST,REAL"


def test_the_book_balances_and_rolls(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    convert.deribit_chain(home, SECOND, market(), 1)
    rows = positions(delivered, SECOND)
    assert {row["account_type"] for row in rows} == {"HOUSE", "CLIENT_OMNI_NET", "CLIENT_GROSS"}
    for row in rows:
        moved = row["qty_open"] + row["qty_buy"] - row["qty_sell"] + row["qty_expired"]
        assert moved == row["qty_close"]
        assert min(row["qty_buy"], row["qty_sell"], row["buy_value"], row["sell_value"], row["fees"]) >= 0
        assert (row["client_id"] is not None) == (row["account_type"] == "CLIENT_GROSS")
    for opened, expired, closed, premium in sums(rows, "qty_open", "qty_expired", "qty_close", "premium_paid").values():
        assert opened == expired == closed == premium == 0
    traded = sums(rows, "qty_buy", "qty_sell", "buy_value", "sell_value", "fees")
    for bought, sold, buy_value, sell_value, fees in traded.values():
        assert (bought, buy_value) == (sold, sell_value)
        assert (bought > 0) == (fees > 0)
    assert sum(bought > 0 for bought, *_ in traded.values()) > 16


def test_traded_values_are_at_todays_mark(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    convert.deribit_chain(home, SECOND, market(), 1)
    mark = {
        contract_id: row["price"] for (contract_id, kind), row in prices(delivered, SECOND).items() if kind == "MARK"
    }
    for row in positions(delivered, SECOND):
        bought, price = row["qty_buy"], mark.get(row["contract_id"])
        if price is None:
            continue
        is_option = row["contract_id"].count("-") == 3
        inverse = row["contract_id"].endswith(".INV") and not is_option
        value = bought / price if inverse else bought * price
        assert abs(row["buy_value"] - value) <= Decimal("1e-11")
        assert row["premium_paid"] == (row["buy_value"] - row["sell_value"] if is_option else 0)


def test_a_day_opens_as_the_day_before_closed(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    folder = market()
    for day in (FIRST, SECOND, THIRD):
        convert.deribit_chain(home, day, folder, 1)
    for before, after in ((FIRST, SECOND), (SECOND, THIRD)):
        closed = {tuple(row[name] for name in KEY): row["qty_close"] for row in positions(delivered, before)}
        opened = {tuple(row[name] for name in KEY): row["qty_open"] for row in positions(delivered, after)}
        assert {key: quantity for key, quantity in closed.items() if quantity} == {
            key: quantity for key, quantity in opened.items() if quantity
        }
        marks = prices(delivered, before)
        for (contract_id, kind), row in prices(delivered, after).items():
            if kind == "MARK" and (contract_id, kind) in marks:
                assert row["prev_price"] == marks[contract_id, kind]["price"]


def test_the_first_day_is_taken_over_at_its_own_prices(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    convert.deribit_chain(home, FIRST, market(), 1)
    for row in positions(delivered, FIRST):
        assert row["qty_open"] == row["qty_close"] != 0
        assert row["qty_buy"] == row["qty_sell"] == row["qty_expired"] == row["fees"] == 0
    for row in prices(delivered, FIRST).values():
        assert row["prev_price"] == row["price"]


def test_what_expired_leaves_at_a_final_price(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    convert.deribit_chain(home, SECOND, market(), 1)
    contracts = {row["contract_id"]: row for row in delivered("contracts", SECOND).to_dicts()}
    expired = {name for name, row in contracts.items() if row["status"] == "EXPIRED_UNSETTLED"}
    assert expired == {name for name in contracts if "20260310" in name}
    assert {"BTC-20260310.INV", "ETH-20260310.INV", "BTC-20260310-90000-P.INV"} < expired
    priced = prices(delivered, SECOND)
    # A candle opened at 08:00: 84,000 and 2,700, each plus 0.1 %.
    assert priced["BTC-20260310-90000-P.INV", "FINAL"]["price"] == Decimal("84084.00")
    assert priced["ETH-20260310.INV", "FINAL"]["price"] == Decimal("2702.70")
    assert priced["ETH-20260310.INV", "FINAL"]["obs_ts"] is None
    assert {name for name, kind in priced if kind == "FINAL"} == expired
    gone = [row for row in positions(delivered, SECOND) if row["contract_id"] in expired]
    assert {row["contract_id"] for row in gone} == expired
    assert all(row["qty_expired"] == -row["qty_open"] != 0 and row["qty_close"] == 0 for row in gone)


def test_without_a_candle_the_final_price_lies_between_the_snapshots(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    def at_snapshots(rows: Rows) -> None:
        rows[:] = [row for row in rows if row["obs_ts_utc"].hour != 8]

    convert.deribit_chain(home, SECOND, market(candles=at_snapshots), 1)
    # 10 h 39 min 59.75 s of 24 h have passed: 90,000 x (84,000 / 90,000)^0.444441...
    share = (10 * 3600 + 39 * 60 + 59.75) / 86_400
    expected = 90_000.0 * (84_000.0 / 90_000.0) ** share
    final = prices(delivered, SECOND)["BTC-20260310.INV", "FINAL"]["price"]
    assert float(final) == pytest.approx(expected, abs=0.006)


def test_contracts_and_prices_of_each_kind(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    convert.deribit_chain(home, SECOND, market(), 1)
    contracts = {row["contract_id"]: row for row in delivered("contracts", SECOND).to_dicts()}
    shown = ("kind", "payoff", "settle_asset", "multiplier", "expiry_ts", "status")
    assert [contracts["BTC-20260327-90000-C.INV"][name] for name in shown] == [
        "OPT",
        "INVERSE",
        "BTC",
        "1",
        "2026-03-27T08:00:00Z",
        "ACTIVE",
    ]
    assert [contracts["ETH-20260327.INV"][name] for name in shown[:5]] == [
        "FUT",
        "INVERSE",
        "ETH",
        "1",
        "2026-03-27T08:00:00Z",
    ]
    assert [contracts["BTC-PERP.INV"][name] for name in shown[:5]] == ["PERP", "INVERSE", "BTC", "10", None]
    assert [contracts["BTC-PERP.LIN.USDC"][name] for name in shown[:5]] == ["PERP", "LINEAR", "USDC", "0.001", None]
    assert "BTC-20260320.INV" not in contracts  # its forward is synthetic
    priced = prices(delivered, SECOND)
    assert priced["BTC-USD", "INDEX"]["price"] == 84_000
    assert priced["BTC-PERP.INV", "MARK"]["price"] == Decimal("84084")
    assert priced["BTC-PERP.INV", "MARK"]["obs_ts"] == "2026-03-10T21:20:00Z"
    stable = priced["USDC-USD", "INDEX"]
    assert (stable["price"], stable["quality"], stable["obs_ts"]) == (Decimal("1.0002"), "PROXY", None)
    assert priced["BTC-20260320-80000-C.INV", "MARK"]["open_interest"] == Decimal("137.3")


def test_a_perpetual_without_a_candle_takes_the_index(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    folder = market(candles=lambda rows: [row.update(candle_open=None) for row in rows if row["coin"] == "ETH"])
    report = convert.deribit_chain(home, SECOND, folder, 1)
    price = prices(delivered, SECOND)["ETH-PERP.INV", "MARK"]
    assert (price["price"], price["quality"], price["method"]) == (2700, "PROXY", "INDEX")
    assert report.noted["NO_PERPETUAL_CANDLE"] == ["ETH-PERPETUAL"]


def test_a_candle_that_opens_after_the_snapshot_is_not_known_yet(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    def late(rows: Rows) -> None:
        for row in rows:
            row["candle_open_time_ms"] += 60_000

    convert.deribit_chain(home, SECOND, market(candles=late), 1)
    assert prices(delivered, SECOND)["BTC-PERP.INV", "MARK"]["method"] == "INDEX"


def test_option_quotes(market: Callable[..., Path], home: Home, delivered: Delivered) -> None:
    def spoil(rows: Rows) -> None:
        row = next(row for row in rows if row["timestamp"].date() == SECOND)
        row.update(implied_volatility=0.7742000000000001, underlying=84000.65307692307, bid_price=None)

    convert.deribit_chain(home, SECOND, market(options=spoil), 1)
    rows = {row["contract_id"]: row for row in delivered("vol_quotes", SECOND).to_dicts()}
    assert len(rows) == 16
    quote = rows["BTC-20260320-80000-C.INV"]
    assert (quote["iv_mark"], quote["forward"], quote["bid_px"]) == ("0.774200000000", "84000.6530769231", None)


def test_prices_the_venue_does_not_tell_are_left_empty(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    def spoil(rows: Rows) -> None:
        for at, row in enumerate(row for row in rows if row["timestamp"].date() == SECOND):
            row["mark_price"] = (None, float("nan"), float("inf"))[at % 3]

    convert.deribit_chain(home, SECOND, market(options=spoil), 1)
    empty = [name for (name, kind), row in prices(delivered, SECOND).items() if kind == "MARK" and row["price"] is None]
    assert len(empty) == 16
    assert len(delivered("positions", SECOND)) > 16


def test_an_option_left_out_is_still_held_at_its_prior_price(
    market: Callable[..., Path], home: Home, delivered: Delivered
) -> None:
    def drop(rows: Rows) -> None:
        rows.remove(next(row for row in rows if row["timestamp"].date() == SECOND))

    convert.deribit_chain(home, SECOND, market(options=drop), 1)
    price = prices(delivered, SECOND)["BTC-20260320-80000-C.INV", "MARK"]
    assert (price["quality"], price["obs_ts"][:10]) == ("PRIOR", "2026-03-09")
    held = [row for row in positions(delivered, SECOND) if row["contract_id"] == "BTC-20260320-80000-C.INV"]
    assert held
    assert all(row["qty_open"] == row["qty_close"] for row in held)


def test_nothing_later_than_the_snapshot_matters(market: Callable[..., Path], tmp_path: Path) -> None:
    """Cut every file after the second day's snapshot, or spoil what comes later: its files stay the same."""
    moment = datetime.fromisoformat("2026-03-10T21:20:00.250000+00:00")

    def cut(rows: Rows) -> None:
        stamp = "timestamp" if "timestamp" in rows[0] else "obs_ts_utc"
        rows[:] = [row for row in rows if row[stamp] <= moment]

    def spoil(rows: Rows) -> None:
        for row in rows:
            if row.get("timestamp", row.get("obs_ts_utc")) > moment:
                row.update({name: value * 7 for name, value in row.items() if isinstance(value, float)})

    def later(rows: Rows) -> None:
        rows.extend(
            {"coin": coin, "date": day, "close": 0.3} for coin in ("BTC", "ETH", "USDC") for day in (SECOND, THIRD)
        )

    written = []
    for name, change, daily in (("whole", None, None), ("cut", cut, None), ("spoilt", spoil, later)):
        edits = {"options": change, "candles": change, "daily": daily}
        folder = market(name, **{key: edit for key, edit in edits.items() if edit})
        home = Home(tmp_path / f"home-{name}").prepare("TEST")
        convert.deribit_chain(home, SECOND, folder, 1)
        written.append(files(home, SECOND))
    assert written[0] == written[1] == written[2]


def test_the_order_of_rows_does_not_matter(market: Callable[..., Path], home: Home) -> None:
    convert.deribit_chain(home, SECOND, market(), 1)
    one = files(home, SECOND)
    turned = {key: lambda rows: rows.reverse() for key in ("options", "candles", "daily", "bars")}
    convert.deribit_chain(home, SECOND, market("turned", **turned), 1)
    assert files(home, SECOND) == one


def test_seeds_differ(market: Callable[..., Path], home: Home) -> None:
    folder = market()
    convert.deribit_chain(home, SECOND, folder, 1)
    one = files(home, SECOND)
    convert.deribit_chain(home, SECOND, folder, 2)
    other = files(home, SECOND)
    same = {name for name in one if one[name] == other[name]}
    assert {"vol_quotes.csv", "history.csv"} <= same
    assert not same & {"positions.csv", "collateral_balances.csv"}


def test_the_report_says_what_became_of_the_rows(market: Callable[..., Path], home: Home) -> None:
    def spoil(rows: Rows) -> None:
        rows[-1].update(option_type="?", open_interest=0.0)
        rows[-2].update(implied_volatility=None)

    report = convert.deribit_chain(home, THIRD, market(options=spoil), 1)
    assert (report.rows_read, report.rows_used) == (16, 15)
    told = json.loads(json.dumps(report.as_dict()))
    assert told["unusable"] == {"UNKNOWN_OPTION_TYPE": ["ETH-27MAR26-3000-P"]}
    assert told["noted"]["NO_IMPLIED_VOLATILITY"] == ["ETH-27MAR26-3000-C"]
    assert told["left_out"] == ["book_depth"]
    for said in ("15 of 16 rows used", "UNKNOWN_OPTION_TYPE 1: ETH-27MAR26-3000-P", "book_depth,"):
        assert said in report.text()


def test_a_missing_day_writes_nothing(market: Callable[..., Path], home: Home) -> None:
    with pytest.raises(DeliveryError) as raised:
        convert.deribit_chain(home, date(2026, 4, 1), market(), 1)
    assert raised.value.code == "WAITING"
    assert list(home.inbox.iterdir()) == []


def test_the_folder_of_the_market_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEVEE_MARKET_DATA_DIR", str(tmp_path))
    assert convert.market_data_folder() == tmp_path


@pytest.mark.market_data
def test_the_crash_day(market_data: Path, home: Home, delivered: Delivered) -> None:
    day = date(2026, 1, 29)
    report = convert.deribit_chain(home, day, market_data, 1)
    assert report.rows_used == report.rows_read == 1536
    rows = positions(delivered, day)
    names = ("qty_open", "qty_buy", "qty_sell", "qty_expired", "qty_close", "buy_value", "sell_value", "premium_paid")
    for total in sums(rows, *names).values():
        opened, bought, sold, expired, closed, buy_value, sell_value, premium = total
        assert opened == expired == closed == premium == 0
        assert (bought, buy_value) == (sold, sell_value)
    options = pl.read_parquet(market_data / "deribit_options_eod.parquet").filter(pl.col("timestamp").dt.date() == day)
    longs = sum(
        (row["qty_close"] for row in rows if row["contract_id"].count("-") == 3 and row["qty_close"] > 0), Decimal(0)
    )
    assert longs == sum(Decimal(repr(interest)) for interest in options["open_interest"].to_list())
    finals = {row["price"] for (_, kind), row in prices(delivered, day).items() if kind == "FINAL"}
    assert len(finals) == 2  # one per coin


@pytest.mark.market_data
def test_the_real_first_day_needs_nothing_earlier(market_data: Path, home: Home, delivered: Delivered) -> None:
    convert.deribit_chain(home, date(2025, 12, 30), market_data, 1)
    assert all(row["qty_open"] == row["qty_close"] for row in positions(delivered, date(2025, 12, 30)))


@pytest.mark.market_data
def test_the_real_files_cut_at_the_day_give_the_same_bytes(market_data: Path, home: Home, tmp_path: Path) -> None:
    day, names = (
        date(2026, 1, 15),
        {
            "deribit_options_eod": "timestamp",
            "deribit_perp_candles_at_snapshots": "obs_ts_utc",
            "daily_ohlc_usd": "date",
            "btc_usd_bitstamp_2h": "ts_utc",
            "dvol_btc_daily_close": "date",
            "btc_iv_smile_crash_dates": "date",
        },
    )
    cut = tmp_path / "cut"
    cut.mkdir()
    for name, stamp in names.items():
        frame = pl.read_parquet(market_data / f"{name}.parquet")
        frame.filter(pl.col(stamp).cast(pl.Date) <= day).write_parquet(cut / f"{name}.parquet")
    convert.deribit_chain(home, day, market_data, 3)
    whole = files(home, day)
    convert.deribit_chain(home, day, cut, 3)
    assert files(home, day) == whole
