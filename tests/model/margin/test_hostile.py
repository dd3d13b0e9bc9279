"""What a member may try to owe less: more risk, odd positions and odd terms never lower what is asked in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.model import money
from tasks.model.errors import ModelInputError
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.policy import ByName, Policy

AS_OF = datetime(2026, 1, 30, 8)
Rows = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Rows], MarginInputs]
HOUSE = ("M001", "M001H", "")
LONG: Rows = [(*HOUSE, "BTC-PERP.LIN.USDC", "1000")]


def made(given_: MarginInputs, policy: Policy) -> MarginResult:
    return initial_margin(given_, AS_OF, policy)


def figure(result: MarginResult, name: str, account: str = "M001H") -> Decimal:
    return money.total(result.portfolio.filter(pl.col("margin_account_id") == account)[name])


def line(result: MarginResult, component: str, account: str = "M001H") -> Decimal:
    own = result.requirement.filter(pl.col("margin_account_id") == account, pl.col("component") == component)
    return money.total(own["amount_usd"])


# A young coin


def test_one_contract_of_a_young_coin_changes_nobody_else_s_margin(inputs: Inputs, policy: Policy) -> None:
    """It used to cut the joint look-back to its own history, and with it the wild months before its listing."""
    narrow = replace(policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.01})))
    plain = inputs(LONG)
    logs, wild = pl.col("close").cast(pl.Float64).log(), pl.col("date") < AS_OF.date() - timedelta(days=340)
    moves = logs.diff().over("underlying", order_by="date").fill_null(0.0) * pl.when(wild).then(2.0).otherwise(0.6)
    history = plain.history.sort("underlying", "date").with_columns(
        close=(10.0 + moves.cum_sum().over("underlying", order_by="date")).exp().cast(pl.Decimal(28, 10))
    )
    young = history.filter(pl.col("underlying") == "ETH").tail(345).with_columns(underlying=pl.lit("SOL"))
    known = replace(plain, history=pl.concat([history, young]))
    one = [("M003", "M003H", "", "SOL-PERP.LIN.USDC", "1")]
    alone = made(known, narrow)
    together = made(replace(known, positions=inputs(LONG + one).positions), narrow)
    assert figure(together, "initial_margin_usd") == figure(alone, "initial_margin_usd")
    sets = together.scenario_set.filter(pl.col("scenario_set") == "FILTERED", pl.col("account_type") == "HOUSE")
    assert dict(sets.select("underlying", "proxied").iter_rows())["SOL"] > 0
    assert dict(sets.select("underlying", "proxied").iter_rows())["BTC"] == 0


# More of the same, nothing at all, and next to nothing

OTHERS = ("BTC-PERP.INV", "ETH-PERP.LIN.USDC", "BTC-20260327-90000-C.INV", "ETH-20260327-3000-C.LIN.USDC")
sizes = st.dictionaries(st.sampled_from([LONG[0][3], *OTHERS]), st.integers(-2000, 2000).filter(bool), min_size=1)


@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(held=sizes)
def test_twice_the_position_never_needs_less(inputs: Inputs, policy: Policy, held: dict[str, int]) -> None:
    book = [(*HOUSE, name, str(quantity)) for name, quantity in held.items()]
    twice = [("M003", "M003H", "", name, str(2 * quantity)) for name, quantity in held.items()]
    result = made(inputs(book + twice), policy)
    for component in set(result.requirement["component"]) - {"FLOOR_TOP_UP", "LEVERAGE_SURCHARGE"}:
        assert line(result, component, "M003H") >= line(result, component) - Decimal("0.02"), component
    assert figure(result, "initial_margin_usd", "M003H") >= figure(result, "initial_margin_usd")


def test_rows_of_nothing_lower_no_margin(inputs: Inputs, policy: Policy) -> None:
    nothing: Rows = [(*HOUSE, name, "0") for name in (*OTHERS, "BTC-20260130-90000-C.INV")]
    for book in (LONG, [(*HOUSE, "BTC-20260327-80000-P.INV", "-2")]):
        plain, padded = made(inputs(book), policy), made(inputs(book + nothing), policy)
        assert figure(padded, "total_initial_margin_usd") == figure(plain, "total_initial_margin_usd")


@pytest.mark.parametrize("quantity", ["1", "1000000"])
def test_long_options_that_are_worth_nothing_lower_nothing(inputs: Inputs, policy: Policy, quantity: str) -> None:
    """Calls at ten times the price with a day to live, bought by the million: no value, no hedge, no credit."""
    short: Rows = [(*HOUSE, "BTC-PERP.LIN.USDC", "-1000")]
    bought = inputs([*short, (*HOUSE, "BTC-20260327-90000-C.INV", quantity)])
    option = pl.col("kind") == "OPT"
    terms = {"strike": Decimal(900_000), "settlement_price": Decimal(0)}
    columns: dict[str, Any] = {
        name: pl.when(option).then(value).otherwise(name).cast(pl.Decimal(28, 10)) for name, value in terms.items()
    }
    day = pl.when(option).then(AS_OF + timedelta(days=3)).otherwise("expiry_ts").cast(pl.Datetime("us"))
    far = replace(bought, positions=bought.positions.with_columns(expiry_ts=day, **columns))
    plain, padded = made(inputs(short), policy), made(far, policy)
    assert figure(padded, "total_initial_margin_usd") >= figure(plain, "total_initial_margin_usd")


def test_an_amount_too_large_for_a_cent_is_refused(inputs: Inputs, policy: Policy) -> None:
    """Lines of 4e16 USD each summed up to less than nothing in 64 bits, and nothing was asked."""
    huge = inputs([(*HOUSE, "BTC-PERP.LIN.USDC", "4.09e15")])
    deep = pl.DataFrame([("BTC", Decimal(10) ** 35)], schema=huge.volumes.schema, orient="row")
    watched = huge.accounts.with_columns(gap_days=pl.lit(2), surveillance_level=pl.lit(3, pl.Int64))
    with pytest.raises(ModelInputError, match="too large"):
        made(replace(huge, volumes=deep, accounts=watched), policy)


# Odd terms


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    held=sizes,
    strike=st.sampled_from(["0.0000000001", "1", "90000", "1000000000"]),
    volatility=st.sampled_from([0.0, 1e-6, 0.5, 20.0, 100.0]),
    seconds=st.sampled_from([1, 899, 1800, 86_400, 86_400 * 3650]),
    price=st.sampled_from([None, "0.000001", "1000000"]),
)
def test_terms_at_the_ends_of_what_can_be_delivered_give_a_margin_or_a_finding(
    inputs: Inputs,
    policy: Policy,
    held: dict[str, int],
    strike: str,
    volatility: float,
    seconds: int,
    price: str | None,
) -> None:
    plain = inputs([(*HOUSE, name, str(quantity)) for name, quantity in held.items()])
    option, money_type = pl.col("kind") == "OPT", pl.Decimal(28, 10)
    prices: dict[str, Any] = {
        name: pl.lit(Decimal(price)).cast(money_type) for name in ("index_price", "forward_price") if price
    }
    odd = plain.positions.with_columns(
        strike=pl.when(option).then(pl.lit(Decimal(strike))).cast(money_type),
        implied_volatility=pl.when(option).then(pl.lit(volatility)),
        expiry_ts=pl.when(option).then(AS_OF + timedelta(seconds=seconds)).cast(pl.Datetime("us")),
        **prices,
    )
    with np.errstate(all="raise", under="ignore"):
        try:
            result = made(replace(plain, positions=odd), policy)
        except ModelInputError:
            return
    assert (result.requirement["amount_usd"] >= 0).all()
    assert (result.portfolio["total_initial_margin_usd"] >= 0).all()


# Collateral


def with_coin(given_: MarginInputs, quantity: str, issuer: str = "") -> MarginInputs:
    row = ("M001", "M001H", "BTC", Decimal(quantity), Decimal(90000), None, Decimal("0.25"), "", issuer, "M001|GROUP")
    return replace(
        given_,
        balances=pl.DataFrame([row], schema=given_.balances.schema, orient="row"),
        joint_accounts=pl.DataFrame([("M001", "M001H")], schema=given_.joint_accounts.schema, orient="row"),
    )


def test_a_token_of_the_member_s_own_group_hedges_nothing(inputs: Inputs, policy: Policy) -> None:
    short = inputs([(*HOUSE, "BTC-PERP.INV", "-9000")])
    foreign, own = (made(with_coin(short, "1", issuer), policy) for issuer in ("", "GROUP"))
    assert line(foreign, "BASE_MARGIN") < line(own, "BASE_MARGIN") == line(made(short, policy), "BASE_MARGIN")
    assert "BTC" not in own.joint_collateral["asset"].to_list()


@pytest.mark.parametrize("dust", ["0.000000000000000001", "-0.000000000000000001", "0.000000004", "-0.000000004"])
def test_dust_in_joint_mode_moves_no_more_than_a_cent_a_line(inputs: Inputs, policy: Policy, dust: str) -> None:
    for book in ([], LONG):
        plain, dusty = (made(with_coin(inputs(book), quantity), policy) for quantity in ("0", dust))
        apart = figure(dusty, "total_initial_margin_usd") - figure(plain, "total_initial_margin_usd")
        assert abs(apart) <= Decimal("0.05")


def test_equity_below_zero_has_no_leverage_and_lowers_no_surcharge(inputs: Inputs, policy: Policy) -> None:
    capped = replace(policy, leverage_surcharge=replace(policy.leverage_surcharge, outright_cap=2.0))
    poor = made(replace(with_coin(inputs(LONG), "-3"), joint_accounts=inputs(LONG).joint_accounts), capped)
    assert line(poor, "LEVERAGE_SURCHARGE") == line(made(inputs(LONG), capped), "LEVERAGE_SURCHARGE") > 0
    table = poor.leverage.filter(pl.col("margin_account_id") == "M001H").row(0, named=True)
    assert table["equity_usd"] < 0
    assert table["effective_leverage"] is table["outright_leverage"] is None
