"""What happened between two snapshots: the index of a coin on its way, and the premium of its perpetual over it.

The index is known at the end of every day, and in between where the venue's file of the day's other snapshots is there.
Elsewhere in between the perpetual's candles stand for it: their premium (a few hundredths of a per cent) is far less
than what the index moves in half a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from tasks import convert_venue
from tasks.convert_chain import SNAPSHOTS_BETWEEN_FILE, read_file
from tasks.convert_market import CANDLE, Contract, Day, Price, candles, price_of_candle
from tasks.convert_venue import VENUE
from tasks.model import money

_COLUMNS = ("timestamp", "currency", "index_price")

Observations = list[tuple[datetime, float]]


@dataclass(frozen=True)
class Way:
    """Of one coin, in time: index (USD) and premium of the perpetual (fraction of the index), each with its moment."""

    index: Observations
    premium: Observations


def way(coin: str, previous: Day | None, day: Day, folder: Path) -> Way:
    """From the previous snapshot, where there is one that knows the coin, to the day's. The coin has an index."""
    ends = [each for each in (previous, day) if each and coin in each.index]
    index = [(each.chain.as_of, each.chain.index[coin]) for each in ends]
    premium = [
        (each.chain.as_of, float(mark.price) / each.chain.index[coin] - 1.0)
        for each in ends
        if (mark := each.marks[convert_venue.perpetual_id(coin)]).method == CANDLE and mark.price
    ]
    if len(ends) == 2:
        first, last = (each.chain.as_of for each in ends)
        known = _index_between(folder, coin, first, last)
        for seen, (opened, price) in _candles_between(folder, coin, first, last).items():
            if seen in known:
                premium.append((seen, price / known[seen] - 1.0))
            else:
                index.append((opened, price))
        index += known.items()
    return Way(sorted(index), sorted(premium))


def final_prices(expired: Iterable[Contract], previous: Day, day: Day, folder: Path) -> dict[str, Price]:
    """Final settlement prices (USD) of what expired between two snapshots, by contract id.

    No file has a price at 08:00 UTC: it is interpolated between the nearest observations around the expiry.
    """
    expired = list(expired)
    ways = {
        coin: way(coin, previous, day, folder).index
        for coin in sorted({contract.coin for contract in expired})
        if coin in day.index and coin in previous.index
    }
    return {
        contract.contract_id: Price(
            interpolated(ways[contract.coin], contract.expiry), None, VENUE, "INTERPOLATED", "MODEL"
        )
        for contract in expired
        if contract.expiry and contract.coin in ways
    }


def interpolated(observations: Observations, moment: datetime) -> Decimal:
    """Price (USD, to a cent) at a moment within the observations, linear in its logarithm and in time."""
    before, after, share = _around(observations, moment)
    return money.round_half_even(before * (after / before) ** share)


def linear(observations: Observations, moment: datetime) -> float:
    """Value at a moment, linear in time between the observations around it, the nearest one's beyond them."""
    first, last = min(observations), max(observations)
    before, after, share = _around(observations, min(max(moment, first[0]), last[0]))
    return before + (after - before) * share


def _around(observations: Observations, moment: datetime) -> tuple[float, float, float]:
    """Values before and after a moment, and how far it is from the one to the other (0 to 1)."""
    before = max(each for each in observations if each[0] <= moment)
    after = min(each for each in observations if each[0] >= moment)
    span = (after[0] - before[0]) / timedelta(seconds=1)
    return before[1], after[1], ((moment - before[0]) / timedelta(seconds=1)) / span if span else 0.0


def _index_between(folder: Path, coin: str, first: datetime, last: datetime) -> dict[datetime, float]:
    """Median index of the snapshots strictly between two moments; none where there is no file of them."""
    if not (folder / f"{SNAPSHOTS_BETWEEN_FILE}.parquet").is_file():
        return {}
    rows = read_file(folder, SNAPSHOTS_BETWEEN_FILE, _COLUMNS).filter(
        pl.col("currency") == coin,
        pl.col("timestamp") > first,
        pl.col("timestamp") < last,
        pl.col("index_price").is_finite(),
        pl.col("index_price") > 0,
    )
    return dict(rows.group_by("timestamp").agg(pl.col("index_price").median()).sort("timestamp").iter_rows())


def _candles_between(
    folder: Path, coin: str, first: datetime, last: datetime
) -> dict[datetime, tuple[datetime, float]]:
    """Opening time and price of the usable candles strictly between two moments, by the snapshot they were taken at."""
    rows = candles(folder).filter(pl.col("coin") == coin, pl.col("obs_ts_utc") > first, pl.col("obs_ts_utc") < last)
    found = {row["obs_ts_utc"]: price_of_candle(row, row["obs_ts_utc"]) for row in rows.iter_rows(named=True)}
    return {
        seen: (price.obs_ts, float(price.price))
        for seen, price in found.items()
        if price and price.obs_ts and price.price
    }
