"""Portfolio margin by expiry: worked accounts, discounts that do not offset across expiries, inputs that go missing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.arrays import LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError
from tasks.model.margin.reference.contingency import Basis, Depeg, Doubt
from tasks.model.margin.reference.expiry_discount import ExpiryDiscount
from tasks.model.margin.reference.holdings import Conditions, Cover, Holdings
from tasks.model.margin.reference.scenario_margin import Charges, ScenarioRules, scenario_margin
from tasks.model.risk.grid import Point, ScenarioGrid, VolShock
from tasks.model.risk.skew import ABS, LINEAR, Tilt, Wings

NEAR_CALL, FAR_CALL, NEAR_PUT, PERPETUAL = range(4)
YEARS = (0.1, 0.5)
VOL = 0.8
POINTS = (
    Point("down", move=-0.2),
    Point("still"),
    Point("up", move=0.2, vol=1.0),
    Point("tail", move=1.0, vol=1.0, weight=0.25),
)
PLAIN = ScenarioRules(
    grid=ScenarioGrid(POINTS, 0.0, VolShock(0.5, 0.25), sticky_strike=True),
    tilts=(),
    wings=Wings(0.01, 4.0, 0.6, 0.0),
    discount=ExpiryDiscount(False, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    basis=Basis(1.05, 0.95, 0.0, 0.0),
    charges=Charges(0.03, 0.01, 0.0, 0.0),
    maintenance_factor=0.8,
    initial_factor=1.25,
    initial_scales_charges=False,
    doubt=Doubt(0.5, 1.0),
    depeg=Depeg(0.99, 4.0),
)


def call_price(forward, strike, volatility, years):
    """Black's formula by the error function."""
    total = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / total + total / 2.0
    normal = [0.5 * (1.0 + math.erf(d / math.sqrt(2.0))) for d in (d1, d1 - total)]
    return forward * normal[0] - strike * normal[1]


@pytest.fixture(scope="module")
def contracts(make_contracts):
    def option(years, is_call):
        terms = {"forward": 101.0, "strike": 100.0, "volatility": VOL}
        return {"form": QUOTE_OPTION, "years_to_expiry": years, "is_call": is_call, **terms}

    return make_contracts(
        option(YEARS[0], True),
        option(YEARS[1], True),
        option(YEARS[0], False),
        {"form": LINEAR_FORWARD, "forward": 99.0},
    )


def margin_of(contracts, *accounts, rules=PLAIN, cover=None, **changes):
    index = [contract for account in accounts for contract in account]
    quantity = [float(each) for account in accounts for each in account.values()]
    pointer = np.append(0, np.cumsum([len(account) for account in accounts]))
    slices = len(contracts.slices.days)
    conditions = replace(Conditions(100.0, 1.0, 1.0, 1.0, np.ones(slices), np.zeros(slices)), **changes)
    held = Holdings(contracts, pointer, np.array(index, dtype=np.int64), np.array(quantity), cover or Cover.none())
    return scenario_margin(held, conditions, rules)


def test_a_perpetual_loses_its_move_and_pays_on_its_size(contracts):
    found = margin_of(contracts, {PERPETUAL: 3}, {PERPETUAL: -3})
    assert found.scenario_pnl[0].tolist() == pytest.approx([-59.4, 0.0, 59.4, 74.25])
    assert found.worst.tolist() == [0, 3]
    assert found.margin.maintenance.tolist() == pytest.approx([0.8 * 59.4 + 9.0, 0.8 * 74.25 + 9.0])
    assert found.margin.initial.tolist() == pytest.approx([1.25 * 59.4 + 12.0, 1.25 * 74.25 + 12.0])


def test_the_first_version_scales_its_charges_with_the_loss(contracts):
    found = margin_of(contracts, {PERPETUAL: 3}, rules=replace(PLAIN, initial_scales_charges=True))
    assert found.margin.initial[0] == pytest.approx(1.25 * (59.4 + 9.0) + 3.0)


