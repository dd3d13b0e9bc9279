"""Margins by expiry as parts: the dated sets as they are shipped, on accounts that can be worked by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from tasks import reference_models
from tasks.model.arrays import LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.margin.expiry_parts import EXPIRY_PARTS
from tasks.model.margin.reference_parts import Charge, Group

SETS = ("DERIVE_PM1", "DERIVE_PM2", "DERIVE_SRM")
DAY = date(2026, 1, 29)


@pytest.fixture(scope="module")
def models():
    return {model.name: model for model in reference_models.in_force(DAY) if model.name in SETS}


@pytest.fixture
def charge(models, make_contracts):
    """Charge of a set on accounts of one underlying at 100; an account maps perpetual, call or put to a quantity."""
    option = {"form": QUOTE_OPTION, "strike": 100.0, "years_to_expiry": 30.0 / 365.0, "volatility": 0.6}

    def of(name: str, underlying: str, *accounts: dict[str, float]) -> Charge:
        own = {"underlying": underlying}
        contracts = make_contracts(
            {**own, "form": LINEAR_FORWARD}, {**own, **option, "is_call": True}, {**own, **option, "is_call": False}
        )
        place = {"perpetual": 0, "call": 1, "put": 2}
        held = [(row, place[kind], quantity) for row, each in enumerate(accounts) for kind, quantity in each.items()]
        row, index, quantity = zip(*held, strict=True)
        (part,) = models[name].parts
        group = Group(
            underlying, contracts, len(accounts), np.array(row), np.array(index), np.array(quantity, float), np.ones(3)
        )
        kind: Any = models[name].parts[part]["kind"]
        return EXPIRY_PARTS[kind][1](group, models[name].part(part, underlying))

    return of


def test_the_sets_are_in_force(models):
    assert sorted(models) == list(SETS)


@pytest.mark.parametrize(
    ("name", "underlying", "share"),
    [
        ("DERIVE_SRM", "BTC", 0.10),
        ("DERIVE_SRM", "SOL", 0.33),
        ("DERIVE_SRM", "XRP", 0.33),
        ("DERIVE_PM1", "ETH", 1.25 * (0.18 + 0.03)),
        ("DERIVE_PM2", "BTC", 0.18 + 0.03 + 0.01),
        ("DERIVE_PM2", "SOL", 1.1 * 0.27 + 0.05 + 0.01),
        # Short HYPE, the tail at twice its weight of 0.33 is as far as its range, and no other tail goes further.
        ("DERIVE_PM2", "HYPE", 1.15 * 0.33 + 0.075 + 0.025),
        ("DERIVE_PM2", "XRP", 1.15 * 0.33 + 0.075 + 0.025),
    ],
)
def test_a_perpetual_pays_the_printed_figures_long_and_short(charge, name, underlying, share):
    amount = charge(name, underlying, {"perpetual": 2}, {"perpetual": -2}).amount
    assert amount.tolist() == pytest.approx([200.0 * share] * 2, rel=1e-12)


def test_a_short_option_pays_its_share_of_spot_against_equity_at_marks(charge):
    assert charge("DERIVE_SRM", "BTC", {"call": -1}).amount[0] == pytest.approx(15.0)
    assert charge("DERIVE_SRM", "SOL", {"call": -1}).amount[0] == pytest.approx(24.0)


@pytest.mark.parametrize("name", ["DERIVE_PM1", "DERIVE_PM2"])
def test_a_hedge_costs_less_than_its_legs_and_the_cause_is_named(charge, name):
    legs = charge(name, "BTC", {"call": -1}, {"perpetual": 0.5}, {"call": -1, "perpetual": 0.5})
    assert legs.amount[2] < legs.amount[0] + legs.amount[1]
    assert legs.cause[0] == "S+1.00R/UP"
    assert legs.cause[1] == "S-1.00R/UP"


def test_the_skew_is_a_scenario_of_its_own(models):
    ids = models["DERIVE_PM2"].part("expiry_scenarios", "BTC").rules.ids
    assert len(ids) == len(set(ids)) == 23 + 8 + 2
    assert len(models["DERIVE_PM1"].part("expiry_scenarios", "BTC").rules.ids) == 23
