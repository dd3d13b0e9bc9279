"""GJR-GARCH-t beside the exponential weights: its parameters, and whether it forecasts better on days it did not see.

Parameters are fitted on the first half of the returns and both models then forecast the second, each day from the days
before it; they are told apart by QLIKE. Reference: Hansen and Lunde (2005); Diebold and Mariano (1995).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.calibration.estimate import Figure, normal_figure, require_enough
from tasks.model.assurance.diebold_mariano import ScoreDifference, diebold_mariano
from tasks.model.market.gjr_garch import LEAST_RETURNS, fit_gjr, gjr_variance
from tasks.model.market.volatility import decay, ewma_variance

SEED_RETURNS = 30


class Challenger(NamedTuple):
    """Figures of all returns by parameter, and the challenger's score less the weights' on the second half."""

    figures: Mapping[str, Figure]
    difference: ScoreDifference


def garch_challenger(daily: Floats, half_life_days: float, level: float) -> Challenger:
    """Challenger of weights of a half-life, on daily log returns, (n,), NaN where missing, which both pass over.

    Raises ModelInputError NO_OBSERVATIONS for fewer than 500 returns; GARCH as `fit_gjr`.
    """
    returns = daily[np.isfinite(daily)]
    require_enough("GARCH challenger", len(returns), 2 * LEAST_RETURNS)
    fitted = fit_gjr(returns)
    errors = np.sqrt(np.diag(fitted.covariance)).tolist()
    figures = {
        name: normal_figure(value, error, level, len(returns))
        for (name, value), error in zip(asdict(fitted.model).items(), errors, strict=True)
    }
    return Challenger(figures, _judged(returns, half_life_days))


def _judged(returns: Floats, half_life_days: float) -> ScoreDifference:
    half = len(returns) // 2
    known, later = returns[:half] ** 2, returns[half:] ** 2
    garch = gjr_variance(returns, fit_gjr(returns[:half]).model, float(known.mean()))[half:-1]
    seed = float(known[:SEED_RETURNS].mean())
    weights = ewma_variance(returns[SEED_RETURNS:], decay(half_life_days), seed)[half - SEED_RETURNS : -1]
    return diebold_mariano(_qlike(later, garch), _qlike(later, weights), max(round(math.sqrt(len(later))), 1))


def _qlike(squared: Floats, variance: Floats) -> Floats:
    return np.asarray(np.log(variance) + squared / variance)
