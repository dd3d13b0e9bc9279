"""Pages a member reads on a phone: the statement and the call notice, self-contained HTML from their records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache, lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from tasks import waterfall, wording
from tasks.report_files import Record
from tasks.statement import blocks

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
_shown_of_position = itemgetter(
    "qty_open",
    "qty_close",
    "prev_settlement_price",
    "settlement_price",
    "mark_quality",
    "variation_margin",
    "funding",
    "premium",
    "fees",
    "settlement",
    "settle_asset",
    "option_value_usd",
    "delta",
    "gamma",
    "vega_usd",
)


def statement_page(statement: Iterable[Record], notice: Iterable[Record]) -> bytes:
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
        positions=[(each.key1, each.key2, *_shown_of_position(each.fields)) for each in found.get("positions", ())],
        **tables,
    )


def notice_page(notice: Iterable[Record]) -> bytes:
    """MC01 as a page: what is to be paid, in which asset, until when; or that nothing is."""
    found = blocks(notice)
    tables = {name: found.get(name, []) for name in ("legs", "settled")}
    return render("call", header=found["header"][0].fields, notice=found["notice"][0].fields, **tables)


def template_sources() -> str:
    """Text of all templates: the words every page may say."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(_PAGES.glob("*.j2")))


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


@lru_cache(_KEPT_FIGURES)
def number(value: str, digits: int = 0) -> Markup:
    """A figure as printed in the files, grouped, without trailing zeros beyond `digits`; the exact text beside it."""
    if not value:
        return Markup('<span class="none">–</span>')
    sign, body = ("−", value[1:]) if value.startswith("-") else ("", value)
    whole, _, fraction = body.partition(".")
    kept = fraction.rstrip("0").ljust(digits, "0")
    shown = f"{sign}{int(whole):,}{'.' if kept else ''}{kept}"
    return Markup(f'<data value="{value}">{shown}</data>')


@lru_cache(_KEPT_FIGURES)
def signed(value: str, digits: int = 0) -> Markup:
    """A figure that is marked where it is negative."""
    return (
        Markup(f'<span class="neg">{number(value, digits)}</span>') if value.startswith("-") else number(value, digits)
    )


def money(value: str) -> Markup:
    """USD to the cent."""
    return number(value, _MONEY_DIGITS)


def who(value: str) -> Markup:
    """Something that names a party: the only places of a page where a bare number may be an identifier."""
    return Markup(f'<span class="id">{escape(value)}</span>')


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
