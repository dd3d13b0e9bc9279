"""Tails of laws with a formula, in units of their standard deviation, and of a delta-gamma book.

Challengers and yardsticks: margin itself is read off scenarios. Confidences are in (0, 1); results are losses > 0
except where a P&L is said. Reference: McNeil, Frey and Embrechts (2015); Cornish and Fisher (1938).
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtrit

from tasks.model.arrays import Floats
from tasks.model.errors import Finding, ModelInputError


def normal_value_at_risk(confidence: float) -> float:
    """Quantile of a standard normal loss."""
    return float(ndtri(_require(confidence)))


def normal_expected_shortfall(confidence: float) -> float:
    """Mean of a standard normal loss beyond its quantile: density over probability."""
    z = float(ndtri(_require(confidence)))
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / (1.0 - confidence)


def student_value_at_risk(confidence: float, degrees: float) -> float:
    """Quantile of a Student t loss scaled to unit variance; degrees > 2."""
    return _unit_scale(degrees) * float(stdtrit(degrees, _require(confidence)))


def student_expected_shortfall(confidence: float, degrees: float) -> float:
    """Mean of a Student t loss of unit variance beyond its quantile; degrees > 2."""
    scale = _unit_scale(degrees)
    q = float(stdtrit(degrees, _require(confidence)))
    log_constant = math.lgamma((degrees + 1.0) / 2.0) - math.lgamma(degrees / 2.0) - 0.5 * math.log(degrees * math.pi)
    density = math.exp(log_constant - (degrees + 1.0) / 2.0 * math.log1p(q * q / degrees))
    return scale * density / (1.0 - confidence) * (degrees + q * q) / (degrees - 1.0)


def portfolio_deviation(notional: Floats, volatility: Floats, correlation: Floats) -> float:
    """Standard deviation of a book of linear positions. notional, volatility: (n,); correlation: (n, n)."""
    exposure = notional * volatility
    return math.sqrt(float((exposure[:, None] * correlation * exposure).sum()))


def close_out_deviation(days: int) -> tuple[float, float]:
    """Deviation of the loss while a position is sold in equal parts over some days, in units of a day's.

    Sold at the ends of the days, sqrt(sum (k/n)^2), and without a pause, sqrt(n / 3).
    """
    left = [k / days for k in range(1, days + 1)]
    return math.sqrt(math.fsum(each * each for each in left)), math.sqrt(days / 3.0)


def delta_gamma_quantile(delta: float, gamma: float, variance: float, probability: float) -> float:
    """P&L not exceeded with a probability, of delta u + gamma u^2 / 2 with u normal; exact.

    variance: of u, > 0. With gamma the P&L is a square around its turning point, whose two branches are one interval
    of u: the interval's half width is what is sought.
    """
    sigma = math.sqrt(variance)
    if gamma == 0.0:
        return abs(delta) * sigma * float(ndtri(_require(probability)))
    turn, inside = -delta / gamma, _require(probability) if gamma > 0.0 else 1.0 - _require(probability)

    def excess(half_width: float) -> float:
        return float(ndtr((turn + half_width) / sigma) - ndtr((turn - half_width) / sigma)) - inside

    half_width = brentq(excess, 0.0, abs(turn) + 40.0 * sigma, xtol=1e-300, rtol=1e-14)
    return 0.5 * gamma * (float(half_width) ** 2 - turn * turn)


def cornish_fisher_quantile(delta: float, gamma: float, variance: float, probability: float) -> float:
    """The same quantile by the first four moments of the P&L. Never margin an option book with it.

    The expansion is not monotone where skew is large: for a book that is short gamma alone (delta 0) it gives the upper
    99 % quantile as a loss of thousands, where nothing can be gained and hardly anything lost.
    """
    d2, g2 = delta * delta * variance, gamma * gamma * variance * variance
    mean, spread = 0.5 * gamma * variance, math.sqrt(d2 + 0.5 * g2)
    skew = (3.0 * gamma * variance * d2 + gamma * variance * g2) / spread**3
    excess = (12.0 * g2 * d2 + 3.0 * g2 * g2) / spread**4
    z = float(ndtri(_require(probability)))
    expanded = (
        z + (z * z - 1.0) * skew / 6.0 + (z**3 - 3.0 * z) * excess / 24.0 - (2.0 * z**3 - 5.0 * z) * skew * skew / 36.0
    )
    return mean + spread * expanded


def _unit_scale(degrees: float) -> float:
    if not degrees > 2.0:
        raise ModelInputError(
            Finding("DEGREES", "a Student t has no variance", value=str(degrees), limit="more than 2 degrees")
        )
    return math.sqrt((degrees - 2.0) / degrees)


def _require(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise ModelInputError(
            Finding("CONFIDENCE", "a confidence is a fraction", value=str(confidence), limit="0 to 1, both excluded")
        )
    return confidence
