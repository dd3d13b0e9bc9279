"""Shortfalls of portfolios with options on many days under many policies, by full revaluation from data up to the day.

Policies that draw the same scenarios share their revaluation and the P&L of every portfolio: another look-back reads
the latest part of it, another confidence, weight or buffer only the tails. Half-life, scaling, liquidation period and
volatility proxy ask for scenarios of their own. Where a shorter look-back shares the scenarios of a longer one, the
noise of its volatility proxy is the part of the longer permutation that falls on it; its own permutation, which the
clearing cycle would use, has the same law. Reference: METHODOLOGY 3, 4, 5 (lines 1 and 9) and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Closes, Contracts, Floats, Ints, ScenarioSet
from tasks.model.assurance.rolling_buffer import buffer_fractions
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.kernels import aligned
from tasks.model.margin.requirement import blend
from tasks.model.policy import Policy
from tasks.model.pricing.cube import padded
from tasks.model.pricing.revaluation import Revaluation
from tasks.model.risk import scenarios, tail
from tasks.model.risk.profit import Positions
from tasks.model.risk.rescaled import RescaledHistory


class HeldBook(NamedTuple):
    """Portfolios as compressed sparse rows over contracts as they are marked at the close of a day."""

    contracts: Contracts
    pointer: Ints  # (p + 1,) portfolio i holds entries pointer[i] to pointer[i + 1]
    contract_index: Ints
    quantity: Floats  # contracts, long > 0


class Sweep(NamedTuple):
    """Of m policies on t days, from data up to each day."""

    shortfall: Floats  # (m, t, p) blended expected shortfall of each portfolio in USD, loss > 0, before any buffer
    buffer: Floats  # (m, t, u) APC buffer in force for each underlying, fraction of the margin; 0 where it is off


class _Tails(NamedTuple):
    """Expected shortfall of the portfolios (p,) in USD, and of one USD of each underlying long and short, (2 u,)."""

    portfolio: Floats
    reference: Floats


def sweep(
    book_of: Callable[[int], HeldBook], closes: Closes, policies: Sequence[Policy], days: Ints, threads: int = 1
) -> Sweep:
    """Shortfalls on each day, a position in the closes, ascending; `book_of` gives the book held at its close.

    Every book holds the same underlyings and as many portfolios. The buffer begins whole on the first day. The same
    bits for any number of threads. Raises ModelInputError as `scenarios.filtered`, on the first day that lacks any.
    """
    days_of = days.tolist()
    names = book_of(days_of[0]).contracts.underlyings
    groups = _sharing(policies, names)
    histories = {key: _history(closes, [policies[i] for i in members], names) for key, members in groups.items()}
    found: list[list[Floats]] = [[] for _ in policies]
    rates: list[list[Floats]] = [[] for _ in policies]
    desk = _Desk(threads)
    for day in days_of:
        desk.take(book_of(day))
        for key, members in groups.items():
            calm = histories[key].at(day)
            tails = _of_group(desk, calm, closes, day, [policies[i] for i in members])
            for i, read in zip(members, tails, strict=True):
                found[i].append(read.portfolio)
                rates[i].append(read.reference)
    shortfall = np.stack([np.stack(each) for each in found])
    buffer = [_buffers(np.stack(each), names, policy) for each, policy in zip(rates, policies, strict=True)]
    return Sweep(shortfall, np.stack(buffer))


@dataclass
class _Desk:
    """The book of a day ready to be revalued; books of the same contracts share what was laid out."""

    threads: int
    book: HeldBook | None = None
    revaluation: Revaluation | None = None
    positions: Positions | None = None
    memory: Floats | None = None  # of the portfolios' P&L, and of the moves of each underlying up and down

    def take(self, book: HeldBook) -> None:
        """Another day's book."""
        if self.book is book:
            return
        if self.revaluation is None or self.revaluation.contracts is not book.contracts:
            self.revaluation = Revaluation(book.contracts)
        self.book, self.positions = book, Positions(*book[1:], len(book.contracts.ids))

    def read(
        self, scenario_set: ScenarioSet, policy: Policy, cuts: Sequence[tuple[int, float]]
    ) -> dict[tuple[int, float], _Tails]:
        """Tails of the latest so many scenarios at so much confidence, each once."""
        rows, n, found = self._rows(scenario_set, policy), len(scenario_set.ids), {}
        p, u = len(rows) - 2 * len(scenario_set.underlyings), len(scenario_set.underlyings)
        for latest, confidence in dict.fromkeys(cuts):
            worst, _ = tail.smallest(rows, latest, tail.wanted(latest, confidence), n - latest, self.threads)
            # The larger the move, the larger the gain: it is enough to know the gains of the worst moves.
            worst[p : p + u], worst[p + u :] = np.expm1(worst[p : p + u]), 0.0 - np.expm1(0.0 - worst[p + u :])
            shortfall = tail.mean_of_worst(worst, latest, confidence)
            found[latest, confidence] = _Tails(shortfall[:p], shortfall[p:])
        return found

    def _rows(self, scenario_set: ScenarioSet, policy: Policy) -> Floats:
        """(p + 2 u, padded n): USD of every portfolio, then log moves of the underlyings and what they are downward."""
        assert self.book and self.revaluation and self.positions  # `take` comes first
        move, n = scenario_set.spot_return, len(scenario_set.ids)
        p, u = len(self.book.pointer) - 1, len(move)
        shape = (p + 2 * u, padded(n))
        if self.memory is None or self.memory.shape != shape:
            self.memory = aligned(*shape)
        self.positions.revalued(self.revaluation, scenario_set, policy, self.threads, self.memory[:p])
        self.memory[p : p + u, :n] = move
        np.subtract(0.0, move, out=self.memory[p + u :, :n])
        return self.memory


