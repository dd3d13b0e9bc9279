"""The call ledger: what a release does to it, what answers do, and that neither writes over an amount."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tasks import call_ledger, call_responses, calls, codes, freeze, ledgers
from tasks.model.errors import LeveeError
from tasks.store import Store

NOW = datetime(2026, 1, 30, 9)
CYCLE = "20260130-EOD"
WHO = {"clearing_member_id": "M001", "margin_account_id": "M001H"}
SECOND = "20260130-EOD-r02"


def add_call(run: Any, version: int, amount: str, increment: str, state: str, **more: Any) -> None:
    run.put(
        "control.margin_call",
        call_id="a",
        call_version=version,
        call_type="INITIAL_MARGIN",
        state=state,
        call_amount_usd=amount,
        increment_amount_usd=increment,
        due_ts=datetime(2026, 1, 30, 14),
        **{**WHO, "cycle_id": CYCLE, "reason_code": "why", **more},
    )


def release(run: Any, run_id: str = SECOND) -> None:
    """What the two transactions of a release do to the ledger."""
    with Store(run.home.database) as store, store.transaction():
        call_ledger.approve(store, run_id)
    with Store(run.home.database) as store, store.transaction():
        call_ledger.issue(store, run_id, NOW)


def ledger(run: Any) -> Any:
    return run.read(
        "SELECT call_version, state, call_amount_usd, increment_amount_usd FROM control.margin_call ORDER BY ALL"
    )


def events(run: Any) -> Any:
    return run.read("SELECT event_no, call_version, event, amount_usd FROM control.call_event ORDER BY event_no")


@pytest.fixture
def corrected(frozen_run: Any) -> Any:
    """The cycle's second run."""
    frozen_run.put("control.cycle_run", run_id=SECOND, cycle="EOD", run_no=2, state="APPROVED")
    return frozen_run


def test_a_first_release_issues_its_drafts(corrected: Any) -> None:
    add_call(corrected, 1, "120", "120", "DRAFT")
    release(corrected, "20260130-EOD-r01")
    assert ledger(corrected) == [(1, "ISSUED", 120, 120)]
    assert events(corrected) == [(1, 1, "ISSUED", 120)]


@pytest.mark.parametrize(
    ("before", "met", "asked", "after", "told"),
    [
        ("ISSUED", 0, 150, ["SUPERSEDED", "ISSUED"], [("SUPERSEDED", 1, 0), ("ISSUED", 2, 30)]),
        (
            "ISSUED",
            0,
            90,
            ["SUPERSEDED", "ISSUED"],
            [("SUPERSEDED", 1, 0), ("ISSUED", 2, 0), ("CREDITED", 2, 30)],
        ),
        (
            "DISPUTED",
            0,
            0,
            ["SUPERSEDED", "WITHDRAWN"],
            [("SUPERSEDED", 1, 0), ("ISSUED", 2, 0), ("WITHDRAWN", 2, 120)],
        ),
        ("PART_MET", 50, 150, ["SUPERSEDED", "PART_MET"], [("SUPERSEDED", 1, 0), ("ISSUED", 2, 30)]),
        # Paid already: the version that was met stays met, what was paid beyond the next one is given back.
        (
            "MET",
            120,
            90,
            ["MET", "MET"],
            [("ISSUED", 2, 0), ("CREDITED", 2, 30), ("RETURNABLE", 2, 30)],
        ),
        ("MET", 120, 150, ["MET", "PART_MET"], [("ISSUED", 2, 30)]),
        (
            "MET",
            120,
            0,
            ["MET", "WITHDRAWN"],
            [("ISSUED", 2, 0), ("WITHDRAWN", 2, 120), ("RETURNABLE", 2, 120)],
        ),
    ],
)
def test_the_release_of_a_correction_replaces_what_it_corrects(
    corrected: Any, before: str, met: int, asked: int, after: list[str], told: list[Any]
) -> None:
    add_call(corrected, 1, "120", "120", before, met_amount_usd=str(met))
    add_call(corrected, 2, str(asked), str(asked - 120), "DRAFT", run_id=SECOND, met_amount_usd=str(met))
    release(corrected)
    assert ledger(corrected) == [(1, after[0], 120, 120), (2, after[1], asked, asked - 120)]
    assert [(event, version, amount) for _, version, event, amount in events(corrected)] == told
    assert sum(row[3] for row in ledger(corrected)) == asked


