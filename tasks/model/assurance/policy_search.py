"""Choice of a margin policy: on the first half of each portfolio's days, to be judged on the rest.

A candidate may be chosen where it covers, swings no more than the active policy, and the guard rails let one change
lead there: no number moves further than a step may, and no rate rises further than a notice allows on the day of the
choice. Whatever period its margin is for, it is held against the same losses. The first half ends so many days before
the split as its last loss takes to be known: nothing of the second half is seen. Reference: METHODOLOGY 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.model.assurance.frontier import Figures, figures, least
from tasks.model.assurance.governance import Effect, Rails, rise_refused
from tasks.model.assurance.policy_grid import Candidate
from tasks.model.assurance.rate_path import RatePath
from tasks.model.errors import Finding

SWING_ALLOWANCE = 0.02  # of the active policy's peak to trough: what the league calls a tie


@dataclass(frozen=True)
class Trial:
    """A candidate with its figures on the first half, and its largest rise over the active policy on its last day."""

    candidate: Candidate
    first: Figures
    rise: float  # fraction of the active policy's rate, of the portfolio that rises most
    refused: tuple[Finding, ...]  # guard rails it breaks as one change


@dataclass(frozen=True)
class Choice:
    """Names of what is chosen: each of those that cover and swing no more than the active policy, None without any."""

    active: str
    chosen: str | None  # least cost times swing within the guard rails
    unbound: str | None  # without them
    cheapest: str | None  # least mean rate within them

    @property
    def leaders(self) -> tuple[str, ...]:
        """Those that are, each once."""
        return tuple(dict.fromkeys(each for each in (self.chosen, self.unbound, self.cheapest) if each))


def first_half(path: RatePath, split: np.datetime64) -> RatePath:
    """Days whose loss is known before the split."""
    return path.between(path.dates[0], split - np.timedelta64(path.horizon_days + 1, "D"))


def second_half(path: RatePath, split: np.datetime64) -> RatePath:
    """Days from the split on."""
    return path.between(split, path.dates[-1])


def held_to(paths: Sequence[RatePath], active: Sequence[RatePath]) -> list[RatePath]:
    """Paths beside the losses of the active policy's own, portfolios in the same order and on the same days.

    A margin for more days is dearer and covers more of what is lost in fewer; its forecast, of other days, is left out.
    """
    return [
        own
        if own.horizon_days == base.horizon_days
        else replace(own, loss=base.loss, horizon_days=base.horizon_days, forecast=None)
        for own, base in zip(paths, active, strict=True)
    ]


def trial(
    candidate: Candidate, paths: Sequence[RatePath], active: Sequence[RatePath], target: float, rails: Rails
) -> Trial:
    """A candidate by its paths on the first half, beside the active policy's."""
    rises = {own.portfolio.name: _rise(own, base) for own, base in zip(paths, active, strict=True)}
    effect = Effect({"house": 0.0, **rises}, max(rises.values()))
    refused = (*candidate.too_far, *rise_refused(effect, rails))
    return Trial(candidate, figures(paths, target), max(rises.values()), refused)


def choose(trials: Mapping[str, Trial], active: str, target: float) -> Choice:
    """The choice from the first halves alone."""
    most = (1.0 + SWING_ALLOWANCE) * trials[active].first.peak_to_trough
    every = {name: each.first for name, each in trials.items() if each.first.peak_to_trough <= most}
    allowed = {name: each for name, each in every.items() if not trials[name].refused}
    return Choice(
        active, least(allowed, target), least(every, target), least(allowed, target, lambda each: each.mean_rate)
    )


def _rise(own: RatePath, base: RatePath) -> float:
    """Over the base's rate on the last day on which both have one."""
    known = np.flatnonzero(own.judged & base.judged)
    return float(own.rate[known[-1]] / base.rate[known[-1]]) - 1.0
