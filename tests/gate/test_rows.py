"""One spoiled book per rule between rows: exactly its code, its severity, its address and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tasks import gate_checks
from tasks.gate_suites import TABLES

Row = dict[str, Any]
Book = dict[str, list[Row]]

PERP, FUTURE = "BTC-PERP.INV", "ETH-20260327.LIN.USDC"
CALL, PUT = "BTC-20260327-90000-C.INV", "BTC-20260327-90000-P.INV"


@dataclass(frozen=True)
class Spoiled:
    """How a book is spoiled, and what must be found: the addresses are dataset, line and contract (0 = no line)."""

    spoil: Callable[[Book], None]
    found: set[tuple[str, int, str]]
    also: frozenset[str] = frozenset()
    """Codes that rightly come along."""


def rows(book: Book, dataset: str, **match: str) -> list[Row]:
    return [row for row in book[dataset] if all(row.get(name) == value for name, value in match.items())]


def put(dataset: str, match: dict[str, str], **values: str | None) -> Callable[[Book], None]:
    return lambda book: [row.update(values) for row in rows(book, dataset, **match)] and None


def every(*spoils: Callable[[Book], None]) -> Callable[[Book], None]:
    return lambda book: [spoil(book) for spoil in spoils] and None


def add(dataset: str, like: dict[str, str], **values: str | None) -> Callable[[Book], None]:
    return lambda book: book[dataset].append({**rows(book, dataset, **like)[0], **values})


def drop(dataset: str, **match: str) -> Callable[[Book], None]:
    return lambda book: [book[dataset].remove(row) for row in rows(book, dataset, **match)] and None


def expire(book: Book) -> None:
    """The future expires flat today, without a final price."""
    rows(book, "contracts", contract_id=FUTURE)[0]["expiry_ts"] = "2026-01-30T08:00:00Z"
    for row in rows(book, "positions", contract_id=FUTURE):
        row["qty_expired"] = row["qty_open"][1:] if row["qty_open"].startswith("-") else f"-{row['qty_open']}"
        row["qty_close"] = "0"


def percent(book: Book) -> None:
    for row in book["vol_quotes"]:
        row.update(iv_bid="54", iv_mark="55", iv_ask="56")


def dollars(book: Book) -> None:
    for row, usd in (
        (rows(book, "prices", contract_id=CALL)[0], "2520"),
        (rows(book, "prices", contract_id=PUT)[0], "8520"),
    ):
        row["price"] = usd


SPOILED: dict[str, Spoiled] = {
    "unknown_contract": Spoiled(
        put("positions", {"contract_id": FUTURE}, contract_id="SOL-PERP.INV"),
        {("positions", line, "SOL-PERP.INV") for line in (5, 6, 7)},
    ),
    "unlisted_contract": Spoiled(
        every(
            add("prices", {"contract_id": PERP}, contract_id="SOL-PERP.INV"),
            add("vol_quotes", {}, contract_id="SOL-20260327-200-C.INV"),
        ),
        {("prices", 12, "SOL-PERP.INV"), ("vol_quotes", 7, "SOL-20260327-200-C.INV")},
    ),
    "wrong_settle_asset": Spoiled(
        every(
            put("contracts", {"contract_id": PUT}, settle_asset="USDC"),
            add("contracts", {"contract_id": FUTURE}, contract_id="ETH-20260327.LIN.BTC", settle_asset="BTC"),
        ),
        {("contracts", 6, PUT), ("contracts", 9, "ETH-20260327.LIN.BTC")},
    ),
    "unknown_member": Spoiled(
        add("accounts", {}, clearing_member_id="M009", margin_account_id="M009A"), {("accounts", 6, "")}
    ),
    "unknown_account": Spoiled(
        put("positions", {"clearing_member_id": "007", "contract_id": PERP}, margin_account_id="M001A"),
        {("positions", 4, PERP)},
    ),
    "shared_account": Spoiled(
        add("accounts", {"clearing_member_id": "007"}, clearing_member_id="M001"),
        {("accounts", 4, ""), ("accounts", 6, "")},
    ),
    "wrong_client": Spoiled(
        put("positions", {"client_id": "CL1", "contract_id": CALL}, client_id=None), {("positions", 8, CALL)}
    ),
    "bad_lei": Spoiled(put("members", {"clearing_member_id": "007"}, lei="549300O897ZC5H7CY413"), {("members", 4, "")}),
    "unbalanced_book": Spoiled(
        put("positions", {"clearing_member_id": "M001", "contract_id": PERP}, qty_buy="51", qty_close="151"),
        {("positions", 0, PERP)},
    ),
    "roll_forward_break": Spoiled(
        every(
            put("positions", {"clearing_member_id": "M001", "contract_id": PERP}, qty_close="151"),
            put("positions", {"clearing_member_id": "007", "contract_id": PERP}, qty_close="-151"),
            put("collateral_balances", {"asset": "USDC"}, qty_close="1"),
        ),
        {("positions", 3, PERP), ("positions", 4, PERP), ("collateral_balances", 5, "USDC")},
    ),
    "missing_opening": Spoiled(
        put("collateral_balances", {"asset": "USD"}, qty_open=None), {("collateral_balances", 6, "USD")}
    ),
    "missing_price": Spoiled(
        every(put("prices", {"contract_id": PERP}, price="NaN"), drop("prices", contract_id="USDC-USD")),
        {("prices", 5, PERP), ("prices", 0, "USDC-USD")},
    ),
    "non_positive_price": Spoiled(put("prices", {"contract_id": "ETH-USD"}, price="0"), {("prices", 4, "ETH-USD")}),
    "missing_option_price": Spoiled(
        every(put("prices", {"contract_id": CALL}, price=None), drop("prices", contract_id=PUT)),
        {("prices", 8, CALL), ("prices", 0, PUT)},
    ),
    "negative_option_price": Spoiled(put("prices", {"contract_id": CALL}, price="-0.0001"), {("prices", 8, CALL)}),
    "stale_price": Spoiled(
        every(
            put("prices", {"contract_id": CALL}, obs_ts="2026-01-30T07:29:59Z"),
            put("prices", {"contract_id": PUT}, obs_ts="2026-01-30T07:30:00Z"),
            put("prices", {"contract_id": PERP}, obs_ts=None),
        ),
        {("prices", 8, CALL), ("prices", 6, PERP)},
    ),
    "frozen_price": Spoiled(put("prices", {"contract_id": PERP}, price="84150"), {("prices", 6, PERP)}),
    "incomplete_funding": Spoiled(drop("funding", interval_end_ts="2026-01-30T00:00:00Z"), {("funding", 0, PERP)}),
    "missing_prev_price": Spoiled(put("prices", {"contract_id": FUTURE}, prev_price=None), {("prices", 0, FUTURE)}),
    "missing_final_price": Spoiled(expire, {("prices", 0, FUTURE)}),
    "expired_position": Spoiled(
        every(
            put("contracts", {"contract_id": CALL}, expiry_ts="2026-01-30T08:00:00Z"),
            add("prices", {"contract_id": CALL}, price_type="FINAL", price="83900"),
        ),
        {("positions", 8, CALL), ("positions", 9, CALL)},
    ),
    "vol_out_of_range": Spoiled(
        every(
            put("vol_quotes", {"contract_id": CALL}, iv_mark=None, iv_bid=None),
            put("vol_quotes", {"contract_id": "ETH-20260327-3000-C.LIN.USDC"}, iv_mark="0.009", iv_bid=None),
        ),
        {("vol_quotes", 3, CALL), ("vol_quotes", 5, "ETH-20260327-3000-C.LIN.USDC")},
    ),
    "non_finite_vol": Spoiled(put("vol_quotes", {"contract_id": CALL}, iv_mark="NaN"), {("vol_quotes", 3, CALL)}),
    "vol_in_percent": Spoiled(
        percent,
        {("vol_quotes", 3, "BTC 2026-03-27 08:00:00"), ("vol_quotes", 5, "ETH 2026-03-27 08:00:00")},
        frozenset({"VOL_OUT_OF_RANGE", "MISSING_VOL_QUOTES"}),
    ),
    "missing_vol_quotes": Spoiled(
        lambda book: book["vol_quotes"].clear(), {("vol_quotes", 0, "BTC"), ("vol_quotes", 0, "ETH")}
    ),
    "premium_unit": Spoiled(
        dollars, {("prices", 8, "BTC 2026-03-27 08:00:00 BTC")}, frozenset({"MARK_OUTSIDE_QUOTES"})
    ),
    "mark_outside_quotes": Spoiled(
        put("vol_quotes", {"contract_id": CALL}, bid_px="0.0301"), {("vol_quotes", 3, CALL)}
    ),
    "bid_above_ask": Spoiled(put("vol_quotes", {"contract_id": CALL}, iv_bid="0.57"), {("vol_quotes", 3, CALL)}),
    "crossed_depth": Spoiled(
        put("book_depth", {"side": "BID", "level": "1"}, price="83951"),
        {("book_depth", line, PERP) for line in (3, 4, 5, 6)},
    ),
    "duplicate_key": Spoiled(add("funding", {}), {("funding", 3, PERP), ("funding", 6, PERP)}),
    "position_beyond_open_interest": Spoiled(
        put("prices", {"contract_id": FUTURE}, open_interest="29"), {("positions", 5, FUTURE)}
    ),
    "position_beyond_volume": Spoiled(
        put("contracts", {"contract_id": PERP}, multiplier="20000000"), {("positions", 0, "BTC")}
    ),
    "price_jump": Spoiled(put("prices", {"contract_id": "BTC-USD"}, price="77000"), {("prices", 3, "BTC-USD")}),
    "unapproved_manual_price": Spoiled(put("prices", {"contract_id": PERP}, quality="MANUAL"), {("prices", 6, PERP)}),
    "price_sets_differ": Spoiled(put("prices", {"contract_id": PUT}, price_set_id="S2"), {("prices", 9, PUT)}),
    "factor_out_of_unit": Spoiled(
        every(
            put("factor_history", {"series": "IV30"}, level="55"),
            put("factor_history", {"series": "F30"}, level="27900"),
            put("factor_history", {"series": "H06"}, level="840"),
        ),
        {("factor_history", 3, "BTC.IV30"), ("factor_history", 4, "ETH.F30"), ("factor_history", 5, "BTC.H06")},
    ),
    "factor_without_closes": Spoiled(
        put("factor_history", {"series": "PERP"}, underlying="XBT"), {("factor_history", 6, "XBT")}
    ),
    "missing_history": Spoiled(
        drop("history", underlying="ETH"), {("history", 0, "ETH")}, frozenset({"FACTOR_WITHOUT_CLOSES"})
    ),
    "member_not_active": Spoiled(put("members", {"clearing_member_id": "007"}, status="WATCH"), {("positions", 0, "")}),
    "missing_haircut_asset": Spoiled(
        every(
            add("collateral_balances", {"asset": "BTC"}, asset="SOL"),
            add("prices", {"contract_id": "ETH-USD"}, contract_id="SOL-USD"),
        ),
        {("collateral_balances", 7, "SOL")},
    ),
    "future_timestamp": Spoiled(
        every(
            put("prices", {"contract_id": CALL}, obs_ts="2026-01-30T08:00:00.000001Z"),
            put(
                "positions",
                {"clearing_member_id": "007", "contract_id": PERP},
                position_as_of_ts="2026-01-30T08:00:01Z",
            ),
        ),
        {("prices", 8, CALL), ("positions", 4, PERP)},
    ),
}

CARRIED = {"balance_roll", "missing_position", "changed_terms", "prior_surface"}
"""Checks against the cycle before: tests/gate/test_carried.py, test_next_day.py. Genesis: tests/gate/test_clean.py."""

DECIDED = {"prior_positions"}
"""A check of what two persons let stand in: tests/cycle/test_cut_offs.py."""


def test_every_check_is_spoiled_once():
    assert {check.check_id for check in gate_checks.row_checks()} == {*SPOILED, *CARRIED, *DECIDED, "genesis"}


@pytest.mark.parametrize("name", sorted(SPOILED))
def test_spoiled(name, between_rows, book):
    spoiled = SPOILED[name]
    check = next(check for check in gate_checks.row_checks() if check.check_id == name)
    spoiled.spoil(book)
    gated = between_rows(book)

    found = gated.findings(check_id=name)
    assert {row["code"] for row in gated.findings()} == {check.code, "GENESIS", *spoiled.also}
    assert {(row["dataset"], row["source_line"], row["contract_id"]) for row in found} == spoiled.found
    assert {(row["severity"], row["scope"], row["code"]) for row in found} == {
        (check.severity, check.scope, name.upper())
    }
    assert all(row["value"] and row["limit_value"] and row["action"] for row in found)

    assert_outcome(gated, check, found)


def assert_outcome(gated, check, found):
    """Critical blocks or holds the accounts named, a warning on rows takes exactly them out, all else passes whole."""
    blocking = {row["code"] for row in gated.findings(severity="critical") if row["scope"] != "member"}
    assert {finding.code for finding in gated.closed} == (gated.codes("critical") if blocking else set())
    assert gated.state == ("BLOCKED" if blocking else "VALIDATED")
    if check.severity == "critical" and check.scope == "member":
        assert_held(gated, found)
        return
    rejected = gated.table("book.rejected").filter(code=check.code)
    out = {(row["dataset"], row["source_line"]) for row in found if row["source_line"]}
    taken = check.severity == "warning" and check.scope == "row"
    assert {(row["dataset"], row["source_line"]) for row in rejected.iter_rows(named=True)} == (out if taken else set())
    assert_nothing_vanished(gated)


def assert_held(gated, found):
    """Members whose lines are broken are held, nobody else; lines leave the book for the suspense line alone."""
    assert set(gated.table("book.held")["clearing_member_id"]) == {row["clearing_member_id"] for row in found}
    lines = {(row["dataset"], row["source_line"]) for row in found}
    rejected = {(row["dataset"], row["source_line"]) for row in gated.table("book.rejected").iter_rows(named=True)}
    suspended = {("positions", line) for line in gated.table("book.suspense")["source_line"]}
    assert rejected == suspended and rejected <= lines
    assert_nothing_vanished(gated)


def assert_nothing_vanished(gated):
    """Every delivered row is in the book or listed as rejected, and none is both."""
    rejected = gated.table("book.rejected")
    for dataset, table in TABLES.items():
        used, out = gated.table(f"book.{table}"), rejected.filter(dataset=dataset)
        assert used.join(out, on=["file_id", "source_line"]).is_empty()
        assert used.height + out.height == gated.delivered[dataset]


def lei(stem: str) -> str:
    """An LEI of an 18-character stem: check digits by ISO 7064, modulo 97-10, worked on one whole number."""
    spelled = "".join(str(int(character, 36)) for character in f"{stem}00")
    return f"{stem}{98 - int(spelled) % 97:02d}"


def test_a_true_lei_passes_and_a_shared_one_does_not(between_rows, book):
    assert lei("5493001KJTIIGC8Y1R") == "5493001KJTIIGC8Y1R12"
    for member, stem in zip(
        book["members"], ("5493001KJTIIGC8Y1R", "ZZZZ00ABCDEFGHIJKL", "99990000000000M003"), strict=True
    ):
        member["lei"] = lei(stem)
    assert "BAD_LEI" not in between_rows(book).codes("critical")
    book["members"][2]["lei"] = book["members"][0]["lei"]
    assert [row["clearing_member_id"] for row in between_rows(book).findings(code="BAD_LEI")] == ["M001", "M003"]


def test_a_few_high_volatilities_are_left_out_and_no_unit_error(between_rows, book):
    """1 quote of 21 is 4.8 %, below the policy's 5 %: the expiry stands without it."""
    contract, quote = rows(book, "contracts", contract_id=CALL)[0], rows(book, "vol_quotes", contract_id=CALL)[0]
    for strike in range(19):
        name = f"BTC-20260327-{91000 + 1000 * strike}-C.INV"
        book["contracts"].append({**contract, "contract_id": name, "strike": str(91000 + 1000 * strike)})
        book["vol_quotes"].append({**quote, "contract_id": name})
    quote.update(iv_mark="6", iv_bid="5", iv_ask="7")
    gated = between_rows(book)
    assert gated.codes("critical") == set()
    assert [row["contract_id"] for row in gated.findings(code="VOL_OUT_OF_RANGE")] == [CALL]


def test_zero_is_a_price_of_an_option(between_rows, book):
    rows(book, "prices", contract_id="ETH-20260327-3000-C.LIN.USDC")[0]["price"] = "0"
    rows(book, "prices", contract_id="ETH-20260327-3000-P.LIN.USDC")[0]["price"] = "200"
    codes = {row["code"] for row in between_rows(book).findings()}
    assert codes == {"GENESIS", "MARK_OUTSIDE_QUOTES"}
