"""A made-up market whose law is known: spot with fat tails, clusters and jumps, and a surface that follows it.

    r_t = sqrt(v_t) z_t + jump,   v_(t+1) = omega + alpha r_t^2 + beta v_t        (z Student t of unit variance)
    sigma_t(T) = premium sqrt(365 mean expected variance over T days) exp(x_t (30 / T)^power)
    x_(t+1) = persistence x_t + reaction r_(t+1) + noise e_(t+1)

The variance expected over T days falls back to its long run, so the term structure is steep after a fall and flat in
calm weeks. The smile keeps its shape in standard deviations. Reference: Bollerslev (1986); Gatheral (2006), SVI.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import DAYS_PER_YEAR, Closes, Floats
from tasks.model.market.garch import Garch

_SHORTEST_DAYS, _REFERENCE_DAYS = 2.0, 30.0
# Raw SVI in standard deviations at the money: a / w, b / sqrt(w), rho, mu / sqrt(w), s / sqrt(w).
_SMILE = (0.6, 0.5, -0.2, 0.1, 0.8)


@dataclass(frozen=True)
class MarketLaw:
    """What is drawn from."""

    variance: Garch  # per day
    degrees: float  # of the Student t, > 2
    jump_probability: float  # per day
    jump_mean: float  # log return
    jump_deviation: float
    premium: float  # implied volatility over the expected one, > 0
    reaction: float  # log volatility at 30 days per log return of spot, beyond what the variance tells
    persistence: float  # of that from day to day, 0 to 1
    noise: float  # log volatility per day
    power: float  # of tenor


@dataclass(frozen=True)
class SyntheticMarket:
    """One path of n days."""

    law: MarketLaw
    closes: Closes  # one underlying
    variance: Floats  # (n,) of the next day's return without jumps, as it stands at each close
    excess: Floats  # (n,) x

    def at_the_money(self, day: int, days: Floats) -> Floats:
        """Volatility at the close of a day, fraction per sqrt(year), at so many days to expiry, > 0; shaped like it."""
        model = self.law.variance
        decay = model.alpha + model.beta
        reached = (1.0 - decay**days) / (days * (1.0 - decay))
        mean = model.long_run_variance + reached * (self.variance[day] - model.long_run_variance)
        tenor = (_REFERENCE_DAYS / np.maximum(days, _SHORTEST_DAYS)) ** self.law.power
        return np.asarray(self.law.premium * np.sqrt(DAYS_PER_YEAR * mean) * np.exp(self.excess[day] * tenor))


def simulate(law: MarketLaw, underlying: str, first: np.datetime64, n: int, seed: int) -> SyntheticMarket:
    """A path of n days that begins in the law's long run; the same seed gives the same path."""
    draw = np.random.default_rng(seed)
    shock = draw.standard_t(law.degrees, n) * np.sqrt((law.degrees - 2.0) / law.degrees)
    jump = np.where(
        draw.random(n) < law.jump_probability, law.jump_mean + law.jump_deviation * draw.standard_normal(n), 0.0
    )
    noise = law.noise * draw.standard_normal(n)
    returns, variance, excess = np.zeros(n), np.full(n, law.variance.long_run_variance), np.zeros(n)
    for day in range(1, n):
        returns[day] = np.sqrt(variance[day - 1]) * shock[day] + jump[day]
        past = law.variance.beta * variance[day - 1]
        variance[day] = law.variance.omega + law.variance.alpha * returns[day] ** 2 + past
        excess[day] = law.persistence * excess[day - 1] + law.reaction * returns[day] + noise[day]
    close = 100.0 * np.exp(np.cumsum(returns))
    return SyntheticMarket(law, Closes((underlying,), first + np.arange(n), close[None, :]), variance, excess)


def smile_of(total_variance: Floats) -> Floats:
    """(g, 5) raw SVI parameters of slices with so much total variance at the money, (g,) > 0."""
    root = np.sqrt(total_variance)
    a, b, rho, mu, s = _SMILE
    # The shape at the money is not quite one: divided out, so that the volatility asked for is met.
    unit = a + b * (-rho * mu + np.sqrt(mu * mu + s * s))
    return np.column_stack([a / unit * total_variance, b / unit * root, np.full(len(root), rho), mu * root, s * root])
