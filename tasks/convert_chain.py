"""Option-chain snapshots as the venue's file holds them: what can be used, and by name what cannot.

Nothing is repaired and nothing disappears: a row is used, or it is unusable for a reason that counts and names it. A
row that is used with something missing or odd is noted the same way.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median, median_low
from typing import Any

import polars as pl

from tasks import convert_venue
from tasks.convert_venue import Future, Option
from tasks.model.errors import DeliveryError, Finding

OPTIONS_FILE = "deribit_options_eod"
SNAPSHOTS_BETWEEN_FILE = "deribit_options_intraday_crash"
_TIME = pl.Datetime("us", "UTC")
_NUMBERS = (
    "underlying",
    "strike",
    "bid_price",
    "ask_price",
    "mark_price",
    "implied_volatility",
    "delta",
    "vega",
    "open_interest",
    "index_price",
)
_TEXTS = ("instrument_name", "underlying_name", "option_type", "currency", "snapshot_id")
_TIMES = ("timestamp", "expiry_datetime")
_RIGHTS = {"call": "C", "put": "P"}
_SPELLINGS = {"call": "C", "c": "C", "put": "P", "p": "P"}


@dataclass(frozen=True)
class Quote:
    """One option of a snapshot. Prices in coin per coin, NaN and infinity already None; obs_ts is its snapshot."""

    option: Option
    obs_ts: datetime
    listed_future: Future | None
    forward: float | None
    bid: float | None
    ask: float | None
    mark: float | None
    implied_volatility: float | None
    delta: float | None
    vega: float | None
    open_interest: float | None

    @property
    def contract_id(self) -> str:
        return self.option.contract_id


@dataclass
class Remarks:
    """What could not be used, and what was used although something is odd about it: names by reason."""

    unusable: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    noted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Chain:
    """What is alive at a snapshot: quotes by contract id, index by coin (USD), forward by listed future (USD)."""

    business_date: date
    as_of: datetime
    snapshot_id: str
    rows_read: int
    quotes: Mapping[str, Quote]
    index: Mapping[str, float]
    futures: Mapping[Future, tuple[float, datetime]]
    remarks: Remarks

    @property
    def coins(self) -> list[str]:
        """Coins with an index, sorted."""
        return sorted(self.index)


def read_file(folder: Path, name: str, columns: Iterable[str]) -> pl.DataFrame:
    """A file of the market data. Raises DeliveryError WAITING where it is absent, SCHEMA_DRIFT where columns are."""
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise DeliveryError(
            Finding(
                "WAITING",
                "a file of the market data is not there",
                where=str(path),
                action="set LEVEE_MARKET_DATA_DIR to the folder that holds it",
            )
        )
    frame = pl.read_parquet(path)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise DeliveryError(
            Finding(
                "SCHEMA_DRIFT",
                "columns are missing",
                where=str(path),
                value=", ".join(missing),
                action="convert with the version that knows this file's form",
            )
        )
    return frame


def options_until(folder: Path, business_date: date) -> pl.DataFrame:
    """Rows of the last snapshot of every UTC day up to business_date, in the order of the file.

    Raises DeliveryError WAITING naming the days there are where that day has none.
    """
    frame = _options(folder)
    days = frame["day"].drop_nulls().unique().sort().to_list()
    if business_date not in days:
        raise DeliveryError(
            Finding(
                "WAITING",
                "no snapshot of this day",
                where=str(folder / f"{OPTIONS_FILE}.parquet"),
                value=business_date.isoformat(),
                limit=_spans(days),
                action="choose one of these days",
            )
        )
    return _last_snapshots(frame, business_date)


def options_known(folder: Path, day: date) -> pl.DataFrame:
    """The same rows up to a day that may have no snapshot itself; none where all are later."""
    return _last_snapshots(_options(folder), day)


def options_between(folder: Path, day: date) -> pl.DataFrame:
    """Rows of every snapshot of a day before its last, in the order of the file. Raises as `read_file`."""
    return _options(folder, SNAPSHOTS_BETWEEN_FILE).filter(pl.col("day") == day)


def _last_snapshots(frame: pl.DataFrame, until: date) -> pl.DataFrame:
    return frame.filter(pl.col("day") <= until, pl.col("timestamp") == pl.col("timestamp").max().over("day"))


def _options(folder: Path, name: str = OPTIONS_FILE) -> pl.DataFrame:
    """Every row of a file of snapshots with its UTC day. Raises DeliveryError SCHEMA_DRIFT."""
    frame = read_file(folder, name, (*_TIMES, *_TEXTS, *_NUMBERS))
    try:
        frame = frame.with_columns(
            *(pl.col(column).cast(_TIME) for column in _TIMES),
            *(pl.col(column).cast(pl.String) for column in _TEXTS),
            *(pl.col(column).cast(pl.Float64, strict=False) for column in _NUMBERS),
        )
    except pl.exceptions.PolarsError as error:
        raise DeliveryError(
            Finding("SCHEMA_DRIFT", "a column has another type", where=name, value=str(error).splitlines()[0])
        ) from error
    return frame.with_columns(pl.col("timestamp").dt.date().alias("day"))


def chain_of(options: pl.DataFrame, business_date: date) -> Chain | None:
    """The chain alive at the snapshot of a day, or None where the day has none.

    An option that the snapshot leaves out before its expiry keeps its last row, with the time of that row: whoever
    holds it still holds it.
    """
    today = options.filter(pl.col("day") == business_date)
    if today.is_empty():
        return None
    as_of = today["timestamp"][0]
    remarks = Remarks()
    _note_extra_columns(options, remarks)
    quotes = _quotes(today, as_of, remarks)
    quotes |= _left_out(options, as_of, quotes, remarks)
    return Chain(
        business_date,
        as_of,
        today["snapshot_id"][0] or as_of.strftime("%Y%m%dT%H%M%SZ"),
        today.height,
        dict(sorted(quotes.items())),
        _index(today),
        _futures(quotes.values()),
        remarks,
    )


def previous_chain(options: pl.DataFrame, business_date: date) -> Chain | None:
    """The chain of the calendar day before, or None."""
    return chain_of(options, business_date - timedelta(days=1))


def _quotes(rows: pl.DataFrame, as_of: datetime, remarks: Remarks) -> dict[str, Quote]:
    found: dict[str, Quote] = {}
    for row in rows.iter_rows(named=True):
        name = row["instrument_name"] or "(no name)"
        option = convert_venue.parse_option(name)
        reason = _unusable(row, option, as_of, found)
        if reason or option is None:
            remarks.unusable[reason].append(name)
            continue
        found[option.contract_id] = _quote(row, option)
        for remark in _oddities(row, found[option.contract_id]):
            remarks.noted[remark].append(name)
    return found


def _unusable(row: Mapping[str, Any], option: Option | None, as_of: datetime, found: Mapping[str, Quote]) -> str:
    """Why a row cannot be used; empty where it can."""
    if option is None:
        return "UNKNOWN_NAME"
    label = (row["option_type"] or "").strip().lower()
    told = {"currency": option.future.coin, "expiry_datetime": option.future.expiry, "strike": float(option.strike)}
    reasons = {
        "UNKNOWN_COIN": option.future.coin not in convert_venue.SIZES,
        "UNKNOWN_OPTION_TYPE": label not in _SPELLINGS,
        "NAME_DISAGREES": _SPELLINGS.get(label, option.right) != option.right
        or any(row[column] is not None and row[column] != value for column, value in told.items()),
        "EXPIRED": option.future.expiry <= as_of,
        "DUPLICATE_NAME": option.contract_id in found,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _quote(row: Mapping[str, Any], option: Option) -> Quote:
    interest = _finite(row["open_interest"])
    return Quote(
        option=option,
        obs_ts=row["timestamp"].astimezone(UTC),
        listed_future=_listed(row["underlying_name"], option),
        forward=_positive(row["underlying"]),
        bid=_finite(row["bid_price"]),
        ask=_finite(row["ask_price"]),
        mark=_finite(row["mark_price"]),
        implied_volatility=_finite(row["implied_volatility"]),
        delta=_finite(row["delta"]),
        vega=_finite(row["vega"]),
        open_interest=interest if interest is not None and interest >= 0 else None,
    )


def _oddities(row: Mapping[str, Any], quote: Quote) -> Iterable[str]:
    """What is odd about a row that is used."""
    needed = {
        "NO_MARK": quote.mark,
        "NO_IMPLIED_VOLATILITY": quote.implied_volatility,
        "NO_FORWARD": quote.forward,
        "NO_OPEN_INTEREST": quote.open_interest,
        "NO_DELTA": quote.delta,
        "NO_INDEX": _positive(row["index_price"]),
        "NO_BID": quote.bid,
        "NO_ASK": quote.ask,
    }
    yield from (name for name, value in needed.items() if value is None)
    if row["option_type"] not in _RIGHTS:
        yield "OPTION_TYPE_SPELT_OTHERWISE"
    if quote.bid is not None and quote.ask is not None and quote.bid > quote.ask:
        yield "BID_ABOVE_ASK"
    elif quote.mark is not None and not _at_least(quote.bid, -math.inf) <= quote.mark <= _at_least(quote.ask, math.inf):
        yield "MARK_OUTSIDE_BID_ASK"
    if quote.mark is not None and quote.mark < 0:
        yield "NEGATIVE_MARK"


def _left_out(
    options: pl.DataFrame, as_of: datetime, quotes: Mapping[str, Quote], remarks: Remarks
) -> dict[str, Quote]:
    """Last rows of the options that are not among the quotes, not expired, and have open interest."""
    names = [quote.option.venue_symbol for quote in quotes.values()]
    earlier = options.filter(
        pl.col("timestamp") < as_of,
        (pl.col("expiry_datetime") > as_of).fill_null(True),
        pl.col("open_interest") > 0,
        ~pl.col("instrument_name").is_in(names),
    )
    last = earlier.filter(pl.col("timestamp") == pl.col("timestamp").max().over("instrument_name"))
    kept = _quotes(last, as_of, Remarks())
    if kept:
        remarks.noted["NOT_IN_SNAPSHOT"] += [quote.option.venue_symbol for quote in kept.values()]
    return kept


def _index(rows: pl.DataFrame) -> dict[str, float]:
    """Median index by coin: the file is not atomic and the index moves inside it."""
    seen: dict[str, list[float]] = defaultdict(list)
    for coin, price in rows.select("currency", "index_price").iter_rows():
        if coin in convert_venue.SIZES and _positive(price) is not None:
            seen[coin].append(price)
    return {coin: median(prices) for coin, prices in seen.items()}


def _futures(quotes: Iterable[Quote]) -> dict[Future, tuple[float, datetime]]:
    """Price of each listed future and its time: the (lower) median of the forwards its newest option rows carry."""
    seen: dict[Future, dict[datetime, list[float]]] = defaultdict(lambda: defaultdict(list))
    for quote in quotes:
        if quote.listed_future is not None and quote.forward is not None:
            seen[quote.listed_future][quote.obs_ts].append(quote.forward)
    return {future: (median_low(times[max(times)]), max(times)) for future, times in seen.items()}


def _listed(underlying_name: str | None, option: Option) -> Future | None:
    """The future of the option's expiry where the venue lists one, None where its forward is synthetic."""
    future = convert_venue.parse_future(underlying_name or "")
    return future if future == option.future else None


def _note_extra_columns(options: pl.DataFrame, remarks: Remarks) -> None:
    known = {*_TIMES, *_TEXTS, *_NUMBERS, "day", "time_to_maturity", "volume", "volume_usd"}
    extra = [name for name in options.columns if name not in known]
    if extra:
        remarks.noted["EXTRA_COLUMN"] += extra


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _positive(value: float | None) -> float | None:
    finite = _finite(value)
    return finite if finite is not None and finite > 0 else None


def _at_least(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _spans(days: list[date]) -> str:
    """Runs of consecutive days, as text."""
    runs: list[list[date]] = []
    for day in days:
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs) or "no day"
