"""Tests of coverage where windows overlap: on every series of windows that do not, Holm across these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.model.arrays import Bools, Floats
from tasks.model.assurance.breaches import phases
from tasks.model.assurance.coverage import binomial, proportion
from tasks.model.assurance.dependence import conditional_coverage, independence
from tasks.model.assurance.dynamic_quantile import dynamic_quantile
from tasks.model.assurance.holm import holm
from tasks.model.assurance.verdict import Plan, Verdict, table
from tasks.model.assurance.waiting import first_breach, time_between


@dataclass(frozen=True)
class PhaseVerdict:
    """One test of one phase."""

    phase: int  # 0 to horizon - 1: the first window's start day
    verdict: Verdict
    p_across: float  # exact p-value adjusted for the phases of the test (Holm)

    @property
    def rejected(self) -> bool:
        """Whether the test rejects this phase once it is known that others were looked at."""
        return self.p_across <= self.verdict.level


def every_test(breaches: Bools, plan: Plan, seed: int, known: Floats | None = None) -> tuple[Verdict, ...]:
    """All tests of coverage of n days or windows that do not overlap, (n,).

    known: (n, k) what was known before each day, for the dynamic quantile test. Raises ModelInputError NO_OBSERVATIONS.
    """
    number = int(breaches.sum()), len(breaches)
    return (
        proportion(*number, plan),
        binomial(*number, plan),
        first_breach(breaches, plan),
        time_between(breaches, plan, seed),
        time_between(breaches, plan, seed, with_number=False),
        independence(breaches, plan),
        conditional_coverage(breaches, plan),
        dynamic_quantile(breaches, plan, seed, known),
    )


def phase_tests(
    breaches: Bools, horizon: int, plan: Plan, seed: int, known: Floats | None = None
) -> tuple[PhaseVerdict, ...]:
    """All tests on each of the `horizon` series of every horizon-th window, by test and phase.

    breaches: (n,) of daily windows of `horizon` days, by start day. A test rejects the whole where any of its phases is
    rejected, as seldom as its level where the margin is right: Holm holds whatever the phases have in common.
    Raises ModelInputError NO_OBSERVATIONS.
    """
    parts = phases(breaches, horizon)
    given = [None if known is None else known[first::horizon] for first in range(horizon)]
    by_phase = [every_test(part, plan, seed, each) for part, each in zip(parts, given, strict=True)]
    return tuple(verdict for of_test in zip(*by_phase, strict=True) for verdict in _across(of_test))


def phase_table(verdicts: Iterable[PhaseVerdict]) -> pl.DataFrame:
    """One row for each: the columns of `verdict.table`, the phase, p_across, and whether it is rejected across them."""
    rows = list(verdicts)
    return table(each.verdict for each in rows).with_columns(
        phase=pl.Series([each.phase for each in rows], dtype=pl.Int64),
        p_across=pl.Series([each.p_across for each in rows], dtype=pl.Float64),
        rejected=pl.Series([each.rejected for each in rows], dtype=pl.Boolean),
    )


def _across(verdicts: tuple[Verdict, ...]) -> Iterator[PhaseVerdict]:
    adjusted = holm(np.array([each.p_exact for each in verdicts]))
    for phase, (verdict, p) in enumerate(zip(verdicts, adjusted, strict=True)):
        yield PhaseVerdict(phase, verdict, float(p))
