"""Contributions: they sum to each line, and they are what a little more of a position would add."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.margin.attribution import ACCOUNT_ITEM, FACTORS, apportioned, attribute
from tasks.model.margin.initial_margin import initial_margin, margined
from tasks.model.policy import ByName

AS_OF = datetime(2026, 1, 30, 8)
HELD = [
    ("M001", "M001H", "", "BTC-PERP.LIN.USDC", "4000"),
    ("M001", "M001H", "", "BTC-PERP.INV", "-9000"),
    ("M001", "M001H", "", "ETH-PERP.LIN.USDC", "2500"),
    ("M001", "M001H", "", "BTC-20260327-90000-C.INV", "-3"),
    ("M001", "M001H", "", "BTC-20260327-80000-P.INV", "-2"),
    ("M001", "M001H", "", "ETH-20260327-3000-C.LIN.USDC", "40"),
    ("M002", "M002G", "C1", "BTC-PERP.INV", "500"),
]


def by_item(frame: pl.DataFrame, component: str) -> dict[str, Decimal]:
    rows = frame.filter(pl.col("component") == component)
    return dict(zip(rows["item"], rows["contribution_usd"], strict=True))


@pytest.fixture(scope="module", params=["on the grid", "on the scenarios", "on the long run"])
def rule(request, policy):
    """The policy, one whose grid is too narrow to bind, and that with the long-run floor binding."""
    if request.param == "on the grid":
        return policy
    narrow = replace(policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.01})))
    floor = "on" if request.param == "on the long run" else "off"
    weight = 0.0 if floor == "on" else policy.base_margin.stressed_weight_fraction
    base = replace(policy.base_margin, long_run_floor=floor, stressed_weight_fraction=weight)
    return replace(narrow, base_margin=base)


@pytest.fixture(scope="module")
def found(inputs, rule):
    return attribute(margined(inputs(HELD), AS_OF, rule), "M001H")


@pytest.fixture(scope="module")
def lines(inputs, rule):
    table = initial_margin(inputs(HELD), AS_OF, rule).requirement.filter(pl.col("margin_account_id") == "M001H")
    return dict(zip(table["component"], table["amount_usd"], strict=True))


def test_each_figure_of_base_margin_binds_in_its_turn(inputs, rule, request):
    table = initial_margin(inputs(HELD), AS_OF, rule).requirement
    own = table.filter((pl.col("margin_account_id") == "M001H") & (pl.col("component") == "BASE_MARGIN"))
    cause = {"grid": "GRID", "scenarios": "EXPECTED_SHORTFALL", "long run": "LONG_RUN_FLOOR"}
    assert own["binding_component"].item() in cause.values()
    assert any(name in request.node.callspec.id and own["binding_component"].item() == cause[name] for name in cause)


def test_contributions_and_factors_sum_to_every_line_to_the_cent(found, lines):
    for frame in (found.contributions, found.factors):
        summed = frame.group_by("component").agg(pl.col("contribution_usd").sum())
        asked = {name: amount for name, amount in lines.items() if amount}
        assert dict(summed.iter_rows()) == asked
    assert {"BASE_MARGIN", "LIQUIDITY_CONCENTRATION"} <= {*asked}


def test_only_the_account_that_was_asked_for_is_attributed(found):
    assert set(found.contributions["margin_account_id"]) == {"M001H"}


@pytest.mark.parametrize("contract", [row[3] for row in HELD[:6]])
@pytest.mark.parametrize("component", ["BASE_MARGIN", "CORRELATION_BREAK"])
def test_a_contribution_is_the_slope_of_the_line_in_the_size_of_the_position(inputs, rule, found, contract, component):
    step = Decimal("0.0001")

    def amount(scale: Decimal) -> Decimal:
        held = [(*row[:4], str(Decimal(row[4]) * scale)) if row[3] == contract else row for row in HELD]
        table = initial_margin(inputs(held), AS_OF, rule).requirement
        own = table.filter((pl.col("margin_account_id") == "M001H") & (pl.col("component") == component))
        return own["amount_usd"].item()

    slope = (amount(1 + step) - amount(1 - step)) / (2 * step)
    expected = by_item(found.contributions, component).get(contract, Decimal(0))
    # Two cents of rounding over the two steps.
    assert float(slope) == pytest.approx(float(expected), rel=2e-3, abs=0.02 / float(2 * step))


def test_a_hedge_contributes_less_than_nothing(inputs, policy):
    hedged = [
        ("M001", "M001H", "", "BTC-PERP.LIN.USDC", "4000"),
        ("M001", "M001H", "", "BTC-PERP.INV", "-9000"),
    ]
    shares = by_item(attribute(margined(inputs(hedged), AS_OF, policy), "M001H").contributions, "BASE_MARGIN")
    assert shares["BTC-PERP.LIN.USDC"] > 0 > shares["BTC-PERP.INV"]


def test_a_future_has_no_factor_but_spot_and_a_straddle_has_volatility(inputs, policy):
    calm = replace(policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.01})))
    plain = [("M001", "M001H", "", "BTC-PERP.LIN.USDC", "4000")]
    factors = by_item(attribute(margined(inputs(plain), AS_OF, calm), "M001H").factors, "BASE_MARGIN")
    assert set(factors) == {"SPOT"}
    short_put = [("M001", "M001H", "", "BTC-20260327-80000-P.INV", "-200")]
    factors = by_item(attribute(margined(inputs(short_put), AS_OF, calm), "M001H").factors, "BASE_MARGIN")
    assert factors["SPOT"] > 0
    assert factors["VOL_LEVEL"] > 0
    assert set(factors) <= set(FACTORS)


def test_a_line_on_the_grid_is_shared_by_what_each_position_loses_at_its_point(inputs, policy):
    wide = replace(policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.9})))
    plain = [("M001", "M001H", "", "BTC-PERP.LIN.USDC", "-1000"), ("M001", "M001H", "", "ETH-PERP.LIN.USDC", "1000")]
    found = attribute(margined(inputs(plain), AS_OF, wide), "M001H")
    shares = by_item(found.contributions, "BASE_MARGIN")
    # The worst point moves each by nine tenths of its price, and the grid knows no offset between them.
    assert float(shares["BTC-PERP.LIN.USDC"]) == pytest.approx(1000 * 0.001 * 90010 * 0.9, abs=0.02)
    assert float(shares["ETH-PERP.LIN.USDC"]) == pytest.approx(1000 * 0.01 * 3000 * 0.9, abs=0.02)
    assert set(by_item(found.factors, "BASE_MARGIN")) == {"GRID"}


def test_an_account_minimum_is_the_accounts_own(inputs, policy):
    tiny = [("M001", "M001H", "", "BTC-PERP.LIN.USDC", "1")]
    shares = by_item(attribute(margined(inputs(tiny), AS_OF, policy), "M001H").contributions, "FLOOR_TOP_UP")
    assert set(shares) == {ACCOUNT_ITEM}


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.integers(1, 10**12),
    st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=12),
)
def test_parts_sum_to_the_amount_and_are_within_a_cent_of_their_share(cents, shares):
    amount, named = Decimal(cents).scaleb(-2), {f"P{i}": share for i, share in enumerate(shares)}
    parts = apportioned(amount, named)
    assert sum(parts.values()) == amount
    whole = sum(map(Decimal, shares))
    if whole > 1:
        for item, share in named.items():
            assert abs(parts[item] - Decimal(share) * amount / whole) <= Decimal("0.0101") * (1 + amount / 10**9)
