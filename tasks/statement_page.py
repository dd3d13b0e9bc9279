"""Pages a member reads on a phone: the statement and the call notice, self-contained HTML from their records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from tasks import statement_rows, waterfall
from tasks.rendering import render
from tasks.report_files import Record, RecordTable
from tasks.statement import blocks

_FEW = ("flags", "other_mode", "leverage", "liquidation", "overrides")


def statement_page(statement: Sequence[Record | RecordTable], notice: Iterable[Record], positions: str) -> bytes:
    """MS01 as a page: headline, waterfall, tables, how to check it, words; with its rows of positions."""
    found, call = blocks(statement), blocks(notice)
    tables = {
        "requirement": statement_rows.requirement(found.get("requirement", [])),
        "risk": statement_rows.risk(found.get("risk", [])),
        "collateral": statement_rows.collateral(found.get("collateral", [])),
        "positions": positions,
        "balances": statement_rows.balances(found.get("balances", [])),
    }
    return render(
        "statement",
        header=found["header"][0].fields,
        result=found["result"][0].fields,
        notice=call["notice"][0].fields,
        waterfall=Markup(waterfall.svg(waterfall.steps(found))),
        **{name: Markup(rows) for name, rows in tables.items()},
        **{name: found.get(name, []) for name in _FEW},
    )


def notice_page(notice: Iterable[Record]) -> bytes:
    """MC01 as a page: what is to be paid, in which asset, until when; or that nothing is."""
    found = blocks(notice)
    tables = {name: found.get(name, []) for name in ("legs", "settled")}
    return render("call", header=found["header"][0].fields, notice=found["notice"][0].fields, **tables)
