"""RG01: what the authorities are told of the day is what each member was told, and nobody else is told it."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tasks import regulator_report, verify
from tasks.home import Home

RELEASE = "20260130/EOD/v01"
Row = dict[str, str]


@pytest.fixture(scope="module")
def rows(released: Home) -> list[Row]:
    path = released.published / RELEASE / "regulator/TEST-RG01-REG-ALL-20260130-EOD-v01.csv"
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()[1:-1]))


def told(home: Home, report: str) -> list[tuple[str, dict[str, Any]]]:
    """Every account's copy of a report, by account."""
    paths = sorted((home.published / RELEASE / "members").glob(f"*/*-{report}-*.json"))
    return [(path.name.split("-")[3], json.loads(path.read_bytes())) for path in paths]


def of(rows: list[Row], row_type: str, account: str) -> list[Row]:
    return [row for row in rows if (row["row_type"], row["margin_account_id"]) == (row_type, account)]


def test_margin_is_what_every_statement_says(released: Home, rows: list[Row]) -> None:
    statements = told(released, "MS01")
    assert len(statements) == 3
    for account, statement in statements:
        figures = {row["item"].lower() + "_usd": row["amount_usd"] for row in of(rows, "MARGIN", account)}
        assert len(figures) == 11
        assert {name: statement["result"][name] for name in figures} == figures


def test_clients_of_a_gross_account_sum_to_it(rows: list[Row]) -> None:
    clients = of(rows, "CLIENT_MARGIN", "007C")
    assert {row["client_id"] for row in clients} == {"C01", "100"}
    (whole,) = (row for row in of(rows, "MARGIN", "007C") if row["item"] == "TOTAL_INITIAL_MARGIN")
    assert sum(Decimal(row["amount_usd"]) for row in clients) == Decimal(whole["amount_usd"])


def test_cash_flows_are_the_movements_of_every_ledger(released: Home, rows: list[Row]) -> None:
    for account, ledger in told(released, "ML01"):
        moved: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for entry in ledger["records"]:
            if entry["movement_type"] not in ("OPEN", "CLOSE"):
                moved[entry["asset"], entry["movement_type"]] += Decimal(entry["amount"])
        flows = of(rows, "CASH_FLOW", account)
        assert {(row["asset"], row["item"]): Decimal(row["amount"]) for row in flows} == dict(moved)
        for row in flows:
            worth = Decimal(row["amount"]) * Decimal(row["price_usd"])
            assert abs(Decimal(row["amount_usd"]) - worth) <= Decimal("0.005")


def test_positions_and_collateral_are_those_of_every_member(released: Home, rows: list[Row]) -> None:
    for report, row_type, key, names in (
        ("MP01", "POSITION", "contract_id", ("qty_close", "settlement_price", "option_value_usd", "delta")),
        ("MT01", "COLLATERAL", "asset", ("haircut_fraction", "post_haircut_value_usd")),
    ):
        for account, table in told(released, report):
            column = "item" if row_type == "POSITION" else "asset"
            mine = sorted(
                (row[column], row["client_id"], *(row[n] for n in names)) for row in of(rows, row_type, account)
            )
            stated = [(each[key], each.get("client_id", ""), *(each[n] for n in names)) for each in table["records"]]
            assert mine == sorted(stated)


def test_every_line_names_member_account_and_kind(rows: list[Row]) -> None:
    assert {row["row_type"] for row in rows} == {"MARGIN", "CLIENT_MARGIN", "COLLATERAL", "CASH_FLOW", "POSITION"}
    assert all(row["clearing_member_id"] and row["margin_account_id"] and row["account_type"] for row in rows)


def test_the_authorities_alone_get_it_and_can_prove_it_whole(released: Home) -> None:
    assert {path.parent.name for path in released.published.rglob("*-RG01-*")} == {"regulator"}
    assert verify.verify(released.published / RELEASE / "regulator") == []


def test_only_an_end_of_day_is_reported() -> None:
    intraday = SimpleNamespace(key=SimpleNamespace(cycle="ITD1"))
    assert regulator_report.files(cast(Any, intraday), cast(Any, None)) == {}
