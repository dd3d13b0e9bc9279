"""Commands that look at runs without touching them: why two of them differ, and what one rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import Common
from tasks import codes

_TITLES = {"requirement_before_usd": "requirement before", "requirement_after_usd": "after"}
_TITLES |= {"call_before_usd": "call before", "call_after_usd": "after"}


def diff(before: str, after: str, common: Common | None = None) -> int:
    """Why two runs ask for different amounts: per member and cause, summing to the difference. Reads no database.

    Parameters
    ----------
    before
        A run that came as far as its calls, as `levee cycle status` names it.
    after
        Another one, of the same cycle or of another day.
    """
    from tasks import run_diff

    common = common or Common()
    home = common.open()
    with printing.waiting(f"comparing {before} and {after}"):
        found = run_diff.diff(home, before, after)
    common.show(
        run_diff.as_dict(before, after, found),
        lambda: _table(run_diff.by_member(found), run_diff.total(found), f"{before} to {after}"),
    )
    return codes.PUBLISHED


def evidence(
    run_id: str,
    out: Path | None = None,
    with_inputs: bool = False,
    common: Common | None = None,
) -> int:
    """Collect what a run rests on in a folder that proves itself: `python verify.py` in it. Reads no database.

    Parameters
    ----------
    run_id
        The run, as `levee cycle status` names it.
    out
        Folder to write; evidence/<run> of the home by default.
    with_inputs
        Add the delivered files themselves.
    """
    from tasks import evidence as proof

    common = common or Common()
    home = common.open()
    target = out.expanduser().resolve() if out else home.root / "evidence" / run_id
    with printing.waiting(f"collecting the evidence of {run_id}"):
        folder = proof.collect(home, run_id, target, with_inputs)
    common.show({"run_id": run_id, "folder": str(folder)}, lambda: f"evidence of {run_id}: {folder} (python verify.py)")
    return codes.PUBLISHED


def _table(members: Mapping[str, Mapping[str, Decimal]], total: Mapping[str, Decimal], title: str) -> Group:
    """Requirement and its causes, then the call and its own; columns of causes that act nowhere are left out."""
    from tasks.run_diff import CAUSES, REQUIREMENT_CAUSES

    rows = {**members, "total": total}
    legs = [cause for cause in CAUSES if cause not in REQUIREMENT_CAUSES]
    requirement = ["requirement_before_usd", *_acting(REQUIREMENT_CAUSES, rows), "requirement_after_usd"]
    call = ["call_before_usd", "REQUIREMENT", *_acting(legs, rows), "call_after_usd"]
    changes = {
        name: {**row, "REQUIREMENT": row["requirement_after_usd"] - row["requirement_before_usd"]}
        for name, row in rows.items()
        if row
    }
    return Group(_lines(changes, requirement), _lines(changes, call), Text(f"{title}; USD"))


def _acting(causes: Sequence[str], rows: Mapping[str, Mapping[str, Decimal]]) -> list[str]:
    return [cause for cause in causes if any(row.get(cause) for row in rows.values())]


def _lines(rows: Mapping[str, Mapping[str, Decimal]], names: Sequence[str]) -> Table:
    table = Table("member", box=None, pad_edge=False)
    for name in names:
        table.add_column(_TITLES.get(name, name.lower()), justify="right", no_wrap=True)
    for member, row in rows.items():
        table.add_row(member, *(f"{row[name]:,.2f}" for name in names))
    return table


COMMANDS: tuple[Callable[..., int], ...] = (diff, evidence)
