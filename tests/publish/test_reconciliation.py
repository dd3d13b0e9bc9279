"""MX01: what a member submitted of its positions against what was booked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tasks import resources
from tasks.store import Store

RUN, FILE = "20260130-EOD-r01", "positions-HOUSE-20260130-EOD-v1"


def submitted(
    line: int, contract: str, qty_open: str | None, qty_close: str | None, member: str = "M01"
) -> dict[str, object]:
    moved = dict.fromkeys(
        (
            "qty_buy",
            "qty_sell",
            "qty_transfer",
            "qty_exercise_assign",
            "qty_expired",
            "buy_value",
            "sell_value",
            "premium_paid",
            "fees",
        ),
        "0",
    )
    return moved | {
        "clearing_member_id": member,
        "margin_account_id": f"{member}H",
        "account_type": "HOUSE",
        "client_id": None,
        "contract_id": contract,
        "qty_open": qty_open,
        "qty_close": qty_close,
        "position_as_of_ts": "2026-01-30T08:00:00Z",
        "file_id": FILE,
        "source_line": line,
        "row_sha256": "",
    }


def booked(line: int, contract: str, qty_open: str, qty_close: str) -> dict[str, object]:
    zero = dict.fromkeys(
        (
            "qty_buy",
            "qty_sell",
            "qty_transfer",
            "qty_exercise_assign",
            "qty_expired",
            "buy_value",
            "sell_value",
            "premium_paid",
            "fees",
        ),
        Decimal(0),
    )
    return zero | {
        "run_id": RUN,
        "clearing_member_id": "M01",
        "margin_account_id": "M01H",
        "account_type": "HOUSE",
        "client_id": "",
        "contract_id": contract,
        "qty_open": Decimal(qty_open),
        "qty_close": Decimal(qty_close),
        "position_as_of_ts": datetime(2026, 1, 30, 8),
        "file_id": FILE,
        "source_line": line,
    }


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    account = {
        "run_id": RUN,
        "clearing_member_id": "M01",
        "margin_account_id": "M01H",
        "account_type": "HOUSE",
        "base_ccy": "USD",
        "collateral_mode": "haircut",
        "status": "ACTIVE",
        "file_id": "",
        "source_line": 3,
    }
    manifest = {
        "run_id": RUN,
        "file_id": FILE,
        "dataset": "positions",
        "sender": "HOUSE",
        "seq": 1,
        "sha256": "",
        "records": 6,
    }
    raw = [
        submitted(3, "AGREED", "5", "7.50000000"),
        submitted(4, "NO-OPENING", None, "7"),
        submitted(5, "NO-CLOSE", "5", None),
        submitted(6, "TAKEN-OUT", "1", "1"),
        submitted(7, "OTHER-CLOSE", "5", "8"),
        submitted(8, "STRANGER", "5", "5", member="M99"),
    ]
    book = [
        booked(3, "AGREED", "5", "7.5"),
        booked(4, "NO-OPENING", "5", "7"),
        booked(5, "NO-CLOSE", "5", "5"),
        booked(7, "OTHER-CLOSE", "5", "7"),
        booked(0, "NOT-SUBMITTED", "2", "2"),
    ]
    with Store(Path(tmp_path_factory.mktemp("mx01")) / "levee.duckdb") as store:
        for table, content in (
            ("raw.positions", raw),
            ("book.position", book),
            ("book.account", [account]),
            ("control.input_manifest", [manifest]),
        ):
            store.append(table, pl.DataFrame(content, infer_schema_length=None))
        found = store.read(resources.sql("out/mx01"), {"run_id": RUN})
    return {row["contract_id"]: row for row in found.iter_rows(named=True)}


@pytest.mark.parametrize(
    ("contract", "status", "difference_open", "difference_close"),
    [
        ("AGREED", "MATCHED", "0", "0"),
        ("NO-OPENING", "CARRIED", None, "0"),
        ("NO-CLOSE", "CARRIED", "0", None),
        ("NOT-SUBMITTED", "CARRIED", None, None),
        ("TAKEN-OUT", "QUARANTINED", None, None),
        ("OTHER-CLOSE", "DIFFERENT", "0", "-1"),
    ],
)
def test_every_line_says_what_became_of_it(
    rows: dict[str, dict[str, object]], contract: str, status: str, difference_open: str, difference_close: str
) -> None:
    row = rows[contract]
    assert row["status"] == status
    for name, expected in (("difference_open", difference_open), ("difference_close", difference_close)):
        assert row[name] == (None if expected is None else Decimal(expected))


def test_figures_are_shown_as_delivered(rows: dict[str, dict[str, object]]) -> None:
    assert rows["AGREED"]["submitted_qty_close"] == "7.50000000"
    assert rows["NO-OPENING"]["submitted_qty_open"] is None


def test_who_is_no_party_of_the_run_gets_nothing(rows: dict[str, dict[str, object]]) -> None:
    assert "STRANGER" not in rows
