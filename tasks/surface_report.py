"""PP02 and PP03, the public price and surface files: tables as CSV and JSON, the surface as a page too."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tasks import surface_page, texts
from tasks.model.market.svi import Svi
from tasks.printed_rows import PrintedRows, records
from tasks.report_files import Header
from tasks.reports import GRID_HUNDREDTHS, PP02, PP03, Report
from tasks.stage import Context

_PARAMETERS = ("svi_a", "svi_b", "svi_rho", "svi_mu", "svi_s")


def files(context: Context, header: Header) -> dict[str, bytes]:
    """Every file of both reports by name."""
    prices, surface = context.query("out/pp02"), context.query("out/pp03")
    rows = _rows(PP03, with_grid(surface))
    page = surface_page.page(header.fields(PP03), list(rows.rows), surface, context.query("out/pp03_quotes"))
    return (
        header.table(PP02, "PUBLIC", "ALL", _rows(PP02, prices))
        | header.table(PP03, "PUBLIC", "ALL", rows)
        | {header.edition.file_name(PP03.code, "PUBLIC", "ALL", "html"): page}
    )


def with_grid(surface: pl.DataFrame) -> pl.DataFrame:
    """Slices with the volatility at every log-moneyness of the grid, fraction per sqrt(year)."""
    k = np.array(GRID_HUNDREDTHS) / 100.0
    volatility = np.array([implied_volatility(row, k) for row in surface.iter_rows(named=True)]).reshape(-1, len(k))
    names = PP03.columns[-len(k) :]
    return surface.with_columns(pl.Series(name, volatility[:, at]) for at, name in enumerate(names))


def implied_volatility(row: dict[str, Any], log_moneyness: Any) -> Any:
    """Fraction per sqrt(year) of a slice's row at ln(strike / forward)."""
    variance = Svi(*(row[name] for name in _PARAMETERS)).total_variance(log_moneyness)
    return np.sqrt(np.maximum(variance, 0.0) / row["years_to_expiry"])


def _rows(report: Report, frame: pl.DataFrame) -> PrintedRows:
    (printed,) = records([texts.printed_table(frame.select(report.columns))])
    return printed
