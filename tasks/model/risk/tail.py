"""Tail measures of a loss sample. Loss = -P&L, so a loss is > 0; nothing is interpolated.

A sample with a missing number has no tail: everything here raises on NaN and infinity. Results do not depend on the
order of the scenarios, bit for bit. Reference: METHODOLOGY 0 (quantile, ES); Acerbi and Tasche (2002);
Rockafellar and Uryasev (2002).
"""

from __future__ import annotations

import math

import numpy as np

from tasks.model.arrays import Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError

_WHOLE = 9  # decimals that decide whether a count like (n + 1) c is whole: 0.975 is no binary number


def value_at_risk(losses: Floats, confidence: float) -> Floats:
    """The ceil((n + 1) c)-th smallest of n losses, the largest at most: coverage holds at finite n.

    losses: (..., n). Returns (...). Raises ModelInputError NON_FINITE, NO_SCENARIOS, CONFIDENCE.
    """
    n = _require_sample(losses, confidence)
    rank = min(math.ceil(round((n + 1) * confidence, _WHOLE)), n)
    return np.asarray(np.partition(losses, rank - 1, axis=-1)[..., rank - 1])


def expected_shortfall(losses: Floats, confidence: float) -> Floats:
    """Mean of the worst k = n (1 - c) losses; the boundary one enters with the fraction of it that belongs to k.

    losses: (..., n), each row a portfolio. Returns (...). Raises as `value_at_risk`.
    """
    n = _require_sample(losses, confidence)
    k = round(n * (1.0 - confidence), _WHOLE)
    whole = min(math.floor(k), n - 1)
    tail = np.partition(losses, n - 1 - whole, axis=-1)[..., n - 1 - whole :]
    tail = np.sort(tail, axis=-1)
    total = np.add.reduce(np.ascontiguousarray(tail[..., 1:]), axis=-1) + (k - whole) * tail[..., 0]
    return np.asarray(total / k)


def worst(losses: Floats) -> Ints:
    """Position of the largest loss along the last axis, the first of equals: (..., n) -> (...). Raises NON_FINITE."""
    if not losses.shape[-1]:
        raise ModelInputError(Finding("NO_SCENARIOS", "there is no worst of no scenarios"))
    return np.asarray(np.argmax(require_finite("loss", losses), axis=-1), dtype=np.int64)


def _require_sample(losses: Floats, confidence: float) -> int:
    n = int(losses.shape[-1])
    if not n:
        raise ModelInputError(Finding("NO_SCENARIOS", "a tail needs at least one scenario"))
    if not 0.0 < confidence < 1.0:
        raise ModelInputError(
            Finding("CONFIDENCE", "a confidence is a fraction", value=str(confidence), limit="0 to 1, both excluded")
        )
    require_finite("loss", losses)
    return n