def test_a_release_tells_what_became_of_earlier_calls_once(corrected: Any) -> None:
    add_call(corrected, 1, "120", "120", "ISSUED", run_id="20260129-EOD-r01", cycle_id="20260129-EOD")
    aged = {"call_id": "a", "call_version": 1, "call_amount_usd": "120", "opening_usd": "120", **WHO}
    corrected.put("result.outstanding_call", run_id=SECOND, met_usd="20", closing_usd="100", state="OVERDUE", **aged)
    release(corrected)
    release(corrected)
    assert ledger(corrected) == [(1, "OVERDUE", 120, 120)]
    assert events(corrected) == [(1, 1, "OVERDUE", 100)]
    assert corrected.read("SELECT met_amount_usd FROM control.margin_call") == [(20,)]


def test_a_restated_cycle_does_not_take_back_what_a_later_one_has_told(corrected: Any) -> None:
    """The call of the 29th was paid on the 31st; restating the 30th, when it was not paid yet, leaves it paid."""
    later = "20260131-EOD-r01"
    corrected.put(
        "control.cycle_run",
        run_id=later,
        business_date=date(2026, 1, 31),
        cycle="EOD",
        state="PUBLISHED",
        as_of_ts=datetime(2026, 1, 31, 8),
    )
    corrected.put("control.release", cycle_id="20260131-EOD", version=1, issue_no=1, run_id=later, state="PUBLISHED")
    paid = {"run_id": "20260129-EOD-r01", "cycle_id": "20260129-EOD", "met_amount_usd": "120"}
    add_call(corrected, 1, "120", "120", "MET", **paid)
    aged = {"call_id": "a", "call_version": 1, "call_amount_usd": "120", "opening_usd": "120", **WHO}
    corrected.put("result.outstanding_call", run_id=SECOND, met_usd="0", closing_usd="120", state="OVERDUE", **aged)
    release(corrected)
    assert corrected.read("SELECT state, met_amount_usd FROM control.margin_call") == [("MET", 120)]
    assert events(corrected) == []


@pytest.fixture
def issued(frozen_run: Any) -> Any:
    """A published end of day that called 120,000."""
    frozen_run.execute("UPDATE control.cycle_run SET state = 'PUBLISHED'")
    frozen_run.put(
        "control.release", cycle_id=CYCLE, version=1, issue_no=1, run_id=frozen_run.key.run_id, state="PUBLISHED"
    )
    add_call(frozen_run, 1, "120000", "120000", "ISSUED")
    return frozen_run


def answer(run: Any, kind: str, amount: str | None = None, reason: str = "size is wrong") -> dict[str, Any]:
    return call_responses.respond(run.home, "a", kind, Decimal(amount) if amount else None, "carol", reason)


def test_the_rest_of_a_disputed_call_stays_due_when_it_was(issued: Any) -> None:
    told = answer(issued, "PARTIAL_DISPUTE", "40000")
    assert (told["disputed_usd"], told["due_usd"], told["due_ts"]) == (40000, 80000, datetime(2026, 1, 30, 14))
    # The end of day of the 30th is out: those of 31 January and 1 February reckon with the dispute.
    assert (told["first_date"], told["query_by_date"]) == (date(2026, 1, 31), date(2026, 2, 1))
    assert issued.read("SELECT state, call_amount_usd, due_ts FROM control.margin_call") == [
        ("DISPUTED", 120000, datetime(2026, 1, 30, 14))
    ]
    assert issued.read("SELECT event, amount_usd, user_name, reason FROM control.call_event") == [
        ("DISPUTED", 40000, "carol", "size is wrong")
    ]


def test_the_latest_answer_counts_and_the_same_again_is_none(issued: Any) -> None:
    answer(issued, "FULL_DISPUTE")
    answer(issued, "FULL_DISPUTE")
    assert issued.read("SELECT response_no, disputed_usd FROM control.call_response") == [(1, 120000)]
    answer(issued, "ACCEPT")
    with Store(issued.home.database) as store:
        counted = call_ledger.responses(store, date(2026, 1, 31), "EOD")
    assert counted.select("response_type", "disputed_usd").rows() == [("ACCEPT", 0)]
    assert issued.read("SELECT state FROM control.margin_call") == [("ACK",)]
    listed = calls.listed(issued.home)
    assert [(row["answer"], row["state"], row["open_usd"]) for row in listed] == [("ACCEPT", "ACK", 120000)]
    assert [event["event"] for event in calls.history(issued.home, "a")["events"]] == ["DISPUTED", "ACK"]


