"""What the exact tests say of every model of a league: one p-value for each model and test.

A model has as many series of windows that do not overlap as there are portfolios times days of the horizon. What stands
for all of them is the smallest of their p-values adjusted for their number (Holm): it is at most the level where a
series is rejected, and in a right model that happens no more often than the level says. Different tests of a model are
not adjusted for each other. Reference: METHODOLOGY 9; docs/tests-of-coverage.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from tasks.model.arrays import Bools
from tasks.model.assurance.breaches import breaches_of, phases
from tasks.model.assurance.judgement import JudgementPlan, shortfall_tests
from tasks.model.assurance.league import judged_together
from tasks.model.assurance.phase_tests import phase_tests
from tasks.model.assurance.rate_path import RatePath

COVERAGE, SHORTFALL = "COVERAGE", "SHORTFALL"
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "model": pl.String,
    "family": pl.String,  # COVERAGE: of the margin; SHORTFALL: of the tail forecast at its own confidence
    "test": pl.String,
    "series": pl.Int64,
    "p_smallest": pl.Float64,  # of the series, as it is
    "p_across": pl.Float64,  # adjusted for the number of series
    "power": pl.Float64,  # the lowest of the series, NaN where none is known
    "of_expected": pl.Float64,  # breaches over those expected, of the series with the smallest p-value; tests of order
    # and of waiting reject where there are too few as well; NaN of the tests of shortfall
    "rejected": pl.Boolean,
}


def coverage_by_test(
    paths: Mapping[str, Sequence[RatePath]], champion: str, products: Sequence[str], plan: JudgementPlan
) -> pl.DataFrame:
    """One row (`COLUMNS`) for each model, champion first, and test, over the portfolios of some products.

    A model that forecasts no tail has no row of the tests of shortfall. paths: as `league` takes them.
    """
    found = [
        (name, *each)
        for held, common in judged_together(paths, champion)
        if held[champion].portfolio.product in products
        for name, path in held.items()
        for each in _verdicts(path, common, plan)
    ]
    names = ("model", "family", "test", "p_smallest", "power", "of_expected")
    series = pl.DataFrame(found, schema={name: COLUMNS[name] for name in names}, orient="row")
    return (
        series.group_by("model", "family", "test", maintain_order=True)
        .agg(
            series=pl.len().cast(pl.Int64),
            p_smallest=pl.col("p_smallest").min(),
            power=pl.col("power").min(),
            of_expected=pl.col("of_expected").get(pl.col("p_smallest").arg_min()),
        )
        .with_columns(p_across=pl.min_horizontal(pl.col("series") * pl.col("p_smallest"), pl.lit(1.0)))
        .with_columns(rejected=pl.col("p_across") <= plan.level)
        .select(*COLUMNS)
    )


def _verdicts(path: RatePath, common: Bools, plan: JudgementPlan) -> Iterator[tuple[str, str, float, float, float]]:
    """Family, test, p-value, power, and breaches over those expected of each series."""
    breaches, h = breaches_of(path.loss[common], path.rate[common]), path.horizon_days
    share = [float(part.mean()) / plan.of_phases.probability for part in phases(breaches, h)]
    for phase in phase_tests(breaches, h, plan.of_phases, plan.seed):
        found = phase.verdict
        yield COVERAGE, found.test, found.p_exact, found.power, share[phase.phase]
    judged = replace(path, rate=np.where(common, path.rate, math.nan))
    for short in shortfall_tests(judged, plan):
        yield SHORTFALL, short.verdict.test, short.verdict.p_value, short.verdict.power, math.nan
