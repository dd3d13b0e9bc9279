"""What a call notice says of versions, of a call given back, and of why nothing is called."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Any

import pytest

from tasks.call_notice import notice
from tasks.pack import Edition
from tasks.report_files import Header
from tasks.reports import ML01
from tasks.statement import Account, Printing, blocks

AS_OF = datetime(2026, 1, 30, 8)
CALL = {
    "call_id": "0123456789abcdef",
    "call_version": "1",
    "call_amount_usd": "120000.00",
    "increment_amount_usd": "120000.00",
    "due_asset": "USDC",
    "due_amount": "126315.789474",
    "deficit_amount_usd": "119500.00",
    "margin_call_amount_usd": "120000.00",
}


def told(cycle: str = "EOD", **figures: str) -> dict[str, str]:
    """Fields of the notice of an account with these figures; others are empty or zero."""
    known: dict[str, str] = defaultdict(str, {**CALL, "account_status": "FINAL", "member_status": "ACTIVE"} | figures)
    for name in ("deficit_amount_usd", "outstanding_calls_usd", "minimum_transfer_amount_usd"):
        known[name] = known[name] or "0.00"
    tables: Any = {ML01.code: []}
    made = Account(known, None, None, tables)
    run = defaultdict(str, {"cycle": cycle})
    header = Header(Edition("TEST", date(2026, 1, 30), cycle, int(known["call_version"] or 1)), AS_OF, "SYNTHETIC")
    return dict(blocks(notice(made, Printing(header, run, "120")))["notice"][0].fields)


def test_a_first_call_asks_for_its_due_amount() -> None:
    fields = told()
    assert (fields["notice"], fields["call_version"], fields["supersedes"]) == ("CALL", "1", "")
    assert fields["instructions"].startswith("Deliver the due amount of USDC")


def test_more_is_asked_as_a_difference_and_nothing_paid_is_asked_twice() -> None:
    fields = told(call_version="2", call_amount_usd="150000.00", increment_amount_usd="30000.00")
    assert (fields["supersedes"], fields["increment_amount_usd"]) == ("1", "30000.00")
    assert "30000.00 USD more" in fields["instructions"]
    assert "earlier versions counts" in fields["instructions"]


def test_less_is_asked_and_what_was_paid_beyond_it_is_the_members() -> None:
    fields = told(call_version="2", call_amount_usd="90000.00", increment_amount_usd="-30000.00")
    assert (fields["notice"], fields["call_amount_usd"], fields["increment_amount_usd"]) == (
        "CALL",
        "90000.00",
        "-30000.00",
    )
    assert "what you paid beyond it is yours" in fields["instructions"]


def test_a_call_that_is_given_back_asks_for_nothing() -> None:
    given_back = {"call_amount_usd": "0.00", "increment_amount_usd": "-120000.00", "margin_call_amount_usd": "0.00"}
    fields = told(call_version="2", deficit_amount_usd="0.00", **given_back)
    assert (fields["notice"], fields["reason_code"], fields["call_version"]) == ("NO_CALL", "WITHDRAWN", "2")
    assert (fields["call_amount_usd"], fields["increment_amount_usd"]) == ("0.00", "-120000.00")
    assert "due_amount" not in fields


def test_an_intraday_call_asks_for_nothing_yet() -> None:
    fields = told(cycle="ITD1")
    assert (fields["state"], fields["instructions"].split(":")[0]) == ("INDICATIVE", "Nothing is to be paid")


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({"deficit_amount_usd": "0.00"}, "NO_DEFICIT"),
        ({"deficit_amount_usd": "9999.99"}, "BELOW_MINIMUM_TRANSFER_AMOUNT"),
        ({"deficit_amount_usd": "50000.00", "outstanding_calls_usd": "50000.00"}, "CALLED_BEFORE"),
        ({"deficit_amount_usd": "5000.00", "outstanding_calls_usd": "1000.00"}, "BELOW_MINIMUM_TRANSFER_AMOUNT"),
        ({"deficit_amount_usd": "50000.00", "member_status": "DEFAULTED"}, "IN_DEFAULT"),
    ],
)
def test_why_nothing_is_called(figures: dict[str, str], reason: str) -> None:
    none = {"call_id": "", "call_version": "", "call_amount_usd": "", "margin_call_amount_usd": "0.00"}
    fields = told(**none, minimum_transfer_amount_usd="10000.00", **figures)
    assert (fields["notice"], fields["reason_code"]) == ("NO_CALL", reason)
    assert fields["instructions"]
