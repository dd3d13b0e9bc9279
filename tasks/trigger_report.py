"""PT01: risk of each underlying and of the house as margin sees it, and every trigger of a policy review."""

from __future__ import annotations

from tasks import texts
from tasks.printed_rows import records
from tasks.report_files import Header
from tasks.reports import PT01
from tasks.stage import Context


def files(context: Context, header: Header) -> dict[str, bytes]:
    """PT01 as CSV and JSON."""
    return header.table(
        PT01, "OPS", "ALL", *records([texts.printed_table(context.query("out/pt01").select(PT01.columns))])
    )
