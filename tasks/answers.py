"""What a second person says: about a run that waits, or about a single decision, with what follows from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tasks import approve, decisions, ledgers, overrides, policy_approval
from tasks.crash import crash_point
from tasks.decisions import OF_RESULTS, Decision
from tasks.home import Home
from tasks.key import CycleKey
from tasks.store import Store


def answer(home: Home, subject: str, user: str | None, approved: bool) -> tuple[list[Decision], CycleKey | None]:
    """Answer a run, or one decision by its id; returns what was decided and the run, where it is about one.

    Raises LeveeError UNKNOWN_ID, SELF_APPROVAL or STALE_APPROVAL.
    """
    who = decisions.asking(user)
    with Store(home.database) as store:
        key = _run_of(store, subject)
        if key is None:
            asked = decisions.get(store, subject)
            key = _run_of(store, asked.subject["run_id"]) if asked.kind in OF_RESULTS else None
        answered = (
            approve.answer(home, store, key, who, approved)
            if key
            else [_answer_one(home, store, subject, who, approved)]
        )
        crash_point("approve:answered")
        ledgers.show(home, store)
    return answered, key


def listed(home: Home, only_open: bool) -> list[dict[str, Any]]:
    """Every decision as home/approvals shows it, in the order they were asked for. Reads no database."""
    now = str(datetime.now(UTC).replace(tzinfo=None))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (home.root / "approvals").glob("*.json")]
    for each in found:
        if each["state"] == "OPEN" and each["expires_ts"] < now:
            each["state"] = "EXPIRED"
    found = [each for each in found if not only_open or each["state"] == "OPEN"]
    return sorted(found, key=lambda each: (each["requested_ts"], each["decision_id"]))


def _answer_one(home: Home, store: Store, decision_id: str, user: str, approved: bool) -> Decision:
    with store.transaction():
        before = decisions.get(store, decision_id)
        if before.kind == policy_approval.KIND:
            return policy_approval.answer(home, store, before, user, approved)
        answered = decisions.decide(store, home, decision_id, user, approved)
        if (before.state, answered.state, answered.kind) == ("OPEN", "APPROVED", "OVERRIDE"):
            overrides.act(store, answered)
    return answered


def _run_of(store: Store, run_id: str) -> CycleKey | None:
    found = store.read(
        "SELECT business_date, cycle, run_no FROM control.cycle_run WHERE run_id = $run_id", {"run_id": run_id}
    )
    return CycleKey(*found.row(0)) if found.height else None
