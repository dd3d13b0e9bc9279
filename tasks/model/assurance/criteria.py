"""Whether a margin policy keeps what was asked of it before its back-test was run.

    (a) breaches in at most the share of days the target leaves, in each portfolio, and no more than the simulated law
        of overlapping windows allows,
    (b) breaches that come independently: exact independence and dynamic quantile on each series of windows that do not
        overlap, Holm over all portfolios, series and both tests,
    (c) no challenger that covers the target in each portfolio is better in both cost and swing by more than a tie.

Reference: METHODOLOGY 9; docs/back-test.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.model.assurance.holm import holm
from tasks.model.assurance.judgement import Judgement, JudgementPlan
from tasks.model.assurance.promotion import Standing

ORDER_TESTS = ("independence", "DQ")


@dataclass(frozen=True)
class Covered:
    """(a) of one portfolio."""

    portfolio: str
    breach_share: float  # fraction of the days judged
    p_smallest: float  # of the number of breaches by the laws of the plan
    met: bool


@dataclass(frozen=True)
class Ordered:
    """(b) of one test of one series."""

    portfolio: str
    test: str
    phase: int
    p_exact: float
    p_across: float  # adjusted for all that (b) asks
    power: float

    def met(self, level: float) -> bool:
        """Whether it is kept at the level."""
        return self.p_across > level


def covered(judged: Sequence[Judgement], plan: JudgementPlan) -> tuple[Covered, ...]:
    """(a) of each portfolio."""
    return tuple(_covered(each, plan) for each in judged)


def ordered(judged: Sequence[Judgement]) -> tuple[Ordered, ...]:
    """(b): every test of order of every series of every portfolio, side by side."""
    found = [(each.portfolio, phase) for each in judged for phase in each.phases if phase.verdict.test in ORDER_TESTS]
    adjusted = holm(np.array([phase.verdict.p_exact for _, phase in found]))
    return tuple(
        Ordered(portfolio, phase.verdict.test, phase.phase, phase.verdict.p_exact, float(across), phase.verdict.power)
        for (portfolio, phase), across in zip(found, adjusted, strict=True)
    )


def better_challengers(standings: Sequence[Standing]) -> tuple[str, ...]:
    """(c): names of the challengers that cover the target and are better in both respects; none where it is met."""
    return tuple(each.model for each in standings if each.dominates)


def _covered(each: Judgement, plan: JudgementPlan) -> Covered:
    share, p = 1.0 - each.coverage, min(verdict.p_exact for verdict in each.counts)
    within = each.breaches <= (1.0 - plan.coverage) * each.observations
    return Covered(each.portfolio, share, p, within and p > plan.level)
