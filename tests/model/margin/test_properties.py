"""What must hold of any book and any collateral: random small books through the public functions of the room."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from math import exp

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.policy import ByName, Policy

AS_OF = datetime(2026, 1, 30, 8)
CENT = Decimal("0.01")
Rows = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Rows], MarginInputs]
Held = Mapping[str, int]
ONE, OTHER, BOTH = ("M001", "M001H"), ("M001", "M001N"), ("M003", "M003H")  # all with the same liquidation periods
GROSS = ("M002", "M002G")
ACCOUNT = ["clearing_member_id", "margin_account_id"]

# Contracts of a book, each about 1,000 USD of delta or less at its largest.
SIZES = {
    "BTC-PERP.LIN.USDC": 1000,
    "BTC-PERP.INV": 9000,
    "BTC-20260327.LIN.USDC": 1000,
    "ETH-PERP.LIN.USDC": 3000,
    "SOL-PERP.LIN.USDC": 600,
    "BTC-20260327-90000-C.INV": 3,
    "BTC-20260327-90000-P.INV": 3,
    "BTC-20260327-80000-P.INV": 3,
    "ETH-20260327-3000-C.LIN.USDC": 900,
}
books = st.fixed_dictionaries(
    {}, optional={name: st.integers(-most, most).filter(bool) for name, most in SIZES.items()}
).filter(bool)

# Legs that hedge each other across underlyings come up more often among fewer contracts.
legs = st.one_of(
    books,
    st.dictionaries(
        st.sampled_from(["BTC-PERP.LIN.USDC", "ETH-PERP.LIN.USDC", "SOL-PERP.LIN.USDC"]),
        st.sampled_from([-600, -300, 300, 600]),
        min_size=1,
    ),
)


def quick(examples: int) -> settings:
    return settings(
        max_examples=examples, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


def rows(account: tuple[str, str], held: Held, client: str = "") -> Rows:
    return [(*account, client, name, str(quantity)) for name, quantity in held.items() if quantity]


def scaled(held: Held, factor: int) -> dict[str, int]:
    return {name: factor * quantity for name, quantity in held.items()}


def added(one: Held, other: Held) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in SIZES}


@pytest.fixture(scope="session")
def three(inputs: Inputs, history: pl.DataFrame) -> Inputs:
    """Inputs of a house that draws scenarios for three underlyings, a third of SOL's move being ETH's."""
    draw, log = random.Random(7), 5.0
    moves = history.filter(pl.col("underlying") == "ETH").sort("date")
    closes = moves["close"].cast(pl.Float64).log().diff().fill_null(0.0)
    sol = []
    for day, move in zip(moves["date"], closes, strict=True):
        log += move / 3.0 + draw.gauss(0, 0.04)
        sol.append(("SOL", day, Decimal(f"{exp(log):.6f}")))
    known = pl.concat([history, pl.DataFrame(sol, schema=dict(history.schema), orient="row")])
    return lambda held: replace(inputs(held), history=known)


def made(given_: MarginInputs, policy: Policy) -> MarginResult:
    return initial_margin(given_, AS_OF, policy)


def amount(result: MarginResult, account: tuple[str, str], *components: str) -> Decimal:
    own = result.requirement.filter(
        pl.col("margin_account_id") == account[1], pl.col("component").is_in(list(components))
    )
    found: Decimal = own["amount_usd"].sum()
    return found


def base_and_break(result: MarginResult, account: tuple[str, str]) -> Decimal:
    return amount(result, account, "BASE_MARGIN", "CORRELATION_BREAK")


# Lines and totals


@quick(15)
@given(held=books, factor=st.sampled_from([2, 3, 10]))
def test_lines_are_not_negative_and_base_margin_grows_with_size(
    three: Inputs, policy: Policy, held: dict[str, int], factor: int
) -> None:
    book = rows(ONE, held) + rows(BOTH, scaled(held, factor)) + rows(GROSS, held, "C1") + rows(GROSS, held, "C2")
    result = made(three(book), policy)
    assert (result.requirement["amount_usd"] >= 0).all()
    assert (result.portfolio["total_initial_margin_usd"] >= 0).all()
    lines = result.requirement.group_by("margin_account_id", "client_id").agg(total=pl.col("amount_usd").sum())
    joined = result.portfolio.join(lines, on=["margin_account_id", "client_id"])
    assert (joined["total"] == joined["initial_margin_usd"]).all()
    for component in ("BASE_MARGIN", "CORRELATION_BREAK"):
        one, many = amount(result, ONE, component), amount(result, BOTH, component)
        assert (one - CENT) * factor <= many <= one * factor  # each is rounded up to a cent
    # Two clients who hold the same are two accounts, and no line of a client depends on the other.
    assert amount(result, GROSS, "BASE_MARGIN") == 2 * amount(result, ONE, "BASE_MARGIN")


# Sub-additivity: docs/decisions/2026-11-22-correlation-break-above-base-margin.md


def test_legs_that_the_grid_binds_cost_no_more_together(inputs: Inputs, policy: Policy) -> None:
    """Found first by hand: line 2 gave back as a break what the grid had never granted as an offset."""
    long, short = {"BTC-PERP.LIN.USDC": 1000}, {"ETH-PERP.LIN.USDC": -2500}
    result = made(inputs(rows(ONE, long) + rows(OTHER, short) + rows(BOTH, added(long, short))), policy)
    # 0.12 of 90,010 and 0.15 of 75,000, no offset across underlyings.
    assert [amount(result, each, "BASE_MARGIN") for each in (ONE, OTHER, BOTH)] == [
        Decimal("10801.20"),
        Decimal("11250.00"),
        Decimal("22051.20"),
    ]
    assert base_and_break(result, BOTH) <= base_and_break(result, ONE) + base_and_break(result, OTHER)


@quick(40)
@given(
    one=legs,
    other=legs,
    fraction=st.sampled_from([0.25, 1.0]),
    limit=st.sampled_from([0.0, 0.8, 1.0]),
    narrow=st.booleans(),
    floor=st.sampled_from(["off", "on"]),
)
def test_base_margin_and_correlation_break_are_sub_additive(
    three: Inputs,
    policy: Policy,
    one: dict[str, int],
    other: dict[str, int],
    fraction: float,
    limit: float,
    narrow: bool,
    floor: str,
) -> None:
    chosen = replace(
        policy,
        base_margin=replace(policy.base_margin, offset_limit_fraction=limit, long_run_floor=floor),
        correlation_break=replace(policy.correlation_break, fraction=fraction),
        grid=replace(policy.grid, range_fraction=ByName({"default": 0.01})) if narrow else policy.grid,
    )
    result = made(three(rows(ONE, one) + rows(OTHER, other) + rows(BOTH, added(one, other))), chosen)
    apart = base_and_break(result, ONE) + base_and_break(result, OTHER)
    assert base_and_break(result, BOTH) <= apart + 2 * CENT
    assert (
        amount(result, BOTH, "BASE_MARGIN") <= sum(amount(result, each, "BASE_MARGIN") for each in (ONE, OTHER)) + CENT
    )
