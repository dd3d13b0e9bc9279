"""Every rule of the tie-out, broken once: exactly that rule fires; and a book that agrees passes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tasks import codes, resources
from tasks.approve import approve
from tasks.model.errors import Finding, ReconciliationError
from tasks.stage import Context
from tasks.tie_out import breaks, tie_out

# A change of one row or value, and the place the rule must name.
POISONS = {
    "suspense_balanced": (
        "INSERT INTO book.suspense SELECT *, 'M001H' AS charged_account_id FROM ("
        "SELECT * REPLACE ('NONE.INV' AS contract_id, 5 AS qty_close) FROM book.position LIMIT 1)",
        "NONE.INV",
    ),
    "account_complete": (
        "INSERT INTO book.account SELECT * REPLACE ('M009X' AS margin_account_id) FROM book.account",
        "M009X",
    ),
    "balance_carried": (
        "INSERT INTO result.balance SELECT * REPLACE ('before' AS run_id,"
        " opening + CASE asset WHEN 'USDC' THEN 1 ELSE 0 END AS closing) FROM result.balance;"
        "UPDATE control.cycle_run SET predecessor_run_id = 'before'",
        "M001H USDC",
    ),
    "balance_identity": (
        "UPDATE result.balance SET closing = 1.500000010000000001 WHERE asset = 'BTC';"
        "UPDATE result.collateral SET quantity = 1.500000010000000001 WHERE asset = 'BTC'",
        "M001H BTC",
    ),
    "balance_ledger": (
        "UPDATE result.balance SET opening = opening + 1, movements = movements - 1 WHERE asset = 'BTC'",
        "M001H BTC",
    ),
    "call_ledger": (
        "UPDATE control.margin_call SET call_amount_usd = 11999, increment_amount_usd = 11999",
        "M001H",
    ),
    "call_versions": ("UPDATE control.margin_call SET increment_amount_usd = 11999", "M001H"),
    "collateral_balance": ("UPDATE result.collateral SET quantity = 1.5 WHERE asset = 'BTC'", "M001H BTC"),
    "collateral_lines": (
        "UPDATE result.collateral SET post_haircut_value_usd = post_haircut_value_usd + 0.01 WHERE asset = 'BTC'",
        "M001H",
    ),
    "excess_or_deficit": ("UPDATE result.margin_account SET excess_amount_usd = 0.01", "M001H"),
    "ledger_closes": (
        "UPDATE result.ledger SET amount = amount - 0.000000000000000001"
        " WHERE movement_type = 'DEPOSIT' AND clearing_member_id = 'CCP'",
        "USDC DEPOSIT",
    ),
    "portfolio_account": (
        "UPDATE result.margin_account SET total_initial_margin_usd = 20000.01",
        "M001H total_initial_margin",
    ),
    "requirement_lines": (
        "UPDATE result.requirement SET amount_usd = 999.99 WHERE component = 'FLOOR_TOP_UP'",
        "M001H",
    ),
    "rounding_ledger": ("UPDATE result.settlement_rounding SET rounded_total = 0.00000002", "BTC"),
    "row_counts": ("DELETE FROM book.rejected", "positions POSITIONS-1"),
    "variation_ledger": ("UPDATE result.variation SET variation_margin = 0.50000002", "BTC VM"),
}


Rows = list[tuple[str, dict[str, Any]]]
WHO = {"clearing_member_id": "M001", "margin_account_id": "M001H"}
HOUSE = {"clearing_member_id": "CCP", "margin_account_id": "CCP"}
HOUSE_ROUNDING = {"clearing_member_id": "CCP", "margin_account_id": "ROUNDING"}


@pytest.fixture(scope="module")
def agreed_book(freeze_run: Callable[[], Any]) -> Any:
    """One account whose tables agree, with a rounding residue of one unit, a rejected line and a call. Not written."""
    run = freeze_run()
    run.put_all(*_delivered(), *_money(), *_margin())
    return run


@pytest.fixture
def agreed(freeze_run: Callable[[], Any]) -> Any:
    """The same book in a home of its own, for a stage that writes."""
    run = freeze_run()
    run.put_all(*_delivered(), *_money(), *_margin())
    return run


def _delivered() -> Rows:
    return [
        ("book.account", {"status": "ACTIVE", **WHO}),
        ("control.input_manifest", {"file_id": "POSITIONS-1", "dataset": "positions"}),
        ("raw.positions", {"file_id": "POSITIONS-1", "source_line": 3}),
        ("raw.positions", {"file_id": "POSITIONS-1", "source_line": 4}),
        ("raw.positions", {"file_id": "POSITIONS-OF-ANOTHER-DAY", "source_line": 3}),
        ("book.position", {"file_id": "POSITIONS-1", "source_line": 3, "contract_id": "BTC-PERP.INV", **WHO}),
        ("book.rejected", {"dataset": "positions", "file_id": "POSITIONS-1", "source_line": 4}),
        ("book.collateral", {"file_id": "before", "source_line": 0, "asset": "ETH", **WHO}),
    ]


def _money() -> Rows:
    entries = (
        ("BTC", "OPEN", WHO, "1"),
        ("BTC", "OPEN", HOUSE, "-1"),
        ("BTC", "VM", WHO, "0.50000001"),
        ("BTC", "VM", HOUSE, "-0.50000001"),
        ("BTC", "ROUNDING", HOUSE, "0.00000001"),
        ("BTC", "ROUNDING", HOUSE_ROUNDING, "-0.00000001"),
        ("USDC", "OPEN", WHO, "10"),
        ("USDC", "OPEN", HOUSE, "-10"),
        ("USDC", "DEPOSIT", WHO, "5"),
        ("USDC", "DEPOSIT", HOUSE, "-5"),
    )
    return [
        ("result.variation", {"settle_asset": "BTC", "variation_margin": "0.50000001", **WHO}),
        ("result.settlement_rounding", {"asset": "BTC", "movement_type": "VM", "rounded_total": "0.00000001"}),
        *(
            ("result.ledger", {"asset": asset, "movement_type": movement, "amount": amount, **account})
            for asset, movement, account, amount in entries
        ),
        ("result.balance", {"asset": "BTC", "opening": "1", "movements": "0.50000001", "closing": "1.50000001", **WHO}),
        ("result.balance", {"asset": "USDC", "opening": "10", "movements": "5", "closing": "15", **WHO}),
    ]


def _margin() -> Rows:
    figures = {
        "initial_margin_usd": "21000",
        "net_option_value_usd": "1000",
        "total_initial_margin_usd": "20000",
        "maintenance_margin_usd": "15750",
        "total_maintenance_margin_usd": "14750",
        **WHO,
    }
    return [
        ("result.requirement", {"component": "BASE_MARGIN", "amount_usd": "20000", **WHO}),
        ("result.requirement", {"component": "FLOOR_TOP_UP", "amount_usd": "1000", **WHO}),
        ("result.portfolio", figures),
        (
            "result.collateral",
            {
                "asset": "BTC",
                "quantity": "1.50000001",
                "market_value_usd": "9000",
                "post_haircut_value_usd": "8000",
                **WHO,
            },
        ),
        (
            "result.collateral",
            {"asset": "USDC", "quantity": "15", "market_value_usd": "15", "post_haircut_value_usd": "14", **WHO},
        ),
        (
            "result.margin_account",
            {
                "collateral_market_value_usd": "9015",
                "collateral_post_haircut_value_usd": "8014",
                "deficit_amount_usd": "11986",
                "margin_call_amount_usd": "12000",
                **figures,
            },
        ),
        (
            "control.margin_call",
            {
                "call_id": "a",
                "call_version": 1,
                "state": "DRAFT",
                "call_amount_usd": "12000",
                "increment_amount_usd": "12000",
                **WHO,
            },
        ),
    ]


def _rules() -> list[str]:
    return [name.removeprefix("tie_out/") for name in resources.sql_names("tie_out")]


def _breaks(context: Context) -> dict[str, list[Finding]]:
    return {name: list(breaks(context, f"tie_out/{name}")) for name in _rules()}


def test_every_rule_is_broken_below() -> None:
    assert sorted(POISONS) == _rules()


def test_tables_that_agree_are_reconciled(agreed: Any) -> None:
    tie_out(agreed.home, agreed.key)
    assert agreed.read("SELECT state FROM control.cycle_run") == [("RECONCILED",)]


@pytest.mark.parametrize("rule", POISONS)
def test_a_break_fires_its_own_rule_and_no_other(agreed_book: Any, rule: str) -> None:
    poison, place = POISONS[rule]
    found = agreed_book.tried(poison.split(";"), _breaks)
    assert {name for name, findings in found.items() if findings} == {rule}
    assert [finding.where for finding in found[rule]] == [f"{rule} {place}"]
    assert found[rule][0].what.startswith("broken: ")
    assert found[rule][0].value != found[rule][0].limit


def test_all_breaks_are_listed_under_one_code_and_the_run_is_not_reconciled(agreed: Any) -> None:
    agreed.execute(POISONS["ledger_closes"][0])
    agreed.execute(POISONS["excess_or_deficit"][0])
    with pytest.raises(ReconciliationError) as refused:
        tie_out(agreed.home, agreed.key)
    assert [finding.code for finding in refused.value.findings] == ["CROSS_REPORT", "CROSS_REPORT"]
    assert codes.exit_code(refused.value.code) == 30
    assert agreed.read("SELECT state FROM control.cycle_run") != [("RECONCILED",)]


def test_approval_is_automatic_and_leaves_the_calls_to_the_release(agreed: Any) -> None:
    agreed.put("control.margin_call", call_id="b", call_version=1, state="ISSUED", call_amount_usd="1")
    agreed.execute(
        "INSERT INTO control.margin_call SELECT * REPLACE ('c' AS call_id, 'other' AS run_id)"
        " FROM control.margin_call WHERE call_id = 'a'"
    )
    approve(agreed.home, agreed.key)
    assert agreed.read("SELECT call_id, state, call_amount_usd FROM control.margin_call ORDER BY call_id") == [
        ("a", "DRAFT", Decimal(12000)),
        ("b", "ISSUED", Decimal(1)),
        ("c", "DRAFT", Decimal(12000)),
    ]
    assert agreed.read("SELECT state FROM control.cycle_run") == [("APPROVED",)]
