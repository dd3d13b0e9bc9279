"""Overrides: margin a person adds to a portfolio for some time. Two persons put one in force, two end it early.

Nothing is inferred: an override acts from its first day, and one that outlives its last day stops the cycle until it
is withdrawn or replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tasks import decisions, ledgers, policy_store
from tasks.asked import decimals
from tasks.decisions import Decision
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.model.margin.overrides import terms_refused
from tasks.store import Store

ADD, WITHDRAW = "ADD", "WITHDRAW"
_CENTS = 2
_DATES = ("first_date", "last_date", "review_date")


def ask_to_add(home: Home, store: Store, terms: Mapping[str, Any], user: str | None, reason: str) -> Decision:
    """Ask for an override.

    terms: clearing_member_id, margin_account_id, client_id (empty but for a gross account), amount_usd (USD, >= 0,
    whole cents), first_date, last_date, review_date. Raises LeveeError OVERRIDE_REFUSED.
    """
    asked = {**terms, "reason": reason.strip()}
    refused = terms_refused(asked, policy_store.in_force(home, terms["first_date"], store))
    amount = Decimal(terms["amount_usd"])
    if decimals(amount) > _CENTS:
        refused.append(_not_in_cents(amount))
    if refused:
        raise LeveeError(*refused)
    subject = {"action": ADD, **asked, "amount_usd": f"{amount:.2f}"}
    while ended := _ended(store, subject):
        subject["after"] = ended
    return decisions.request(store, home, "OVERRIDE", subject, decisions.asking(user), reason)


def ask_to_withdraw(home: Home, store: Store, override_id: str, day: date, user: str | None, reason: str) -> Decision:
    """Ask that an override acts no more from a business date on. Raises LeveeError UNKNOWN_ID where none stands."""
    standing = store.read(
        "SELECT count(*) FROM control.override WHERE override_id = $override_id AND withdrawn_date IS NULL",
        {"override_id": override_id},
    )
    if not standing.item():
        raise LeveeError(
            Finding("UNKNOWN_ID", "no such override stands", value=override_id, action="see `levee override list`")
        )
    subject = {"action": WITHDRAW, "override_id": override_id, "withdrawn_date": day}
    return decisions.request(store, home, "OVERRIDE", subject, decisions.asking(user), reason)


def act(store: Store, decision: Decision) -> None:
    """Do what was approved, in the transaction of its approval."""
    subject = decision.subject
    if subject["action"] == WITHDRAW:
        store.execute(
            "UPDATE control.override SET withdrawn_date = $day::DATE "
            "WHERE override_id = $override_id AND withdrawn_date IS NULL",
            {"day": subject["withdrawn_date"], "override_id": subject["override_id"]},
        )
        return
    row = {
        **{name: value for name, value in subject.items() if name not in ("action", "after")},
        **{name: date.fromisoformat(subject[name]) for name in _DATES},
        "override_id": f"OV-{decision.decision_id}",
        "amount_usd": Decimal(subject["amount_usd"]),
        "requested_by": decision.requested_by,
        "approved_by": decision.decided_by,
    }
    store.append("control.override", pl.DataFrame([row], schema_overrides={"amount_usd": pl.Decimal(20, 2)}))


def listed(home: Home) -> list[dict[str, Any]]:
    """Every override as last shown, by first day and id. Reads no database."""
    if "control.override" not in ledgers.shown(home):
        return []
    return ledgers.read(home, "control.override").sort("first_date", "override_id").to_dicts()


def _ended(store: Store, subject: Mapping[str, Any]) -> str:
    """Id of the override that was approved on this subject and withdrawn: it is asked for anew, as another one."""
    approval = decisions.approved(store, "OVERRIDE", subject)
    found = store.read(
        "SELECT override_id FROM control.override WHERE override_id = $override_id AND withdrawn_date IS NOT NULL",
        {"override_id": f"OV-{approval.decision_id if approval else ''}"},
    )
    return str(found.item()) if found.height else ""


def _not_in_cents(amount: Decimal) -> Finding:
    return Finding("OVERRIDE_REFUSED", "an override is in whole cents", value=str(amount), action="round it up")
