"""A broken line of one member holds its account: the rest of the book says what it was, or the house carries it."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

PERP, FUTURE, CALL = "BTC-PERP.INV", "ETH-20260327.LIN.USDC", "BTC-20260327-90000-C.INV"
ACCOUNT = {"M001": "M001A", "007": "007A", "M003": "M003A"}


def sums(gated: Any) -> dict[str, Decimal]:
    """Closing quantities by contract over accounts and the house's suspense line, where they are not zero."""
    total: Counter[str] = Counter()
    for table in ("book.position", "book.suspense"):
        for contract, quantity in gated.table(table).select("contract_id", "qty_close").iter_rows():
            total[contract] += quantity
    return {contract: quantity for contract, quantity in total.items() if quantity}


def held(gated: Any) -> list[tuple[str, str]]:
    return list(gated.table("book.held").select("margin_account_id", "codes").iter_rows())


def line(gated: Any, member: str, contract: str) -> dict[str, Any]:
    found = gated.table("book.position").filter(clearing_member_id=member, contract_id=contract)
    return dict(found.row(0, named=True))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"qty_buy": "51"}, {"qty_buy": "50", "qty_close": "150"}),
        ({"qty_close": "160"}, {"qty_close": "150"}),
        ({"qty_open": "90"}, {"qty_open": "100", "qty_close": "150"}),
        ({"qty_transfer": "7"}, {"qty_transfer": "0", "qty_close": "150"}),
    ],
)
def test_one_wrong_figure_is_what_the_rest_of_the_book_leaves(between_rows, book, pick, changed, expected):
    clean = {row["contract_id"]: row for row in book["positions"] if row["clearing_member_id"] == "007"}
    pick(book, "positions", clearing_member_id="M001", contract_id=PERP).update(changed)
    gated = between_rows(book)
    assert gated.state == "VALIDATED" and gated.closed == ()
    assert held(gated) == [("M001A", "ROLL_FORWARD_BREAK")]
    booked = line(gated, "M001", PERP)
    assert {name: booked[name] for name in expected} == {name: Decimal(value) for name, value in expected.items()}
    assert line(gated, "007", PERP)["qty_close"] == Decimal(clean[PERP]["qty_close"])
    assert sums(gated) == {} and gated.table("book.suspense").is_empty()


def test_a_wrong_sale_is_put_right_on_the_side_that_sold(between_rows, book, pick):
    pick(book, "positions", clearing_member_id="007", contract_id=PERP)["qty_sell"] = "51"
    booked = line(between_rows(book), "007", PERP)
    assert (booked["qty_buy"], booked["qty_sell"], booked["qty_close"]) == (0, 50, -150)


def test_a_line_that_holds_together_but_not_with_the_book_stops_the_cycle(between_rows, book, pick):
    pick(book, "positions", clearing_member_id="M001", contract_id=PERP).update(qty_buy="51", qty_close="151")
    gated = between_rows(book)
    assert {finding.code for finding in gated.closed} == {"UNBALANCED_BOOK"}
    assert gated.state == "BLOCKED"


def test_two_figures_off_are_no_evidence(between_rows, book, pick):
    pick(book, "positions", clearing_member_id="M001", contract_id=PERP).update(qty_buy="51", qty_close="160")
    assert "UNBALANCED_BOOK" in {finding.code for finding in between_rows(book).closed}


def test_another_line_of_the_contract_in_doubt_leaves_no_residual(between_rows, book, pick):
    pick(book, "positions", clearing_member_id="M001", contract_id=PERP)["qty_buy"] = "51"
    pick(book, "positions", clearing_member_id="007", contract_id=PERP)["qty_sell"] = "52"
    assert "UNBALANCED_BOOK" in {finding.code for finding in between_rows(book).closed}


def test_a_line_under_a_wrong_contract_is_the_one_another_contract_lacks(between_rows, book, pick):
    pick(book, "positions", clearing_member_id="M001", contract_id=PERP)["contract_id"] = "BTC-PREP.INV"
    gated = between_rows(book)
    assert gated.closed == ()
    assert held(gated) == [("M001A", "UNKNOWN_CONTRACT")]
    assert line(gated, "M001", PERP)["qty_close"] == Decimal(150)
    assert sums(gated) == {}


def test_a_contract_nobody_lists_is_carried_by_the_house(between_rows, book, pick):
    for member in ("M001", "007"):
        pick(book, "positions", clearing_member_id=member, contract_id=PERP)["contract_id"] = "XRP-PERP.INV"
    gated = between_rows(book)
    assert gated.closed == ()
    assert held(gated) == [("007A", "UNKNOWN_CONTRACT"), ("M001A", "UNKNOWN_CONTRACT")]
    assert gated.table("book.suspense")["qty_close"].sort().to_list() == [Decimal(-150), Decimal(150)]
    assert gated.table("book.rejected")["code"].to_list() == ["UNKNOWN_CONTRACT"] * 2
    assert sums(gated) == {}


def test_a_line_of_an_account_nobody_knows_is_suspended_and_charged_to_its_member(between_rows, book, pick):
    pick(book, "positions", clearing_member_id="M001", contract_id=PERP)["margin_account_id"] = "GHOST"
    gated = between_rows(book)
    assert held(gated) == [("M001A", "UNKNOWN_ACCOUNT")]
    (suspended,) = gated.table("book.suspense").iter_rows(named=True)
    assert (suspended["margin_account_id"], suspended["charged_account_id"]) == ("GHOST", "M001A")
    assert gated.table("book.rejected")["code"].to_list() == ["UNKNOWN_ACCOUNT"]
    assert sums(gated) == {}


