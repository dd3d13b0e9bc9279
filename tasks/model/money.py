"""The one place where a risk number becomes money, with the rounding direction named.

Requirements round up, credits and collateral round down, settlement rounds half to even. Every function is exact on
Decimal and takes a float64 at its shortest decimal form, so that what is printed is what was rounded.
NaN and infinities raise: a missing value never becomes an amount.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from math import ceil

from tasks.model.errors import Finding, ModelInputError

CENT = Decimal("0.01")
LARGEST_SETTLEMENT_DECIMALS = 8
_CONTEXT = Context(prec=76)
_LONG = Context(prec=200)
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


def exact(value: Decimal | float | str) -> Decimal:
    """Decimal of a number, a float64 at its shortest form. Raises ModelInputError on NaN or infinity."""
    number = value if isinstance(value, Decimal) else Decimal(repr(float(value)) if isinstance(value, float) else value)
    if not number.is_finite():
        raise ModelInputError(Finding("NON_FINITE", "an amount of money is not finite", value=str(value)))
    return number


def round_up(value: Decimal | float, unit: Decimal = CENT) -> Decimal:
    """Smallest multiple of unit that is not below value (towards plus infinity): requirements, calls."""
    return _quantum(exact(value), unit, ROUND_CEILING)


def round_down(value: Decimal | float, unit: Decimal = CENT) -> Decimal:
    """Largest multiple of unit that is not above value (towards minus infinity): credits, collateral."""
    return _quantum(exact(value), unit, ROUND_FLOOR)


def round_half_even(value: Decimal | float, unit: Decimal = CENT) -> Decimal:
    """Nearest multiple of unit, ties to even, the same for both signs: settlement amounts."""
    return _quantum(exact(value), unit, ROUND_HALF_EVEN)


def product(*factors: Decimal) -> Decimal:
    """Exact product: Python's own operator would round to 28 digits. Raises ModelInputError on NaN or infinity."""
    result = Decimal(1)
    for factor in factors:
        result = _EXACT.multiply(result, exact(factor))
    return result


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Exact sum, zero of nothing. Raises ModelInputError on NaN or infinity."""
    result = Decimal(0)
    for amount in amounts:
        result = _EXACT.add(result, exact(amount))
    return result


def quantity_worth(value: Decimal, price: Decimal, unit: Decimal) -> Decimal:
    """Smallest multiple of unit whose worth at a price > 0 is not below value: an amount due in another asset.

    Raises ModelInputError PRICE_MISSING where the price is not above zero.
    """
    if not (exact(price) > 0):
        raise ModelInputError(
            Finding("PRICE_MISSING", "the price an amount is due at is not above zero", value=str(price))
        )
    steps = ceil(Fraction(exact(value)) / (Fraction(price) * Fraction(unit)))
    return _CONTEXT.multiply(Decimal(steps), unit)


def settled(value: Decimal, unit: Decimal) -> Decimal:
    """round_half_even of a figure of any length to a settlement unit, in one step: the book has many of them."""
    if not value.is_finite():
        raise ModelInputError(Finding("NON_FINITE", "a settled amount is not finite", value=str(value)))
    return value.quantize(unit, ROUND_HALF_EVEN, _LONG)


def settlement_unit(asset_decimals: int) -> Decimal:
    """Smallest settled amount of an asset: 10^-min(decimals, 8)."""
    return Decimal(1).scaleb(-min(asset_decimals, LARGEST_SETTLEMENT_DECIMALS))


def _quantum(number: Decimal, unit: Decimal, rounding: str) -> Decimal:
    steps = _CONTEXT.divide(number, unit).to_integral_value(rounding=rounding)
    return _CONTEXT.multiply(steps, unit).quantize(unit, context=_CONTEXT)
