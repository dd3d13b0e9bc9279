"""Pages a member reads on a phone: the statement and the call notice, self-contained HTML from their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any

from markupsafe import Markup

from tasks import printed_cells, waterfall
from tasks.rendering import render, template_text, who
from tasks.report_files import Record, RecordTable
from tasks.statement import blocks
from tasks.texts import TableRows

_SHOWN_BLOCKS = (
    "flags",
    "balances",
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
        requirement=requirement(found.get("requirement", [])),
        positions=Markup(positions),
        **tables,
    )


def requirement(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Each portfolio: its rows, but lines that ask for nothing by name alone; there are many, and few are read."""
    return [_portfolio(client, list(rows)) for client, rows in groupby(records, key=attrgetter("key1"))]


def _portfolio(client: str, records: Sequence[Record]) -> dict[str, Any]:
    nil = [each.key2 for each in records if not _is_read(each)]
    return {"client": client, "rows": [each for each in records if _is_read(each)], "nil": nil}


def _is_read(row: Record) -> bool:
    return row.fields["row_type"] != "LINE" or Decimal(row.fields["amount_usd"]) != 0


def notice_page(notice: Iterable[Record]) -> bytes:
    """MC01 as a page: what is to be paid, in which asset, until when; or that nothing is."""
    found = blocks(notice)
    tables = {name: found.get(name, []) for name in ("legs", "settled")}
    return render("call", header=found["header"][0].fields, notice=found["notice"][0].fields, **tables)


def position_rows(books: Sequence[TableRows]) -> list[str]:
    """Rows of each account's table of positions by pages/position_row.html."""
    return printed_cells.rows(books, _position_row(), _POSITION_CELLS)


@cache
def _position_row() -> str:
    return template_text("position_row.html")


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
