"""Tests of how many breaches there were. All outcomes are the counts 0 to n, so every p-value and power is exact.

Reference: Kupiec (1995); Clopper and Pearson (1934).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from tasks.model.arrays import Bools, Floats
from tasks.model.assurance.breaches import require_count, require_days
from tasks.model.assurance.chain import Chain, require_probability
from tasks.model.assurance.path_law import most_breaches, path_law
from tasks.model.assurance.ratios import proportion_ratio
from tasks.model.assurance.verdict import Plan, Ranked, Side, Verdict, among_all, power_of, ranked


class Bounds(NamedTuple):
    """Of the probability of a breach."""

    low: float
    high: float


class Region(NamedTuple):
    """Numbers of breaches strictly between are kept."""

    low: int
    high: int


def proportion(breaches: int, n: int, plan: Plan) -> Verdict:
    """Kupiec's proportion of failures. One-sided, too few breaches are as good as the right number.

    Its exact p-value ranks counts by the likelihood ratio and adds up their binomial probabilities; no breach at all
    has a finite ratio, -2 n ln(1 - p). Raises ModelInputError NO_OBSERVATIONS, SHAPE.
    """
    require_count(breaches, n)
    law = _proportions(n, plan)
    return among_all("POF", plan, law, breaches, one_degree_p(float(law.statistic[breaches]), plan.side))


def binomial(breaches: int, n: int, plan: Plan) -> Verdict:
    """The binomial test: P(X >= x), or twice the smaller tail; the asymptotic figure is the normal one of z.

    Raises ModelInputError NO_OBSERVATIONS, SHAPE.
    """
    require_count(breaches, n)
    law = _binomials(n, plan)
    z = binomial_z(breaches, n, plan.probability)
    return Verdict(
        "binomial",
        plan.side,
        z,
        0,
        float(stats.norm.sf(z)) if plan.side == "more" else float(2.0 * stats.norm.sf(abs(z))),
        float(law.p_exact[breaches]),
        float(law.p_beyond[breaches]),
        "enumerated",
        plan.level,
        law.power,
        plan.too_little.name,
    )


def binomial_z(breaches: int, n: int, probability: float) -> float:
    """Breaches above their mean in standard deviations."""
    return (breaches - n * probability) / math.sqrt(n * probability * (1.0 - probability))


def coverage_bounds(breaches: int, n: int, level: float) -> Bounds:
    """Exact two-sided confidence bounds of the probability of a breach, which holds them at least at `level`.

    level: 0.95 for bounds of 95 %. Raises ModelInputError NO_OBSERVATIONS, SHAPE, CONFIDENCE.
    """
    require_count(breaches, n)
    outside = (1.0 - require_probability(level)) / 2.0
    low = float(stats.beta.ppf(outside, breaches, n - breaches + 1)) if breaches else 0.0
    high = float(stats.beta.isf(outside, breaches + 1, n - breaches)) if breaches < n else 1.0
    return Bounds(low, high)


def accepted_region(n: int, plan: Plan, exact: bool = True) -> Region:
    """Nearest rejected counts of POF on either side, -1 and n + 1 where none is: counts strictly between are kept.

    exact: by the exact p-value, else by the chi-square law as Kupiec's table. One-sided, none is rejected below.
    """
    law = _proportions(require_days(n, 1), plan)
    p = law.p_exact if exact else np.array([one_degree_p(float(each), plan.side) for each in law.statistic])
    rejected = np.flatnonzero(p <= plan.level)
    mean = n * plan.probability
    below, above = rejected[rejected < mean], rejected[rejected >= mean]
    return Region(int(below[-1]) if len(below) else -1, int(above[0]) if len(above) else n + 1)


def directed_ratio(n: int, plan: Plan) -> Floats:
    """Kupiec's ratio of every count 0 to n, (n + 1,); one-sided, it is 0 up to the mean."""
    counts = np.arange(n + 1)
    ratio = proportion_ratio(counts, n, plan.probability)
    harmless: Bools = counts <= n * plan.probability
    return np.where(harmless, 0.0, ratio) if plan.side == "more" else ratio


def one_degree_p(ratio: float, side: Side) -> float:
    """Asymptotic p-value of a ratio of one degree of freedom; one-sided, half of the ratios are 0."""
    p = float(stats.chi2.sf(ratio, 1))
    if side == "two":
        return p
    return p / 2.0 if ratio > 0.0 else 1.0


def count_law(n: int, chain: Chain) -> Floats:
    """P(x breaches in n days) for x = 0 to n, (n + 1,)."""
    if not chain.persistence:
        return np.asarray(stats.binom.pmf(np.arange(n + 1), n, chain.probability))
    law = path_law(n, 0, most_breaches(n, chain))
    return np.asarray(np.bincount(law.breaches, law.probability(chain), n + 1), dtype=np.float64)


@lru_cache(maxsize=128)
def _proportions(n: int, plan: Plan) -> Ranked:
    return ranked(directed_ratio(n, plan), count_law(n, plan.null), count_law(n, plan.too_little), plan.level)


@lru_cache(maxsize=128)
def _binomials(n: int, plan: Plan) -> Ranked:
    """Of every count; the statistic is the count."""
    counts, mass = np.arange(n + 1.0), count_law(n, plan.null)
    more, fewer = np.minimum(np.cumsum(mass[::-1])[::-1], 1.0), np.cumsum(mass)
    smaller, times = (more, 1.0) if plan.side == "more" else (np.minimum(more, fewer), 2.0)
    p = np.minimum(times * smaller, 1.0)
    beyond = np.maximum(times * (smaller - mass), 0.0)
    return Ranked(counts, p, beyond, power_of(p, plan.level, count_law(n, plan.too_little)))
