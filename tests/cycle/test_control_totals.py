"""OC01 and PP04 over two days of a seeded market: what is counted again must agree, and compare with the day before."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import cli
from tasks import cross_report, sample, texts
from tasks.reports import ML01, MP01, MR01, MT01
from tasks.statement import Account

DAYS = (date(2026, 1, 29), date(2026, 1, 30))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("control") / "home"
    sample.write(folder / "inbox", len(DAYS), 4, 30, 7, DAYS[-1], "TEST")
    for day in DAYS:
        with pytest.raises(SystemExit) as ended:
            cli.main(["cycle", "run", "--date", day.isoformat(), "--no-orchestrator", "--home", str(folder)])
        assert ended.value.code == 0
    return folder


def published(home: Path, day: date, report: str, ending: str) -> Path:
    return next((home / "published" / f"{day:%Y%m%d}" / "EOD" / "v01").glob(f"*/*-{report}-*.{ending}"))


def totals(home: Path, day: date = DAYS[1]) -> dict[str, list[dict[str, str]]]:
    content: dict[str, Any] = json.loads(published(home, day, "OC01", "json").read_bytes())
    return content


def exported(home: Path, day: date, table: str) -> pl.DataFrame:
    return pl.read_parquet(home / "exports" / f"{day:%Y%m%d}-EOD-r01" / f"{table}.parquet")


def test_everything_that_is_counted_twice_agrees(home: Path) -> None:
    content = totals(home)
    for block in ("dataset", "file", "book", "ledger", "report"):
        assert content[block]
        assert [row for row in content[block] if row["agrees"] != "TRUE"] == []


def test_files_are_counted_again(home: Path) -> None:
    delivered = home / "inbox" / DAYS[1].isoformat() / "EOD"
    for row in totals(home)["file"]:
        lines = (delivered / f"{row['dataset']}.csv").read_text(encoding="utf-8").splitlines()
        _, records, control, _ = lines[-1].split(",")
        assert (row["records_delivered"], row["records_counted"]) == (records, records)
        assert int(row["records_accepted"]) + int(row["records_rejected"]) == int(records)
        assert Decimal(row["control_total_delivered"]) == Decimal(row["control_total_counted"]) == Decimal(control)


def test_the_book_is_matched_per_kind_and_asset(home: Path) -> None:
    book = totals(home)["book"]
    contracts = exported(home, DAYS[1], "book.contract").select("contract_id", "kind", "settle_asset")
    held = exported(home, DAYS[1], "book.position").join(contracts, on="contract_id")
    assert {(row["kind"], row["settle_asset"]) for row in book} == set(held.select("kind", "settle_asset").rows())
    for row in book:
        own = held.filter((pl.col("kind") == row["kind"]) & (pl.col("settle_asset") == row["settle_asset"]))
        longs = sum((qty for qty in own["qty_close"] if qty > 0), Decimal(0))
        assert Decimal(row["long_qty"]) == -Decimal(row["short_qty"]) == longs
        assert Decimal(row["net_qty"]) == 0


def test_a_day_is_compared_with_the_one_it_carries_from(home: Path) -> None:
    rows = {(row["figure"], row["asset"]): row for row in totals(home)["day"]}
    for figure in ("initial_margin_usd", "margin_call_amount_usd", "collateral_post_haircut_value_usd"):
        before, now = (sum(exported(home, day, "result.margin_account")[figure].to_list(), Decimal(0)) for day in DAYS)
        row = rows[figure, ""]
        assert [Decimal(row[name]) for name in ("previous", "today", "change")] == [before, now, now - before]
    for (figure, asset), row in rows.items():
        if figure == "variation_margin_received":
            settled = exported(home, DAYS[1], "result.variation").filter(pl.col("settle_asset") == asset)
            received = sum((each for each in settled["variation_margin"] if each > 0), Decimal(0))
            assert Decimal(row["today"]) == received


def test_the_first_day_has_nothing_to_compare_with(home: Path) -> None:
    assert {(row["previous"], row["change"]) for row in totals(home, DAYS[0])["day"]} == {("", "")}


def test_control_totals_name_nobody(home: Path) -> None:
    parties = exported(home, DAYS[1], "book.account")
    names = {*parties["clearing_member_id"], *parties["margin_account_id"]}
    with published(home, DAYS[1], "OC01", "csv").open(encoding="utf-8", newline="") as file:
        assert not {cell for row in csv.reader(file) for cell in row} & names


def test_a_total_that_differs_is_said_to_differ() -> None:
    stated = {
        "clearing_member_id": "M01",
        "margin_account_id": "M01H",
        "account_status": "FINAL",
        "initial_margin_usd": "10.00",
        "total_initial_margin_usd": "10.00",
        "collateral_post_haircut_value_usd": "0",
        "margin_call_amount_usd": "0",
        "call_amount_usd": "",
    }
    blank = [""] * (len(MR01.columns) - 6)
    line = ("LINE", "", "1", "BASE_MARGIN", "", "9.99", *blank)
    must = ("PORTFOLIO", "", "3", "TOTAL_INITIAL_MARGIN", "", "10.00", *blank)
    tables = {report.code: texts.table(report.columns) for report in (MT01, ML01, MP01)}
    tables |= {"MR01": texts.table(MR01.columns, [line, must])}
    sums = cross_report.told([Account(stated, None, None, tables)])
    agreed = {each.key1: each.fields["agrees"] for each in cross_report.compared(sums, Decimal(0))}
    assert agreed["initial_margin_usd"] == "FALSE"
    assert agreed["total_initial_margin_usd"] == agreed["margin_call_amount_usd"] == "TRUE"
    called = list(cross_report.compared(sums, Decimal("0.01")))
    assert {each.key1 for each in called if each.fields["agrees"] == "FALSE"} == {
        "initial_margin_usd",
        "margin_call_amount_usd",
    }
    twice = list(cross_report.compared(cross_report.added([sums, sums]), Decimal(0)))
    assert next(each for each in twice if each.key1 == "initial_margin_usd").fields["MR01"] == "19.98"
    held = cross_report.told([Account(stated | {"account_status": "HELD"}, None, None, tables)])
    assert {figure for figure, _, _ in held} == {"margin_call_amount_usd"}


def test_a_day_that_asks_for_nothing_is_told_to_the_cent_by_every_report() -> None:
    told = cross_report.compared({}, Decimal("0.00"))
    assert {tuple(each.fields.values()) for each in told} == {
        ("0.00", "0.00", "TRUE"),
        ("0.00", "0.00", "0.00", "TRUE"),
    }


def test_contracts_and_windows_are_public(home: Path) -> None:
    with published(home, DAYS[1], "PP04", "csv").open(encoding="utf-8", newline="") as file:
        lines = file.read().splitlines()
    rows = {row["id"]: row for row in csv.DictReader(lines[1:-1])}
    contracts = exported(home, DAYS[1], "book.contract")
    assert {name for name, row in rows.items() if row["row_type"] == "CONTRACT"} == set(contracts["contract_id"])
    for contract in contracts.iter_rows(named=True):
        row = rows[contract["contract_id"]]
        assert (row["status"], Decimal(row["multiplier"])) == (contract["status"], contract["multiplier"])
        assert row["expiry_ts"] == (f"{contract['expiry_ts'].isoformat()}Z" if contract["expiry_ts"] else "")
        assert row["next_payment_ts"] == rows[contract["settle_asset"]]["next_payment_ts"]
    # 2026-01-30 is a Friday: dollars can be paid from 14:00 UTC of it, coins at any time
    assert rows["USD"]["window_opens_ts"] == rows["USD"]["next_payment_ts"] == "2026-01-30T14:00:00Z"
    assert rows["BTC"]["next_payment_ts"].startswith("2026-01-30T08:")
