"""The whole distribution that was forecast for each day's loss, from which p-values are simulated.

A test of expected shortfall has no law of its own: how far its statistic strays by chance depends on the tail that was
forecast. So a law gives the loss at a probability (to simulate), the probability of a loss (for tests on ranks), and
the VaR and shortfall the forecast stands for. Losses are > 0 where money is lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from tasks.model.arrays import Floats, Ints, require_finite
from tasks.model.assurance.forecast_record import ForecastRecord, require_confidence, require_series
from tasks.model.errors import Finding, ModelInputError
from tasks.model.risk import closed_form, tail


class ForecastLaw(Protocol):
    """Distributions of the losses of n days, forecast before each."""

    @property
    def days(self) -> int:
        """n."""

    def loss(self, day: Ints, beyond: Floats) -> Floats:
        """Loss of a day that is exceeded with a probability in (0, 1): day and beyond broadcast."""

    def weighted_loss(self, beyond: Floats, weight: Floats) -> Floats:
        """Sum of each day's losses at some probabilities, (j,), times weights, (j,): (n,)."""

    def mean_ratio(self, beyond: Floats, unit: Floats) -> Floats:
        """Mean over the days of the loss at a probability over the day's unit, (n,): any shape -> the same."""

    def probability_beyond(self, losses: Floats) -> Floats:
        """Probability forecast of a loss like this one or larger, (n,) -> (n,) within (0, 1): uniform if right."""

    def breach_probability(self, threshold: Floats) -> Floats:
        """Probability of a loss above a threshold, strictly, (n,) -> (n,)."""

    def value_at_risk(self, confidence: float) -> Floats:
        """(n,) quantile of each day's loss. Raises ModelInputError CONFIDENCE."""

    def expected_shortfall(self, confidence: float) -> Floats:
        """(n,) mean of each day's loss beyond it. Raises ModelInputError CONFIDENCE."""


def record(law: ForecastLaw, losses: Floats, confidence: float) -> ForecastRecord:
    """The losses beside the VaR and shortfall of the law. Raises as `ForecastRecord` and the law."""
    return ForecastRecord(losses, law.value_at_risk(confidence), law.expected_shortfall(confidence), confidence)


@dataclass(frozen=True)
class ScaledLaw:
    """A scale for each day times one standard law of unit variance: normal, or Student t with `degrees` > 2.

    Raises ModelInputError SHAPE, NON_FINITE, DEGREES; FORECAST where a scale is not above 0.
    """

    scale: Floats  # (n,) standard deviation of the day's loss
    degrees: float = math.inf

    def __post_init__(self) -> None:
        require_series("scale", self.scale, len(self.scale))
        if self.scale.min() <= 0.0:
            raise ModelInputError(Finding("FORECAST", "a scale is not above 0", value=str(self.scale.min())))
        if not self.degrees > 2.0:
            raise ModelInputError(
                Finding("DEGREES", "a Student t has no variance", value=str(self.degrees), limit="more than 2 degrees")
            )

    @property
    def days(self) -> int:
        """n."""
        return len(self.scale)

    def loss(self, day: Ints, beyond: Floats) -> Floats:
        """See `ForecastLaw`."""
        return np.asarray(self.scale[day] * self._standard(beyond))

    def weighted_loss(self, beyond: Floats, weight: Floats) -> Floats:
        """See `ForecastLaw`."""
        return self.scale * float(self._standard(beyond) @ weight)

    def mean_ratio(self, beyond: Floats, unit: Floats) -> Floats:
        """See `ForecastLaw`."""
        return float((self.scale / unit).mean()) * self._standard(beyond)

    def probability_beyond(self, losses: Floats) -> Floats:
        """See `ForecastLaw`."""
        standard = -losses / self.scale
        return np.asarray(ndtr(standard) if self._is_normal else stdtr(self.degrees, standard / self._unit))

    def breach_probability(self, threshold: Floats) -> Floats:
        """See `ForecastLaw`: the law has no atoms."""
        return self.probability_beyond(threshold)

    def value_at_risk(self, confidence: float) -> Floats:
        """See `ForecastLaw`."""
        if self._is_normal:
            return self.scale * closed_form.normal_value_at_risk(confidence)
        return self.scale * closed_form.student_value_at_risk(confidence, self.degrees)

    def expected_shortfall(self, confidence: float) -> Floats:
        """See `ForecastLaw`."""
        if self._is_normal:
            return self.scale * closed_form.normal_expected_shortfall(confidence)
        return self.scale * closed_form.student_expected_shortfall(confidence, self.degrees)

    def _standard(self, beyond: Floats) -> Floats:
        return np.asarray(-ndtri(beyond) if self._is_normal else -self._unit * stdtrit(self.degrees, beyond))

    @property
    def _is_normal(self) -> bool:
        return math.isinf(self.degrees)

    @property
    def _unit(self) -> float:
        return math.sqrt((self.degrees - 2.0) / self.degrees)


