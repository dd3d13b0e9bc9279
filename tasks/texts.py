"""How values are printed: every figure of a release becomes a text once, before any file or page is made of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import accumulate, chain, groupby, pairwise
from math import isfinite

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
    return pl.DataFrame({column.name: _texts(column) for column in frame}, dict.fromkeys(frame.columns, pl.String))


def _texts(column: pl.Series) -> list[str]:
    """Floats are hardly ever the same twice; dates and the like mostly are."""
    if column.dtype == pl.String or column.dtype.is_decimal():
        return ["" if text is None else text for text in column.cast(pl.String).to_list()]
    values = column.to_list()
    if column.dtype.is_float():
        return _fixed(values, _DIGITS.get(column.name, FLOAT_DIGITS))
    known = {value: cell(value) for value in set(values)}
    return [known[value] for value in values]


def _fixed(values: Sequence[float | None], digits: int) -> list[str]:
    """`fixed` of each, missing is empty."""
    odd = next((value for value in values if value is not None and not isfinite(value)), None)
    if odd is not None:
        raise _not_finite(odd)
    form, negative_zero = f"%.{digits}f", f"-{0:.{digits}f}"
    texts = ["" if value is None else form % value for value in values]
    return [text if text != negative_zero else text[1:] for text in texts]


def fixed(value: float, digits: int) -> str:
    """A float at a fixed number of digits, without a negative zero. Raises ModelInputError where it is not finite."""
    if not isfinite(value):
        raise _not_finite(value)
    text = f"{value:.{digits}f}"
    return text if text[0] != "-" or float(text) else text.lstrip("-")


def _not_finite(value: float) -> ModelInputError:
    return ModelInputError(Finding("NON_FINITE", "a figure to be published is not finite", value=str(value)))


class TableRows:
    """Rows of texts, held by column; a part of a table shares the columns of the whole."""

    def __init__(self, columns: Mapping[str, list[str]], plain: bool, rows: slice | None = None) -> None:
        """At least one column, all as long, and which of their rows; `plain`: no text needs a quote or an escape."""
        self._columns, self.plain = columns, plain
        self._rows = rows or slice(0, len(next(iter(columns.values()))))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, in their order."""
        return tuple(self._columns)

    def column(self, name: str) -> list[str]:
        """Texts of one column."""
        return self._columns[name][self._rows]

    def __len__(self) -> int:
        return int(self._rows.stop - self._rows.start)

    def __iter__(self) -> Iterator[Row]:
        return zip(*map(self.column, self._columns), strict=True)

    def size(self, columns: Collection[str]) -> Decimal:
        """Sum of the absolute values of columns of decimals, exact; empty is zero."""
        return total(Decimal(text).copy_abs() for name in columns for text in self.column(name) if text)

    def select(self, columns: Iterable[str]) -> TableRows:
        """The same rows with some of their columns."""
        return TableRows({name: self._columns[name] for name in columns}, self.plain, self._rows)

    def cut(self, lengths: Iterable[int]) -> list[TableRows]:
        """Parts of the table, one after the other, by their numbers of rows."""
        ends = accumulate(lengths, initial=self._rows.start)
        return [TableRows(self._columns, self.plain, slice(*each)) for each in pairwise(ends)]

    def with_next(self, part: TableRows) -> TableRows | None:
        """Both in one, where they are parts of one table and the other is next."""
        if part._columns is not self._columns or part._rows.start != self._rows.stop:
            return None
        return TableRows(self._columns, self.plain, slice(self._rows.start, part._rows.stop))


def table(columns: Sequence[str], rows: Rows = ()) -> TableRows:
    """Rows of texts as a table with these columns."""
    return printed_table(pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row"))


@cache
def no_rows(columns: tuple[str, ...]) -> TableRows:
    """A table with these columns that says nothing: a large house prints it for most of its accounts."""
    return table(columns)


def printed_table(frame: pl.DataFrame) -> TableRows:
    """The frame as it is published."""
    words = frame.select(~(cs.numeric() | cs.temporal() | cs.boolean()))
    return TableRows({column.name: _texts(column) for column in frame}, _are_plain(words))


def by_account(table: TableRows, columns: Iterable[str]) -> dict[tuple[str, str], TableRows]:
    """Some columns of a table by its first two columns (member, account), which it is ordered by.

    Raises ValueError where it is not: an account's rows would be taken for another's.
    """
    owners = zip(*map(table.column, table.names[:2]), strict=True)
    rows = {who: len(list(own)) for who, own in groupby(owners)}
    if sum(rows.values()) != len(table):
        raise ValueError(f"a table of {', '.join(table.names[2:5])} is not ordered by account")
    return dict(zip(rows, table.select(columns).cut(rows.values()), strict=True))


def together(tables: Sequence[TableRows]) -> TableRows:
    """Rows of at least one table, those of the next after those of the one before; all have the same columns."""
    first, *others = [each for each in tables if len(each)] or tables[:1]
    whole: TableRows | None = first
    for each in others:
        whole = whole.with_next(each) if whole is not None else None
    return _joined(tables) if whole is None else whole


def _joined(tables: Sequence[TableRows]) -> TableRows:
    columns = {name: list(chain.from_iterable(each.column(name) for each in tables)) for name in tables[0].names}
    return TableRows(columns, all(each.plain for each in tables))


def _are_plain(texts: pl.DataFrame) -> bool:
    """Whether no text of a frame needs a quote in CSV or an escape in JSON. Figures and times never do."""
    return not texts.select(pl.any_horizontal(pl.all().str.contains(_ESCAPED).any())).item() if texts.width else True
