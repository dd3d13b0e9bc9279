"""MD01 lists what a corrected pack says otherwise, and nothing else; a second copy of the same is no correction."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from tasks import envelope
from tasks.member_diff import Change, changes, rows

MR01 = ("row_type", "client_id", "line_no", "item", "product_group", "amount_usd")
ML01 = ("asset", "line_no", "movement_type", "contract_id", "amount", "balance")
LONG = ("block", "key1", "key2", "field", "value")
MX02 = (
    "row_type",
    "dataset",
    "file_id",
    "source_line",
    "sha256",
    "code",
    "margin_account_id",
    "contract_id",
    "value",
    "n",
)


def sealed(report: str, columns: tuple[str, ...], *lines: tuple[str, ...], version: int = 1) -> dict[str, bytes]:
    at = datetime(2026, 1, 30, 8)
    header = envelope.Header(report, date(2026, 1, 30), "EOD", version, "HOUSE", at, at, "TEST", "REAL")
    printed = [envelope.record_line(line) for line in (columns, *lines)]
    name = f"TEST-{report}-M001-M001H-20260130-EOD-v{version:02d}.csv"
    return {name: envelope.seal(header, printed, Decimal(0))}


def test_the_same_figures_in_another_version_are_no_change() -> None:
    line = ("LINE", "", "1", "BASE_MARGIN", "", "10.00")
    assert changes(sealed("MR01", MR01, line), sealed("MR01", MR01, line, version=2)) == []
    before = sealed("MS01", LONG, ("header", "", "", "version", "1"), ("header", "", "", "run_no", "1"))
    after = sealed("MS01", LONG, ("header", "", "", "version", "2"), ("header", "", "", "run_no", "3"), version=2)
    assert changes(before, after) == []


def test_only_the_changed_field_of_the_changed_row_is_listed() -> None:
    before = sealed("MR01", MR01, ("LINE", "", "1", "BASE_MARGIN", "", "10.00"), ("LINE", "", "2", "VEGA", "", "3.00"))
    after = sealed(
        "MR01", MR01, ("LINE", "", "1", "BASE_MARGIN", "", "12.50"), ("LINE", "", "2", "VEGA", "", "3.00"), version=2
    )
    assert changes(before, after) == [Change("M001H", "MR01", "LINE BASE_MARGIN", "amount_usd", "10.00", "12.50")]
    assert rows(changes(before, after)) == [("M001H", "MR01", "LINE BASE_MARGIN", "amount_usd", "10.00", "12.50")]


def test_a_row_that_came_or_went_has_an_empty_side() -> None:
    paid = ("BTC", "1", "OPEN", "", "1", "1")
    fee = ("BTC", "2", "FEE_TRADE", "BTC-PERP.INV", "-0.1", "0.9")
    closed, closed_later = ("BTC", "2", "CLOSE", "", "1", "1"), ("BTC", "3", "CLOSE", "", "0.9", "0.9")
    before, after = sealed("ML01", ML01, paid, closed), sealed("ML01", ML01, paid, fee, closed_later, version=2)
    listed = [
        ("M001H", "ML01", "BTC CLOSE", "amount", "1", "0.9"),
        ("M001H", "ML01", "BTC CLOSE", "balance", "1", "0.9"),
        ("M001H", "ML01", "BTC FEE_TRADE BTC-PERP.INV", "amount", "", "-0.1"),
        ("M001H", "ML01", "BTC FEE_TRADE BTC-PERP.INV", "balance", "", "0.9"),
    ]
    assert rows(changes(before, after)) == listed
    back = [(*row[:4], row[5], row[4]) for row in listed]
    assert rows(changes(after, before)) == back


def test_a_report_that_was_not_there_before_is_listed_whole() -> None:
    after = sealed("MT01", ("asset", "quantity"), ("BTC", "1.5"), version=2)
    assert rows(changes({}, after)) == [("M001H", "MT01", "BTC", "quantity", "", "1.5")]
    assert rows(changes(after, {})) == [("M001H", "MT01", "BTC", "quantity", "1.5", "")]


@pytest.mark.parametrize("ground", [False, True])
def test_another_file_of_the_same_content_is_told_but_no_reason_to_tell(ground: bool) -> None:
    rows_used = "6" if ground else "5"
    before = sealed("MX02", MX02, ("FILE", "positions", "p-v1", "0", "aa", "ACCEPTED", "", "", "", "5"))
    after = sealed("MX02", MX02, ("FILE", "positions", "p-v2", "0", "bb", "ACCEPTED", "", "", "", rows_used), version=2)
    found = changes(before, after)
    assert {change.field for change in found} >= {"file_id", "sha256"}
    assert any(change.is_ground for change in found) == ground


def test_rows_of_one_name_and_texts_with_commas_are_kept_apart() -> None:
    first, second = ('Ben "x", Ltd', "1"), ("Ben", "2")
    columns = ("asset", "quantity")
    before = sealed("MT01", columns, first, first, second)
    after = sealed("MT01", columns, first, second, ('Ben "x", Ltd', "7"), version=2)
    assert rows(changes(before, after)) == [("M001H", "MT01", 'Ben "x", Ltd', "quantity", "1", "7")]


def test_json_pages_and_earlier_lists_of_changes_are_left_aside() -> None:
    name = "TEST-MS01-M001-M001H-20260130-EOD-v01"
    listed = sealed("MD01", ("report", "field"), ("MS01", "x"))
    assert changes({f"{name}.json": b"{}", f"{name}.html": b"a", "manifest.json": b"{}"} | listed, {}) == []
