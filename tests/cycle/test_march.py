"""Three real days in a row through the falling end of January 2026, on part of the listed options.

Expected figures are worked from the exported tables and the market data, not by the code that made them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import cli

DAYS = (date(2026, 1, 29), date(2026, 1, 30), date(2026, 1, 31))
EXPIRIES = ("29JAN26", "30JAN26", "31JAN26", "1FEB26", "6FEB26", "27FEB26", "27MAR26")
SPAN = ("--from", DAYS[0].isoformat(), "--to", DAYS[-1].isoformat(), "--source", "deribit-chain", "--no-orchestrator")
KEY = ["clearing_member_id", "margin_account_id", "asset", "form"]
pytestmark = pytest.mark.market_data


@dataclass(frozen=True)
class March:
    """A home after the days, the data they came from and what the command printed."""

    home: Path
    data: Path
    told: list[dict[str, Any]]

    def table(self, day: date, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.home / "exports" / run_id(day) / f"{name}.parquet")

    def release(self, day: date) -> Path:
        return self.home / "published" / f"{day:%Y%m%d}" / "EOD" / "v01"


def run_id(day: date) -> str:
    return f"{day:%Y%m%d}-EOD-r01"


def sums(frame: pl.DataFrame, by: list[str], value: str) -> dict[Any, Decimal]:
    total: Counter[Any] = Counter()
    for row in frame.iter_rows(named=True):
        total[tuple(row[name] for name in by)] += row[value]
    return dict(total)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".duckdb", ".wal", ".jsonl"}
    }


@pytest.fixture(scope="module")
def fewer_options(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real files with a few expiries, every third strike and the days that matter."""
    folder = tmp_path_factory.mktemp("data")
    for path in market_data.glob("*.parquet"):
        (folder / path.name).symlink_to(path)
    options = folder / "deribit_options_eod.parquet"
    kept = pl.read_parquet(options).filter(
        pl.col("timestamp").dt.date().is_between(DAYS[0] - timedelta(days=1), DAYS[-1]),
        pl.col("instrument_name").str.split("-").list.get(1).is_in(EXPIRIES),
        pl.col("strike").rank("dense").over("currency", "expiry_datetime") % 3 == 0,
    )
    options.unlink()
    kept.write_parquet(options)
    return folder


@pytest.fixture(scope="module")
def march(fewer_options: Path, tmp_path_factory: pytest.TempPathFactory) -> March:
    home = tmp_path_factory.mktemp("march")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LEVEE_MARKET_DATA_DIR", str(fewer_options))
        before = dict(os.environ)
        with pytest.raises(SystemExit) as ended:
            cli.main(["cycle", "backfill", *SPAN, "--home", str(home)])
        os.environ.clear()
        os.environ.update(before)
    assert ended.value.code == 0
    states = [json.loads(path.read_text()) for path in sorted((home / "state").glob("*.json"))]
    return March(home, fewer_options, states)


def test_every_day_is_out(march: March) -> None:
    assert [(state["run_id"], state["state"]) for state in march.told] == [(run_id(day), "PUBLISHED") for day in DAYS]
    assert [state["genesis"] for state in march.told] == [True, False, False]


@pytest.mark.parametrize("day", DAYS)
def test_what_is_settled_sums_to_zero_per_asset(march: March, day: date) -> None:
    totals = sums(march.table(day, "result.ledger"), ["asset", "movement_type"], "amount")
    assert {key: total for key, total in totals.items() if total} == {}
    assert {("BTC", "VM"), ("ETH", "VM"), ("USDC", "VM"), ("BTC", "FUNDING"), ("USDC", "FUNDING")} <= totals.keys()


@pytest.mark.parametrize("day", DAYS)
def test_lines_statements_and_calls(march: March, day: date) -> None:
    accounts = march.table(day, "result.margin_account")
    lines = sums(march.table(day, "result.requirement"), ["margin_account_id"], "amount_usd")
    statements = sorted(path.name.split("-")[3] for path in march.release(day).glob("members/*/*-MS01-*.csv"))
    assert statements == sorted(accounts["margin_account_id"])
    for row in accounts.iter_rows(named=True):
        assert row["initial_margin_usd"] == lines[(row["margin_account_id"],)]
        missing = max(
            Decimal(0),
            row["total_initial_margin_usd"] - row["collateral_counted_value_usd"] - row["outstanding_calls_usd"],
        )
        step = row["call_increment_usd"]
        called = (missing / step).to_integral_value(ROUND_CEILING) * step
        assert row["margin_call_amount_usd"] == (0 if missing < row["minimum_transfer_amount_usd"] else called)


