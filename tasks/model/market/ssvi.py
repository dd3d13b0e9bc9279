"""SSVI: one smile for all expiries, its bend set by the at-the-money total variance of each.

w(k) = theta/2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)), phi = eta / (theta^gamma (1 + theta)^(1 - gamma)).
Every slice is a raw SVI slice, so what reads one reads the other. A challenger of the fit expiry by expiry, and the
yardstick for its freedom from arbitrage; no mark comes from it. Reference: Gatheral and Jacquier (2014), section 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.model.market.svi import Svi


@dataclass(frozen=True)
class Ssvi:
    """Parameters of a surface: |rho| < 1, eta > 0, 0 < gamma < 1."""

    rho: float
    eta: float
    gamma: float

    def phi(self, theta: float) -> float:
        """Bend of the slice whose at-the-money total variance is theta > 0."""
        return self.eta / (math.pow(theta, self.gamma) * math.pow(1.0 + theta, 1.0 - self.gamma))

    def slice(self, theta: float) -> Svi:
        """Raw slice at an at-the-money total variance theta > 0."""
        phi, root = self.phi(theta), math.sqrt(1.0 - self.rho * self.rho)
        return Svi(theta / 2.0 * root * root, theta * phi / 2.0, self.rho, -self.rho / phi, root / phi)

    @property
    def is_free_of_arbitrage(self) -> bool:
        """Sufficient for every theta, with gamma <= 1/2 and theta that grows with time: eta (1 + |rho|) <= 2."""
        return self.eta * (1.0 + abs(self.rho)) <= 2.0

    def wings_are_bounded(self, theta: float) -> bool:
        """Necessary for a slice without butterfly arbitrage: theta phi (1 + |rho|) < 4."""
        return theta * self.phi(theta) * (1.0 + abs(self.rho)) < 4.0

    def bend_is_bounded(self, theta: float) -> bool:
        """With bounded wings sufficient for a slice without butterfly arbitrage: theta phi^2 (1 + |rho|) <= 4."""
        return theta * self.phi(theta) ** 2 * (1.0 + abs(self.rho)) <= 4.0
