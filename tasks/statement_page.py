"""Pages a member reads on a phone: the statement and the call notice, self-contained HTML from their records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from tasks import waterfall, wording
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


def statement_page(statement: Sequence[Record | RecordTable], notice: Iterable[Record]) -> bytes:
    """MS01 as a page: headline, waterfall, tables, how to check it, words."""
    found, call = blocks(statement), blocks(notice)
    tables = {name: found.get(name, []) for name in _SHOWN_BLOCKS}
    drawing = Markup(waterfall.svg(waterfall.steps(found)))
    return render(
        "statement",
        header=found["header"][0].fields,
        result=found["result"][0].fields,
        notice=call["notice"][0].fields,
        waterfall=drawing,
        positions=Markup(
            "".join(position_rows(each.printed.rows) for each in statement if isinstance(each, RecordTable))
        ),
        **tables,
    )


def notice_page(notice: Iterable[Record]) -> bytes:
    """MC01 as a page: what is to be paid, in which asset, until when; or that nothing is."""
    found = blocks(notice)
    tables = {name: found.get(name, []) for name in ("legs", "settled")}
    return render("call", header=found["header"][0].fields, notice=found["notice"][0].fields, **tables)


def position_rows(positions: TableRows) -> str:
    """Rows of the table of positions by pages/position_row.html.

    Printed apart from the page: a large book has millions of such cells, and the template would look at each twice.
    """
    columns = [map(form, positions.column(name)) for name, form in _POSITION_CELLS.items()]
    row = _position_row()
    return "".join([row(dict(zip(_POSITION_CELLS, cells, strict=True))) for cells in zip(*columns, strict=True)])


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
def _position_row() -> Callable[[Mapping[str, str]], str]:
    return (_PAGES / "position_row.html").read_text(encoding="utf-8").format_map


def number(value: str, digits: int = 0) -> Markup:
    """A figure as printed in the files, grouped, without trailing zeros beyond `digits`; the exact text beside it."""
    return Markup(_number(value, digits))


def signed(value: str, digits: int = 0) -> Markup:
    """A figure that is marked where it is negative."""
    return Markup(_signed(value, digits))


@lru_cache(_KEPT_FIGURES)
def _number(value: str, digits: int = 0) -> str:
    if not value:
        return '<span class="none">–</span>'
    sign, body = ("−", value[1:]) if value.startswith("-") else ("", value)
    whole, _, fraction = body.partition(".")
    kept = fraction.rstrip("0").ljust(digits, "0")
    return f'<data value="{value}">{sign}{int(whole):,}{"." if kept else ""}{kept}</data>'


@lru_cache(_KEPT_FIGURES)
def _signed(value: str, digits: int = 0) -> str:
    shown = _number(value, digits)
    return f'<span class="neg">{shown}</span>' if value.startswith("-") else shown


@lru_cache(_KEPT_FIGURES)
def _escaped(value: str) -> str:
    return str(escape(value))


def money(value: str) -> Markup:
    """USD to the cent."""
    return number(value, _MONEY_DIGITS)


def who(value: str) -> Markup:
    """Something that names a party: the only places of a page where a bare number may be an identifier."""
    return Markup(f'<span class="id">{escape(value)}</span>')


def _client(value: str) -> str:
    return f"{who(value)} · " if value else ""


_FLOW = partial(_signed, digits=_MONEY_DIGITS)
_POSITION_CELLS: Mapping[str, Callable[[str], str]] = {
    "client_id": _client,
    "contract_id": _escaped,
    "qty_open": _signed,
    "qty_close": _signed,
    "prev_settlement_price": _number,
    "settlement_price": _number,
    "mark_quality": _escaped,
    "variation_margin": _FLOW,
    "funding": _FLOW,
    "premium": _FLOW,
    "fees": _FLOW,
    "settlement": _FLOW,
    "settle_asset": _escaped,
    "option_value_usd": _FLOW,
    "delta": _signed,
    "gamma": _signed,
    "vega_usd": _signed,
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