def test_an_option_is_revalued_at_its_strike_volatility_and_counted_by_sign(contracts):
    rules = replace(PLAIN, discount=ExpiryDiscount(False, 0.9, 0.0, 0.0, 1.1, 0.0, 0.0))
    now, down = call_price(101.0, 100.0, VOL, YEARS[0]), call_price(101.0 * 0.8, 100.0, VOL, YEARS[0])
    up = call_price(101.0 * 1.2, 100.0, VOL * 1.5, YEARS[0])
    found = margin_of(contracts, {NEAR_CALL: 2}, {NEAR_CALL: -2}, rules=rules)
    assert found.scenario_pnl[0, :3].tolist() == pytest.approx([2 * (0.9 * x - now) for x in (down, now, up)])
    # A debt may count for more than its value only up to the value without discounting: here there is none.
    assert found.scenario_pnl[1, :3].tolist() == pytest.approx([-2 * (x - now) for x in (down, now, up)])


def test_expiries_do_not_offset_in_full_and_one_expiry_does(contracts):
    rules = replace(PLAIN, discount=ExpiryDiscount(False, 0.9, 0.0, 0.0, 1.0, 0.0, 0.0))
    across = margin_of(contracts, {NEAR_CALL: 1, FAR_CALL: -1}, rules=rules).scenario_pnl[0, 1]
    assert across == pytest.approx(-0.1 * call_price(101.0, 100.0, VOL, YEARS[0]))
    # Long a call and short a put of one strike and expiry are worth F - K = 1: a tenth of that is taken off.
    within = margin_of(contracts, {NEAR_CALL: 1, NEAR_PUT: -1}, rules=rules).scenario_pnl[0, 1]
    assert within == pytest.approx(-0.1)


def test_a_tilt_is_a_loss_for_long_and_short(contracts):
    rules = replace(
        PLAIN, tilts=(Tilt(ABS, 0.2, 0.0, 1.0), Tilt(LINEAR, 0.2, 0.0, 0.5)), wings=Wings(0.0, 0.0, 0.0, 0.0)
    )
    now = call_price(101.0, 100.0, VOL, YEARS[0])
    higher, lower = (call_price(101.0, 100.0, VOL * factor, YEARS[0]) for factor in (1.2, 0.8))
    found = margin_of(contracts, {NEAR_CALL: 1}, {NEAR_CALL: -1}, rules=rules)
    assert found.scenario_pnl[:, 4].tolist() == pytest.approx([-(higher - now)] * 2)
    assert found.scenario_pnl[:, 5].tolist() == pytest.approx([-0.5 * (now - lower)] * 2)
    assert rules.ids[4:] == ("TILT/ABS", "TILT/LINEAR")


def test_the_basis_moves_the_forward_alone_and_binds_where_it_costs_more(contracts):
    rules = replace(PLAIN, basis=Basis(1.05, 0.95, 0.5, 2.0))
    now = call_price(101.0, 100.0, VOL, YEARS[1])
    loss = now - call_price(101.0 * 0.95, 100.0, VOL, YEARS[1])
    found = margin_of(contracts, {FAR_CALL: 1}, rules=rules)
    assert found.basis_loss[0] == pytest.approx(loss * (0.5 + 2.0 * YEARS[1]))
    assert found.margin.maintenance[0] == pytest.approx(0.8 * max(loss * 1.5, -found.scenario_pnl.min()))


def test_what_a_settlement_average_has_fixed_moves_no_more(contracts):
    fixed = replace(contracts, fixed_part=np.where(contracts.is_option, 90.0, 0.0))
    found = margin_of(fixed, {NEAR_CALL: 1})
    now = call_price(101.0, 100.0, VOL, YEARS[0])
    assert found.scenario_pnl[0, 0] == pytest.approx(call_price(90.0 + 11.0 * 0.8, 100.0, VOL, YEARS[0]) - now)


