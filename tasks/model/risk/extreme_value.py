"""Tails beyond the sample: losses over a threshold follow a generalised Pareto law.

    P(loss > x) = (n_u / n) (1 + xi (x - u) / beta)^(-1 / xi)

Losses are > 0. A check on the tail of filtered residuals, not the margin itself: it extrapolates.
Reference: Pickands (1975); McNeil and Frey (2000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, ModelInputError

_EXPONENTIAL = 1e-9  # a shape nearer to zero than this is the exponential law
_FEWEST = 10  # exceedances a shape can be read from


@dataclass(frozen=True)
class ParetoTail:
    """Law of the losses beyond a threshold. Raises ModelInputError TAIL where the scale or the share is not above 0."""

    threshold: float  # u, unit of the losses
    scale: float  # beta, unit of the losses, > 0
    shape: float  # xi, > 0 = heavier than exponential
    share_beyond: float  # n_u / n, in (0, 1]

    def __post_init__(self) -> None:
        if not (self.scale > 0.0 and 0.0 < self.share_beyond <= 1.0 and math.isfinite(self.shape + self.threshold)):
            raise ModelInputError(Finding("TAIL", "a Pareto tail is malformed", value=str(self)))

    def value_at_risk(self, confidence: float) -> float:
        """Loss exceeded with probability 1 - confidence; raises ModelInputError CONFIDENCE below the threshold."""
        beyond = (1.0 - confidence) / self.share_beyond
        if not 0.0 < beyond <= 1.0:
            raise ModelInputError(
                Finding(
                    "CONFIDENCE",
                    "the tail begins beyond this confidence",
                    value=str(confidence),
                    limit=f"{1.0 - self.share_beyond} to 1",
                )
            )
        if abs(self.shape) < _EXPONENTIAL:
            return self.threshold - self.scale * math.log(beyond)
        return self.threshold + self.scale / self.shape * math.expm1(-self.shape * math.log(beyond))

    def expected_shortfall(self, confidence: float) -> float:
        """Mean loss beyond `value_at_risk`; infinite where the shape is 1 or more, for then the law has no mean."""
        if self.shape >= 1.0:
            return math.inf
        return (self.value_at_risk(confidence) + self.scale - self.shape * self.threshold) / (1.0 - self.shape)


def fit_tail(losses: Floats, threshold: float) -> ParetoTail:
    """Most likely tail of the losses (n,) above a threshold.

    Raises ModelInputError NON_FINITE, or TAIL where fewer than 10 losses exceed the threshold or the search fails.
    """
    excess = require_finite("loss", losses)[losses > threshold] - threshold
    if len(excess) < _FEWEST:
        raise ModelInputError(
            Finding("TAIL", "too few losses beyond the threshold", value=str(len(excess)), limit=f">= {_FEWEST}")
        )
    unit = float(np.mean(excess))
    found = minimize(
        _minus_log_likelihood,
        np.array([0.0, 0.1]),
        args=(excess / unit,),
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000},
    )
    if not found.success:
        raise ModelInputError(Finding("TAIL", "no most likely tail was found", value=str(found.message)))
    return ParetoTail(threshold, unit * math.exp(found.x[0]), float(found.x[1]), len(excess) / len(losses))


def _minus_log_likelihood(parameters: Floats, excess: Floats) -> float:
    """Of the logarithm of the scale and the shape; infinite where a loss lies beyond the end of the law."""
    log_scale, shape = parameters
    scaled = excess / math.exp(log_scale)
    if abs(shape) < _EXPONENTIAL:
        return float(len(excess) * log_scale + scaled.sum())
    inner = 1.0 + shape * scaled
    if inner.min() <= 0.0:
        return math.inf
    return float(len(excess) * log_scale + (1.0 + 1.0 / shape) * np.log(inner).sum())
