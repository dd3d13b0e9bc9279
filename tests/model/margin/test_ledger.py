"""Double entry and balances: every movement is met by the house, rounding has its own account, nothing is lost."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.margin import ledger
from tasks.model.margin.ledger import Books

AMOUNTS = ("variation_margin", "funding", "premium", "fees", "settlement")
QUANTITIES = ("qty_open", "deposits", "withdrawals", "interest", "adjustment", "pending_in", "pending_out")
VARIATION = {
    **dict.fromkeys(("clearing_member_id", "margin_account_id", "client_id", "contract_id", "settle_asset"), pl.String),
    **dict.fromkeys(AMOUNTS, pl.Decimal(38, 8)),
    "funding_quality": pl.String,
}
COLLATERAL = {
    **dict.fromkeys(("clearing_member_id", "margin_account_id", "asset", "form"), pl.String),
    **dict.fromkeys(QUANTITIES, pl.Decimal(38, 18)),
}
FORMS = {"BTC": "COIN", "USDC": "STABLECOIN", "USD": "CASH"}


def settled(
    account: str, contract_id: str = "X", asset: str = "BTC", client: str = "", **amounts: str
) -> dict[str, Any]:
    """A row of the variation; amounts that are not given are zero."""
    key = {
        "clearing_member_id": "M",
        "margin_account_id": account,
        "client_id": client,
        "contract_id": contract_id,
        "settle_asset": asset,
        "funding_quality": "OK",
    }
    return {**key, **{name: Decimal(amounts.get(name, "0")) for name in AMOUNTS}}


def line(account: str, asset: str = "BTC", **quantities: str) -> dict[str, Any]:
    """A collateral line; quantities that are not given are zero."""
    key = {"clearing_member_id": "M", "margin_account_id": account, "asset": asset, "form": FORMS[asset]}
    return {**key, **{name: Decimal(quantities.get(name, "0")) for name in QUANTITIES}}


def posted(variation: list[dict[str, Any]], collateral: list[dict[str, Any]]) -> Books:
    """Books of some rows."""
    return ledger.post(pl.DataFrame(variation, schema=VARIATION), pl.DataFrame(collateral, schema=COLLATERAL), FORMS)


def lines_of(books: Books, movement: str) -> list[tuple[str, str, Decimal]]:
    """Account, contract and amount of a movement's entries, in the ledger's order."""
    chosen = books.ledger.filter(pl.col("movement_type") == movement)
    return chosen.select("margin_account_id", "contract_id", "amount").rows()


def sums(books: Books) -> set[Decimal]:
    """Totals by asset and movement type."""
    return set(books.ledger.group_by("asset", "movement_type").agg(pl.col("amount").sum())["amount"])


def test_every_movement_is_typed_signed_and_met_by_the_house() -> None:
    books = posted(
        [
            settled("A", variation_margin="3", funding="-0.5", premium="-2", fees="-0.1", settlement="7"),
            settled("B", variation_margin="-3", funding="0.5", premium="2", fees="-0.2", settlement="-7"),
        ],
        [line("A", qty_open="10", deposits="4", withdrawals="1", interest="0.25", adjustment="-0.125")],
    )
    expected = {
        "OPEN": [("CCP", "", "-10"), ("A", "", "10"), ("B", "", "0")],
        "DEPOSIT": [("CCP", "", "-4"), ("A", "", "4")],
        "WITHDRAWAL": [("CCP", "", "1"), ("A", "", "-1")],
        "INTEREST": [("CCP", "", "-0.25"), ("A", "", "0.25")],
        "CORRECTION": [("CCP", "", "0.125"), ("A", "", "-0.125")],
        "VM": [("A", "X", "3"), ("B", "X", "-3")],
        "FUNDING": [("A", "X", "-0.5"), ("B", "X", "0.5")],
        "PREMIUM": [("A", "X", "-2"), ("B", "X", "2")],
        "FEE_TRADE": [("CCP", "", "0.3"), ("A", "X", "-0.1"), ("B", "X", "-0.2")],
        "SETTLEMENT": [("A", "X", "7"), ("B", "X", "-7")],
        "ROUNDING": [],
    }
    assert tuple(expected) == ledger.MOVEMENT_TYPES
    for movement, rows in expected.items():
        assert lines_of(books, movement) == [(who, what, Decimal(amount)) for who, what, amount in rows], movement
    assert books.ledger["entry_no"].to_list() == list(range(1, books.ledger.height + 1))
    assert list(dict.fromkeys(books.ledger["movement_type"])) == [name for name, rows in expected.items() if rows]


def test_balances_open_move_and_close_exactly() -> None:
    books = posted(
        [settled("A", variation_margin="-0.00000001"), settled("B", "Y", "USDC", fees="-0.000001")],
        [
            line("A", qty_open="0.000000000000000001", withdrawals="1", pending_in="9", pending_out="8"),
            line("A", "USD", qty_open="5"),
        ],
    )
    rows = books.balance.select("margin_account_id", "asset", "form", "opening", "movements", "closing").rows()
    assert rows == [
        ("A", "BTC", "COIN", Decimal("1e-18"), Decimal("-1.00000001"), Decimal("-1.000000009999999999")),
        ("A", "USD", "CASH", Decimal(5), Decimal(0), Decimal(5)),
        ("B", "USDC", "STABLECOIN", Decimal(0), Decimal("-0.000001"), Decimal("-0.000001")),
    ]
    # What is pending is carried beside the balance and counts nowhere.
    assert books.balance.select("pending_in", "pending_out").row(0) == (Decimal(9), Decimal(8))


def test_the_residue_of_rounding_ends_on_the_houses_rounding_account() -> None:
    variation = [
        settled("A", variation_margin="0.00000002", funding="-0.00000003"),
        settled("B", "Y", "USDC"),
        settled("B", variation_margin="-0.00000001", funding="0.00000004", fees="-0.5"),
    ]
    books = posted(variation, [])
    # Variation margin leaves one unit, funding one more: fees are the house's own and leave none.
    house = books.ledger.filter(pl.col("clearing_member_id") == "CCP")
    assert house.select("asset", "movement_type", "margin_account_id", "amount").rows() == [
        ("BTC", "VM", "CCP", Decimal("-0.00000001")),
        ("BTC", "FUNDING", "CCP", Decimal("-0.00000001")),
        ("BTC", "FEE_TRADE", "CCP", Decimal("0.5")),
        ("BTC", "ROUNDING", "CCP", Decimal("0.00000002")),
        ("BTC", "ROUNDING", "ROUNDING", Decimal("-0.00000002")),
    ]
    assert sums(books) == {Decimal(0)}


def test_clients_of_an_account_and_contract_share_an_entry() -> None:
    books = posted(
        [
            settled("A", client="K1", variation_margin="2"),
            settled("A", client="K2", variation_margin="-0.5"),
            settled("A", "Y", client="K1", variation_margin="-1.5"),
        ],
        [],
    )
    assert lines_of(books, "VM") == [("A", "X", Decimal("1.5")), ("A", "Y", Decimal("-1.5"))]


def test_an_account_without_any_movement_still_appears() -> None:
    books = posted([settled("FLAT")], [line("EMPTY", "USDC")])
    assert lines_of(books, "OPEN") == [("FLAT", "", Decimal(0)), ("EMPTY", "", Decimal(0))]
    assert books.ledger.height == 2
    assert books.balance.height == 2


def test_nothing_at_all_makes_empty_tables() -> None:
    books = posted([], [])
    assert books.ledger.height == books.balance.height == 0


def test_a_movement_the_ledger_does_not_have_is_refused() -> None:
    entries = ledger.position_entries(pl.DataFrame([settled("A", variation_margin="1")], schema=VARIATION))
    with pytest.raises(ModelInputError, match=r"UNKNOWN_MOVEMENT.*PENALTY"):
        ledger.double_entry(entries.with_columns(movement_type=pl.lit("PENALTY")))


@pytest.mark.parametrize(
    ("variation", "collateral", "code"),
    [
        ([], [{**line("A"), "deposits": None}], "MISSING_AMOUNT"),
        ([], [line("A"), line("A", qty_open="1")], "DUPLICATE_KEY"),
        ([settled("A", asset="DOGE")], [], "UNKNOWN_ASSET"),
    ],
)
def test_what_cannot_be_posted_is_refused(variation: list[Any], collateral: list[Any], code: str) -> None:
    with pytest.raises(ModelInputError) as refused:
        posted(variation, collateral)
    assert {finding.code for finding in refused.value.findings} == {code}


native = st.integers(-(10**24), 10**24).map(lambda units: Decimal(units).scaleb(-18))
positive = st.integers(0, 10**24).map(lambda units: Decimal(units).scaleb(-18))
amount = st.integers(-(10**14), 10**14).map(lambda units: Decimal(units).scaleb(-8))
accounts = st.sampled_from(["A", "B", "C"])
variations = st.lists(
    st.builds(
        lambda who, contract, amounts: {
            **settled(who, contract, "BTC" if contract == "X" else "USDC"),
            **dict(zip(AMOUNTS, amounts, strict=True)),
        },
        accounts,
        st.sampled_from(["X", "Y"]),
        st.lists(amount, min_size=5, max_size=5),
    ),
    max_size=8,
)
collaterals = st.lists(
    st.builds(
        lambda who, asset, opened, added, moved: {
            **line(who, asset),
            "qty_open": opened,
            "deposits": added[0],
            "withdrawals": added[1],
            "interest": moved[0],
            "adjustment": moved[1],
        },
        accounts,
        st.sampled_from(list(FORMS)),
        native,
        st.tuples(positive, positive),
        st.tuples(native, native),
    ),
    unique_by=lambda row: (row["margin_account_id"], row["asset"]),
    max_size=6,
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(variations, collaterals, st.randoms(use_true_random=False))
def test_books_close_and_do_not_depend_on_the_order_of_rows(
    variation: list[dict[str, Any]], collateral: list[dict[str, Any]], random: Any
) -> None:
    books = posted(variation, collateral)
    assert sums(books) <= {Decimal(0)}
    expected: dict[tuple[str, str], Fraction] = {}
    for row in collateral:
        key = (row["margin_account_id"], row["asset"])
        moved = row["qty_open"], row["deposits"], -row["withdrawals"], row["interest"], row["adjustment"]
        expected[key] = expected.get(key, Fraction(0)) + sum(map(Fraction, moved))
    for row in variation:
        key = (row["margin_account_id"], row["settle_asset"])
        expected[key] = expected.get(key, Fraction(0)) + sum(Fraction(row[name]) for name in AMOUNTS)
    closing = books.balance.select("margin_account_id", "asset", "closing").rows()
    assert {(who, asset): Fraction(closed) for who, asset, closed in closing} == expected
    random.shuffle(variation)
    random.shuffle(collateral)
    again = posted(variation, collateral)
    assert again.ledger.equals(books.ledger)
    assert again.balance.equals(books.balance)
