"""Publish: print what every member, the public and operations get, and take it out in one atomic release.

Manages its own transactions: the release is final before it is on disk, and on disk before it is recorded as out.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import ceil
from pathlib import Path

import polars as pl

from tasks import (
    announced,
    attempts,
    in_force,
    pack,
    parameters,
    press,
    regulator_report,
    reissue,
    release,
    resources,
    stage,
)
from tasks.correction import Correction
from tasks.crash import crash_point
from tasks.cross_report import added
from tasks.envelope import cell
from tasks.home import Home
from tasks.key import CycleKey
from tasks.leak import Guard, words
from tasks.model.errors import Finding, LeveeError, ReconciliationError
from tasks.pack import Edition, Entry
from tasks.press import Files, Order, Press
from tasks.printers import printers
from tasks.rendering import template_sources
from tasks.report_files import Header
from tasks.reports import ACCOUNT_TABLES, MA01, MEMBER_TABLES
from tasks.stage import Context, Receipt
from tasks.statement import Printing
from tasks.store import Store, threads

_ACCOUNTS_AT_ONCE = 32
_WORTH_PROCESSES = 400
"""Accounts from which on the start of processes is sooner repaid than not: each loads its libraries for a second."""


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
    """Write every audience's files. Raises ReconciliationError where reports disagree or one names a stranger."""
    correction = _correction(context, header)
    guard = Guard(context.query("out/party").rows(), _house_words(context))
    public = parameters.public_files(context, header)
    _require_none(guard.scan({"": public}))
    entries = _changed(correction, pack.PUBLIC, public, header, folder)
    guard.said_to_all.update(*(words(content) for content in public.values()))
    accounts = context.query("out/account")
    copies = []
    with printers(
        Press(guard, _printing(context, header, correction), folder, correction), _processes(accounts)
    ) as run:
        # Before the orders, which fill the memory until the last of them is printed.
        entries += _changed(correction, pack.REGULATOR, regulator_report.files(context, header), header, folder)
        for copy in run(_orders(context, accounts)):
            copies.append(copy)
            crash_point("publish:rendering")
    _require_none([fault for copy in copies for fault in copy.faults])
    entries += [entry for copy in copies for entry in copy.entries]
    return entries + press.write(pack.OPS, header.edition, _ops_files(context, header, copies), folder)


def _changed(correction: Correction | None, audience: str, files: Files, header: Header, folder: Path) -> list[Entry]:
    """Write an audience's files, unless there are none or they say what is in force."""
    is_news = correction is None or correction.changes(audience, files)
    return press.write(audience, header.edition, files, folder) if files and is_news else []


def _ops_files(context: Context, header: Header, copies: Sequence[press.Copy]) -> Files:
    return parameters.ops_files(context, header, added(copy.told for copy in copies if copy.told))


def _require_none(faults: Sequence[Finding]) -> None:
    if faults:
        raise ReconciliationError(*faults)


def _house_words(context: Context) -> set[bytes]:
    """Words the house says to everybody: its own texts and the names of contracts."""
    reference = (path.read_text(encoding="utf-8") for path in sorted(resources.data("reference").glob("*.toml")))
    own = "\n".join([template_sources(), *reference, *(resources.sql(name) for name in resources.sql_names(""))])
    contracts = context.store.read(
        "SELECT contract_id FROM book.contract WHERE run_id = $run_id", {"run_id": context.key.run_id}
    )
    return set(words("\n".join([own, *contracts["contract_id"]]).encode()))


def _correction(context: Context, header: Header) -> Correction | None:
    """What the release replaces of its cycle; None where it is the first one."""
    edition = header.edition
    if edition.version == 1:
        return None
    root = (context.home.published / edition.folder).parent
    return Correction(header, in_force.before(context.store, root, context.key.cycle_id, edition.version))


def _printing(context: Context, header: Header, correction: Correction | None) -> Printing:
    run = {name: cell(value) for name, value in context.run.items()}
    minutes = str(context.policy.call.minimum_funding_minutes)
    replaced = reissue.superseded(context.store, context.key)
    if correction is None or replaced is None:
        return Printing(header, run, minutes)
    versions = correction.in_force.versions.items()
    supersedes = {audience.rpartition("/")[2]: version for audience, version in versions}
    return Printing(header, run, minutes, supersedes, " ".join(reissue.causes(context.store, context.run, replaced)))


def _processes(accounts: pl.DataFrame) -> int:
    """As many as there are cores, and none that would find no order."""
    if accounts.height < _WORTH_PROCESSES:
        return 1
    return min(threads() or os.cpu_count() or 1, ceil(accounts.height / _ACCOUNTS_AT_ONCE))


def _orders(context: Context, accounts: pl.DataFrame) -> Iterator[Order]:
    """Every member that has an account or delivered something, some accounts at a time."""
    delivered = {report.code: context.query(f"out/{report.code.lower()}") for report in MEMBER_TABLES}
    members = sorted({member for rows in (accounts, *delivered.values()) for member in rows["clearing_member_id"]})
    order_of = _grouped(members, Counter(accounts["clearing_member_id"]))
    tables = {code: _parts(rows, order_of) for code, rows in delivered.items()}
    told = _announced(context)
    if told is not None:
        tables[MA01.code] = _parts(told, order_of)
    for report in ACCOUNT_TABLES:  # one after the other: all of them twice would fill the memory
        tables[report.code] = _parts(context.query(f"out/{report.code.lower()}"), order_of)
    for number, rows in _parts(accounts, order_of).items():
        own = [member for member in members if order_of[member] == number]
        yield Order(own, rows, {code: parts[number] for code, parts in tables.items()})


def _announced(context: Context) -> pl.DataFrame | None:
    """Rows of MA01 where a policy is announced. A stage of the procedure cannot import who runs the procedure."""
    if context.slice(announced.TABLE).is_empty():
        return None
    from tasks import announced_margin

    return announced_margin.printed(context)


def _grouped(members: Sequence[str], accounts: Mapping[str, int]) -> dict[str, int]:
    """A number for each member: members in a row share one until they have enough accounts together."""
    before = accumulate((accounts.get(member, 0) for member in members), initial=0)
    return {member: count // _ACCOUNTS_AT_ONCE for member, count in zip(members, before, strict=False)}


def _parts(rows: pl.DataFrame, order_of: Mapping[str, int]) -> dict[int, pl.DataFrame]:
    """Rows, ordered by member, cut by the number of their member; they share the memory of all."""
    numbers = pl.Series([order_of[member] for member in rows["clearing_member_id"]], dtype=pl.Int64)
    wanted = pl.Series(sorted(set(order_of.values())), dtype=pl.Int64)
    starts, ends = numbers.search_sorted(wanted, "left"), numbers.search_sorted(wanted, "right")
    return {number: rows[start:end] for number, start, end in zip(wanted, starts, ends, strict=True)}
