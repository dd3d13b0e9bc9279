"""PP04, the public instrument and calendar file: what is listed, and when each asset can next be settled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tasks import texts
from tasks.calendar import calendars
from tasks.envelope import timestamp
from tasks.reference import assets
from tasks.reports import PP04
from tasks.stage import Context
from tasks.texts import Row

_WINDOW = PP04.columns[-4:]


def instruments(context: Context) -> Iterator[Row]:
    """ASSET rows, then CONTRACT rows; each with the calendar of its (settlement) asset and its next window."""
    windows = {asset: _next_window(asset, context.run["as_of_ts"]) for asset in assets()}
    for asset, window in sorted(windows.items()):
        yield _row({"row_type": "ASSET", "id": asset} | window)
    for contract in texts.printed(context.query("out/pp04")).iter_rows(named=True):
        terms = {"row_type": "CONTRACT", "id": contract.pop("contract_id")} | contract
        yield _row(terms | windows.get(terms["settle_asset"], {}))


def _next_window(asset: str, as_of: datetime) -> dict[str, str]:
    """The window that is open, or opens next, after the cycle's own time; and the first instant to pay in it."""
    calendar = calendars()[assets()[asset].calendar_id]
    first = calendar.next_open(as_of)
    opens, closes = calendar.window(calendar.local_date(first))
    return dict(
        zip(_WINDOW, (calendar.calendar_id, timestamp(opens), timestamp(closes), timestamp(first)), strict=True)
    )


def _row(fields: dict[str, str]) -> Row:
    return tuple(fields.get(name, "") for name in PP04.columns)
