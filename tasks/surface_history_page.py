"""The history of the volatility surface as a page: drawings of each figure and of its one-day changes, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from tasks import drawing, surface_history
from tasks.home import write_atomically
from tasks.model.arrays import Dates, Floats
from tasks.model.market.surface_history import STRESS, UNKNOWN
from tasks.rendering import render
from tasks.surface_history import TENORS, Surfaces

_LINES = 4  # most gridlines of a drawing
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_FIGURES = (
    ("level", "Level: volatility at the money, percent", 100.0),
    ("skew", "Skew: slope at the money per unit of k/\u2060√T, points of volatility", 100.0),
    ("curvature", "Curvature at the money per unit of k/\u2060√T squared, points of volatility", 100.0),
)
_TERM = "Term: the shortest tenor over the longest, percent in logarithms"
_CHANGES = {"level": "percent", "term": "percent"}


def write(found: Sequence[Surfaces], path: Path) -> None:
    """Write the page."""
    write_atomically(path, page(found))


def page(found: Sequence[Surfaces]) -> bytes:
    """The page of every underlying."""
    groups = [_group(each) for each in found]
    return render(
        "surface_history",
        stressed=any(each["regime"] == STRESS for each in groups),
        first=_day(found[0].history.dates[0]),
        last=_day(found[0].history.dates[-1]),
        groups=groups,
        tenors=[f"{tenor:.0f} days" for tenor in TENORS],
        shares=_shares(len(TENORS)),
    )


def _group(of: Surfaces) -> dict[str, Any]:
    stressed = [day for day, word in zip(_days(of.history.dates), of.regimes, strict=True) if word == STRESS]
    return {
        "name": of.underlying,
        "regime": next((word for word in reversed(of.regimes) if word != UNKNOWN), UNKNOWN),
        "stressed": stressed,
        "charts": list(_charts(of)),
        "changes": [_printed(row) for row in surface_history.distribution(of)],
    }


def _charts(of: Surfaces) -> Iterator[dict[str, Any]]:
    """Each figure by day, beside its one-day changes."""
    dates = of.history.dates
    for name, title, scale in _FIGURES:
        values, changes = scale * getattr(of.history, name), 100.0 * getattr(of.shocks, name)
        yield _pair(f"{of.underlying} {title}", dates, values, changes, _CHANGES.get(name, "points"))
    term, change = 100.0 * of.history.term[:, None], 100.0 * of.shocks.term[:, None]
    yield _pair(f"{of.underlying} {_TERM}", dates, term, change, "percent")


def _pair(title: str, dates: Dates, values: Floats, changes: Floats, unit: str) -> dict[str, Any]:
    return {
        "title": title,
        "line": Markup(by_day(title, dates, values)),
        "bars": Markup(by_size(f"{title}: one-day changes, {unit}", changes)),
        "unit": unit,
        "tenors": values.shape[1],
    }


def by_day(title: str, dates: Dates, values: Floats) -> str:
    """Lines (n, m) by day, one for each column; a hole parts a line."""
    at = (dates - dates[0]).astype(np.float64)
    frame = drawing.Frame(480, 200, 40, 26, (0.0, max(float(at[-1]), 1.0)), _range(values))
    parts = [*_gridlines(frame), *_day_ticks(frame, dates)]
    for column, share in zip(values.T, _shares(values.shape[1]), strict=True):
        known = np.isfinite(column)
        runs = np.split(np.flatnonzero(known), np.flatnonzero(np.diff(np.flatnonzero(known)) > 1) + 1)
        lines = "".join(drawing.curve(frame, at[run], column[run]) for run in runs if len(run))
        parts.append(_tenor(share, lines + drawing.dots(frame, at[known], column[known])))
    return drawing.svg(frame, title, "chart", parts)


def by_size(title: str, changes: Floats) -> str:
    """Every change (n, m) as a dot at its size, one row for each column."""
    m = changes.shape[1]
    low, high = _range(np.append(changes, 0.0))
    frame = drawing.Frame(480, 34.0 * m + 40, 40, 26, (low, high), (-0.5, m - 0.5))
    parts = [drawing.tick(frame, value, _label(value)) for value in _levels(low, high)]
    for row, share in enumerate(_shares(m)):
        known = changes[np.isfinite(changes[:, row]), row]
        place = np.full(len(known), float(m - 1 - row))
        parts.append(_tenor(share, drawing.dots(frame, known, place)))
    return drawing.svg(frame, title, "chart", parts)


def _tenor(share: str, drawn: str) -> str:
    """In the colour of a tenor; what is of none has one of its own."""
    return f'<g class="slice" style="--at:{share}">{drawn}</g>' if share else f'<g class="slice none">{drawn}</g>'


def _gridlines(frame: drawing.Frame) -> list[str]:
    return [drawing.gridline(frame, value, _label(value)) for value in _levels(*frame.y)]


def _day_ticks(frame: drawing.Frame, dates: Dates) -> list[str]:
    """Some four days, evenly apart."""
    days = int(frame.x[1])
    step, first = max(days // 3, 1), dates[0].astype("datetime64[D]").item()
    return [drawing.tick(frame, at, f"{first + timedelta(days=at):%d %b}") for at in range(0, days + 1, step)]


def _levels(low: float, high: float) -> list[float]:
    step = next((each for each in _STEPS if (high - low) / each <= _LINES), _STEPS[-1])
    return [step * each for each in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _range(values: Floats) -> tuple[float, float]:
    """Range of the known values with some air; around zero where there is none."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (-1.0, 1.0)
    air = 0.08 * (high - low) or 1.0
    return low - air, high + air


def _label(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _shares(count: int) -> list[str]:
    """Where each of the tenors lies between the colours; nowhere what is no tenor but made of all."""
    return [f"{100 * at / (count - 1):.0f}%" for at in range(count)] if count > 1 else [""]


def _printed(row: dict[str, Any]) -> dict[str, str]:
    """A row of the distribution as the table shows it, in hundredths."""
    tenor = row["tenor_days"]
    sizes = {name: f"{100.0 * row[name]:+.1f}".replace("-", "−") for name in ("fall", "rise")}
    return {
        "figure": row["figure"],
        "tenor": f"{tenor:.0f}" if tenor else "",
        "changes": str(row["changes"]),
        "deviation": f"{100.0 * row['deviation']:.1f}",
        **sizes,
        "fall_date": row["fall_date"],
        "rise_date": row["rise_date"],
    }


def _day(day: np.datetime64) -> str:
    return str(day.astype("datetime64[D]"))


def _days(dates: Dates) -> list[str]:
    return [_day(each) for each in dates]
