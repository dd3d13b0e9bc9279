"""OX01 lists everything a run's figures do not rest on as they should, and nothing else."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tasks.home import Home

LISTED = [
    ("FALLBACK", "DEPTH_PROXY", "BTC", ""),
    ("FALLBACK", "DEPTH_PROXY", "ETH", ""),
    ("FALLBACK", "PRIOR", "BTC 2026-02-27", ""),
    ("FALLBACK", "STALE", "ETH-PERP.LIN.USDC", ""),
    ("FALLBACK", "VEGA_PROXY", "BTC", ""),
    ("FALLBACK", "VEGA_PROXY", "ETH", ""),
    ("FINDING", "UNKNOWN_CONTRACT", "XRP-PERP.INV", "M001H"),
    ("OVERRIDE", "OV-1", "", "M001H"),
]


def body(home: Home, ending: str) -> Path:
    return home.published / f"20260130/EOD/v01/ops/TEST-OX01-OPS-ALL-20260130-EOD-v01.{ending}"


@pytest.fixture(scope="module")
def rows(released: Home) -> list[dict[str, str]]:
    lines = body(released, "csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines[1:-1]))


def test_every_exception_fallback_and_override_has_its_line(rows: list[dict[str, str]]) -> None:
    assert [(row["row_type"], row["code"], row["item"], row["margin_account_id"]) for row in rows] == LISTED


def test_an_override_carries_amount_reason_persons_and_days(rows: list[dict[str, str]]) -> None:
    (override,) = (row for row in rows if row["row_type"] == "OVERRIDE")
    told = {name: override[name] for name in ("amount_usd", "reason", "requested_by", "approved_by", "review_date")}
    assert told == {
        "amount_usd": "25.00",
        "reason": "settlement bank on watch",
        "requested_by": "ada",
        "approved_by": "grace",
        "review_date": "2026-01-30",
    }


def test_a_finding_leads_to_its_line(rows: list[dict[str, str]]) -> None:
    (finding,) = (row for row in rows if row["row_type"] == "FINDING")
    assert (finding["severity"], finding["file_id"], finding["source_line"]) == (
        "warning",
        "positions-HOUSE-2026-01-30-EOD-v1",
        "7",
    )


def test_json_says_the_same(released: Home, rows: list[dict[str, str]]) -> None:
    assert json.loads(body(released, "json").read_bytes())["records"] == rows


def test_only_operations_get_it(released: Home) -> None:
    assert {path.parent.name for path in released.published.rglob("*-OX01-*")} == {"ops"}
