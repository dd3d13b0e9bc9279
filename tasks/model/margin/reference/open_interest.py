"""Initial margin that rises with the open interest of the whole market, in exact integers.

    effective = base + clamp((OI - lower) / (upper - lower), 0, 1) (1 - base)

Rates are parts per million, amounts the smallest unit of the quote asset. What is asked of an account rounds up; rates
round down. Maintenance margin stays at the base rate: open interest that others build closes nobody out.
Reference: liquidity tiers of dYdX v4.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from tasks.model.errors import Finding, ModelInputError, PolicyError

PPM = 1_000_000


class ExactMargin(NamedTuple):
    """Initial and maintenance margin in the smallest unit of the quote asset, >= 0."""

    im: int
    mm: int


@dataclass(frozen=True)
class OpenInterestTier:
    """Base rate, the share of it that is maintenance, and the open interest between which the base rate rises to one.

    Raises PolicyError BRACKETS where a rate is not in [0, one million] or the bounds are below 0 or fall.
    """

    im_ppm: int  # of the notional
    maintenance_ppm: int  # of the initial margin
    lower: int  # smallest quote unit: open interest up to which the base rate holds
    upper: int  # smallest quote unit: open interest from which margin is the whole notional; 0 = never scaled

    def __post_init__(self) -> None:
        within = all(0 <= rate <= PPM for rate in (self.im_ppm, self.maintenance_ppm))
        if not within or self.lower < 0 or (self.upper and self.upper < self.lower):
            raise PolicyError(Finding("BRACKETS", "a tier by open interest is malformed", value=str(self)))

    @property
    def mm_ppm(self) -> int:
        """Maintenance rate, of the notional."""
        return self.im_ppm * self.maintenance_ppm // PPM

    def effective_im_ppm(self, open_interest: int) -> int:
        """Initial rate at an open interest in the smallest quote unit, >= 0. Raises ModelInputError OPEN_INTEREST."""
        _require_not_negative(open_interest, "open interest")
        if not self.upper or open_interest <= self.lower:
            return self.im_ppm
        if open_interest >= self.upper:
            return PPM
        return self.im_ppm + (open_interest - self.lower) * (PPM - self.im_ppm) // (self.upper - self.lower)

    def margin(self, notional: int, open_interest: int, account_im_ppm: int = 0) -> ExactMargin:
        """Margin of a notional >= 0. An account's own initial rate can raise what it pays, never lower it.

        Raises ModelInputError OPEN_INTEREST where an amount is below zero.
        """
        _require_not_negative(notional, "notional")
        rate = max(self.effective_im_ppm(open_interest), account_im_ppm)
        base = share_up(notional, self.im_ppm)
        return ExactMargin(share_up(notional, rate), share_up(base, self.maintenance_ppm))

    def largest_funding_ppm(self, factor_ppm: int) -> int:
        """Largest funding rate either way: a factor times the room between initial and maintenance rate."""
        return factor_ppm * (self.im_ppm - self.mm_ppm) // PPM


def share_up(amount: int, ppm: int) -> int:
    """Parts per million of an amount >= 0, rounded up to a whole unit."""
    return -(-amount * ppm // PPM)


def notional_units(quantity: int, price: int, exponent: int) -> int:
    """|quantity x price| x 10^exponent in whole quote units, cut off: both are integers of their own small units."""
    return int(abs(quantity) * price * Fraction(10) ** exponent)


def _require_not_negative(amount: int, name: str) -> None:
    if amount < 0:
        raise ModelInputError(
            Finding(
                "OPEN_INTEREST", f"{name} is below zero", value=str(amount), limit=">= 0", action="correct the feed"
            )
        )