@pytest.mark.parametrize(("before", "after"), [DAYS[:2], DAYS[1:]])
def test_balances_and_positions_are_carried(march: March, before: date, after: date) -> None:
    closed = march.table(before, "result.balance").filter(pl.col("closing") != 0)
    opened = march.table(after, "result.balance").filter(pl.col("opening") != 0)
    assert sums(closed, KEY, "closing") == sums(opened, KEY, "opening")
    held = ["margin_account_id", "client_id", "contract_id"]
    was = march.table(before, "book.position").filter(pl.col("qty_close") != 0)
    now = march.table(after, "book.position").filter(pl.col("qty_open") != 0)
    assert sums(was, held, "qty_close") == sums(now, held, "qty_open")


@pytest.mark.parametrize(("before", "after"), [DAYS[:2], DAYS[1:]])
def test_calls_are_answered_and_met(march: March, before: date, after: date) -> None:
    calls = march.table(before, "control.margin_call")
    assert calls.height
    deposits = march.table(after, "book.collateral").filter(pl.col("deposits") > 0)
    asked = {
        (*key[:1], key[1]): amount
        for key, amount in sums(calls, ["margin_account_id", "due_asset"], "due_amount").items()
    }
    assert sums(deposits, ["margin_account_id", "asset"], "deposits") == asked
    outcome = march.table(after, "result.outstanding_call")
    assert set(outcome["call_id"]) == set(calls["call_id"])
    assert set(outcome["state"]) == {"MET"}
    assert set(march.table(after, "result.margin_account")["outstanding_calls_usd"]) == {Decimal(0)}


@pytest.mark.parametrize("day", DAYS)
def test_what_expired_is_settled_and_gone(march: March, day: date) -> None:
    contracts = march.table(day, "book.contract")
    at_eight = datetime(day.year, day.month, day.day, 8)
    expired = contracts.filter(pl.col("status") == "EXPIRED_UNSETTLED")
    assert expired.height > 4
    assert set(expired["expiry_ts"]) == {at_eight}
    assert contracts.filter(pl.col("expiry_ts") <= at_eight).height == expired.height
    finals = march.table(day, "book.price").filter(pl.col("price_type") == "FINAL")
    assert set(finals["contract_id"]) == set(expired["contract_id"])
    assert set(finals.select("method", "quality").iter_rows()) == {("INTERPOLATED", "MODEL")}
    for row in (
        march.table(day, "book.position")
        .filter(pl.col("contract_id").is_in(expired["contract_id"].to_list()))
        .iter_rows(named=True)
    ):
        assert (row["qty_expired"], row["qty_close"]) == (-row["qty_open"], 0)


def test_a_final_price_lies_on_the_line_between_the_indices_around_it(march: March) -> None:
    day = DAYS[-1]
    seen = []
    for name in ("deribit_options_eod", "deribit_options_intraday_crash"):
        rows = pl.read_parquet(march.data / f"{name}.parquet").filter(pl.col("currency") == "BTC")
        seen += rows.group_by("timestamp").agg(pl.col("index_price").median()).rows()
    at_eight = datetime(2026, 1, 31, 8, tzinfo=UTC)
    (t0, p0), (t1, p1) = (
        max(each for each in seen if each[0] < at_eight),
        min(each for each in seen if each[0] > at_eight),
    )
    expected = p0 ** ((t1 - at_eight) / (t1 - t0)) * p1 ** ((at_eight - t0) / (t1 - t0))
    finals = march.table(day, "book.price").filter(
        pl.col("price_type") == "FINAL", pl.col("contract_id").str.starts_with("BTC")
    )
    assert {abs(float(price) - expected) < 0.011 for price in finals["price"]} == {True}


