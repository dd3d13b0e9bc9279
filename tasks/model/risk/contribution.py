"""Euler contributions: which scenario losses make a tail measure, and with what weight.

Expected shortfall, worst loss and what is built of them by sums are homogeneous in size, so each is a weighted sum of
its parts' scenario losses with weights that do not change while the tail does not. All weights here are per row (a
portfolio's positions in one underlying) and scenario; a part's contribution is the sum of weight times its own loss.
Loss > 0. Reference: Tasche (1999); METHODOLOGY 5, attribution.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats, Ints
from tasks.model.risk import tail
from tasks.model.risk.correlation import pairings


class BySet(NamedTuple):
    """(r, n) of the filtered scenarios and (r, m) of the stressed ones: losses in USD, or weights of them."""

    filtered: Floats
    stressed: Floats

    def total(self) -> float:
        """Sum of both."""
        return float(self.filtered.sum() + self.stressed.sum())


class Blend(NamedTuple):
    """How both sets and the rows of a portfolio become one margin (METHODOLOGY 5, line 1)."""

    confidence_filtered: float
    confidence_stressed: float
    stressed_weight: float
    offset_limit: float


def offset_limited_weights(losses: BySet, blend: Blend) -> BySet:
    """Weights of the offset-limited blend of expected shortfalls of one portfolio with r rows."""
    own = _blended(losses, blend)
    joint = _blended(BySet(*(each.sum(axis=0, keepdims=True) for each in losses)), blend)
    of_rows = (own.filtered * losses.filtered).sum(axis=1) + (own.stressed * losses.stressed).sum(axis=1)
    of_all = BySet(*(weight * loss for weight, loss in zip(joint, losses, strict=True))).total()
    netted = blend.offset_limit if np.maximum(of_rows, 0.0).sum() > of_all else 0.0
    # A row whose tail is a gain counts nothing in the sum of rows.
    counts = (of_rows > 0.0)[:, None]
    return BySet(*((1.0 - netted) * counts * row + netted * all_ for row, all_ in zip(own, joint, strict=True)))


def repaired_weights(
    losses: Floats, place: Ints, spot_return: Floats, confidence: float, shifts: int, comonotone: bool
) -> Floats:
    """(r, n) weights of the expected shortfall of r rows paired otherwise: see correlation.repaired_shortfall."""
    orders = pairings(spot_return, shifts)[:, place]
    weights = np.zeros_like(losses)
    taken = orders[:1] if comonotone else orders[1:]
    for order in taken:
        paired = np.take_along_axis(losses, order, axis=1).sum(axis=0)
        own = np.empty_like(losses)
        np.put_along_axis(own, order, np.broadcast_to(tail.tail_weights(paired, confidence), losses.shape), axis=1)
        weights += own
    return weights / len(taken)


def worst_weights(losses: Floats) -> Floats:
    """(r, p) weight one on the worst point of each row with a loss, as in a grid that knows no offset between rows."""
    weights = np.zeros_like(losses)
    at = tail.worst(losses)
    rows = np.arange(len(losses))
    weights[rows, at] = losses[rows, at] > 0.0
    return weights


def _blended(losses: BySet, blend: Blend) -> BySet:
    return BySet(
        (1.0 - blend.stressed_weight) * _by_row(losses.filtered, blend.confidence_filtered),
        blend.stressed_weight * _by_row(losses.stressed, blend.confidence_stressed),
    )


def _by_row(losses: Floats, confidence: float) -> Floats:
    """Weights of each row in its own expected shortfall; of no scenarios there are none."""
    return np.stack([tail.tail_weights(row, confidence) for row in losses]) if losses.size else losses
