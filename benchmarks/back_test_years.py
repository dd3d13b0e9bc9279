"""Workload W2, made up from a seed: closes, twenty-four policies, and a book of portfolios that never changes."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmarks.book import UNDERLYINGS, VOLATILITY, contracts_of, positions_of
from tasks import policy_store, resources
from tasks.model.arrays import DAYS_PER_YEAR, Closes, Ints
from tasks.model.assurance.policy_sweep import HeldBook
from tasks.model.policy import ByName, Policy

HALF_LIVES, PERIODS, LOOK_BACKS, BUFFERS = (11.2, 22.8, 90.0), (1, 2), (1_250, 750), ("off", "on")
N_PAIRS, N_FUTURES, N_PORTFOLIOS = 300, 100, 200
CONFIDENCE = 0.99


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
