"""Rows printed column by column say what Python's own csv and json make of them, plain or not, together or alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import pack, texts
from tasks.pack import Edition
from tasks.printed_rows import csv_lines, long_records, records
from tasks.report_files import Header
from tasks.reports import Report

COLUMNS = ("client_id", "contract_id", "b 100%", "a")
PLAIN = [("", "BTC-PERP.INV", "1.50", ""), ("C01", "ETH", "−", "Étoile {x}")]
SPECIAL = [('say "no"', "a,b", "back\\slash", "tab\there"), ("", "", "", "\x7f")]
TEXT = st.text(st.sampled_from('aZ0.,"\\{}%é−\t '), max_size=6)


def read(lines: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(fields) for fields in csv.reader(lines)]


def encoded(row: tuple[str, ...]) -> str:
    return json.dumps(dict(zip(COLUMNS, row, strict=True)), sort_keys=True, ensure_ascii=False)


def entries(objects: Sequence[str]) -> list[str]:
    """Lines between the brackets of a list in published JSON that holds the objects."""
    lines = pack.canonical({"list": objects}).decode().splitlines()
    return [line.strip().removesuffix(",") for line in lines[2:-2]]


@pytest.mark.parametrize("rows", [PLAIN, SPECIAL, []])
def test_lines_and_objects_are_those_of_python_s_own_writers(rows: list[tuple[str, ...]]) -> None:
    (printed,) = records([texts.table(COLUMNS, rows)])
    assert read(printed.lines) == rows
    assert entries(printed.objects) == list(map(encoded, rows))


@settings(derandomize=True, deadline=None)
@given(tables=st.lists(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), max_size=4), min_size=1, max_size=4))
def test_tables_printed_together_are_what_each_is_alone(tables: list[list[tuple[str, ...]]]) -> None:
    made = [texts.table(COLUMNS, rows) for rows in tables]
    for rows, together in zip(tables, records(made), strict=True):
        assert read(together.lines) == rows
        assert entries(together.objects) == list(map(encoded, rows))
    for rows, together in zip(tables, long_records(made, COLUMNS, "positions"), strict=True):
        long = [("positions", *row[:2], name, row[2 + at]) for row in rows for at, name in enumerate(COLUMNS[2:])]
        assert read([line for several in together.lines for line in several.split("\n")]) == long
        assert entries(together.objects) == list(map(encoded, rows))


@pytest.mark.parametrize("value", ["two\nlines", "a\rb", "a\0b"])
def test_a_line_break_is_no_part_of_a_record(value: str) -> None:
    with pytest.raises(Exception, match="BAD_TYPE"):
        records([texts.table(COLUMNS, [("", "", "", value)])])


def test_a_report_sums_the_columns_it_is_told_to() -> None:
    header = Header(Edition("DEMO", date(2026, 1, 30), "EOD", 1), datetime(2026, 1, 30, 8), "SYNTHETIC")
    columns, rows = ("member", "amount", "count"), [("M001", "-1.50", "3"), ("M002", "2.25", "4")]
    table = texts.table(columns, rows)
    for control, total in (((), "0"), (("amount",), "3.75"), (("amount", "count"), "10.75")):
        report = Report("MR01", "members", "A report", columns, control)
        assert f"\n#T,2,{total},".encode() in header.csv(report, csv_lines(table), table.size(control))


ROWS = [("M1", "A", "1"), ("M1", "A", "2"), ("M1", "B", "3"), ("M2", "A", "4"), ("M3", "A", "5")]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [0, 1, 3], [2, 0, 9, 1], [9, 0, 9, 1, 2], [9]])
def test_accounts_of_one_table_keep_their_rows_in_any_company(order: list[int]) -> None:
    parts = list(texts.by_account(texts.table(("member", "account", "value"), ROWS), ("value",)).values())
    own = [["1", "2"], ["3"], ["4"], ["5"], *[[]] * 6]
    found = records([(parts[at] if at < len(parts) else texts.no_rows(("value",))) for at in order])
    assert [each.lines for each in found] == [own[at] for at in order]


def test_a_table_that_is_not_ordered_by_account_gives_nobody_the_rows_of_another() -> None:
    with pytest.raises(ValueError, match="not ordered by account"):
        texts.by_account(texts.table(("member", "account", "value"), [ROWS[0], ROWS[3], ROWS[1]]), ("value",))
