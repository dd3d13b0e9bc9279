"""GJR-GARCH-t beside the exponential weights: its parameters, and whether it forecasts better on days it did not see.

Parameters are fitted on the first half of the returns and both models then forecast the second, each day from the days
before it; they are told apart by QLIKE. Reference: Hansen and Lunde (2005).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.calibration.estimate import Figure, normal_figure, require_enough
from tasks.model.assurance.calibration.resample import bootstrap_figure
from tasks.model.market.gjr_garch import LEAST_RETURNS, fit_gjr, gjr_variance
from tasks.model.market.volatility import decay, ewma_variance

SEED_RETURNS = 30


def garch_challenger(
    daily: Floats, half_life_days: float, block: int, runs: int, level: float, seed: int
) -> Mapping[str, Figure]:
    """Parameters of the challenger on daily log returns, (n,), by name; NaN where missing, which both pass over.

    `score_difference` is its mean QLIKE less that of the weights of a half-life on the second half: below zero it
    forecasts better. Its days are drawn again in blocks: scores remember, and a few loud days make most of them.

    Raises ModelInputError NO_OBSERVATIONS for fewer than 500 returns; GARCH as `fit_gjr`.
    """
    returns = daily[np.isfinite(daily)]
    require_enough("GARCH challenger", len(returns), 2 * LEAST_RETURNS)
    fitted = fit_gjr(returns)
    errors = np.sqrt(np.diag(fitted.covariance())).tolist()
    found = {
        name: normal_figure(value, error, level, len(returns))
        for (name, value), error in zip(asdict(fitted.model).items(), errors, strict=True)
    }
    difference = _difference(returns, half_life_days)
    mean = bootstrap_figure(lambda days: float(np.mean(difference[days])), len(difference), block, runs, level, seed)
    return found | {"score_difference": mean}


def _difference(returns: Floats, half_life_days: float) -> Floats:
    """(n - n // 2,) score of the challenger less that of the weights on each day of the second half."""
    half = len(returns) // 2
    known, later = returns[:half] ** 2, returns[half:] ** 2
    garch = gjr_variance(returns, fit_gjr(returns[:half]).model, float(known.mean()))[half:-1]
    seed = float(known[:SEED_RETURNS].mean())
    weights = ewma_variance(returns[SEED_RETURNS:], decay(half_life_days), seed)[half - SEED_RETURNS : -1]
    return _qlike(later, garch) - _qlike(later, weights)


def _qlike(squared: Floats, variance: Floats) -> Floats:
    return np.asarray(np.log(variance) + squared / variance)
