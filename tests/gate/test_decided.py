"""What two persons decided acts on the book, exactly where it says so; a price by hand that they did not is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tasks.home import Home
from tasks.store import Store

PERP, FUTURE = "BTC-PERP.INV", "ETH-20260327.LIN.USDC"
NOBODY = {"clearing_member_id": "", "margin_account_id": "", "contract_id": "", "price_type": "", "status": ""}
Gate = Callable[..., Any]


@pytest.fixture
def decided(home: Home, between_rows: Gate, regate: Gate) -> Gate:
    """The gate on a book of which some things were decided before it was frozen."""

    def through(book: Any, kind: str, **subject: Any) -> Any:
        gated = between_rows(book)
        people = {"reason": "as agreed", "requested_by": "ada", "approved_by": "grace"}
        names = {"run_id": gated.key.run_id, "decision_id": "0123456789ab", "kind": kind, "subject_hash": "0"}
        row = {**NOBODY, **names, **people, **subject}
        with Store(home.database) as store:
            store.append("book.decision", pl.DataFrame([row]))
            store.delete("control.stage_run", {"run_id": gated.key.run_id})
        return regate(gated)

    return through


def prices(gated: Any, contract: str) -> list[tuple[Any, ...]]:
    found = gated.table("book.price").filter(contract_id=contract)
    return list(found.select("price_type", "price", "quality", "source", "age_seconds", "obs_ts").rows())


def manual(kind: str, amount: str) -> tuple[Any, ...]:
    return (kind, Decimal(amount), "MANUAL", "MANUAL", 0.0, datetime(2026, 1, 30, 8))


def test_a_price_by_hand_takes_the_place_of_the_delivered_one(decided: Gate, book: Any) -> None:
    gated = decided(book, "MANUAL_PRICE", contract_id=FUTURE, price_type="SETTLE", price=Decimal("2801.5"))
    assert prices(gated, FUTURE) == [manual("SETTLE", "2801.5")]
    delivered = gated.table("book.price").filter(contract_id=FUTURE)
    assert delivered.select("file_id", "source_line", "prev_price").rows() == [
        (f"prices-HOUSE-{gated.key.run_id}", 7, Decimal(2820))
    ]


def test_it_stands_alone_where_none_was_delivered(decided: Gate, book: Any, pick: Gate) -> None:
    book["prices"].remove(pick(book, "prices", contract_id=FUTURE))
    gated = decided(book, "MANUAL_PRICE", contract_id=FUTURE, price_type="SETTLE", price=Decimal("2801.5"))
    assert prices(gated, FUTURE) == [manual("SETTLE", "2801.5")]
    assert "MISSING_PRICE" not in gated.codes("critical")
    assert gated.table("book.price").filter(contract_id=FUTURE)["price_set_id"].to_list() == ["S1"]


def test_a_price_by_hand_of_one_type_leaves_the_others(decided: Gate, book: Any) -> None:
    gated = decided(book, "MANUAL_PRICE", contract_id=FUTURE, price_type="FINAL", price=Decimal(2790))
    assert [row[:3] for row in sorted(prices(gated, FUTURE))] == [
        ("FINAL", Decimal(2790), "MANUAL"),
        ("SETTLE", Decimal(2800), "OK"),
    ]


def test_a_suspended_contract_settles_at_the_final_price_of_two_persons(decided: Gate, book: Any, pick: Gate) -> None:
    pick(book, "contracts", contract_id=FUTURE)["status"] = "EXPIRED_UNSETTLED"
    gated = decided(book, "MANUAL_PRICE", contract_id=FUTURE, price_type="FINAL", price=Decimal(2790))
    assert "MISSING_FINAL_PRICE" not in gated.codes("critical")


def test_without_it_a_suspended_contract_that_ended_has_no_final_price(
    between_rows: Gate, book: Any, pick: Gate
) -> None:
    pick(book, "contracts", contract_id=FUTURE)["status"] = "EXPIRED_UNSETTLED"
    assert "MISSING_FINAL_PRICE" in between_rows(book).codes("critical")


def test_a_delivered_price_by_hand_is_let_in_by_two_persons_alone(
    between_rows: Gate, decided: Gate, book: Any, pick: Gate
) -> None:
    pick(book, "prices", contract_id=FUTURE)["quality"] = "MANUAL"
    gated = between_rows(book)
    assert (gated.state, gated.codes("critical")) == ("BLOCKED", {"UNAPPROVED_MANUAL_PRICE"})
    gated = decided(book, "MANUAL_PRICE", contract_id=FUTURE, price_type="SETTLE", price=Decimal(2800))
    assert (gated.state, gated.codes("critical")) == ("VALIDATED", set())


@pytest.mark.parametrize(("quantity", "found"), [("30", 0), ("29", 1), ("31", 1)])
def test_a_position_that_was_confirmed_counts_at_that_size_alone(
    decided: Gate, book: Any, pick: Gate, quantity: str, found: int
) -> None:
    pick(book, "prices", contract_id=FUTURE)["open_interest"] = "29"
    who = {"clearing_member_id": "M003", "margin_account_id": "M003A", "contract_id": FUTURE}
    gated = decided(book, "POSITION_CONFIRMED", quantity=Decimal(quantity), **who)
    assert len(gated.findings(code="POSITION_BEYOND_OPEN_INTEREST")) == found


def test_a_member_has_the_status_that_was_decided(decided: Gate, book: Any) -> None:
    gated = decided(book, "MEMBER_STATUS", clearing_member_id="007", status="DEFAULTED")
    statuses = dict(gated.table("book.member").select("clearing_member_id", "status").rows())
    assert statuses == {"M001": "ACTIVE", "007": "DEFAULTED", "M003": "ACTIVE"}
    assert {row["clearing_member_id"] for row in gated.findings(code="MEMBER_NOT_ACTIVE")} == {"007"}


def test_a_member_has_the_rating_that_was_decided(decided: Gate, book: Any) -> None:
    gated = decided(book, "MEMBER_RATING", clearing_member_id="007", status="2")
    levels = dict(gated.table("book.member").select("clearing_member_id", "surveillance_level").rows())
    assert levels.pop("007") == 2
    assert levels
    assert 2 not in levels.values(), "nobody else's"
