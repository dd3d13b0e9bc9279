"""Reports against each other: the same figure read off every report that prints it, account by account and in sum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from tasks.envelope import cell
from tasks.model.errors import Finding
from tasks.model.money import total
from tasks.report_files import Record
from tasks.reports import MC01, ML01, MP01, MR01, MS01, MT01, Report
from tasks.statement import Account

Told = Mapping[tuple[str, str, str], Decimal]
"""A sum by figure, asset (empty for USD) and the report it was read off."""
_OTHER = {"initial_margin_usd": MR01, "total_initial_margin_usd": MR01, "collateral_post_haircut_value_usd": MT01}
"""The report that prints a figure of the statement too."""
_USD = [""]
_NOTHING = {"", *(f"0.{'0' * digits}" for digits in (2, 8, 18))}
"""Texts that add nothing to a sum: most flows of a position are such."""
_NO_USD, _NO_ASSET = Decimal("0.00"), Decimal(0)
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


def told(accounts: Iterable[Account]) -> Told:
    """Sums of printed figures; but for calls, of no HELD account."""
    amounts: dict[tuple[str, str, str], list[str]] = {}
    for account in accounts:
        for figure, report, assets, texts in _read(account):
            for asset, text in zip(assets, texts, strict=True):
                if text not in _NOTHING:
                    amounts.setdefault((figure, asset, report.code), []).append(text)
    return {what: total(map(Decimal, each)) for what, each in amounts.items()}


def _read(account: Account) -> Iterator[tuple[str, Report, Sequence[str], Sequence[str]]]:
    """Figure, report, assets and amounts, wherever an account's reports print one that another prints too."""
    figures, positions, ledger = account.figures, account.tables[MP01.code], account.ledger
    yield "margin_call_amount_usd", MS01, _USD, [figures["margin_call_amount_usd"]]
    yield "margin_call_amount_usd", MC01, _USD, [figures["call_amount_usd"]]
    if figures["account_status"] == "HELD":
        return
    of_others = _amounts(account)
    for name, report in _OTHER.items():
        yield name, MS01, _USD, [figures[name]]
        yield name, report, _USD * len(of_others[name]), of_others[name]
    held = account.collateral
    yield "collateral_quantity", MT01, [row["asset"] for row in held], [row["quantity"] for row in held]
    for figure, movement in {"collateral_quantity": "CLOSE", **_FLOWS}.items():
        entries = [row for row in ledger if row["movement_type"] == movement]
        yield figure, ML01, [row["asset"] for row in entries], [row["amount"] for row in entries]
    for figure in _FLOWS:
        yield figure, MP01, positions.column("settle_asset"), positions.column(figure)


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
    for figure, other in _OTHER.items():
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
    return sums.get((figure, asset, report.code), _NO_ASSET if asset else _NO_USD)


def _compared(figure: str, asset: str, said: Mapping[str, Decimal]) -> Record:
    agrees = {"agrees": cell(len(set(said.values())) == 1)}
    return Record("report", figure, asset, {code: cell(amount) for code, amount in said.items()} | agrees)
