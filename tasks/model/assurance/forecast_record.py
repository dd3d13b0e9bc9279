"""What was forecast of each day's loss beside the loss that came: the one input of tests of expected shortfall.

Losses are > 0 where money was lost, in any unit that is the same throughout: rates of notional, as METHODOLOGY 9 asks.
A breach is a loss above its VaR, strictly. Nothing missing is guessed: a day without a loss or forecast is left out by
whoever builds the record, and counted there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Bools, Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError


@dataclass(frozen=True)
class ForecastRecord:
    """n days in order. A forecast is made before its day's loss.

    Raises ModelInputError NON_FINITE; SHAPE where lengths differ or are 0; CONFIDENCE outside (0, 1); FORECAST where a
    shortfall is not above 0 or below its VaR.
    """

    losses: Floats  # (n,) > 0 = lost
    value_at_risk: Floats  # (n,) quantile of the loss at `confidence`
    expected_shortfall: Floats  # (n,) mean of the loss beyond it, > 0 and >= value_at_risk
    confidence: float  # fraction, 0.975 for a tail of 2.5 %

    def __post_init__(self) -> None:
        series = {"loss": self.losses, "VaR": self.value_at_risk, "expected shortfall": self.expected_shortfall}
        for name, values in series.items():
            require_series(name, values, len(self.losses))
        require_confidence(self.confidence)
        wrong = (self.expected_shortfall <= 0.0) | (self.expected_shortfall < self.value_at_risk)
        if wrong.any():
            _refuse(self.expected_shortfall, int(np.argmax(wrong)))

    @property
    def days(self) -> int:
        """How many days were forecast."""
        return len(self.losses)

    @property
    def tail(self) -> float:
        """Probability of a breach where the forecast is right."""
        return 1.0 - self.confidence

    @property
    def breaches(self) -> Bools:
        """(n,) whether the loss is above its VaR."""
        return self.losses > self.value_at_risk

    @property
    def breach_days(self) -> Ints:
        """Positions of the days with a breach, in order."""
        return np.flatnonzero(self.breaches)


def require_series(name: str, values: Floats, n: int) -> Floats:
    """The values themselves, (n,), n > 0. Raises ModelInputError SHAPE, NON_FINITE."""
    if values.shape != (n,) or not n:
        raise ModelInputError(
            Finding("SHAPE", f"{name} has not one value for each day", value=str(values.shape), limit=f"({n},), n > 0")
        )
    return require_finite(name, values)


def require_confidence(confidence: float) -> float:
    """The fraction itself. Raises ModelInputError CONFIDENCE outside (0, 1)."""
    if not 0.0 < confidence < 1.0:
        raise ModelInputError(
            Finding("CONFIDENCE", "a confidence is a fraction", value=str(confidence), limit="0 to 1, both excluded")
        )
    return confidence


def _refuse(shortfall: Floats, day: int) -> None:
    raise ModelInputError(
        Finding(
            "FORECAST",
            "an expected shortfall is not above 0 or below its VaR",
            where=str(day),
            value=str(shortfall[day]),
            action="leave out days on which nothing was at risk; both forecasts come from one distribution",
        )
    )
