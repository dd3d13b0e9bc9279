"""Margin by the size of a position: rates that rise with its notional.

Two families. Marginal tiers charge each slice of an amount at its own rate, so the charge is continuous: rate times
amount less a deduction. A size rate charges the whole position at a rate that grows with its size, smoothly or in
whole steps; in steps, a small addition re-margins the whole position. Which venue uses which is a parameter set.
All amounts are >= 0, float64. Reference: METHODOLOGY 5 line 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError, PolicyError

_WHOLE = 9  # decimals that decide whether a number of steps is whole: 0.1 is no binary number
_CONTINUITY = 1e-9  # relative jump at a floor that rounding of the deductions may leave


class BracketMargin(NamedTuple):
    """Initial and maintenance margin, shaped like the notional and in its unit."""

    im: Floats
    mm: Floats


@dataclass(frozen=True)
class MarginalTiers:
    """Each slice of an amount at the rate of its tier; the last tier has no end.

    Rates need not rise: collateral counts at less the more of it there is.
    Raises PolicyError BRACKETS where floors do not ascend from 0 or a number is not finite or below 0.
    """

    floors: tuple[float, ...]  # unit of the amount, the first 0
    rates: tuple[float, ...]  # fraction of the amount above the floor, up to the next one

    def __post_init__(self) -> None:
        _require_tiers(self.floors, self.rates)

    @cached_property
    def deductions(self) -> Floats:
        """(tiers,) what rate x amount overstates in each tier: d_i = d_(i-1) + floor_i (rate_i - rate_(i-1))."""
        steps = np.diff(np.array(self.rates)) * np.array(self.floors[1:])
        return np.concatenate([[0.0], np.cumsum(steps)])

    def tier(self, amount: Floats) -> Ints:
        """Position of the tier an amount falls in; at a floor the tier that begins there."""
        return np.asarray(np.searchsorted(np.array(self.floors), amount, side="right") - 1, dtype=np.int64)

    def total(self, amount: Floats) -> Floats:
        """Charge or value of an amount >= 0: rate x amount less the deduction.

        Raises ModelInputError NON_FINITE, or NEGATIVE where an amount is below 0.
        """
        whole = _require_amount("amount", amount)
        at = self.tier(whole)
        return np.asarray(np.array(self.rates)[at] * whole - self.deductions[at])


@dataclass(frozen=True)
class Brackets:
    """Continuous tiers of initial and maintenance margin by notional.

    Raises PolicyError BRACKETS where floors do not ascend from 0, a rate is not above 0 or falls from tier to tier,
    a tier's initial rate is not above its maintenance rate, or the charge jumps at a floor.
    """

    floors_usd: tuple[float, ...]
    im_rates: tuple[float, ...]  # 1 / the largest leverage of the tier
    mm_rates: tuple[float, ...]

    def __post_init__(self) -> None:
        for tiers in (self.im, self.mm):
            _require(all(rate > 0.0 for rate in tiers.rates), "a rate is not above zero", tiers.rates)
            _require(list(tiers.rates) == sorted(tiers.rates), "rates fall as the notional grows", tiers.rates)
            _require_continuous(tiers)
        rates = zip(self.im_rates, self.mm_rates, strict=True)
        _require(all(im > mm for im, mm in rates), "initial margin is not above maintenance margin", (self.mm_rates,))

    @classmethod
    def by_leverage(
        cls, floors_usd: tuple[float, ...], largest_leverage: tuple[float, ...], mm_rates: tuple[float, ...]
    ) -> Brackets:
        """Brackets of a table that states the largest leverage of each tier. Raises PolicyError BRACKETS."""
        _require(all(leverage > 0.0 for leverage in largest_leverage), "a leverage is not above zero", largest_leverage)
        return cls(floors_usd, tuple(1.0 / leverage for leverage in largest_leverage), mm_rates)

    @cached_property
    def im(self) -> MarginalTiers:
        """Tiers of the initial margin."""
        return MarginalTiers(self.floors_usd, self.im_rates)

    @cached_property
    def mm(self) -> MarginalTiers:
        """Tiers of the maintenance margin."""
        return MarginalTiers(self.floors_usd, self.mm_rates)


@dataclass(frozen=True)
class SizeRate:
    """Rates on the whole position that grow with its size beyond a free amount, per step of that excess.

    Raises PolicyError BRACKETS where a number is not finite or below 0, the step is 0, or the initial rate is not
    above the maintenance rate.
    """

    im_rate: float  # up to the free amount
    mm_rate: float
    free: float  # unit of the size the rate is looked up by: USD, or coins
    step: float
    rate_per_step: float  # added to both rates
    whole_steps: bool  # every step that is begun counts whole

    def __post_init__(self) -> None:
        numbers = (self.im_rate, self.mm_rate, self.free, self.step, self.rate_per_step)
        _require(all(np.isfinite(numbers)) and min(numbers) >= 0.0, "a number is missing or below zero", numbers)
        _require(self.step > 0.0, "a step is not above zero", (self.step,))
        _require(self.im_rate > self.mm_rate, "initial margin is not above maintenance margin", numbers)

    def steps(self, size: Floats) -> Floats:
        """Steps of a size >= 0 beyond the free amount, whole ones where the schedule says so.

        Raises ModelInputError NON_FINITE, NEGATIVE.
        """
        excess = np.maximum(_require_amount("size", size) - self.free, 0.0) / self.step
        return np.ceil(np.round(excess, _WHOLE)) if self.whole_steps else np.asarray(excess)

    def rates(self, size: Floats) -> BracketMargin:
        """Initial and maintenance rate of a position of that size."""
        added = self.steps(size) * self.rate_per_step
        return BracketMargin(np.asarray(self.im_rate + added), np.asarray(self.mm_rate + added))


def bracket_margin(notional: Floats, brackets: Brackets) -> BracketMargin:
    """Initial and maintenance margin of notionals (n,) >= 0 in USD. Raises ModelInputError NON_FINITE, NEGATIVE."""
    return BracketMargin(brackets.im.total(notional), brackets.mm.total(notional))


def size_margin(notional: Floats, size: Floats, rate: SizeRate) -> BracketMargin:
    """Margin of whole positions: rate at `size` x `notional`, both >= 0, in the unit of the notional.

    Raises ModelInputError NON_FINITE, NEGATIVE.
    """
    rates = rate.rates(size)
    charged = _require_amount("notional", notional)
    return BracketMargin(rates.im * charged, rates.mm * charged)


def bracket_notional(delta_usd: Floats, row: Ints, rows: int) -> Floats:
    """(rows,) USD a bracket is looked up by: the larger of the long and the short side of a portfolio's underlying.

    delta_usd: (entries,) signed q m delta S of each position; row: (entries,) portfolio and underlying of each. Sides
    do not net: an account that is long one expiry and short another still has the larger of the two to close.
    Summed in the order of the entries. Raises ModelInputError NON_FINITE.
    """
    require_finite("delta", delta_usd)
    long = np.bincount(row, np.maximum(delta_usd, 0.0), rows)
    short = np.bincount(row, np.maximum(-delta_usd, 0.0), rows)
    return np.asarray(np.maximum(long, short))


def _require_amount(name: str, amount: Floats) -> Floats:
    whole = require_finite(name, np.asarray(amount, dtype=np.float64))
    if (whole < 0.0).any():
        raise ModelInputError(Finding("NEGATIVE", f"a {name} is below zero", value=str(whole.min()), limit=">= 0"))
    return whole


def _require_tiers(floors: tuple[float, ...], rates: tuple[float, ...]) -> None:
    _require(len(floors) == len(rates) > 0, "floors and rates differ in number", floors)
    _require(all(np.isfinite((*floors, *rates))) and min(rates) >= 0.0, "a number is missing or below zero", rates)
    _require(floors[0] == 0.0 and all(a < b for a, b in pairwise(floors)), "floors do not ascend from 0", floors)


def _require_continuous(tiers: MarginalTiers) -> None:
    """The charge from below a floor and from above it is one number, or the deductions have lost their digits."""
    floors, rates, deductions = np.array(tiers.floors[1:]), np.array(tiers.rates), tiers.deductions
    below = rates[:-1] * floors - deductions[:-1]
    above = rates[1:] * floors - deductions[1:]
    _require(bool(np.all(np.abs(above - below) <= _CONTINUITY * below)), "the charge jumps at a floor", tiers.floors)


def _require(holds: bool, what: str, value: tuple[object, ...]) -> None:
    if not holds:
        raise PolicyError(Finding("BRACKETS", what, value=str(value), action="correct the brackets"))
