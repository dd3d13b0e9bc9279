"""The judgement of one rate path: what was breached, what that tells, what the margin cost and how it moved.

What is asked is fixed in a plan before any breach is seen. Verdicts on coverage come from the windows that do not
overlap (exact, Holm across the phases) and from the simulated law of those that do; forecasts of shortfall are judged
phase by phase too. Reference: METHODOLOGY 9; docs/back-test.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import polars as pl

from tasks.model.assurance.breaches import breaches_of, require_days
from tasks.model.assurance.chain import Chain, undermargined
from tasks.model.assurance.cost import matching_factor
from tasks.model.assurance.coverage import Bounds, coverage_bounds
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.overlap import Windows, overlapping_bounds, overlapping_count
from tasks.model.assurance.phase_tests import PhaseVerdict, phase_tests
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rate_windows import window_table
from tasks.model.assurance.responsiveness import Window
from tasks.model.assurance.shortfall_verdicts import ShortfallPlan, ShortfallVerdict, forecast_tests
from tasks.model.assurance.verdict import Plan, Verdict
from tasks.model.assurance.whole_forecast import WholeForecast

_LEAST = 6  # days a test of order needs, of each phase


@dataclass(frozen=True)
class JudgementPlan:
    """What is asked of every path."""

    coverage: float = 0.995  # share of windows whose loss the margin covers
    level: float = 0.05  # at which a test rejects
    confidence: float = 0.95  # of bounds
    margin_share: float = 0.8  # of the right margin, in the alternative whose power is printed
    persistence: float = 0.2  # correlation of a breach with the next, in the alternative of tests of order
    degrees: tuple[float, ...] = (math.inf, 4.0)  # of the Student t of daily losses in simulated laws, infinite: normal
    paths: int = 4_000  # of every simulation of overlapping windows
    runs: int = 10_000  # of every simulation of a test of shortfall
    seed: int = 1

    @property
    def of_phases(self) -> Plan:
        """The same as asked of windows that do not overlap; losses of the alternative have the fattest tail."""
        breach = 1.0 - self.coverage
        often = undermargined(breach, self.margin_share, min(self.degrees))
        order = Chain(f"the right number, persistence {self.persistence:g}", breach, self.persistence)
        return Plan(breach, self.level, often, order, "more")


@dataclass(frozen=True)
class PhaseShortfall:
    """One test of the forecast of one phase."""

    phase: int
    verdict: ShortfallVerdict


@dataclass(frozen=True)
class Judgement:
    """What is found of one path; breach probabilities and coverage are fractions, rates those of gross notional."""

    portfolio: str
    product: str
    model: str
    horizon_days: int
    first: date  # first and last day judged
    last: date
    observations: int  # days with a margin and a loss, by calendar day: their windows overlap
    breaches: int
    breach_days: tuple[date, ...]
    bounds: Bounds  # of the coverage, exact (Clopper and Pearson), as if windows were independent: too narrow
    overlap_bounds: Bounds  # of the coverage, by the simulated law of overlapping windows, the widest of the plan's
    counts: tuple[Verdict, ...]  # of the number of breaches among overlapping windows, by the plan's laws
    phases: tuple[PhaseVerdict, ...]  # every exact test of every phase, Holm across phases
    shortfalls: tuple[PhaseShortfall, ...]  # none where the model forecasts no tail
    mean_rate: float  # of the days judged
    matching_factor: float  # on the margin, with which it covers exactly what the plan asks
    windows: pl.DataFrame  # see `rate_windows.window_table`: all days first

    @property
    def coverage(self) -> float:
        """Share of windows whose loss the margin covered."""
        return 1.0 - self.breaches / self.observations

    @property
    def matched_cost(self) -> float:
        """Mean rate once the path covers exactly what the plan asks."""
        return self.matching_factor * self.mean_rate

    def phase_p(self, test: str) -> tuple[float, ...]:
        """Exact p-value of a test by phase, not adjusted for the others."""
        return tuple(each.verdict.p_exact for each in self.phases if each.verdict.test == test)


def judge(
    path: RatePath,
    plan: JudgementPlan = JudgementPlan(),
    asked: tuple[Window, ...] | None = None,
    whole: WholeForecast | None = None,
) -> Judgement:
    """Everything the plan asks of the days of a path that have a margin and a loss.

    asked: windows by which measures are tabled, those of `responsiveness.windows` by default; whole: what is known of
    the path's forecasts beyond VaR and shortfall, for the tests that need it.
    Raises ModelInputError NO_OBSERVATIONS where fewer days than a test of each phase needs are left.
    """
    judged, h = path.judged, path.horizon_days
    losses, rates, days = path.loss[judged], path.rate[judged], path.dates[judged]
    n = require_days(len(losses), _LEAST * h)
    breaches = breaches_of(losses, rates)
    x, laws = int(breaches.sum()), [Windows(n, h, 1.0 - plan.coverage, degrees=each) for each in plan.degrees]
    seen = partial(overlapping_count, x, share=plan.margin_share, level=plan.level, paths=plan.paths, seed=plan.seed)
    return Judgement(
        path.portfolio.name,
        path.portfolio.product,
        path.model,
        h,
        days[0].item(),
        days[-1].item(),
        n,
        x,
        tuple(days[breaches].tolist()),
        _covered(coverage_bounds(x, n, plan.confidence)),
        _covered(*(overlapping_bounds(x, each, plan.confidence, plan.paths, plan.seed) for each in laws)),
        tuple(seen(each) for each in laws),
        phase_tests(breaches, h, plan.of_phases, plan.seed),
        shortfall_tests(path, plan, whole),
        float(rates.mean()),
        matching_factor(losses, rates, plan.coverage),
        window_table(path, plan.confidence, asked),
    )


def shortfall_tests(
    path: RatePath, plan: JudgementPlan, whole: WholeForecast | None = None
) -> tuple[PhaseShortfall, ...]:
    """Tests of the forecast of every phase, Holm within each; none where nothing is forecast.

    Days whose shortfall is not above its VaR are left out of the tests of both: scenarios were too few to tell them
    apart.
    """
    forecast, judged, h = path.forecast, path.judged, path.horizon_days
    if forecast is None:
        return ()
    asked = ShortfallPlan(forecast.confidence, plan.level, 1.0 - plan.margin_share, plan.runs)
    losses, value, shortfall = path.loss[judged], forecast.value_at_risk[judged], forecast.expected_shortfall[judged]
    of_phase = [np.flatnonzero((shortfall > value) & (np.arange(len(losses)) % h == first)) for first in range(h)]
    return tuple(
        PhaseShortfall(first, verdict)
        for first, days in enumerate(of_phase)
        if len(days)
        for verdict in forecast_tests(
            ForecastRecord(losses[days], value[days], shortfall[days], forecast.confidence),
            whole.of_phase(first, h, losses) if whole else None,
            asked,
            plan.seed,
        )
    )


def _covered(*breach: Bounds) -> Bounds:
    """Bounds of the coverage from those of the probability of a breach, the widest of several."""
    return Bounds(1.0 - max(each.high for each in breach), 1.0 - min(each.low for each in breach))
