"""Nolde and Ziegel's test of VaR and shortfall together, on what identifies the pair.

    V1 = a - 1{L > VaR},   V2 = VaR - ES + 1{L > VaR} (L - VaR) / a,   a = 1 - c

both 0 on average where both forecasts are right. V1 < 0 on average: too many breaches. V2 <= 0: the shortfall is
enough, whatever the VaR, for VaR + E(L - VaR)+ / a is never below the right one; V2 > 0: too low beside this VaR.
Asymptotic in n: with few breaches the two-sided tests reject right forecasts too often (docs give by how much).
Reference: Nolde and Ziegel (2017); Hommel (1983).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtr

from tasks.model.arrays import Floats
from tasks.model.assurance.forecast_record import ForecastRecord, require_series


@dataclass(frozen=True)
class CalibrationTest:
    """P-values, all 1 where there was no breach: nothing is known of the tail then."""

    p_two_sided: float  # V1 and V2 are 0: chi-square with two degrees
    p_scaled: float  # breaches miss ES by 0, in units of the day's scale: chi-square with one; NaN without a scale
    p_many_breaches: float  # against V1 < 0
    p_few_breaches: float  # against V1 > 0
    p_low_shortfall: float  # against V2 > 0

    @property
    def p_short_margin(self) -> float:
        """Against too many breaches or too low a shortfall: the one of a clearing house."""
        return hommel(np.array([self.p_many_breaches, self.p_low_shortfall]))

    @property
    def p_one_sided(self) -> float:
        """Against V1 > 0 or V2 > 0: the published one-sided form, which takes few breaches for a fault."""
        return hommel(np.array([self.p_few_breaches, self.p_low_shortfall]))


def calibration_test(forecast: ForecastRecord, scale: Floats | None = None) -> CalibrationTest:
    """scale: (n,) > 0, forecast deviation of each day's loss. Raises ModelInputError SHAPE, NON_FINITE."""
    if not forecast.breaches.any():
        return CalibrationTest(1.0, 1.0 if scale is not None else math.nan, 1.0, 1.0, 1.0)
    moments = identification(forecast)
    t = _t(moments)
    one = math.nan if scale is None else float(chdtrc(1, float(_t(_mixed(forecast, scale))[0] ** 2)))
    both = float(chdtrc(2, _quadratic(moments)))
    return CalibrationTest(both, one, float(ndtr(t[0])), float(ndtr(-t[0])), float(ndtr(-t[1])))


def identification(forecast: ForecastRecord) -> Floats:
    """V1 and V2 of each day, (2, n), the second in the unit of the losses."""
    beyond = np.where(forecast.breaches, forecast.losses - forecast.value_at_risk, 0.0)
    second = forecast.value_at_risk - forecast.expected_shortfall + beyond / forecast.tail
    return np.stack([forecast.tail - forecast.breaches, second])


def hommel(p_values: Floats) -> float:
    """One p-value for several hypotheses, (k,), however they depend on each other, at most 1."""
    k = len(p_values)
    ranked = k / np.arange(1, k + 1) * np.sort(p_values)
    return min(1.0, float(np.sum(1.0 / np.arange(1, k + 1)) * ranked.min()))


def _mixed(forecast: ForecastRecord, scale: Floats) -> Floats:
    """(ES - VaR) / (a s) V1 + V2 / s, (1, n), which is what a breach misses the shortfall by, over a s."""
    missed = np.where(forecast.breaches, forecast.losses - forecast.expected_shortfall, 0.0)
    return np.asarray(missed / (forecast.tail * require_series("scale", scale, forecast.days)))[None, :]


def _t(moments: Floats) -> Floats:
    """Means over their errors, about 0 and not about the mean as the hypothesis says: (k, n) -> (k,)."""
    return np.asarray(math.sqrt(moments.shape[1]) * moments.mean(axis=1) / np.sqrt(np.square(moments).mean(axis=1)))


def _quadratic(moments: Floats) -> float:
    """n m' W^-1 m, W the mean of V V'. Both rows in units of their own size: rates are small beside probabilities."""
    scaled = moments / np.sqrt(np.square(moments).mean(axis=1))[:, None]
    mean, second = scaled.mean(axis=1), scaled @ scaled.T / moments.shape[1]
    return float(moments.shape[1] * mean @ np.linalg.pinv(second, hermitian=True) @ mean)
