"""The volatility surface as a page: total variance by expiry, each smile with the quotes it was fitted to, a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup

from tasks import drawing
from tasks.model.arrays import DAYS_PER_YEAR, Floats
from tasks.model.market.certificate import RANGE
from tasks.model.market.svi import Svi
from tasks.rendering import render
from tasks.reports import PP03
from tasks.texts import Rows

_CURVE_POINTS = 121


@dataclass(frozen=True)
class Smile:
    """A slice and the quotes (q,) beside it, by log-moneyness."""

    underlying: str
    expiry: datetime
    years: float
    svi: Svi
    k: Floats
    volatility: Floats

    def variance(self, k: Floats) -> Floats:
        """Total variance of the slice."""
        return np.maximum(self.svi.total_variance(k), 1e-12)

    @property
    def days(self) -> float:
        """Days to expiry."""
        return self.years * DAYS_PER_YEAR


def page(header: Mapping[str, str], rows: Rows, surface: pl.DataFrame, quotes: pl.DataFrame) -> bytes:
    """PP03 as a page. `rows` are the printed ones, `surface` and `quotes` the same slices and quotes as figures."""
    records = [dict(zip(PP03.columns, row, strict=True)) for row in rows]
    smiles = _smiles(surface, quotes)
    groups = [
        _group(name, list(of_name), [record for record in records if record["underlying"] == name])
        for name, of_name in groupby(smiles, key=lambda each: each.underlying)
    ]
    flagged = sum(record["method"] != "SVI" for record in records)
    failed = sum(record["certified"] != "TRUE" for record in records)
    return render("surface", header=header, groups=groups, slices=len(records), flagged=flagged, failed=failed)


def _group(name: str, smiles: Sequence[Smile], records: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What the page shows of one underlying."""
    share = [f"{100 * at / max(len(smiles) - 1, 1):.0f}%" for at in range(len(smiles))]
    return {
        "name": name,
        "chart": Markup(variance_chart(name, smiles, share)),
        "smiles": [
            {
                "expiry": smile.expiry,
                "days": f"{smile.days:.1f}" if smile.days < 10 else f"{smile.days:.0f}",
                "at": at,
                "drawing": Markup(smile_chart(smile)),
                "record": record,
            }
            for smile, at, record in zip(smiles, share, records, strict=True)
        ],
    }


def _smiles(surface: pl.DataFrame, quotes: pl.DataFrame) -> list[Smile]:
    found = {
        key: (np.array([np.log(row[2] / row[3]) for row in rows]), np.array([row[4] for row in rows]))
        for key, grouped in groupby(quotes.iter_rows(), key=lambda row: (row[0], row[1]))
        for rows in [list(grouped)]
    }
    nothing = np.zeros(0), np.zeros(0)
    return [
        Smile(
            row["underlying"],
            row["expiry_ts"],
            row["years_to_expiry"],
            Svi(*(row[f"svi_{name}"] for name in ("a", "b", "rho", "mu", "s"))),
            *found.get((row["underlying"], row["expiry_ts"]), nothing),
        )
        for row in surface.iter_rows(named=True)
    ]


def variance_chart(name: str, smiles: Sequence[Smile], share: Sequence[str]) -> str:
    """All slices of an underlying over the certified range, total variance by its decades; dots are quotes."""
    k = np.linspace(-RANGE, RANGE, _CURVE_POINTS)
    levels = [np.log10(smile.variance(k)) for smile in smiles]
    low, high = float(min(np.min(each) for each in levels)), float(max(np.max(each) for each in levels))
    frame = drawing.Frame(480, 380, 50, 44, (-RANGE, RANGE), (low - 0.1, high + 0.1))
    decades = range(int(np.ceil(frame.y[0])), int(np.floor(frame.y[1])) + 1)
    parts = [drawing.gridline(frame, exponent, f"{10.0**exponent:g}") for exponent in decades]
    parts += [
        drawing.tick(frame, at, f"{at:+.1f}".replace("-", "−") if at else "0")
        for at in (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
    ]
    for smile, level, at in zip(smiles, levels, share, strict=True):
        near = np.abs(smile.k) <= RANGE
        dots = drawing.dots(frame, smile.k[near], np.log10(smile.volatility[near] ** 2 * smile.years))
        parts.append(f'<g class="slice" style="--at:{at}">{drawing.curve(frame, k, level)}{dots}</g>')
    parts.append(
        f'<text class="axis" x="{frame.width / 2:.0f}" y="{frame.height - 6:.0f}">log-moneyness ln(K/F)</text>'
    )
    return drawing.svg(frame, f"{name}: total variance by expiry", "chart", parts)


def smile_chart(smile: Smile) -> str:
    """One slice over the quoted strikes and a little beyond, in volatility; dots are quotes."""
    reach = 2.0 * float(np.sqrt(smile.variance(np.zeros(1))[0]))
    low, high = (float(smile.k[0]), float(smile.k[-1])) if len(smile.k) else (-reach, reach)
    edge = 0.06 * (high - low) or reach
    k = np.linspace(low - edge, high + edge, _CURVE_POINTS)
    volatility = 100.0 * np.sqrt(smile.variance(k) / smile.years)
    seen = np.concatenate([volatility, 100.0 * smile.volatility])
    span = max(float(np.ptp(seen)), 4.0)
    middle = (float(np.max(seen)) + float(np.min(seen))) / 2.0
    frame = drawing.Frame(200, 130, 30, 22, (float(k[0]), float(k[-1])), (middle - 0.56 * span, middle + 0.56 * span))
    step = next(each for each in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if span / each <= 4)
    levels = range(int(np.ceil(frame.y[0] / step)) * step, int(frame.y[1]) + 1, step)
    parts = [drawing.gridline(frame, level, f"{level}") for level in levels]
    ticks = [at for at in (low, 0.0, high) if frame.x[0] <= at <= frame.x[1]]
    parts += [drawing.tick(frame, at, f"{at:+.2f}".replace("-", "−") if at else "0") for at in _apart(frame, ticks)]
    dots = drawing.dots(frame, smile.k, 100.0 * smile.volatility)
    parts.append(f'<g class="slice">{drawing.curve(frame, k, volatility)}{dots}</g>')
    return drawing.svg(
        frame, f"{smile.underlying} {smile.expiry:%d %b %Y}: volatility in percent by log-moneyness", "smile", parts
    )


def _apart(frame: drawing.Frame, ticks: Sequence[float]) -> list[float]:
    """Ticks whose labels do not run into each other, the money first."""
    kept: list[float] = []
    for tick in sorted(ticks, key=lambda each: (each != 0.0, each)):
        if all(abs(frame.across(tick) - frame.across(other)) > 46 for other in kept):
            kept.append(tick)
    return sorted(kept)
