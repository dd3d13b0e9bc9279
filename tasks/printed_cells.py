"""Rows of a page's table, made column by column for many tables at once: a large book has millions of such cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import accumulate, pairwise
from string import Formatter

import polars as pl
from markupsafe import escape

from tasks.texts import TableRows

Cell = Callable[[pl.Expr], pl.Expr]
NONE = '<span class="none">–</span>'
_LONGEST_GROUPED = 8  # threes of digits: what a DECIMAL holds
_GROUPS = [
    (f"^([0-9]{{1,3}}){'([0-9]{3})' * more}$", ",".join(f"${{{at}}}" for at in range(1, more + 2)))
    for more in range(1, _LONGEST_GROUPED)
]


def rows(tables: Sequence[TableRows], form: str, cells: Mapping[str, Cell]) -> list[str]:
    """For each table the text of its rows: a form with `{column}` where the column's cell stands."""
    everything = pl.concat([each.frame for each in tables])
    parts = [
        part
        for literal, name, *_ in Formatter().parse(form)
        for part in (pl.lit(literal), *([cells[name](pl.col(name))] if name else []))
    ]
    made = everything.select(pl.concat_str(parts)).to_series().to_list()
    spans = pairwise(accumulate(map(len, tables), initial=0))
    return ["".join(made[start:end]) for start, end in spans]


def number(text: pl.Expr, digits: int = 0) -> pl.Expr:
    """A figure as printed in the files, grouped, without trailing zeros beyond `digits`; the exact text beside it."""
    parts = text.str.strip_prefix("-").str.split_exact(".", 1)
    whole, fraction = parts.struct.field("field_0"), parts.struct.field("field_1").fill_null("")
    kept = fraction.str.strip_chars_end("0").str.pad_end(digits, "0")
    point = pl.when(kept == "").then(pl.lit("")).otherwise(pl.lit("."))
    sign = pl.when(text.str.starts_with("-")).then(pl.lit("−")).otherwise(pl.lit(""))
    shown = pl.concat_str(
        pl.lit('<data value="'), text, pl.lit('">'), sign, _grouped(whole), point, kept, pl.lit("</data>")
    )
    return pl.when(text == "").then(pl.lit(NONE)).otherwise(shown)


def signed(text: pl.Expr, digits: int = 0) -> pl.Expr:
    """A figure that is marked where it is negative."""
    shown = number(text, digits)
    marked = pl.concat_str(pl.lit('<span class="neg">'), shown, pl.lit("</span>"))
    return pl.when(text.str.starts_with("-")).then(marked).otherwise(shown)


def money(text: pl.Expr) -> pl.Expr:
    """A signed figure to the cent at least."""
    return signed(text, 2)


def escaped(text: pl.Expr) -> pl.Expr:
    """Words, safe in a page."""
    return text.map_batches(partial(_by_value, form=lambda value: str(escape(value))), pl.String)


def by_value(form: Callable[[str], str]) -> Cell:
    """A cell whose texts are few: each is made once."""
    return lambda text: text.map_batches(partial(_by_value, form=form), pl.String)


def _grouped(whole: pl.Expr) -> pl.Expr:
    for pattern, commas in _GROUPS:
        whole = whole.str.replace(pattern, commas)
    return whole


def _by_value(column: pl.Series, form: Callable[[str], str]) -> pl.Series:
    values = column.unique()
    return column.replace_strict(values, pl.Series(map(form, values), dtype=pl.String), return_dtype=pl.String)
