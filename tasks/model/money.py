"""The one place where a risk number becomes money, with the rounding direction named.

Requirements round up, credits and collateral round down, settlement rounds half to even. Every function is exact on
Decimal and takes a float64 at its shortest decimal form, so that what is printed is what was rounded.
NaN and infinities raise: a missing value never becomes an amount.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from math import ceil

import numpy as np
import polars as pl

from tasks.model.arrays import Floats, Ints
from tasks.model.errors import Finding, ModelInputError

CENT = Decimal("0.01")
LARGEST_SETTLEMENT_DECIMALS = 8
USD = pl.Decimal(20, 2)
_WIDE = pl.Decimal(38, 2)
_LARGEST_CENTS = 2.0**53  # beyond it float64 skips cents; and no sum of lines leaves a column of whole numbers
_DOUBT = 1e-14  # relative: above what a product of five float64 figures and their conversions can be off
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


def scaled(units: Decimal | int, decimals: int) -> Decimal:
    """Units of 10^-decimals, exact."""
    return _EXACT.scaleb(Decimal(units), -decimals)


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


def cents_up(values: Floats) -> Ints:
    """(n,) cents of `round_up` of each figure in USD: a column at once. Raises ModelInputError on NaN or infinity."""
    scaled = np.asarray(values, dtype=np.float64) * 100.0
    return _settled_cents(np.ceil, scaled, lambda index: round_up(float(values[index])))


def cents_down(estimates: Floats, exact_value: Callable[[int], Decimal]) -> Ints:
    """(n,) cents towards minus infinity of exact figures in USD whose float64 estimates err by a few last digits.

    exact_value: the figure at a position, asked only where the estimate lies too close to a cent to decide.
    """
    scaled = np.asarray(estimates, dtype=np.float64) * 100.0
    return _settled_cents(np.floor, scaled, lambda index: round_down(exact_value(index)))


def _settled_cents(rounding: Callable[[Floats], Floats], scaled: Floats, exactly: Callable[[int], Decimal]) -> Ints:
    """(n,) whole cents of figures in cents; where float64 cannot tell on which side of a cent a figure lies, exactly.

    Raises ModelInputError NON_FINITE, also for what no column of cents can hold.
    """
    if not (np.abs(scaled) < _LARGEST_CENTS).all():
        largest = float(np.abs(scaled).max()) / 100.0
        raise ModelInputError(
            Finding("NON_FINITE", "an amount of money is not finite or too large", value=f"{largest} USD")
        )
    cents: Ints = rounding(scaled).astype(np.int64)
    doubtful = np.abs(scaled - np.rint(scaled)) <= _DOUBT * np.abs(scaled)
    for index in np.flatnonzero(doubtful & (scaled != 0.0)).tolist():
        cents[index] = int(exactly(index) / CENT)
    return cents


def share_up(cents: Ints, fraction: float) -> Ints:
    """(n,) cents of a fraction of each amount, rounded up; exact, the fraction at its shortest decimal form."""
    share = Fraction(exact(fraction))
    return np.array([ceil(each * share) for each in cents.tolist()], dtype=np.int64)


def usd(cents: Ints) -> pl.Series:
    """Amounts in USD at two decimals of whole cents; exact."""
    return (pl.Series(cents, dtype=pl.Int64).cast(_WIDE) * CENT).cast(USD)


def cents_of(amounts: pl.Series) -> Ints:
    """(n,) whole cents of amounts in USD at two decimals; exact."""
    return np.asarray((amounts.cast(_WIDE) * Decimal(100)).cast(pl.Int64).to_numpy(), dtype=np.int64)


def _quantum(number: Decimal, unit: Decimal, rounding: str) -> Decimal:
    steps = _CONTEXT.divide(number, unit).to_integral_value(rounding=rounding)
    return _CONTEXT.multiply(steps, unit).quantize(unit, context=_CONTEXT)
