"""Price at which one position is closed out: put back into its own equation, for both payoffs and every tier."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.margin.brackets import Brackets, bracket_margin
from tasks.model.margin.reference import position_orders
from tasks.model.margin.reference.position_liquidation import (
    OtherPositions,
    inverse_liquidation_price,
    linear_liquidation_price,
    tiered_liquidation_price,
)

quick = settings(deadline=None, derandomize=True, max_examples=200)
QUANTITY = st.floats(0.01, 1e4).flatmap(lambda size: st.sampled_from([size, -size]))
TABLE = Brackets.by_leverage(
    (0.0, 5e4, 6e5, 3e6, 12e6), (125.0, 100.0, 75.0, 50.0, 25.0), (0.004, 0.005, 0.0065, 0.01, 0.02)
)


def a(value):
    return np.array(value, dtype=float)


@quick
@given(QUANTITY, st.floats(1.0, 1e5), st.floats(0.0, 2.0), st.floats(0.0, 0.2))
def test_a_linear_price_solves_its_equation(quantity, entry, share, rate):
    collateral = share * abs(quantity) * entry
    price = float(linear_liquidation_price(a(collateral), a(quantity), a(entry), a(rate), a(0.0)))
    if math.isnan(price):
        assert quantity > 0 and collateral >= quantity * entry
    else:
        equity = collateral + quantity * (price - entry)
        assert equity == pytest.approx(rate * abs(quantity) * price, abs=1e-9 * (collateral + abs(quantity) * entry))


@quick
@given(QUANTITY, st.floats(1.0, 1e5), st.floats(0.0, 2.0), st.floats(0.0, 0.2))
def test_an_inverse_price_solves_its_equation(quantity, entry, share, rate):
    coins = share * abs(quantity) / entry
    price = float(inverse_liquidation_price(a(coins), a(quantity), a(entry), a(rate)))
    if math.isnan(price):
        assert quantity < 0 and coins >= -quantity / entry * (1 - 1e-12)
    else:
        equity = coins + quantity * (1 / entry - 1 / price)
        scale = coins + abs(quantity) / entry + abs(quantity) / price
        assert equity == pytest.approx(rate * abs(quantity) / price, abs=1e-9 * scale)


@quick
@given(QUANTITY, st.floats(10.0, 1e5), st.floats(0.02, 3.0))
def test_a_tiered_price_is_the_first_at_which_equity_is_the_tiers_margin(quantity, entry, share):
    collateral = share * abs(quantity) * entry
    margin_now = float(bracket_margin(a(abs(quantity) * entry), TABLE).mm)
    assume(collateral > margin_now)
    price = tiered_liquidation_price(collateral, quantity, entry, TABLE)
    if math.isnan(price):
        assert quantity > 0 and share >= 1.0 - 1e-12
        return
    side = math.copysign(1.0, quantity)
    scale = collateral + abs(quantity) * (entry + price)

    def surplus(at):
        return collateral + quantity * (at - entry) - float(bracket_margin(a(abs(quantity) * at), TABLE).mm)

    assert abs(surplus(price)) <= 1e-9 * scale
    assert side * (entry - price) > 0
    assert surplus(price * (1 + side * 1e-6)) > -1e-9 * scale
    assert surplus(price * (1 - side * 1e-6)) < 1e-9 * scale


def test_collateral_shared_with_others_is_what_they_leave():
    others = OtherPositions(a([2.0, -1.0]), a([100.0, 50.0]), a([110.0, 40.0]), a([0.01, 0.02]), a([0.2, 0.0]))
    # 1,000 + 20 + 10 of gains, less 2.2 - 0.2 and 0.8 of maintenance.
    assert others.free_collateral(1_000.0) == pytest.approx(1_027.2, rel=1e-14)
    none = OtherPositions(*(a([]),) * 5)
    assert none.free_collateral(7.0) == 7.0


def test_missing_numbers_have_no_price():
    for bad in (math.nan, math.inf):
        with pytest.raises(ModelInputError, match="NON_FINITE"):
            linear_liquidation_price(a(bad), a(1.0), a(1.0), a(0.1), a(0.0))
        with pytest.raises(ModelInputError, match="NON_FINITE"):
            inverse_liquidation_price(a(1.0), a(bad), a(1.0), a(0.1))
        with pytest.raises(ModelInputError, match="NON_FINITE"):
            OtherPositions(a([1.0]), a([1.0]), a([bad]), a([0.1]), a([0.0])).free_collateral(1.0)


def test_orders_count_on_the_side_they_would_make_larger():
    assert position_orders.side_margin(100.0, 2.0, 0.1, 0.2) == pytest.approx(20.0)
    assert position_orders.side_margin(100.0, 2.0, 0.1, 0.2, buying=3.0) == pytest.approx(50.0)
    assert position_orders.side_margin(100.0, 2.0, 0.1, 0.2, buying=3.0, selling=5.0) == pytest.approx(60.0)


def test_a_capped_pair_of_long_and_short_is_worth_the_cap():
    both = position_orders.capped_margin(3.0, 40.0, 100.0) + position_orders.capped_margin(-3.0, 40.0, 100.0)
    assert both == 300.0
    assert position_orders.capped_order_margin([(1.0, 30.0)], [(1.0, 80.0)], 100.0) == 30.0
    assert position_orders.capped_order_margin([(1.0, 30.0)], [(1.0, 10.0)], 100.0) == 90.0