def _sharing(policies: Sequence[Policy], names: tuple[str, ...]) -> dict[Hashable, list[int]]:
    """Places of the policies by what their scenarios depend on, apart from how many of them are looked at."""
    groups: dict[Hashable, list[int]] = {}
    for place, policy in enumerate(policies):
        drawn = replace(
            policy.base_margin,
            confidence_filtered_fraction=0.0,
            confidence_stressed_fraction=0.0,
            stressed_weight_fraction=0.0,
            lookback_scenarios=0,
            offset_limit_fraction=0.0,
        )
        key = (
            drawn,
            policy.stress,
            policy.vol_proxy,
            policy.grid.range_fraction,
            tuple(house_periods(names, policy).items()),
        )
        groups.setdefault(key, []).append(place)
    return groups


def _history(closes: Closes, sharing: Sequence[Policy], names: tuple[str, ...]) -> RescaledHistory:
    longest = max(sharing, key=lambda policy: policy.base_margin.lookback_scenarios)
    return scenarios.filtered_history(closes, house_periods(names, longest), longest)


def _of_group(desk: _Desk, calm: ScenarioSet, closes: Closes, day: int, sharing: Sequence[Policy]) -> list[_Tails]:
    """Blended tails of policies that share scenarios."""
    cuts = [
        (min(each.base_margin.lookback_scenarios, len(calm.ids)), each.base_margin.confidence_filtered_fraction)
        for each in sharing
    ]
    filtered = desk.read(calm, sharing[0], cuts)
    if not any(each.base_margin.stressed_weight_fraction for each in sharing):
        return [filtered[cut] for cut in cuts]
    known = Closes(closes.underlyings, closes.dates[: day + 1], closes.close[:, : day + 1])
    hard = scenarios.stressed(known, house_periods(calm.underlyings, sharing[0]), sharing[0])
    whole = [(len(hard.ids), each.base_margin.confidence_stressed_fraction) for each in sharing]
    stressed = desk.read(hard, sharing[0], whole)
    return [
        _Tails(
            *(
                blend(easy, rough, policy.base_margin.stressed_weight_fraction)
                for easy, rough in zip(filtered[cut], stressed[all_], strict=True)
            )
        )
        for cut, all_, policy in zip(cuts, whole, sharing, strict=True)
    ]


def _buffers(rates: Floats, names: tuple[str, ...], policy: Policy) -> Floats:
    """(t, u) buffer in force as the state of each underlying runs from day to day on one USD outright, (t, 2 u)."""
    if policy.apc_buffer.mode == "off":
        return np.zeros((len(rates), len(names)))
    return buffer_fractions(names, rates[:, : len(names)], rates[:, len(names) :], policy)
