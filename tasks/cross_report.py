"""Reports against each other: the same figure read off every report that prints it, account by account and in sum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import polars as pl

from tasks.envelope import cell
from tasks.model.errors import Finding
from tasks.model.money import total
from tasks.report_files import Record
from tasks.reports import MC01, ML01, MP01, MR01, MS01, MT01, Report
from tasks.statement import Account

Told = Mapping[tuple[str, str, str], Decimal]
"""A sum by figure, asset (empty for USD) and the report it was read off."""
_STATED = ("initial_margin_usd", "total_initial_margin_usd", "collateral_post_haircut_value_usd")
_MUST = {"row_type": "PORTFOLIO", "item": "TOTAL_INITIAL_MARGIN"}
_FLOWS = {"variation_margin": "VM", "funding": "FUNDING", "settlement": "SETTLEMENT"}


def disagreements(account: Account) -> Iterator[Finding]:
    """Where the statement, requirement, collateral and call of an account do not say the same."""
    figures, where = account.figures, f"{account.member} {account.account}"
    if not figures["account_status"]:
        yield Finding(
            "CROSS_REPORT", "an account has no margin result", where=where, action="find why the call stage left it out"
        )
        return
    for name, amounts in _amounts(account).items():
        if name == "margin_call_amount_usd" or figures["account_status"] != "HELD":
            value = total(map(Decimal, amounts))
            if value != Decimal(figures[name]):
                yield Finding(
                    "CROSS_REPORT",
                    f"reports disagree on {name}",
                    where=where,
                    value=str(value),
                    limit=figures[name],
                    action="find the stage that wrote the odd figure",
                )


def _amounts(account: Account) -> dict[str, list[str]]:
    """What the other reports print of each of a statement's figures."""
    requirement, collateral = account.requirement, account.collateral
    must = [row for row in requirement if all(row[name] == value for name, value in _MUST.items())]
    return {
        "initial_margin_usd": [row["amount_usd"] for row in requirement if row["row_type"] == "LINE"],
        "total_initial_margin_usd": [row["amount_usd"] for row in must],
        "collateral_post_haircut_value_usd": [row["post_haircut_value_usd"] for row in collateral],
        "collateral_counted_value_usd": [row["counted_value_usd"] for row in collateral],
        "margin_call_amount_usd": [account.figures["call_amount_usd"] or "0"],
    }


def told(accounts: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> Told:
    """Sums of printed figures (of sql/out/account.sql and of tables by report code); but for calls, of no HELD account.

    Every table carries clearing_member_id and margin_account_id.
    """
    final = accounts.filter(pl.col("account_status") != "HELD")
    of_final = {
        code: table.join(final, on=["clearing_member_id", "margin_account_id"], how="semi", maintain_order="left")
        for code, table in tables.items()
    }
    found: dict[tuple[str, str, str], Decimal] = {}

    def read(figure: str, report: Report, rows: pl.DataFrame, column: str, by: str = "") -> None:
        for asset, amount in _sums(rows, column, by).items():
            found[figure, asset, report.code] = amount

    def table(report: Report, **where: str) -> pl.DataFrame:
        return of_final[report.code].filter(*(pl.col(name) == value for name, value in where.items()))

    for figure in _STATED:
        read(figure, MS01, final, figure)
    read("initial_margin_usd", MR01, table(MR01, row_type="LINE"), "amount_usd")
    read("total_initial_margin_usd", MR01, table(MR01, **_MUST), "amount_usd")
    read("collateral_post_haircut_value_usd", MT01, table(MT01), "post_haircut_value_usd")
    read("margin_call_amount_usd", MS01, accounts, "margin_call_amount_usd")
    read("margin_call_amount_usd", MC01, accounts, "call_amount_usd")
    read("collateral_quantity", MT01, table(MT01), "quantity", "asset")
    read("collateral_quantity", ML01, table(ML01, movement_type="CLOSE"), "amount", "asset")
    for figure, movement in _FLOWS.items():
        read(figure, MP01, table(MP01), figure, "settle_asset")
        read(figure, ML01, table(ML01, movement_type=movement), "amount", "asset")
    return found


def added(parts: Iterable[Told]) -> Told:
    """Sums of several groups of accounts together."""
    amounts: dict[tuple[str, str, str], list[Decimal]] = {}
    for part in parts:
        for name, amount in part.items():
            amounts.setdefault(name, []).append(amount)
    return {name: total(each) for name, each in amounts.items()}


def compared(sums: Told, called: Decimal) -> Iterator[Record]:
    """One record per figure and asset: what each report says of it, and whether they agree.

    `called` is what the call ledger asks for. Of the figures by asset only those are shown that any report has.
    """
    for figure in _STATED:
        other = MT01 if figure.startswith("collateral") else MR01
        yield _compared(figure, "", {each.code: _said(sums, figure, "", each) for each in (MS01, other)})
    figure = "margin_call_amount_usd"
    yield _compared(
        figure, "", {each.code: _said(sums, figure, "", each) for each in (MS01, MC01)} | {"ledger": called}
    )
    for figure, report in (("collateral_quantity", MT01), *((flow, MP01) for flow in _FLOWS)):
        for asset in sorted({asset for name, asset, _ in sums if name == figure}):
            said = {each.code: _said(sums, figure, asset, each) for each in (report, ML01)}
            if any(said.values()):
                yield _compared(figure, asset, said)


def _said(sums: Told, figure: str, asset: str, report: Report) -> Decimal:
    return sums.get((figure, asset, report.code), Decimal(0))


def _sums(rows: pl.DataFrame, column: str, by: str) -> dict[str, Decimal]:
    """Sums of a printed column, by another one if given; an empty text adds nothing."""
    key = pl.col(by) if by else pl.lit("")
    stated = rows.filter(pl.col(column) != "").select(key=key, amount=column)
    groups = stated.group_by("key", maintain_order=True).agg("amount")
    return {name: total(map(Decimal, amounts)) for name, amounts in groups.iter_rows()}


def _compared(figure: str, asset: str, said: Mapping[str, Decimal]) -> Record:
    agrees = {"agrees": cell(len(set(said.values())) == 1)}
    return Record("report", figure, asset, {code: cell(amount) for code, amount in said.items()} | agrees)
