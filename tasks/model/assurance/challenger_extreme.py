"""Extreme value theory: a generalised Pareto tail on filtered residuals.

The loss of a portfolio over its liquidation period is divided by its volatility at the start; beyond the threshold the
residuals follow a Pareto law, fitted anew at every close, and the present volatility makes a margin of it. It reaches
beyond the sample, which is its point and its risk. Overlapping periods make neighbours alike: that widens the error of
the fit and leaves its mean. Reference: McNeil and Frey (2000).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.challenger_moves import Levels, Memory, Moves, TailPaths, nothing, windows
from tasks.model.assurance.forecast_record import require_confidence
from tasks.model.errors import Finding, ModelInputError
from tasks.model.risk.pareto_rows import ParetoRows, most_likely_tails

_EXPONENTIAL = 1e-9  # a shape nearer to zero than this is the exponential law


def extreme_tails(moves: Moves, weights: Floats, memory: Memory, share_beyond: float, levels: Levels) -> TailPaths:
    """Margin and forecast tail of each portfolio at each close.

    weights: (p, u); share_beyond: of the residuals, 0.1 for a threshold at their ninth decile.

    Raises ModelInputError CONFIDENCE, also where the threshold lies beyond the confidence; TAIL as `most_likely_tails`.
    """
    if not 1.0 - require_confidence(min(levels)) <= share_beyond < 1.0:
        raise ModelInputError(
            Finding("CONFIDENCE", "the tail begins beyond the confidence", value=str(share_beyond), limit=">= 1 - c")
        )
    paths = nothing(len(weights), moves.daily.shape[1])
    for row, held in enumerate(weights):
        volatility = moves.portfolio_volatility(held, memory.half_life_days)
        residual = 0.0 - moves.gain(held) / volatility
        found = list(windows(np.isfinite(residual), moves.reach(held), memory, moves.since))
        if found:
            days = np.array([day for day, _ in found])
            law = fitted_tails([residual[starts] for _, starts in found], share_beyond, memory.lookback_scenarios)
            paths.margin[row, days] = tail_beyond(law, levels.margin)[1] * volatility[days]
            quantile, shortfall = tail_beyond(law, levels.forecast)
            paths.value_at_risk[row, days] = quantile * volatility[days]
            paths.expected_shortfall[row, days] = shortfall * volatility[days]
    return paths


class Tails(NamedTuple):
    """Laws of r samples."""

    law: ParetoRows
    threshold: Floats  # (r,)
    share_beyond: Floats  # (r,) of the losses, in (0, 1)


def tail_beyond(tails: Tails, confidence: float) -> tuple[Floats, Floats]:
    """VaR and shortfall of each sample, (r,)."""
    law = tails.law
    log_share = np.log((1.0 - confidence) / tails.share_beyond)
    near = np.abs(law.shape) < _EXPONENTIAL
    shape = np.where(near, 1.0, law.shape)
    beyond = np.where(near, -law.scale * log_share, law.scale / shape * np.expm1(-shape * log_share))
    quantile = tails.threshold + beyond
    return quantile, (quantile + law.scale - law.shape * tails.threshold) / (1.0 - law.shape)


def fitted_tails(samples: list[Floats], share_beyond: float, largest_sample: int) -> Tails:
    """The law of each sample of losses beyond its threshold, the largest loss that is not beyond.

    Places are as many as the largest sample needs, whatever the samples: sums then come to the same bits.
    Raises ModelInputError TAIL as `most_likely_tails`.
    """
    count = np.array([int(len(sample) * share_beyond) for sample in samples], dtype=np.int64)
    excess, threshold = np.zeros((len(samples), int(largest_sample * share_beyond))), np.empty(len(samples))
    for row, (sample, beyond) in enumerate(zip(samples, count.tolist(), strict=True)):
        place = len(sample) - beyond - 1
        largest = np.sort(np.partition(sample, place)[place:])
        threshold[row], excess[row, :beyond] = largest[0], largest[1:] - largest[0]
    share = count / np.array([len(sample) for sample in samples])
    return Tails(most_likely_tails(excess, count), threshold, share)
