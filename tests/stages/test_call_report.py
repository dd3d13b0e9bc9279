"""OL01: every open call once with its age, the cycle's own with what they replace, and what is handed over."""

from __future__ import annotations

from typing import Any

import pytest

from tasks import resources
from tasks.store import Store

WHO = {"clearing_member_id": "M001", "margin_account_id": "M001H"}


@pytest.fixture
def aged(frozen_run: Any) -> Any:
    """M001 owes 100,000 of an earlier call, escalated, and the call of this cycle is given back."""
    earlier = {"call_id": "a", "call_version": 1, "cycle_id": "20260128-EOD", "call_amount_usd": "120000", **WHO}
    own = {"call_id": "b", "cycle_id": "20260130-EOD", "call_type": "INITIAL_MARGIN", **WHO}
    frozen_run.put_all(
        ("control.margin_call", {**earlier, "run_id": "20260128-EOD-r01", "state": "PART_MET"}),
        (
            "result.outstanding_call",
            {
                **earlier,
                "opening_usd": "120000",
                "met_usd": "20000",
                "closing_usd": "100000",
                "state": "ESCALATED",
                "overdue_usd": "60000",
                "disputed_usd": "40000",
                "age_days": 2,
                "overdue_hours": 42,
                "cause": "OVERDUE",
            },
        ),
        ("book.call_response", {"call_id": "a", "call_version": 1, "response_type": "PARTIAL_DISPUTE"}),
        ("control.margin_call", {**own, "call_version": 1, "state": "ISSUED", "call_amount_usd": "50000"}),
        ("control.margin_call", {**own, "call_version": 2, "state": "DRAFT", "increment_amount_usd": "-50000"}),
        ("result.margin_account", {**WHO, "deficit_amount_usd": "100000"}),
        ("book.member", {"clearing_member_id": "M001", "status": "ACTIVE", "legal_name": "x", "base_ccy": "USD"}),
    )
    return frozen_run


def report(run: Any) -> list[dict[str, Any]]:
    with Store(run.home.database) as store:
        return store.read(resources.sql("out/ol01"), {"run_id": run.key.run_id}).to_dicts()


def test_each_call_has_its_line_with_state_age_and_answer(aged: Any) -> None:
    rows = {f"{row['row_type']}{row['call_version'] or ''}": row for row in report(aged)}
    assert sorted(rows) == ["CALL2", "EARLIER1", "HAND_OVER", "VERSION1"]
    earlier = rows["EARLIER1"]
    assert (earlier["state"], earlier["open_usd"], earlier["met_usd"]) == ("ESCALATED", 100000, 20000)
    assert (earlier["disputed_usd"], earlier["overdue_usd"], earlier["answer"]) == (40000, 60000, "PARTIAL_DISPUTE")
    assert (earlier["age_days"], earlier["overdue_hours"], earlier["cause"]) == (2, 42, "OVERDUE")
    assert [rows[name]["state"] for name in ("VERSION1", "CALL2")] == ["SUPERSEDED", "WITHDRAWN"]


def test_default_management_is_handed_what_is_open_and_why(aged: Any) -> None:
    handed = next(row for row in report(aged) if row["row_type"] == "HAND_OVER")
    assert (handed["cause"], handed["open_usd"], handed["overdue_usd"]) == ("OVERDUE", 100000, 60000)
    assert handed["deficit_usd"] == 100000
    aged.execute("UPDATE book.member SET status = 'DEFAULTED'")
    aged.execute("DELETE FROM result.outstanding_call")
    defaulted = next(row for row in report(aged) if row["row_type"] == "HAND_OVER")
    assert (defaulted["cause"], defaulted["open_usd"], defaulted["deficit_usd"]) == ("MEMBER_DEFAULTED", 0, 100000)


def test_states_are_the_same_before_and_after_issue(aged: Any) -> None:
    before = report(aged)
    aged.execute("UPDATE control.margin_call SET state = 'SUPERSEDED' WHERE call_id = 'b' AND call_version = 1")
    aged.execute("UPDATE control.margin_call SET state = 'WITHDRAWN' WHERE call_id = 'b' AND call_version = 2")
    aged.execute("UPDATE control.margin_call SET state = 'ESCALATED', met_amount_usd = 20000 WHERE call_id = 'a'")
    assert report(aged) == before


def test_a_day_without_calls_has_an_empty_ledger(frozen_run: Any) -> None:
    assert report(frozen_run) == []
