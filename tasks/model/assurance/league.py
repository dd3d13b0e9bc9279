"""The league: the house model and its challengers on the same portfolios and the same days.

Every model is judged on the days on which all have a margin, so that none looks good for the days it left out. Told of
each portfolio: coverage with its exact bounds, mean rate, cost once scaled to the target coverage, peak to trough, the
quantile score of the margin at the target, FZ0 of the tail where a model forecasts one, and the evidence that the
margin falls short of the target, valid on any day one looks. Score differences are tested against the champion's over
windows that overlap. Reference: METHODOLOGY 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import polars as pl

from tasks.model.arrays import Bools, Dates, Floats
from tasks.model.assurance.breaches import breaches_of
from tasks.model.assurance.cost import coverage_matched_cost
from tasks.model.assurance.coverage import coverage_bounds
from tasks.model.assurance.diebold_mariano import diebold_mariano
from tasks.model.assurance.e_process import e_process, growth_bets, value_at_risk_e
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.procyclicality import peak_to_trough
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.scores import quantile_loss, shortfall_loss

BOUNDS_LEVEL = 0.95
FEWEST_WINDOWS = 10  # that do not overlap: fewer days say nothing about a model


@dataclass(frozen=True)
class League:
    """rows: one for each portfolio and model (`COLUMNS`), champion first; scores: (portfolio, model) daily losses."""

    champion: str
    target: float  # coverage asked for, fraction of days
    rows: pl.DataFrame
    scores: Mapping[tuple[str, str], Scored]


@dataclass(frozen=True)
class Scored:
    """Quantile score of a model's margin on its judged days, in units of the champion's mean on that portfolio."""

    dates: Dates  # (n,) judged days
    score: Floats  # (n,)
    horizon_days: int


def league(paths: Mapping[str, Sequence[RatePath]], champion: str, target: float) -> League:
    """Table of models by name, each with the same portfolios in the same order; days beyond those of all are left out.

    Portfolios with too few common days are left out. Raises ModelInputError CONFIDENCE for a target outside (0, 1).
    """
    rows: list[dict[str, Any]] = []
    scores: dict[tuple[str, str], Scored] = {}
    for held, common in judged_together(paths, champion):
        base = held[champion]
        unit = float(_score(base, common, target).mean())
        for name, path in held.items():
            rows.append(_row(name, path, base, common, target))
            score = _score(path, common, target) / unit
            scores[base.portfolio.name, name] = Scored(base.dates[common], score, base.horizon_days)
    return League(champion, target, pl.DataFrame(rows, schema=COLUMNS, orient="row"), scores)


def judged_together(
    paths: Mapping[str, Sequence[RatePath]], champion: str
) -> Iterator[tuple[dict[str, RatePath], Bools]]:
    """Of each portfolio the paths by model, champion first, over the days all span, and on which of these, (n,), all
    are judged; portfolios with too few such days are left out."""
    order = (champion, *sorted(set(paths) - {champion}))
    for place in range(len(paths[champion])):
        held = _on_one_calendar({name: paths[name][place] for name in order})
        if not held:
            continue
        common = reduce(np.logical_and, (path.judged for path in held.values()))
        if int(common.sum()) >= FEWEST_WINDOWS * held[champion].horizon_days:
            yield held, common


def _on_one_calendar(held: Mapping[str, RatePath]) -> dict[str, RatePath]:
    """The paths of one portfolio over the days that all of them span, none where there are no such days."""
    first, last = max(each.dates[0] for each in held.values()), min(each.dates[-1] for each in held.values())
    return {name: each.between(first, last) for name, each in held.items()} if first <= last else {}


COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "portfolio": pl.String,
    "product": pl.String,
    "model": pl.String,
    "observations": pl.Int64,
    "breaches": pl.Int64,
    "coverage": pl.Float64,
    "coverage_low": pl.Float64,
    "coverage_high": pl.Float64,
    "mean_rate": pl.Float64,
    "coverage_matched_cost": pl.Float64,
    "peak_to_trough": pl.Float64,
    "quantile_score": pl.Float64,
    "quantile_p_better": pl.Float64,
    "fz0": pl.Float64,
    "fz0_p_better": pl.Float64,
    "e_value": pl.Float64,
    "e_p_bound": pl.Float64,
}


def _row(name: str, path: RatePath, champion: RatePath, common: Bools, target: float) -> dict[str, Any]:
    rate, loss, horizon = path.rate[common], path.loss[common], champion.horizon_days
    breaches = breaches_of(loss, rate)
    n, x = len(breaches), int(breaches.sum())
    bounds = coverage_bounds(x, n, BOUNDS_LEVEL)
    evidence, p_bound = evidence_against(loss, rate, target, horizon)
    return {
        "portfolio": path.portfolio.name,
        "product": path.portfolio.product,
        "model": name,
        "observations": n,
        "breaches": x,
        "coverage": 1.0 - x / n,
        "coverage_low": 1.0 - bounds.high,
        "coverage_high": 1.0 - bounds.low,
        "mean_rate": float(rate.mean()),
        "coverage_matched_cost": coverage_matched_cost(loss, rate, target),
        "peak_to_trough": peak_to_trough(rate),
        **_compared("quantile", _score(path, common, target), _score(champion, common, target), horizon),
        **_compared("fz0", _fz0(path, common), _fz0(champion, common), horizon),
        "e_value": evidence,
        "e_p_bound": p_bound,
    }


def evidence_against(losses: Floats, rates: Floats, target: float, horizon: int) -> tuple[float, float]:
    """Largest e-value of the phases of windows that do not overlap, and a p-value for whoever looked daily.

    losses, rates: (n,) by start day, without missing days. The p-value pays for the phases (Bonferroni).
    """
    value = value_at_risk_e(losses, rates, target)
    found = [e_process(part, growth_bets(part)) for part in (value[first::horizon] for first in range(horizon))]
    return max(each.e_value for each in found), min(1.0, horizon * min(each.p_bound for each in found))


def _score(path: RatePath, common: Bools, target: float) -> Floats:
    return quantile_loss(path.loss[common], path.rate[common], target)


def _fz0(path: RatePath, common: Bools) -> Floats | None:
    """FZ0 of the forecast tail by day; None of a model without one, or one whose quantile is a gain somewhere."""
    if path.forecast is None or not (path.forecast.value_at_risk[common] > 0.0).all():
        return None
    tail = path.forecast
    # Of few scenarios the quantile that covers at finite size can lie beyond the mean of the tail.
    quantile = tail.value_at_risk[common]
    shortfall = np.maximum(tail.expected_shortfall[common], quantile)
    return shortfall_loss(ForecastRecord(path.loss[common], quantile, shortfall, tail.confidence))


def _compared(name: str, own: Floats | None, champion: Floats | None, horizon: int) -> dict[str, float]:
    """Mean score, and the one-sided p-value that the champion's is no higher; NaN without scores."""
    column = "quantile_score" if name == "quantile" else name
    if own is None:
        return {column: math.nan, f"{name}_p_better": math.nan}
    p = math.nan if champion is None else diebold_mariano(own, champion, horizon).p_better
    return {column: float(own.mean()), f"{name}_p_better": p}


def pooled_difference(found: League, model: str, portfolios: Iterable[str]) -> tuple[Floats, int]:
    """Score of a model less the champion's, averaged over the portfolios judged on each day, (days,); the horizon.

    In units of the champion's mean score, so that no portfolio outweighs another by the size of its losses.
    """
    parts = [(found.scores[name, model], found.scores[name, found.champion]) for name in portfolios]
    days, place = np.unique(np.concatenate([own.dates for own, _ in parts]), return_inverse=True)
    difference = np.concatenate([own.score - base.score for own, base in parts])
    mean = np.bincount(place, difference, len(days)) / np.bincount(place, minlength=len(days))
    return mean, max(own.horizon_days for own, _ in parts)
