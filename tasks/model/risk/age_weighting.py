"""Historical simulation in which a loss counts less the older it is.

    w_i = lambda^(i - 1) (1 - lambda) / (1 - lambda^n),   i = 1 the latest

The quantile is the first loss, from the worst down, by which the weights reach 1 - c; the shortfall takes of that loss
the part of its weight that lies within 1 - c. Nothing is interpolated. A challenger of the filtered
scenarios, which meet the same worry by rescaling. Reference: Boudoukh, Richardson and Whitelaw (1998).
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, ModelInputError

_SHARE = 1e-12  # of the probability that sums of weights may lose


def age_weights(n: int, decay_factor: float) -> Floats:
    """(n,) weights in the order of time, the last the latest, summing to one; a decay of 1 weighs all alike.

    Raises ModelInputError DECAY outside (0, 1].
    """
    if not 0.0 < decay_factor <= 1.0:
        raise ModelInputError(Finding("DECAY", "a decay is a fraction", value=str(decay_factor), limit="0 to 1"))
    weights = decay_factor ** np.arange(n - 1, -1, -1, dtype=np.float64)
    return np.asarray(weights / np.add.reduce(weights))


def weighted_value_at_risk(losses: Floats, weights: Floats, confidence: float) -> float:
    """Loss at which the weights from the worst down reach 1 - confidence. losses, weights: (n,), weights sum to one.

    Raises ModelInputError NON_FINITE, WEIGHTS or CONFIDENCE.
    """
    worst_first, reached = _from_the_worst(losses, weights, confidence)
    return float(losses[worst_first[_boundary(reached, confidence)]])


def weighted_expected_shortfall(losses: Floats, weights: Floats, confidence: float) -> float:
    """Mean of the worst share 1 - confidence, the boundary loss with the rest of it. Arguments and raises as above."""
    worst_first, reached = _from_the_worst(losses, weights, confidence)
    last = _boundary(reached, confidence)
    share = 1.0 - confidence
    taken = weights[worst_first[: last + 1]].copy()
    taken[last] -= reached[last] - share
    return float(np.add.reduce(taken * losses[worst_first[: last + 1]]) / share)


def _from_the_worst(losses: Floats, weights: Floats, confidence: float) -> tuple[np.ndarray, Floats]:
    """Positions from the largest loss down, the earlier of equals first, and the weight reached with each."""
    require_finite("loss", losses)
    require_finite("weight", weights)
    if losses.shape != weights.shape or abs(float(weights.sum()) - 1.0) > 1e-9 or (weights < 0.0).any():
        raise ModelInputError(Finding("WEIGHTS", "weights do not belong to the losses or do not sum to one"))
    if not 0.0 < confidence < 1.0:
        raise ModelInputError(Finding("CONFIDENCE", "a confidence is a fraction", value=str(confidence)))
    worst_first = np.argsort(-losses, kind="stable")
    return worst_first, np.cumsum(weights[worst_first])


def _boundary(reached: Floats, confidence: float) -> int:
    return min(int(np.searchsorted(reached, 1.0 - confidence - _SHARE)), len(reached) - 1)
