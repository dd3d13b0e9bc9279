"""Collateral lines worked by hand, and against exact fractions (METHODOLOGY 6)."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.margin.collateral import post_haircut_value, value_collateral
from tasks.model.policy import Policy

_SCHEMA = {
    "clearing_member_id": pl.String,
    "margin_account_id": pl.String,
    "asset": pl.String,
    "quantity": pl.Decimal(38, 18),
    "price_usd": pl.Decimal(28, 10),
    "permitted_assets": pl.String,
    "haircut_fraction": pl.Decimal(9, 6),
    "haircut_rule": pl.String,
    "issuer": pl.String,
    "related_parties": pl.String,
}


def one_line(
    asset: str,
    quantity: str,
    price: str | None,
    policy: Policy,
    permitted: str | None = None,
    issuer: str = "",
    haircut: str | None = None,
) -> Any:
    table = policy.collateral.haircut_fraction
    row = (
        "M001",
        "M001H",
        asset,
        Decimal(quantity),
        None if price is None else Decimal(price),
        permitted,
        Decimal(str(table[asset])) if haircut is None else Decimal(haircut),
        f"collateral.haircut_fraction.{table.rule(asset)}",
        issuer,
        "M001|GROUP|LEI",
    )
    return value_collateral(pl.DataFrame([row], schema=_SCHEMA, orient="row"), policy).row(0, named=True)


@pytest.mark.parametrize(
    ("asset", "quantity", "price", "market", "post", "haircut", "rule"),
    [
        ("USD", "100.55", "1", "100.55", "100.55", "0", "collateral.haircut_fraction.USD"),
        ("BTC", "1.5", "90000", "135000.00", "101250.00", "0.25", "collateral.haircut_fraction.BTC"),
        ("BTC", "-1.5", "90000", "-135000.00", "-168750.00", "0.25", "collateral.haircut_fraction.BTC"),
        ("USDC", "0.333333", "0.9997", "0.33", "0.31", "0.05", "collateral.haircut_fraction.USDC"),
        ("USDC", "-0.333333", "0.9997", "-0.34", "-0.35", "0.05", "collateral.haircut_fraction.USDC"),
        ("BTC", "0.00000001", "90000", "0.00", "0.00", "0.25", "collateral.haircut_fraction.BTC"),
        ("BTC", "-0.00000001", "90000", "-0.01", "-0.01", "0.25", "collateral.haircut_fraction.BTC"),
        ("DOGE", "1000000", "0.1", "100000.00", "0.00", "1", "collateral.haircut_fraction.default"),
        ("DOGE", "-1000", "0.1", "-100.00", "-200.00", "1", "collateral.haircut_fraction.default"),
        ("ETH", "0", "3000", "0.00", "0.00", "0.3", "collateral.haircut_fraction.ETH"),
    ],
)
def test_a_line_is_worked_by_hand(
    asset: str, quantity: str, price: str, market: str, post: str, haircut: str, rule: str, opening: Policy
) -> None:
    line = one_line(asset, quantity, price, opening)
    assert line["market_value_usd"] == Decimal(market)
    assert line["post_haircut_value_usd"] == Decimal(post)
    assert (line["haircut_fraction"], line["rule_id"]) == (Decimal(haircut), rule)


def test_an_asset_that_is_not_permitted_counts_only_when_owed(opening: Policy) -> None:
    held, owed = (one_line("BTC", quantity, "90000", opening, "USD|USDC") for quantity in ("1", "-1"))
    assert held["market_value_usd"] == 90000
    assert (held["post_haircut_value_usd"], held["rule_id"]) == (0, "members.permitted_assets")
    assert (owed["post_haircut_value_usd"], owed["rule_id"]) == (-112500, "collateral.haircut_fraction.BTC")
    assert one_line("BTC", "1", "90000", opening, "USD|BTC")["post_haircut_value_usd"] == 67500


@pytest.mark.parametrize("price", [None, "-1"])
def test_an_asset_without_a_price_is_refused(price: str | None, opening: Policy) -> None:
    with pytest.raises(ModelInputError, match=r"PRICE_MISSING.*BTC"):
        one_line("BTC", "1", price, opening)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    quantity=st.decimals(-(10**9), 10**9, places=18),
    price=st.decimals(0, 10**6, places=10),
    haircut=st.decimals(0, 1, places=6),
)
def test_value_is_the_exact_product_cut_down_to_a_cent(quantity: Decimal, price: Decimal, haircut: Decimal) -> None:
    exact = Fraction(quantity) * Fraction(price) * (1 - Fraction(haircut) if quantity > 0 else 1 + Fraction(haircut))
    assert Fraction(post_haircut_value(quantity, price, haircut)) == Fraction(math.floor(exact * 100), 100)


@pytest.mark.parametrize(
    ("quantity", "cut", "post"),
    [
        ("50000000", "0.00", "47500000.00"),
        ("60000000", "500000.00", "56500000.00"),  # 60m · 0.95 − 10m · 0.05
        ("250000000", "10000000.00", "227500000.00"),  # 250m · 0.95 − 200m · 0.05
        ("350000000", "25000000.00", "307500000.00"),  # … − 200m · 0.05 − 100m · 0.15
        ("-350000000", "0.00", "-367500000.00"),
    ],
)
def test_tiers_cut_each_slice_at_its_own_rate(quantity: str, cut: str, post: str, opening: Policy) -> None:
    line = one_line("USDC", quantity, "1", opening)
    assert (line["tier_cut_usd"], line["post_haircut_value_usd"]) == (Decimal(cut), Decimal(post))


def test_tiers_take_no_more_than_is_left(opening: Policy) -> None:
    """At a haircut of 0.9 the last tier's 0.15 finds 0.1: beyond 250m nothing more counts, and nothing is lost."""
    values = [
        one_line("USDC", each, "1", opening, haircut="0.9")["post_haircut_value_usd"] for each in ("250000000", "9e9")
    ]
    assert values == [Decimal("15000000.00"), Decimal("15000000.00")]


@pytest.mark.parametrize("issuer", ["M001", "GROUP", "LEI"])
def test_what_a_member_s_own_house_issued_covers_nothing(issuer: str, opening: Policy) -> None:
    held, owed = (one_line("USDC", quantity, "1", opening, issuer=issuer) for quantity in ("1000", "-1000"))
    assert (held["post_haircut_value_usd"], held["rule_id"]) == (0, "assets.issuer")
    assert owed["post_haircut_value_usd"] == -1050
    assert one_line("USDC", "1000", "1", opening, issuer="M0011")["post_haircut_value_usd"] == 950


def test_an_asset_without_a_haircut_is_refused(opening: Policy) -> None:
    held = pl.DataFrame(
        [("M001", "M001H", "BTC", Decimal(1), Decimal(90000), None, None, None, "", "M001")],
        schema=_SCHEMA,
        orient="row",
    )
    with pytest.raises(ModelInputError, match=r"HAIRCUT_MISSING.*BTC"):
        value_collateral(held, opening)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.decimals(0, 10**9, places=2), st.decimals(0, 10**9, places=2), st.sampled_from(["0", "0.05", "0.9", "1"]))
def test_more_of_an_asset_is_never_worth_less(opening: Policy, held: Decimal, more: Decimal, haircut: str) -> None:
    less, larger = (one_line("USDC", str(each), "1", opening, haircut=haircut) for each in (held, held + more))
    assert larger["post_haircut_value_usd"] >= less["post_haircut_value_usd"] - Decimal("0.01")
