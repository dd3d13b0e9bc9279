"""RG01, the day for the authorities: margin, cash flows and positions of every account. It names everybody.

Reference: Code of Federal Regulations, title 17, section 39.19(c)(1) and appendix C to part 39 (daily reporting).
"""

from __future__ import annotations

import polars as pl

from tasks import texts
from tasks.model.money import USD, exact, product, round_half_even, total
from tasks.printed_rows import csv_lines
from tasks.report_files import Header
from tasks.reports import RG01
from tasks.stage import Context

CYCLE = "EOD"
_ROWS_AT_ONCE = 1 << 15  # the texts of a large house's rows would fill the memory


def files(context: Context, header: Header) -> dict[str, bytes]:
    """The report by file name; none of a cycle that ends no day."""
    if context.key.cycle != CYCLE:
        return {}
    rows = _in_usd(context.query("out/rg01")).select(RG01.columns)
    parts = map(texts.printed_table, rows.iter_slices(_ROWS_AT_ONCE))
    lines = ["\n".join(csv_lines(part)) for part in parts]
    size = total(exact(rows[name].abs().sum()) for name in RG01.control)
    return {header.edition.file_name(RG01.code, "REG", "ALL", "csv"): header.csv(RG01, lines, size)}


def _in_usd(rows: pl.DataFrame) -> pl.DataFrame:
    """Cash flows at the price of the day, half to even, alike for both signs; the other lines carry their own USD."""
    flows = rows.filter(pl.col("row_type") == "CASH_FLOW").select("amount", "price_usd").rows()
    worth = pl.Series([round_half_even(product(*flow)) for flow in flows], dtype=USD)
    is_flow = rows["row_type"] == "CASH_FLOW"
    amounts = rows["amount_usd"].cast(USD).scatter(is_flow.arg_true(), worth)
    return rows.with_columns(amount_usd=amounts)
