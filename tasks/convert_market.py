"""A snapshot as Levee's inbox wants it: contracts, prices and option quotes.

Futures carry the forward that the option rows of their expiry name, perpetuals the last one-minute candle that opened
before the snapshot, indices the median over the file. Numbers keep the shortest decimal form of the venue's float, at
most as many digits as the inbox declares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from tasks import convert_venue
from tasks.convert_chain import Chain, Quote, read_file
from tasks.convert_venue import SIZES, VENUE
from tasks.model import money

PERPETUALS_FILE = "deribit_perp_candles_at_snapshots"
CANDLE = "MINUTE_CANDLE_OPEN"
PRICE_UNIT = Decimal(1).scaleb(-10)
VOLATILITY_UNIT = Decimal(1).scaleb(-12)
FUNDING_INTERVAL_SECONDS = 8 * 3600
FUNDING_CAP = Decimal("0.005")  # the venue's, per interval
_CANDLE_COLUMNS: dict[str, Any] = {
    "obs_ts_utc": pl.Datetime("us", "UTC"),
    "coin": pl.String,
    "candle_open_time_ms": pl.Int64,
    "candle_open": pl.Float64,
}


@dataclass(frozen=True)
class Contract:
    """A contract as it is listed; `lot` in contracts, expiry None for a perpetual."""

    contract_id: str
    venue_symbol: str
    kind: str
    payoff: str
    coin: str
    settle_asset: str
    multiplier: Decimal
    lot: Decimal
    expiry: datetime | None = None
    strike: Decimal | None = None
    right: str | None = None

    @property
    def quote_ccy(self) -> str:
        """Currency of the price of the payoff's underlying."""
        return "USD" if self.payoff == "INVERSE" else self.settle_asset


@dataclass(frozen=True)
class Price:
    """A price and where it is from; obs_ts None where nothing was observed at a time we know."""

    price: Decimal | None
    obs_ts: datetime | None
    source: str
    method: str
    quality: str


@dataclass(frozen=True)
class Day:
    """A snapshot with its contracts by id and their prices, and the index price by coin."""

    chain: Chain
    contracts: Mapping[str, Contract]
    marks: Mapping[str, Price]
    index: Mapping[str, Price]


def decimal(value: float | None, unit: Decimal = PRICE_UNIT) -> Decimal | None:
    """Shortest decimal form of a float, rounded half to even where it has more digits than the unit."""
    if value is None:
        return None
    exact = money.exact(value)
    finer = int(exact.as_tuple().exponent) < int(unit.as_tuple().exponent)
    return money.round_half_even(exact, unit) if finer else exact


def day_of(chain: Chain, folder: Path) -> Day:
    """Contracts and prices of a chain. Raises DeliveryError where the candles are not there."""
    index = {
        coin: Price(decimal(chain.index[coin]), chain.as_of, VENUE, "MEDIAN_OF_SNAPSHOT", "OK") for coin in chain.coins
    }
    marks = {contract_id: _option_mark(quote, chain) for contract_id, quote in chain.quotes.items()}
    marks |= {future.contract_id: _future_mark(price, seen, chain) for future, (price, seen) in chain.futures.items()}
    for coin, price in _perpetual_marks(chain, index, folder).items():
        marks[convert_venue.perpetual_id(coin)] = price
        marks[convert_venue.linear_perpetual_id(coin)] = _linear_mark(price)
    contracts = {contract.contract_id: contract for contract in _contracts(chain)}
    return Day(chain, dict(sorted(contracts.items())), marks, index)


def contract_rows(alive: Mapping[str, Contract], expired: Iterable[Contract]) -> list[dict[str, Any]]:
    """Records of the dataset contracts, by id."""
    rows = [_contract_row(contract, "ACTIVE") for contract in alive.values()]
    rows += [_contract_row(contract, "EXPIRED_UNSETTLED") for contract in expired]
    return sorted(rows, key=lambda row: str(row["contract_id"]))


