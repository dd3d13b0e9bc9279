"""Standard margin of many accounts: worked books, conservative inputs, and accounts that do not see each other."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError
from tasks.model.margin.reference.contingency import Depeg, Doubt
from tasks.model.margin.reference.holdings import Conditions, Cover, Holdings
from tasks.model.margin.reference.standard_margin import SizeRates, StandardRules, standard_margin
from tasks.model.margin.reference.standard_option import ShortOptionRates

RULES = StandardRules(
    ShortOptionRates(0.15, 0.10, 0.075, 0.075, 0.075, 1.05),
    SizeRates(1.2, 1.1, 0.10, 0.065),
    Doubt(0.5, 1.0),
    Doubt(0.5, 1.0),
    Doubt(0.5, 1.0),
    Depeg(0.99, 2.0),
)
CALL, SPREAD_LEG, PUT, PERPETUAL, INVERSE, COIN_CALL = range(6)


def call_price(forward, strike, volatility, years):
    """Black's formula by the error function."""
    total = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / total + total / 2.0
    normal = [0.5 * (1.0 + math.erf(d / math.sqrt(2.0))) for d in (d1, d1 - total)]
    return forward * normal[0] - strike * normal[1]


MARK = call_price(101.0, 100.0, 0.8, 0.25)


@pytest.fixture(scope="module")
def contracts(make_contracts):
    option = {"form": QUOTE_OPTION, "forward": 101.0, "years_to_expiry": 0.25, "volatility": 0.8}
    return make_contracts(
        {**option, "strike": 100.0, "is_call": True},
        {**option, "strike": 110.0, "is_call": True},
        {**option, "strike": 100.0, "is_call": False},
        {"form": LINEAR_FORWARD, "forward": 99.0, "multiplier": 0.5},
        {"form": INVERSE_FORWARD, "multiplier": 10.0, "forward": 99.0},
        {**option, "form": COIN_OPTION, "strike": 100.0, "is_call": True},
    )


def holdings(contracts, *accounts, cover=None):
    """Each account a mapping of contract to quantity."""
    index = [contract for account in accounts for contract in account]
    quantity = [float(each) for account in accounts for each in account.values()]
    pointer = np.append(0, np.cumsum([len(account) for account in accounts]))
    return Holdings(contracts, pointer, np.array(index, dtype=np.int64), np.array(quantity), cover or Cover.none())


def sure(contracts, **changes):
    slices = len(contracts.slices.days)
    return replace(Conditions(100.0, 1.0, 1.0, 1.0, np.ones(slices), np.zeros(slices)), **changes)


def margin_of(contracts, *accounts, rules=RULES, cover=None, **changes):
    return standard_margin(holdings(contracts, *accounts, cover=cover), sure(contracts, **changes), rules)


def test_a_short_call_pays_its_share_of_spot_beside_its_mark(contracts):
    found = margin_of(contracts, {CALL: -2})
    assert found.option.initial[0] == pytest.approx(2 * (15.0 + MARK), rel=1e-12)
    assert found.option_value[0] == pytest.approx(-2 * MARK, rel=1e-12)
    assert found.margin.initial[0] == pytest.approx(30.0, rel=1e-12)
    assert found.margin.maintenance[0] == pytest.approx(15.0, rel=1e-12)


def test_a_long_option_costs_its_premium_and_no_more(contracts):
    found = margin_of(contracts, {CALL: 3})
    assert found.option.initial[0] == 0.0
    assert found.margin.initial[0] == found.margin.maintenance[0] == pytest.approx(3 * MARK, rel=1e-12)


def test_a_spread_pays_its_width_and_a_ratio_what_is_unpaired(contracts):
    assert margin_of(contracts, {CALL: -1, SPREAD_LEG: 1}).option.initial[0] == pytest.approx(10.0)
    ratio = margin_of(contracts, {CALL: 1, SPREAD_LEG: -1.05}, rules=RULES)
    # The payoff is 10 at 110 and never below zero at a strike: what is left are 0.05 calls without an end.
    assert ratio.option.initial[0] == pytest.approx(0.05 * 101.0 * 1.2)
    assert ratio.option.maintenance[0] == pytest.approx(0.05 * 101.0 * 1.1)


def test_an_option_settled_in_coin_is_charged_like_one_in_quote(contracts):
    # The forward is 101 and the coin 100: its mark in USD is the quoted price, MARK / 101, times 100.
    found = margin_of(contracts, {COIN_CALL: -1})
    assert found.option.initial[0] == pytest.approx(15.0 + MARK / 101.0 * 100.0, rel=1e-12)


def test_futures_pay_on_their_gross_notional_in_both_forms(contracts):
    found = margin_of(contracts, {PERPETUAL: -4, INVERSE: 7})
    assert found.margin.initial[0] == pytest.approx(0.10 * (4 * 0.5 * 99.0 + 70.0))
    assert found.margin.maintenance[0] == pytest.approx(0.065 * (198.0 + 70.0))


def test_cover_counts_at_its_haircuts(contracts):
    cover = Cover(np.array([0]), np.array([200.0]), np.array([False]), *(np.array([x]) for x in (1.0, 0.2, 0.05)))
    found = margin_of(contracts, {PERPETUAL: 0}, cover=cover)
    assert [found.margin.initial[0], found.margin.maintenance[0]] == pytest.approx([50.0, 40.0])


def test_doubt_and_a_lost_peg_raise_the_initial_margin_alone(contracts):
    calm = margin_of(contracts, {CALL: -2, PERPETUAL: 4})
    doubted = margin_of(contracts, {CALL: -2, PERPETUAL: 4}, spot_confidence=0.25)
    off_peg = margin_of(contracts, {CALL: -2, PERPETUAL: 4}, quote_price=0.95)
    assert doubted.margin.initial - calm.margin.initial == pytest.approx([0.75 * 100.0 * (2 + 2)])
    assert off_peg.margin.initial - calm.margin.initial == pytest.approx([0.08 * 100.0 * (2 + 2)])
    assert doubted.margin.maintenance == off_peg.margin.maintenance == calm.margin.maintenance


def test_accounts_are_margined_as_if_each_were_alone(contracts):
    random = np.random.default_rng(7)
    accounts = [
        {int(each): float(random.integers(-9, 10)) for each in random.permutation(6)[: random.integers(1, 7)]}
        for _ in range(40)
    ]
    together = margin_of(contracts, *accounts).margin
    for position, account in enumerate(accounts):
        alone = margin_of(contracts, account).margin
        assert together.initial[position] == pytest.approx(alone.initial[0], rel=1e-13, abs=1e-12)
        assert together.maintenance[position] == pytest.approx(alone.maintenance[0], rel=1e-13, abs=1e-12)


@pytest.mark.parametrize("field", ["spot", "quote_price", "spot_confidence", "forward_confidence"])
def test_a_missing_condition_is_refused(contracts, field):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        margin_of(contracts, {PERPETUAL: 4}, **{field: math.nan})


def test_a_missing_volatility_is_refused(contracts):
    broken = replace(contracts, volatility=np.where(np.arange(6) == CALL, np.nan, contracts.volatility))
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        margin_of(broken, {CALL: -2})
