"""The search itself: every point of the grid on the daily history, then those between the best and their neighbours.

Policies that draw the same scenarios share them. Of each policy its rates are kept and its figures on both halves;
those of the second are put away unseen: what is looked at next, and what is chosen, rests on the first alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np

from tasks.back_test_plan import day
from tasks.league import TARGET
from tasks.model.arrays import Closes, Floats
from tasks.model.assurance.frontier import Figures, figures
from tasks.model.assurance.governance import Rails
from tasks.model.assurance.policy_grid import Axis, Candidate, between, candidates
from tasks.model.assurance.policy_search import Choice, Trial, choose, first_half, held_to, second_half, trial
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import from_early_days, roll_policies, rolled
from tasks.model.assurance.static_portfolio import StaticPortfolio

Paths = Sequence[RatePath]


@dataclass(frozen=True)
class Ground:
    """What policies are tried on: closes, portfolios, and by coin the first day judged and of the second half."""

    closes: Closes
    held: tuple[StaticPortfolio, ...]
    firsts: Mapping[str, date]
    splits: Mapping[str, date]
    last: date

    @property
    def span(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last day a margin is asked of."""
        return day(min(self.firsts.values())), day(self.last)

    def judged(self, paths: Paths) -> list[RatePath]:
        """Each path from the first day its coin is judged on."""
        return [each.between(day(self.firsts[_coin(each)]), each.dates[-1]) for each in paths]

    def first(self, paths: Paths) -> list[RatePath]:
        """Their first halves."""
        return [first_half(each, day(self.splits[_coin(each)])) for each in paths]

    def second(self, paths: Paths) -> list[RatePath]:
        """Their second halves."""
        return [second_half(each, day(self.splits[_coin(each)])) for each in paths]


@dataclass
class Search:
    """Trials so far by name, in the order they were tried, and how each did on the second half."""

    ground: Ground
    rails: Rails
    active: str
    base: Paths  # of the active policy, judged
    trials: dict[str, Trial] = field(default_factory=dict)
    seconds: dict[str, Figures] = field(default_factory=dict)
    rates: dict[str, list[Floats]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)  # outside of a policy's bounds

    @property
    def choice(self) -> Choice:
        """From the first halves of what was tried."""
        return choose(self.trials, self.active, TARGET)

    def look(self, tried: Sequence[Candidate]) -> None:
        """Try some candidates."""
        ground, base = self.ground, self.ground.first(self.base)
        policies = [from_early_days(each.policy) for each in tried]
        every = rolled(ground.closes, policies, ground.held, *ground.span)
        for each, paths in zip(tried, every, strict=True):
            own = held_to(ground.judged(paths), self.base)
            self.trials[each.name] = trial(each, ground.first(own), base, TARGET, self.rails)
            self.seconds[each.name] = figures(ground.second(own), TARGET)
            self.rates[each.name] = [path.rate for path in own]

    def second(self, name: str) -> list[RatePath]:
        """Second halves of a policy that was tried, without its forecasts."""
        pairs = zip(self.base, self.rates[name], strict=True)
        return self.ground.second([replace(base, rate=rate, forecast=None) for base, rate in pairs])


def search(ground: Ground, content: Mapping[str, Any], grid: Sequence[Axis], rails: Rails, active: str) -> Search:
    """Every point of the grid, then those half way between the leaders and their neighbours."""
    tried, refused = candidates(content, grid, rails)
    opening = next(each.policy for each in tried if each.name == active)
    base = ground.judged(roll_policies(ground.closes, [from_early_days(opening)], ground.held, *ground.span)[0])
    found = Search(ground, rails, active, base, refused=refused)
    found.look(tried)
    finer, outside = candidates(content, grid, rails, _finer(found, grid))
    found.refused += outside
    found.look(finer)
    return found


def _finer(found: Search, grid: Sequence[Axis]) -> list[tuple[tuple[Any, ...], ...]]:
    """Points around the leaders, each once."""
    tried = [each.candidate for each in found.trials.values()]
    leaders = [found.trials[name].candidate for name in found.choice.leaders]
    return list(dict.fromkeys(point for each in leaders for point in between(grid, tried, each)))


def _coin(path: RatePath) -> str:
    return path.portfolio.underlyings[0]
