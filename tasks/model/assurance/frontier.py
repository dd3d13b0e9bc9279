"""What a margin policy costs, how it swings and whether it covers: the figures policies are chosen by, and the choice.

Of the policies that cover the target in every portfolio the chosen one has the least product of coverage-matched cost
and peak to trough: a tenth less of one is worth a tenth more of the other. The efficient frontier is all that no other
policy beats in one of coverage, cost and swing without being beaten in another. Reference: METHODOLOGY 9 and 11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.model.assurance.cost import coverage_matched_cost
from tasks.model.assurance.procyclicality import peak_to_trough
from tasks.model.assurance.rate_path import RatePath


@dataclass(frozen=True)
class Figures:
    """Of one policy over some portfolios; rates and costs are fractions of gross notional."""

    lowest_coverage: float  # of the portfolios, fraction of the days judged
    mean_rate: float
    matched_cost: float  # mean rate once scaled to cover exactly the target
    peak_to_trough: float  # mean over the portfolios, >= 1

    @property
    def score(self) -> float:
        """What is made small: matched cost times peak to trough."""
        return self.matched_cost * self.peak_to_trough

    def covers(self, target: float) -> bool:
        """Whether every portfolio covers the target."""
        return self.lowest_coverage >= target


def figures(paths: Sequence[RatePath], target: float) -> Figures:
    """Figures of a policy's paths at a target coverage. Raises ModelInputError as `coverage_matched_cost`."""
    kept = [(path.loss[path.judged], path.rate[path.judged]) for path in paths]
    return Figures(
        lowest_coverage=min(1.0 - float((loss > rate).mean()) for loss, rate in kept),
        mean_rate=float(np.mean([rate.mean() for _, rate in kept])),
        matched_cost=float(np.mean([coverage_matched_cost(loss, rate, target) for loss, rate in kept])),
        peak_to_trough=float(np.mean([peak_to_trough(path.rate) for path in paths])),
    )


def least(
    found: Mapping[str, Figures], target: float, by: Callable[[Figures], float] = lambda each: each.score
) -> str | None:
    """Name of the policy with the least score, or other figure, of those that cover, the first of equals; None where
    none covers."""
    covering = [name for name in found if found[name].covers(target)]
    return min(covering, key=lambda name: by(found[name]), default=None)


def non_dominated(found: Mapping[str, Figures]) -> tuple[str, ...]:
    """Names of the efficient frontier, by matched cost; of policies with equal figures all are on it."""
    points = np.array([(-each.lowest_coverage, each.matched_cost, each.peak_to_trough) for each in found.values()])
    efficient = [
        name
        for name, own in zip(found, points, strict=True)
        if not ((points <= own).all(axis=1) & (points < own).any(axis=1)).any()
    ]
    return tuple(sorted(efficient, key=lambda name: (found[name].matched_cost, name)))
