"""PB02: the cause sheets of a back-test's breaches, one page that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from tasks import drawing
from tasks.back_test import Judged
from tasks.drawing import Frame
from tasks.model.assurance.rate_path import RatePath
from tasks.rendering import render

_DAYS_AROUND = 60


def page(found: Judged) -> bytes:
    """The page: portfolios with their breaches in short, then a sheet of each breach by day."""
    request = found.tested.plan.request
    sheets = [{**row, "chart": Markup(chart(_path(found, row), row))} for row in found.exceptions.to_dicts()]
    return render(
        "exceptions",
        first=request.first,
        last=request.last,
        portfolios=found.summary.to_dicts(),
        sheets=sheets,
    )


def chart(path: RatePath, breach: Mapping[str, Any]) -> str:
    """Loss and margin of the days around a breach; breaches are dots."""
    at = int((np.datetime64(breach["date"], "D") - path.dates[0]).astype(np.int64))
    around = slice(max(at - _DAYS_AROUND, 0), at + _DAYS_AROUND + 1)
    dates, loss, rate = path.dates[around], np.maximum(path.loss[around], 0.0), path.rate[around]
    days = (dates - dates[0]).astype(np.int64).astype(np.float64)
    top = 1.1 * float(np.nanmax(np.append(loss, rate)))
    frame = Frame(720, 180, 40, 24, (0.0, float(days[-1]) or 1.0), (0.0, top))
    parts = [drawing.gridline(frame, level, f"{100 * level:.0f} %") for level in np.arange(0.0, top, 0.1)]
    months = [
        k
        for k, day in enumerate(dates)
        if k == 0 or day.astype("datetime64[M]") != dates[k - 1].astype("datetime64[M]")
    ]
    parts += [drawing.tick(frame, days[k], str(dates[k].astype("datetime64[M]"))) for k in months[1:]]
    for kind, series in (("loss", loss), ("margin", rate)):
        known = np.isfinite(series)
        parts.append(f'<g class="{kind}">{drawing.curve(frame, days[known], series[known])}</g>')
    breached = np.nan_to_num(loss) > np.nan_to_num(rate, nan=np.inf)
    parts.append(f'<g class="breach">{drawing.dots(frame, days[breached], loss[breached])}</g>')
    return drawing.svg(frame, f"{breach['portfolio']}: losses against margin around {breach['date']}", "chart", parts)


def _path(found: Judged, row: Mapping[str, Any]) -> RatePath:
    return found.tested.paths[row["policy_hash"]][row["portfolio"]]