def test_a_suspended_line_is_charged_to_an_account_that_is_open(between_rows, book, pick):
    closed = {**pick(book, "accounts", clearing_member_id="M001"), "margin_account_id": "AAA", "status": "CLOSED"}
    book["accounts"].append(closed)
    pick(book, "positions", clearing_member_id="M001", contract_id=PERP)["margin_account_id"] = "GHOST"
    assert between_rows(book).table("book.suspense")["charged_account_id"].to_list() == ["M001A"]


def test_a_wrong_account_type_is_the_registered_one(between_rows, book, pick):
    pick(book, "positions", clearing_member_id="M001", contract_id=PERP)["account_type"] = "CLIENT_OMNI_NET"
    gated = between_rows(book)
    assert held(gated) == [("M001A", "UNKNOWN_ACCOUNT")]
    assert line(gated, "M001", PERP)["account_type"] == "HOUSE"


def test_of_a_balance_that_is_disputed_the_lower_figure_counts(between_rows, book, pick):
    pick(book, "collateral_balances", asset="USDC")["qty_close"] = "249000.5"
    pick(book, "collateral_balances", asset="USD")["qty_close"] = "2000"
    gated = between_rows(book)
    disputed = dict(
        gated.table("book.collateral").select("asset", "qty_disputed").filter(pl.col("asset") != "BTC").rows()
    )
    assert disputed == {"USDC": Decimal("1000"), "USD": Decimal(0)}  # ours: 250,000 + 1 − 0.5 and 1,000 + 1 − 0.5
    assert held(gated) == [("M003A", "ROLL_FORWARD_BREAK")]


def test_a_withdrawal_of_an_account_nobody_knows_leaves_the_member_without_it(between_rows, book, pick):
    ghost = {**pick(book, "collateral_balances", asset="USDC"), "margin_account_id": "GHOST", "withdrawals": "70000"}
    book["collateral_balances"].append({**ghost, "qty_open": "0", "deposits": "0"})
    gated = between_rows(book)
    assert gated.table("book.collateral").filter(asset="USDC")["qty_disputed"].to_list() == [Decimal(70000)]
    assert held(gated) == [("M003A", "UNKNOWN_ACCOUNT")]


def test_a_position_too_large_holds_its_account_as_it_stands(between_rows, book, pick):
    pick(book, "prices", contract_id=FUTURE)["open_interest"] = "29"
    gated = between_rows(book)
    assert held(gated) == [("M003A", "POSITION_BEYOND_OPEN_INTEREST")]
    assert sorted(gated.table("book.position").filter(contract_id=FUTURE)["qty_close"]) == [-20, -10, 30]


def test_nobody_is_held_on_a_clean_day(clean):
    assert clean.table("book.held").is_empty() and clean.table("book.held_line").is_empty()


@pytest.fixture(scope="module")
def yesterday(clean):
    return clean


def opened_by_the_house(book: dict[str, list[dict[str, Any]]]) -> None:
    """Lines of the day after: nothing moves, openings are left to the house, closes are yesterday's."""
    for row in book["positions"]:
        row.update(qty_open=None, qty_buy="0", qty_sell="0", buy_value="0", sell_value="0")
    for row in book["collateral_balances"]:
        row.update(qty_open=None)


def test_one_line_that_is_not_delivered_again_is_the_residual(between_rows, book, pick, yesterday):
    opened_by_the_house(book)
    book["positions"].remove(pick(book, "positions", clearing_member_id="M001", contract_id=PERP))
    pick(book, "positions", clearing_member_id="007", contract_id=PERP).update(
        qty_buy="30", buy_value="0.0004", qty_close="-120"
    )
    gated = between_rows(book, predecessor=yesterday)
    booked = line(gated, "M001", PERP)
    assert (booked["qty_open"], booked["qty_sell"], booked["qty_close"]) == (150, 30, 120)
    assert booked["sell_value"] == Decimal("0.0004")
    assert ("M001A", "MISSING_POSITION") in held(gated)
    assert "UNBALANCED_BOOK" not in {finding.code for finding in gated.closed}
    assert sums(gated) == {}


def test_a_line_under_a_wrong_account_continues_the_one_that_is_missing(between_rows, book, pick, yesterday):
    opened_by_the_house(book)
    pick(book, "positions", clearing_member_id="M001", contract_id=PERP)["margin_account_id"] = "GHOST"
    gated = between_rows(book, predecessor=yesterday)
    booked = line(gated, "M001", PERP)
    assert (booked["margin_account_id"], booked["qty_open"], booked["qty_close"]) == ("M001A", 150, 150)
    assert gated.closed == () and gated.table("book.suspense").is_empty()


def test_what_was_suspended_yesterday_opens_where_it_is_delivered_today(between_rows, book, pick):
    named = pick(book, "positions", clearing_member_id="M001", contract_id=PERP)
    named["margin_account_id"] = "GHOST"
    before = between_rows(book)
    opened_by_the_house(book)
    named["margin_account_id"], named["qty_open"] = "M001A", "150"
    gated = between_rows(book, predecessor=before)
    assert line(gated, "M001", PERP)["qty_open"] == Decimal(150)
    assert gated.closed == () and gated.table("book.suspense").is_empty() and sums(gated) == {}
