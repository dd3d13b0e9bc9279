"""Evidence against a forecast that may be looked at every day, and acted upon on any of them.

An e-value is >= 0 and on average at most 1 where the forecast is enough. A bet of a fraction l_t of the capital on each
day's e-value, chosen before that day, gives

    M_t = product of (1 - l_s + l_s e_s), M_0 = 1

and where the forecast is enough on all days, M ever reaches 1 / level with a probability of at most `level`: no fixed
number of days, no penalty for looking daily. Forecasts that are more than enough lose the bets. Losses of days must
not overlap, or each phase of overlapping windows is a process of its own.
Reference: Wang, Wang and Ziegel (2022); Ville (1939).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.forecast_record import ForecastRecord, require_confidence, require_series
from tasks.model.errors import Finding, ModelInputError

LARGEST_BET = 0.5  # of the capital, so that no single day takes more than half of it


@dataclass(frozen=True)
class EProcess:
    """n days of a process that begins at 1."""

    e_values: Floats  # (n,)
    bets: Floats  # (n,) fraction of the capital, 0 to 1, known before the day
    log_capital: Floats  # (n,) ln M after each day, -inf once a bet of everything was lost

    @property
    def e_value(self) -> float:
        """Capital after the last day: evidence on a day that was fixed before."""
        return float(np.exp(self.log_capital[-1]))

    @property
    def largest(self) -> float:
        """Largest capital of all days, at least 1."""
        return float(np.exp(max(0.0, float(self.log_capital.max()))))

    @property
    def p_bound(self) -> float:
        """A p-value that holds for whoever has looked daily: one over the largest capital."""
        return 1.0 / self.largest

    def first_rejection(self, level: float) -> int | None:
        """Position of the first day on which the capital reached 1 / level, None if on none."""
        reached = self.log_capital >= -np.log(level)
        return int(np.argmax(reached)) if reached.any() else None


def value_at_risk_e(losses: Floats, value_at_risk: Floats, confidence: float) -> Floats:
    """(n,) 1 / (1 - c) on a breach, else 0. Raises ModelInputError SHAPE, NON_FINITE, CONFIDENCE."""
    require_confidence(confidence)
    n = len(losses)
    breach = require_series("loss", losses, n) > require_series("VaR", value_at_risk, n)
    return np.where(breach, 1.0 / (1.0 - confidence), 0.0)


def shortfall_e(forecast: ForecastRecord) -> Floats:
    """(n,) (L - VaR)+ / ((1 - c) (ES - VaR)): at most 1 on average if the VaR is right and the shortfall enough.

    Beside a wrong VaR, too high or too low, the right shortfall gives more than 1.

    Raises ModelInputError FORECAST where a shortfall equals its VaR: any loss beyond would be evidence without bound.
    """
    gap = forecast.expected_shortfall - forecast.value_at_risk
    if gap.min() <= 0.0:
        raise ModelInputError(
            Finding("FORECAST", "a shortfall equals its VaR", where=str(int(np.argmin(gap))), limit="ES > VaR")
        )
    return np.asarray(np.maximum(forecast.losses - forecast.value_at_risk, 0.0) / (forecast.tail * gap))


def growth_bets(e_values: Floats, largest: float = LARGEST_BET) -> Floats:
    """(n,) each day's bet: what would have let the capital grow fastest on the days before, to second order.

    sum(e - 1) / sum((e - 1)^2) of the days before, between 0 and `largest`; 0 on the first.
    """
    edge = e_values - 1.0
    gained = np.concatenate([[0.0], np.cumsum(edge)[:-1]])
    spread = np.concatenate([[0.0], np.cumsum(edge * edge)[:-1]])
    best = np.divide(gained, spread, out=np.zeros(len(edge)), where=spread > 0.0)
    return np.asarray(np.clip(best, 0.0, largest))


def e_process(e_values: Floats, bets: Floats) -> EProcess:
    """The process of some e-values >= 0, (n,), and bets from 0 to 1, (n,), each chosen before its day.

    Raises ModelInputError SHAPE, NON_FINITE; BET where an e-value or bet is out of its range.
    """
    n = len(e_values)
    require_series("e-value", e_values, n)
    require_series("bet", bets, n)
    if e_values.min() < 0.0 or bets.min() < 0.0 or bets.max() > 1.0:
        raise ModelInputError(Finding("BET", "an e-value is below 0, or a bet no fraction of the capital"))
    with np.errstate(divide="ignore"):
        growth = np.log1p(bets * (e_values - 1.0))
    return EProcess(e_values, bets, np.cumsum(growth))
