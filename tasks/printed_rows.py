"""Rows as they stand in files, lines of CSV and objects of JSON: made column by column for many tables at once.

Most of a release are rows of positions. A column of texts is joined to the next one for all rows together; only where
a text needs a quote or an escape is every row looked at by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import polars as pl

from tasks import pack
from tasks.envelope import record_line
from tasks.pack import Json
from tasks.texts import TableRows


@dataclass(frozen=True)
class PrintedRows:
    """A table's rows, for each its line or lines in CSV, and the objects of all in JSON as one text."""

    rows: TableRows
    lines: Sequence[str]
    objects: Sequence[Json]


def records(tables: Sequence[TableRows]) -> list[PrintedRows]:
    """Tables with the same columns, a line of CSV for each row."""
    everything = _together(tables)
    return _cut(tables, csv_lines(everything), _json_objects(everything))


def long_records(tables: Sequence[TableRows], block: str) -> list[PrintedRows]:
    """Tables with the same columns, for each row as many lines `block,key1,key2,field,value` as it has fields.

    The first two columns are the keys, the others the fields.
    """
    everything = _together(tables)
    return _cut(tables, _long_lines(everything, block), _json_objects(everything))


def _together(tables: Sequence[TableRows]) -> TableRows:
    return TableRows(pl.concat([each.frame for each in tables]), all(each.plain for each in tables))


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
    return _texts(table, pl.concat_str(table.frame.columns, separator=","))


def _json_objects(table: TableRows) -> list[str]:
    names = table.frame.columns
    if not table.plain:
        return [pack.line(dict(zip(names, row, strict=True))) for row in table]
    pairs = [pl.concat_str(pl.lit(f'"{name}": "'), name, pl.lit('"')) for name in sorted(names)]
    joined = pl.concat_str(pl.lit("{"), pl.concat_str(pairs, separator=", "), pl.lit("}"))
    return _texts(table, joined)


def _long_lines(table: TableRows, block: str) -> list[str]:
    key1, key2, *fields = table.frame.columns
    if not table.plain:
        return [
            "\n".join(record_line((block, *row[:2], *named)) for named in zip(fields, row[2:], strict=True))
            for row in table
        ]
    start = pl.concat_str(pl.lit(block), key1, key2, separator=",")
    lines = [pl.concat_str(start, pl.lit(name), name, separator=",") for name in fields]
    return _texts(table, pl.concat_str(lines, separator="\n"))


def _texts(table: TableRows, text: pl.Expr) -> list[str]:
    return table.frame.select(text).to_series().to_list()
