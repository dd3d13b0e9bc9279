"""Quantiles of a loss sample under the conventions others report, beside the house's own (risk.tail).

They differ by up to one loss of the tail, which at 250 losses is most of the difference between two models: a figure
is compared under its own convention or not at all. Reference: METHODOLOGY 0; Hyndman and Fan (1996).
"""

from __future__ import annotations

import math

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.errors import Finding, ModelInputError
from tasks.model.risk.tail import value_at_risk

_WHOLE = 9  # decimals that decide whether a count is whole: 0.99 is no binary number
HOUSE = "conformal_ceil"
CONVENTIONS = ("linear_type7", "lower", "higher", "kth_floor", HOUSE)


def quantile(losses: Floats, confidence: float, convention: str) -> Floats:
    """Quantile along the last axis, (..., n) -> (...).

    linear_type7: between the two order statistics at 1 + (n - 1) c; lower, higher: the one below, above; kth_floor:
    the (floor(n (1 - c)) + 1)-th largest; conformal_ceil: the ceil((n + 1) c)-th smallest, the house's.
    Raises ModelInputError as `value_at_risk`, and CONVENTION for a word that is none of these.
    """
    if convention not in CONVENTIONS:
        raise ModelInputError(Finding("CONVENTION", "no such quantile", value=convention, limit=" ".join(CONVENTIONS)))
    house = value_at_risk(losses, confidence)
    if convention == HOUSE:
        return house
    n = losses.shape[-1]
    ordered = np.sort(losses, axis=-1)
    place = round((n - 1) * confidence, _WHOLE)
    below, above = math.floor(place), math.ceil(place)
    if convention == "linear_type7":
        return np.asarray(ordered[..., below] + (place - below) * (ordered[..., above] - ordered[..., below]))
    from_top = math.floor(round(n * (1.0 - confidence), _WHOLE)) + 1
    rank = {"lower": below, "higher": above, "kth_floor": max(n - from_top, 0)}[convention]
    return np.asarray(ordered[..., rank])
