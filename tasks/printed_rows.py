"""Rows as they stand in files, lines of CSV and objects of JSON: made column by column for many tables at once.

Most of a release are rows of positions. A row is its columns filled into one form, the same for all rows; only where a
text needs a quote or an escape is every field of a row looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from tasks import pack
from tasks.envelope import record_line
from tasks.pack import Json
from tasks.texts import TableRows, together


@dataclass(frozen=True)
class PrintedRows:
    """A table's rows, for each its line or lines in CSV, and the objects of all in JSON as one text."""

    rows: TableRows
    lines: Sequence[str]
    objects: Sequence[Json]


def records(tables: Sequence[TableRows]) -> list[PrintedRows]:
    """Tables with the same columns, a line of CSV for each row."""
    everything = together(tables)
    return _cut(tables, csv_lines(everything), _json_objects(everything))


def long_records(tables: Sequence[TableRows], columns: Sequence[str], block: str) -> list[PrintedRows]:
    """Some columns of tables, for each row as many lines `block,key1,key2,field,value` as it has fields.

    The first two columns are the keys, the others the fields.
    """
    everything = together(tables).select(columns)
    return _cut(tables, _long_lines(everything, block), _json_objects(everything))


def _cut(tables: Sequence[TableRows], lines: Sequence[str], objects: Sequence[str]) -> list[PrintedRows]:
    """What was made for all tables, for each its own."""
    spans = pairwise(accumulate(map(len, tables), initial=0))
    return [
        PrintedRows(each, lines[start:end], pack.listed(objects[start:end]))
        for each, (start, end) in zip(tables, spans, strict=True)
    ]


def csv_lines(table: TableRows) -> list[str]:
    """A line of CSV for each row."""
    if not table.plain:
        return [record_line(row) for row in table]
    return list(map(",".join, table))


def _json_objects(table: TableRows) -> list[str]:
    if not table.plain:
        return [pack.line(dict(zip(table.names, row, strict=True))) for row in table]
    form = pack.form_of(table.names)
    return list(map(form.__mod__, table.select(sorted(table.names))))


def _long_lines(table: TableRows, block: str) -> list[str]:
    key1, key2, *fields = table.names
    if not table.plain:
        return [
            "\n".join(record_line((block, *row[:2], *named)) for named in zip(fields, row[2:], strict=True))
            for row in table
        ]
    form = "\n".join(f"{block},%s,%s,{name.replace('%', '%%')},%s" for name in fields)
    columns = (table.column(name) for field in fields for name in (key1, key2, field))
    return list(map(form.__mod__, zip(*columns, strict=True)))
