"""Cells of a page's tables, figures as a person reads them and words made safe, and rows of such cells by their form.

A large book has millions of cells and says zero, its prices and its rules over and over: what was made is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from string import Formatter

from markupsafe import escape

Cell = Callable[[str], str]
NONE = '<span class="none">–</span>'
_CENTS = 2
KEPT = 1 << 13


class RowForm:
    """Form of a row: HTML with `{column}` where the cell of that column stands."""

    def __init__(self, form: str, cells: Mapping[str, Cell]) -> None:
        """`cells` tells for each column what becomes of a text of the files."""
        parts = [(literal.replace("%", "%%"), name) for literal, name, *_ in Formatter().parse(form)]
        self._pattern = "".join(literal + ("%s" if name else "") for literal, name in parts)
        self.names = tuple(name for _, name in parts if name)
        self._cells = [cells[name] for name in self.names]

    def rows(self, columns: Mapping[str, Sequence[str]]) -> list[str]:
        """A row for each text of its columns."""
        made = (map(cell, columns[name]) for name, cell in zip(self.names, self._cells, strict=True))
        return list(map(self._pattern.__mod__, zip(*made, strict=True)))


@lru_cache(KEPT)
def number(text: str) -> str:
    """A figure as printed in the files, but grouped and without trailing zeros."""
    return _grouped(text, 0)


@lru_cache(KEPT)
def money(text: str) -> str:
    """An amount, to the cent at least."""
    return _grouped(text, _CENTS)


@lru_cache(KEPT)
def signed(text: str) -> str:
    """A figure that is marked where it is negative."""
    return _marked(text, _grouped(text, 0))


@lru_cache(KEPT)
def flow(text: str) -> str:
    """An amount that goes either way, to the cent at least."""
    return _marked(text, _grouped(text, _CENTS))


def _grouped(text: str, digits: int) -> str:
    if not text:
        return NONE
    whole, _, fraction = text.removeprefix("-").partition(".")
    kept = fraction.rstrip("0").ljust(digits, "0")
    return f"{'−' if text[0] == '-' else ''}{int(whole):,}{'.' if kept else ''}{kept}"


def _marked(text: str, shown: str) -> str:
    return f'<span class="neg">{shown}</span>' if text.startswith("-") else shown


@lru_cache(KEPT)
def words(text: str) -> str:
    """Words, safe in a page."""
    return str(escape(text))


@lru_cache(KEPT)
def who(text: str) -> str:
    """Something that names a party: the only places of a page where a bare number may be an identifier."""
    return f'<span class="id">{escape(text)}</span>'


def whose(text: str) -> str:
    """The client a row is about, before what it says of it; nothing where it is the account's own."""
    return f"{who(text)} · " if text else ""


def if_any(cell: Cell) -> Cell:
    """The cell of a column that stays empty where nothing is said."""
    return lambda text: cell(text) if text else ""
