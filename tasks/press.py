"""The press: packs of members printed from their rows, each proven to name nobody else, written, and hashed.

Needs no database: an order is printed by whichever process has it (tasks/printers.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from pathlib import Path

import polars as pl

from tasks import pack, statement_rows, texts
from tasks.call_notice import NOTICE_KEYS, notice
from tasks.correction import Correction
from tasks.crash import crash_point
from tasks.cross_report import Told, disagreements, told
from tasks.envelope import cell
from tasks.leak import Guard
from tasks.model.errors import Finding
from tasks.model.money import product, round_half_even, settlement_unit
from tasks.pack import Edition, Entry
from tasks.printed_rows import PrintedRows, records
from tasks.reference import assets
from tasks.reports import ACCOUNT_TABLES, MA01, MC01, MEMBER_TABLES, MP01, MS01, Report
from tasks.statement import STATEMENT_KEYS, Account, Printing, positions_of, statement
from tasks.statement_page import notice_page, statement_page
from tasks.texts import TableRows

Files = dict[str, bytes]
Tables = dict[tuple[str, str], TableRows]
_KEPT = 1 << 12


@dataclass(frozen=True)
class Order:
    """Members to print for: rows of their accounts (sql/out/account.sql) and of every report by code, in key order."""

    members: Sequence[str]
    accounts: pl.DataFrame
    tables: Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Copy:
    """A printed order: what was written, what its reports say in sum, or why nothing of it was written."""

    entries: Sequence[Entry] = ()
    told: Told | None = None
    faults: Sequence[Finding] = ()


@dataclass(frozen=True)
class Press:
    """Prints orders into a release's folder. `run` may be called for different orders at the same time.

    With a correction only those packs are written that change, while sums are over all.
    """

    guard: Guard
    printing: Printing
    folder: Path
    correction: Correction | None = None

    def run(self, order: Order) -> Copy:
        """Print an order. Nothing of it is written where its reports disagree or one of its packs names a stranger."""
        tables = {code: texts.printed_table(_with_settlement(rows, code)) for code, rows in order.tables.items()}
        by_member = _by_member(order, tables)
        faults = [fault for each in by_member.values() for account in each for fault in disagreements(account)]
        if faults:
            return Copy(faults=faults)
        packs = self._packs(order.members, by_member, tables)
        if self.correction:
            packs = self.correction.packs(packs)
        leaks = self.guard.scan(packs)
        if leaks:
            return Copy(faults=leaks)
        edition = self.printing.header.edition
        written = (write(f"{pack.MEMBERS}/{name}", edition, files, self.folder) for name, files in packs.items())
        entries = list(chain.from_iterable(written))
        return Copy(entries, told(chain.from_iterable(by_member.values())))

    def _packs(
        self,
        members: Sequence[str],
        accounts: Mapping[str, Sequence[Account]],
        tables: Mapping[str, TableRows],
    ) -> dict[str, Files]:
        """Every member and the files of its folder; the tables of all are printed together."""
        files: dict[str, Files] = {member: {} for member in members}
        everybody = [account for each in accounts.values() for account in each]
        for member, made in chain(self._submission_files(members, tables), self._account_files(everybody)):
            files[member] |= made
        return files

    def _submission_files(self, members: Sequence[str], tables: Mapping[str, TableRows]) -> Iterator[tuple[str, Files]]:
        """Each member's tables about what it delivered, and about a policy that is announced."""
        for report in (each for each in (*MEMBER_TABLES, MA01) if each.code in tables):
            own = {member: rows for (member, _), rows in _by_account(tables, report).items()}
            nothing = texts.no_rows(report.columns)
            printed = records([own.get(member, nothing) for member in members])
            for member, table in zip(members, printed, strict=True):
                yield member, self.printing.header.table(report, member, "ALL", table)

    def _account_files(self, accounts: Sequence[Account]) -> Iterator[tuple[str, Files]]:
        """Each account's member and files."""
        if not accounts:
            return
        for report in ACCOUNT_TABLES:
            printed = records([account.tables[report.code] for account in accounts])
            for account, table in zip(accounts, printed, strict=True):
                yield account.member, self.printing.header.table(report, account.member, account.account, table)
        books = positions_of(accounts)
        shown = statement_rows.positions([account.tables[MP01.code] for account in accounts])
        for account, positions, rows in zip(accounts, books, shown, strict=True):
            yield account.member, self._documents(account, positions, rows)

    def _documents(self, account: Account, positions: PrintedRows, shown: str) -> Files:
        """Statement and call notice of an account, in every form."""
        header, who = self.printing.header, (account.member, account.account)
        made, called = statement(account, positions, self.printing), notice(account, self.printing)
        pages = {MS01: statement_page(made, called, shown), MC01: notice_page(called)}
        files = header.document(MS01, *who, made, STATEMENT_KEYS) | header.document(MC01, *who, called, NOTICE_KEYS)
        return files | {header.edition.file_name(report.code, *who, "html"): page for report, page in pages.items()}


def write(audience: str, edition: Edition, files: Mapping[str, bytes], folder: Path) -> list[Entry]:
    """Write an audience's files and their manifest into its folder of a release."""
    place = folder / audience
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / name).write_bytes(content)
        crash_point("publish:file")
    entries = [Entry.of(name, content) for name, content in files.items()]
    (place / pack.MANIFEST).write_bytes(pack.manifest(audience, edition, entries))
    return [Entry(f"{audience}/{each.path}", each.sha256, each.size) for each in entries]


def _by_member(order: Order, tables: Mapping[str, TableRows]) -> dict[str, list[Account]]:
    """Every account with its printed rows, by member."""
    rows = {report.code: _by_account(tables, report) for report in ACCOUNT_TABLES}
    nothing = {report.code: texts.no_rows(report.columns) for report in ACCOUNT_TABLES}
    times = order.accounts.select("issued_ts", "due_ts").rows()
    found: dict[str, list[Account]] = {}
    for figures, (issued, due) in zip(texts.printed(order.accounts).iter_rows(named=True), times, strict=True):
        name = (figures["clearing_member_id"], figures["margin_account_id"])
        own = {code: each.get(name, nothing[code]) for code, each in rows.items()}
        found.setdefault(name[0], []).append(Account(figures, issued, due, own))
    return found


def _by_account(tables: Mapping[str, TableRows], report: Report) -> Tables:
    return texts.by_account(tables[report.code], report.columns)


def _with_settlement(rows: pl.DataFrame, code: str) -> pl.DataFrame:
    """Positions with the unit their flows were rounded to, and variation margin in USD for information."""
    if code != MP01.code:
        return rows
    units = {code: format(settlement_unit(asset.decimals), "f") for code, asset in assets().items()}
    unit = [units.get(asset, "") for asset in rows["settle_asset"]]
    in_usd = [_in_usd(*flow) for flow in rows.select("variation_margin", "settle_asset_price_usd").iter_rows()]
    return rows.with_columns(
        settlement_unit=pl.Series(unit, dtype=pl.String), variation_margin_usd=pl.Series(in_usd, dtype=pl.String)
    )


@lru_cache(_KEPT)
def _in_usd(amount: Decimal | None, price: Decimal | None) -> str:
    """An amount at a price, to the cent; options are all of them of none."""
    return "" if amount is None or price is None else cell(round_half_even(product(amount, price)))
