"""Margins by expiry as parts: the dated sets as they are shipped, on accounts that can be worked by hand."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from tasks import reference_models
from tasks.model.arrays import LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.margin.portfolio import KEY, build_book
from tasks.model.margin.reference.expiry_parts import EXPIRY_PARTS
from tasks.model.margin.reference.model import reference_margin
from tasks.model.margin.reference.parts import Charge, Group
from tasks.model.pricing.payoff import option_value_usd

SETS = ("DERIVE_PM1", "DERIVE_PM2", "DERIVE_SRM")
DAY = date(2026, 1, 29)
AS_OF = datetime(2026, 1, 30, 8)


def call_price(forward, strike, volatility, years):
    """Black's formula by the error function."""
    total = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / total + total / 2.0
    normal = [0.5 * (1.0 + math.erf(d / math.sqrt(2.0))) for d in (d1, d1 - total)]
    return forward * normal[0] - strike * normal[1]


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


def test_a_book_is_margined_underlying_by_underlying(models, inputs, policy):
    held = [
        ("M001", "M001H", "", "BTC-PERP.INV", "300"),
        ("M001", "M001H", "", "ETH-PERP.LIN.USDC", "-500"),
        ("M002", "M002G", "C1", "BTC-20260327-90000-C.INV", "-2"),
    ]
    given = inputs(held)
    book = build_book(given.positions, given.accounts, given.surface, AS_OF, policy)
    asked = {
        name: dict(zip(book.portfolios.select(KEY).rows(), reference_margin(book, model)["margin_usd"], strict=True))
        for name, model in models.items()
    }
    house, client = ("M001", "M001H", ""), ("M002", "M002G", "C1")
    # 300 contracts of 10 USD and 500 of 0.01 ETH at 3,000: 3,000 and 15,000 USD.
    assert float(asked["DERIVE_SRM"][house]) == pytest.approx(0.10 * 18_000, abs=0.01)
    # A coin-settled future is revalued in USD at the shocked price: its P&L there is that of a linear one.
    assert float(asked["DERIVE_PM2"][house]) == pytest.approx(0.22 * 18_000, abs=0.01)
    mark = float(option_value_usd(book.contracts)[book.contracts.ids.index("BTC-20260327-90000-C.INV")])
    assert float(asked["DERIVE_SRM"][client]) == pytest.approx(2 * (0.15 * 90_000 + mark), abs=0.01)
    # 56 days: spot up by 18 %, volatility by half times (30 / 56)^0.13; without a rate a debt counts as it is.
    raised = call_price(90_500.0 * 1.18, 90_000.0, 0.55 * (1.0 + 0.5 * (30.0 / 56.0) ** 0.13), 56.0 / 365.0)
    charges = 0.005 * 90_000.0
    assert float(asked["DERIVE_PM2"][client]) == pytest.approx(2 * (raised * 90_000.0 / 90_500.0 + charges), abs=0.01)
