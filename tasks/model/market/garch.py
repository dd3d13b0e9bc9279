"""GARCH(1,1): a variance forecast that returns to its own long-run level, a challenger of the exponential weights.

    variance_(t+1) = omega + alpha r_t^2 + beta variance_t,   long run omega / (1 - alpha - beta)

Returns are daily and have mean zero. No scenario is scaled by it. Reference: Bollerslev (1986).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.errors import Finding, ModelInputError


@dataclass(frozen=True)
class Garch:
    """Parameters of the recursion.

    Raises ModelInputError GARCH unless omega > 0, alpha and beta >= 0, alpha + beta < 1.
    """

    omega: float  # variance per day
    alpha: float  # weight of the last squared return
    beta: float  # weight of the last variance

    def __post_init__(self) -> None:
        if not (self.omega > 0.0 and min(self.alpha, self.beta) >= 0.0 and self.alpha + self.beta < 1.0):
            raise ModelInputError(
                Finding(
                    "GARCH",
                    "the variance has no long run",
                    value=str(self),
                    limit="omega > 0, alpha and beta >= 0, alpha + beta < 1",
                    action="fit the parameters again",
                )
            )

    @property
    def long_run_variance(self) -> float:
        """Variance per day the forecast returns to."""
        return self.omega / (1.0 - self.alpha - self.beta)

    def forecast(self, variance: float, days: int) -> float:
        """Variance per day expected `days` after one whose variance is known: it decays to the long run."""
        return self.long_run_variance + (self.alpha + self.beta) ** days * (variance - self.long_run_variance)


def garch_variance(returns: Floats, model: Garch, seed_variance: float) -> Floats:
    """Variance forecast before each daily return and after the last one.

    returns: (n,), NaN = missing, which counts as one of the expected size. Returns (n + 1,); element 0 is the seed.
    """
    variance = seed_variance
    forecasts = [variance]
    for value in returns.tolist():
        squared = variance if math.isnan(value) else value * value
        variance = model.omega + model.alpha * squared + model.beta * variance
        forecasts.append(variance)
    return np.array(forecasts)
