"""A policy that names a rate for an asset: what it settles is worth the discounted value in every scenario."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from tasks import policy_store, resources
from tasks.model.errors import PolicyError
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.policy import ByName, Discounting, Policy

AS_OF = datetime(2026, 1, 30, 8)
KEPT = math.exp(-0.05 * 56 / 365)  # 56 days to 2026-03-27 at five per cent
Book = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Book], MarginInputs]
QUOTE, COIN, PERPETUAL = "ETH-20260327-3000-C.LIN.USDC", "BTC-20260327-90000-C.INV", "ETH-PERP.LIN.USDC"


def margined(inputs: Inputs, policy: Policy, contract: str, quantity: str, rate: float) -> MarginResult:
    rated = replace(policy, discounting=Discounting(ByName({"default": 0.0, "USDC": rate})))
    return initial_margin(inputs([("M001", "M001H", "", contract, quantity)]), AS_OF, rated)


def figures(result: MarginResult) -> list[float]:
    risk = result.portfolio_risk.filter(pl.col("underlying") == "ALL")
    position = result.position_risk
    names = ("filtered_es_usd", "stressed_es_usd")
    return [*(risk[name].item() for name in names), *(position[name].item() for name in ("delta", "gamma", "vega_usd"))]


@pytest.mark.parametrize("quantity", ["100", "-100"])
def test_losses_and_sensitivities_of_an_option_are_discounted(inputs: Inputs, policy: Policy, quantity: str) -> None:
    plain, rated = (margined(inputs, policy, QUOTE, quantity, rate) for rate in (0.0, 0.05))
    assert figures(rated) == pytest.approx([KEPT * figure for figure in figures(plain)], rel=1e-12)
    # The mark is what it is worth already.
    assert rated.portfolio["net_option_value_usd"].equals(plain.portfolio["net_option_value_usd"])


@pytest.mark.parametrize("contract", [COIN, PERPETUAL])
def test_other_assets_and_what_settles_daily_are_not(inputs: Inputs, policy: Policy, contract: str) -> None:
    plain, rated = (margined(inputs, policy, contract, "10", rate) for rate in (0.0, 0.05))
    assert rated.requirement.equals(plain.requirement) and rated.position_risk.equals(plain.position_risk)


@pytest.mark.parametrize(("rate", "accepted"), [(-0.05, True), (0.5, True), (-0.0501, False), (0.51, False)])
def test_a_rate_is_held_to_its_bounds(tmp_path: Path, rate: float, accepted: bool) -> None:
    text = resources.data("policy/2014-01-01.toml").read_text(encoding="utf-8")
    path = tmp_path / "2014-01-01.toml"
    path.write_text(text.replace("rate_per_year = { default = 0.0 }", f"rate_per_year = {{ default = {rate} }}"))
    if accepted:
        assert policy_store.load(path).discounting.rate_per_year["USDC"] == rate
    else:
        with pytest.raises(PolicyError, match=r"discounting\.rate_per_year"):
            policy_store.load(path)