def price_rows(day: Day, previous: Day | None) -> list[dict[str, Any]]:
    """Records of the dataset prices: marks and indices.

    Where there is no previous snapshot the book is taken over at the day's own prices, so they are its previous ones.
    """
    before = previous or day
    interest = {contract_id: decimal(quote.open_interest) for contract_id, quote in day.chain.quotes.items()}
    rows = [
        price_row(day.chain, contract_id, "MARK", mark, _known(before.marks, contract_id), interest.get(contract_id))
        for contract_id, mark in sorted(day.marks.items())
    ]
    return rows + [
        price_row(day.chain, f"{coin}-USD", "INDEX", price, _known(before.index, coin))
        for coin, price in sorted(day.index.items())
    ]


def price_row(
    chain: Chain,
    contract_id: str,
    price_type: str,
    price: Price,
    previous: Decimal | None,
    open_interest: Decimal | None = None,
) -> dict[str, Any]:
    """One record of the dataset prices."""
    return {
        "price_set_id": price_set_id(chain),
        "contract_id": contract_id,
        "price_type": price_type,
        "price": price.price,
        "obs_ts": price.obs_ts,
        "capture_ts": price.obs_ts and chain.as_of,
        "source": price.source,
        "method": price.method,
        "quality": price.quality,
        "open_interest": open_interest,
        "prev_price": previous,
    }


def price_set_id(chain: Chain) -> str:
    """Name of the set all prices of a snapshot belong to."""
    return f"{VENUE}-{chain.snapshot_id}"


def quote_rows(chain: Chain) -> list[dict[str, Any]]:
    """Records of the dataset vol_quotes, by contract id; an empty bid or ask was not quoted."""
    return [
        {
            "contract_id": quote.contract_id,
            "iv_mark": decimal(quote.implied_volatility, VOLATILITY_UNIT),
            "forward": decimal(quote.forward),
            "bid_px": decimal(quote.bid),
            "ask_px": decimal(quote.ask),
            "px_unit": "COIN",
            "vega_quote": decimal(quote.vega, VOLATILITY_UNIT),
            "oi": decimal(quote.open_interest, Decimal(1).scaleb(-8)),
            "obs_ts": quote.obs_ts,
            "source": VENUE,
            "quality": _quality(quote.obs_ts, chain),
        }
        for quote in chain.quotes.values()
    ]


def _contracts(chain: Chain) -> Iterable[Contract]:
    for quote in chain.quotes.values():
        option, coin = quote.option, quote.option.future.coin
        yield Contract(
            option.contract_id,
            option.venue_symbol,
            "OPT",
            "INVERSE",
            coin,
            coin,
            Decimal(1),
            SIZES[coin].option_lot,
            option.future.expiry,
            option.strike,
            option.right,
        )
    for future in chain.futures:
        yield Contract(
            future.contract_id,
            future.venue_symbol,
            "FUT",
            "INVERSE",
            future.coin,
            future.coin,
            SIZES[future.coin].inverse_usd,
            Decimal(1),
            future.expiry,
        )
    for coin in chain.coins:
        yield Contract(
            convert_venue.perpetual_id(coin),
            f"{coin}-PERPETUAL",
            "PERP",
            "INVERSE",
            coin,
            coin,
            SIZES[coin].inverse_usd,
            Decimal(1),
        )
        yield Contract(
            convert_venue.linear_perpetual_id(coin),
            f"{coin}_USDC-PERPETUAL",
            "PERP",
            "LINEAR",
            coin,
            "USDC",
            SIZES[coin].linear_coins,
            Decimal(1),
        )


