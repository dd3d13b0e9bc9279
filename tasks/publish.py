"""Publish: print what every member, the public and operations get, and take it out in one atomic release.

Manages its own transactions: the release is final before it is on disk, and on disk before it is recorded as out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from tasks import attempts, pack, parameters, release, reports, resources, stage, texts
from tasks.crash import crash_point
from tasks.envelope import cell
from tasks.home import Home
from tasks.key import CycleKey
from tasks.leak import Guard, words
from tasks.model.errors import Finding, LeveeError, ReconciliationError
from tasks.model.money import product, round_half_even, settlement_unit, total
from tasks.pack import Edition, Entry
from tasks.printed_rows import PrintedRows, records
from tasks.reference import assets
from tasks.report_files import Header
from tasks.reports import ACCOUNT_TABLES, MC01, MEMBER_TABLES, MP01, MR01, MS01, MT01
from tasks.stage import Context, Receipt
from tasks.statement import NOTICE_KEYS, STATEMENT_KEYS, Account, Printing, notice, positions_of, statement
from tasks.statement_page import notice_page, statement_page, template_sources
from tasks.store import Store
from tasks.texts import TableRows

Files = dict[str, bytes]
Packs = dict[str, tuple[str, Files]]
"""Member (empty: everybody) and files by audience."""
_AHEAD = 3
_BATCH_BYTES = 8_000_000
_MEMBERS_AT_ONCE = 50


def publish(home: Home, key: CycleKey) -> Receipt:
    """Release the run's reports, or finish what an interrupted attempt left of it. Raises LeveeError."""
    with Store(home.database) as store:
        home.renew_lease("cycle", key.run_id, "publish")
        crash_point("publish:begin")
        release.recover(home, store)
        for prepared in release.unfinished(store, home, key):
            _release(home, store, prepared.key)
        standing = stage.receipt(store, key, "publish")
        if not standing:
            attempts.begin(store, key, "publish")
            _release(home, store, key)
        release.finish(home, store, release.published(store, home, key))
        rows = (standing or stage.receipt(store, key, "publish") or Receipt(key.run_id, "publish", {})).rows
    return Receipt(key.run_id, "publish", rows, resumed=standing is not None)


def _release(home: Home, store: Store, key: CycleKey) -> None:
    context = stage.open_context(home, store, key)
    if context.run["state"] != "APPROVED":
        raise LeveeError(
            Finding(
                "WAITING",
                "the run is not approved",
                where=key.run_id,
                value=context.run["state"],
                limit="APPROVED",
                action="finish the cycle with `levee cycle run`",
            )
        )
    edition = Edition(context.run["env"], key.business_date, key.cycle, release.version_of(store, key))
    header = Header(edition, context.run["as_of_ts"], context.run["origin"])
    with stage.blocking_what_is_refused(home, store, key, "publish"):
        release.release(home, store, key, edition, lambda folder: _render(context, header, folder))


def _render(context: Context, header: Header, folder: Path) -> list[Entry]:
    """Write every audience's files, each proven to name nobody else before it touches the disk.

    One thread prints while one other searches, hashes and writes what is printed, much of it outside the interpreter.
    """
    guard = Guard(context.query("out/party").iter_rows(), _house_words(context))
    public = parameters.public_files(context, header)
    entries = _let_out(guard, {pack.PUBLIC: ("", public)}, folder)
    guard.said_to_all.update(word for content in public.values() for word in words(content))
    members = _accounts(context)
    with ThreadPoolExecutor(1) as writer:
        written: list[Future[list[Entry]]] = []
        for packs in _batches(_packs(members, _submissions(context, members), _printing(context, header))):
            written.append(writer.submit(_let_out, guard, packs, folder))
            written[max(0, len(written) - _AHEAD)].result()  # no more packs in memory than are on their way to disk
            crash_point("publish:rendering")
    entries += [entry for batch in written for entry in batch.result()]
    return entries + _write(pack.OPS, _ops_files(context, header, members), folder)