@pytest.mark.parametrize("day", DAYS[1:])
def test_funding_is_paid_on_the_position_carried_in(march: March, day: date) -> None:
    rates = sums(march.table(day, "book.funding"), ["contract_id"], "funding_rate")
    marks = {row["contract_id"]: row for row in march.table(day, "result.mark").iter_rows(named=True)}
    paid = {
        (row["margin_account_id"], row["client_id"], row["contract_id"]): row["funding"]
        for row in march.table(day, "result.variation").iter_rows(named=True)
    }
    checked = 0
    for row in march.table(day, "book.position").filter(pl.col("contract_id") == "BTC-PERP.INV").iter_rows(named=True):
        previous = marks["BTC-PERP.INV"]["prev_settlement_price"]
        expected = -row["qty_open"] * 10 * rates[("BTC-PERP.INV",)] / previous
        assert abs(paid[row["margin_account_id"], row["client_id"], "BTC-PERP.INV"] - expected) <= Decimal("5e-9")
        checked += expected != 0
    assert checked > 5


def test_asked_again_nothing_happens(march: March, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVEE_MARKET_DATA_DIR", str(march.data))
    before = contents(march.home)
    again = levee("cycle", "backfill", *SPAN, "--home", march.home)
    assert again.code == 0
    assert again.out.count("up to date") == len(DAYS) + 1
    assert contents(march.home) == before


def test_it_stops_at_the_first_day_that_cannot_be_published(
    march: March, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEVEE_MARKET_DATA_DIR", str(march.data))
    ended = levee(
        "cycle",
        "backfill",
        "--from",
        "2026-01-31",
        "--to",
        "2026-02-02",
        "--source",
        "deribit-chain",
        "--no-orchestrator",
        "--home",
        march.home,
    )
    assert (ended.code, "20260131-EOD up to date" in ended.out) == (20, True)
    assert "2026-02-01" in ended.err


def test_a_day_replayed_alone_comes_out_the_same(march: March, levee: Callable[..., Any]) -> None:
    replayed = levee("cycle", "replay", run_id(DAYS[1]), "--verify", "--home", march.home)
    assert replayed.code == 0, replayed.err
    root = json.loads((march.release(DAYS[1]) / "_COMPLETE.json").read_text())["root_hash"]
    assert "identical" in replayed.out
    assert root[:16] in replayed.out


def test_a_replay_does_not_trust_a_changed_archive(march: March, levee: Callable[..., Any]) -> None:
    sha256 = march.table(DAYS[1], "control.input_manifest")["sha256"][0]
    archived = march.home / "frozen" / sha256
    content = archived.read_bytes()
    archived.write_bytes(content.replace(b"EOD", b"SOD", 1))
    try:
        refused = levee("cycle", "replay", run_id(DAYS[1]), "--verify", "--home", march.home)
    finally:
        archived.write_bytes(content)
    assert (refused.code, "VERIFY_FAILED" in refused.err) == (30, True)


def test_the_summary_says_what_the_exports_hold(march: March, levee: Callable[..., Any], tmp_path: Path) -> None:
    span = ("--from", DAYS[0], "--to", DAYS[-1], "--docs", tmp_path)
    told = levee("cycle", "summary", *span, "--home", march.home, "--json")
    assert told.code == 0, told.err
    for day, figures in zip(DAYS, json.loads(told.out), strict=True):
        accounts = march.table(day, "result.margin_account")
        assert Decimal(figures["initial_margin"]) == accounts["initial_margin_usd"].sum()
        assert Decimal(figures["called"]) == accounts["margin_call_amount_usd"].sum()
        assert Decimal(figures["largest_call"]) == accounts["margin_call_amount_usd"].max()
        by_kind = figures["by_kind"].values()
        assert sum(Decimal(kind["initial_margin_usd"]) for kind in by_kind) == accounts["initial_margin_usd"].sum()
        assert sum(Decimal(kind["accounts"]) for kind in by_kind) == accounts.height
        assert "UNKNOWN" not in figures["by_kind"]
        assert 0.2 < figures["volatility"] < 1.5
    text = (tmp_path / "real-month.md").read_text(encoding="utf-8")
    assert all(f"| {day} |" in text for day in DAYS)
    assert (tmp_path / "real-month.svg").read_text(encoding="utf-8") in (march.home / "site" / "march.html").read_text(
        encoding="utf-8"
    )


def test_a_summary_of_a_day_that_is_not_out_is_refused(march: March, levee: Callable[..., Any]) -> None:
    told = levee("cycle", "summary", "--from", "2026-01-31", "--to", "2026-02-01", "--home", march.home)
    assert (told.code, "20260201-EOD" in told.err) == (2, True)
