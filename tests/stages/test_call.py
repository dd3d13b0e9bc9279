"""The call stage: from requirement and balances to excess, deficit, drafts, and earlier calls met by deposits."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tasks.call import call
from tasks.model.margin.call import call_id

EARLIER = "20260129-EOD"
FIRST = call_id(EARLIER, "M001H")


@pytest.fixture
def required(frozen_run: Any) -> Any:
    """M001H must hold 100,000 and M002H nothing; M001H has 1 BTC (67,500 after haircut) and owes 500 USDC."""
    rows: list[tuple[str, dict[str, Any]]] = []
    for member, amount in (("M001", "100000"), ("M002", "0")):
        account = {"clearing_member_id": member, "margin_account_id": f"{member}H"}
        totals = (
            "initial_margin_usd",
            "total_initial_margin_usd",
            "maintenance_margin_usd",
            "total_maintenance_margin_usd",
        )
        rows += [
            (
                "book.member",
                {"clearing_member_id": member, "legal_name": member, "status": "ACTIVE", "base_ccy": "USD"},
            ),
            (
                "book.account",
                {**account, "account_type": "HOUSE", "base_ccy": "USD", "collateral_mode": "joint", "status": "ACTIVE"},
            ),
            ("result.portfolio", {**account, **dict.fromkeys(totals, amount)}),
        ]
    rows += [
        (
            "result.asset_price",
            {
                "asset": asset,
                "price_usd": price,
                "quality": "OK",
                "lowest_price_usd": price,
                "highest_price_usd": price,
                "sources": 0 if asset == "USD" else 2,
            },
        )
        for asset, price in (("USD", "1"), ("USDC", "1"), ("BTC", "90000"))
    ]
    rows += [
        ("result.haircut", {"asset": asset, "haircut_fraction": haircut, "rule_id": f"of {asset}", "quality": "OK"})
        for asset, haircut in (("USD", "0"), ("USDC", "0.05"), ("BTC", "0.25"))
    ]
    rows += [
        (
            "result.balance",
            {
                "clearing_member_id": "M001",
                "margin_account_id": "M001H",
                "asset": asset,
                "form": "COIN",
                "closing": closing,
            },
        )
        for asset, closing in (("BTC", "1"), ("USDC", "-500"))
    ]
    frozen_run.put_all(*rows)
    return frozen_run


@pytest.fixture
def followed(required: Any) -> Any:
    """The run follows one that issued a call of 40,000 to M001H, of which a published cycle met 10,000."""
    required.execute("UPDATE control.cycle_run SET predecessor_run_id = '20260129-EOD-r01', genesis = FALSE")
    required.put_all(
        (
            "control.cycle_run",
            {"run_id": "20260128-EOD-r01", "cycle": "EOD", "run_no": 1, "as_of_ts": datetime(2026, 1, 28, 8)},
        ),
        ("control.cycle_run", {"run_id": "20260129-EOD-r01", "cycle": "EOD", "run_no": 1, "state": "PUBLISHED"}),
        (
            "control.margin_call",
            {
                "run_id": "20260128-EOD-r01",
                "call_id": FIRST,
                "call_version": 1,
                "cycle_id": EARLIER,
                "clearing_member_id": "M001",
                "margin_account_id": "M001H",
                "call_type": "INITIAL_MARGIN",
                "state": "PART_MET",
                "call_amount_usd": "40000",
                "increment_amount_usd": "40000",
                "met_amount_usd": "10000",
                "issued_ts": datetime(2026, 1, 28, 8, 20),
                "due_ts": datetime(2026, 1, 28, 14, 0),
            },
        ),
        (
            "result.outstanding_call",
            {
                "run_id": "20260129-EOD-r01",
                "call_id": FIRST,
                "call_version": 1,
                "call_amount_usd": "40000",
                "opening_usd": "40000",
                "met_usd": "10000",
                "closing_usd": "30000",
                "state": "PART_MET",
            },
        ),
    )
    return required


def figures(run: Any) -> Any:
    return run.read(
        "SELECT collateral_post_haircut_value_usd, outstanding_calls_usd, deficit_amount_usd, "
        "margin_call_amount_usd FROM result.margin_account WHERE margin_account_id = 'M001H'"
    )


def outstanding(run: Any) -> Any:
    return run.read(
        "SELECT state, call_amount_usd - closing_usd, fallen_due_usd, overdue_usd, age_days, overdue_hours, cause "
        f"FROM result.outstanding_call WHERE run_id = '20260130-EOD-r01' AND call_id = '{FIRST}'"
    )


def test_a_deficit_becomes_a_draft(required: Any) -> None:
    call(required.home, required.key)
    # 67,500 - 500 x 1.05 = 66,975; 100,000 - 66,975 = 33,025, up to 34,000.
    assert figures(required) == [(Decimal("66975.00"), 0, Decimal("33025.00"), 34000)]
    assert required.read(
        "SELECT call_id, state, call_amount_usd, due_asset, due_amount, issued_ts, due_ts, cycle_id "
        "FROM control.margin_call"
    ) == [
        (
            call_id("20260130-EOD", "M001H"),
            "DRAFT",
            34000,
            "USD",
            34000,
            datetime(2026, 1, 30, 8, 20),
            datetime(2026, 1, 30, 14, 0),
            "20260130-EOD",
        ),
    ]
    assert required.read("SELECT state FROM control.cycle_run") == [("COMPUTED",)]


def test_every_account_has_one_row_and_a_flat_one_zeros(required: Any) -> None:
    call(required.home, required.key)
    rows = required.read(
        "SELECT margin_account_id, initial_margin_usd, excess_amount_usd, margin_call_amount_usd, "
        "status, quality_flags FROM result.margin_account ORDER BY ALL"
    )
    assert [row[0] for row in rows] == ["M001H", "M002H"]
    assert rows[1] == ("M002H", 0, 0, 0, "FINAL", "RATING_MISSING=1")


def test_running_again_replaces_the_drafts(required: Any) -> None:
    call(required.home, required.key)
    required.execute("DELETE FROM control.stage_run")
    required.execute("UPDATE result.balance SET closing = 0 WHERE asset = 'USDC'")
    call(required.home, required.key)
    assert required.read("SELECT call_amount_usd, call_version FROM control.margin_call") == [(33000, 1)]


def test_a_draft_of_an_earlier_run_of_the_cycle_is_replaced(required: Any) -> None:
    identity = call_id("20260130-EOD", "M001H")
    required.put(
        "control.margin_call",
        run_id="20260130-EOD-r00",
        call_id=identity,
        call_version=1,
        cycle_id="20260130-EOD",
        margin_account_id="M001H",
        state="DRAFT",
    )
    call(required.home, required.key)
    assert required.read("SELECT run_id, call_amount_usd FROM control.margin_call") == [("20260130-EOD-r01", 34000)]


@pytest.mark.parametrize(
    ("issued", "rows"),
    [
        ("34000", []),
        ("30000", [(2, 34000, 4000, "CORRECTION_INCREASE")]),
        ("50000", [(2, 34000, -16000, "CORRECTION_CREDIT")]),
    ],
)
def test_an_issued_call_of_the_cycle_gets_a_next_version_where_it_changes(
    required: Any, issued: str, rows: list[Any]
) -> None:
    required.put(
        "control.margin_call",
        run_id="20260130-EOD-r00",
        call_id=call_id("20260130-EOD", "M001H"),
        call_version=1,
        cycle_id="20260130-EOD",
        clearing_member_id="M001",
        margin_account_id="M001H",
        state="ISSUED",
        call_amount_usd=issued,
        increment_amount_usd=issued,
    )
    call(required.home, required.key)
    assert figures(required)[0][3] == 34000
    assert required.read("SELECT state, call_amount_usd FROM control.margin_call WHERE call_version = 1") == [
        ("ISSUED", int(issued))
    ]
    assert (
        required.read(
            "SELECT call_version, call_amount_usd, increment_amount_usd, reason_code FROM control.margin_call "
            "WHERE state = 'DRAFT'"
        )
        == rows
    )


def test_a_defaulted_member_is_called_no_more(required: Any) -> None:
    required.execute("UPDATE book.member SET status = 'DEFAULTED' WHERE clearing_member_id = 'M001'")
    call(required.home, required.key)
    assert figures(required) == [(Decimal("66975.00"), 0, Decimal("33025.00"), 0)]
    assert required.read("SELECT count(*) FROM control.margin_call") == [(0,)]


def test_what_is_owed_from_earlier_is_not_called_again(followed: Any) -> None:
    call(followed.home, followed.key)
    assert figures(followed) == [(Decimal("66975.00"), 30000, Decimal("33025.00"), 0)]
    # Issued on the 28th at 8:20 and due at 14:00; on the 30th at 8:00 that is two days and 42 hours ago.
    assert outstanding(followed) == [("ESCALATED", 10000, 40000, 30000, 2, 42, "OVERDUE")]
    assert followed.read("SELECT state, met_amount_usd FROM control.margin_call") == [("PART_MET", 10000)]


def test_deposits_meet_it_and_running_again_counts_them_once(followed: Any) -> None:
    followed.put(
        "book.collateral",
        clearing_member_id="M001",
        margin_account_id="M001H",
        asset="USDC",
        form="COIN",
        deposits="20000",
    )
    for _ in range(2):
        call(followed.home, followed.key)
        assert figures(followed) == [(Decimal("66975.00"), 11000, Decimal("33025.00"), 23000)]
        assert outstanding(followed) == [("ESCALATED", 29000, 40000, 11000, 2, 42, "OVERDUE")]
        followed.execute("DELETE FROM control.stage_run")


def test_a_call_that_is_met_is_closed(followed: Any) -> None:
    followed.put(
        "book.collateral",
        clearing_member_id="M001",
        margin_account_id="M001H",
        asset="USD",
        form="CASH",
        deposits="45000",
    )
    call(followed.home, followed.key)
    assert followed.read(
        "SELECT met_usd, closing_usd, state FROM result.outstanding_call WHERE run_id = '20260130-EOD-r01'"
    ) == [(30000, 0, "MET")]
    assert outstanding(followed) == [("MET", 40000, 40000, 0, 2, 0, "")]


@pytest.mark.parametrize(
    "change",
    [
        "control.margin_call SET state = 'WITHDRAWN', call_amount_usd = 0",
        "control.margin_call SET state = 'DRAFT'",
        "control.margin_call SET state = 'INDICATIVE'",
        "control.cycle_run SET as_of_ts = TIMESTAMP '2026-01-30 09:00:00' WHERE run_id = '20260128-EOD-r01'",
    ],
)
def test_only_calls_of_cycles_before_count(followed: Any, change: str) -> None:
    followed.execute(f"UPDATE {change}")
    call(followed.home, followed.key)
    assert figures(followed)[0][1] == 0


def test_fallbacks_behind_an_account_are_counted(required: Any) -> None:
    account = {"clearing_member_id": "M001", "margin_account_id": "M001H"}
    rows: list[tuple[str, dict[str, Any]]] = []
    for contract, kind, quality, method, funding in (
        ("BTC-PERP.LIN.USDC", "PERP", "STALE", "DELIVERED", "PROXY"),
        ("BTC-C", "OPT", "MODEL", "MODEL_PRICE", "NONE"),
    ):
        rows += [
            ("book.contract", {"contract_id": contract, "kind": kind, "underlying_asset": "BTC", "status": "ACTIVE"}),
            ("result.mark", {"contract_id": contract, "quality": quality, "method": method}),
            ("book.position", {**account, "account_type": "HOUSE", "contract_id": contract, "qty_close": "1"}),
            ("result.variation", {**account, "contract_id": contract, "funding_quality": funding}),
        ]
    rows += [
        (
            "result.scenario_set",
            {
                "account_type": "HOUSE",
                "scenario_set": name,
                "underlying": "BTC",
                "horizon_days": 2,
                "scenarios": scenarios,
                "vol_proxied": proxied,
                "dropped": dropped,
            },
        )
        for name, scenarios, proxied, dropped in (("FILTERED", 1500, 1400, 12), ("STRESSED", 3, 3, 0))
    ]
    rows += [
        ("result.position_risk", {**account, "contract_id": contract, "smile": smile, "fixing": fixing})
        for contract, smile, fixing in (("BTC-C", "FLAT", "PROXY"), ("BTC-P", "SURFACE", None), ("BTC-F", None, None))
    ]
    rows += [
        (
            "result.scenario",
            {
                "scenario_set": "STRESSED",
                "scenario_index": index,
                "scenario_id": f"S-{index}",
                "underlying": "BTC",
                "horizon_days": 2,
                "quality": quality,
            },
        )
        for index, quality in enumerate(("PROXY", "OK", "PROXY"))
    ]
    rows += [
        ("result.surface", {"underlying": underlying, "method": method, "certified": certified})
        for underlying, method, certified in (
            ("BTC", "SVI", True),
            ("BTC", "SVI", False),
            ("BTC", "PRIOR", True),
            ("BTC", "PRIOR", True),
            ("ETH", "REPAIRED", True),
        )
    ]
    rows += [
        (
            "result.liquidity",
            {"underlying": underlying, "spread_quality": "PROXY", "volume_quality": volume, "vega_quality": "PROXY"},
        )
        for underlying, volume in (("BTC", "OK"), ("ETH", "PROXY"))
    ]
    required.put_all(*rows)
    required.execute("UPDATE result.asset_price SET quality = 'STALE' WHERE asset = 'BTC'")
    call(required.home, required.key)
    flags = required.read("SELECT quality_flags FROM result.margin_account ORDER BY margin_account_id")
    assert flags[0] == (
        "COLLATERAL_PRICE=1 DEPTH_PROXY=1 FIXING_PROXY=1 FUNDING_PROXY=1 HISTORY_DROPPED=12 MODEL_PRICE=1 "
        "RATING_MISSING=1 SMILE_FLAT=1 "
        "STALE=1 STRESSED_PROXY=2 SURFACE_PRIOR=2 SURFACE_UNCERTIFIED=1 VEGA_PROXY=1 VOL_PROXY=1403",
    )
    assert flags[1] == ("RATING_MISSING=1",)
