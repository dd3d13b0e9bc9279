"""Rows of the tables of a statement's page, from records and positions, by their forms (tasks/pages/*_row.html)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import accumulate, groupby, pairwise
from operator import attrgetter

from tasks.printed_cells import Cell, RowForm, flow, if_any, money, number, signed, whose, words
from tasks.rendering import template_text, word
from tasks.report_files import Record
from tasks.texts import TableRows, together


def positions(books: Sequence[TableRows]) -> list[str]:
    """Rows of each account's positions: those of all are made together, and there is at least one account."""
    form, everything = _form("position"), together(books)
    made = form.rows({name: everything.column(name) for name in form.names})
    return ["".join(made[start:end]) for start, end in pairwise(accumulate(map(len, books), initial=0))]


def requirement(records: Iterable[Record]) -> str:
    """Rows of each portfolio: lines that ask for nothing are named in one row; there are many, and few are read."""
    return "".join(
        row for client, lines in groupby(records, key=attrgetter("key1")) for row in _portfolio(client, lines)
    )


def _portfolio(client: str, records: Iterable[Record]) -> Iterator[str]:
    lines = list(records)
    yield _filled("requirement", [each for each in lines if _is_read(each)])
    nil = [_component(each.key2) for each in lines if not _is_read(each)]
    if nil:
        yield from _form("nothing").rows({"client": [client], "names": [", ".join(nil)]})


def _is_read(row: Record) -> bool:
    return row.fields["row_type"] != "LINE" or Decimal(row.fields["amount_usd"]) != 0


def risk(records: Sequence[Record]) -> str:
    """A row for each product group of each portfolio."""
    return _filled("risk", records)


def collateral(records: Sequence[Record]) -> str:
    """A row for each asset."""
    return _filled("collateral", records)


def balances(records: Sequence[Record]) -> str:
    """A row for each asset and movement."""
    entries = ((each.key1, *entry) for each in records for entry in each.fields.items())
    assets, movements, amounts = zip(*entries, strict=True) if records else ((), (), ())
    columns = {"is_sum": movements, "asset": assets, "movement": movements, "amount": amounts}
    return "".join(_form("balance").rows(columns))


def _filled(form: str, records: Sequence[Record]) -> str:
    """A row for each record by its keys and fields."""
    keys = {"key1": [each.key1 for each in records], "key2": [each.key2 for each in records]}
    fields = {name: [each.fields[name] for each in records] for name in _form(form).names if name not in keys}
    return "".join(_form(form).rows(keys | fields))


@cache
def _form(name: str) -> RowForm:
    return RowForm(template_text(f"{name}_row.html"), _CELLS[name])


@cache
def _component(item: str) -> str:
    return words(word(item, "components"))


@cache
def _cause(code: str) -> str:
    return words(word(code, "causes"))


@cache
def _movement(code: str) -> str:
    return words(word(code, "movements"))


def _sum_where(kind: str) -> Cell:
    """The class of a row that sums up others: those of a kind."""
    return lambda text: ' class="sum"' if text == kind else ""


_CELLS: Mapping[str, Mapping[str, Cell]] = {
    "requirement": {
        "row_type": _sum_where("PORTFOLIO"),
        "key1": whose,
        "key2": _component,
        "amount_usd": money,
        "binding_component": _cause,
        "worst_scenario_id": words,
        "rule_id": words,
    },
    "nothing": {"client": whose, "names": str},
    "risk": {
        "key1": whose,
        "key2": words,
        "filtered_es_usd": money,
        "stressed_es_usd": money,
        "blended_es_usd": money,
        "grid_loss_usd": money,
    },
    "collateral": {
        "key1": words,
        "post_haircut_value_usd": flow,
        "counted_value_usd": flow,
        "quantity": flow,
        "price_usd": money,
        "haircut_fraction": money,
        "tier_cut_usd": money,
        "own_margin_usd": if_any(money),
        "market_value_usd": flow,
        "pending_in": number,
        "pending_out": number,
    },
    "position": {
        "client_id": whose,
        "contract_id": words,
        "qty_open": signed,
        "qty_close": signed,
        "prev_settlement_price": number,
        "settlement_price": number,
        "mark_quality": words,
        "variation_margin": flow,
        "funding": flow,
        "premium": flow,
        "fees": flow,
        "settlement": flow,
        "settle_asset": words,
        "option_value_usd": flow,
        "delta": signed,
        "gamma": signed,
        "vega_usd": signed,
    },
    "balance": {"is_sum": _sum_where("CLOSE"), "asset": words, "movement": _movement, "amount": flow},
}
"""How the columns of each table are shown: figures by their form, words escaped."""
