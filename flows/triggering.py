"""What makes the house look at its policy: `levee triggers`, `levee surfaces` and their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import COINS, Common, coins_of
from tasks import codes
from tasks.model.errors import Finding, LeveeError

_REACHED = (("largest_multiplier", ".2f"), ("days_to_largest", "d"), ("steps", "d"))
_MARK = {"FIRED": "F", "STANDS": "s", "ENDED": "e"}


def triggers(
    days: Annotated[tuple[date, ...], Parameter(name="--date")] = (),
    first: Annotated[date | None, Parameter(name="--from")] = None,
    last: Annotated[date | None, Parameter(name="--to")] = None,
    coins: str = COINS,
    policy: Path | None = None,
    common: Common | None = None,
) -> int:
    """What the triggers said about given days of the daily history (LEVEE_MARKET_DATA_DIR), or how often over a span.

    Parameters
    ----------
    days
        Days whose surroundings are shown, and the jump of margin in steps; may be given several times.
    first
        First day of a span over which they are counted.
    last
        Last day of it.
    coins
        Coins that are watched, and in equal notional the house.
    policy
        Policy file; the home's policy in force on the last day by default.
    """
    from tasks import convert, policy_store, trigger_history
    from tasks import triggers as declared

    common = common or Common()
    home = common.read().prepare()
    asked_for = [*days, *(day for day in (first, last) if day)]
    if not asked_for or (first is None) != (last is None):
        raise LeveeError(Finding("USAGE", "name a day or a span", action="--date D, or --from D --to D"))
    chosen = policy_store.load(policy) if policy else policy_store.in_force(home, max(asked_for))
    asked = trigger_history.Asked(days, coins_of(coins), chosen)
    folder, terms = convert.market_data_folder(), declared.terms()
    with printing.waiting("looking back"):
        found = trigger_history.around(folder, asked, terms)
        found["counted"] = trigger_history.counted(folder, asked, terms, first, last) if first and last else []
    parts = [*(part for each in found["days"] for part in _day(each)), *_counted(found["counted"])]
    common.show(found, lambda: Group(*parts))
    return codes.PUBLISHED


def surfaces(
    first: Annotated[date | None, Parameter(name="--from")] = None,
    last: Annotated[date | None, Parameter(name="--to")] = None,
    page: Path | None = None,
    common: Common | None = None,
) -> int:
    """How the volatility surface moved over this home's published ends of day: shocks and regime. Reads no database.

    Parameters
    ----------
    first
        First day; the first published one by default.
    last
        Last day.
    page
        File to write the page of it to.
    """
    from tasks import surface_history, surface_history_page

    common = common or Common()
    found = surface_history.read(common.open(), first, last)
    if page:
        surface_history_page.write(found, page)
    common.show(surface_history.as_dict(found), lambda: _changes(surface_history.as_dict(found), page))
    return codes.PUBLISHED


def _changes(found: Mapping[str, Any], page: Path | None) -> Group:
    """One-day changes of each figure, and the regime of the last day."""
    table = Table("underlying", "figure", box=None, pad_edge=False)
    for name in ("tenor", "changes", "deviation", "fall", "on", "rise", "on"):
        table.add_column(name, justify="right", no_wrap=True)
    for underlying, each in found.items():
        for row in each["changes"]:
            sizes = (
                f"{row['deviation']:.4f}",
                f"{row['fall']:+.4f}",
                row["fall_date"],
                f"{row['rise']:+.4f}",
                row["rise_date"],
            )
            table.add_row(underlying, row["figure"], _figure(row["tenor_days"], ".0f"), str(row["changes"]), *sizes)
    regimes = "; ".join(
        f"{name} {each['days'][-1]['regime']} on {each['days'][-1]['date']}" for name, each in found.items()
    )
    return Group(table, Text(regimes), Text(f"page: {page}" if page else "--page FILE draws it"))


def _day(found: Mapping[str, Any]) -> list[Any]:
    legend = "F fired, s stands, e ended; empty: not known"
    return [
        Text(f"\n{found['day']}  levels by day ({legend})"),
        _levels(found["said"]),
        Text(""),
        _jumps(found["jumps"]),
    ]


def _counted(rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    """How often each trigger fired and stood; nothing where no span was asked for."""
    table = Table("subject", "trigger", box=None, pad_edge=False)
    for name in ("days known", "fired", "days it stood", "largest", "on"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        figures = (str(row["days"]), str(row["fired"]), str(row["stood"]), f"{row['largest']:.2f}")
        table.add_row(row["subject"], row["trigger"], *figures, row["largest_date"].isoformat())
    return [table] if rows else []


def _levels(rows: Sequence[Mapping[str, Any]]) -> Table:
    """One line per subject and trigger, one column per day."""
    table = Table("subject", "trigger", box=None, pad_edge=False)
    for day in sorted({row["date"] for row in rows}):
        table.add_column(f"{day:%m-%d}", justify="right", no_wrap=True)
    for key, of_trigger in groupby(rows, key=itemgetter("subject", "trigger")):
        table.add_row(*key, *(_level(row) for row in of_trigger))
    return table


def _level(row: Mapping[str, Any]) -> str:
    level = "" if row["level"] is None else f"{row['level']:.2f}"
    return f"{level} {_MARK.get(row['state'], ' ')}"


def _jumps(rows: Sequence[Mapping[str, Any]]) -> Table:
    """What margin let through as it stood, raised at once and by steps."""
    table = Table("portfolio", "margin", box=None, pad_edge=False)
    for name in ("largest multiplier", "after days", "steps", "days judged", "breaches", "uncovered", "mean rate"):
        table.add_column(name, justify="right")
    for row in rows:
        reached = (_figure(row[name], form) for name, form in _REACHED)
        days = row["observations"]
        found = (str(row["breaches"]), f"{row['uncovered']:.4f}", f"{row['mean_rate']:.4f}") if days else ("", "", "")
        table.add_row(row["portfolio"], row["margin"], *reached, str(days), *found)
    return table


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


COMMANDS: tuple[Callable[..., int], ...] = (triggers, surfaces)
