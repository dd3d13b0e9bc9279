"""The law of the synthetic market: a seeded path of closes, volatility surfaces and forwards with known parameters.

The path depends on the seed and the date alone: it is drawn from EPOCH on and scaled so that each close on ANCHOR is
the asset's `level`. So every day of every sample with one seed tells the same past. docs/sample.md states the law and
its parameters; estimates on a long path must find them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.signal import lfilter

from tasks.model.arrays import Bools, Floats, Ints

EPOCH = date(2009, 1, 1)
ANCHOR = date(2026, 1, 30)
DAYS_PER_YEAR = 365.0

ENTER_TURBULENCE = 0.02  # probability per day of calm -> turbulent
LEAVE_TURBULENCE = 0.08  # probability per day of turbulent -> calm
JUMP_PROBABILITY = 0.02  # per day, one jump for the whole market

VARIANCE_SPEED = 3.0  # per year, at which the variance term structure reaches its long-run level
LEVEL_MEMORY = 0.95  # per day, of the log ATM level
TURBULENT_LEVEL = 0.30  # log ATM level a lasting turbulent regime adds
CARRY = 0.06  # per year, ln(F/S)/T in a quiet market
STABLECOIN_SPREAD = 0.0002  # standard deviation of a stablecoin's price about 1 USD, cut at three of them

(_REGIME, _SHOCK, _JUMP_TIME, _JUMP_SIZE, _STABLE) = range(5)  # streams of random numbers of one seed


@dataclass(frozen=True)
class Asset:
    """An underlying's parameters in the law. Volatilities per sqrt(day) unless said otherwise."""

    name: str
    level: float  # USD, close on ANCHOR
    price_decimals: int
    calm: float
    turbulent: float
    loading: float  # on the common shock: the correlation of two diffusive returns is the product of theirs
    jump: float  # log return of a jump of one standard deviation
    atm: float  # long-run ATM implied volatility, per sqrt(year)
    spot_vol_beta: float  # log ATM level per log return
    skew: float  # SSVI rho
    wings: float  # SSVI eta: wings * (1 + |skew|) <= 2 keeps every slice free of arbitrage

    @property
    def variance(self) -> float:
        """Stationary variance of a daily log return, jumps included."""
        calm = 1.0 - turbulent_share()
        return calm * self.calm**2 + turbulent_share() * self.turbulent**2 + JUMP_PROBABILITY * self.jump**2


ASSETS = (
    Asset("BTC", 80000.0, 2, 0.026, 0.058, 0.93, 0.09, 0.65, -0.8, -0.25, 1.00),
    Asset("ETH", 2500.0, 2, 0.034, 0.074, 0.91, 0.12, 0.80, -0.6, -0.20, 1.05),
    Asset("SOL", 125.0, 4, 0.044, 0.095, 0.84, 0.15, 1.00, -0.5, -0.15, 1.10),
    Asset("XRP", 1.6, 6, 0.040, 0.095, 0.76, 0.15, 0.95, -0.3, -0.10, 1.10),
)
STABLECOINS = ("USDC", "USDT")


def turbulent_share() -> float:
    """Stationary share of turbulent days."""
    return ENTER_TURBULENCE / (ENTER_TURBULENCE + LEAVE_TURBULENCE)


def covariance(one: Asset, other: Asset) -> float:
    """Stationary covariance of two different underlyings' daily log returns."""
    share = turbulent_share()
    diffusive = (1.0 - share) * one.calm * other.calm + share * one.turbulent * other.turbulent
    return one.loading * other.loading * diffusive + JUMP_PROBABILITY * one.jump * other.jump


@dataclass(frozen=True)
class Returns:
    """Daily log returns (n_days, n_assets), the regime and the jump days (n_days,)."""

    log_return: Floats
    turbulent: Bools
    jumped: Bools


@dataclass(frozen=True)
class Market:
    """The path from EPOCH on; columns are days, rows ASSETS (or STABLECOINS)."""

    first: date
    close: Floats  # (n_assets, n_days) USD, rounded to the asset's price decimals
    variance: Floats  # (n_assets, n_days) per year, short end of the ATM variance term structure
    carry: Floats  # (n_assets, n_days) per year, ln(F/S)/T
    premium: Floats  # (n_assets, n_days) ln(P/S) of a perpetual
    stablecoin: Floats  # (n_stablecoins, n_days) USD

    def column(self, day: date) -> int:
        """Column of a day."""
        return (day - self.first).days

    def forward(self, day: date, underlying: Ints, years: Floats) -> Floats:
        """Forwards (n,) in USD at times to expiry (n,) in years, rounded as prices are."""
        at = self.column(day)
        raw = self.close[underlying, at] * np.exp(self.carry[underlying, at] * years)
        return _rounded(raw, underlying)

    def perpetual(self, day: date, underlying: Ints) -> Floats:
        """Prices of perpetuals (n,) in USD."""
        at = self.column(day)
        return _rounded(self.close[underlying, at] * np.exp(self.premium[underlying, at]), underlying)

    def implied_volatility(self, day: date, underlying: Ints, years: Floats, log_moneyness: Floats) -> Floats:
        """Volatilities (n,) per sqrt(year) of ln(K/F) (n,) at times (n,) > 0, rounded to 8 decimals."""
        theta = atm_total_variance(self.variance[underlying, self.column(day)], _of("atm", underlying) ** 2, years)
        variance = total_variance(theta, _of("skew", underlying), _of("wings", underlying), log_moneyness)
        return np.asarray(np.round(np.sqrt(variance / years), 8), dtype=np.float64)


