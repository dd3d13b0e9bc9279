"""The second day: openings are the closes of the day before, whatever is delivered; nothing carried vanishes."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from tasks.store import Store


def carry(book, gated):
    """The book of the next day: what closed is open, nothing moved."""
    closes = {
        (row["clearing_member_id"], row["client_id"], row["contract_id"]): str(row["qty_close"])
        for row in gated.table("book.position").iter_rows(named=True)
    }
    for row in book["positions"]:
        close = closes[row["clearing_member_id"], row["client_id"] or "", row["contract_id"]]
        row.update(qty_open=None, qty_close=None, qty_buy="0", qty_sell="0", buy_value="0", sell_value="0")
        row["qty_close"] = close
    for row in book["collateral_balances"]:
        row.update(qty_open=None, deposits="0", withdrawals="0")


@pytest.fixture
def yesterday(between_rows, book):
    """A run with the results the next day carries: balances and settlement prices."""
    gated = between_rows(book)
    balances = [
        {
            "clearing_member_id": member,
            "margin_account_id": f"{member}A",
            "asset": asset,
            "form": form,
            "closing": Decimal(closing),
        }
        for member, asset, form, closing in (
            ("M001", "BTC", "COIN", "10.5"),
            ("007", "BTC", "COIN", "3.5"),
            ("M003", "USDC", "STABLECOIN", "250000.5"),
            ("M003", "USD", "CASH", "1000.5"),
            ("M001", "USDC", "STABLECOIN", "-200"),
        )
    ]
    zero = {name: Decimal(0) for name in ("opening", "movements", "pending_in", "pending_out")}
    marks = [
        {
            "contract_id": name,
            "settlement_price": Decimal(price),
            "index_price": Decimal(1),
            "method": "DELIVERED",
            "forward_price": Decimal(1),
            "settle_asset_price": Decimal(1),
            "quality": "OK",
            "mark_uncertainty_usd": 0.0,
        }
        for name, price in (("BTC-PERP.INV", "84150"), ("ETH-20260327.LIN.USDC", "2820"))
    ]
    with Store(gated.home.database) as store:
        run_id = {"run_id": gated.key.run_id}
        store.append("result.balance", pl.DataFrame([{**run_id, **zero, **row} for row in balances]))
        store.append("result.mark", pl.DataFrame([{**run_id, **row} for row in marks]))
    carry(book, gated)
    return gated


def test_openings_and_balances_are_carried(between_rows, book, yesterday):
    gated = between_rows(book, predecessor=yesterday)
    assert gated.findings() == []
    opened = gated.table("book.position").filter(contract_id="BTC-PERP.INV").sort("qty_open")["qty_open"]
    assert opened.to_list() == [Decimal(-150), Decimal(150)]
    balances = {
        (row["clearing_member_id"], row["asset"]): row for row in gated.table("book.collateral").iter_rows(named=True)
    }
    assert balances["M001", "BTC"]["qty_open"] == Decimal("10.5")
    debt = balances["M001", "USDC"]
    assert (debt["qty_open"], debt["source_line"], debt["file_id"]) == (Decimal(-200), 0, yesterday.key.run_id)


def test_a_carried_balance_passes_the_column_rules(run, book, yesterday):
    assert run(book, predecessor=yesterday).findings() == []


def test_a_delivered_opening_must_agree(between_rows, book, yesterday, pick):
    perpetual = pick(book, "positions", clearing_member_id="M001", contract_id="BTC-PERP.INV")
    perpetual.update(qty_open="149", qty_sell="0", qty_transfer="1")
    pick(book, "positions", clearing_member_id="007", contract_id="BTC-PERP.INV").update(
        qty_open="-149", qty_transfer="-1"
    )
    pick(book, "collateral_balances", asset="USD")["qty_open"] = "1000.6"
    gated = between_rows(book, predecessor=yesterday)
    assert {row["code"] for row in gated.findings()} == {"BALANCE_ROLL"}
    assert {
        (row["dataset"], row["source_line"], row["severity"], row["scope"], row["limit_value"])
        for row in gated.findings()
    } == {
        ("positions", 3, "critical", "member", "150.00000000"),
        ("positions", 4, "critical", "member", "-150.00000000"),
        ("collateral_balances", 6, "critical", "member", "1000.500000000000000000"),
    }
    assert gated.state == "VALIDATED"
    assert gated.table("book.held")["margin_account_id"].to_list() == ["007A", "M001A", "M003A"]


def test_a_position_that_is_not_delivered_is_missed(between_rows, book, yesterday):
    book["positions"] = [row for row in book["positions"] if row["contract_id"] != "BTC-20260327-90000-C.INV"]
    gated = between_rows(book, predecessor=yesterday)
    assert {(row["code"], row["clearing_member_id"], row["limit_value"]) for row in gated.findings()} == {
        ("MISSING_POSITION", "M003", "carried 2.00000000"),
        ("MISSING_POSITION", "007", "carried -2.00000000"),
    }
    carried = gated.table("book.position").filter(contract_id="BTC-20260327-90000-C.INV").sort("qty_close")
    assert carried["qty_close"].to_list() == [Decimal(-2), Decimal(2)]
    assert gated.table("book.held")["margin_account_id"].to_list() == ["007A", "M003A"]
    assert gated.state == "VALIDATED"


def test_a_line_that_closed_flat_may_be_left_out(between_rows, book, yesterday):
    flat = {"qty_open": "0", "qty_close": "0", "contract_id": "BTC-20260327-90000-P.INV"}
    held = book["positions"]
    book["positions"] = [*held, {**held[0], **flat}]
    today = between_rows(book, predecessor=yesterday)
    book["positions"] = held
    assert "BTC-20260327-90000-P.INV" in set(today.table("book.position")["contract_id"])
    assert "MISSING_POSITION" not in {row["code"] for row in between_rows(book, predecessor=today).findings()}
