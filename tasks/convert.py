"""Venue files into a home's inbox: `levee convert deribit-chain`.

The market is real; members, positions and collateral are seeded, because nobody publishes them. The files of a day are
a pure function of the market data up to that day's snapshot, the seed, the environment of the home and the calls of the
end of day published there before, which arrive as deposits.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tasks import (
    convert_book,
    convert_calls,
    convert_chain,
    convert_collateral,
    convert_factors,
    convert_funding,
    convert_history,
    convert_intraday,
    convert_market,
    convert_path,
    convert_positions,
    envelope,
    resources,
    sample_rows,
    schema,
)
from tasks.convert_intraday import END_OF_DAY
from tasks.convert_market import Contract, Day, Price
from tasks.home import Home, write_atomically

SENDER = "HOUSE"
ORIGIN = "REAL"
LEFT_OUT = ("book_depth",)
_SHOWN_NAMES = 5

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class ConvertReport:
    """What became of the venue's rows: names by reason of those unusable, and of those used although odd."""

    business_date: date
    as_of: str
    folder: Path
    records: Mapping[str, int]
    rows_read: int
    rows_used: int
    unusable: Mapping[str, Sequence[str]]
    noted: Mapping[str, Sequence[str]]
    history_gaps: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "business_date": self.business_date.isoformat(),
            "as_of": self.as_of,
            "folder": str(self.folder),
            "records": dict(self.records),
            "rows_read": self.rows_read,
            "rows_used": self.rows_used,
            "unusable": {reason: list(names) for reason, names in sorted(self.unusable.items())},
            "noted": {reason: list(names) for reason, names in sorted(self.noted.items())},
            "history_gaps": list(self.history_gaps),
            "left_out": list(LEFT_OUT),
        }

    def text(self) -> str:
        """For a person."""
        lines = [
            f"{self.business_date}: snapshot of {self.as_of}, {self.rows_used} of {self.rows_read} rows used",
            *_named("unusable", self.unusable),
            *_named("noted", self.noted),
            f"no closes: {'; '.join(self.history_gaps) or 'none missing'}",
            f"not in the data, so not delivered: {', '.join(LEFT_OUT)}, futures' open interest, volumes",
            f"{sum(self.records.values())} records in {len(self.records)} files under {self.folder}",
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Material:
    """A day, the day before where there is one, and what the other files say."""

    folder: Path
    day: Day
    previous: Day | None
    history: convert_history.History
    factors: convert_factors.FactorHistory
    stablecoins: Mapping[str, Price]
    stablecoins_before: Mapping[str, Price]


def market_data_folder() -> Path:
    """LEVEE_MARKET_DATA_DIR, else the folder beside the repository."""
    told = os.environ.get("LEVEE_MARKET_DATA_DIR")
    return Path(told).expanduser() if told else resources.root().parent / "shared" / "market-data"


def deribit_chain(
    home: Home, business_date: date, market_data: Path, seed: int, cycle: str = END_OF_DAY
) -> ConvertReport:
    """Write a day's option chain, with a seeded book that holds its open interest, into the inbox of a prepared home.

    cycle: EOD, the day's last snapshot, or ITDn, its n-th before that one. Where an earlier end of day is published
    here its calls come as deposits and balances carried in are left empty.
    Raises DeliveryError WAITING naming the file or day that is not there, SCHEMA_DRIFT for a file of another form,
    LeveeError USAGE for a cycle without a snapshot of its own.
    """
    material = _read(market_data, business_date, cycle)
    rows = _datasets(material, seed, convert_calls.published_before(home, business_date), home)
    folder = home.inbox / business_date.isoformat() / cycle
    for name, records in rows.items():
        content = _file(name, records, material.day, cycle, home.environment)
        write_atomically(folder / envelope.file_name(name), content)
    return _report(material, folder, {name: len(records) for name, records in rows.items()})


def _read(folder: Path, business_date: date, cycle: str) -> _Material:
    options, ended = convert_intraday.options_at(folder, business_date, cycle)
    chain = convert_chain.chain_of(options, business_date)
    assert chain is not None, "options_at raises where the day has no snapshot"
    before = convert_chain.previous_chain(options, business_date)
    history = convert_history.history_of(folder, ended, business_date)
    return _Material(
        folder,
        convert_market.day_of(chain, folder),
        convert_market.day_of(before, folder) if before else None,
        history,
        convert_factors.factors_of(folder, ended, history.closes, business_date),
        _stablecoins(folder, business_date),
        _stablecoins(folder, business_date - timedelta(days=1)),
    )


def _stablecoins(folder: Path, business_date: date) -> dict[str, Price]:
    found = {
        coin: convert_history.stablecoin_price(folder, coin, business_date) for coin in convert_history.STABLECOINS
    }
    return {coin: price for coin, price in found.items() if price is not None}


def _datasets(material: _Material, seed: int, predecessor: str | None, home: Home) -> dict[str, Rows]:
    day, previous = material.day, material.previous
    house = convert_book.house_of(seed)
    book = convert_book.holdings(day, house, seed)
    before = convert_book.holdings(previous, house, seed) if previous else {}
    expired = _expired(previous, day, before)
    positions = convert_positions.position_rows(house, day, book, previous, before)
    return {
        "contracts": _ordered("contracts", convert_market.contract_rows(day.contracts, expired)),
        "prices": _ordered("prices", _prices(material, expired)),
        "vol_quotes": _ordered("vol_quotes", convert_market.quote_rows(day.chain)),
        "funding": _ordered("funding", convert_funding.funding_rows(previous, day, material.folder)),
        "history": _ordered("history", material.history.rows()),
        "factor_history": _ordered("factor_history", material.factors.rows()),
        "members": sample_rows.members(house),
        "accounts": sample_rows.accounts(house),
        "positions": _ordered("positions", positions),
        "collateral_balances": (
            _ordered("collateral_balances", convert_calls.deposit_rows(home, predecessor))
            if predecessor
            else convert_collateral.opening_rows(house, day, book, material.stablecoins, seed)
        ),
    }


def _expired(previous: Day | None, day: Day, before: convert_book.Holdings) -> list[Contract]:
    """What was held yesterday and expired since."""
    return [contract for contract in convert_market.expired_between(previous, day) if before[contract.contract_id]]


def _prices(material: _Material, expired: Sequence[Contract]) -> list[dict[str, Any]]:
    day, previous = material.day, material.previous
    rows = convert_market.price_rows(day, previous)
    for coin, price in sorted(material.stablecoins.items()):
        prior = material.stablecoins_before.get(coin)
        rows.append(convert_market.price_row(day.chain, f"{coin}-USD", "INDEX", price, prior.price if prior else None))
    if previous:
        for contract_id, price in convert_path.final_prices(expired, previous, day, material.folder).items():
            last = previous.marks[contract_id].price
            rows.append(convert_market.price_row(day.chain, contract_id, "FINAL", price, last))
    return rows


def _ordered(name: str, rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Records in the declared order of columns; a column not told is empty."""
    names = schema.dataset(name).names
    return [tuple(row.get(column) for column in names) for row in rows]


def _file(name: str, rows: Rows, day: Day, cycle: str, environment: str) -> bytes:
    as_of = day.chain.as_of
    return envelope.write_csv(
        name,
        day.chain.business_date,
        cycle,
        1,
        SENDER,
        as_of,
        as_of,
        environment,
        ORIGIN,
        schema.dataset(name).names,
        rows,
    )


def _report(material: _Material, folder: Path, records: Mapping[str, int]) -> ConvertReport:
    chain, history = material.day.chain, material.history
    unusable = dict(chain.remarks.unusable)
    noted = {**chain.remarks.noted, **history.remarks.noted, **material.factors.remarks.noted}
    missing = [coin for coin in convert_history.STABLECOINS if coin not in material.stablecoins]
    if missing:
        noted["NO_STABLECOIN_PRICE"] = missing
    gone = sorted((material.previous.index.keys() if material.previous else set()) - material.day.index.keys())
    if gone:
        noted["NO_INDEX_OF_COIN"] = [f"{coin}-USD" for coin in gone]
    return ConvertReport(
        chain.business_date,
        envelope.timestamp(chain.as_of),
        folder,
        records,
        chain.rows_read,
        chain.rows_read - sum(map(len, unusable.values())),
        unusable,
        noted,
        convert_history.gaps(history.closes),
    )


def _named(title: str, reasons: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{title}: {reason} {len(names)}: {', '.join(names[:_SHOWN_NAMES])}{', …' if len(names) > _SHOWN_NAMES else ''}"
        for reason, names in sorted(reasons.items())
    ]