def test_a_dispute_that_is_renewed_gains_no_time(issued: Any) -> None:
    answer(issued, "FULL_DISPUTE", reason="size is wrong")
    issued.put("control.cycle_run", run_id="20260201-EOD-r01", business_date=date(2026, 2, 1), cycle="EOD")
    issued.put("control.release", run_id="20260201-EOD-r01", cycle_id="20260201-EOD", state="PUBLISHED", version=1)
    answer(issued, "ACCEPT")
    renewed = answer(issued, "PARTIAL_DISPUTE", "40000", reason="price is wrong")
    assert (renewed["first_date"], renewed["query_by_date"]) == (date(2026, 2, 2), date(2026, 2, 1))


def test_a_cycle_that_is_out_is_not_computed_from_an_answer_that_came_later(issued: Any) -> None:
    def roots() -> list[str]:
        with Store(issued.home.database) as store:
            cycles = ((date(2026, 1, 30), "EOD"), (date(2026, 1, 31), "ITD1"), (date(2026, 1, 31), "EOD"))
            return [freeze.take_basis(issued.home, store, day, cycle, "").decisions_root for day, cycle in cycles]

    before = roots()
    answer(issued, "FULL_DISPUTE")
    after = roots()
    assert [was == now for was, now in zip(before, after, strict=True)] == [True, True, False]


@pytest.mark.parametrize(
    ("kind", "amount", "reason"),
    [
        ("MAYBE", None, "x"),
        ("PARTIAL_DISPUTE", None, "x"),
        ("PARTIAL_DISPUTE", "0", "x"),
        ("PARTIAL_DISPUTE", "120000", "x"),
        ("PARTIAL_DISPUTE", "0.001", "x"),
        ("FULL_DISPUTE", "5", "x"),
        ("FULL_DISPUTE", None, " "),
        ("ACCEPT", "5", ""),
    ],
)
def test_an_answer_that_makes_no_sense_is_not_recorded(issued: Any, kind: str, amount: str | None, reason: str) -> None:
    with pytest.raises(LeveeError) as refused:
        answer(issued, kind, amount, reason)
    assert (refused.value.code, codes.exit_code(refused.value.code)) == ("USAGE", 2)
    assert issued.read("SELECT count(*) FROM control.call_response") == [(0,)]


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        ("MET", "FULL_DISPUTE", "CALL_NOT_OPEN"),
        ("SUPERSEDED", "ACCEPT", "CALL_NOT_OPEN"),
        ("WITHDRAWN", "ACCEPT", "CALL_NOT_OPEN"),
        ("OVERDUE", "FULL_DISPUTE", "CALL_NOT_OPEN"),
        ("ESCALATED", "PARTIAL_DISPUTE", "CALL_NOT_OPEN"),
        ("DRAFT", "ACCEPT", "UNKNOWN_ID"),
        ("INDICATIVE", "ACCEPT", "UNKNOWN_ID"),
    ],
)
def test_only_an_open_call_is_answered(issued: Any, state: str, kind: str, code: str) -> None:
    issued.execute(f"UPDATE control.margin_call SET state = '{state}'")
    with pytest.raises(LeveeError) as refused:
        answer(issued, kind, "5" if kind == "PARTIAL_DISPUTE" else None)
    assert (refused.value.code, codes.exit_code(refused.value.code)) == (code, {"UNKNOWN_ID": 2}.get(code, 40))
    assert issued.read("SELECT count(*) FROM control.call_event") == [(0,)]


def test_who_says_nothing_has_no_later_due_time(issued: Any) -> None:
    """A notice that nobody acknowledged is shown as such; what it asks is due all the same."""
    with Store(issued.home.database) as store:
        ledgers.show(issued.home, store)
    assert [(row["answer"], row["due_ts"]) for row in calls.listed(issued.home)] == [("", datetime(2026, 1, 30, 14))]
