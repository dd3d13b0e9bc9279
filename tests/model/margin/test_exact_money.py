"""Products, sums and quotients of money beyond the 28 digits Python's operators keep."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model import money
from tasks.model.errors import ModelInputError

wide = st.decimals(-(10**12), 10**12, places=18)
prices = st.decimals(Decimal("0.0000000001"), 10**6, places=10)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(factors=st.lists(wide, max_size=4))
def test_product_and_sum_are_exact(factors: list[Decimal]) -> None:
    product, total = Fraction(1), Fraction(0)
    for factor in factors:
        product, total = product * Fraction(factor), total + Fraction(factor)
    assert Fraction(money.product(*factors)) == product
    assert Fraction(money.total(factors)) == total


def test_the_plain_operator_would_not_do() -> None:
    quantity, price = Decimal("123456789012.123456789012345678"), Decimal("90000.1234567891")
    assert money.product(quantity, price) != quantity * price


@settings(max_examples=200, derandomize=True, deadline=None)
@given(value=st.decimals(0, 10**9, places=2), price=prices, digits=st.integers(0, 8))
def test_quantity_worth_is_the_least_that_covers(value: Decimal, price: Decimal, digits: int) -> None:
    unit = money.settlement_unit(digits)
    quantity = money.quantity_worth(value, price, unit)
    assert quantity % unit == 0
    assert Fraction(quantity) * Fraction(price) >= Fraction(value)
    assert quantity == 0 or Fraction(quantity - unit) * Fraction(price) < Fraction(value)


@pytest.mark.parametrize("bad", [Decimal("NaN"), Decimal("Infinity"), Decimal(0), Decimal(-1)])
def test_a_price_that_is_none_is_refused(bad: Decimal) -> None:
    with pytest.raises(ModelInputError):
        money.quantity_worth(Decimal(1), bad, Decimal("0.01"))


def test_a_missing_number_never_becomes_an_amount() -> None:
    for bad in (Decimal("NaN"), Decimal("-Infinity")):
        with pytest.raises(ModelInputError):
            money.product(Decimal(1), bad)
        with pytest.raises(ModelInputError):
            money.total([Decimal(1), bad])
