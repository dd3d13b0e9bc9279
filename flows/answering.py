"""The `levee policy answer` command: the review a fired trigger asks for, by hand where no server starts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import Common, NoOrchestrator, User
from tasks import codes

_WAIT_SECONDS = 30.0


def answer(no_orchestrator: NoOrchestrator = False, user: User = "", common: Common | None = None) -> int:
    """Answer the triggers that fired: calibrate, draft what data contradict, test it, find its impact.

    Under `levee serve` the event of a trigger starts the same by itself. Nothing is put in force, and a trigger is
    answered once. History is that of LEVEE_MARKET_DATA_DIR.
    """
    from tasks import convert, decisions, policy_review, review_report
    from tasks.schedule import calibration_clock

    common = common or Common()
    home = common.read().prepare()
    market_data, who = convert.market_data_folder(), decisions.asking(user or None)
    with printing.waiting("answering triggers"):
        if no_orchestrator:
            coins = calibration_clock().coins
            found: Any = policy_review.answer(home, market_data, coins, who, _WAIT_SECONDS, _plainly)
        else:
            from flows.policy_review import policy_review as flow

            found = flow(home.root, market_data, user=who, wait_seconds=_WAIT_SECONDS)
    told = found if isinstance(found, dict) else {}
    folder = home.root / review_report.FOLDER / str(told.get("review_id", ""))
    common.show(told, lambda: _shown(told, f"{folder}/review.html"))
    return codes.PUBLISHED


def _plainly(step: Any, *given: Any) -> Any:
    return step(*given)


def _shown(told: Mapping[str, Any], page: str) -> Group | Text:
    """Triggers, what is drafted, where it stands."""
    if not told:
        return Text("no trigger is due: each was answered by a review before")
    table = Table("trigger", "subject", "run", box=None, pad_edge=False)
    for name in ("level", "fires above"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in told["triggers"]:
        figures = ("" if row[name] is None else f"{row[name]:.4g}" for name in ("level", "fires_above"))
        table.add_row(row["trigger_name"], row["subject"], row["run_id"], *figures)
    found, proposal = told["calibration"], told["proposal"]
    lines = [
        f"calibration {told['calibration_id']} as of {found['as_of']}: {len(found['proposed'])} parameters "
        f"contradicted, {found['kept']} kept, {len(found['left_out'])} not estimated ({found['file']})"
    ]
    lines += [f"{row['rule_id']}: {row['before']} to {row['after']}" for row in proposal["changes"]] if proposal else []
    lines += [f"{told['review_id']}: {told['said']}"]
    lines += [f"next: {proposal['next']}"] if proposal else []
    return Group(table, *(Text(line, overflow="fold") for line in (*lines, page)))
