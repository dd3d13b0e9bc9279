"""What a scan of scenarios says of a portfolio: its risk, its delta, and how much of the risk is price alone.

Losses are gain < 0 < loss, (rows, n_points). Two scenarios are a pair where price moves alike and volatility the other
way: their mean takes the direction of volatility out of the risk, the mean of the pair in which price stands still is
what time and volatility cost by themselves, and the rest is the price of one unit of delta, which credits between
commodities are paid in. Reference: CME SPAN, scan risk and weighted futures price risk.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import DAYS_PER_YEAR, Contracts, Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.pricing.payoff import pays_coin
from tasks.model.pricing.revaluation import sensitivities
from tasks.model.risk.grid import ScenarioGrid
from tasks.model.risk.tail import worst


class Scan(NamedTuple):
    """(rows,) each."""

    risk: Floats  # >= 0, the worst loss
    active: Ints  # position of the scenario it comes from, the first of equals


class PriceRisk(NamedTuple):
    """(rows,) each, in the unit of the losses; `weighted` per unit of delta, 0 without delta."""

    volatility_adjusted: Floats
    time: Floats
    price: Floats
    weighted: Floats


def scan(losses: Floats) -> Scan:
    """Scan risk and active scenario. Raises ModelInputError NON_FINITE."""
    active = worst(require_finite("scenario loss", losses))
    return Scan(np.maximum(losses[np.arange(len(losses)), active], 0.0), active)


def pairs(grid: ScenarioGrid) -> Ints:
    """(p,) position of the scenario each is paired with; its own where there is none."""
    moves, vol, weight = grid.moves, grid.column("vol"), grid.column("weight")
    paired = np.arange(len(moves))
    for i in range(len(moves)):
        found = np.flatnonzero((moves == moves[i]) & (vol == -vol[i]) & (weight == weight[i]) & (vol != 0.0))
        paired[i] = found[0] if len(found) else i
    return paired


def still(grid: ScenarioGrid) -> int:
    """Position of the first scenario in which price stands still and volatility moves. Raises SHAPE where none is."""
    found = np.flatnonzero((grid.moves == 0.0) & (grid.column("vol") != 0.0))
    if not len(found):
        raise ModelInputError(Finding("SHAPE", "no scenario of the grid leaves price where it is and moves volatility"))
    return int(found[0])


def price_risk(losses: Floats, paired: Ints, still_at: int, delta: Floats) -> PriceRisk:
    """Price risk of each row, from the active scenario and its pair.

    losses: (rows, p); paired: (p,); still_at: a scenario in which price stands still; delta: (rows,) net composite
    delta. Raises ModelInputError NON_FINITE.
    """
    active, row = scan(losses).active, np.arange(len(losses))
    adjusted = (losses[row, active] + losses[row, paired[active]]) / 2.0
    time = (losses[:, still_at] + losses[:, paired[still_at]]) / 2.0
    price = adjusted - time
    size = np.abs(require_finite("composite delta", delta))
    weighted = np.divide(price, size, out=np.zeros_like(price), where=size > 0.0)
    return PriceRisk(adjusted, time, price, weighted)


def composite_delta(contracts: Contracts, grid: ScenarioGrid, shares: Floats, weights: Floats) -> Floats:
    """(n,) delta per one contract long, weighted over price moves: underlying units, after the grid's look-ahead.

    shares: (k,) moves as shares of the price range, volatility unmoved; weights: (k,), as given and not normalised.
    Raises ModelInputError as `sensitivities`.
    """
    years = contracts.years_to_expiry - grid.lookahead_days / DAYS_PER_YEAR
    total = np.zeros(len(contracts.ids))
    for share, weight in zip(shares.tolist(), weights.tolist(), strict=True):
        total += (
            weight
            * sensitivities(replace(_moved(contracts, 1.0 + share * grid.range_fraction), years_to_expiry=years)).delta
        )
    return total


def _moved(contracts: Contracts, factor: float) -> Contracts:
    coin = pays_coin(contracts.form)
    return replace(
        contracts,
        index_price=contracts.index_price * factor,
        forward=contracts.forward * factor,
        settle_price=np.where(coin, contracts.settle_price * factor, contracts.settle_price),
    )
