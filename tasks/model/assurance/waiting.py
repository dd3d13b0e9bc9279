"""Tests of the days between breaches: the first, and all of them.

Reference: Kupiec (1995), time until first failure; Haas (2001), time between failures.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import stats

from tasks.model.arrays import Bools, Floats, Ints
from tasks.model.assurance.breaches import require_days
from tasks.model.assurance.chain import Chain
from tasks.model.assurance.coverage import one_degree_p
from tasks.model.assurance.ratios import proportion_ratio, waiting_ratio
from tasks.model.assurance.verdict import Plan, Ranked, Verdict, among_all, drawn_p, ranked

DRAWS = 9_999  # of the Monte Carlo tests: level (draws + 1) is whole at 5 % and 1 %


def first_breach(breaches: Bools, plan: Plan) -> Verdict:
    """Kupiec's time until the first breach of n days, (n,). One-sided, a late breach is as good as one on its day.

    All outcomes are a first breach on day 1 to n, or none, whose ratio is -2 n ln(1 - p): their law is exact.
    Raises ModelInputError NO_OBSERVATIONS.
    """
    n = require_days(len(breaches), 1)
    at = int(np.argmax(breaches)) if breaches.any() else n
    law = _first_days(n, plan)
    return among_all("TUFF", plan, law, at, one_degree_p(float(law.statistic[at]), plan.side))


def time_between(breaches: Bools, plan: Plan, seed: int, with_number: bool = True) -> Verdict:
    """Haas' time between failures, TBF, or only the days between them, TBFI, of n days, (n,). Two-sided.

    The sum of the waiting ratios of all gaps, the first from the start; TBF adds POF. What is compared between paths is
    the chi-square p-value, since the degrees of freedom grow with the breaches; its law has no short form, so it is a
    Monte Carlo test under the null, seeded, which rejects a right margin no more often than its level.
    Raises ModelInputError NO_OBSERVATIONS.
    """
    n = require_days(len(breaches), 1)
    statistic, degrees = _between(breaches[None], plan.probability, with_number)
    null, power = _drawn(n, plan, with_number, seed)
    observed = _surprise(statistic, degrees)
    return Verdict(
        "TBF" if with_number else "TBFI",
        "two",
        float(statistic[0]),
        int(degrees[0]),
        gaps_p(float(statistic[0]), int(degrees[0])),
        float(drawn_p(observed, null)[0]),
        float(drawn_p(observed, null, strictly=True)[0]),
        "drawn",
        plan.level,
        power,
        plan.clustered.name,
    )


def gaps_p(statistic: float, degrees: int) -> float:
    """Asymptotic p-value of a sum of waiting ratios; 1 without a gap."""
    return float(stats.chi2.sf(statistic, degrees)) if degrees else 1.0


@lru_cache(maxsize=128)
def _first_days(n: int, plan: Plan) -> Ranked:
    return ranked(_first_ratio(n, plan), _first_law(n, plan.null), _first_law(n, plan.too_little), plan.level)


def _first_ratio(n: int, plan: Plan) -> Floats:
    """Of a first breach on day 1 to n, and of none: (n + 1,)."""
    days = np.arange(1, n + 1)
    ratio = np.append(waiting_ratio(days, plan.probability), proportion_ratio(0, n, plan.probability))
    late = np.append(days * plan.probability >= 1.0, True)
    return np.where(late, 0.0, ratio) if plan.side == "more" else ratio


def _first_law(n: int, chain: Chain) -> Floats:
    """P(first breach on day 1 to n, or none), (n + 1,)."""
    later = np.power(1.0 - chain.after_none, np.arange(n)) * (1.0 - chain.probability)
    return np.concatenate([[chain.probability], later[:-1] * chain.after_none, later[-1:]])


def _between(breaches: Bools, probability: float, with_number: bool) -> tuple[Floats, Ints]:
    """Statistic and degrees of freedom of each path, (paths, n) -> (paths,)."""
    paths, n = breaches.shape
    path, day = np.nonzero(breaches)
    # The first gap of a path begins the day before its first day.
    gap = np.where(np.diff(path, prepend=-1) != 0, day + 1, np.diff(day, prepend=-1))
    ratio = waiting_ratio(np.arange(1, n + 1), probability)[gap - 1]
    statistic = np.asarray(np.bincount(path, ratio, paths), dtype=np.float64)
    count = np.asarray(np.bincount(path, minlength=paths), dtype=np.int64)
    return (statistic + proportion_ratio(count, n, probability), count + 1) if with_number else (statistic, count)


@lru_cache(maxsize=32)
def _drawn(n: int, plan: Plan, with_number: bool, seed: int) -> tuple[Floats, float]:
    """Surprises of paths where the margin is right, (DRAWS,) ascending, and the power."""
    null, other = (
        _surprise(*_between(chain.draw(DRAWS, n, np.random.default_rng(at)), plan.probability, with_number))
        for chain, at in ((plan.null, seed), (plan.clustered, seed + 1))
    )
    return np.sort(null), float(np.mean(drawn_p(other, null) <= plan.level))


def _surprise(statistic: Floats, degrees: Ints) -> Floats:
    """-log of the chi-square p-value, (paths,); 0 without a gap."""
    return np.where(degrees > 0, -stats.chi2.logsf(statistic, np.maximum(degrees, 1)), 0.0)
