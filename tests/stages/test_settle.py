"""The settle stage: from the typed book and the marks to variation, ledger and balances."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tasks.model.errors import ModelInputError
from tasks.settle import settle

PERPETUAL = {
    "contract_id": "BTC-PERP.INV",
    "kind": "PERP",
    "payoff": "INVERSE",
    "underlying_asset": "BTC",
    "quote_ccy": "USD",
    "settle_asset": "BTC",
    "multiplier": "10",
    "status": "ACTIVE",
}


@pytest.fixture
def traded(frozen_run: Any) -> Any:
    """M001 carries 100 long against 007 and both trade 50 more at 80,000; the price goes from 100,000 to 80,000."""
    frozen_run.put("book.contract", **PERPETUAL)
    frozen_run.put(
        "result.mark",
        contract_id="BTC-PERP.INV",
        settlement_price="80000",
        prev_settlement_price="100000",
        index_price="80000",
        forward_price="80000",
        settle_asset_price="80000",
    )
    for member, sign in (("M001", 1), ("007", -1)):
        bought = (
            {"qty_buy": "50", "buy_value": "0.000625"} if sign > 0 else {"qty_sell": "50", "sell_value": "0.000625"}
        )
        frozen_run.put(
            "book.position",
            clearing_member_id=member,
            margin_account_id=f"{member}H",
            contract_id="BTC-PERP.INV",
            qty_open=str(sign * 100),
            qty_close=str(sign * 150),
            fees="0.0000003",
            **bought,
        )
        frozen_run.put(
            "book.collateral",
            clearing_member_id=member,
            margin_account_id=f"{member}H",
            asset="USDC",
            form="STABLECOIN",
            qty_open="500",
            deposits="25.5",
            withdrawals="20",
        )
    frozen_run.put("book.funding", contract_id="BTC-PERP.INV", funding_rate="0.0001")
    return frozen_run


def test_what_is_settled_is_worked_by_hand(traded: Any) -> None:
    settle(traded.home, traded.key)
    rows = traded.read(
        "SELECT margin_account_id, variation_margin, funding, fees, funding_quality FROM result.variation ORDER BY ALL"
    )
    # Long: 10·(100/100000 + 0.000625 − 150/80000) = −0.0025; funding −10·100·0.0001/100000 = −0.000001.
    assert rows == [
        ("007H", Decimal("0.0025"), Decimal("0.000001"), Decimal("-0.0000003"), "OK"),
        ("M001H", Decimal("-0.0025"), Decimal("-0.000001"), Decimal("-0.0000003"), "OK"),
    ]


def test_every_account_gets_a_balance_for_what_it_holds_and_what_it_settles_in(traded: Any) -> None:
    settle(traded.home, traded.key)
    rows = traded.read(
        "SELECT margin_account_id, asset, form, opening, movements, closing FROM result.balance ORDER BY ALL"
    )
    assert rows == [
        ("007H", "BTC", "COIN", Decimal(0), Decimal("0.0025007"), Decimal("0.0025007")),
        ("007H", "USDC", "STABLECOIN", Decimal(500), Decimal("5.5"), Decimal("505.5")),
        ("M001H", "BTC", "COIN", Decimal(0), Decimal("-0.0025013"), Decimal("-0.0025013")),
        ("M001H", "USDC", "STABLECOIN", Decimal(500), Decimal("5.5"), Decimal("505.5")),
    ]


def test_the_ledger_closes_by_asset_and_movement(traded: Any) -> None:
    settle(traded.home, traded.key)
    sums = traded.read("SELECT asset, movement_type, sum(amount) FROM result.ledger GROUP BY ALL ORDER BY ALL")
    assert [(asset, movement) for asset, movement, _ in sums] == [
        ("BTC", "FEE_TRADE"),
        ("BTC", "FUNDING"),
        ("BTC", "OPEN"),
        ("BTC", "VM"),
        ("USDC", "DEPOSIT"),
        ("USDC", "OPEN"),
        ("USDC", "WITHDRAWAL"),
    ]
    assert {total for _, _, total in sums} == {Decimal(0)}
    fees = traded.read(
        "SELECT clearing_member_id, amount FROM result.ledger WHERE movement_type = 'FEE_TRADE' ORDER BY ALL"
    )
    assert fees == [("007", Decimal("-0.0000003")), ("CCP", Decimal("0.0000006")), ("M001", Decimal("-0.0000003"))]


def test_a_second_call_finds_the_receipt(traded: Any) -> None:
    first = settle(traded.home, traded.key)
    assert not first.resumed
    assert first.rows["result.variation"] == 2
    assert settle(traded.home, traded.key).resumed


@pytest.mark.parametrize(
    ("status", "expiry", "expired"),
    [
        ("ACTIVE", "2026-01-30 08:00:00", True),
        ("ACTIVE", "2026-01-31 08:00:00", False),
        ("EXPIRED_UNSETTLED", "2026-01-31 08:00:00", True),
    ],
)
def test_an_expired_contract_settles_at_its_final_price(traded: Any, status: str, expiry: str, expired: bool) -> None:
    traded.execute(f"UPDATE book.contract SET kind = 'FUT', status = '{status}', expiry_ts = TIMESTAMP '{expiry}'")
    traded.execute("UPDATE result.mark SET final_price = 50000")
    settle(traded.home, traded.key)
    margin = traded.read("SELECT variation_margin FROM result.variation WHERE margin_account_id = 'M001H'")
    # 10·(0.001 + 0.000625 − 150/50000) where it expired.
    assert margin == [(Decimal("-0.01375") if expired else Decimal("-0.0025"),)]


def test_a_held_contract_without_a_price_stops_the_stage(traded: Any) -> None:
    traded.execute("DELETE FROM result.mark")
    with pytest.raises(ModelInputError) as refused:
        settle(traded.home, traded.key)
    assert [finding.where for finding in refused.value.findings] == [
        "account 007H contract BTC-PERP.INV",
        "account M001H contract BTC-PERP.INV",
    ]
    assert traded.read("SELECT count(*) FROM result.ledger") == [(0,)]
