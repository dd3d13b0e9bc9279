"""The verdict of one test of coverage: its p-values, and the power without which it tells nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from tasks.model.arrays import Bools, Floats, Ints
from tasks.model.assurance.chain import Chain, require_probability

Side = Literal["two", "more"]  # any departure, or more breaches (sooner, or after one another) than there should be
TIES = 9  # decimals to which statistics are compared: equal counts must not differ by a rounding of their logarithms


@dataclass(frozen=True)
class Plan:
    """What is asked of every test of a series, fixed before its breaches are seen.

    Raises ModelInputError CONFIDENCE.
    """

    probability: float  # of a breach where the margin is right, 0.01 for a coverage of 99 %
    level: float  # at which a test rejects, 0.05
    too_little: Chain  # alternative of tests that count breaches
    clustered: Chain  # alternative of tests that look at their order
    side: Side = "two"

    def __post_init__(self) -> None:
        require_probability(self.probability)
        require_probability(self.level)

    @property
    def null(self) -> Chain:
        """Breaches where the margin is right."""
        return Chain("the margin is right", self.probability)


@dataclass(frozen=True)
class Verdict:
    """One test of one series. The exact p-value decides; the asymptotic one is for comparison with others' reports."""

    test: str
    side: Side
    statistic: float
    degrees: int  # of freedom of the chi-square law, 0 where the test has none
    p_asymptotic: float  # NaN where no such law exists
    p_exact: float  # P(a statistic at least as extreme), never too small at any number of days
    p_beyond: float  # P(one strictly more extreme): apart from p_exact where few outcomes are possible
    method: Literal["enumerated", "drawn"]  # how p_exact comes about: all outcomes, or a Monte Carlo test
    level: float
    power: float  # probability that the alternative is rejected at the level by p_exact
    alternative: str

    @property
    def rejected(self) -> bool:
        """Whether the series is rejected at the level."""
        return self.p_exact <= self.level

    def tie_broken(self, uniform: float) -> float:
        """p-value that is uniform where the margin is right, for a number drawn uniformly from [0, 1) beside it.

        It shows that a test stays below its level by ties alone. No verdict is drawn by lot. Reference: Dufour (2006).
        """
        return self.p_beyond + uniform * (self.p_exact - self.p_beyond)


def table(verdicts: Iterable[Verdict]) -> pl.DataFrame:
    """One row for each verdict, named as its fields, and whether it is rejected."""
    return pl.DataFrame([asdict(each) | {"rejected": each.rejected} for each in verdicts])


def upper_tail(statistic: Floats, probability: Floats, strictly: bool = False) -> Floats:
    """P(a statistic at least as large as each outcome's, or strictly larger), (m,), from the law of all m outcomes."""
    values, place = np.unique(np.round(statistic, TIES), return_inverse=True)
    mass = np.bincount(place, probability, len(values))
    tail = np.append(np.cumsum(mass[::-1])[::-1], 0.0)
    return np.asarray(np.minimum(tail[place + strictly], 1.0))


def upper_tail_within(groups: Ints, statistic: Floats, probability: Floats) -> Floats:
    """`upper_tail` among the outcomes of the same group, (m,), with probabilities given the group; groups ascending."""
    ends = np.flatnonzero(np.diff(groups)) + 1
    parts = zip(np.split(statistic, ends), np.split(probability, ends), strict=True)
    return np.concatenate([upper_tail(*part) for part in parts])


def drawn_p(observed: Floats, drawn: Floats, strictly: bool = False) -> Floats:
    """p-values of statistics among N of the null: (1 + those at least as large) / (1 + N), or those larger / (1 + N).

    The first rejects no more often than its level whatever N is. Reference: Barnard (1963); Dufour (2006).
    """
    ordered = np.sort(np.round(drawn, TIES))
    below = np.searchsorted(ordered, np.round(observed, TIES), side="right" if strictly else "left")
    return np.asarray((len(ordered) - below + (not strictly)) / (len(ordered) + 1.0))


class Ranked(NamedTuple):
    """All outcomes of a test, m of them, and how it judges each."""

    statistic: Floats  # (m,)
    p_exact: Floats  # (m,)
    p_beyond: Floats  # (m,)
    power: float


def among_all(test: str, plan: Plan, law: Ranked, outcome: int, p_asymptotic: float) -> Verdict:
    """Verdict on one outcome of a number or a place of breaches whose law is known whole, by its place in the law."""
    return Verdict(
        test,
        plan.side,
        float(law.statistic[outcome]),
        1,
        p_asymptotic,
        float(law.p_exact[outcome]),
        float(law.p_beyond[outcome]),
        "enumerated",
        plan.level,
        law.power,
        plan.too_little.name,
    )


def ranked(statistic: Floats, null: Floats, alternative: Floats, level: float) -> Ranked:
    """Outcomes by their statistic, from their probabilities where the margin is right and under the alternative."""
    tail = upper_tail(statistic, null)
    return Ranked(statistic, tail, upper_tail(statistic, null, strictly=True), power_of(tail, level, alternative))


def power_of(p_values: Floats, level: float, alternative: Floats) -> float:
    """Probability of the outcomes a test rejects, (m,) p-values, where the outcomes have those of the alternative."""
    rejects: Bools = p_values <= level
    return min(float(alternative[rejects].sum()), 1.0)
