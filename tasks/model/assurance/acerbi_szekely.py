"""Acerbi and Szekely's tests of expected shortfall: is the tail on average as bad as was forecast, and no worse?

    Z1 = 1 - mean of L_t / ES_t over the breaches              given that VaR is right: the size of breaches
    Z2 = 1 - sum of L_t / (n (1 - c) ES_t) over the breaches   number and size together

Each is 0 on average where the forecast is right and below 0 where losses are worse than forecast. No table of critical
values holds for another n, c or tail (-0.70 is Z2's at n = 250, 97.5 % and light tails alone), so p-values are
simulated under the forecast itself. Z3 is in `acerbi_szekely_ranks`. Reference: Acerbi and Szekely (2014).
"""

from __future__ import annotations

import math

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.forecast_law import ForecastLaw, record
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.simulated_breaches import Breaches, draw_breaches
from tasks.model.assurance.simulated_test import SimulatedTest, among, critical


def z1(forecast: ForecastRecord) -> float:
    """Z1, NaN without a breach."""
    found = _ratios(forecast)
    return 1.0 - float(found.mean()) if len(found) else math.nan


def z2(forecast: ForecastRecord) -> float:
    """Z2, 1 without a breach."""
    return 1.0 - float(_ratios(forecast).sum()) / (forecast.days * forecast.tail)


def z1_under(law: ForecastLaw, confidence: float, runs: int, rng: np.random.Generator) -> Floats:
    """Z1 of runs in which the law is right, ascending, of those with a breach. Raises ModelInputError CONFIDENCE."""
    drawn = draw_breaches(law, law.value_at_risk(confidence), runs, rng)
    count, total = drawn.count(), drawn.total(_drawn_ratios(drawn, law, confidence))
    return np.sort(1.0 - total[count > 0] / count[count > 0])


def z2_under(
    law: ForecastLaw, confidence: float, runs: int, rng: np.random.Generator, loss_factor: float = 1.0
) -> Floats:
    """Z2 of runs, (runs,) ascending, in which all losses are a factor times what the law says, 1 where it is right.

    Raises ModelInputError CONFIDENCE.
    """
    drawn = draw_breaches(law, law.value_at_risk(confidence), runs, rng, loss_factor)
    total = drawn.total(_drawn_ratios(drawn, law, confidence))
    return np.sort(1.0 - total / (law.days * (1.0 - confidence)))


def z1_test(law: ForecastLaw, losses: Floats, confidence: float, runs: int, rng: np.random.Generator) -> SimulatedTest:
    """Z1 of the losses, (n,), with its p-value under the law. Raises as `forecast_law.record`."""
    forecast = record(law, losses, confidence)
    return among(z1(forecast), z1_under(law, confidence, runs, rng), len(forecast.breach_days))


def z2_test(law: ForecastLaw, losses: Floats, confidence: float, runs: int, rng: np.random.Generator) -> SimulatedTest:
    """Z2 of the losses, (n,), with its p-value under the law. Raises as `forecast_law.record`."""
    forecast = record(law, losses, confidence)
    return among(z2(forecast), z2_under(law, confidence, runs, rng), len(forecast.breach_days))


def z2_power(
    law: ForecastLaw,
    confidence: float,
    level: float,
    missing_fraction: float,
    runs: int,
    rng: np.random.Generator,
) -> float:
    """How often Z2 at a level rejects a forecast that is short of the right one by a fraction in [0, 1).

    At 0 it is the size of the test. Raises ModelInputError CONFIDENCE.
    """
    limit = critical(z2_under(law, confidence, runs, rng), level)
    wrong = z2_under(law, confidence, runs, rng, 1.0 / (1.0 - missing_fraction))
    return float(np.searchsorted(wrong, limit, side="right")) / runs


def _ratios(forecast: ForecastRecord) -> Floats:
    return (forecast.losses / forecast.expected_shortfall)[forecast.breaches]


def _drawn_ratios(drawn: Breaches, law: ForecastLaw, confidence: float) -> Floats:
    return drawn.loss / law.expected_shortfall(confidence)[drawn.day]
