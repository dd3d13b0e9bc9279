"""Critical breaks of one member hold its accounts instead of the cycle.

What the rest of the book says about a broken line is put in its place; a line that can be given to no account or
contract is suspended: the house carries it, so that every contract still nets to zero, and the member is margined for
it alone. Which check found what stays in book.held_line and control.finding; MX02 tells the member.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tasks.gate_checks import ADDRESS, Outcome
from tasks.model.margin import residual
from tasks.stage import Context

# Breaks of a line's own figures or names; the others (too large, expired) leave the line as it is.
DOUBTFUL = (
    "BALANCE_ROLL",
    "MISSING_POSITION",
    "ROLL_FORWARD_BREAK",
    "UNKNOWN_ACCOUNT",
    "UNKNOWN_CONTRACT",
    "WRONG_CLIENT",
)
_REGISTERED = """
SELECT clearing_member_id, margin_account_id, account_type, status = 'CLOSED' AS closed
FROM book.account WHERE run_id = $run_id ORDER BY ALL
"""
_REMOVE = """
DELETE FROM book.position
WHERE run_id = $run_id AND list_contains($lines::VARCHAR[], concat_ws(':', file_id, source_line))
"""


def hold(context: Context, outcomes: Sequence[Outcome]) -> pl.DataFrame:
    """Hold the accounts of critical findings about members. Returns rows (ADDRESS and code) that leave the book."""
    broken = [
        outcome.rows.with_columns(code=pl.lit(outcome.check.code))
        for outcome in outcomes
        if outcome.check.holds and outcome.rows.height
    ]
    if not broken:
        for table in ("book.held_line", "book.held", "book.suspense"):
            context.write(table, context.slice(table).clear())
        return pl.DataFrame(schema={**ADDRESS, "code": pl.String})
    found = pl.concat(broken)
    context.write("book.held_line", found.drop("value", "limit_value"))
    suspended = place(context)
    context.write("book.held", context.query("hold/held"))
    context.store.run_file("hold/disputed", {"run_id": context.key.run_id})
    return rows_out(context, found, suspended)


def place(context: Context) -> pl.DataFrame:
    """Put every doubtful position line where it belongs. Returns the suspended ones, which are written besides."""
    lines = context.query("hold/lines", codes=list(DOUBTFUL), predecessor_run_id=context.run["predecessor_run_id"])
    excess = {row[0]: residual.Figures(*row[1:9]) for row in context.query("hold/excess").iter_rows()}
    known = frozenset(row[0] for row in context.query("hold/excess").iter_rows() if row[9])
    placed = residual.place(list(lines.iter_rows(named=True)), excess, known)
    booked = [each.line for each in placed if each.how != residual.SUSPENDED]
    suspended = [each.line for each in placed if each.how == residual.SUSPENDED]
    _book(context, lines, booked)
    held = _charged(context, _frame(lines, suspended))
    context.write("book.suspense", held)
    unclaimed = _unclaimed(context)
    if unclaimed.height:
        held = pl.concat([held, _charged(context, unclaimed).select(held.columns)])
        context.write("book.suspense", held)
    return held


def _unclaimed(context: Context) -> pl.DataFrame:
    """What the book still leaves over where the sender of one member alone is late: nobody else can have it."""
    before = {"predecessor_run_id": context.run["predecessor_run_id"]}
    late = context.query("hold/late_members", **before)["clearing_member_id"].to_list()
    found = context.query("hold/unclaimed", member=late[0] if late else "", **before)
    return found if len(late) == 1 else found.clear()


def rows_out(context: Context, found: pl.DataFrame, suspended: pl.DataFrame) -> pl.DataFrame:
    """Delivered lines that leave the book: suspended positions, and balances of accounts nobody knows."""
    registered = context.store.read(_REGISTERED, {"run_id": context.key.run_id})
    account = ["clearing_member_id", "margin_account_id"]
    delivered = found.filter(pl.col("source_line") > 0)
    positions = delivered.join(suspended, on=["file_id", "source_line"], how="semi").filter(
        pl.col("code").is_in(DOUBTFUL)
    )
    balances = delivered.filter(pl.col("dataset") == "collateral_balances").join(registered, on=account, how="anti")
    return pl.concat([positions, balances])


def _book(context: Context, lines: pl.DataFrame, booked: list[dict[str, Any]]) -> None:
    """Replace delivered lines of the book by what they are booked as, and add the ones that were not delivered."""
    changed = _frame(lines, booked)
    if changed.height:
        where = [f"{row['file_id']}:{row['source_line']}" for row in booked if row["source_line"]]
        context.store.execute(_REMOVE, {"run_id": context.key.run_id, "lines": where})
        context.store.append("book.position", changed.with_columns(run_id=pl.lit(context.key.run_id)))


def _charged(context: Context, suspended: pl.DataFrame) -> pl.DataFrame:
    """Suspended lines with the account that is margined for each: its own, else an open one, of its kind before any."""
    registered = list(context.store.read(_REGISTERED, {"run_id": context.key.run_id}).iter_rows())

    def answers(row: dict[str, Any]) -> str:
        named, kind = row["margin_account_id"], row["account_type"]
        own = [each[1:] for each in registered if each[0] == row["clearing_member_id"]]
        ranked = sorted((name != named, closed, its_kind != kind, name) for name, its_kind, closed in own)
        return ranked[0][3] if ranked else ""

    names = [answers(row) for row in suspended.iter_rows(named=True)]
    return suspended.with_columns(charged_account_id=pl.Series(names, dtype=pl.String))


def _frame(lines: pl.DataFrame, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=lines.schema).drop("contract_known", "account_known", "client_fits")
