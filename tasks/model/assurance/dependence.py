"""Tests of the order of breaches: whether one makes the next more likely, alone and together with their number.

Both statistics depend on a path only through its transitions and its breaches, so their law is enumerated whole
(`path_law`), in a fraction of a second at 1,000 days. Reference: Christoffersen (1998).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import stats

from tasks.model.arrays import Bools, Floats
from tasks.model.assurance.breaches import Transitions, require_days, transitions_of
from tasks.model.assurance.chain import Chain
from tasks.model.assurance.coverage import directed_ratio, one_degree_p
from tasks.model.assurance.path_law import PathLaw, most_breaches, path_law
from tasks.model.assurance.ratios import independence_ratio
from tasks.model.assurance.verdict import TIES, Plan, Side, Verdict, power_of, upper_tail, upper_tail_within


def independence(breaches: Bools, plan: Plan) -> Verdict:
    """Christoffersen's test of independence on the n - 1 transitions of n days, (n,).

    The exact p-value is that among all orders of the same number of breaches: it needs no probability of a breach, so
    that a margin that is too small but breached at random is kept. With fewer than two breaches every order is alike
    and p is about 1. One-sided, only breaches that follow breaches speak against the margin.
    Raises ModelInputError NO_OBSERVATIONS.
    """
    of, x = transitions_of(breaches), int(breaches.sum())
    n = require_days(len(breaches), 2)
    ratio, likely = _law_of_order(n, x, plan.side)
    observed = float(directed_independence(of, plan.side))
    power = _independence_power(n, plan.level, plan.side, plan.clustered)
    return _verdict("independence", plan, observed, (1, one_degree_p(observed, plan.side)), (ratio, likely), power)


def conditional_coverage(breaches: Bools, plan: Plan) -> Verdict:
    """Christoffersen's test of number and order together: POF on n days plus independence on n - 1 transitions.

    The exact p-value is that among all paths where the margin is right, but for those with so many breaches that they
    come once in a trillion: it is right to 1e-12. One-sided, either part counts only where it
    speaks of too small a margin. Raises ModelInputError NO_OBSERVATIONS.
    """
    n = require_days(len(breaches), 2)
    ratio, likely, power = _joint_law(n, plan)
    observed = float(
        directed_ratio(n, plan)[int(breaches.sum())] + directed_independence(transitions_of(breaches), plan.side)
    )
    asymptotic = (2, two_degrees_p(observed, plan.side))
    return _verdict("conditional coverage", plan, observed, asymptotic, (ratio, likely), power)


def _verdict(
    test: str, plan: Plan, observed: float, asymptotic: tuple[int, float], law: tuple[Floats, Floats], power: float
) -> Verdict:
    """From degrees of freedom and p-value of the asymptotic law, and statistics and probabilities of the exact one."""
    tails = (_tail_at(observed, *law), _tail_at(observed, *law, strictly=True))
    alternative = plan.clustered.name
    return Verdict(test, plan.side, observed, *asymptotic, *tails, "enumerated", plan.level, power, alternative)


def coverage_ratio(law: PathLaw, plan: Plan) -> Floats:
    """Statistic of conditional coverage of each kind of path, (m,)."""
    return directed_ratio(law.n, plan)[law.breaches] + directed_independence(law.transitions, plan.side)


def directed_independence(of: Transitions, side: Side) -> Floats:
    """Christoffersen's ratio of independence; one-sided, it is 0 where breaches do not follow breaches."""
    ratio = independence_ratio(of)
    return np.where(of.clustered, ratio, 0.0) if side == "more" else ratio


def two_degrees_p(ratio: float, side: Side) -> float:
    """Asymptotic p-value of a sum of two ratios; one-sided, each is 0 half of the time (chi-bar-square)."""
    if side == "two":
        return float(stats.chi2.sf(ratio, 2))
    return float(stats.chi2.sf(ratio, 1) / 2.0 + stats.chi2.sf(ratio, 2) / 4.0) if ratio > 0.0 else 1.0


@lru_cache(maxsize=1_024)
def _law_of_order(n: int, breaches: int, side: Side) -> tuple[Floats, Floats]:
    """Statistic and probability of each kind of path with as many breaches."""
    law = path_law(n, breaches, breaches)
    return directed_independence(law.transitions, side), law.given_breaches()


@lru_cache(maxsize=16)
def _joint_law(n: int, plan: Plan) -> tuple[Floats, Floats, float]:
    """Statistic and probability of each kind of path, and the power."""
    law = path_law(n, 0, most_breaches(n, plan.null, plan.clustered))
    ratio, likely = coverage_ratio(law, plan), law.probability(plan.null)
    return ratio, likely, power_of(upper_tail(ratio, likely), plan.level, law.probability(plan.clustered))


@lru_cache(maxsize=64)
def _independence_power(n: int, level: float, side: Side, clustered: Chain) -> float:
    """Over every number of breaches, each with its own critical value."""
    law = path_law(n, 0, most_breaches(n, clustered))
    ratio = directed_independence(law.transitions, side)
    tail = upper_tail_within(law.breaches, ratio, law.given_breaches())
    return power_of(tail, level, law.probability(clustered))


def _tail_at(observed: float, statistic: Floats, probability: Floats, strictly: bool = False) -> float:
    rounded, at = np.round(statistic, TIES), round(observed, TIES)
    return min(float(probability[rounded > at if strictly else rounded >= at].sum()), 1.0)
