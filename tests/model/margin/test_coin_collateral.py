"""Coin collateral margined with the positions: closed forms, and what more of it may never do (METHODOLOGY 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.margin.coin_collateral import with_terms
from tasks.model.margin.collateral import count_as_cover, value_collateral
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.policy import ByName, Policy

AS_OF = datetime(2026, 1, 30, 8)
ACCOUNT = ("M001", "M001H")
PRICES = {"BTC": Decimal(90000), "ETH": Decimal(3000), "USD": Decimal(1), "USDC": Decimal(1)}
HAIRCUTS = {"BTC": "0.25", "ETH": "0.30", "USD": "0", "USDC": "0.05"}
Inputs = Callable[[list[tuple[str, str, str, str, str]]], MarginInputs]
ROUNDING = Decimal("0.20")  # lines and own margins are rounded up to a cent each
quick = settings(max_examples=15, derandomize=True, deadline=None, phases=(Phase.explicit, Phase.generate))


def joint(inputs: Inputs, held: dict[str, str], coins: dict[str, str], mode: str = "joint") -> MarginInputs:
    """Inputs of one house account with positions and balances."""
    made = inputs([(*ACCOUNT, "", contract, quantity) for contract, quantity in held.items()])
    balances = [
        (*ACCOUNT, asset, Decimal(quantity), PRICES[asset], None, Decimal(HAIRCUTS[asset]), asset, "", "M001")
        for asset, quantity in coins.items()
    ]
    own = made.accounts.filter(pl.col("margin_account_id") == ACCOUNT[1])
    return replace(
        made,
        accounts=own,
        balances=pl.DataFrame(balances, schema=made.balances.schema, orient="row"),
        joint_accounts=own.select("clearing_member_id", "margin_account_id")
        if mode == "joint"
        else made.joint_accounts,
    )


def line(result: MarginResult, component: str) -> Decimal:
    amount: Decimal = result.requirement.filter(pl.col("component") == component)["amount_usd"].item()
    return amount


def base_and_break(result: MarginResult) -> Decimal:
    return line(result, "BASE_MARGIN") + line(result, "CORRELATION_BREAK")


def deficit(made: MarginInputs, policy: Policy) -> Decimal:
    """Requirement less what counts, below zero where there is cover to spare."""
    result = initial_margin(made, AS_OF, policy)
    required = result.portfolio["total_initial_margin_usd"].sum()
    alone = {ACCOUNT: result.haircut_mode["total_initial_margin_usd"].sum()} if result.haircut_mode.height else {}
    valued = value_collateral(with_terms(made.balances, result.joint_collateral), policy)
    counted = count_as_cover(valued, {ACCOUNT: required}, {"USDC": "CIRCLE"}, policy, alone)
    found: Decimal = required - counted["counted_value_usd"].sum()
    return found


def test_a_short_inverse_future_with_its_coin_needs_no_base_margin(inputs: Inputs, policy: Policy) -> None:
    # 9,000 contracts of 10 USD short at 90,000 are one coin short: with one coin held nothing moves.
    made = joint(inputs, {"BTC-PERP.INV": "-9000"}, {"BTC": "1"})
    result = initial_margin(made, AS_OF, policy)
    assert line(result, "BASE_MARGIN") <= Decimal("0.01")
    assert line(result, "CORRELATION_BREAK") <= Decimal("0.01")
    assert result.haircut_mode["initial_margin_usd"].item() > 10_000
    assert result.joint_collateral.filter(pl.col("asset") == "BTC")["quantity"].item() == 1


def test_a_coin_counts_at_its_liquidity_haircut_and_no_other(inputs: Inputs, policy: Policy) -> None:
    made = joint(inputs, {"BTC-PERP.INV": "-9000"}, {"BTC": "1", "USDC": "1000"})
    valued = value_collateral(with_terms(made.balances, initial_margin(made, AS_OF, policy).joint_collateral), policy)
    rows = {row["asset"]: row for row in valued.iter_rows(named=True)}
    assert rows["BTC"]["post_haircut_value_usd"] == Decimal("88200.00")  # 90,000 · (1 − 0.02)
    assert rows["BTC"]["rule_id"] == "collateral.liquidity_haircut_fraction.BTC"
    assert rows["USDC"]["post_haircut_value_usd"] == Decimal("950.00")
    assert rows["USDC"]["own_margin_usd"] is None


def test_a_coin_owed_is_a_short_position(inputs: Inputs, policy: Policy) -> None:
    """A debt of one coin is hedged by one coin long in a future, and costs its own margin without.

    Where the basis moves by 1 % an inverse future gains 1 − 1/1.01 and the coin 0.01: a ten-thousandth is left of both.
    """
    hedged = initial_margin(joint(inputs, {"BTC-PERP.INV": "9000"}, {"BTC": "-1"}), AS_OF, policy)
    short = initial_margin(joint(inputs, {}, {"BTC": "-1"}), AS_OF, policy)
    future = initial_margin(joint(inputs, {"BTC-PERP.INV": "-9000"}, {}), AS_OF, policy)
    assert line(hedged, "BASE_MARGIN") <= Decimal(90000) / 10_000
    assert abs(line(short, "BASE_MARGIN") - line(future, "BASE_MARGIN")) <= Decimal(90000) / 10_000


def test_a_coin_without_a_position_or_debt_asks_for_nothing(inputs: Inputs, policy: Policy) -> None:
    result = initial_margin(joint(inputs, {}, {"BTC": "5"}), AS_OF, policy)
    assert result.portfolio["initial_margin_usd"].item() == 0


def test_in_haircut_mode_coins_move_no_base_margin(inputs: Inputs, policy: Policy) -> None:
    held = {"BTC-PERP.INV": "-9000"}
    plain = initial_margin(joint(inputs, held, {}, "haircut"), AS_OF, policy)
    with_coin = initial_margin(joint(inputs, held, {"BTC": "1"}, "haircut"), AS_OF, policy)
    assert line(plain, "BASE_MARGIN") == line(with_coin, "BASE_MARGIN")
    assert with_coin.joint_collateral.is_empty()
    assert with_coin.haircut_mode.is_empty()


def test_a_coin_that_asks_for_more_than_it_brings_keeps_its_haircut(inputs: Inputs, policy: Policy) -> None:
    dear = replace(policy.collateral, liquidity_haircut_fraction=ByName({"default": 1.0, "BTC": 0.9}))
    result = initial_margin(
        joint(inputs, {"BTC-PERP.INV": "-9000"}, {"BTC": "1"}), AS_OF, replace(policy, collateral=dear)
    )
    assert result.joint_collateral.is_empty()
    assert result.portfolio["initial_margin_usd"].item() == result.haircut_mode["initial_margin_usd"].item()


def test_a_gross_account_keeps_haircuts(inputs: Inputs, policy: Policy) -> None:
    made = inputs([("M002", "M002G", "C1", "BTC-PERP.INV", "-9000")])
    made = replace(made, joint_accounts=pl.DataFrame({"clearing_member_id": ["M002"], "margin_account_id": ["M002G"]}))
    assert initial_margin(made, AS_OF, policy).haircut_mode.is_empty()


def test_a_coin_that_does_not_enter_keeps_its_haircut(inputs: Inputs, policy: Policy) -> None:
    made = joint(inputs, {"BTC-PERP.INV": "-9000"}, {"BTC": "1"})
    left_out = initial_margin(replace(made, coins=made.coins.clear()), AS_OF, policy)
    assert left_out.joint_collateral.is_empty()
    assert line(left_out, "BASE_MARGIN") == line(initial_margin(made, AS_OF, replace_mode(policy)), "BASE_MARGIN")


def test_a_coin_without_a_number_is_refused(inputs: Inputs, policy: Policy) -> None:
    made = joint(inputs, {"BTC-PERP.INV": "-9000"}, {"BTC": "1"})
    unpriced = made.coins.with_columns(price_usd=pl.lit(None, dtype=pl.Decimal(28, 10)))
    with pytest.raises(ModelInputError, match=r"price_usd.*coins BTC"):
        initial_margin(replace(made, coins=unpriced), AS_OF, policy)
    valueless = made.balances.with_columns(price_usd=pl.lit(None, dtype=pl.Decimal(28, 10)))
    with pytest.raises(ModelInputError, match="PRICE_MISSING"):
        initial_margin(replace(made, balances=valueless), AS_OF, policy)


def replace_mode(policy: Policy) -> Policy:
    """A policy under which no coin enters: each costs all of its value to sell."""
    return replace(policy, collateral=replace(policy.collateral, liquidity_haircut_fraction=ByName({"default": 1.0})))


books = st.fixed_dictionaries(
    {
        "BTC-PERP.INV": st.integers(-20000, 20000),
        "ETH-PERP.LIN.USDC": st.integers(-60000, 60000),
        "BTC-20260327-90000-C.INV": st.integers(-3, 3),
    }
)
coin = st.decimals("0.01", "30", places=2)


def texts(book: dict[str, Any]) -> dict[str, str]:
    return {name: str(quantity) for name, quantity in book.items() if quantity}


@quick
@given(books, coin, st.decimals("0.01", "200", places=2), coin, st.sampled_from(["BTC", "ETH", "USD"]), st.booleans())
def test_more_collateral_never_raises_a_call(
    inputs: Inputs, policy: Policy, book: dict[str, int], btc: Decimal, eth: Decimal, more: Decimal, of: str, owes: bool
) -> None:
    held = {"BTC": -btc if owes else btc, "ETH": eth, "USD": Decimal(1000)}
    richer = {**held, of: held[of] + more * (10_000 if of == "USD" else 1)}
    for mode in ("joint", "haircut"):
        before, after = (
            deficit(joint(inputs, texts(book), {name: str(each) for name, each in balances.items()}, mode), policy)
            for balances in (held, richer)
        )
        assert max(after, Decimal(0)) <= max(before, Decimal(0)) + ROUNDING, mode


@quick
@given(st.integers(-20000, -100), coin, st.integers(-40000, 40000))
def test_a_hedge_costs_no_more_than_its_legs(
    inputs: Inputs, policy: Policy, short: int, btc: Decimal, other: int
) -> None:
    """Base margin and correlation break of positions with a coin, against the positions and the coin apart.

    Of the tails: a grid that binds holds more than the tail, yet correlation break is measured on the tail beside it
    (docs/decisions), so its range is set to where it does not.
    """
    narrow = replace(
        policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.01}), extreme_moves=(-0.66,))
    )
    held = texts({"BTC-PERP.INV": short, "ETH-PERP.LIN.USDC": other})
    together = initial_margin(joint(inputs, held, {"BTC": str(btc)}), AS_OF, narrow)
    positions = initial_margin(joint(inputs, held, {}), AS_OF, narrow)
    # Nine thousand inverse contracts of 10 USD at 90,000 gain what one coin does.
    alone = initial_margin(joint(inputs, {"BTC-PERP.INV": str(btc * 9000)}, {}), AS_OF, narrow)
    assert base_and_break(together) <= base_and_break(positions) + base_and_break(alone) + ROUNDING
