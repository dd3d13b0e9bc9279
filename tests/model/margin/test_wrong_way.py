"""Positions and coin collateral together: by hand, screened and unscreened alike, and never where haircuts suffice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.policy import ByName, Policy
from tasks.model.risk.joint import joint_outcome

AS_OF = datetime(2026, 1, 30, 8)
Book = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Book], MarginInputs]
HOUSE = ("M001", "M001H", "")
LONG: Book = [(*HOUSE, "BTC-PERP.LIN.USDC", "1000")]


def narrow(policy: Policy, **wrong_way: float) -> Policy:
    """A grid that never binds, so that the tail is the margin, and no caps, so that every coin counts."""
    small = replace(policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.01})))
    cap = replace(policy.collateral.cap, issuer_fraction=1.0, group_fraction=1.0)
    small = replace(small, collateral=replace(policy.collateral, cap=cap))
    return replace(small, wrong_way=replace(small.wrong_way, **wrong_way))


def with_coins(
    inputs: MarginInputs, quantity: str, haircut: float, account: tuple[str, str] = HOUSE[:2]
) -> MarginInputs:
    plain = {
        "clearing_member_id": account[0],
        "margin_account_id": account[1],
        "asset": "BTC",
        "quantity": Decimal(quantity),
        "price_usd": Decimal(90000),
        "haircut_fraction": haircut,
        "haircut_rule": "test",
        "issuer": "",
        "related_parties": account[0],
    }
    schema = inputs.balances.schema
    return replace(inputs, balances=pl.DataFrame([{name: plain.get(name) for name in schema}], schema=schema))


def amount(result: MarginResult, component: str, account: str = "M001H", client: str = "") -> float:
    own = result.requirement.filter(
        pl.col("margin_account_id") == account, pl.col("client_id") == client, pl.col("component") == component
    )
    return float(own["amount_usd"].item())


def shortfall(result: MarginResult, usd: Callable[[float], float], name: str, confidence: float) -> float:
    moves = result.scenario.filter(pl.col("scenario_set") == name, pl.col("underlying") == "BTC")["spot_return"]
    losses = sorted((-usd(move) for move in moves), reverse=True)
    k = round(len(losses) * (1 - confidence), 9)
    whole = int(k)
    return (sum(losses[:whole]) + (k - whole) * losses[whole]) / k


@pytest.mark.parametrize(("coins", "haircut"), [("2", 0.0), ("2", 0.05), ("-0.1", 0.0), ("0.5", 0.02)])
def test_a_tail_of_both_beyond_margin_and_haircut(inputs: Inputs, policy: Policy, coins: str, haircut: float) -> None:
    chosen = narrow(policy)
    result = initial_margin(with_coins(inputs(LONG), coins, haircut), AS_OF, chosen)
    held = float(coins) * 90_000.0

    def both(move: float) -> float:
        return (90_010.0 + held) * (np.exp(move) - 1)

    together = 0.75 * shortfall(result, both, "FILTERED", 0.975) + 0.25 * shortfall(result, both, "STRESSED", 0.99)
    expected = max(0.0, together - amount(result, "BASE_MARGIN") - abs(held) * haircut)
    assert amount(result, "WRONG_WAY") == pytest.approx(expected, abs=0.03)
    assert (amount(result, "WRONG_WAY") > 0) == (float(coins) > 0)


def test_a_haircut_above_the_coin_s_own_tail_asks_nothing(inputs: Inputs, policy: Policy) -> None:
    assert amount(initial_margin(with_coins(inputs(LONG), "5", 0.9), AS_OF, narrow(policy)), "WRONG_WAY") == 0


@pytest.mark.parametrize(("fraction", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_the_fraction_at_its_bounds(inputs: Inputs, policy: Policy, fraction: float, share: float) -> None:
    held = with_coins(inputs(LONG), "2", 0.0)
    whole = amount(initial_margin(held, AS_OF, narrow(policy)), "WRONG_WAY")
    assert whole > 0
    assert amount(initial_margin(held, AS_OF, narrow(policy, fraction=fraction)), "WRONG_WAY") == whole * share


def test_a_gross_account_s_coins_stand_behind_each_client_in_its_share(inputs: Inputs, policy: Policy) -> None:
    client: Book = [("M002", "M002G", name, "BTC-PERP.LIN.USDC", "1000") for name in ("C1", "C2")]
    both = initial_margin(with_coins(inputs(client), "2", 0.0, ("M002", "M002G")), AS_OF, narrow(policy))
    alone = initial_margin(with_coins(inputs(LONG), "1", 0.0), AS_OF, narrow(policy))
    expected = amount(alone, "WRONG_WAY")
    assert expected > 0
    assert amount(both, "WRONG_WAY", "M002G") == 0
    for name in ("C1", "C2"):
        assert amount(both, "WRONG_WAY", "M002G", name) == pytest.approx(expected, abs=0.011)


def test_the_worst_scenario_is_the_largest_fall(inputs: Inputs, policy: Policy) -> None:
    result = initial_margin(with_coins(inputs(LONG), "2", 0.0), AS_OF, narrow(policy))
    line: dict[str, Any] = result.requirement.filter(
        pl.col("margin_account_id") == "M001H", pl.col("component") == "WRONG_WAY"
    ).row(0, named=True)
    letter = line["worst_scenario_id"][0]
    falls = result.scenario.filter(
        pl.col("underlying") == "BTC", pl.col("scenario_set") == {"F": "FILTERED", "S": "STRESSED"}[letter]
    ).sort("spot_return")
    assert line["worst_scenario_id"] == falls["scenario_id"][0]
    assert line["binding_component"] == "JOINT_LOSS"


@settings(max_examples=200, derandomize=True, deadline=None)
@given(pnl=st.floats(-1e6, 1e6), coin=st.floats(-1e6, 1e6), factor=st.floats(0.01, 5.0))
def test_what_is_left_is_the_coin_at_its_new_price_and_the_gain(pnl: float, coin: float, factor: float) -> None:
    after = joint_outcome(np.array([[pnl]]), np.array([[coin]]), np.array([[factor]]))
    assert after.collateral[0, 0] == pytest.approx(coin * factor, rel=1e-12)
    assert after.equity[0, 0] == pytest.approx(coin * factor + pnl, rel=1e-9, abs=1e-6)
