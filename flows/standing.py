"""What a person sees of `levee cycle status`: one screen, the cycles that want something with what they want."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

SHOWN = 12
_STYLE = {"PUBLISHED": "green", "BLOCKED": "red", "HUNG": "red"}


def statuses(views: Sequence[Mapping[str, Any]], holder: Mapping[str, Any] | None) -> Group:
    """The last cycles, what the unfinished ones wait for, and who holds the home."""
    if not views:
        return Group(Text("no cycle was started in this home"), _holder(holder))
    shown = views[-SHOWN:]
    lines = [line for view in shown for line in _wants(view)]
    left_out = [Text(f"{len(views) - SHOWN} earlier cycles: --date D or --json")] if len(views) > SHOWN else []
    return Group(*left_out, _table(shown), *lines, _holder(holder))


def _table(views: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(
        "cycle", "run", "state", "stage", "seconds", "held", "findings", "next", "owner", box=None, pad_edge=False
    )
    for view in views:
        state = view["running"] or view["state"]
        counted = " ".join(f"{row['severity']}:{row['code']}×{row['rows']}" for row in view["findings"]) or "none"
        table.add_row(
            f"{view['business_date']} {view['cycle']}",
            view["run_id"],
            Text(state, style=_STYLE.get(state, "yellow")),
            view["stage"],
            f"{sum(stage['seconds'] for stage in view['stages']):.1f}",
            str(view["held"]),
            Text(counted, overflow="fold"),  # a code is read whole
            view["next"],
            view["owner"],
        )
    return table


def _wants(view: Mapping[str, Any]) -> Iterator[Text]:
    """What is in a cycle's way, what was slow, and when it will be out."""
    if view["state"] != "PUBLISHED":
        for alert in view["blockers"]:
            met = f", met {alert['count']} times" if alert["count"] > 1 else ""
            yield Text(
                f"{view['cycle_id']} {alert['code']}: {alert['what']} · {alert['places']} place(s) since "
                f"{alert['first']}{met} · {alert['owner']} · next: {alert['action']} · {alert['runbook']}"
            )
        yield Text(f"{view['cycle_id']} {_outlook(view)}")
    for stage in view["stages"]:
        if stage["kept"] != "WITHIN":
            yield Text(
                f"{view['cycle_id']} SLO_WARN: {stage['stage']} took {stage['seconds']:.1f} s "
                f"of {stage['budget_seconds']:g} s"
            )
    yield from (Text(f"{view['cycle_id']} STALE: {what}") for what in view["stale"])


def _outlook(view: Mapping[str, Any]) -> str:
    if view["eta"]:
        return f"is expected out at {view['eta']}"
    return f"stands still; about {view['seconds_left']:.0f} s of work are left once it goes on"


def _holder(holder: Mapping[str, Any] | None) -> Text:
    if not holder:
        return Text("nobody is writing to this home")
    doing = " ".join(str(holder.get(name) or "") for name in ("command", "run_id", "stage"))
    return Text(f"{holder['state']}: {doing} (pid {holder.get('pid')} since {holder.get('started')})")
