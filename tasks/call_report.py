"""OL01: the call ledger as a run leaves it, with the age of every call and what default management takes over."""

from __future__ import annotations

from tasks import texts
from tasks.printed_rows import records
from tasks.report_files import Header
from tasks.reports import OL01
from tasks.stage import Context


def files(context: Context, header: Header) -> dict[str, bytes]:
    """OL01 as CSV and JSON. States are those the run's release gives; times are of the cycle, never of a clock."""
    return header.table(
        OL01, "OPS", "ALL", *records([texts.printed_table(context.query("out/ol01").select(OL01.columns))])
    )
