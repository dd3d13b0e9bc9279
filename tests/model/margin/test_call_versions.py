"""Versions of calls: a worked example, and that all versions together ask for the final gap, whatever is corrected."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.margin.call import call_amount
from tasks.model.margin.call_versions import frozen, next_versions

FIRST = datetime(2026, 1, 30, 8, 20)
ACCOUNTS = ("M001H", "M002H", "M003C")
MINIMUM, INCREMENT = Decimal(10000), Decimal(1000)
SCHEMA: Any = {
    "call_id": pl.String,
    "call_version": pl.Int32,
    "clearing_member_id": pl.String,
    "margin_account_id": pl.String,
    "state": pl.String,
    "call_amount_usd": pl.Decimal(20, 2),
    "increment_amount_usd": pl.Decimal(20, 2),
    "met_amount_usd": pl.Decimal(20, 2),
    "due_amount": pl.Decimal(38, 8),
    "issued_ts": pl.Datetime("us"),
    "due_ts": pl.Datetime("us"),
    "reason_code": pl.String,
}


def drafts(issued: datetime, **called: int | Decimal) -> pl.DataFrame:
    """Calls of a run as if none had been issued; due two hours after issue."""
    rows = [
        {
            "call_id": f"of {account}",
            "call_version": 1,
            "clearing_member_id": account[:4],
            "margin_account_id": account,
            "state": "DRAFT",
            "call_amount_usd": Decimal(amount),
            "increment_amount_usd": Decimal(amount),
            "met_amount_usd": Decimal(0),
            "due_amount": Decimal(amount),
            "issued_ts": issued,
            "due_ts": issued + timedelta(hours=2),
            "reason_code": "INITIAL_MARGIN_DEFICIT",
        }
        for account, amount in called.items()
        if amount
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def row(frame: pl.DataFrame) -> dict[str, Any]:
    assert frame.height == 1
    return frame.row(0, named=True)


@pytest.mark.parametrize(
    ("called", "increment", "hours", "reason"),
    [(150, 30, 7, "CORRECTION_INCREASE"), (90, -30, 2, "CORRECTION_CREDIT"), (0, -120, 2, "CORRECTION_CREDIT")],
)
def test_a_correction_asks_for_the_difference(called: int, increment: int, hours: int, reason: str) -> None:
    later = FIRST + timedelta(hours=5)
    standing = drafts(FIRST, M001H=120).with_columns(state=pl.lit("ISSUED"), met_amount_usd=pl.lit(Decimal(7)))
    made = row(next_versions(drafts(later, M001H=called), standing.cast(SCHEMA), later))
    assert (made["call_id"], made["call_version"], made["state"]) == ("of M001H", 2, "DRAFT")
    assert (made["call_amount_usd"], made["increment_amount_usd"], made["met_amount_usd"]) == (called, increment, 7)
    assert (made["due_amount"], made["reason_code"]) == (called, reason)
    # Only what is asked in addition has a later due time; what is left of a call is due when it was.
    assert (made["issued_ts"], made["due_ts"]) == (later, FIRST + timedelta(hours=hours))


def test_a_call_that_asks_the_same_stands_at_its_own_terms() -> None:
    later = FIRST + timedelta(hours=5)
    assert next_versions(drafts(later, M001H=120), drafts(FIRST, M001H=120), later).is_empty()


def test_a_first_run_issues_what_it_calls() -> None:
    made = drafts(FIRST, M001H=120, M002H=50)
    assert next_versions(made, drafts(FIRST), FIRST).equals(made)


def test_calls_of_a_defaulted_member_stand_as_they_were() -> None:
    accounts = pl.DataFrame(
        {
            "clearing_member_id": ["M001", "M002", "M003"],
            "margin_account_id": list(ACCOUNTS),
            "margin_call_amount_usd": [Decimal(900), Decimal(50), Decimal(70)],
        }
    )
    standing = drafts(FIRST, M001H=120)
    told, kept = frozen(accounts, drafts(FIRST, M001H=900, M002H=50, M003C=70), standing, {"M001", "M003"})
    assert told["margin_call_amount_usd"].to_list() == [120, 50, 0]
    assert kept.select("margin_account_id", "call_amount_usd").rows() == [("M001H", 120), ("M002H", 50)]
    assert next_versions(kept, standing, FIRST)["margin_account_id"].to_list() == ["M002H"]


# A correction: the deficit of each account after it, whether anything of what was called has been paid, and whether the
# release of the run ever went out (a run that did not leaves drafts, which the next one replaces).
CORRECTION = st.tuples(
    st.tuples(*[st.integers(0, 400_000_00) for _ in ACCOUNTS]),
    st.tuples(*[st.integers(0, 100) for _ in ACCOUNTS]),
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CORRECTION, min_size=1, max_size=6))
def test_all_versions_of_a_call_together_ask_for_the_final_gap(corrections: list[Any]) -> None:
    ledger = drafts(FIRST)
    for number, (deficits, paid, goes_out) in enumerate(corrections):
        now = FIRST + timedelta(hours=number)
        gaps = {
            account: call_amount(Decimal(cents) / 100, MINIMUM, INCREMENT)
            for account, cents in zip(ACCOUNTS, deficits, strict=True)
        }
        standing = ledger.sort("call_version").unique("call_id", keep="last", maintain_order=True)
        added = next_versions(drafts(now, **gaps), standing, now)
        if not goes_out:
            continue
        before = ledger
        ledger = pl.concat([ledger, added])
        assert ledger.head(before.height).equals(before), "an issued version is never written over"
        asked = dict(ledger.group_by("margin_account_id").agg(pl.col("increment_amount_usd").sum()).iter_rows())
        assert {account: asked.get(account, Decimal(0)) for account in ACCOUNTS} == gaps
        last = ledger.sort("call_version").unique("call_id", keep="last", maintain_order=True)
        assert {name: asked[name] for name in last["margin_account_id"]} == dict(
            last.select("margin_account_id", "call_amount_usd").iter_rows()
        )
        assert ledger.select("call_id", "call_version").is_unique().all()
        assert all(not gap or gap >= MINIMUM for gap in gaps.values())
        share = pl.Series(paid).to_list()
        met = {account: Decimal(part) for account, part in zip(ACCOUNTS, share, strict=True)}
        newest = pl.struct("call_id", "call_version").is_in(
            last.select(pl.struct("call_id", "call_version")).to_series()
        )
        ledger = ledger.with_columns(
            met_amount_usd=pl.when(newest)
            .then(pl.col("margin_account_id").replace_strict(met, return_dtype=pl.Decimal(20, 2)))
            .otherwise("met_amount_usd")
            .cast(pl.Decimal(20, 2))
        )
