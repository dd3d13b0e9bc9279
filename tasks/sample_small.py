"""The small day of data/sample: four members and eight contracts whose figures can be worked out on paper.

Prices and quantities are round so that the settlement is exact (1/78,125 and 1/80,000 end); data/sample/README.md
works them out. Only the closes before the day come from the law, scaled to end at the previous index.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tasks import sample_rows, schema
from tasks.sample_market import ASSETS, simulate
from tasks.sample_members import synthetic_lei
from tasks.sample_rows import Rows, as_of, number

DATE = date(2026, 1, 30)
EXPIRY = date(2026, 3, 27)
SEED = 20260130
HISTORY_DAYS = 2_000

MEMBERS = (
    # id, name, base currency, timezone, account, type
    ("M001", "Baradine Clearing Ltd", "USD", "Europe/London", "M001H", "HOUSE"),
    ("007", "Peladine Markets SA", "USDC", "Asia/Singapore", "007C", "CLIENT_OMNI_NET"),
    ("M003", "Dovadine Trading GmbH", "USD", "America/New_York", "M003G", "CLIENT_GROSS"),
    ("M004", "Fenadine Capital LLC", "USD", "Asia/Tokyo", "M004H", "HOUSE"),
)
CONTRACTS = (
    # id, kind, payoff, underlying, quote, settles in, multiplier, tick, strike, type
    ("BTC-20260327-70000-P.INV", "OPT", "INVERSE", "BTC", "USD", "BTC", "1", "0.0001", "70000", "P"),
    ("BTC-20260327-80000-C.INV", "OPT", "INVERSE", "BTC", "USD", "BTC", "1", "0.0001", "80000", "C"),
    ("BTC-20260327-80000-P.INV", "OPT", "INVERSE", "BTC", "USD", "BTC", "1", "0.0001", "80000", "P"),
    ("BTC-20260327-90000-C.LIN.USDC", "OPT", "LINEAR", "BTC", "USDC", "USDC", "0.1", "5", "90000", "C"),
    ("BTC-20260327.LIN.USDC", "FUT", "LINEAR", "BTC", "USDC", "USDC", "0.01", "0.5", None, None),
    ("BTC-PERP.INV", "PERP", "INVERSE", "BTC", "USD", "BTC", "10", "0.5", None, None),
    ("BTC-PERP.LIN.USDC", "PERP", "LINEAR", "BTC", "USDC", "USDC", "0.01", "0.5", None, None),
    ("ETH-20260327-2500-C.INV", "OPT", "INVERSE", "ETH", "USD", "ETH", "1", "0.0001", "2500", "C"),
)
PRICES = (
    # id, price type, price, previous price, open interest
    ("BTC-20260327-70000-P.INV", "SETTLE", "0.03", "0.0325", "1"),
    ("BTC-20260327-80000-C.INV", "SETTLE", "0.09", "0.085", "5"),
    ("BTC-20260327-80000-P.INV", "SETTLE", "0.0665625", "0.0725", "4"),
    ("BTC-20260327-90000-C.LIN.USDC", "SETTLE", "3300", "2900", "30"),
    ("BTC-20260327.LIN.USDC", "SETTLE", "81920", "80000", "100"),
    ("BTC-PERP.INV", "SETTLE", "80000", "78125", "75000"),
    ("BTC-PERP.LIN.USDC", "SETTLE", "80000", "78100", "300"),
    ("ETH-20260327-2500-C.INV", "SETTLE", "0.12", "0.105", "50"),
    ("BTC-USD", "INDEX", "80000", "78125", None),
    ("ETH-USD", "INDEX", "2500", "2400", None),
    ("USDC-USD", "INDEX", "1", "1", None),
    ("USDT-USD", "INDEX", "0.98", "0.985", None),
)
QUOTES = (
    # id, volatility that gives the price by Black-76, forward, bid, ask, volatilities of bid and ask
    ("BTC-20260327-70000-P.INV", "0.577382529230", "81920", "0.0295", "0.0305", "0.572938", "0.581811"),
    ("BTC-20260327-80000-C.INV", "0.504100443802", "81920", "0.089", "0.091", "0.497546", "0.510655"),
    ("BTC-20260327-80000-P.INV", "0.504100443802", "81920", "0.0655", "0.0676", "0.497136", "0.510901"),
    ("BTC-20260327-90000-C.LIN.USDC", "0.489782581717", "81920", "3275", "3325", "0.487671", "0.491892"),
    ("ETH-20260327-2500-C.INV", "0.700760765792", "2560", "0.119", "0.121", "0.694200", "0.707323"),
)
FUNDING = {"BTC-PERP.INV": ("0.0001", "0.0002", "0.0001"), "BTC-PERP.LIN.USDC": ("0.0001", "0.0001", "0.0001")}
POSITIONS = (
    # account, client, contract, open, buy, sell, close, buy value, sell value, premium paid, fees
    ("007C", None, "BTC-20260327-70000-P.INV", -1, 0, 0, -1, "0", "0", "0", "0"),
    ("007C", None, "BTC-20260327-80000-C.INV", -2, 0, 3, -5, "0", "0.27", "-0.27", "0.0009"),
    ("007C", None, "BTC-20260327-80000-P.INV", -4, 0, 0, -4, "0", "0", "0", "0"),
    ("007C", None, "BTC-20260327-90000-C.LIN.USDC", 0, 0, 10, -10, "0", "33000", "-3300", "2.4"),
    ("007C", None, "BTC-PERP.INV", 62500, 12500, 0, 75000, "0.16", "0", "0", "0.0008"),
    ("007C", None, "BTC-PERP.LIN.USDC", 100, 0, 0, 100, "0", "0", "0", "0"),
    ("M001H", None, "BTC-20260327-80000-C.INV", 2, 3, 0, 5, "0.27", "0", "0.27", "0.0009"),
    ("M001H", None, "BTC-20260327-80000-P.INV", 4, 0, 0, 4, "0", "0", "0", "0"),
    ("M001H", None, "BTC-20260327-90000-C.LIN.USDC", 20, 10, 0, 30, "33000", "0", "3300", "2.4"),
    ("M001H", None, "BTC-20260327.LIN.USDC", 100, 0, 0, 100, "0", "0", "0", "0"),
    ("M001H", None, "BTC-PERP.INV", -62500, 0, 12500, -75000, "0", "0.16", "0", "0.0008"),
    ("M001H", None, "BTC-PERP.LIN.USDC", -350, 50, 0, -300, "3950000", "0", "0", "19.75"),
    ("M001H", None, "ETH-20260327-2500-C.INV", -50, 0, 0, -50, "0", "0", "0", "0"),
    ("M003G", "C001", "BTC-20260327-70000-P.INV", 1, 0, 0, 1, "0", "0", "0", "0"),
    ("M003G", "C001", "BTC-20260327-90000-C.LIN.USDC", -20, 0, 0, -20, "0", "0", "0", "0"),
    ("M003G", "C001", "BTC-PERP.LIN.USDC", 250, 0, 50, 200, "0", "3950000", "0", "19.75"),
    ("M003G", "C002", "BTC-20260327.LIN.USDC", -100, 0, 0, -100, "0", "0", "0", "0"),
    ("M003G", "C002", "ETH-20260327-2500-C.INV", 50, 0, 0, 50, "0", "0", "0", "0"),
)
BALANCES = (
    # account, asset, form, opening, deposits, withdrawals
    ("007C", "BTC", "COIN", "0.75", "0", "0"),
    ("007C", "USDC", "STABLECOIN", "50000", "25000", "0"),
    ("007C", "USDT", "STABLECOIN", "20000", "0", "0"),
    ("M001H", "BTC", "COIN", "0.25", "0", "0"),
    ("M001H", "ETH", "COIN", "20", "0", "0"),
    ("M001H", "USD", "CASH", "100000", "0", "0"),
    ("M001H", "USDC", "STABLECOIN", "50000", "0", "0"),
    ("M003G", "ETH", "COIN", "3", "0", "0"),
    ("M003G", "USD", "CASH", "8000", "0", "0"),
    ("M003G", "USDC", "STABLECOIN", "30000", "0", "0"),
    ("M004H", "USD", "CASH", "25000", "0", "5000"),
)


def datasets() -> dict[str, Rows]:
    """Rows of every delivered dataset of the day."""
    return {
        "accounts": _rows(
            "accounts",
            ("margin_account_id", "account_type", "base_ccy", "clearing_member_id"),
            [(each[4], each[5], each[2], each[0]) for each in MEMBERS],
            collateral_mode="haircut",
            status="ACTIVE",
            valid_from=date(2020, 1, 1),
        ),
        "book_depth": _depth(),
        "collateral_balances": _rows(
            "collateral_balances",
            ("clearing_member_id", "margin_account_id", "asset", "form", "qty_open", "deposits", "withdrawals"),
            [(_member(each[0]), *each) for each in BALANCES],
        ),
        "contracts": _contracts(),
        "funding": _funding(),
        "history": _history(),
        "members": _rows(
            "members",
            ("clearing_member_id", "legal_name", "base_ccy", "timezone", "lei"),
            [(*each[:4], synthetic_lei(900 + order)) for order, each in enumerate(MEMBERS)],
            status="ACTIVE",
            surveillance_level=0,
            valid_from=date(2020, 1, 1),
        ),
        "positions": _positions(),
        "prices": _prices(),
        "vol_quotes": _quotes(),
    }


def _rows(name: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]], **shared: Any) -> Rows:
    """Rows of a dataset from some columns and values that all rows share."""
    named = [{**shared, **dict(zip(columns, row, strict=True))} for row in rows]
    return [tuple(row.get(column) for column in schema.dataset(name).names) for row in named]


def _member(account: str) -> str:
    return next(each[0] for each in MEMBERS if each[4] == account)


def _contracts() -> Rows:
    columns = (
        "contract_id",
        "kind",
        "payoff",
        "underlying_asset",
        "quote_ccy",
        "settle_asset",
        "multiplier",
        "tick_size",
        "strike",
        "option_type",
        "settlement_index_id",
        "expiry_ts",
        "final_settle_ts",
        "exercise_style",
        "funding_interval_s",
        "funding_cap",
    )
    rows = []
    for each in CONTRACTS:
        perpetual = each[1] == "PERP"
        expiry = None if perpetual else as_of(EXPIRY)
        interval = (sample_rows.FUNDING_INTERVAL_S, sample_rows.FUNDING_CAP) if perpetual else (None, None)
        rows.append((*each, f"{each[3]}-USD", expiry, expiry, "EUR" if each[1] == "OPT" else None, *interval))
    return _rows("contracts", columns, rows, lot_size="1", status="ACTIVE", list_ts=as_of(date(2025, 9, 26)))


def _prices() -> Rows:
    columns = ("contract_id", "price_type", "price", "prev_price", "open_interest", "volume_24h_usd")
    rows = [(*each, "1000000000.00" if each[4] else None) for each in PRICES]
    return _rows(
        "prices",
        columns,
        rows,
        price_set_id=f"{DATE:%Y%m%d}-EOD",
        obs_ts=as_of(DATE),
        capture_ts=as_of(DATE),
        source="LEVEE_SAMPLE",
        method="BY_HAND",
        quality="OK",
    )


def _quotes() -> Rows:
    columns = ("contract_id", "iv_mark", "forward", "bid_px", "ask_px", "iv_bid", "iv_ask", "px_unit", "oi")
    interest = {each[0]: each[4] for each in PRICES}
    rows = [(*each, "COIN" if each[0].endswith(".INV") else "QUOTE", interest[each[0]]) for each in QUOTES]
    return _rows(
        "vol_quotes",
        columns,
        rows,
        bid_size="10",
        ask_size="10",
        obs_ts=as_of(DATE),
        source="LEVEE_SAMPLE",
        quality="OK",
    )


def _positions() -> Rows:
    columns = (
        "margin_account_id",
        "client_id",
        "contract_id",
        "qty_open",
        "qty_buy",
        "qty_sell",
        "qty_close",
        "buy_value",
        "sell_value",
        "premium_paid",
        "fees",
        "clearing_member_id",
        "account_type",
    )
    kinds = {each[4]: (each[0], each[5]) for each in MEMBERS}
    return _rows(
        "positions",
        columns,
        [(*each, *kinds[each[0]]) for each in POSITIONS],
        qty_transfer=0,
        qty_exercise_assign=0,
        qty_expired=0,
        position_as_of_ts=as_of(DATE),
    )


def _funding() -> Rows:
    ends = [as_of(DATE) - timedelta(seconds=sample_rows.FUNDING_INTERVAL_S * back) for back in (2, 1, 0)]
    rows = [(name, end, rate) for name, rates in FUNDING.items() for end, rate in zip(ends, rates, strict=True)]
    return _rows("funding", ("contract_id", "interval_end_ts", "funding_rate"), rows)


def _depth() -> Rows:
    """Two levels a side, 10 and 20 USD from the mark."""
    marks = {each[0]: int(each[2]) for each in PRICES if each[1] == "SETTLE" and each[0] in FUNDING}
    rows = [
        (name, side, level, mark + sign * 10 * level, 1000 * level, 1000 * level * (level + 1) // 2)
        for name, mark in marks.items()
        for side, sign in (("BID", -1), ("ASK", 1))
        for level in (1, 2)
    ]
    return _rows(
        "book_depth",
        ("contract_id", "side", "level", "price", "size", "cum_size"),
        rows,
        obs_ts=as_of(DATE),
        size_unit="CONTRACTS",
    )


def _history() -> Rows:
    """The law's closes, scaled to end at the previous index on the day before, and the index of the day."""
    market = simulate(SEED, DATE)
    yesterday = market.column(DATE) - 1
    rows: list[tuple[Any, ...]] = []
    for path, asset in zip(market.close, ASSETS, strict=True):
        index = next((each for each in PRICES if each[0] == f"{asset.name}-USD"), None)
        if index:
            scale = float(index[3] or 0) / path[yesterday]
            past = [round(float(close) * scale, 2) for close in path[yesterday - HISTORY_DAYS + 2 : yesterday + 1]]
            dates = [DATE - timedelta(days=back) for back in range(len(past), 0, -1)]
            rows += [(asset.name, day, number(close)) for day, close in zip(dates, past, strict=True)]
            rows.append((asset.name, DATE, index[2]))
    return _rows("history", ("underlying", "date", "close"), rows)
