"""Add-on lines: each in closed form, each parameter at its bounds, and what must hold of any book."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.margin.depeg import charge_per_coin
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.policy import ByName, Policy

AS_OF = datetime(2026, 1, 30, 8)
Book = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Book], MarginInputs]
HOUSE = ("M001", "M001H", "")
HAIRCUTS = {"USD": "0", "USDC": "0.05", "USDT": "0.05", "BTC": "0.25", "ETH": "0.30"}
LONG: Book = [(*HOUSE, "BTC-PERP.LIN.USDC", "1000")]


def with_field(policy: Policy, section: str, **values: Any) -> Policy:
    return replace(policy, **{section: replace(getattr(policy, section), **values)})


def amount(result: MarginResult, component: str, account: str = "M001H", client: str = "") -> float:
    row = result.requirement.filter(
        pl.col("margin_account_id") == account, pl.col("client_id") == client, pl.col("component") == component
    )
    return float(row["amount_usd"].item())


def made(inputs: MarginInputs, policy: Policy) -> MarginResult:
    return initial_margin(inputs, AS_OF, policy)


def with_balance(
    inputs: MarginInputs, *held: tuple[str, str, str], account: tuple[str, str] = HOUSE[:2]
) -> MarginInputs:
    rows = [
        (*account, asset, Decimal(quantity), Decimal(price), None, Decimal(HAIRCUTS.get(asset, "1")), "", "", "")
        for asset, quantity, price in held
    ]
    return replace(inputs, balances=pl.DataFrame(rows, schema=inputs.balances.schema, orient="row"))


def with_gap(inputs: MarginInputs, days: int) -> MarginInputs:
    return replace(inputs, accounts=inputs.accounts.with_columns(gap_days=pl.lit(days)))


@pytest.mark.parametrize(("days", "factor"), [(0, 0.0), (2, math.sqrt(2) - 1), (6, 1.0)])
def test_holiday_gap_stretches_base_margin(inputs: Inputs, policy: Policy, days: int, factor: float) -> None:
    result = made(with_gap(inputs(LONG), days), policy)
    assert amount(result, "HOLIDAY_GAP") == pytest.approx(factor * amount(result, "BASE_MARGIN"), abs=0.02)


def test_holiday_gap_at_its_bounds(inputs: Inputs, policy: Policy) -> None:
    gap = with_gap(inputs(LONG), 40)
    assert amount(made(gap, with_field(policy, "holiday_gap", largest_gap_days=0)), "HOLIDAY_GAP") == 0
    widest = made(gap, with_field(policy, "holiday_gap", largest_gap_days=30))
    assert amount(widest, "HOLIDAY_GAP") == pytest.approx(3 * amount(widest, "BASE_MARGIN"), abs=0.05)


@pytest.mark.parametrize(("multiple", "expected"), [(0.0, 0.0), (1.0, 4000 * 0.25), (5.0, 4000 * 1.25)])
def test_mark_uncertainty_counts_every_position_against_the_account(
    inputs: Inputs, policy: Policy, multiple: float, expected: float
) -> None:
    book = [(*HOUSE, name, quantity) for name, quantity in (("BTC-PERP.LIN.USDC", "3000"), ("BTC-PERP.INV", "-1000"))]
    held = inputs(book)
    unsure = replace(held, positions=held.positions.with_columns(mark_uncertainty_usd=pl.lit(0.25)))
    found = made(unsure, with_field(policy, "mark_uncertainty", multiple=multiple))
    assert amount(found, "MARK_UNCERTAINTY") == expected


def test_an_uncertainty_that_is_missing_is_refused(inputs: Inputs, policy: Policy) -> None:
    held = inputs(LONG)
    missing = replace(held, positions=held.positions.with_columns(mark_uncertainty_usd=pl.lit(None, pl.Float64)))
    with pytest.raises(ModelInputError, match=r"NON_FINITE.*BTC-PERP"):
        made(missing, policy)


@pytest.mark.parametrize(("price", "expected"), [("1", "0"), ("0.99", "0"), ("0.97", "0.10"), ("0.5", "2.45")])
def test_charge_per_coin(opening: Policy, price: str, expected: str) -> None:
    assert charge_per_coin(Decimal(price), opening) == Decimal(expected)


def test_depeg_at_its_bounds(inputs: Inputs, policy: Policy) -> None:
    held = with_balance(inputs(LONG), ("USDT", "1000", "0.9"))
    for values, expected in (
        ({"factor": 0.0}, 0.0),
        ({"factor": 20.0}, 950 * 0.9),
        ({"threshold": 0.5}, 0.0),
        ({"threshold": 1.0}, 950 * 0.5),
    ):
        found = made(held, with_field(policy, "stablecoin_depeg", **values))
        assert amount(found, "STABLECOIN_DEPEG") == pytest.approx(expected, abs=0.011)


def test_depeg_of_what_is_held_and_owed(inputs: Inputs, policy: Policy) -> None:
    # At 0.97 a coin costs 0.10: 950 of 1,000 held after haircut, 200 owed.
    held = with_balance(inputs(LONG), ("USDT", "1000", "0.97"), ("USDC", "-200", "0.97"), ("BTC", "3", "0.5"))
    assert amount(made(held, policy), "STABLECOIN_DEPEG") == 95 + 20
    # A coin that is nearly lost is charged what it is worth, not more; a debt in it in full.
    lost = with_balance(inputs(LONG), ("USDT", "1000", "0.1"), ("USDC", "-200", "0.1"))
    assert amount(made(lost, policy), "STABLECOIN_DEPEG") == pytest.approx(95 + 200 * 4.45)


def test_depeg_of_options_owed_in_a_coin(inputs: Inputs, policy: Policy) -> None:
    held = inputs(
        [
            ("M002", "M002G", "C1", "ETH-20260327-3000-C.LIN.USDC", "-7"),
            ("M002", "M002G", "C2", "ETH-20260327-3000-C.LIN.USDC", "7"),
        ]
    )
    cheap = replace(held, positions=held.positions.with_columns(settle_asset_price=pl.lit(Decimal("0.97"))))
    found = made(with_balance(cheap, ("USDC", "100", "0.97"), account=("M002", "M002G")), policy)
    # 7 x 0.1 x 210.55 = 147.385 coins owed by C1; C2 owes none; the account's 95 coins stand on its own line.
    lines = [amount(found, "STABLECOIN_DEPEG", "M002G", client) for client in ("C1", "C2", "")]
    assert lines == [14.74, 0.0, 9.5]


def test_an_account_without_a_position_is_charged_nothing(inputs: Inputs, policy: Policy) -> None:
    flat = with_balance(inputs(LONG), ("USDT", "1000000", "0.9"), account=("M003", "M003H"))
    assert amount(made(with_gap(flat, 5), policy), "STABLECOIN_DEPEG", "M003H") == 0


def expiring(inputs: Inputs, hours: float) -> MarginInputs:
    """A short future hedged by a call of the same size (delta near 1) that expires in some hours."""
    held = inputs([(*HOUSE, "BTC-PERP.LIN.USDC", "-3000"), (*HOUSE, "BTC-20260327-80000-P.INV", "-3")])
    option = pl.col("kind") == "OPT"
    return replace(
        held,
        positions=held.positions.with_columns(
            expiry_ts=pl.when(option).then(AS_OF + timedelta(hours=hours)),
            option_type=pl.when(option).then(pl.lit("C")),
            quantity=pl.when(option).then(Decimal(3)).otherwise("quantity"),
            strike=pl.when(option).then(pl.lit(Decimal(50000)).cast(pl.Decimal(28, 10))),
        ),
    )


def test_expiry_takes_away_the_hedge(inputs: Inputs, policy: Policy) -> None:
    naked = made(inputs([(*HOUSE, "BTC-PERP.LIN.USDC", "-3000")]), policy)
    for hours, within in ((24.0, True), (48.0, True), (48.01, False)):
        hedged = made(expiring(inputs, hours), policy)
        base, line = amount(hedged, "BASE_MARGIN"), amount(hedged, "EXPIRY")
        assert base < 0.3 * amount(naked, "BASE_MARGIN")
        assert line == (pytest.approx(amount(naked, "BASE_MARGIN") - base, abs=0.02) if within else 0)


def test_expiry_at_its_bounds_and_by_account(inputs: Inputs, policy: Policy) -> None:
    hedged = expiring(inputs, 24.0 * 9)
    assert amount(made(hedged, with_field(policy, "expiry", within_periods=5.0)), "EXPIRY") > 0
    assert amount(made(expiring(inputs, 1.0), with_field(policy, "expiry", within_periods=0.0)), "EXPIRY") == 0


def test_liquidity_of_one_future_by_hand(inputs: Inputs, policy: Policy) -> None:
    result = made(inputs(LONG), policy)
    sigma = result.liquidity.filter(pl.col("underlying") == "BTC")["volatility_per_day"].item()
    size = 1000 * 0.001 * 90010.0
    expected = size * (0.0005 + sigma * math.sqrt(size / 1e10))
    assert amount(result, "LIQUIDITY_CONCENTRATION") == pytest.approx(expected, abs=0.011)


def test_delivered_volume_and_book_take_the_place_of_declared_ones(inputs: Inputs, policy: Policy) -> None:
    plain = inputs(LONG)
    delivered = replace(
        plain,
        volumes=pl.DataFrame([("BTC", Decimal("1e12"))], plain.volumes.schema, orient="row"),
        order_books=pl.DataFrame(
            [
                ("BTC", "A", Decimal(89990), Decimal(90010)),
                ("BTC", "B", Decimal(89999), Decimal(90001)),
                ("BTC", "C", Decimal(90001), Decimal(89999)),
            ],
            plain.order_books.schema,
            orient="row",
        ),
    )
    market = made(delivered, policy).liquidity.row(0, named=True)
    assert (market["daily_volume_usd"], market["volume_quality"]) == (1e12, "OK")
    assert (market["half_spread_fraction"], market["spread_quality"]) == (pytest.approx(1 / 90000), "OK")
    assert amount(made(delivered, policy), "LIQUIDITY_CONCENTRATION") < amount(
        made(plain, policy), "LIQUIDITY_CONCENTRATION"
    )
    assert made(plain, policy).liquidity["spread_quality"].to_list() == ["PROXY", "PROXY"]


@pytest.mark.parametrize(
    ("field", "lowest", "highest"),
    [
        ("participation_fraction", 1.0, 0.01),
        ("impact", 0.0, 5.0),
        *(
            (name, ByName({"default": 0.0}), ByName({"default": top}))
            for name, top in (("half_spread_fraction", 0.2), ("vol_half_spread", 0.5), ("vol_move_per_day", 0.5))
        ),
    ],
)
def test_every_field_of_liquidity_at_its_bounds(
    inputs: Inputs, policy: Policy, field: str, lowest: Any, highest: Any
) -> None:
    thin = replace(
        policy.reference,
        average_daily_volume_usd=ByName({"default": 1e5}),
        average_daily_vega_usd=ByName({"default": 1e3}),
    )
    held = inputs([*LONG, (*HOUSE, "BTC-20260327-90000-C.INV", "-10")])
    base = replace(policy, reference=thin)
    low, now, high = (
        amount(made(held, with_field(base, "liquidity_concentration", **{field: value})), "LIQUIDITY_CONCENTRATION")
        for value in (lowest, getattr(base.liquidity_concentration, field), highest)
    )
    assert 0 <= low < now < high


def narrow(policy: Policy) -> Policy:
    """A grid so narrow that the shortfall decides."""
    return replace(policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.01})))


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_correlation_break_is_its_share_of_the_excess(inputs: Inputs, policy: Policy, fraction: float) -> None:
    # Long BTC, short ETH: half of ETH's move is BTC's, and that half is lost when they are paired otherwise.
    book = [(*HOUSE, "BTC-PERP.LIN.USDC", "1000"), (*HOUSE, "ETH-PERP.LIN.USDC", "-2500")]
    calm = narrow(replace(policy, base_margin=replace(policy.base_margin, stressed_weight_fraction=0.0)))
    whole, found = (
        amount(made(inputs(book), with_field(calm, "correlation_break", fraction=each)), "CORRELATION_BREAK")
        for each in (1.0, fraction)
    )
    assert whole > 1000
    assert found == pytest.approx(fraction * whole, abs=0.011)


@pytest.mark.parametrize("shifts", [1, 64])
def test_correlation_break_with_any_number_of_shifts(inputs: Inputs, policy: Policy, shifts: int) -> None:
    book = [(*HOUSE, "BTC-PERP.LIN.USDC", "1000"), (*HOUSE, "ETH-PERP.LIN.USDC", "-2500")]
    chosen = with_field(narrow(policy), "correlation_break", shifts=shifts)
    assert amount(made(inputs(book), chosen), "CORRELATION_BREAK") > 0


quantities = st.integers(-3000, 3000).filter(bool)
pairs = st.tuples(quantities, quantities)


@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(one=pairs, two=pairs)
def test_base_and_correlation_break_together_are_sub_additive(
    inputs: Inputs, policy: Policy, one: tuple[int, int], two: tuple[int, int]
) -> None:
    def book(account: str, btc: int, eth: int) -> Book:
        held = (("BTC-PERP.LIN.USDC", btc), ("ETH-PERP.LIN.USDC", eth))
        return [(account[:4], account, "", name, str(quantity)) for name, quantity in held if quantity]

    joined = (one[0] + two[0], one[1] + two[1])
    result = made(inputs([*book("M001H", *one), *book("M001N", *two), *book("M003H", *joined)]), narrow(policy))
    first, second, both = (
        amount(result, "BASE_MARGIN", account) + amount(result, "CORRELATION_BREAK", account)
        for account in ("M001H", "M001N", "M003H")
    )
    assert both <= first + second + 0.05
    assert (result.requirement["amount_usd"] >= 0).all()