def draw_returns(seed: int, n_days: int) -> Returns:
    """Returns of the law; a longer draw begins with the shorter one."""
    turbulent = _regime(_stream(seed, _REGIME).random(n_days))
    jumped = _stream(seed, _JUMP_TIME).random(n_days) < JUMP_PROBABILITY
    shock = _stream(seed, _SHOCK).standard_normal((n_days, len(ASSETS) + 1))
    size = _stream(seed, _JUMP_SIZE).standard_normal(n_days)
    loading = np.array([asset.loading for asset in ASSETS])
    mixed = loading * shock[:, :1] + np.sqrt(1.0 - loading**2) * shock[:, 1:]
    calm, rough = (np.array([getattr(asset, name) for asset in ASSETS]) for name in ("calm", "turbulent"))
    sigma = np.where(turbulent[:, None], rough, calm)
    jump = np.where(jumped, size, 0.0)[:, None] * np.array([asset.jump for asset in ASSETS])
    return Returns(np.asarray(sigma * mixed + jump, dtype=np.float64), turbulent, jumped)


def simulate(seed: int, last: date) -> Market:
    """The market of a seed from EPOCH to a day (at least to ANCHOR)."""
    n_days = (max(last, ANCHOR) - EPOCH).days + 1
    drawn = draw_returns(seed, n_days)
    path = np.cumsum(drawn.log_return, axis=0).T
    path -= path[:, [(ANCHOR - EPOCH).days]]
    level = np.array([[asset.level] for asset in ASSETS])
    decimals = np.arange(len(ASSETS))
    close = np.stack([_rounded(row, decimals[[i]]) for i, row in enumerate(level * np.exp(path))])
    stress = np.where(drawn.turbulent, TURBULENT_LEVEL, 0.0)
    beta = np.array([[asset.spot_vol_beta] for asset in ASSETS])
    log_level = _remember((1.0 - LEVEL_MEMORY) * stress + beta * drawn.log_return.T)
    long_run = np.array([[asset.atm] for asset in ASSETS])
    trend = _remember((1.0 - LEVEL_MEMORY) * drawn.log_return.T)
    spread = np.clip(_stream(seed, _STABLE).standard_normal((n_days, len(STABLECOINS))), -3.0, 3.0).T
    return Market(
        first=EPOCH,
        close=close,
        variance=np.clip(long_run * np.exp(log_level), 0.2, 3.0) ** 2,
        carry=CARRY + np.clip(5.0 * trend, -0.08, 0.08),
        premium=np.clip(0.05 * trend, -0.002, 0.002),
        stablecoin=np.round(1.0 + STABLECOIN_SPREAD * spread, 5),
    )


def atm_total_variance(short: Floats, long_run: Floats, years: Floats) -> Floats:
    """theta(T) = v_inf T + (v_0 - v_inf)(1 - exp(-kT))/k: increasing in T for any positive variances."""
    return long_run * years + (short - long_run) * -np.expm1(-VARIANCE_SPEED * years) / VARIANCE_SPEED


def total_variance(theta: Floats, skew: Floats, wings: Floats, log_moneyness: Floats) -> Floats:
    """SSVI total variance w(k) = theta/2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)).

    phi = eta / sqrt(theta (1 + theta)). Free of butterfly and calendar arbitrage for theta increasing in T and
    eta (1 + |rho|) <= 2. Reference: Gatheral and Jacquier (2014), theorem 4.2 and remark 4.4.
    """
    scaled = wings / np.sqrt(theta * (1.0 + theta)) * log_moneyness
    return 0.5 * theta * (1.0 + skew * scaled + np.sqrt((scaled + skew) ** 2 + 1.0 - skew**2))


def funding_rate(premium: float) -> float:
    """Rate of an eight-hour interval: the neutral 0.01 % plus an eighth of the premium, at most 0.5 % either way."""
    return float(np.round(np.clip(0.0001 + premium / 8.0, -0.005, 0.005), 8))


def trading_days(last: date, days: int) -> list[date]:
    """`days` consecutive calendar days ending at `last`."""
    return [last - timedelta(days=back) for back in range(days - 1, -1, -1)]


def _stream(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, stream]))


def _regime(uniform: Floats) -> Bools:
    """Two-state Markov chain, calm at first."""
    turbulent, states = False, np.empty(len(uniform), dtype=np.bool_)
    for day, draw in enumerate(uniform.tolist()):
        turbulent = draw >= LEAVE_TURBULENCE if turbulent else draw < ENTER_TURBULENCE
        states[day] = turbulent
    return states


def _remember(innovation: Floats) -> Floats:
    """x_t = LEVEL_MEMORY x_(t-1) + innovation_t along the last axis."""
    filtered: Floats = lfilter([1.0], [1.0, -LEVEL_MEMORY], innovation, axis=-1)
    return filtered


def _of(name: str, underlying: Ints) -> Floats:
    values: Floats = np.array([getattr(asset, name) for asset in ASSETS])[underlying]
    return values


def _rounded(price: Floats, underlying: Ints) -> Floats:
    scale = 10.0 ** np.array([asset.price_decimals for asset in ASSETS])[underlying]
    rounded: Floats = np.maximum(np.round(price * scale), 1.0) / scale
    return rounded
