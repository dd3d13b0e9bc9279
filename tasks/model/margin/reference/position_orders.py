"""Margin of one contract by itself, its open orders included: rates by side, isolated, and fully collateralised.

The side that could grow counts: a position with all of its buy orders filled, or with all of its sell orders. Amounts
are in the quote, >= 0; quantities long > 0. This is margin per contract, before any netting across contracts.
Reference: the margin calculator of Vega.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.model.arrays import Floats, require_finite

Order = tuple[float, float]
"""Quantity > 0 and limit price."""


def side_margin(
    price: float | Floats,
    quantity: float | Floats,
    long_rate: float,
    short_rate: float,
    buying: float | Floats = 0.0,
    selling: float | Floats = 0.0,
) -> Floats:
    """The worse side at its own rate (market risk and closing slippage together), all orders of that side filled.

    Amounts broadcast; price, buying, selling: >= 0. Raises ModelInputError NON_FINITE.
    """
    long, short = np.maximum(quantity + np.asarray(buying), 0.0), np.maximum(np.asarray(selling) - quantity, 0.0)
    return require_finite("margin of a side", np.asarray(price * np.maximum(long * long_rate, short * short_rate)))


def isolated_margin(price: float, quantity: float, factor: float) -> float:
    """What is set aside for one position or order at its entry or limit price: a fixed share of its value."""
    return price * abs(quantity) * factor


def capped_margin(quantity: float, price: float, largest_price: float) -> float:
    """All that a position entered at `price` can lose where no price is below 0 or above the largest one."""
    return quantity * price if quantity >= 0 else -quantity * (largest_price - price)


def capped_order_margin(buys: Sequence[Order], sells: Sequence[Order], largest_price: float) -> float:
    """All that the worse side of the open orders can lose; orders that reduce a position are left out by the caller."""
    bought = sum(capped_margin(quantity, price, largest_price) for quantity, price in buys)
    sold = sum(capped_margin(-quantity, price, largest_price) for quantity, price in sells)
    return max(bought, sold)


def funding_margin(payment: float, quantity: float, factor: float) -> float:
    """Share of the accrued funding a position will pay; what it will receive counts nothing."""
    return factor * max(payment * quantity, 0.0)