def _packs(
    members: Mapping[str, Sequence[Account]], submissions: Mapping[str, Mapping[str, TableRows]], printing: Printing
) -> Iterator[tuple[str, Files]]:
    """Every member and the files of its folder; the tables of some members are printed together."""
    names = list(submissions)
    for start in range(0, len(names), _MEMBERS_AT_ONCE):
        some = names[start : start + _MEMBERS_AT_ONCE]
        files: dict[str, Files] = {member: {} for member in some}
        accounts = [account for member in some for account in members.get(member, ())]
        for member, made in chain(
            _submission_files(some, submissions, printing.header), _account_files(accounts, printing)
        ):
            files[member] |= made
        yield from files.items()


def _batches(packs: Iterable[tuple[str, Files]]) -> Iterator[Packs]:
    """Packs by audience, some megabytes of them at a time."""
    batch: Packs = {}
    size = 0
    for member, files in packs:
        batch[f"{pack.MEMBERS}/{member}"] = (member, files)
        size += sum(map(len, files.values()))
        if size > _BATCH_BYTES:
            yield batch
            batch, size = {}, 0
    if batch:
        yield batch


def _let_out(guard: Guard, packs: Packs, folder: Path) -> list[Entry]:
    """Write packs that name nobody else. Raises ReconciliationError LEAK where one does."""
    leaks = guard.scan(dict(packs.values()))
    if leaks:
        raise ReconciliationError(*leaks)
    return [entry for audience, (_, files) in packs.items() for entry in _write(audience, files, folder)]


def _house_words(context: Context) -> set[bytes]:
    """Words the house says to everybody: its own texts and the names of contracts."""
    reference = (path.read_text(encoding="utf-8") for path in sorted(resources.data("reference").glob("*.toml")))
    own = "\n".join([template_sources(), *reference, *(resources.sql(name) for name in resources.sql_names(""))])
    contracts = context.store.read(
        "SELECT contract_id FROM book.contract WHERE run_id = $run_id", {"run_id": context.key.run_id}
    )
    return set(words("\n".join([own, *contracts["contract_id"]]).encode()))


def _write(audience: str, files: Files, folder: Path) -> list[Entry]:
    (folder / audience).mkdir(parents=True)
    for name, content in files.items():
        (folder / audience / name).write_bytes(content)
        crash_point("publish:file")
    return [Entry.of(f"{audience}/{name}", content) for name, content in files.items()]


def _printing(context: Context, header: Header) -> Printing:
    run = {name: cell(value) for name, value in context.run.items()}
    return Printing(header, run, str(context.policy.call.minimum_funding_minutes))


def _accounts(context: Context) -> dict[str, list[Account]]:
    """Every account with its printed rows, by member. Raises ReconciliationError where reports would disagree."""
    tables = {report.code: texts.by_account(texts.printed(frame), report.columns) for report, frame in _frames(context)}
    frame = context.query("out/account")
    times = frame.select("issued_ts", "due_ts").rows()
    found: dict[str, list[Account]] = {}
    for row, (issued, due) in zip(texts.printed(frame).iter_rows(named=True), times, strict=True):
        name = (row["clearing_member_id"], row["margin_account_id"])
        rows = {report.code: tables[report.code].get(name, texts.table(report.columns)) for report in ACCOUNT_TABLES}
        found.setdefault(name[0], []).append(Account(row, issued, due, rows))
    faults = [fault for accounts in found.values() for account in accounts for fault in disagreements(account)]
    if faults:
        raise ReconciliationError(*faults)
    return found


def _frames(context: Context) -> Iterator[tuple[reports.Report, pl.DataFrame]]:
    for report in ACCOUNT_TABLES:
        frame = context.query(f"out/{report.code.lower()}")
        yield report, _with_settlement(frame) if report is MP01 else frame


