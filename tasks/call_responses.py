"""Answers of members to calls: what is accepted, what is disputed, and from when a cycle reckons with it.

An answer never changes what is called and never moves a due time. It acts on the end of day after the latest one that
is out, so that no cycle that went out was computed from something else than it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from tasks import calls, decisions, ledgers, resources
from tasks.call import collection_terms
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.model.margin.ageing import ACCEPT, FULL_DISPUTE, PARTIAL_DISPUTE
from tasks.store import Store

TYPES = (ACCEPT, PARTIAL_DISPUTE, FULL_DISPUTE)
_SHOWN = ("call_id", "call_version", "response_type", "disputed_usd", "user_name", "reason")
_DISPUTABLE = ("ISSUED", "ACK", "DISPUTED", "PART_MET")


def respond(
    home: Home, call_id: str, response_type: str, amount_usd: Decimal | None, user: str | None, reason: str
) -> dict[str, Any]:
    """Record a member's answer to the latest version of a call; the same answer again changes nothing.

    amount_usd: disputed, of PARTIAL_DISPUTE alone. The caller holds the home. Raises LeveeError UNKNOWN_ID; USAGE for
    an answer that makes no sense; CALL_NOT_OPEN for a call that was settled, replaced or given back, and for a dispute
    of one that is overdue.
    """
    who = decisions.asking(user)
    with Store(home.database) as store:
        call = _latest(store, call_id)
        disputed = _disputed(call, response_type, amount_usd, reason)
        _require_open(call, response_type)
        answer = {
            "call_id": call_id,
            "call_version": call["call_version"],
            "response_type": response_type,
            "disputed_usd": disputed,
            "user_name": who,
            "reason": reason.strip(),
        }
        recorded = _standing(store, answer) or _record(store, answer)
        ledgers.show(home, store)
    return recorded | {
        "due_usd": max(call["call_amount_usd"] - call["met_amount_usd"] - disputed, Decimal("0.00")),
        "due_ts": call["due_ts"],
    }


def _latest(store: Store, call_id: str) -> Mapping[str, Any]:
    found = store.read(
        "SELECT * FROM control.margin_call WHERE call_id = $call_id "
        "AND state NOT IN ('DRAFT', 'APPROVED', 'INDICATIVE') ORDER BY call_version DESC LIMIT 1",
        {"call_id": call_id},
    )
    if found.is_empty():
        raise calls.unknown(call_id)
    return found.row(0, named=True)


def _disputed(call: Mapping[str, Any], response_type: str, amount_usd: Decimal | None, reason: str) -> Decimal:
    """USD that an answer disputes. Raises LeveeError USAGE."""
    owed: Decimal = call["call_amount_usd"] - call["met_amount_usd"]
    if response_type not in TYPES:
        raise _makes_no_sense("no such answer", response_type, "|".join(TYPES))
    if response_type == PARTIAL_DISPUTE:
        if amount_usd is None or not 0 < amount_usd < owed or amount_usd != round(amount_usd, 2):
            raise _makes_no_sense("no part of what is owed is disputed", str(amount_usd), f"whole cents below {owed}")
    elif amount_usd is not None:
        raise _makes_no_sense(
            f"{response_type} takes no amount", str(amount_usd), "--amount with PARTIAL_DISPUTE alone"
        )
    if response_type != ACCEPT and not reason.strip():
        raise _makes_no_sense("a dispute has a reason", reason, "--reason")
    return {ACCEPT: Decimal("0.00"), FULL_DISPUTE: owed}.get(response_type, amount_usd or owed)


def _require_open(call: Mapping[str, Any], response_type: str) -> None:
    state = call["state"]
    if state in _DISPUTABLE or (state in calls.OPEN and response_type == ACCEPT):
        return
    overdue = state in calls.OPEN
    raise LeveeError(
        Finding(
            "CALL_NOT_OPEN",
            "the call is overdue: it is paid first and disputed then" if overdue else "the call is not open any more",
            where=call["call_id"],
            value=state,
            limit=" ".join(_DISPUTABLE),
            action="pay it and ask for a correction" if overdue else "see `levee calls list` for what is open",
        )
    )


def _standing(store: Store, answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The same answer where it is the latest of its call already."""
    found = store.read(
        "SELECT * FROM control.call_response WHERE call_id = $call_id ORDER BY response_no DESC LIMIT 1",
        {"call_id": answer["call_id"]},
    )
    last = found.row(0, named=True) if found.height else {}
    return last if last and all(last[name] == answer[name] for name in _SHOWN) else None


def _record(store: Store, answer: Mapping[str, Any]) -> dict[str, Any]:
    number = store.read("SELECT coalesce(max(response_no), 0) + 1 AS n FROM control.call_response").item()
    first = _first_date(store)
    row = {
        "response_no": number,
        **answer,
        "first_date": first,
        "query_by_date": _query_by(store, answer, first),
        "answered_ts": datetime.now(UTC).replace(tzinfo=None),
    }
    with store.transaction():
        store.append("control.call_response", pl.DataFrame([row], schema_overrides={"disputed_usd": pl.Decimal(20, 2)}))
        store.run_file("ledger/answer", {**row, "now": row["answered_ts"]})
    return row


def _query_by(store: Store, answer: Mapping[str, Any], first: date) -> date:
    """Last day of the query clock. It runs from the first dispute of a version: to dispute it again gains no time."""
    earliest = store.read(
        "SELECT min(query_by_date) FROM control.call_response WHERE call_id = $call_id "
        f"AND call_version = $call_version AND response_type <> '{ACCEPT}'",
        {name: answer[name] for name in ("call_id", "call_version")},
    ).item()
    return earliest or first + timedelta(days=collection_terms().query_days - 1)


def _first_date(store: Store) -> date:
    """The day after the latest end of day that is out."""
    latest = store.read(resources.sql("ledger/latest_end_of_day")).item()
    return date.fromisoformat(str(latest)) + timedelta(days=1)


def _makes_no_sense(what: str, value: str, limit: str) -> LeveeError:
    return LeveeError(Finding("USAGE", what, value=repr(value), limit=limit, action="see `levee calls respond --help`"))
