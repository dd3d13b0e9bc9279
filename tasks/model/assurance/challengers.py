"""Challengers of the house model on static portfolios: other answers to the same question from the same closes.

A challenger is a function of the signature the house model has (`rate_path.Model`). Those that forecast a tail take its
expected shortfall as margin. Their look-backs are theirs and fixed here, not fitted to what they are judged on;
liquidation periods, volatility floors and seeds are the policy's, so that everybody answers for the same move.
Reference: METHODOLOGY 9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Closes, Floats
from tasks.model.assurance.challenger_extreme import extreme_tails
from tasks.model.assurance.challenger_garch import garch_tails
from tasks.model.assurance.challenger_historical import Rescaling, historical_tails
from tasks.model.assurance.challenger_moves import Levels, Memory, Moves, TailPaths, moves_of, span_of
from tasks.model.assurance.rate_path import Forecast, Model, RatePath, rate_path
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.assurance.static_portfolio import StaticPortfolio
from tasks.model.policy import Policy

MARGIN_CONFIDENCE = 0.99  # shortfall: about the quantile at 99.65 %
LOOKBACK, LONG_LOOKBACK = 1_000, 1_500  # scenarios; the least of them is the policy's
HALF_LIFE_DAYS = 30.0  # of the volatility that moves are filtered by: a common choice for daily data
SHARE_BEYOND = 0.10  # of the residuals, for the Pareto law
_FACTORS = (0.25, 4.0)  # bounds of a rescaling, as the house's

Tails = Callable[[Moves, Floats, Levels, int], TailPaths]


@dataclass(frozen=True)
class Challenger:
    """A model that forecasts a tail: its name, and what gives the tails of portfolios (p, u) from a least past on."""

    name: str
    tails: Tails

    def __call__(
        self,
        closes: Closes,
        policy: Policy,
        portfolios: Sequence[StaticPortfolio],
        first: np.datetime64,
        last: np.datetime64,
    ) -> tuple[RatePath, ...]:
        """Paths of the portfolios from the first to the last day. Raises ModelInputError as the model's parts."""
        names = tuple(sorted({name for portfolio in portfolios for name in portfolio.underlyings}))
        weights = np.array([weights_of(portfolio, names) for portfolio in portfolios])
        distinct, place = np.unique(weights, axis=0, return_inverse=True)
        levels = Levels(MARGIN_CONFIDENCE, policy.base_margin.confidence_filtered_fraction)
        least = policy.base_margin.minimum_scenarios
        span = span_of(closes, first, last)
        found = self.tails(moves_of(closes, names, policy, span.start), distinct, levels, least)
        periods = house_periods(names, policy)
        return tuple(
            rate_path(
                portfolio,
                self.name,
                closes,
                periods,
                span,
                found.margin[row, span],
                forecast=Forecast(found.value_at_risk[row, span], found.expected_shortfall[row, span], levels.forecast),
            )
            for portfolio, row in zip(portfolios, place.tolist(), strict=True)
        )


def weights_of(portfolio: StaticPortfolio, names: Sequence[str]) -> Floats:
    """(u,) USD of notional of each underlying; a leg paid in coin gains in USD what one paid in USD does."""
    weights = np.zeros(len(names))
    for leg in portfolio.legs:
        weights[names.index(leg.underlying)] += leg.weight
    return weights


def _historical(scaling: str, lookback: int = LOOKBACK) -> Tails:
    def tails(moves: Moves, weights: Floats, levels: Levels, least: int) -> TailPaths:
        memory = Memory(lookback, min(least, lookback), HALF_LIFE_DAYS)
        return historical_tails(moves, weights, memory, Rescaling(scaling, *_FACTORS), levels)

    return tails


def _extreme(moves: Moves, weights: Floats, levels: Levels, least: int) -> TailPaths:
    memory = Memory(LOOKBACK, min(least, LOOKBACK), HALF_LIFE_DAYS)
    return extreme_tails(moves, weights, memory, SHARE_BEYOND, levels)


def _garch(moves: Moves, weights: Floats, levels: Levels, least: int) -> TailPaths:
    return garch_tails(moves, weights, Memory(LOOKBACK, min(least, LOOKBACK), HALF_LIFE_DAYS), levels)


FORECASTING: Mapping[str, Model] = {
    each.name: each
    for each in (
        Challenger("HS_1000", _historical("none")),
        Challenger("HS_1500", _historical("none", LONG_LOOKBACK)),
        Challenger("FHS", _historical("full")),
        Challenger("EVT", _extreme),
        Challenger("GARCH", _garch),
    )
}
