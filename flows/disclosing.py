"""The `levee disclose` commands: the quantitative disclosure of a quarter, and the validator of such a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import Common, Wait
from tasks import codes
from tasks.model.errors import Finding, LeveeError

if TYPE_CHECKING:
    from tasks.disclose import Disclosed

app = App(name="disclose", help="Disclosures generated from what was published.")


@app.command
def pqd(quarter: str, wait: Wait = 0.0, common: Common | None = None) -> int:
    """Make the quantitative disclosure (PQ01) of a quarter from the published end-of-day runs of this home.

    Items 4, 5.3, 6 and 17, each figure with the query or function it comes from; what the home cannot know yet is said
    to be missing, and why. The file is checked before it is written, and written only where it says something new.

    Parameters
    ----------
    quarter
        Such as 2026Q1.
    """
    from tasks.disclose import disclose
    from tasks.disclosure_period import quarter as named

    common = common or Common()
    home = common.open().prepare()
    with home.locked("disclose pqd", wait), printing.waiting(f"disclosing {quarter}"):
        made = disclose(home, named(quarter))
    common.show(made.as_dict(), lambda: _made(made))
    return codes.PUBLISHED


@app.command
def check(file: Path, common: Common | None = None) -> int:
    """Check a disclosure file: nothing missing, every value in the form of its unit, sums that are right.

    Parameters
    ----------
    file
        A file of PQ01.
    """
    from tasks.disclosure_check import check as wrong

    common = common or Common()
    common.open()
    if not file.is_file():
        raise LeveeError(Finding("UNKNOWN_ID", "no such file", where=str(file), action="name a file of PQ01"))
    findings = wrong(file.read_bytes())
    if findings:
        raise LeveeError(*findings)
    common.show({"fit": True, "file": str(file)}, lambda: f"fit to be published: {file}")
    return codes.PUBLISHED


def _made(made: Disclosed) -> Group:
    """Every figure with its value or that there is none, then one line."""
    table = Table(box=None, pad_edge=False)
    for name in ("item", "part", "unit"):
        table.add_column(name, no_wrap=True)
    table.add_column("figure", ratio=1)
    table.add_column("value", justify="right", ratio=1)
    for each in made.figures:
        item = each.item
        table.add_row(item.reference, each.part, item.unit, item.title, each.value or f"none: {each.reason}")
    state = "written" if made.written else "unchanged"
    line = (
        f"{made.quarter} v{made.version:02d} {state}: {made.reported} of {len(made.figures)} figures, "
        f"{printing.counted(made.days, 'day')}"
    )
    return Group(table, Text(f"{line}; {made.file}", overflow="fold"))
