"""Commands over many days: run them one after another, and compute one of them again."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Literal

from flows import printing
from flows.options import Common, Day, First, Inbox, Last, NoOrchestrator, Wait
from flows.running import run_cycle
from tasks import codes
from tasks.home import Home


def backfill(
    first: First,
    last: Last,
    source: Literal["inbox", "deribit-chain"] = "inbox",
    seed: int = 1,
    inbox: Inbox = None,
    no_orchestrator: NoOrchestrator = False,
    wait: Wait = 0.0,
    common: Common | None = None,
) -> int:
    """Run end-of-day cycles day by day; days that are out are left alone, the first that fails ends it.

    Parameters
    ----------
    first
        First business date.
    last
        Last business date.
    source
        inbox: the days are delivered. deribit-chain: each is converted just before its cycle.
    seed
        Seed of the converted book.
    """
    from tasks import backfill as days
    from tasks import convert

    common = common or Common()
    home = common.open(inbox).prepare()
    deliver = days.deribit_chain(home, convert.market_data_folder(), seed) if source != "inbox" else lambda day: None
    run = partial(run_cycle, common, home, cycle="EOD", orchestrate=not no_orchestrator, wait_seconds=wait)
    done = []
    for outcome in days.march(home, days.days(first, last), deliver, run):
        done.append(outcome)
        if not common.as_json:
            printing.paper().print(printing.day(outcome))
    common.show(done, lambda: printing.span(done))
    return codes.PUBLISHED


def summary(
    first: First,
    last: Last,
    docs: Path | None = None,
    seed: int = 1,
    common: Common | None = None,
) -> int:
    """Sum up published days: a figure per day, a picture, and who paid for the last fall. Reads no database.

    Parameters
    ----------
    first
        First business date.
    last
        Last business date.
    docs
        Folder to write real-month.md and real-month.svg to, besides the page site/march.html of the home.
    seed
        Seed of the converted book: it knows what kind of member trades in which account.
    """
    from tasks import backfill as days
    from tasks import month, month_page
    from tasks.home import write_atomically

    common = common or Common()
    home = common.open()
    found = month.figures(home, days.days(first, last), seed)
    written = {home.site / "march.html": month_page.page(found)}
    if docs:
        written[docs / "real-month.svg"] = month_page.drawing(found)
        written[docs / "real-month.md"] = month_page.markdown(found, "real-month.svg")
    for path, content in written.items():
        write_atomically(path, content.encode())
    common.show([month.as_dict(day) for day in found], lambda: "\n".join(f"written: {path}" for path in written))
    return codes.PUBLISHED


def l2_book(
    business_date: Day,
    inbox: Inbox = None,
    common: Common | None = None,
) -> int:
    """Rebuild a day's level-two order books of LEVEE_MARKET_DATA_DIR as the dataset book_depth of this home."""
    from tasks import convert, convert_l2

    common = common or Common()
    home = common.open(inbox).prepare()
    with printing.waiting(f"rebuilding the books of {business_date.isoformat()}"):
        report = convert_l2.l2_book(home, business_date, convert.market_data_folder())
    common.show(report.as_dict(), report.text)
    return codes.PUBLISHED


def replay(
    run_id: str,
    verify: bool = False,
    keep: Path | None = None,
    common: Common | None = None,
) -> int:
    """Compute a published run again from its archived files and its predecessor's tables, in a home of its own.

    Parameters
    ----------
    run_id
        The run, as `levee cycle status` names it.
    verify
        End with exit code 30 where one file comes out differently.
    keep
        Folder to replay in, kept; a temporary one by default.
    """
    from tasks import replay as again

    common = common or Common()
    home = common.open()
    with tempfile.TemporaryDirectory(prefix="levee-replay-") as folder, printing.waiting(f"replaying {run_id}"):
        done = again.replay(home, run_id, Home((keep or Path(folder)).expanduser().resolve()))
    if verify:
        done.require_identical()
    common.show(done.as_dict(), done.text)
    return codes.PUBLISHED
