"""GJR-GARCH with Student's innovations on a portfolio's own daily gains: the econometric challenger.

Parameters are fitted anew every quarter to the returns of the look-back, the variance is carried on every day. Over the
liquidation period daily variances add up and the law stays Student's with the degrees of a day, which is cautious: sums
have thinner tails. A portfolio and its mirror image share their fit, falls of one being rises of the other.
Reference: Glosten, Jagannathan and Runkle (1993); METHODOLOGY 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import stats

from tasks.model.arrays import Floats, Ints
from tasks.model.assurance.challenger_moves import Levels, Memory, Moves, TailPaths, nothing
from tasks.model.errors import ModelInputError
from tasks.model.market.gjr_garch import LEAST_RETURNS, GjrGarch, fit_gjr, gjr_variance

REFIT_RETURNS = 91  # daily returns after which parameters are fitted again


def garch_tails(moves: Moves, weights: Floats, memory: Memory, levels: Levels) -> TailPaths:
    """Margin and forecast tail of each portfolio at each close. weights: (p, u).

    Before the fewest returns a fit needs, and in a quarter whose fit finds no maximum, there is no figure.
    """
    paths = nothing(len(weights), moves.daily.shape[1])
    fitted: dict[tuple[float, ...], list[tuple[Ints, Floats, GjrGarch]]] = {}
    for row, held in enumerate(weights):
        sign = 1.0 if held[np.flatnonzero(held)[0]] > 0.0 else -1.0
        key = tuple((sign * held).tolist())
        if key not in fitted:
            fitted[key] = list(_blocks(moves.gain(sign * held, daily=True), memory, moves.since))
        for days, variance, model in fitted[key]:
            deviation = np.sqrt(period_variance(model, variance, moves.reach(held)))
            paths.margin[row, days] = deviation * tail_of(model.degrees, levels.margin)[1]
            quantile, shortfall = tail_of(model.degrees, levels.forecast)
            paths.value_at_risk[row, days] = deviation * quantile
            paths.expected_shortfall[row, days] = deviation * shortfall
    return paths


def period_variance(model: GjrGarch, variance: Floats, days: int) -> Floats:
    """(n,) sum of the variances expected of the next days, the first of which is known: they decay to the long run."""
    kept = sum(model.persistence**step for step in range(days))
    return np.asarray(days * model.long_run_variance + kept * (variance - model.long_run_variance))


def tail_of(degrees: float, confidence: float) -> tuple[float, float]:
    """VaR and shortfall of Student's law of variance 1."""
    quantile = float(stats.t.ppf(confidence, degrees))
    density = float(stats.t.pdf(quantile, degrees))
    shortfall = density / (1.0 - confidence) * (degrees + quantile * quantile) / (degrees - 1.0)
    unit = math.sqrt((degrees - 2.0) / degrees)
    return unit * quantile, unit * shortfall


def _blocks(gain: Floats, memory: Memory, since: int) -> Iterator[tuple[Ints, Floats, GjrGarch]]:
    """Days between one fit and the next, from `since` on, the variance forecast at their closes, and the model."""
    known = np.flatnonzero(np.isfinite(gain))
    least = max(memory.minimum_scenarios, LEAST_RETURNS)
    for at in range(least, len(known) + 1, REFIT_RETURNS):
        following = known[at - 1 : at + REFIT_RETURNS]
        if len(following) > REFIT_RETURNS and following[-1] <= since:
            continue
        window = gain[known[max(at - memory.lookback_scenarios, 0) : at]]
        model = garch_of(window)
        if model is not None:
            later = following[1:REFIT_RETURNS]
            seed = float(np.mean(window * window))
            variance = gjr_variance(np.concatenate([window, gain[later]]), model, seed)[len(window) :]
            yield _each_day(following, later, variance, len(gain), model)


def _each_day(known: Ints, later: Ints, variance: Floats, days: int, model: GjrGarch) -> tuple[Ints, Floats, GjrGarch]:
    """Every calendar day up to the next fit: one without a return keeps the forecast it had."""
    end = int(known[-1]) if len(known) > len(later) + 1 else days
    span = np.arange(int(known[0]), end)
    return span, variance[np.searchsorted(later, span, side="right")], model


def garch_of(window: Floats) -> GjrGarch | None:
    """Most likely parameters of daily gains, (n,), None where there are too few or the search finds none."""
    try:
        return fit_gjr(window).model
    except ModelInputError as error:
        if error.code != "GARCH":
            raise
        return None
