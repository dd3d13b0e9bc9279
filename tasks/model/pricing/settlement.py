"""What a position settles in its own asset, exact in Decimal: variation margin, funding, option payoff at expiry.

Every figure is one numerator over one denominator, divided once: with the digits of the tables the numerator is exact
and the quotient right far beyond the minor unit, so a tie is seen as a tie and both sides of a match round alike.
A price may be None where the quantity it values is zero, else ModelInputError PRICE_MISSING. Reference: METHODOLOGY 1.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD
from tasks.model.errors import Finding, ModelInputError

# The widest product (value x price x price x multiplier) has 38 + 3 x 28 digits.
EXACT = Context(prec=150)


def variation_margin(
    form: int,
    multiplier: Decimal,
    opened: Decimal,
    closed: Decimal,
    bought: Decimal,
    previous: Decimal | None,
    current: Decimal | None,
) -> Decimal:
    """Variation margin of one position over the cycle, > 0 = the account receives.

    `opened` contracts enter at the `previous` settlement price and `closed` ones leave at the `current` one; `bought`
    is the value of the cycle's buys less its sells, per unit of multiplier (linear: quote, inverse: coin).
    """
    before = _price(previous, opened, "previous settlement price")
    now = _price(current, closed, "current settlement price")
    with localcontext(EXACT):
        if form == INVERSE_FORWARD:
            return multiplier * (opened * now - closed * before + bought * before * now) / (before * now)
        return multiplier * (closed * now - opened * before - bought)


def funding(form: int, multiplier: Decimal, opened: Decimal, previous: Decimal | None, rate: Decimal) -> Decimal:
    """Funding of a position carried in at the previous settlement price, > 0 = the account receives.

    `rate` is the sum over the cycle's intervals, a fraction of the notional; longs pay a positive one.
    """
    before = _price(previous, opened, "previous settlement price")
    with localcontext(EXACT):
        if form == INVERSE_FORWARD:
            return -opened * multiplier * rate / before
        return -opened * multiplier * rate * before


def option_settlement(
    form: int, multiplier: Decimal, removed: Decimal, is_call: bool, strike: Decimal, final: Decimal | None
) -> Decimal:
    """Payoff of the options that expired or were exercised, > 0 = the account receives.

    `removed` is what left the position, long > 0. In coin the payoff is divided by the final price.
    """
    last = _price(final, removed, "final settlement price")
    with localcontext(EXACT):
        gain = max(last - strike if is_call else strike - last, Decimal(0))
        paid = multiplier * removed * gain
        return paid / last if form == COIN_OPTION else paid


def _price(price: Decimal | None, quantity: Decimal, name: str) -> Decimal:
    """The price, or one where nothing is valued at it."""
    if not quantity:
        return Decimal(1)
    if price is None or not price > 0:
        raise ModelInputError(
            Finding(
                "PRICE_MISSING",
                f"no {name} to settle a position at",
                value=str(price),
                limit="> 0",
                action="deliver the price",
            )
        )
    return price
