"""Charges beside the scenarios: prices nobody is sure of, a stablecoin off its peg, a basis that moves by itself.

Elementwise over any shape; every charge is >= 0. A figure that is missing raises: it never counts as none.
Reference: the standard and portfolio margins of Derive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.policy import Bound

_CONFIDENCE = Bound(0.0, 1.0, "confidence")


@dataclass(frozen=True)
class Doubt:
    """What a price below a threshold of confidence costs, as a factor on notional times the doubt."""

    threshold: Annotated[float, _CONFIDENCE]
    factor: Annotated[float, Bound(0.0, 10.0, "fraction of notional at no confidence")]


@dataclass(frozen=True)
class Depeg:
    """What a stablecoin below its threshold costs, as a factor on the distance."""

    threshold: Annotated[float, Bound(0.0, 1000.0, "USD per coin")]
    factor: Annotated[float, Bound(0.0, 100.0, "factor on the distance")]


@dataclass(frozen=True)
class Basis:
    """Forwards moved against spot, and the share of the worse move's loss that counts: share + per_year T."""

    up: Annotated[float, Bound(1.0, 10.0, "factor on the forward")]
    down: Annotated[float, Bound(0.0, 1.0, "factor on the forward")]
    share: Annotated[float, Bound(0.0, 100.0, "fraction of the loss")]
    per_year: Annotated[float, Bound(0.0, 100.0, "fraction of the loss per year to expiry")]


def doubt(confidence: float | Floats, notional: Floats, rule: Doubt) -> Floats:
    """Charge for a price: (1 - confidence) factor notional below the threshold, else none.

    confidence: 0 to 1; notional: >= 0. Raises ModelInputError NON_FINITE.
    """
    require_finite("price confidence", np.asarray(confidence))
    require_finite("notional", notional)
    return np.where(np.asarray(confidence) < rule.threshold, (1.0 - confidence) * rule.factor * notional, 0.0)


def depeg_share(price: float | Floats, rule: Depeg) -> Floats:
    """Share of a notional charged at a price of the stablecoin in USD. Raises ModelInputError NON_FINITE."""
    require_finite("stablecoin price", np.asarray(price))
    return np.asarray(rule.factor * np.maximum(rule.threshold - price, 0.0))


def basis_loss(up: Floats, down: Floats, years: Floats, rule: Basis) -> Floats:
    """Loss that counts of each expiry: the worse of its gains under either move, none if both are gains.

    up, down: P&L of the expiry with its forward moved; years: to expiry. Raises ModelInputError NON_FINITE.
    """
    worse = np.minimum(require_finite("P&L of a basis move", up), require_finite("P&L of a basis move", down))
    share = rule.share + rule.per_year * require_finite("years to expiry", years)
    return np.asarray(-np.minimum(worse, 0.0) * share)
