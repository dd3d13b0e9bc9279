"""A clean day passes, whole; the gate says the same of the same day; a closed gate keeps what it found."""

from __future__ import annotations

import random
from decimal import Decimal

from tasks import gate_suites
from tasks.gate import FINDINGS_KEPT, FINDINGS_SHOWN


def test_a_clean_book_passes_with_genesis_alone(clean):
    assert clean.closed == ()
    assert clean.state == "VALIDATED"
    assert [(row["code"], row["severity"], row["scope"]) for row in clean.findings()] == [
        ("GENESIS", "warning", "book")
    ]
    assert clean.table("book.rejected").is_empty()
    for dataset, table in gate_suites.TABLES.items():
        assert clean.table(f"book.{table}").height == clean.delivered[dataset]


def test_every_check_has_its_result(clean):
    results = clean.table("control.check_result")
    assert results["check_id"].is_unique().all()
    assert {"positions.row_count", "positions.qty_buy.out_of_range", "unbalanced_book"} <= set(results["check_id"])
    assert set(results.filter(kind="COLUMN")["check_id"]) == set(gate_suites.check_ids())
    assert results.filter(check_id="unbalanced_book")["examined"].item() == clean.delivered["positions"]
    assert results.filter(passed=False)["check_id"].to_list() == ["genesis"]


def test_figures_are_typed_exactly(clean):
    position = (
        clean.table("book.position").filter(clearing_member_id="007", contract_id="BTC-PERP.INV").row(0, named=True)
    )
    assert position["qty_close"] == Decimal(-150)
    assert position["sell_value"] == Decimal("0.0006")
    assert position["client_id"] == ""
    price = clean.table("book.price").filter(contract_id="BTC-20260327-90000-P.INV").row(0, named=True)
    assert (price["price"], price["age_seconds"]) == (Decimal("0.1014285714"), 2.0)


def test_an_empty_close_is_opening_plus_movements(between_rows, book, pick):
    pick(book, "positions", clearing_member_id="M001", contract_id="BTC-PERP.INV")["qty_close"] = None
    gated = between_rows(book)
    assert gated.state == "VALIDATED"
    closes = gated.table("book.position").filter(contract_id="BTC-PERP.INV").sort("qty_close")["qty_close"]
    assert closes.to_list() == [Decimal(-150), Decimal(150)]


def test_the_order_of_rows_changes_nothing_but_their_lines(between_rows, book):
    def rows(gated):
        return {(row["code"], row["contract_id"], row["value"], row["limit_value"]) for row in gated.findings()}

    for row in book["prices"]:
        row["obs_ts"] = None
    shuffled = {dataset: random.Random(1).sample(lines, len(lines)) for dataset, lines in book.items()}
    assert rows(between_rows(book)) == rows(between_rows(shuffled))


def test_a_closed_gate_keeps_what_it_found_and_runs_again(run, regate, book, pick):
    pick(book, "prices", contract_id="BTC-USD")["price"] = "0"
    pick(book, "prices", contract_id="BTC-20260327-90000-C.INV")["price"] = "-1"
    first = run(book)
    assert first.receipt is None
    assert first.state == "BLOCKED"
    assert first.table("control.stage_run")["state"].to_list() == ["BLOCKED"]
    assert first.table("book.rejected")["code"].to_list() == ["NEGATIVE_OPTION_PRICE"]
    [finding] = first.closed
    assert finding.code == "NON_POSITIVE_PRICE"
    assert finding.where == f"prices-HOUSE-{first.key.run_id}:3 BTC-USD"
    assert (finding.value, finding.limit) == ("0.0000000000", "> 0")
    assert finding.action

    second = regate(first)
    assert second.closed == first.closed
    for table in ("control.finding", "control.check_result", "book.price", "book.rejected"):
        assert second.table(table).equals(first.table(table))
    assert second.table("control.stage_run")["attempt"].to_list() == [2]


def test_a_done_gate_is_not_run_again(between_rows, regate, book):
    again = regate(between_rows(book))
    assert again.receipt.resumed


def test_many_breaks_are_all_counted_and_the_first_ones_shown(between_rows, book, pick):
    like = pick(book, "positions", contract_id="BTC-PERP.INV")
    book["positions"] += [{**like, "contract_id": "NONE.INV", "client_id": f"C{number:05d}"} for number in range(1200)]
    gated = between_rows(book)
    unknown = [finding for finding in gated.closed if finding.code == "UNKNOWN_CONTRACT"]
    assert len(unknown) == FINDINGS_SHOWN + 1
    assert unknown[-1].value == f"{1200 - FINDINGS_SHOWN} more"
    assert len(gated.findings(code="UNKNOWN_CONTRACT")) == FINDINGS_KEPT
    result = gated.table("control.check_result").filter(check_id="unknown_contract").row(0, named=True)
    assert (result["failed"], result["passed"]) == (1200, False)
