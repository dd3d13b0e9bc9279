"""A small clean book, laid straight into the raw tables, that every test may spoil; and the gate run on it."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tasks import policy_store, schema
from tasks.gate import gate
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import Finding, GateClosed
from tasks.stage import Receipt
from tasks.store import Store

DAY = date(2026, 1, 30)
AS_OF = datetime(2026, 1, 30, 8)
FIRST_RECORD_LINE = 3

Row = dict[str, Any]
Book = dict[str, list[Row]]


@dataclass
class Gated:
    """What the gate left of a run."""

    home: Home
    key: CycleKey
    delivered: dict[str, int]
    receipt: Receipt | None
    closed: tuple[Finding, ...] = ()
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)

    def table(self, name: str) -> pl.DataFrame:
        if name not in self.tables:
            self.tables[name] = pl.read_parquet(self.home.exports / self.key.run_id / f"{name}.parquet")
        return self.tables[name]

    @property
    def state(self) -> str:
        return str(self.table("control.cycle_run")["state"].item())

    def findings(self, **match: str) -> list[Row]:
        return [
            row
            for row in self.table("control.finding").iter_rows(named=True)
            if all(row[name] == value for name, value in match.items())
        ]

    def codes(self, severity: str) -> set[str]:
        return {row["code"] for row in self.findings(severity=severity)}


def members() -> list[Row]:
    return [
        {"clearing_member_id": name, "legal_name": f"Member {name}", "status": "ACTIVE", "base_ccy": "USD"}
        for name in ("M001", "007", "M003")
    ]


def accounts() -> list[Row]:
    kinds = {"M001": "HOUSE", "007": "CLIENT_OMNI_NET", "M003": "CLIENT_GROSS"}
    return [
        {
            "clearing_member_id": name,
            "margin_account_id": f"{name}A",
            "account_type": kind,
            "base_ccy": "USD",
            "collateral_mode": "haircut",
            "status": "ACTIVE",
        }
        for name, kind in kinds.items()
    ]


def contract(contract_id: str, kind: str, payoff: str, underlying: str, quote: str, settle: str, **more: str) -> Row:
    return {
        "contract_id": contract_id,
        "kind": kind,
        "payoff": payoff,
        "underlying_asset": underlying,
        "quote_ccy": quote,
        "settle_asset": settle,
        "multiplier": "1",
        "status": "ACTIVE",
        **more,
    }


def option(contract_id: str, payoff: str, underlying: str, settle: str) -> Row:
    _, _, strike, tail = contract_id.split("-")
    return contract(
        contract_id,
        "OPT",
        payoff,
        underlying,
        "USD",
        settle,
        strike=strike,
        option_type=tail[0],
        expiry_ts="2026-03-27T08:00:00Z",
        exercise_style="EUR",
    )


def contracts() -> list[Row]:
    return [
        contract("BTC-PERP.INV", "PERP", "INVERSE", "BTC", "USD", "BTC", funding_interval_s="28800"),
        contract("ETH-20260327.LIN.USDC", "FUT", "LINEAR", "ETH", "USDC", "USDC", expiry_ts="2026-03-27T08:00:00Z"),
        *(option(f"BTC-20260327-90000-{kind}.INV", "INVERSE", "BTC", "BTC") for kind in "CP"),
        *(option(f"ETH-20260327-3000-{kind}.LIN.USDC", "LINEAR", "ETH", "USDC") for kind in "CP"),
    ]


def price(contract_id: str, kind: str, value: str, previous: str, interest: str | None = "1000") -> Row:
    return {
        "price_set_id": "S1",
        "contract_id": contract_id,
        "price_type": kind,
        "price": value,
        "quality": "OK",
        "obs_ts": "2026-01-30T07:59:58Z",
        "capture_ts": "2026-01-30T08:00:00Z",
        "prev_price": previous,
        "open_interest": interest,
    }


def prices() -> list[Row]:
    """Options keep put-call parity: 1 - 90000/84000 = -0.0714285714 in coin, 2800 - 3000 = -200 in quote."""
    return [
        price("BTC-USD", "INDEX", "83900", "84100", None),
        price("ETH-USD", "INDEX", "2790", "2810", None),
        price("USDC-USD", "INDEX", "0.9999", "0.9999", None),
        price("BTC-PERP.INV", "MARK", "83950", "84150"),
        price("ETH-20260327.LIN.USDC", "SETTLE", "2800", "2820"),
        price("BTC-20260327-90000-C.INV", "MARK", "0.03", "0.031"),
        price("BTC-20260327-90000-P.INV", "MARK", "0.1014285714", "0.1"),
        price("ETH-20260327-3000-C.LIN.USDC", "MARK", "150", "155"),
        price("ETH-20260327-3000-P.LIN.USDC", "MARK", "350", "345"),
    ]


def vol_quotes() -> list[Row]:
    def quote(contract_id: str, forward: str, bid: str | None, ask: str, unit: str) -> Row:
        return {
            "contract_id": contract_id,
            "iv_bid": "0.54",
            "iv_mark": "0.55",
            "iv_ask": "0.56",
            "forward": forward,
            "bid_px": bid,
            "ask_px": ask,
            "px_unit": unit,
            "obs_ts": "2026-01-30T07:59:58Z",
            "quality": "OK",
        }

    return [
        quote("BTC-20260327-90000-C.INV", "84000", "0.0295", "0.0305", "COIN"),
        quote("BTC-20260327-90000-P.INV", "84000", None, "0.1020", "COIN"),
        quote("ETH-20260327-3000-C.LIN.USDC", "2800", "149", "151", "QUOTE"),
        quote("ETH-20260327-3000-P.LIN.USDC", "2800", "349", "351", "QUOTE"),
    ]


def position(member: str, client: str | None, contract_id: str, opened: str, **moves: str) -> Row:
    flows = {
        "qty_buy": "0",
        "qty_sell": "0",
        "qty_transfer": "0",
        "qty_exercise_assign": "0",
        "qty_expired": "0",
        "buy_value": "0",
        "sell_value": "0",
        "premium_paid": "0",
        "fees": "0",
    }
    kinds = {"M001": "HOUSE", "007": "CLIENT_OMNI_NET", "M003": "CLIENT_GROSS"}
    return {
        "clearing_member_id": member,
        "margin_account_id": f"{member}A",
        "account_type": kinds[member],
        "client_id": client,
        "contract_id": contract_id,
        "qty_open": opened,
        "qty_close": opened,
        "position_as_of_ts": "2026-01-30T08:00:00Z",
        **flows,
        **moves,
    }


def positions() -> list[Row]:
    """The perpetual traded: M001 bought 50 of 007. All else is carried; CL1 is long what CL2 and M001 are short."""
    return [
        position("M001", None, "BTC-PERP.INV", "100", qty_buy="50", buy_value="0.0006", qty_close="150"),
        position("007", None, "BTC-PERP.INV", "-100", qty_sell="50", sell_value="0.0006", qty_close="-150"),
        position("M003", "CL1", "ETH-20260327.LIN.USDC", "30"),
        position("M003", "CL2", "ETH-20260327.LIN.USDC", "-10"),
        position("M001", None, "ETH-20260327.LIN.USDC", "-20"),
        position("M003", "CL1", "BTC-20260327-90000-C.INV", "2"),
        position("007", None, "BTC-20260327-90000-C.INV", "-2"),
        position("M003", "CL2", "ETH-20260327-3000-P.LIN.USDC", "5", premium_paid="0"),
        position("M001", None, "ETH-20260327-3000-P.LIN.USDC", "-5", premium_paid="0"),
    ]


def collateral() -> list[Row]:
    def balance(member: str, asset: str, form: str, opened: str) -> Row:
        return {
            "clearing_member_id": member,
            "margin_account_id": f"{member}A",
            "asset": asset,
            "form": form,
            "qty_open": opened,
            "deposits": "1",
            "withdrawals": "0.5",
        }

    return [
        balance("M001", "BTC", "COIN", "10"),
        balance("007", "BTC", "COIN", "3"),
        balance("M003", "USDC", "STABLECOIN", "250000"),
        balance("M003", "USD", "CASH", "1000"),
    ]


def history() -> list[Row]:
    """60 closes up to yesterday that rise and fall by 2 % in turn: a daily volatility of about 2 %."""
    return [
        {
            "underlying": name,
            "date": (DAY - timedelta(days=back)).isoformat(),
            "close": level if back % 2 else f"{fall}",
        }
        for name, level, fall in (("BTC", "84100", 82418), ("ETH", "2810", 2754))
        for back in range(60, 0, -1)
    ]


def factor_history() -> list[Row]:
    """Yesterday's levels beside the closes of 84,100 and 2,810 USD."""
    levels = (("BTC", "IV30", "0.45"), ("ETH", "F30", "2820"), ("BTC", "H06", "83000"), ("BTC", "PERP", "84120"))
    return [
        {"underlying": name, "series": series, "date": "2026-01-29", "level": level} for name, series, level in levels
    ]


