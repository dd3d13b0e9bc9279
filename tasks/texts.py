"""How values are printed: every figure of a release becomes a text once, before any file or page is made of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import overload

import polars as pl
from polars import selectors as cs

from tasks.envelope import cell
from tasks.model.errors import Finding, ModelInputError
from tasks.model.money import total

Row = tuple[str, ...]
Rows = Sequence[Row]

_ESCAPED = r'[",\\\p{Cc}]'
FLOAT_DIGITS = 8
_DIGITS = {
    "spot_return": 12,
    "scale_factor": 12,
    "vol_score": 12,
    "move": 12,
    "implied_volatility": 12,
    "mark_age_seconds": 3,
    "half_spread_fraction": 12,
    "margin_rate": 12,
    "average_rate": 12,
    "charged_rate": 12,
    "buffer_fraction": 12,
    "volatility_per_day": 12,
    "age_seconds": 3,
    "years_to_expiry": 12,
    "svi_a": 16,
    "svi_b": 16,
    "svi_rho": 16,
    "svi_mu": 16,
    "svi_s": 16,
    "min_calendar_gap": 12,
    "rmse_bp": 4,
    "tolerance_bp": 4,
}


def printed(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every value as the text that is published; missing is empty. Floats get fixed digits."""
    return frame.select(
        pl.col(name).cast(pl.String).fill_null("") if kind == pl.String or kind.is_decimal() else _printed(frame[name])
        for name, kind in frame.schema.items()
    )


def _printed(column: pl.Series) -> pl.Series:
    """Floats are hardly ever the same twice; dates and the like mostly are."""
    if column.dtype.is_float():
        return _fixed(column, _DIGITS.get(column.name, FLOAT_DIGITS))
    values = column.drop_nulls().unique()
    known = pl.Series(map(cell, values), dtype=pl.String)
    return column.replace_strict(values, known, default="", return_dtype=pl.String)


def _fixed(column: pl.Series, digits: int) -> pl.Series:
    """`fixed` of a whole column, missing is empty."""
    if not column.is_finite().all():
        raise _not_finite(column.filter(~column.is_finite())[0])
    form = f"%.{digits}f"
    texts = pl.Series(
        column.name, [None if value is None else form % value for value in column.to_list()], dtype=pl.String
    )
    return texts.replace(f"-{0:.{digits}f}", f"{0:.{digits}f}").fill_null("")


def fixed(value: float, digits: int) -> str:
    """A float at a fixed number of digits, without a negative zero. Raises ModelInputError where it is not finite."""
    if not isfinite(value):
        raise _not_finite(value)
    text = f"{value:.{digits}f}"
    return text if text[0] != "-" or float(text) else text.lstrip("-")


def _not_finite(value: float) -> ModelInputError:
    return ModelInputError(Finding("NON_FINITE", "a figure to be published is not finite", value=str(value)))


class TableRows(Sequence[Row]):
    """Rows of a frame of texts, made whenever they are read: those of a whole book would fill the memory."""

    def __init__(self, frame: pl.DataFrame, plain: bool) -> None:
        """`plain`: no text needs a quote in CSV or an escape in JSON."""
        self.frame, self.plain = frame, plain

    def __len__(self) -> int:
        return self.frame.height

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        return self.frame[at].rows() if isinstance(at, slice) else self.frame.row(at)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.frame.rows())

    def column(self, name: str) -> list[str]:
        """Texts of one column."""
        return self.frame[name].to_list()

    def size(self, columns: Collection[str]) -> Decimal:
        """Sum of the absolute values of columns of decimals, exact; empty is zero."""
        return total(Decimal(text).copy_abs() for name in columns for text in self.column(name) if text)

    def select(self, columns: Sequence[str]) -> TableRows:
        """The same rows with some of their columns."""
        return TableRows(self.frame.select(columns), self.plain)


def table(columns: Sequence[str], rows: Rows = ()) -> TableRows:
    """Rows of texts as a table with these columns."""
    return printed_table(pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row"))


@cache
def no_rows(columns: tuple[str, ...]) -> TableRows:
    """A table with these columns that says nothing: a large house prints it for most of its accounts."""
    return table(columns)


def printed_table(frame: pl.DataFrame) -> TableRows:
    """The frame as it is published."""
    return TableRows(printed(frame), _are_plain(frame.select(~(cs.numeric() | cs.temporal() | cs.boolean()))))


def by_account(table: TableRows, columns: Sequence[str]) -> dict[tuple[str, str], TableRows]:
    """Some columns of a table by its first two columns (member, account), which it is ordered by."""
    groups = table.frame.group_by(table.frame.columns[:2], maintain_order=True).len()
    selected, start, found = table.select(columns), 0, {}
    for *who, rows in groups.iter_rows():
        found[tuple(who)] = TableRows(selected.frame.slice(start, rows), table.plain)
        start += rows
    return found


def _are_plain(texts: pl.DataFrame) -> bool:
    """Whether no text of a frame needs a quote in CSV or an escape in JSON. Figures and times never do."""
    return not texts.select(pl.any_horizontal(pl.all().str.contains(_ESCAPED).any())).item() if texts.width else True
