"""What one person asks a second one for, before a cycle is computed from it: a price, a position, a gap, a status.

Each request names its cycle, so that it acts there and nowhere else.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from tasks import decisions, freeze, policy_store
from tasks.decisions import Decision
from tasks.home import Home
from tasks.inbox import check_cycle
from tasks.model.errors import Finding, LeveeError
from tasks.store import Store

PRICE_TYPES = ("SETTLE", "MARK", "INDEX", "FINAL")
STATUSES = ("ACTIVE", "WATCH", "SUSPENDED", "DEFAULTED")
_PRICE_DIGITS, _QUANTITY_DIGITS = 10, 8


def price(
    home: Home, store: Store, place: tuple[date, str], contract_id: str, price_type: str, amount: Decimal, *asker: str
) -> Decision:
    """Ask that a price (quote per unit, above zero) takes the place of what is delivered in one cycle.

    asker: user (empty: whoever is logged in) and reason. Raises LeveeError USAGE.
    """
    _one_of("price type", price_type, PRICE_TYPES)
    _fits("price", amount, _PRICE_DIGITS)
    subject = {"contract_id": contract_id, "price_type": price_type, "price": f"{amount:f}"}
    return _ask(home, store, "MANUAL_PRICE", place, subject, *asker)


def position(
    home: Home,
    store: Store,
    place: tuple[date, str],
    account: tuple[str, str],
    contract_id: str,
    quantity: Decimal,
    *asker: str,
) -> Decision:
    """Ask that a position beyond the open interest counts as delivered: contracts, the larger of long and short.

    account: member and margin account. Raises LeveeError USAGE.
    """
    _fits("quantity", quantity, _QUANTITY_DIGITS)
    member, margin_account = account
    subject = {
        "clearing_member_id": member,
        "margin_account_id": margin_account,
        "contract_id": contract_id,
        "quantity": f"{quantity:f}",
    }
    return _ask(home, store, "POSITION_CONFIRMED", place, subject, *asker)


def gap(home: Home, store: Store, place: tuple[date, str], *asker: str) -> Decision:
    """Ask that a cycle follows its predecessor over missing days. Raises LeveeError USAGE where none is missing."""
    business_date, _ = place
    previous = freeze.predecessor(store, business_date)
    if previous is None or not freeze.days_missing(previous, business_date):
        raise LeveeError(
            Finding("USAGE", "no end of day is missing before it", value=str(business_date), action="run the cycle")
        )
    about = freeze.follows_over(previous, *place)
    return _ask(home, store, "PRIOR_CYCLE_MISSING", place, about, *asker)


def member_status(home: Home, store: Store, since: date, member: str, status: str, *asker: str) -> Decision:
    """Ask that a member has a status from a business date on, whatever is delivered. Raises LeveeError USAGE."""
    _one_of("status", status, STATUSES)
    return _ask(home, store, "MEMBER_STATUS", (since, ""), {"clearing_member_id": member, "status": status}, *asker)


def member_rating(home: Home, store: Store, since: date, member: str, level: int, *asker: str) -> Decision:
    """Ask that a member has a surveillance level from a business date on, whatever is delivered; a score that is worse
    still counts. Raises LeveeError USAGE for a level without a credit step."""
    steps = policy_store.in_force(home, since, store).credit.step_fraction
    _one_of("surveillance level", str(level), tuple(map(str, range(len(steps)))))
    subject = {"clearing_member_id": member, "status": str(level)}
    return _ask(home, store, "MEMBER_RATING", (since, ""), subject, *asker)


def _ask(
    home: Home, store: Store, kind: str, place: tuple[date, str], about: dict[str, str], user: str, reason: str
) -> Decision:
    business_date, cycle = place
    subject: dict[str, Any] = {"business_date": business_date.isoformat(), "cycle": cycle, **about}
    if cycle:
        check_cycle(cycle)
    return decisions.request(store, home, kind, subject, decisions.asking(user or None), reason)


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise LeveeError(Finding("USAGE", f"unknown {what}", value=value, limit="|".join(allowed), action="see --help"))


def decimals(amount: Decimal) -> int:
    """Decimals of a finite number that are not zeros at its end."""
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _fits(what: str, amount: Decimal, digits: int) -> None:
    if not (amount.is_finite() and amount > 0 and decimals(amount) <= digits):
        raise LeveeError(
            Finding(
                "USAGE",
                f"a {what} is above zero and has at most {digits} decimals",
                value=str(amount),
                action="give it as a plain number",
            )
        )
