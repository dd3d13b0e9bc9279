"""Calls: amounts worked by hand, outstanding calls met oldest first, and properties (METHODOLOGY 7)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError, ReconciliationError
from tasks.model.margin.call import CallInputs, CallResult, call, call_amount, call_id, terms
from tasks.model.margin.coin_collateral import JOINT_SCHEMA
from tasks.model.margin.due import Held, Payment, due_asset
from tasks.model.margin.outstanding import meet_calls
from tasks.model.policy import Policy

ISSUED = datetime(2026, 1, 30, 8, 20)
ACCOUNT = ("M001", "M001H")
_AMOUNT = pl.Decimal(20, 2)
_KEY = {"clearing_member_id": pl.String, "margin_account_id": pl.String}
_HELD = _KEY | {
    "asset": pl.String,
    "quantity": pl.Decimal(38, 18),
    "price_usd": pl.Decimal(28, 10),
    "permitted_assets": pl.String,
    "haircut_fraction": pl.Decimal(9, 6),
    "haircut_rule": pl.String,
    "issuer": pl.String,
    "related_parties": pl.String,
}
HAIRCUTS = {"USD": Decimal(0), "USDC": Decimal("0.05"), "BTC": Decimal("0.25")}
_CALLS: dict[str, Any] = _KEY | {
    "call_id": pl.String,
    "call_version": pl.Int32,
    "issued_ts": pl.Datetime("us"),
    "call_amount_usd": _AMOUNT,
    "due_asset": pl.String,
    "due_amount": pl.Decimal(38, 8),
    "opening_usd": _AMOUNT,
    "state": pl.String,
}
_TOTALS = (
    "initial_margin_usd",
    "net_option_value_usd",
    "total_initial_margin_usd",
    "maintenance_margin_usd",
    "total_maintenance_margin_usd",
)


def inputs(
    required: str,
    collateral: str,
    *,
    outstanding: list[tuple[str, int, str, str, str]] | None = None,
    deposit: str | None = None,
    base_ccy: str = "USD",
    price: str | None = "1",
    mta: str | None = None,
    unit: str | None = None,
    quality: list[tuple[str, int]] | None = None,
    permitted: str | None = None,
    issuer: str = "",
) -> CallInputs:
    account = (
        *ACCOUNT,
        "HOUSE",
        base_ccy,
        mta and Decimal(mta),
        unit and Decimal(unit),
        price and Decimal(price),
        permitted,
        "M001",
    )
    figures = [Decimal(required) if "initial" in name else Decimal(0) for name in _TOTALS]
    return CallInputs(
        accounts=pl.DataFrame(
            [account],
            orient="row",
            schema=_KEY
            | {
                "account_type": pl.String,
                "base_ccy": pl.String,
                "mta": pl.Decimal(28, 2),
                "rounding_unit": pl.Decimal(28, 2),
                "due_price_usd": pl.Decimal(28, 10),
                "permitted_assets": pl.String,
                "related_parties": pl.String,
            },
        ),
        portfolios=pl.DataFrame(
            [(*ACCOUNT, "", *figures)],
            orient="row",
            schema=_KEY | {"client_id": pl.String, **dict.fromkeys(_TOTALS, _AMOUNT)},
        ),
        balances=held("USD", collateral),
        deposits=held("USD", deposit) if deposit else held("USD", "0").clear(),
        outstanding=earlier(outstanding or []),
        quality=pl.DataFrame(
            [(*ACCOUNT, *each) for each in quality or []],
            orient="row",
            schema=_KEY | {"word": pl.String, "count": pl.Int64},
        ),
        due=pl.DataFrame(
            {
                "asset": ["USD", "BTC"],
                "calendar_id": ["USD_BANK", "ALWAYS_OPEN"],
                "due_ts": [datetime(2026, 1, 30, 14), datetime(2026, 1, 30, 10, 20)],
                "decimals": [2, 8],
                "haircut_fraction": [HAIRCUTS["USD"], HAIRCUTS["BTC"]],
                "haircut_rule": ["", ""],
                "issuer": ["", issuer],
            }
        ),
        issuers={"USDC": "CIRCLE", "USDT": "TETHER"},
        haircut_mode=pl.DataFrame(schema=_KEY | {"total_initial_margin_usd": _AMOUNT}),
        joint_collateral=pl.DataFrame(schema=JOINT_SCHEMA),
    )


def held(asset: str, quantity: str, price: str = "1") -> pl.DataFrame:
    row = (*ACCOUNT, asset, Decimal(quantity), Decimal(price), None, HAIRCUTS[asset], f"of {asset}", "", "M001")
    return pl.DataFrame([row], schema=_HELD, orient="row")


def earlier(calls: list[tuple[str, int, str, str, str]], due_asset: str = "USD", due_price: str = "1") -> pl.DataFrame:
    rows = [
        (
            *ACCOUNT,
            name,
            1,
            datetime(2026, 1, day, 8, 20),
            Decimal(face),
            due_asset,
            Decimal(face) / Decimal(due_price),
            Decimal(opening),
            state,
        )
        for name, day, face, opening, state in calls
    ]
    return pl.DataFrame(rows, schema=_CALLS, orient="row")


def made(policy: Policy, given_: CallInputs) -> CallResult:
    return call(given_, "20260130-EOD", ISSUED, policy)


def account(policy: Policy, required: str, collateral: str, **more: Any) -> dict[str, Any]:
    return made(policy, inputs(required, collateral, **more)).accounts.row(0, named=True)


@pytest.mark.parametrize(
    ("required", "collateral", "deficit", "excess", "called"),
    [
        ("100000.00", "100000.00", "0", "0", "0"),
        ("100000.00", "100000.01", "0", "0.01", "0"),
        ("109999.99", "100000.00", "9999.99", "0", "0"),  # a cent below the minimum transfer amount
        ("110000.00", "100000.00", "10000.00", "0", "10000"),
        ("110000.01", "100000.00", "10000.01", "0", "11000"),
        ("50000.00", "-1000.00", "51000.00", "0", "51000"),
        ("0.00", "-20000.50", "20000.50", "0", "21000"),
    ],
)
def test_deficit_excess_and_call(
    required: str, collateral: str, deficit: str, excess: str, called: str, opening: Policy
) -> None:
    row = account(opening, required, collateral)
    assert row["deficit_amount_usd"] == Decimal(deficit)
    assert row["excess_amount_usd"] == Decimal(excess)
    assert row["margin_call_amount_usd"] == Decimal(called)


def test_a_members_own_terms_hold_where_they_are_smaller(opening: Policy) -> None:
    assert terms(None, None, opening) == (Decimal(10000), Decimal(1000))
    assert terms(Decimal(500), Decimal(10), opening) == (Decimal(500), Decimal(10))
    assert terms(Decimal(50000), Decimal(25000), opening) == (Decimal(10000), Decimal(1000))
    assert terms(Decimal(0), Decimal(0), opening) == (Decimal(0), Decimal(1000))
    assert account(opening, "100.01", "0", mta="0", unit="0.50")["margin_call_amount_usd"] == Decimal("100.50")


@pytest.mark.parametrize(
    ("required", "collateral", "minimum", "asked"),
    [
        ("1000000", "900000", "100000", "100000"),
        ("1000000", "900000.01", "100000", "0"),
        ("50000", "40000", "10000", "10000"),
        ("100000.01", "0", "10000.01", "101000"),
    ],
)
def test_a_threshold_asks_those_alone_who_lack_much(
    opening: Policy, required: str, collateral: str, minimum: str, asked: str
) -> None:
    """A tenth of the requirement, or the minimum transfer amount of 10,000 where that is more."""
    whole = inputs(required, collateral)
    row = made(opening, replace(whole, threshold_fraction=Decimal("0.1"))).accounts.row(0, named=True)
    assert (row["minimum_transfer_amount_usd"], row["margin_call_amount_usd"]) == (Decimal(minimum), Decimal(asked))


def test_a_call_carries_identity_due_amount_and_time(opening: Policy) -> None:
    row = made(opening, inputs("110000.01", "100000", base_ccy="BTC", price="90000")).calls.row(0, named=True)
    assert row["call_id"] == hashlib.sha256(b"20260130-EOD|M001H|INITIAL_MARGIN|1").hexdigest()[:16]
    assert row["call_id"] == call_id("20260130-EOD", "M001H")
    assert (row["call_version"], row["state"], row["call_type"]) == (1, "DRAFT", "INITIAL_MARGIN")
    assert row["call_amount_usd"] == row["increment_amount_usd"] == 11000
    assert row["due_amount"] == Decimal("0.16296297")  # 11,000 / (90,000 x 0.75) = 0.162962962... up
    assert row["due_haircut_fraction"] == Decimal("0.25")
    assert (row["calendar_id"], row["issued_ts"]) == ("ALWAYS_OPEN", ISSUED)
    assert row["due_ts"] == datetime(2026, 1, 30, 10, 20)


def test_no_call_no_row(opening: Policy) -> None:
    assert made(opening, inputs("100", "0")).calls.is_empty()


def test_calls_already_made_are_not_made_again(opening: Policy) -> None:
    owed = [("a", 28, "30000", "30000", "ISSUED")]
    row = account(opening, "140000", "100000", outstanding=owed)
    assert (row["outstanding_calls_usd"], row["deficit_amount_usd"]) == (30000, 40000)
    assert row["margin_call_amount_usd"] == 10000
    assert account(opening, "130000", "100000", outstanding=owed)["margin_call_amount_usd"] == 0


def test_deposits_meet_the_oldest_call_first(opening: Policy) -> None:
    owed = [
        ("b", 29, "20000", "20000", "ISSUED"),
        ("a", 28, "30000", "12000", "PART_MET"),
        ("c", 29, "5000", "5000", "OVERDUE"),
    ]
    met = meet_calls(earlier(owed), held("USDC", "20000.01", "1"))
    # 20,000.01 x 0.95 = 19,000.0095 down to 19,000.00: 12,000 to a, 7,000 to b.
    rows = {row["call_id"]: row for row in met.iter_rows(named=True)}
    assert {name: row["met_usd"] for name, row in rows.items()} == {"a": 12000, "b": 7000, "c": 0}
    assert {name: row["closing_usd"] for name, row in rows.items()} == {"a": 0, "b": 13000, "c": 5000}
    assert {name: row["state"] for name, row in rows.items()} == {"a": "MET", "b": "PART_MET", "c": "ISSUED"}


def test_who_pays_what_the_notice_asks_owes_nothing_of_it(opening: Policy) -> None:
    """40,000 USDC were asked for 32,000 USD at 0.8; haircut and a lower price since do not matter to the call."""
    owed = earlier([("a", 28, "32000", "32000", "ISSUED")], "USDC", "0.8")
    for paid, met, state in (("40000", "32000", "MET"), ("10000", "8000", "PART_MET"), ("0.001", "0", "ISSUED")):
        row = meet_calls(owed, held("USDC", paid, "0.5")).row(0, named=True)
        assert (row["met_usd"], row["state"]) == (Decimal(met), state)


def test_what_is_left_of_a_call_is_asked_in_proportion(opening: Policy) -> None:
    owed = earlier([("a", 28, "32000", "8000", "PART_MET"), ("b", 29, "16000", "16000", "ISSUED")], "USDC", "0.8")
    met = meet_calls(owed, held("USDC", "15000", "1"))
    # 10,000 USDC for the 8,000 left of a; the 5,000 more are a quarter of the 20,000 asked by b.
    assert met["met_usd"].to_list() == [8000, 4000]
    more = meet_calls(owed, held("USDC", "50000", "1"))
    assert more["state"].to_list() == ["MET", "MET"]


def test_an_asset_that_was_not_asked_counts_for_its_worth(opening: Policy) -> None:
    """100 USD in full, then 0.002 BTC at 90,000 less a quarter: 135."""
    deposits = pl.concat([held("USD", "100"), held("BTC", "0.002", "90000")])
    met = meet_calls(earlier([("a", 28, "30000", "30000", "ISSUED")]), deposits)
    assert met["met_usd"].to_list() == [235]


def test_a_corrected_cycle_takes_a_met_back(opening: Policy) -> None:
    met = meet_calls(earlier([("a", 28, "30000", "30000", "MET")]), held("USD", "1").clear())
    assert met["state"].to_list() == ["ISSUED"]


def test_a_deposit_of_an_asset_that_is_not_permitted_meets_nothing(opening: Policy) -> None:
    deposit = held("BTC", "1", "90000").with_columns(permitted_assets=pl.lit("USD"))
    met = meet_calls(earlier([("a", 28, "30000", "30000", "ISSUED")]), deposit)
    assert met["met_usd"].to_list() == [0]


def test_quality_words_are_sorted_with_their_counts(opening: Policy) -> None:
    row = account(opening, "0", "0", quality=[("VOL_PROXY", 1314), ("STALE", 2), ("FUNDING_PROXY", 0)])
    assert row["quality_flags"] == "STALE=2 VOL_PROXY=1314"
    assert account(opening, "0", "0")["quality_flags"] == ""


def test_a_call_in_an_asset_without_a_price_is_refused(opening: Policy) -> None:
    for price in (None, "0"):
        with pytest.raises(ModelInputError):
            made(opening, inputs("110000", "90000", base_ccy="BTC", price=price))


def test_accounts_and_requirements_must_match(opening: Policy) -> None:
    whole = inputs("1", "1")
    lacking = CallInputs(**{**vars(whole), "portfolios": whole.portfolios.clear()})
    unknown = CallInputs(**{**vars(whole), "accounts": whole.accounts.clear()})
    for broken in (lacking, unknown):
        with pytest.raises(ReconciliationError, match="M001H"):
            made(opening, broken)


amounts = st.decimals(-(10**7), 10**7, places=2)
positive = st.decimals(0, 10**7, places=2)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(deficit=positive, minimum=positive, unit=st.decimals(Decimal("0.01"), 10**5, places=2))
def test_a_call_is_nothing_or_a_multiple_not_below_the_deficit(
    deficit: Decimal, minimum: Decimal, unit: Decimal
) -> None:
    found = call_amount(deficit, minimum, unit)
    if deficit < minimum:
        assert found == 0
    else:
        assert found >= minimum and found % unit == 0
        assert deficit <= found < deficit + unit


@settings(max_examples=60, derandomize=True, deadline=None)
@given(required=positive, collateral=amounts, more=positive, owed=positive)
def test_more_collateral_never_raises_a_call(
    opening: Policy, required: Decimal, collateral: Decimal, more: Decimal, owed: Decimal
) -> None:
    calls = [("a", 28, str(owed), str(owed), "ISSUED")] if owed else []
    less = account(opening, str(required), str(collateral), outstanding=calls)
    rich = account(opening, str(required), str(collateral + more), outstanding=calls)
    assert rich["margin_call_amount_usd"] <= less["margin_call_amount_usd"]
    for row in (less, rich):
        assert 0 in (row["excess_amount_usd"], row["deficit_amount_usd"])
        gap = row["excess_amount_usd"] - row["deficit_amount_usd"]
        assert gap == row["collateral_post_haircut_value_usd"] - row["total_initial_margin_usd"]


@pytest.mark.parametrize(
    ("held_usdc", "asset"),
    [
        # Of 100,000 to cover one issuer's coins count for half: 30,000 and 20,000 more just fit, a cent more does not.
        ("30000.00", "USDC"),
        ("30000.01", "USD"),
        ("3000000.00", "USD"),
    ],
)
def test_a_call_is_due_in_what_counts(opening: Policy, held_usdc: str, asset: str) -> None:
    values = {"USDC": Decimal(held_usdc), "USD": Decimal("30000.00")}
    held_values = Held(values, {}, Decimal(100000))
    issuers = {"USDC": "CIRCLE", "USDT": "TETHER"}
    found = due_asset("USDC", Payment(Decimal("0.05")), Decimal(20000), held_values, issuers, opening)
    assert found == asset


def test_a_call_is_not_due_in_what_is_worth_nothing(opening: Policy) -> None:
    nothing = Held({}, {}, Decimal(100000))
    assert due_asset("EUR", Payment(Decimal(1)), Decimal(20000), nothing, {}, opening) == "USD"
    assert due_asset("USD", Payment(Decimal(0)), Decimal(20000), nothing, {}, opening) == "USD"
