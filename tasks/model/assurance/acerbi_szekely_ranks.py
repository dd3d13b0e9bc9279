"""Acerbi and Szekely's third test: the shortfall of each day's forecast at the probabilities that came.

    Z3 = 1 - mean over t of S_t(u) / E[S_t(U)],   S_t(u) = mean of the k losses of day t at the smallest probabilities

with k the whole part of n (1 - c), u the n probabilities observed (`probability_beyond`), U as many uniforms. It is 0
on average where the forecast is right, and below 0 where the smallest probabilities are too small. It needs the whole
forecast, not VaR and shortfall alone. Reference: Acerbi and Szekely (2014); Renyi (1953) for the order statistics.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betainc

from tasks.model.arrays import Floats
from tasks.model.assurance.forecast_law import ForecastLaw, record
from tasks.model.assurance.simulated_test import SimulatedTest, among
from tasks.model.errors import Finding, ModelInputError

_NODES = 4_000  # of the integral over probability in E[S_t(U)]
_WHOLE = 9  # decimals that decide whether n (1 - c) is whole


def z3(law: ForecastLaw, losses: Floats, confidence: float) -> float:
    """Z3 of the losses, (n,). Raises as `forecast_law.record`, and SHAPE where n (1 - c) < 1."""
    record(law, losses, confidence)
    k = tail_days(law.days, confidence)
    observed = np.sort(law.probability_beyond(losses))[None, :k]
    return float(_z3(law, observed, mean_shortfall(law, k))[0])


def z3_under(law: ForecastLaw, confidence: float, runs: int, rng: np.random.Generator) -> Floats:
    """Z3 of runs in which the law is right, (runs,) ascending. Raises ModelInputError SHAPE as `z3`."""
    k = tail_days(law.days, confidence)
    return np.sort(_z3(law, smallest_uniforms(runs, law.days, k, rng), mean_shortfall(law, k)))


def z3_test(law: ForecastLaw, losses: Floats, confidence: float, runs: int, rng: np.random.Generator) -> SimulatedTest:
    """Z3 of the losses, (n,), with its p-value under the law. Raises as `z3`."""
    breaches = int((losses > law.value_at_risk(confidence)).sum())
    return among(z3(law, losses, confidence), z3_under(law, confidence, runs, rng), breaches)


def tail_days(days: int, confidence: float) -> int:
    """k, the whole part of n (1 - c). Raises ModelInputError SHAPE where it is 0."""
    k = math.floor(round(days * (1.0 - confidence), _WHOLE))
    if not k:
        raise ModelInputError(
            Finding(
                "SHAPE", "too few days for one to be in the tail", value=str(days), limit=f">= 1 / (1 - {confidence})"
            )
        )
    return k


def smallest_uniforms(runs: int, n: int, k: int, rng: np.random.Generator) -> Floats:
    """The k smallest of n uniforms, ascending, (runs, k), without drawing the others."""
    gaps = rng.standard_exponential((runs, k)) / (n - np.arange(k))
    return np.asarray(-np.expm1(-np.cumsum(gaps, axis=1)))


def mean_shortfall(law: ForecastLaw, k: int) -> Floats:
    """E[S_t(U)], (n,): the loss at p counts if fewer than k of the other probabilities lie below p.

    Integrated over p = s^4, which is dense where losses grow without bound.
    """
    s = (np.arange(_NODES) + 0.5) / _NODES
    return law.weighted_loss(s**4, 4.0 * s**3 / _NODES * betainc(law.days - k, k, 1.0 - s**4) * law.days / k)


def _z3(law: ForecastLaw, ranked: Floats, mean: Floats) -> Floats:
    """Z3 of each row of smallest probabilities: (runs, k) -> (runs,)."""
    return np.asarray(1.0 - law.mean_ratio(ranked, mean).mean(axis=1))
