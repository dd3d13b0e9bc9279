"""Whether a challenger takes the champion's place: only with evidence, and only for a difference that matters.

A challenger is promoted where, over the portfolios named for it,
    it covers the target in every one of them,
    it is better in coverage-matched cost or peak to trough by more than the materiality, and in neither worse by more,
    its quantile score is lower by more than chance, at a level shared by all policies that were tried (Bonferroni).
The number of policies tried counts every one whose back-test was looked at before, not those of the table alone, and
the days must be others than those the challenger was chosen on. Reference: METHODOLOGY 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from tasks.model.assurance.diebold_mariano import diebold_mariano
from tasks.model.assurance.league import League, pooled_difference
from tasks.model.errors import Finding, ModelInputError


@dataclass(frozen=True)
class PromotionRule:
    """Fixed before the league is seen. Raises ModelInputError SHAPE for a count below 1, CONFIDENCE for a fraction
    out of its range."""

    materiality_fraction: float = 0.02  # of the champion's figure: smaller differences are ties
    level: float = 0.05
    policies_tried: int = 1

    def __post_init__(self) -> None:
        if self.policies_tried < 1:
            raise ModelInputError(
                Finding("SHAPE", "at least the challenger itself was tried", value=str(self.policies_tried))
            )
        if not (0.0 <= self.materiality_fraction < 1.0 and 0.0 < self.level < 1.0):
            raise ModelInputError(Finding("CONFIDENCE", "materiality and level are fractions", value=str(self)))


@dataclass(frozen=True)
class Standing:
    """A model over some portfolios. Means are of the portfolios' figures; relative ones are less the champion's."""

    model: str
    portfolios: int
    lowest_coverage: float
    mean_rate: float
    coverage_matched_cost: float
    peak_to_trough: float
    relative_cost: float  # fraction of the champion's coverage-matched cost, below 0 = cheaper
    relative_peak_to_trough: float  # fraction of the champion's, below 0 = steadier
    score_difference: float  # mean quantile score less the champion's, in units of the champion's; below 0 = better
    p_tried: float  # one-sided p-value of that, times the policies tried; 1 for the champion itself
    covers: bool  # the target, in every portfolio
    dominates: (
        bool  # covers, and is better than the champion in cost and in peak to trough by more than the materiality
    )
    verdict: str  # CHAMPION, PROMOTE, or what is missing


def standings(found: League, rule: PromotionRule, products: Sequence[str]) -> tuple[Standing, ...]:
    """The champion, then the challengers by coverage-matched cost, over the portfolios of some products.

    Raises ModelInputError NO_OBSERVATIONS where no such portfolio was judged.
    """
    rows = found.rows.filter(pl.col("product").is_in(products))
    if rows.is_empty():
        raise ModelInputError(Finding("NO_OBSERVATIONS", "no portfolio of these kinds was judged", value=str(products)))
    mean = rows.group_by("model").agg(
        portfolios=pl.len(),
        lowest_coverage=pl.col("coverage").min(),
        mean_rate=pl.col("mean_rate").sort_by("portfolio").mean(),
        coverage_matched_cost=pl.col("coverage_matched_cost").sort_by("portfolio").mean(),
        peak_to_trough=pl.col("peak_to_trough").sort_by("portfolio").mean(),
    )
    figures = {row["model"]: row for row in mean.iter_rows(named=True)}
    names = sorted(set(rows["portfolio"]))
    placed = sorted(figures, key=lambda name: (name != found.champion, figures[name]["coverage_matched_cost"], name))
    return tuple(_standing(found, rule, figures[name], figures[found.champion], names) for name in placed)


def table(placed: Sequence[Standing]) -> pl.DataFrame:
    """One row for each standing, columns as its fields."""
    return pl.DataFrame([asdict(each) for each in placed])


def _standing(
    found: League, rule: PromotionRule, own: dict[str, float], champion: dict[str, float], names: Sequence[str]
) -> Standing:
    model = str(own["model"])
    cost = own["coverage_matched_cost"] / champion["coverage_matched_cost"] - 1.0
    swing = own["peak_to_trough"] / champion["peak_to_trough"] - 1.0
    covers = bool(own["lowest_coverage"] >= found.target)
    difference, p = _evidence(found, model, names, rule)
    least = rule.materiality_fraction
    return Standing(
        model,
        int(own["portfolios"]),
        own["lowest_coverage"],
        own["mean_rate"],
        own["coverage_matched_cost"],
        own["peak_to_trough"],
        cost,
        swing,
        difference,
        p,
        covers,
        covers and max(cost, swing) < -least,
        "CHAMPION" if model == found.champion else _verdict(covers, cost, swing, p, rule),
    )


def _verdict(covers: bool, cost: float, swing: float, p: float, rule: PromotionRule) -> str:
    """What is missing for a promotion, the first of coverage, material difference and evidence."""
    if not covers:
        return "COVERS TOO LITTLE"
    if min(cost, swing) >= -rule.materiality_fraction:
        return "NOT MATERIALLY BETTER"
    if max(cost, swing) > rule.materiality_fraction:
        return "DEARER" if cost > swing else "MORE PROCYCLICAL"
    return "PROMOTE" if p <= rule.level else "NO EVIDENCE"


def _evidence(found: League, model: str, names: Sequence[str], rule: PromotionRule) -> tuple[float, float]:
    if model == found.champion:
        return 0.0, 1.0
    difference, horizon = pooled_difference(found, model, names)
    test = diebold_mariano(difference, np.zeros(len(difference)), horizon)
    return test.mean_difference, min(1.0, test.p_better * rule.policies_tried)
