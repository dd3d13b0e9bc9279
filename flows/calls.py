"""Commands about margin calls: what is open and how old it is, what happened to one, what a member answers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import Common, User, Wait, number_of
from tasks import codes

app = App(name="calls", help="Margin calls: the ledger, ageing, answers of members.")


@app.command(name="list")
def list_calls(
    business_date: Annotated[date | None, Parameter(name="--date")] = None,
    only_open: Annotated[bool, Parameter(name="--open")] = False,
    call: str | None = None,
    common: Common | None = None,
) -> int:
    """List calls in their latest versions with state and age; of one call every version, event and answer.

    Reads no database.

    Parameters
    ----------
    business_date
        Only of the cycles of a business date.
    only_open
        Only what is not met, replaced or given back.
    call
        Id of one call.
    """
    from tasks import calls

    common = common or Common()
    home = common.read()
    if call:
        told = calls.history(home, call)
        common.show(told, lambda: _history(told))
        return codes.PUBLISHED
    found = calls.listed(home, f"{business_date:%Y%m%d}" if business_date else None, only_open)
    common.show(found, lambda: _table(found))
    return codes.PUBLISHED


@app.command
def respond(
    call: str,
    answer: Annotated[str, Parameter(name="--type")],
    amount: str | None = None,
    user: User = "",
    reason: str = "",
    wait: Wait = 30.0,
    common: Common | None = None,
) -> int:
    """Record a member's answer to a call: what is not disputed stays due when it was.

    Parameters
    ----------
    call
        Id of the call.
    answer
        ACCEPT, PARTIAL_DISPUTE or FULL_DISPUTE.
    amount
        USD disputed, of a PARTIAL_DISPUTE.
    reason
        Why it is disputed.
    """
    from tasks import call_responses

    common = common or Common()
    home = common.open().prepare()
    disputed = None if amount is None else number_of(amount)
    with home.locked("calls respond", wait):
        recorded = call_responses.respond(home, call, answer, disputed, user, reason)
    common.show(recorded, lambda: _recorded(recorded))
    return codes.PUBLISHED


def _recorded(recorded: dict[str, Any]) -> Text:
    text = (
        f"{recorded['call_id']} v{recorded['call_version']} {recorded['response_type']}: "
        f"{recorded['due_usd']:,.2f} USD stay due {recorded['due_ts']:%Y-%m-%d %H:%M} UTC"
    )
    if recorded["disputed_usd"]:
        text += f"; {recorded['disputed_usd']:,.2f} USD disputed, to be settled by {recorded['query_by_date']}"
    return Text(text)


def _table(found: list[dict[str, Any]]) -> Group | Text:
    if not found:
        return Text("no calls")
    table = Table("call", "account", "state", "answer", box=None, pad_edge=False)
    for name in ("called", "change", "open", "disputed", "overdue", "days"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("due (UTC)")
    for row in found:
        amounts = (row["call_amount_usd"], row["increment_amount_usd"], row["open_usd"])
        aged = (row["disputed_usd"], row["overdue_usd"])
        table.add_row(
            f"{row['call_id']} v{row['call_version']}",
            row["margin_account_id"],
            f"{row['state']} {row['cause'] or ''}".rstrip(),
            row["answer"] or "none",
            *(f"{amount:,.2f}" for amount in amounts),
            *("" if amount is None else f"{amount:,.2f}" for amount in aged),
            "" if row["age_days"] is None else str(row["age_days"]),
            f"{row['due_ts']:%Y-%m-%d %H:%M}",
        )
    still = sum((row["open_usd"] for row in found if row["state"] not in ("SUPERSEDED", "WITHDRAWN")), Decimal(0))
    return Group(table, Text(f"{printing.counted(len(found), 'call')}, {still:,.2f} USD open"))


def _history(told: dict[str, Any]) -> Group:
    versions = Table("version", "state", "called", "change", "met", "due (UTC)", "why", "run", box=None, pad_edge=False)
    for row in told["versions"]:
        amounts = (f"{row[name]:,.2f}" for name in ("call_amount_usd", "increment_amount_usd", "met_amount_usd"))
        due = f"{row['due_ts']:%Y-%m-%d %H:%M}"
        versions.add_row(f"v{row['call_version']}", row["state"], *amounts, due, row["reason_code"], row["run_id"])
    events = Table("no", "version", "event", "USD", "by", "why", box=None, pad_edge=False)
    for row in told["events"]:
        by = row["user_name"] or row["run_id"]
        amount = f"{row['amount_usd']:,.2f}"
        events.add_row(str(row["event_no"]), f"v{row['call_version']}", row["event"], amount, by, row["reason"])
    return Group(Text(told["call_id"]), versions, Text(""), events)
