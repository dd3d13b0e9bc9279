"""What stands in where nobody delivered positions in time: those of the end of day before, had nobody traded.

Only once a second person has approved them. They are written as a file of each sender, version 0, archived and landed
as any other, so that the run has frozen them and the sender's own file, whenever it comes, takes their place. The gate
holds the accounts they are of. Of a sender that alone is late nothing stands in: the rest of the book says what it has.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from tasks import cut_off, decisions, freeze, inbox, resources, roster, schema
from tasks.decisions import Decision
from tasks.envelope import file_name, write_csv
from tasks.home import Home, write_atomically
from tasks.inbox import Delivery, Place
from tasks.model.errors import Finding
from tasks.store import Store

log = logging.getLogger("levee")

KIND = "FALLBACK_POSITIONS"
VERSION = 0


def stand_ins(home: Home, store: Store, place: Place) -> list[Delivery]:
    """Positions to be landed instead of those that are late, archived; none before the cut-off or without approval."""
    wanted = _wanted(home, store, place)
    if wanted is None or not decisions.approved(store, KIND, wanted.subject):
        return []
    for content in wanted.files.values():
        write_atomically(home.frozen / hashlib.sha256(content).hexdigest(), content)
    log.warning("positions of the end of day before stand in", extra={"code": KIND, "rows": len(wanted.files)})
    return [
        inbox.read(file_name("positions", sender, VERSION), content, place) for sender, content in wanted.files.items()
    ]


def ask(home: Home, store: Store, place: Place, user: str, reason: str) -> Decision | None:
    """Ask a second person for the positions of the end of day before; None where they are not late, or not missing."""
    wanted = _wanted(home, store, place)
    return decisions.request(store, home, KIND, wanted.subject, user, reason) if wanted else None


def awaited(home: Home, store: Store, place: Place) -> list[Finding]:
    """What the cycle waits for where the request is made and not answered yet."""
    wanted = _wanted(home, store, place)
    asked = decisions.latest(store, KIND, wanted.subject) if wanted else None
    if asked is None or asked.state != "OPEN":
        return []
    return [
        Finding(
            "WAITING",
            "prior positions wait for the approval of a second person",
            where=f"{place.business_date.isoformat()}/{place.cycle}",
            value=f"{KIND} {asked.decision_id}",
            action=f"another person than {asked.requested_by} approves {asked.decision_id}, then run the cycle again",
        )
    ]


@dataclass(frozen=True)
class _Wanted:
    """Files that would stand in, by sender, and what is approved: their bytes."""

    files: Mapping[str, bytes]
    subject: Mapping[str, Any]


def _wanted(home: Home, store: Store, place: Place) -> _Wanted | None:
    """None while positions may still come, where somebody has delivered any, and in a genesis cycle."""
    previous = freeze.predecessor(store, place.business_date)
    if previous is None or not cut_off.is_late(home, roster.roster()["positions"], place.business_date, place.cycle):
        return None
    in_force = freeze.files_in_force(store, place.business_date, place.cycle)
    if "positions" in set(in_force["dataset"]):
        return None
    senders = cut_off.absent_senders(store, in_force, previous)
    files = {sender: _file(store, place, previous["run_id"], sender, in_force) for sender in senders}
    subject = {
        "business_date": place.business_date.isoformat(),
        "cycle": place.cycle,
        "positions_of": previous["run_id"],
        "sha256": {sender: hashlib.sha256(content).hexdigest() for sender, content in files.items()},
    }
    return _Wanted(files, subject) if files else None


def _file(store: Store, place: Place, predecessor_run_id: str, sender: str, in_force: pl.DataFrame) -> bytes:
    """The sender's file of version 0: its open positions with no movement but the expiry of what has expired."""
    names = schema.dataset("positions").names
    still = dict.fromkeys(("qty_buy", "qty_sell", "qty_transfer", "qty_exercise_assign", "buy_value", "sell_value"), 0)
    rows = store.read(
        resources.sql("freeze/prior_positions"),
        {"predecessor_run_id": predecessor_run_id, "sender": sender, "file_ids": in_force["file_id"].to_list()},
    ).with_columns(**{name: pl.lit(value) for name, value in {**still, "premium_paid": 0, "fees": 0}.items()})
    origin = "SYNTHETIC" if "SYNTHETIC" in set(in_force["origin"]) else "REAL"
    as_of = max(rows["position_as_of_ts"].to_list())
    records = [[row.get(name) for name in names] for row in rows.iter_rows(named=True)]
    return write_csv(
        "positions",
        place.business_date,
        place.cycle,
        VERSION,
        sender,
        as_of,
        as_of,
        place.environment,
        origin,
        names,
        records,
    )
