"""The validator accepts a generated file and rejects each way of spoiling it, naming the item."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest

from tasks.disclose import Disclosed
from tasks.disclosure_check import check
from tasks.disclosure_items import ITEMS, fits, item_of

Rows = list[dict[str, str]]


@pytest.fixture(scope="session")
def content(made: Disclosed) -> bytes:
    return made.file.read_bytes()


def spoiled(content: bytes, spoil: Callable[[Rows], Rows | None]) -> bytes:
    """The file with other records, sealed by hand."""
    lines = content.decode().splitlines()
    rows = list(csv.DictReader(lines[1:-1]))
    rows = spoil(rows) or rows
    body = io.StringIO()
    writer = csv.DictWriter(body, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    digest = hashlib.sha256(body.getvalue().encode()).hexdigest()
    return f"{lines[0]}\n{body.getvalue()}#T,{len(rows)},0,{digest}\n".encode()


def change(item: str, part: str = "", **fields: str) -> Callable[[Rows], None]:
    def spoil(rows: Rows) -> None:
        (row,) = (row for row in rows if (row["item"], row["part"]) == (item, part))
        row |= fields

    return spoil


def test_a_generated_file_is_fit(content: bytes) -> None:
    assert check(content) == []
    assert check(spoiled(content, lambda rows: rows)) == []


@pytest.mark.parametrize(
    ("what", "where", "spoil"),
    [
        ("form of its unit", "6.7.1", change("6.7.1", value="99")),
        ("form of its unit", "6.7.1", change("6.7.1", value="-99.00")),
        ("form of its unit", "6.7.1", change("6.7.1", value="NaN")),
        ("form of its unit", "6.7.1", change("6.7.1", value="")),
        ("form of its unit", "6.4.4", change("6.4.4", value="97.5 %")),
        ("form of its unit", "6.4.2", change("6.4.2", value="1 January 2014")),
        ("unit or window", "6.4.4", change("6.4.4", unit="PERCENT")),
        ("unit or window", "6.7.1", change("6.7.1", window="YEAR")),
        ("an item is missing", "", lambda rows: [row for row in rows if row["item"] != "6.7.1"]),
        ("an item is missing", "", lambda rows: [row for row in rows if row["item"] != "6.3.1"]),
        ("stands there twice", "6.7.1", lambda rows: rows + [row for row in rows if row["item"] == "6.7.1"]),
        ("nobody asks for", "6.99.1", lambda rows: [*rows, rows[0] | {"item": "6.99.1"}]),
        ("nobody asks for", "6.9.1 BTC", lambda rows: [*rows, rows[0] | {"item": "6.9.1", "part": "BTC"}]),
        ("has no value, and a reason", "4.1.1", change("4.1.1", value="0.00")),
        ("has no value, and a reason", "4.1.1", change("4.1.1", reason="")),
        ("no status", "4.1.1", change("4.1.1", status="UNKNOWN")),
        ("days in order", "6.7.1", change("6.7.1", first_date="2026-04-01")),
        ("days in order", "6.7.1", change("6.7.1", last_date="")),
        ("number of days", "6.7.1", change("6.7.1", days="many")),
        ("could come from", "6.7.1", change("6.7.1", source="")),
        ("could come from", "6.7.1", change("6.7.1", source="sql/disclosure/nothing.sql")),
        ("could come from", "6.7.1", change("6.7.1", source="tasks.disclosure_margin.nothing")),
        ("could come from", "6.7.1", change("6.7.1", source="os.system")),
        ("could come from", "6.4.4", change("6.4.4", source="policy:base_margin.nothing")),
        ("sum of its parts", "6.1.1 TOTAL", change("6.1.1", "HOUSE", value="100.02")),
        ("sum of its parts", "6.2.4 TOTAL_PRE_HAIRCUT", change("6.2.4", "CLIENT_PRE_HAIRCUT", value="1.00")),
        ("sum of its parts", "6.2.15 HOUSE_PRE_HAIRCUT", change("6.2.15", "HOUSE_PRE_HAIRCUT", value="1.00")),
        ("larger than 6.2.4", "6.2.4 HOUSE_POST_HAIRCUT", change("6.2.4", "HOUSE_POST_HAIRCUT", value="1000.01")),
        ("larger than 6.7.1", "6.6.1", change("6.6.1", value="999999.00")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(content: bytes, what: str, where: str, spoil: Callable[[Rows], Any]) -> None:
    found = check(spoiled(content, spoil))
    assert (what, where) in [(what if what in finding.what else finding.what, finding.where) for finding in found]
    assert {finding.code for finding in found} == {"DISCLOSURE"}


@pytest.mark.parametrize(
    "cut",
    [
        lambda content: b"",
        lambda content: content[:-40],
        lambda content: content.replace(b",REPORTED,", b",REPORTED.,", 1),
        lambda content: content.replace(b"#H,PQ01", b"#H,PB01"),
        lambda content: b"\xff" + content,
        lambda content: spoiled(content, lambda rows: [{"item": row["item"]} for row in rows]),
    ],
)
def test_a_file_that_is_not_whole_is_refused(content: bytes, cut: Callable[[bytes], bytes]) -> None:
    (finding,) = check(cut(content))
    assert finding.code == "DISCLOSURE"


def test_coverage_follows_from_its_counts(content: bytes) -> None:
    def report(rows: Rows) -> None:
        days = {"status": "REPORTED", "reason": "", "first_date": "2026-01-28", "last_date": "2026-01-31", "days": "3"}
        for item, value in (("6.5.1.1", "2"), ("6.5.2", "300"), ("6.5.3", "0.99333333"), ("6.5.4", "9.00")):
            change(item, value=value, source="data/reference/disclosure.toml", **days)(rows)
        change("6.5.5", value="7.50", source="data/reference/disclosure.toml", **days)(rows)

    def wrong(rows: Rows) -> None:
        report(rows)
        change("6.5.3", value="0.99333343")(rows)
        change("6.5.5", value="9.01")(rows)

    assert check(spoiled(content, report)) == []
    assert {finding.where for finding in check(spoiled(content, wrong))} == {"6.5.3", "6.5.5"}


def test_the_command_says_what_is_wrong_and_where(content: bytes, levee: Any, tmp_path: Any) -> None:
    path = tmp_path / "edited.csv"
    path.write_bytes(spoiled(content, change("6.1.1", "TOTAL", value="600.07")))
    told = levee("disclose", "check", path, "--home", tmp_path / "home")
    assert told.code == 30
    assert "6.1.1 TOTAL" in told.err
    assert levee("disclose", "check", tmp_path / "none.csv", "--home", tmp_path / "home").code == 2


def test_every_figure_has_one_entry_and_every_part_its_own() -> None:
    assert len({(item.reference, item.part) for item in ITEMS}) == len(ITEMS)
    assert fits("*", "BTC") and fits("* PEAK_TO_TROUGH", "BTC PEAK_TO_TROUGH") and fits("", "")
    assert not (fits("*", "") or fits("* PEAK_TO_TROUGH", "BTC") or fits("", "BTC") or fits("TOTAL", "HOUSE"))
    assert item_of("6.1.1", "NOBODY") is None
