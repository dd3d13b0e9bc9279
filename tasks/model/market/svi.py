"""Raw SVI: the total variance of one expiry as five numbers, its derivatives, its density and its jump wings.

w(k) = a + b (rho (k - mu) + sqrt((k - mu)^2 + s^2)), k = ln(strike / forward), w = volatility^2 * years.
Reference: Gatheral and Jacquier (2014), sections 2 and 3; METHODOLOGY 2.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats

SIGNIFICANT_DIGITS = 10


class Shape(NamedTuple):
    """Total variance and its first two derivatives by log-moneyness, shaped like it."""

    variance: Floats
    slope: Floats
    curvature: Floats


@dataclass(frozen=True)
class Svi:
    """Raw parameters of a slice: b >= 0, |rho| <= 1, s > 0, all finite."""

    a: float
    b: float
    rho: float
    mu: float
    s: float

    def total_variance(self, log_moneyness: Floats) -> Floats:
        """w at log_moneyness (any shape, finite)."""
        return self.shape(log_moneyness).variance

    def shape(self, log_moneyness: Floats) -> Shape:
        """w, w' and w'' at log_moneyness."""
        z = np.asarray(log_moneyness, dtype=np.float64) - self.mu
        root = np.sqrt(z * z + self.s * self.s)
        return Shape(
            self.a + self.b * (self.rho * z + root),
            self.b * (self.rho + z / root),
            self.b * self.s * self.s / (root * root * root),
        )

    @property
    def lowest(self) -> float:
        """Lowest total variance of the whole slice, wherever it lies."""
        return self.a + self.b * self.s * math.sqrt(1.0 - self.rho * self.rho)

    def density(self, log_moneyness: Floats) -> Floats:
        """g at log_moneyness: the slice admits no butterfly arbitrage where g >= 0. -inf where w is not above 0."""
        return density(log_moneyness, self.shape(log_moneyness))

    def scaled(self, factor: float) -> Svi:
        """The slice whose total variance is `factor` times this one's at every strike."""
        return Svi(self.a * factor, self.b * factor, self.rho, self.mu, self.s)

    def lifted(self, variance: float) -> Svi:
        """The slice whose total variance is `variance` more at every strike."""
        return Svi(self.a + variance, self.b, self.rho, self.mu, self.s)

    def rounded(self) -> Svi:
        """Parameters at ten significant digits: the noise of an optimiser's last bits goes no further than here."""
        return Svi(*(float(f"{value:.{SIGNIFICANT_DIGITS - 1}e}") for value in astuple(self)))


class JumpWings(NamedTuple):
    """The same slice in quantities of the smile: ATM variance and skew, put and call wing, lowest variance."""

    v: float
    psi: float
    p: float
    c: float
    v_min: float


def density(log_moneyness: Floats, shape: Shape) -> Floats:
    """g(k) = (1 - k w'/2w)^2 - (w'^2/4)(1/w + 1/4) + w''/2; -inf where w is not above 0."""
    w, slope, curvature = shape
    with np.errstate(divide="ignore", invalid="ignore"):
        bend = 1.0 - log_moneyness * slope / (2.0 * w)
        g = bend * bend - slope * slope / 4.0 * (1.0 / w + 0.25) + curvature / 2.0
    return np.asarray(np.where(w > 0.0, g, -np.inf))


def jump_wings(svi: Svi, years: float) -> JumpWings:
    """Jump wings of a raw slice with w(0) > 0 and b > 0. Reference: Gatheral and Jacquier (2014), equation 3.5."""
    w = float(svi.total_variance(np.zeros(1))[0])
    tilt = svi.rho - svi.mu / np.hypot(svi.mu, svi.s)
    root = np.sqrt(w)
    return JumpWings(
        w / years,
        float(svi.b * tilt / (2.0 * root)),
        float(svi.b * (1.0 - svi.rho) / root),
        float(svi.b * (1.0 + svi.rho) / root),
        svi.lowest / years,
    )


def from_jump_wings(wings: JumpWings, years: float) -> Svi | None:
    """Raw slice of jump wings; None where they determine none: the smile is lowest at the money, or has no wings.

    With beta = mu / sqrt(mu^2 + s^2) the ATM variance fixes sqrt(mu^2 + s^2), whatever the sign of mu.
    Reference: Gatheral and Jacquier (2014), lemma 3.2.
    """
    w, lowest = wings.v * years, wings.v_min * years
    b = np.sqrt(w) / 2.0 * (wings.p + wings.c)
    if b <= 0.0:
        return None
    rho = 1.0 - wings.p * np.sqrt(w) / b
    beta = rho - 2.0 * wings.psi * np.sqrt(w) / b
    if not (abs(rho) <= 1.0 and abs(beta) < 1.0):
        return None
    rise = 1.0 - rho * beta - np.sqrt((1.0 - rho * rho) * (1.0 - beta * beta))
    if rise <= 1e-14 or w <= lowest:
        return None
    radius = (w - lowest) / (b * rise)
    s = radius * np.sqrt(1.0 - beta * beta)
    a = lowest - b * s * np.sqrt(1.0 - rho * rho)
    return Svi(float(a), float(b), float(rho), float(beta * radius), float(s))
