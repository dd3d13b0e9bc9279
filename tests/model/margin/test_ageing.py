"""Ageing: what of a call is due, disputed, overdue and handed over, by the hour; versions, long weekends, disputes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.margin.ageing import CollectionTerms, age_calls, fallen_due
from tasks.model.margin.outstanding import SCHEMA

ISSUED = datetime(2026, 1, 30, 8, 20)
DUE = datetime(2026, 1, 30, 14)
NEXT = datetime(2026, 1, 31, 8)
TERMS = CollectionTerms(24, 4, Decimal(1_000_000), 2)
_VERSIONS: dict[str, Any] = {
    "call_id": pl.String,
    "call_version": pl.Int32,
    "cycle_id": pl.String,
    "call_amount_usd": pl.Decimal(20, 2),
    "issued_ts": pl.Datetime("us"),
    "due_ts": pl.Datetime("us"),
    "due_asset": pl.String,
}
_RESPONSES: dict[str, Any] = {
    "call_id": pl.String,
    "call_version": pl.Int32,
    "response_type": pl.String,
    "disputed_usd": pl.Decimal(20, 2),
    "query_by_date": pl.Date,
}


def aged(
    met: int = 0,
    *,
    asked: tuple[tuple[int, datetime], ...] = ((100_000, DUE),),
    answer: tuple[str, int] | None = None,
    defaulted: tuple[str, ...] = (),
    as_of: datetime = NEXT,
    terms: CollectionTerms = TERMS,
) -> dict[str, Any]:
    """One call with its versions (amount, due), aged."""
    face, version = Decimal(asked[-1][0]), len(asked)
    outstanding = ("M001", "M001H", "a", version, ISSUED, face, face, Decimal(met), face - met, "ISSUED")
    versions = [
        ("a", number, "20260130-EOD", Decimal(amount), ISSUED, due, "USD")
        for number, (amount, due) in enumerate(asked, 1)
    ]
    answers = [("a", version, answer[0], Decimal(answer[1]), date(2026, 2, 1))] if answer else []
    return age_calls(
        pl.DataFrame([outstanding], schema=SCHEMA, orient="row"),
        pl.DataFrame(versions, schema=_VERSIONS, orient="row"),
        pl.DataFrame(answers, schema=_RESPONSES, orient="row"),
        defaulted,
        as_of,
        terms,
    ).row(0, named=True)


@pytest.mark.parametrize(
    ("met", "hours_after_due", "state", "overdue", "cause"),
    [
        (0, -1, "ISSUED", 0, ""),
        (40_000, -1, "PART_MET", 0, ""),
        (0, 0, "OVERDUE", 100_000, ""),
        (40_000, 23, "OVERDUE", 60_000, ""),
        (99_999, 24, "ESCALATED", 1, "OVERDUE"),
        (100_000, 400, "MET", 0, ""),
    ],
)
def test_what_is_not_paid_in_time_is_overdue_and_then_handed_over(
    met: int, hours_after_due: int, state: str, overdue: int, cause: str
) -> None:
    row = aged(met, as_of=DUE + timedelta(hours=hours_after_due))
    assert (row["state"], row["overdue_usd"], row["cause"]) == (state, overdue, cause)
    assert row["overdue_hours"] == (hours_after_due if overdue else 0)


def test_a_long_weekend_ages_a_call_that_no_bank_could_pay() -> None:
    """Called on Thursday before Easter, due on Tuesday: not overdue on Monday, but four days old."""
    tuesday = ISSUED + timedelta(days=5, hours=6)
    days = [aged(asked=((100_000, tuesday),), as_of=NEXT + timedelta(days=more)) for more in range(4)]
    assert [row["age_days"] for row in days] == [1, 2, 3, 4]
    assert [row["state"] for row in days] == ["ISSUED"] * 3 + ["ESCALATED"]
    assert [row["overdue_usd"] for row in days] == [0] * 4
    assert days[-1]["cause"] == "AGE"


def test_a_member_that_owes_beyond_the_limit_is_handed_over_at_once() -> None:
    row = aged(as_of=DUE - timedelta(hours=1), terms=CollectionTerms(24, 4, Decimal(99_999), 2))
    assert (row["state"], row["cause"]) == ("ESCALATED", "UNCOLLECTED_LIMIT")


def test_the_default_procedure_takes_a_members_calls() -> None:
    row = aged(as_of=DUE - timedelta(hours=1), defaulted=("M001",))
    assert (row["state"], row["cause"]) == ("ESCALATED", "MEMBER_DEFAULTED")


@pytest.mark.parametrize(
    ("answer", "met", "state", "overdue", "disputed"),
    [
        (("PARTIAL_DISPUTE", 40_000), 0, "OVERDUE", 60_000, 40_000),
        (("PARTIAL_DISPUTE", 40_000), 60_000, "DISPUTED", 0, 40_000),
        (("FULL_DISPUTE", 100_000), 0, "DISPUTED", 0, 100_000),
        (("FULL_DISPUTE", 100_000), 90_000, "DISPUTED", 0, 10_000),
        (("ACCEPT", 0), 0, "OVERDUE", 100_000, 0),
    ],
)
def test_what_is_not_disputed_stays_due(
    answer: tuple[str, int], met: int, state: str, overdue: int, disputed: int
) -> None:
    row = aged(met, answer=answer)
    assert (row["state"], row["overdue_usd"], row["disputed_usd"]) == (state, overdue, disputed)
    assert row["closing_usd"] == 100_000 - met, "a dispute takes nothing off what is owed"


def test_a_dispute_that_is_not_settled_in_time_stops_nothing() -> None:
    # Query by 1 February: that day still counts, the next does not, and all is due since the call was.
    counted = aged(answer=("FULL_DISPUTE", 100_000), as_of=datetime(2026, 2, 1, 8))
    over = aged(answer=("FULL_DISPUTE", 100_000), as_of=datetime(2026, 2, 2, 8))
    assert (counted["state"], counted["overdue_usd"]) == ("DISPUTED", 0)
    assert (over["state"], over["overdue_usd"], over["overdue_hours"]) == ("ESCALATED", 100_000, 66)


def test_an_answer_to_an_earlier_version_is_none_to_the_next() -> None:
    asked = ((100_000, DUE), (120_000, DUE))
    row = aged(asked=asked, answer=("ACCEPT", 0), as_of=DUE - timedelta(hours=1))
    assert row["state"] == "ACK"
    earlier = age_calls(
        pl.DataFrame(
            [("M001", "M001H", "a", 2, ISSUED, Decimal(120), Decimal(120), Decimal(0), Decimal(120), "ISSUED")],
            schema=SCHEMA,
            orient="row",
        ),
        pl.DataFrame([("a", n, "c", Decimal(120), ISSUED, DUE, "USD") for n in (1, 2)], schema=_VERSIONS, orient="row"),
        pl.DataFrame([("a", 1, "ACCEPT", Decimal(0), date(2026, 2, 1))], schema=_RESPONSES, orient="row"),
        (),
        DUE - timedelta(hours=1),
        TERMS,
    )
    assert earlier["state"].item() == "ISSUED"


@pytest.mark.parametrize(
    ("amounts", "due"),
    [
        ((100, 120), (100, 120)),  # more: the difference is due later
        ((120, 90), (90, 90)),  # less: at once
        ((100, 90, 120), (90, 90, 120)),
        ((100, 0, 50), (0, 0, 50)),  # given back and asked for anew
    ],
)
def test_each_version_has_its_own_due_time(amounts: tuple[int, ...], due: tuple[int, ...]) -> None:
    times = [DUE + timedelta(hours=number) for number in range(len(amounts))]
    versions = [
        {"call_amount_usd": Decimal(amount), "due_ts": when} for amount, when in zip(amounts, times, strict=True)
    ]
    assert fallen_due(versions, Decimal(0), DUE - timedelta(seconds=1)).fallen_usd == 0
    assert tuple(fallen_due(versions, Decimal(0), when).fallen_usd for when in times) == due


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 500), min_size=1, max_size=5), st.integers(0, 6), st.integers(0, 500))
def test_no_more_is_ever_due_than_the_last_version_asks(amounts: list[int], hours: int, covered: int) -> None:
    versions = [
        {"call_amount_usd": Decimal(amount), "due_ts": DUE + timedelta(hours=number)}
        for number, amount in enumerate(amounts)
    ]
    now, later = (
        fallen_due(versions, Decimal(covered), DUE + timedelta(hours=hours + more)).fallen_usd for more in (0, 1)
    )
    assert now <= later <= amounts[-1]
    assert fallen_due(versions, Decimal(covered), DUE + timedelta(hours=len(amounts))).fallen_usd == amounts[-1]