def _contract_row(contract: Contract, status: str) -> dict[str, Any]:
    perpetual = contract.kind == "PERP"
    return {
        "contract_id": contract.contract_id,
        "venue_symbol": contract.venue_symbol,
        "venue": VENUE,
        "kind": contract.kind,
        "payoff": contract.payoff,
        "underlying_asset": contract.coin,
        "quote_ccy": contract.quote_ccy,
        "settle_asset": contract.settle_asset,
        "multiplier": contract.multiplier,
        "lot_size": contract.lot,
        "strike": contract.strike,
        "option_type": contract.right,
        "exercise_style": "EUR" if contract.kind == "OPT" else None,
        "last_trade_ts": contract.expiry,
        "expiry_ts": contract.expiry,
        "final_settle_ts": contract.expiry,
        "settlement_index_id": f"{contract.coin}-USD",
        "settlement_method": None if perpetual else "INDEX_AT_EXPIRY",
        "funding_interval_s": FUNDING_INTERVAL_SECONDS if perpetual else None,
        "funding_cap": FUNDING_CAP if perpetual else None,
        "status": status,
    }


def _option_mark(quote: Quote, chain: Chain) -> Price:
    return Price(decimal(quote.mark), quote.obs_ts, VENUE, "VENUE_MARK", _quality(quote.obs_ts, chain))


def _future_mark(price: float, seen: datetime, chain: Chain) -> Price:
    return Price(decimal(price), seen, VENUE, "FORWARD_OF_OPTION_ROWS", _quality(seen, chain))


def _quality(seen: datetime, chain: Chain) -> str:
    """PRIOR for what an earlier snapshot said of a contract this one leaves out."""
    return "OK" if seen == chain.as_of else "PRIOR"


def _perpetual_marks(chain: Chain, index: Mapping[str, Price], folder: Path) -> dict[str, Price]:
    """Open of the minute candle that holds the snapshot: a trade price, not the venue's mark. The index without it."""
    rows = candles(folder).filter(pl.col("obs_ts_utc") == chain.as_of)
    seen = {row["coin"]: row for row in rows.iter_rows(named=True)}
    marks = {}
    for coin in chain.coins:
        candle = price_of_candle(seen.get(coin), chain.as_of)
        marks[coin] = candle or Price(index[coin].price, chain.as_of, VENUE, "INDEX", "PROXY")
        if candle is None:
            chain.remarks.noted["NO_PERPETUAL_CANDLE"].append(f"{coin}-PERPETUAL")
    return marks


def candles(folder: Path) -> pl.DataFrame:
    """The perpetuals' candles in a fixed order, none where the file is not there: the index then stands for them."""
    if not (folder / f"{PERPETUALS_FILE}.parquet").is_file():
        return pl.DataFrame(schema=_CANDLE_COLUMNS)
    frame = read_file(folder, PERPETUALS_FILE, _CANDLE_COLUMNS).select(_CANDLE_COLUMNS.keys())
    return frame.cast(pl.Schema(_CANDLE_COLUMNS), strict=False).sort(frame.columns)


def price_of_candle(candle: Mapping[str, Any] | None, as_of: datetime) -> Price | None:
    """Opening price of a candle, None where it has none or opened later than as_of."""
    if candle is None or candle["candle_open_time_ms"] is None:
        return None
    opened = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=candle["candle_open_time_ms"])
    price = candle["candle_open"]
    if price is None or not math.isfinite(price) or price <= 0 or opened > as_of:
        return None
    return Price(decimal(price), opened, VENUE, CANDLE, "PROXY")


def _linear_mark(inverse: Price) -> Price:
    """The files have no USDC-margined perpetual: the inverse one stands for it, USD taken as USDC."""
    return Price(inverse.price, inverse.obs_ts, VENUE, f"INVERSE_PERPETUAL_{inverse.method}", "PROXY")


def _known(prices: Mapping[Any, Price], key: Any) -> Decimal | None:
    return prices[key].price if key in prices else None


def expired_between(previous: Day | None, day: Day) -> list[Contract]:
    """Contracts of the previous snapshot that expired by this one, by id."""
    listed = previous.contracts.values() if previous else ()
    return [contract for contract in listed if contract.expiry and contract.expiry <= day.chain.as_of]
