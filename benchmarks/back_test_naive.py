"""The shortfalls of workload W2 with plain formulas and NumPy, whole matrices at once."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from benchmarks.back_test_years import CONFIDENCE, HALF_LIVES, LOOK_BACKS, PERIODS, Years
from benchmarks.book import UNDERLYINGS
from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, Floats, Ints
from tasks.model.risk.rescaled import normal_scores


class Naive:
    """The same shortfalls with NumPy, as one writes them down. Volatility forecasts are made before, uncounted."""

    def __init__(self, years: Years) -> None:
        self.book, self.contracts, self.policy = years.book, years.book.contracts, years.policies[0]
        log_close = np.log(years.closes.close)
        self.returns = {period: log_close[:, period:] - log_close[:, :-period] for period in PERIODS}
        self.sigma = {half_life: self._forecasts(np.diff(log_close), half_life) for half_life in HALF_LIVES}

    def shared(self, day: int) -> dict[tuple[float, int, int], Floats]:
        """Every look-back off one revaluation for each half-life and period."""
        longest = max(LOOK_BACKS)
        found = {}
        for half_life in HALF_LIVES:
            for period in PERIODS:
                pnl = self._pnl(day, half_life, period, longest)
                for look_back in LOOK_BACKS:
                    found[half_life, period, look_back] = _shortfall(pnl[:, -look_back:])
        return found

    def run_by_run(self, day: int, whole: bool = False) -> list[Floats]:
        """Every period and look-back of one half-life by itself, revalued in its own scenarios alone, or in all."""
        return [
            _shortfall(self._pnl(day, HALF_LIVES[0], period, max(LOOK_BACKS) if whole else look_back)[:, -look_back:])
            for period in PERIODS
            for look_back in LOOK_BACKS
        ]

    def _forecasts(self, daily: Floats, half_life: float) -> Floats:
        base = self.policy.base_margin
        kept, seed = 0.5 ** (1.0 / half_life), base.volatility_seed_days
        variance = np.full((len(daily), daily.shape[1] + 1), np.nan)
        variance[:, seed] = np.mean(daily[:, :seed] ** 2, axis=1)
        for t in range(seed, daily.shape[1]):
            variance[:, t + 1] = kept * variance[:, t] + (1.0 - kept) * daily[:, t] ** 2
        floor = np.array([base.volatility_floor_per_day[name] for name in UNDERLYINGS])[:, None]
        return np.asarray(np.maximum(np.sqrt(variance), floor))

    def _pnl(self, day: int, half_life: float, period: int, look_back: int) -> Floats:
        past = slice(day - period - look_back + 1, day - period + 1)
        sigma = self.sigma[half_life]
        base = self.policy.base_margin
        factor = (sigma[:, past] + sigma[:, day : day + 1]) / (2.0 * sigma[:, past])
        move = self.returns[period][:, past] * np.clip(factor, base.scale_factor_lowest, base.scale_factor_highest)
        unit = self._unit_pnl(move)
        pointer, index, quantity = self.book.pointer, self.book.contract_index, self.book.quantity
        pnl = np.empty((len(pointer) - 1, look_back))
        for row in range(len(pnl)):
            held = slice(pointer[row], pointer[row + 1])
            pnl[row] = quantity[held] @ unit[index[held]]
        return pnl

    def _unit_pnl(self, move: Floats) -> Floats:
        contracts, n = self.contracts, move.shape[1]
        spot = np.exp(move)
        unit = np.empty((len(contracts.ids), n))
        option, future = np.flatnonzero(contracts.is_option), np.flatnonzero(~contracts.is_option)
        unit[option] = self._option_value(option, spot, self._level(move)) - self._option_value(
            option, np.ones((len(spot), 1)), np.ones((len(contracts.slices.days), 1))
        )
        growth, forward = spot[contracts.underlying[future]], contracts.forward[future, None]
        inverse = (contracts.form[future] == INVERSE_FORWARD)[:, None]
        gain = np.where(inverse, (growth - 1.0) / forward, forward * (growth - 1.0))
        unit[future] = (contracts.multiplier * contracts.settle_price)[future, None] * gain
        return unit

    def _level(self, move: Floats) -> Floats:
        """Factor on the volatility of each slice."""
        proxy, slices = self.policy.vol_proxy, self.contracts.slices
        # A shorter look-back reads the scores of the longest, which the shared scenarios have.
        scores = normal_scores(max(LOOK_BACKS), proxy.seed)[-move.shape[1] :]
        down = np.array([proxy.beta_down[name] for name in UNDERLYINGS])[:, None]
        up = np.array([proxy.beta_up[name] for name in UNDERLYINGS])[:, None]
        level = down * np.minimum(move, 0.0) + up * np.maximum(move, 0.0) + proxy.noise * scores
        days = np.where(np.isfinite(slices.days), slices.days, 30.0)
        tenor = (30.0 / np.maximum(days, proxy.shortest_tenor_days))[:, None] ** proxy.tenor_power
        return np.asarray(np.exp(np.clip(tenor * level[slices.underlying], -proxy.largest_move, proxy.largest_move)))

    def _option_value(self, option: Ints, spot: Floats, level: Floats) -> Floats:
        contracts = self.contracts
        at, growth = contracts.slice_of[option], spot[contracts.underlying[option]]
        today, strike = contracts.forward[option, None], contracts.strike[option, None]
        forward, root = today * growth, np.sqrt(contracts.years_to_expiry[option])[:, None]
        a, b, rho, mu, s = (each[:, None] for each in contracts.slices.smile[at].T)

        def deviation(k: Floats) -> Floats:
            return np.asarray(np.sqrt(a + b * (rho * (k - mu) + np.sqrt((k - mu) ** 2 + s * s))))

        k = np.log(strike / forward)
        sigma = level[at] * contracts.volatility[option, None] / deviation(np.log(strike / today)) * deviation(k)
        total = sigma * root
        d1 = -k / total + 0.5 * total
        call = forward * ndtr(d1) - strike * ndtr(d1 - total)
        value = np.where(contracts.is_call[option, None], call, call - forward + strike)
        coin = np.where((contracts.form[option] == COIN_OPTION)[:, None], growth / forward, 1.0)
        return np.asarray((contracts.multiplier * contracts.settle_price)[option, None] * value * coin)


def _shortfall(pnl: Floats) -> Floats:
    k = pnl.shape[1] * (1.0 - CONFIDENCE)
    whole = int(k)
    worst = np.sort(np.partition(pnl, whole, axis=1)[:, : whole + 1], axis=1)
    return np.asarray(-(worst[:, :whole].sum(axis=1) + (k - whole) * worst[:, whole]) / k)
