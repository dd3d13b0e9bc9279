"""Commands that ask a second person: for a price, a position, a gap in days, a member's status, an override."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from flows.four_eyes import app, asking
from flows.options import Common, Cycle, Day, User, number_of
from tasks import codes

override_app = App(name="override", help="Margin that two persons add to a portfolio for some time.")


@app.command(name="ask-price")
def ask_price(
    contract: str,
    price: str,
    business_date: Day,
    reason: str,
    cycle: Cycle = "EOD",
    price_type: Annotated[str, Parameter(name="--type")] = "SETTLE",
    user: User = "",
    common: Common | None = None,
) -> int:
    """Ask that a price by hand takes the place of what is delivered, in one cycle.

    Parameters
    ----------
    contract
        Contract, or an index like BTC-USD.
    price
        Quote per unit.
    business_date
        Business date of the cycle.
    reason
        Why.
    price_type
        SETTLE, MARK, INDEX or FINAL.
    """
    from tasks import asked

    with asking(common) as (home, store, show):
        amount = number_of(price)
        show(asked.price(home, store, (business_date, cycle), contract, price_type, amount, user, reason))
    return codes.PUBLISHED


@app.command(name="ask-position")
def ask_position(
    member: str,
    account: str,
    contract: str,
    quantity: str,
    business_date: Day,
    reason: str,
    cycle: Cycle = "EOD",
    user: User = "",
    common: Common | None = None,
) -> int:
    """Ask that a position beyond its contract's open interest counts as it was delivered, in one cycle.

    Parameters
    ----------
    member
        Clearing member.
    account
        Margin account.
    contract
        Contract.
    quantity
        The quantity that is confirmed: contracts, without sign.
    business_date
        Business date of the cycle.
    reason
        Why.
    """
    from tasks import asked

    with asking(common) as (home, store, show):
        place, who = (business_date, cycle), (member, account)
        show(asked.position(home, store, place, who, contract, number_of(quantity), user, reason))
    return codes.PUBLISHED


@app.command(name="ask-gap")
def ask_gap(
    business_date: Day, reason: str, cycle: Cycle = "EOD", user: User = "", common: Common | None = None
) -> int:
    """Ask that a cycle follows the last published end of day although days between them are missing.

    Parameters
    ----------
    business_date
        Business date of the cycle.
    reason
        Why.
    """
    from tasks import asked

    with asking(common) as (home, store, show):
        show(asked.gap(home, store, (business_date, cycle), user, reason))
    return codes.PUBLISHED


@app.command(name="ask-status")
def ask_status(
    member: str, status: str, business_date: Day, reason: str, user: User = "", common: Common | None = None
) -> int:
    """Ask that a member has a status from a business date on, whatever is delivered.

    Parameters
    ----------
    member
        Clearing member.
    status
        ACTIVE, WATCH, SUSPENDED or DEFAULTED.
    business_date
        First business date it counts.
    reason
        Why.
    """
    from tasks import asked

    with asking(common) as (home, store, show):
        show(asked.member_status(home, store, business_date, member, status, user, reason))
    return codes.PUBLISHED


@app.command(name="ask-rating")
def ask_rating(
    member: str, level: int, business_date: Day, reason: str, user: User = "", common: Common | None = None
) -> int:
    """Ask that a member has a surveillance level from a business date on, whatever is delivered.

    Parameters
    ----------
    member
        Clearing member.
    level
        0 is normal; each level above is one credit step of the policy.
    business_date
        First business date it counts.
    reason
        Why.
    """
    from tasks import asked

    with asking(common) as (home, store, show):
        show(asked.member_rating(home, store, business_date, member, level, user, reason))
    return codes.PUBLISHED


@override_app.command(name="add")
def add_override(
    member: str,
    account: str,
    amount: str,
    first: date,
    last: date,
    review: date,
    reason: str,
    client: str = "",
    user: User = "",
    common: Common | None = None,
) -> int:
    """Ask for margin to be added to a portfolio; it acts once another person has approved it.

    Parameters
    ----------
    member
        Clearing member.
    account
        Margin account.
    amount
        USD, 0 or more.
    first
        First business date it acts on.
    last
        Last business date it may act on.
    review
        Day it is to be looked at again.
    reason
        Why; it stands on the statement.
    client
        Client of a gross account.
    """
    from tasks import overrides

    terms = {
        "clearing_member_id": member,
        "margin_account_id": account,
        "client_id": client,
        "amount_usd": number_of(amount),
        "first_date": first,
        "last_date": last,
        "review_date": review,
    }
    with asking(common) as (home, store, show):
        show(overrides.ask_to_add(home, store, terms, user, reason))
    return codes.PUBLISHED


@override_app.command(name="withdraw")
def withdraw_override(
    override: str, business_date: Day, reason: str, user: User = "", common: Common | None = None
) -> int:
    """Ask that an override acts no more from a business date on.

    Parameters
    ----------
    override
        Id of the override.
    business_date
        First business date it acts no more.
    reason
        Why.
    """
    from tasks import overrides

    with asking(common) as (home, store, show):
        show(overrides.ask_to_withdraw(home, store, override, business_date, user, reason))
    return codes.PUBLISHED


@override_app.command(name="list")
def list_overrides(common: Common | None = None) -> int:
    """List overrides that were approved, standing and withdrawn. Reads no database."""
    from tasks import overrides

    common = common or Common()
    found = overrides.listed(common.read())
    common.show(found, lambda: _overrides(found))
    return codes.PUBLISHED


def _overrides(found: Sequence[Mapping[str, Any]]) -> Table | Text:
    """One line per override."""
    if not found:
        return Text("no override was approved")
    names = ("override_id", "clearing_member_id", "margin_account_id", "client_id", "amount_usd")
    dates = ("first_date", "last_date", "review_date", "withdrawn_date")
    people = ("requested_by", "approved_by", "reason")
    titles = (
        "override",
        "member",
        "account",
        "client",
        "USD",
        "first",
        "last",
        "review",
        "withdrawn",
        "asked",
        "approved",
    )
    table = Table(*titles, "why", box=None, pad_edge=False)
    for each in found:
        table.add_row(*(str(each[name] or "") for name in (*names, *dates, *people)))
    return table
