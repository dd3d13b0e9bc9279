"""A cycle on trial: what it would ask for, shown beside what stands; nothing is let out."""

from __future__ import annotations

import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import Common
from tasks import codes
from tasks.dry_run import DryRun, dry_run
from tasks.home import Home


def run(
    common: Common, home: Home, business_date: date, cycle: str, challenger: Path | None, keep: Path | None = None
) -> int:
    """Compute a cycle in a home of its own, kept where asked, and print requirement and call of every account."""
    with (
        tempfile.TemporaryDirectory(prefix="levee-trial-") as folder,
        printing.waiting(f"trying {business_date} {cycle}"),
    ):
        scratch = Home((keep or Path(folder)).expanduser().resolve())
        found = dry_run(home, business_date, cycle, scratch, challenger)
    common.show(found.as_dict(), lambda: _accounts(found))
    return codes.PUBLISHED


def _accounts(found: DryRun) -> Group:
    table = Table("member", "account", box=None, pad_edge=False)
    figures = ("total_initial_margin_usd", "margin_call_amount_usd")
    names = [name for figure in figures for name in (f"standing_{figure}", figure)]
    for title in ("requirement stands", "on trial", "call stands", "on trial"):
        table.add_column(title, justify="right", no_wrap=True)
    total = found.total()
    for row in [
        *found.accounts.iter_rows(named=True),
        {"clearing_member_id": "total", "margin_account_id": ""} | total,
    ]:
        amounts = (_amount(row.get(name)) for name in names)
        table.add_row(row["clearing_member_id"], row["margin_account_id"], *amounts)
    beside = f"beside {found.standing_run_id}" if found.standing_run_id else "no run of the cycle to compare with"
    last = Text(f"{found.cycle_id} on trial, policy {found.policy_hash[:16]}, {beside}; USD. Nothing was let out.")
    return Group(table, last)


def _amount(value: Decimal | None) -> str:
    return "" if value is None else f"{value:,.2f}"
