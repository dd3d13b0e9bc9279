"""What collateral and positions count, by their own size and by what the whole venue holds, in exact integers.

    asset      min(w, 1.1 / (1 + f sqrt(size)))       what a deposit counts
    liability  max(w, 0.8 w + f sqrt(size))           what a debt or a position costs
    venue      w start / deposits                     once deposits of all accounts exceed a start value

Weights are in 1e-4, the size factor f in 1e-6 per sqrt(unit), sizes in 1e-9 of a unit, amounts of the quote in 1e-6.
Integer division cuts off; the root of a size is taken at 1e-5 of sqrt(unit).
Reference: Drift v2, asset and liability weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from tasks.model.errors import Finding, ModelInputError, PolicyError

WEIGHT_ONE = 10_000
SIZE_ONE = 1_000_000_000
_FACTOR_ONE = 1_000_000
_ROOT_ONE = 100_000
_ASSET_CEILING = _FACTOR_ONE * 11 // 10


@dataclass(frozen=True)
class SizeWeight:
    """Weight before size, how size changes it, and from which deposits of the whole venue it shrinks.

    Raises PolicyError BRACKETS where a number is below zero.
    """

    weight: int  # 1e-4
    size_factor: int  # 1e-6 per sqrt(unit), 0 = size does not matter
    deposits_start: int = 0  # 1e-6 of the quote; 0 = the venue's deposits do not matter

    def __post_init__(self) -> None:
        if min(self.weight, self.size_factor, self.deposits_start) < 0:
            raise PolicyError(Finding("BRACKETS", "a weight by size is below zero", value=str(self)))


def asset_weight(rule: SizeWeight, size: int) -> int:
    """What a deposit of a size counts, 1e-4: no more than its weight, less the larger it is."""
    if not rule.size_factor:
        return rule.weight
    slope = _root(size) * rule.size_factor // _ROOT_ONE
    return min(rule.weight, _ASSET_CEILING * WEIGHT_ONE // (_FACTOR_ONE + slope))


def liability_weight(rule: SizeWeight, size: int) -> int:
    """What a debt or position of a size costs, 1e-4: no less than its weight, more the larger it is."""
    if not rule.size_factor:
        return rule.weight
    premium = _root(size) * rule.size_factor * WEIGHT_ONE // (_ROOT_ONE * _FACTOR_ONE)
    return max(rule.weight, rule.weight - rule.weight // 5 + premium)


def weight_at_deposits(rule: SizeWeight, deposits_value: int) -> int:
    """Weight once all accounts together hold deposits worth that much (1e-6 of the quote): it shrinks beyond the start.

    Raises ModelInputError SIZE where the value is below zero.
    """
    _require_not_negative(deposits_value)
    if not rule.deposits_start or deposits_value <= rule.deposits_start:
        return rule.weight
    return rule.weight * rule.deposits_start // deposits_value


def position_margin(rule: SizeWeight, base: int, price: int) -> int:
    """Margin of a position, 1e-6 of the quote: its value at the weight its size costs.

    base: signed, 1e-9 of a unit; price: 1e-6 of the quote per unit, >= 0.
    """
    value = abs(base) * price // SIZE_ONE
    return value * liability_weight(rule, abs(base)) // WEIGHT_ONE


def _root(size: int) -> int:
    _require_not_negative(size)
    return isqrt(size * 10 + 1)


def _require_not_negative(size: int) -> None:
    if size < 0:
        raise ModelInputError(Finding("SIZE", "a size is below zero", value=str(size), limit=">= 0"))