def depth() -> list[Row]:
    def level(side: str, number: int, at: str) -> Row:
        return {
            "contract_id": "BTC-PERP.INV",
            "obs_ts": "2026-01-30T07:59:00Z",
            "side": side,
            "level": str(number),
            "price": at,
            "size": "1000",
            "size_unit": "CONTRACTS",
        }

    return [level("BID", 1, "83949"), level("BID", 2, "83940"), level("ASK", 1, "83951"), level("ASK", 2, "83960")]


def funding() -> list[Row]:
    return [
        {"contract_id": "BTC-PERP.INV", "interval_end_ts": f"2026-01-{ended}:00:00Z", "funding_rate": "0.0001"}
        for ended in ("30T00", "30T08", "29T16")
    ]


CLEAN: Book = {
    "accounts": accounts(),
    "book_depth": depth(),
    "collateral_balances": collateral(),
    "contracts": contracts(),
    "factor_history": factor_history(),
    "funding": funding(),
    "history": history(),
    "members": members(),
    "positions": positions(),
    "prices": prices(),
    "vol_quotes": vol_quotes(),
}


@pytest.fixture
def book() -> Book:
    """A clean book to spoil."""
    return copy.deepcopy(CLEAN)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home; every run of the gate is a run of its own in it.

    The database stays open behind the runs: closing it would write it out after each of them.
    """
    prepared = Home(tmp_path_factory.mktemp("gate")).prepare("TEST")
    with Store(prepared.database):
        yield prepared


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return itertools.count(1)


Run = Callable[..., Gated]


@pytest.fixture(scope="session")
def run(home: Home, _numbers: Iterator[int]) -> Run:
    """Freeze a book as a run and take it through the gate."""

    def through(book: Book, predecessor: Gated | None = None) -> Gated:
        key = CycleKey(DAY, "EOD", next(_numbers))
        with Store(home.database) as store:
            freeze(home, store, key, book, predecessor)
        return again(home, key, {dataset: len(rows) for dataset, rows in book.items()})

    return through


@pytest.fixture(scope="session")
def clean(run: Run) -> Gated:
    """The clean book through the gate, to be read only."""
    return run(copy.deepcopy(CLEAN))


def again(home: Home, key: CycleKey, delivered: dict[str, int]) -> Gated:
    try:
        return Gated(home, key, delivered, gate(home, key))
    except GateClosed as error:
        return Gated(home, key, delivered, None, error.findings)


@pytest.fixture
def regate(home: Home) -> Callable[[Gated], Gated]:
    """Take a run through the gate once more."""
    return lambda gated: again(home, gated.key, gated.delivered)


def freeze(home: Home, store: Store, key: CycleKey, book: Book, predecessor: Gated | None) -> None:
    for dataset, rows in book.items():
        file_id = f"{dataset}-HOUSE-{key.run_id}"
        store.append(
            "control.input_manifest",
            pl.DataFrame(
                [
                    {
                        "run_id": key.run_id,
                        "file_id": file_id,
                        "dataset": dataset,
                        "sender": "HOUSE",
                        "seq": 1,
                        "sha256": "0",
                        "records": len(rows),
                    }
                ]
            ),
        )
        names = schema.dataset(dataset).names
        store.append(
            f"raw.{dataset}",
            pl.DataFrame(
                [
                    {**dict.fromkeys(names), **row, "file_id": file_id, "source_line": line, "row_sha256": "0"}
                    for line, row in enumerate(rows, FIRST_RECORD_LINE)
                ],
                schema={
                    **dict.fromkeys(names, pl.String),
                    "file_id": pl.String,
                    "source_line": pl.Int32,
                    "row_sha256": pl.String,
                },
            ),
        )
    hashes = ("fingerprint", "input_root", "opening_root", "decisions_root", "reference_hash", "constraints_hash")
    store.append(
        "control.cycle_run",
        pl.DataFrame(
            [
                {
                    "run_id": key.run_id,
                    "business_date": key.business_date,
                    "cycle": key.cycle,
                    "run_no": key.run_no,
                    "state": "FROZEN",
                    "env": "TEST",
                    **dict.fromkeys(hashes, "0"),
                    "model_version": "1",
                    "code_version": "1",
                    "policy_hash": policy_store.in_force(home, key.business_date).policy_hash,
                    "genesis": predecessor is None,
                    "predecessor_run_id": predecessor.key.run_id if predecessor else "",
                    "price_as_of_ts": AS_OF,
                    "position_as_of_ts": AS_OF,
                    "collateral_as_of_ts": AS_OF,
                    "as_of_ts": AS_OF,
                    "origin": "SYNTHETIC",
                }
            ]
        ),
    )


def row_of(book: Book, dataset: str, **match: str) -> Row:
    """First row of a dataset that has the given values."""
    return next(row for row in book[dataset] if all(row.get(name) == value for name, value in match.items()))


@pytest.fixture
def pick() -> Callable[..., Row]:
    return row_of


def sample(row: Row) -> list[str]:
    keys: list[str] = json.loads(row["sample_keys"])
    return keys


class CountsRows:
    """Stands for the validator where a test is about a rule between rows: it counts them."""

    def not_empty(self, found: Mapping[str, int]) -> set[str]:
        return {check_id for check_id, offending in found.items() if offending}


@pytest.fixture
def between_rows(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The gate with the rules of sql/checks alone: without the seconds the column suites take."""
    monkeypatch.setattr("tasks.gate.gate_suites.Validator", CountsRows)
    monkeypatch.setattr("tasks.gate.check_columns", lambda context, validator, **_: ())
    return run
