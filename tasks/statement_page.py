"""Pages a member reads on a phone: the statement and the call notice, self-contained HTML from their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from tasks import printed_cells, waterfall, wording
from tasks.report_files import Record, RecordTable
from tasks.statement import blocks
from tasks.texts import TableRows

_PAGES = Path(__file__).resolve().parent / "pages"
_MONEY_DIGITS = 2
_KEPT_FIGURES = 1 << 15  # a book says zero, its prices and its rules over and over
_SHOWN_BLOCKS = (
    "flags",
    "balances",
    "requirement",
    "risk",
    "collateral",
    "other_mode",
    "leverage",
    "liquidation",
    "overrides",
)


def statement_page(statement: Sequence[Record | RecordTable], notice: Iterable[Record], positions: str) -> bytes:
    """MS01 as a page: headline, waterfall, tables, how to check it, words; with its rows of positions."""
    found, call = blocks(statement), blocks(notice)
    tables = {name: found.get(name, []) for name in _SHOWN_BLOCKS}
    drawing = Markup(waterfall.svg(waterfall.steps(found)))
    return render(
        "statement",
        header=found["header"][0].fields,
        result=found["result"][0].fields,
        notice=call["notice"][0].fields,
        waterfall=drawing,
        positions=Markup(positions),
        **tables,
    )


def notice_page(notice: Iterable[Record]) -> bytes:
    """MC01 as a page: what is to be paid, in which asset, until when; or that nothing is."""
    found = blocks(notice)
    tables = {name: found.get(name, []) for name in ("legs", "settled")}
    return render("call", header=found["header"][0].fields, notice=found["notice"][0].fields, **tables)


def position_rows(books: Sequence[TableRows]) -> list[str]:
    """Rows of each account's table of positions by pages/position_row.html."""
    return printed_cells.rows(books, _position_row(), _POSITION_CELLS)


def template_sources() -> str:
    """Text of all templates: the words every page may say."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(_PAGES.iterdir()))


def render(name: str, **content: Any) -> bytes:
    """A page of a template and its content."""
    return (_template(name).render(**content) + "\n").encode()


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "number": number,
        "signed": signed,
        "money": money,
        "who": who,
        "moment": moment,
        "word": word,
    }
    environment.globals["glossary"] = wording.words("glossary")
    return environment.get_template(f"{name}.html.j2")


@cache
def _position_row() -> str:
    return (_PAGES / "position_row.html").read_text(encoding="utf-8")


@lru_cache(_KEPT_FIGURES)
def number(value: str, digits: int = 0) -> Markup:
    """A figure as printed in the files, grouped, without trailing zeros beyond `digits`; the exact text beside it."""
    if not value:
        return Markup(printed_cells.NONE)
    sign, body = ("−", value[1:]) if value.startswith("-") else ("", value)
    whole, _, fraction = body.partition(".")
    kept = fraction.rstrip("0").ljust(digits, "0")
    return Markup(f'<data value="{value}">{sign}{int(whole):,}{"." if kept else ""}{kept}</data>')


@lru_cache(_KEPT_FIGURES)
def signed(value: str, digits: int = 0) -> Markup:
    """A figure that is marked where it is negative."""
    shown = number(value, digits)
    return Markup(f'<span class="neg">{shown}</span>') if value.startswith("-") else shown


def money(value: str) -> Markup:
    """USD to the cent."""
    return number(value, _MONEY_DIGITS)


def who(value: str) -> Markup:
    """Something that names a party: the only places of a page where a bare number may be an identifier."""
    return Markup(f'<span class="id">{escape(value)}</span>')


def _client(value: str) -> str:
    return f"{who(value)} · " if value else ""


_POSITION_CELLS: Mapping[str, printed_cells.Cell] = {
    "client_id": printed_cells.by_value(_client),
    "contract_id": printed_cells.escaped,
    "qty_open": printed_cells.signed,
    "qty_close": printed_cells.signed,
    "prev_settlement_price": printed_cells.number,
    "settlement_price": printed_cells.number,
    "mark_quality": printed_cells.escaped,
    "variation_margin": printed_cells.money,
    "funding": printed_cells.money,
    "premium": printed_cells.money,
    "fees": printed_cells.money,
    "settlement": printed_cells.money,
    "settle_asset": printed_cells.escaped,
    "option_value_usd": printed_cells.money,
    "delta": printed_cells.signed,
    "gamma": printed_cells.signed,
    "vega_usd": printed_cells.signed,
}
"""How the columns of a position are shown: figures by their form, words escaped."""


def moment(value: str) -> Markup:
    """A time as a person reads it: 30 Jan 2026, 10:20; the exact text beside it."""
    if not value:
        return Markup('<span class="none">–</span>')
    read = datetime.fromisoformat(value)
    shown = f"{read.day} {read:%b %Y, %H:%M}{f':{read:%S}' if read.second else ''}"
    return Markup('<time datetime="{}">{}</time>').format(value, shown)


def word(value: str, section: str) -> str:
    """A code in words, the code itself where it has none."""
    return wording.words(section).get(value, value)
