"""OS01: the status board, one page in home/site that needs no server and no login. Never published.

Written after every stage of a cycle. It is a reader like any other: state files, exports, alerts, releases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tasks import account_back_test, account_zones, alerts, answers, board_figures, book_league_page, overview, slo
from tasks.home import Home, write_atomically
from tasks.rendering import render

PAGE = "board.html"
RECENT_CYCLES = 12
_WIDTH, _HEIGHT = 120, 26
_NAMES = {
    "initial_margin_usd": "Margin required",
    "variation_margin_usd": "Variation margin paid in",
    "calls_usd": "Called",
}


def write(home: Home, now: datetime | None = None) -> Path:
    """Write the board anew; a reader of the page sees the old one or the new one. Returns its path."""
    target = home.site / PAGE
    write_atomically(target, render("board", **content(home, now or datetime.now(UTC))))
    return target


def content(home: Home, now: datetime) -> dict[str, Any]:
    """All the page says. `current` is what somebody must look at: what runs, else the last cycle that began."""
    views = overview.cycles(home, now=now)
    current = _current(views)
    return {
        "written": now.isoformat(timespec="seconds"),
        "environment": home.environment,
        "current": current,
        "recent": list(reversed(views))[:RECENT_CYCLES],
        "decisions": answers.listed(home, only_open=True),
        "back_test": account_zones.zone(account_back_test.rows(home)),
        "league": book_league_page.last_told(home),
        "alerts": [alert for view in views for alert in view["blockers"]] + _tickets(home, views),
        **(_of_current(home, current, views) if current else _NOTHING),
    }


_NOTHING: Mapping[str, Any] = {
    "stages": [],
    "files": [],
    "members": {"members": 0, "done": 0, "held": 0},
    "sums": [],
    "calls": [],
    "calls_overdue": 0,
    "marks": {"by_quality": {}, "first": []},
    "overrides": [],
}


def _current(views: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    running = [view for view in views if view["running"]]
    return (running or views)[-1] if views else None


def _of_current(home: Home, current: Mapping[str, Any], views: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    run_id = current["run_id"]
    earlier = [
        view
        for view in views
        if view["cycle"] == current["cycle"] and view["state"] == "PUBLISHED" and view["run_id"] != run_id
    ]
    return {
        "stages": stages(current),
        "files": board_figures.files(home, current),
        "members": board_figures.members_done(home, current),
        "sums": [
            {**row, "name": _NAMES[row["name"]], "drawing": Markup(sparkline(row["series"]))}
            for row in board_figures.against_range(home, earlier, run_id)
        ],
        "calls": board_figures.top_calls(home, run_id),
        "calls_overdue": board_figures.calls_overdue(home, run_id),
        "marks": board_figures.marks_in_doubt(home, run_id),
        "overrides": board_figures.overrides(home, run_id),
    }


def _tickets(home: Home, views: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Alerts of kinds of cycles: warnings that stand until a cycle comes without them."""
    cycles = {view["cycle_id"] for view in views}
    return [alert for alert in alerts.standing(home) if alert["subject"] not in cycles]


def stages(view: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every stage of the procedure against its budget, done or not; `share` of the budget, at most 1."""
    done = {stage["stage"]: stage for stage in view["stages"]}
    running = view["stage"] if view["running"] else ""
    rows = []
    for name, budget in slo.objectives().budget_seconds.items():
        stage = done.get(name, {})
        seconds = stage.get("seconds")
        state = view["running"] if name == running else stage.get("state", "")
        rows.append(
            {
                "stage": name,
                "state": state,
                "seconds": seconds,
                "budget": budget,
                "kept": stage.get("kept", ""),
                "share": min(1.0, seconds / budget) if seconds is not None else 0.0,
            }
        )
    return rows


def sparkline(values: Sequence[Decimal]) -> str:
    """A small line of values in their order, the last one marked; nothing for a single value."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    spread = float(high - low) or 1.0
    step = _WIDTH / (len(values) - 1)
    points = [
        f"{at * step:.1f},{_HEIGHT - float(value - low) / spread * _HEIGHT:.1f}" for at, value in enumerate(values)
    ]
    x, y = points[-1].split(",")
    box, label = f"-3 -3 {_WIDTH + 6} {_HEIGHT + 6}", f"last {len(values)} cycles"
    return (
        f'<svg class="spark" viewBox="{box}" role="img" aria-label="{label}">'
        f'<polyline points="{" ".join(points)}"/><circle cx="{x}" cy="{y}" r="2.6"/></svg>'
    )
