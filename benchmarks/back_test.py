"""Workload W2, a back-test of policies, beside naive NumPy: `python -m benchmarks.back_test [--dates N ...] [--json]`.

Twenty-four policies (three half-lives, two liquidation periods, two look-backs, buffer off and on) on every date for
200 portfolios of some sixty positions each in 600 options and 100 futures, revalued whole. Of a date only six sets of
scenarios differ. The naive runs revalue with plain formulas and NumPy, whole matrices at once: once for each of the six
(`shared`), or for every policy anew (`run by run`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: a peer's time is that of one thread

import numpy as np
from scipy.special import ndtr

from benchmarks.book import UNDERLYINGS, VOLATILITY, contracts_of, positions_of
from benchmarks.clock import seconds
from tasks import policy_store, resources
from tasks.model.arrays import COIN_OPTION, DAYS_PER_YEAR, INVERSE_FORWARD, Closes, Floats, Ints
from tasks.model.assurance.policy_sweep import HeldBook, sweep
from tasks.model.policy import ByName, Policy
from tasks.model.risk.rescaled import normal_scores

HALF_LIVES, PERIODS, LOOK_BACKS, BUFFERS = (11.2, 22.8, 90.0), (1, 2), (1_250, 750), ("off", "on")
N_PAIRS, N_FUTURES, N_PORTFOLIOS = 300, 100, 200
CONFIDENCE = 0.99
SIZES = (250, 500, 1_000)


class Beside(NamedTuple):
    """CPU seconds a date of ours and of both naive runs, and how far shortfalls are apart, fraction of themselves."""

    ours_s: float
    shared_s: float
    run_by_run_s: float
    max_difference: float


class Years(NamedTuple):
    """What is margined: closes, the first date there are scenarios on, policies and a book that never changes."""

    closes: Closes
    first: int
    policies: tuple[Policy, ...]
    book: HeldBook

    def days(self, dates: int) -> Ints:
        """Positions of the first dates in the closes."""
        return np.arange(self.first, self.first + dates)


def workload(dates: int, seed: int = 2014) -> Years:
    """The whole of W2, made up from a seed."""
    generator = np.random.default_rng(seed)
    contracts = contracts_of(generator, N_PAIRS, N_FUTURES)
    book = HeldBook(contracts, *positions_of(generator, contracts, N_PORTFOLIOS))
    opening = policy_store.load(resources.data("policy") / "2014-01-01.toml")
    policies = tuple(
        _policy(opening, half_life, period, look_back, buffer)
        for half_life in HALF_LIVES
        for period in PERIODS
        for look_back in LOOK_BACKS
        for buffer in BUFFERS
    )
    first = opening.base_margin.volatility_seed_days + max(LOOK_BACKS) + max(PERIODS)
    return Years(_closes(generator, first + dates), first, policies, book)


def run(dates: int, rounds: int) -> Beside:
    """Ours on so many dates beside the naive runs on the first of them, in turn."""
    years = workload(dates)
    days = years.days(dates)
    found = sweep(lambda day: years.book, years.closes, years.policies, days)
    naive = _Naive(years)
    shared = naive.shared(int(days[0]))
    expected = np.stack([shared[_kind(policy)] for policy in years.policies])
    apart = float(np.max(np.abs(found.shortfall[:, 0] / expected - 1.0)))
    taken = seconds(
        {
            "ours": lambda: sweep(lambda day: years.book, years.closes, years.policies, days),
            "shared": lambda: naive.shared(int(days[0])),
            "run by run": lambda: naive.run_by_run(int(days[0])),
        },
        rounds,
    )
    alike = len(HALF_LIVES) * len(BUFFERS)  # runs that cost what those that were timed do
    return Beside(taken["ours"] / dates, taken["shared"], taken["run by run"] * alike, apart)


def cost(sizes: Sequence[int] = SIZES) -> dict[int, float]:
    """CPU seconds of the whole back-test by number of dates."""
    years = workload(max(sizes))
    taken = {}
    for dates in sizes:
        start = time.thread_time()
        sweep(lambda day: years.book, years.closes, years.policies, years.days(dates))
        taken[dates] = time.thread_time() - start
    return taken


def text(beside: Beside) -> str:
    """What is printed of a date."""
    peers = (("shared", beside.shared_s), ("run by run", beside.run_by_run_s))
    return "\n".join(
        [
            f"back-test, a date: {beside.ours_s * 1e3:.1f} ms, largest difference {beside.max_difference:.1e}",
            *(f"NumPy, {name}: {s * 1e3:.0f} ms a date, {s / beside.ours_s:.1f} times ours" for name, s in peers),
        ]
    )


def _policy(opening: Policy, half_life: float, period: int, look_back: int, buffer: str) -> Policy:
    days = ByName({"default": period})
    base = replace(
        opening.base_margin,
        half_life_days=half_life,
        lookback_scenarios=look_back,
        minimum_scenarios=min(LOOK_BACKS),
        confidence_filtered_fraction=CONFIDENCE,
        stressed_weight_fraction=0.0,
        liquidation_period_days=replace(opening.base_margin.liquidation_period_days, house=days),
    )
    return replace(opening, base_margin=base, apc_buffer=replace(opening.apc_buffer, mode=buffer))


def _closes(generator: np.random.Generator, n: int) -> Closes:
    """Heavy-tailed moves with a common part."""
    moves = generator.standard_t(4, n) + generator.standard_t(4, (len(UNDERLYINGS), n))
    daily = (VOLATILITY / np.sqrt(2.0 * 2.0 * DAYS_PER_YEAR))[:, None]
    close = 100.0 * np.exp(np.cumsum(np.clip(daily * moves, -0.5, 0.5), axis=1))
    return Closes(UNDERLYINGS, np.datetime64("2019-01-01") + np.arange(n), close)


def _kind(policy: Policy) -> tuple[float, int, int]:
    """What tells shortfalls of the workload's policies apart; the buffer comes on top of them."""
    base = policy.base_margin
    return base.half_life_days, int(base.liquidation_period_days.house["default"]), base.lookback_scenarios


class _Naive:
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

    def run_by_run(self, day: int) -> list[Floats]:
        """Every period and look-back of one half-life by itself, on its own scenarios alone."""
        return [
            _shortfall(self._pnl(day, HALF_LIVES[0], period, look_back))
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


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.back_test", description=__doc__)
    parser.add_argument("--dates", type=int, nargs="*", default=SIZES, help="sizes the whole is timed at")
    parser.add_argument("--rounds", type=int, default=5, help="how often ours and NumPy are timed in turn")
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    beside = run(40, said.rounds)
    whole = cost(said.dates) if said.dates else {}
    if said.json:
        print(json.dumps({**beside._asdict(), "whole_s": whole}, indent=1))
        return 0
    print(text(beside))
    for dates, taken in whole.items():
        print(f"{dates:,} dates: {taken:.1f} s, {taken / dates * 1e3:.1f} ms a date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
