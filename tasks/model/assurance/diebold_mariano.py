"""Is one model's score lower than another's by more than chance?

    DM = mean(d) / sqrt(V / n) sqrt((n + 1 - 2 h + h (h - 1) / n) / n),   d = score of A - score of B

against Student's t with n - 1 degrees. V sums autocovariances of d up to h - 1 days, because forecasts h days ahead
overlap; with Bartlett's weights it cannot be negative. Reference: Diebold and Mariano (1995); Harvey, Leybourne and
Newbold (1997); Newey and West (1987).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy.special import stdtr

from tasks.model.arrays import Floats
from tasks.model.assurance.forecast_record import require_series
from tasks.model.errors import Finding, ModelInputError

Weights = Literal["BARTLETT", "UNWEIGHTED"]


@dataclass(frozen=True)
class ScoreDifference:
    """A compared with B; a negative difference and statistic speak for A."""

    mean_difference: float
    statistic: float  # 0 where both score the same on all days
    p_value: float  # two-sided
    p_better: float  # one-sided: a small one says that A is better
    weights: Weights  # BARTLETT also where unweighted autocovariances gave no variance above 0


def diebold_mariano(score_a: Floats, score_b: Floats, horizon: int, weights: Weights = "BARTLETT") -> ScoreDifference:
    """score_a, score_b: (n,) of the same days, lower is better; horizon: days ahead, 1 to (n - 1) / 2.

    Raises ModelInputError NON_FINITE; SHAPE where lengths or the horizon do not fit.
    """
    n = len(score_a)
    difference = require_series("score", score_a, n) - require_series("score", score_b, n)
    _require(n, horizon)
    mean = float(difference.mean())
    if not difference.any():
        return ScoreDifference(0.0, 0.0, 1.0, 0.5, weights)
    variance = long_run_variance(difference, horizon, weights)
    if variance <= 0.0:
        weights = "BARTLETT"
        variance = long_run_variance(difference, horizon, weights)
    correction = math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = math.copysign(math.inf, mean) if variance <= 0.0 else mean / math.sqrt(variance / n) * correction
    p_better = float(stdtr(n - 1, statistic))
    return ScoreDifference(mean, statistic, 2.0 * min(p_better, float(stdtr(n - 1, -statistic))), p_better, weights)


def long_run_variance(values: Floats, horizon: int, weights: Weights) -> float:
    """Sum of the autocovariances of values, (n,), up to horizon - 1 on both sides, each over n."""
    n, centred = len(values), values - values.mean()
    lags = range(1, horizon)
    covariance = [float(centred[lag:] @ centred[: n - lag]) / n for lag in lags]
    share = [1.0 - lag / horizon if weights == "BARTLETT" else 1.0 for lag in lags]
    return float(centred @ centred) / n + 2.0 * math.fsum(w * c for w, c in zip(share, covariance, strict=True))


def _require(n: int, horizon: int) -> None:
    if not 1 <= horizon <= (n - 1) // 2:
        raise ModelInputError(
            Finding("SHAPE", "a horizon does not fit the days", value=f"{horizon} of {n}", limit="1 to (n - 1) / 2")
        )