@dataclass(frozen=True)
class ScenarioLaw:
    """m scenario losses for each day, each as likely as any other: what historical simulation forecasts.

    Raises ModelInputError SHAPE, NO_SCENARIOS, NON_FINITE.
    """

    losses: Floats  # (n, m) in any order within a day

    def __post_init__(self) -> None:
        if self.losses.ndim != 2 or not self.losses.shape[0]:
            raise ModelInputError(Finding("SHAPE", "no scenario losses by day", value=str(self.losses.shape)))
        if not self.losses.shape[1]:
            raise ModelInputError(Finding("NO_SCENARIOS", "a day's forecast needs at least one scenario"))
        object.__setattr__(self, "losses", np.sort(require_finite("scenario loss", self.losses), axis=1))

    @property
    def days(self) -> int:
        """n."""
        return len(self.losses)

    def loss(self, day: Ints, beyond: Floats) -> Floats:
        """See `ForecastLaw`: one of the scenarios."""
        return np.asarray(self.losses[day, self._rank(beyond)])

    def weighted_loss(self, beyond: Floats, weight: Floats) -> Floats:
        """See `ForecastLaw`."""
        m = self.losses.shape[1]
        return np.asarray(self.losses @ np.bincount(self._rank(beyond), weights=weight, minlength=m))

    def mean_ratio(self, beyond: Floats, unit: Floats) -> Floats:
        """See `ForecastLaw`: the same rank on every day."""
        return np.asarray((self.losses / unit[:, None]).mean(axis=0)[self._rank(beyond)])

    def probability_beyond(self, losses: Floats) -> Floats:
        """See `ForecastLaw`: the loss is one more draw, so that its rank among m + 1 is even; the middle of its rank.

        Of losses that equal scenarios, the middle of the ranks they may have.
        """
        at_least = (self.losses >= losses[:, None]).sum(axis=1)
        return np.asarray((0.5 * (at_least + self._above(losses)) + 0.5) / (self.losses.shape[1] + 1.0))

    def breach_probability(self, threshold: Floats) -> Floats:
        """See `ForecastLaw`: the share of scenarios above it."""
        return np.asarray(self._above(threshold) / self.losses.shape[1])

    def value_at_risk(self, confidence: float) -> Floats:
        """See `ForecastLaw`: the house's quantile."""
        return tail.value_at_risk(self.losses, require_confidence(confidence))

    def expected_shortfall(self, confidence: float) -> Floats:
        """See `ForecastLaw`: the house's shortfall, which a coarse sample may leave below the house's quantile."""
        return np.maximum(tail.expected_shortfall(self.losses, confidence), self.value_at_risk(confidence))

    def _rank(self, beyond: Floats) -> Ints:
        m = self.losses.shape[1]
        return np.asarray(m - 1 - np.minimum((beyond * m).astype(np.int64), m - 1))

    def _above(self, threshold: Floats) -> Ints:
        return np.asarray((self.losses > threshold[:, None]).sum(axis=1), dtype=np.int64)