def test_the_underlying_as_cover_moves_with_the_positions(contracts):
    cover = Cover(
        np.array([0, 0]), np.array([297.0, 50.0]), np.array([True, False]), *np.array([[1, 1], [0.1, 0.2], [0, 0]])
    )
    found = margin_of(contracts, {PERPETUAL: -3}, cover=cover)
    assert found.scenario_pnl[0].tolist() == pytest.approx([0.0] * 4)
    assert found.margin.maintenance[0] == pytest.approx(9.0 + 29.7 + 10.0)


def test_options_nobody_covers_at_their_strike_are_charged(contracts):
    rules = replace(PLAIN, charges=Charges(0.0, 0.0, 0.02, 0.01))
    found = margin_of(contracts, {NEAR_CALL: -3, NEAR_PUT: 1}, rules=rules)
    assert (found.charges[0], found.initial_charges[0]) == pytest.approx((0.02 * 200.0, 0.01 * 200.0))


def test_an_option_hedged_by_a_perpetual_is_as_sure_as_both(contracts):
    alone, hedged = margin_of(contracts, {NEAR_CALL: 2}, {NEAR_CALL: 2, PERPETUAL: -1}, forward_confidence=0.2).doubt
    assert alone == 0.0
    assert hedged == pytest.approx(0.8 * 100.0 * (2 + 1))


def test_a_lost_peg_scales_the_loss(contracts):
    found = margin_of(contracts, {PERPETUAL: 3}, quote_price=0.94)
    assert found.margin.initial[0] == pytest.approx((1.25 + 4.0 * 0.05) * 59.4 + 12.0)


amounts = st.lists(st.integers(-5, 5), min_size=4, max_size=4)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(amounts, st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 0.5), st.floats(0.0, 0.3))
def test_a_worse_discount_never_asks_for_less(contracts, amounts, static, less, add, rate):
    account = dict(enumerate(amounts))
    rates = np.full(len(contracts.slices.days), rate)

    def asked(static, add, debt):
        discount = ExpiryDiscount(True, static, 1.0, add, debt, 0.5, add)
        return margin_of(contracts, account, rules=replace(PLAIN, discount=discount), rate=rates).margin

    better, worse = asked(static, add, 1.0), asked(static * less, add + 0.1, 1.5)
    assert worse.initial[0] >= better.initial[0] - 1e-9
    assert worse.maintenance[0] >= better.maintenance[0] - 1e-9
    assert better.maintenance[0] >= 0.0


def test_accounts_do_not_see_each_other_and_order_leaves_no_trace(contracts):
    random = np.random.default_rng(11)
    rules = replace(PLAIN, discount=ExpiryDiscount(True, 0.95, 1.0, 0.1, 1.05, 0.5, 0.1))
    accounts = [dict(zip(random.permutation(4).tolist(), random.normal(size=4), strict=True)) for _ in range(30)]
    together = margin_of(contracts, *accounts, rules=rules).margin
    turned = margin_of(contracts, *accounts[::-1], rules=rules).margin
    assert together.initial.tobytes() == turned.initial[::-1].tobytes()
    for position, account in enumerate(accounts):
        assert margin_of(contracts, account, rules=rules).margin.initial[0] == together.initial[position]


@pytest.mark.parametrize("field", ["spot", "quote_price", "spot_confidence", "forward_confidence"])
def test_a_missing_condition_is_refused(contracts, field):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        margin_of(contracts, {PERPETUAL: 1}, **{field: math.nan})


@pytest.mark.parametrize("field", ["volatility", "forward", "years_to_expiry", "strike"])
def test_a_contract_with_a_missing_figure_is_refused(contracts, field):
    values = getattr(contracts, field).copy()
    values[NEAR_CALL] = math.nan
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        margin_of(replace(contracts, **{field: values}), {FAR_CALL: 1})


def test_a_missing_rate_or_quantity_is_refused(contracts):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        margin_of(contracts, {NEAR_CALL: 1}, rate=np.full(len(contracts.slices.days), math.nan))
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        margin_of(contracts, {PERPETUAL: math.nan})
