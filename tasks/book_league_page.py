"""The league on the book of a home as a page of its site, and the few lines of it that the status board shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
from markupsafe import Markup, escape

from tasks import book_league, drawing
from tasks.book_league import FOLDER, Told
from tasks.drawing import Frame
from tasks.home import Home, write_atomically
from tasks.model.assurance.book_league import NIGHT
from tasks.rendering import render

PAGE, SUMMARY = "league.html", "league.json"
DAYS = 365  # of nights on the page
_ROW = 26.0


def bring_up_to_date(home: Home) -> Told:
    """Margin the nights of a year that do not stand yet, and write page and summary. Raises as `book_league.nights`."""
    last = max(day for day, _ in book_league.nights(home, date.min, date.max))
    found = book_league.told(home, last - timedelta(days=DAYS), last)
    write_atomically(home.site / PAGE, page(found))
    write_atomically(home.root / FOLDER / SUMMARY, json.dumps(summary(found), indent=1).encode())
    return found


def last_told(home: Home) -> Mapping[str, Any] | None:
    """What the board shows: the last summary, None before the first."""
    path = home.root / FOLDER / SUMMARY
    found: Mapping[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found


def summary(found: Told) -> dict[str, Any]:
    """Days, nights left out, and each model: account nights, breaches, margin over the house's."""
    dates = sorted(set(found.nights[NIGHT[0]]))
    return {
        "first": str(dates[0]) if dates else "",
        "last": str(dates[-1]) if dates else "",
        "nights": len(dates),
        "left_out": list(found.asked.left_out),
        "models": found.models.select("model", "nights", "judged", "breaches", "of_champion").to_dicts(),
        "page": PAGE,
    }


def page(found: Told) -> bytes:
    """The page: models beside the house, and what each asked night by night."""
    rows = found.models.to_dicts()
    return render(
        "book_league",
        told=summary(found),
        models=rows,
        chart=Markup(chart(rows)) if rows else "",
        names=[row["model"] for row in rows],
        nights=_by_night(found.nights, [row["model"] for row in rows]),
    )


def chart(rows: Sequence[Mapping[str, Any]]) -> str:
    """What each model asks over what the house does, one line a model; hollow and in words where it was breached."""
    known = [row for row in rows if row["of_champion"] is not None]
    most = max([1.0, *(row["of_champion"] for row in known)])
    frame = Frame(720, 34 + _ROW * len(known), 110, 26, (0.0, 1.15 * most), (float(len(known)), 0.0), right=90)
    step = 0.5 if most <= 3.0 else 1.0 if most <= 8.0 else most / 5.0
    parts = [drawing.tick(frame, at * step, f"{at * step:g} ×") for at in range(int(1.15 * most / step) + 1)]
    parts += [_line(frame, place, row) for place, row in enumerate(known)]
    return drawing.svg(frame, "Margin over the house's margin, by model", "chart", parts)


def _line(frame: Frame, place: int, row: Mapping[str, Any]) -> str:
    x, y = frame.across(row["of_champion"]), frame.up(place + 0.5)
    kind = "champion" if place == 0 else "short" if row["breaches"] else "covers"
    said = f"{row['breaches']} of {row['judged']} breached" if row["judged"] else "no loss known yet"
    return (
        f'<g class="{kind}"><text class="level" x="{frame.left - 8}" y="{y + 4:.1f}">{escape(row["model"])}</text>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        f'<text class="first" x="{x + 10:.1f}" y="{y + 4:.1f}">{said}</text></g>'
    )


def _by_night(nights: pl.DataFrame, names: Sequence[str]) -> list[dict[str, Any]]:
    """Latest first: margin in USD and breaches of each model, None where it has no figure that night."""
    summed = nights.group_by(NIGHT[0], "model").agg(
        pl.col("margin_usd").sum(), pl.col("breached").sum(), judged=pl.col("breached").count()
    )
    of = {(row[NIGHT[0]], row["model"]): row for row in summed.iter_rows(named=True)}
    days = sorted(set(nights[NIGHT[0]]), reverse=True)
    return [{"date": day, "models": [of.get((day, name)) for name in names]} for day in days]
