"""Exact settlement agrees with the float payoffs of the same contracts, in every form."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError
from tasks.model.pricing import payoff, settlement

PRICES = ("51234.5", "79999.9", "80000", "123456.789")
Q = Decimal("-12.34567891")
M = Decimal("0.1")


@pytest.mark.parametrize("form", [LINEAR_FORWARD, INVERSE_FORWARD])
@pytest.mark.parametrize("before", PRICES)
@pytest.mark.parametrize("now", PRICES)
def test_a_carried_forward_settles_its_change_in_value(form: int, before: str, now: str) -> None:
    exact = settlement.variation_margin(form, M, Q, Q, Decimal(0), Decimal(before), Decimal(now))
    value = payoff.forward_value(
        np.array([form]), np.array([float(M)]), np.array([float(before)]), np.array([float(now)])
    )
    assert float(exact) == pytest.approx(float(Q) * value[0], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("form", [COIN_OPTION, QUOTE_OPTION])
@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("final", PRICES)
def test_an_expired_option_settles_its_payoff(form: int, is_call: bool, final: str) -> None:
    exact = settlement.option_settlement(form, M, Q, is_call, Decimal(80000), Decimal(final))
    value = payoff.option_payoff(np.array([form]), np.array([float(final)]), np.array([80000.0]), np.array([is_call]))
    assert float(exact) == pytest.approx(float(Q * M) * value[0], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("form", [LINEAR_FORWARD, INVERSE_FORWARD])
def test_both_sides_of_a_match_are_exact_opposites(form: int) -> None:
    price, later = Decimal("79999.9999999999"), Decimal("81234.5678901234")
    ours = settlement.variation_margin(form, M, Q, Q + 5, Decimal("0.000123456789"), price, later)
    theirs = settlement.variation_margin(form, M, -Q, -Q - 5, -Decimal("0.000123456789"), price, later)
    assert ours == theirs.copy_negate()
    paid = settlement.funding(form, M, Q, price, Decimal("0.0001"))
    assert paid == settlement.funding(form, M, -Q, price, Decimal("0.0001")).copy_negate()


def test_figures_longer_than_usual_decimals_keep_every_digit() -> None:
    quantity, price = Decimal("12345678901234567890.12345678"), Decimal("987654321098765432.0123456789")
    multiplier = Decimal("1.000000000001")
    value = settlement.variation_margin(LINEAR_FORWARD, multiplier, quantity, quantity, Decimal(0), price, price + 1)
    assert Fraction(value) == Fraction(multiplier) * Fraction(quantity)
    paid = settlement.funding(LINEAR_FORWARD, multiplier, quantity, price, Decimal("0.000123456789"))
    assert Fraction(paid) == -Fraction(multiplier) * Fraction(quantity) * Fraction(price) * Fraction("0.000123456789")


@pytest.mark.parametrize("price", [None, Decimal(0), Decimal(-1)])
def test_a_price_that_values_something_must_be_there(price: Decimal | None) -> None:
    with pytest.raises(ModelInputError, match=r"PRICE_MISSING"):
        settlement.funding(INVERSE_FORWARD, M, Q, price, Decimal("0.0001"))
    assert settlement.funding(INVERSE_FORWARD, M, Decimal(0), price, Decimal("0.0001")) == 0