def _with_settlement(positions: pl.DataFrame) -> pl.DataFrame:
    """Positions with the unit their flows were rounded to, and variation margin in USD for information."""
    units = {code: format(settlement_unit(asset.decimals), "f") for code, asset in assets().items()}
    flows = positions.select("variation_margin", "settle_asset_price_usd").rows()
    in_usd = [
        "" if None in (amount, price) else cell(round_half_even(product(amount, price))) for amount, price in flows
    ]
    unit = [units.get(asset, "") for asset in positions["settle_asset"]]
    return positions.with_columns(
        settlement_unit=pl.Series(unit, dtype=pl.String), variation_margin_usd=pl.Series(in_usd, dtype=pl.String)
    )


def disagreements(account: Account) -> Iterator[Finding]:
    """Where the statement, requirement, collateral and call of an account do not say the same."""
    figures, where = account.figures, f"{account.member} {account.account}"
    if not figures["account_status"]:
        yield Finding(
            "CROSS_REPORT", "an account has no margin result", where=where, action="find why the call stage left it out"
        )
        return
    requirement = account.rows(MR01)
    told = {
        "initial_margin_usd": [row["amount_usd"] for row in requirement if row["row_type"] == "LINE"],
        "total_initial_margin_usd": [
            row["amount_usd"]
            for row in requirement
            if row["row_type"] == "PORTFOLIO" and row["item"] == "TOTAL_INITIAL_MARGIN"
        ],
        "collateral_post_haircut_value_usd": [row["post_haircut_value_usd"] for row in account.rows(MT01)],
        "collateral_counted_value_usd": [row["counted_value_usd"] for row in account.rows(MT01)],
        "margin_call_amount_usd": [figures["call_amount_usd"] or "0"],
    }
    for name, amounts in told.items():
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


def _submissions(context: Context, members: Mapping[str, Any]) -> dict[str, dict[str, TableRows]]:
    """Tables about what a member delivered, by member in key order and report code; every member with an account."""
    tables: dict[str, dict[str, TableRows]] = {member: {} for member in members}
    for report in MEMBER_TABLES:
        frame = texts.printed(context.query(f"out/{report.code.lower()}"))
        for (member, _), rows in texts.by_account(frame, report.columns).items():
            tables.setdefault(member, {})[report.code] = rows
    return dict(sorted(tables.items()))


def _ops_files(context: Context, header: Header, members: Mapping[str, Sequence[Account]]) -> Files:
    return parameters.ops_files(context, header, [account for accounts in members.values() for account in accounts])


def _submission_files(
    members: Sequence[str], submissions: Mapping[str, Mapping[str, TableRows]], header: Header
) -> Iterator[tuple[str, Files]]:
    """Each member's tables about what it delivered."""
    for report in MEMBER_TABLES:
        nothing = texts.table(report.columns)
        tables = records([submissions[member].get(report.code, nothing) for member in members])
        for member, table in zip(members, tables, strict=True):
            yield member, header.table(report, member, "ALL", table)


def _account_files(accounts: Sequence[Account], printing: Printing) -> Iterator[tuple[str, Files]]:
    """Each account's member and files."""
    if not accounts:
        return
    for report in ACCOUNT_TABLES:
        tables = records([account.tables[report.code] for account in accounts])
        for account, table in zip(accounts, tables, strict=True):
            yield account.member, printing.header.table(report, account.member, account.account, table)
    for account, positions in zip(accounts, positions_of(accounts), strict=True):
        yield account.member, _documents(account, positions, printing)


def _documents(account: Account, positions: PrintedRows, printing: Printing) -> Files:
    """Statement and call notice of an account, in every form."""
    header, who = printing.header, (account.member, account.account)
    made, called = statement(account, positions, printing), notice(account, printing)
    pages = {MS01: statement_page(made, called), MC01: notice_page(called)}
    files = header.document(MS01, *who, made, STATEMENT_KEYS) | header.document(MC01, *who, called, NOTICE_KEYS)
    return files | {header.edition.file_name(report.code, *who, "html"): page for report, page in pages.items()}
