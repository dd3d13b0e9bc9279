"""Full revaluation of contracts under scenarios, and their sensitivities.

Forwards keep their ratio to spot (F' = F S'/S), a stablecoin keeps its price, time to expiry is kept. Contracts are
priced in blocks, so memory is bounded by the result. No linear-algebra library is called: its threads change bits.
Reference: METHODOLOGY 1 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Contracts, Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.pricing import black76, payoff

ShockedVolatility = Callable[[Ints], Floats]
"""Positions of b options -> their volatilities (b, n_scenarios), fraction per sqrt(year)."""

_BLOCK = 64  # contracts: a block's temporaries of a few thousand scenarios stay in the processor's cache


class Sensitivities(NamedTuple):
    """(n,) each, per one contract long, of its USD value as spot moves and forwards move with it."""

    delta: Floats  # underlying units: USD per USD of spot
    gamma: Floats  # underlying units per USD of spot
    vega_usd: Floats  # USD per vol point (0.01)


def revalue(contracts: Contracts, spot_factor: Floats, shocked_volatility: ShockedVolatility) -> Floats:
    """P&L V'P' - V P in USD per one contract long, (n_contracts, n_scenarios); gain > 0.

    spot_factor: (n_underlyings, n_scenarios) S'/S, > 0, rows in the order of contracts.underlyings.
    A future or perpetual is worth nothing at its own mark, an option is revalued whole.
    Raises ModelInputError NON_FINITE or NO_PRICE for a number that is missing or of the wrong sign.
    """
    payoff.require_usable(contracts)
    _require_factors(contracts, spot_factor)
    unit_pnl = np.empty((len(contracts.ids), spot_factor.shape[1]))
    for rows in _blocks(np.flatnonzero(~contracts.is_option)):
        unit_pnl[rows] = _forward_pnl(contracts, rows, spot_factor[contracts.underlying[rows]])
    for rows in _blocks(np.flatnonzero(contracts.is_option)):
        factor = spot_factor[contracts.underlying[rows]]
        unit_pnl[rows] = _option_pnl(contracts, rows, factor, shocked_volatility(rows))
    return require_finite("scenario P&L", unit_pnl, contracts.ids)


def sensitivities(contracts: Contracts) -> Sensitivities:
    """Delta, gamma and vega of each contract's USD value, the coin premium's own value included.

    Coin-settled contracts: the value in USD is V(F) S, and F moves with S, so the coin an option's premium is paid in
    is part of its value and not a hedge of it: delta is m N(d1) and not the premium-adjusted m (N(d1) - C/F), and a
    coin-settled future has m / F. This is the slope of `revalue` at the present state.
    """
    payoff.require_usable(contracts)
    beta = contracts.forward / contracts.index_price
    usd = contracts.multiplier * contracts.settle_price
    coin = payoff.pays_coin(contracts.form)
    delta = np.where(coin, usd / (contracts.forward * contracts.index_price), usd * beta)
    gamma, vega = np.zeros_like(delta), np.zeros_like(delta)
    at = np.flatnonzero(contracts.is_option)
    greeks = black76.greeks(
        contracts.forward[at],
        contracts.strike[at],
        contracts.volatility[at],
        contracts.years_to_expiry[at],
        contracts.is_call[at],
    )
    usd_per_black = payoff.quoted_option_price(contracts.form[at], usd[at], contracts.forward[at])
    delta[at] = usd_per_black * greeks.delta * beta[at]
    gamma[at] = usd_per_black * greeks.gamma * beta[at] ** 2
    vega[at] = usd_per_black * greeks.vega * black76.VOL_POINT
    return Sensitivities(delta, gamma, vega)


def _forward_pnl(contracts: Contracts, rows: Ints, factor: Floats) -> Floats:
    form, mark = contracts.form[rows, None], contracts.forward[rows, None]
    value = payoff.forward_value(form, contracts.multiplier[rows, None], mark, mark * factor)
    return value * payoff.settlement_price_after(form, contracts.settle_price[rows, None], factor)


def _option_pnl(contracts: Contracts, rows: Ints, factor: Floats, volatility: Floats) -> Floats:
    before = _option_usd(contracts, rows, np.ones((len(rows), 1)), contracts.volatility[rows, None])
    return _option_usd(contracts, rows, factor, volatility) - before


def _option_usd(contracts: Contracts, rows: Ints, factor: Floats, volatility: Floats) -> Floats:
    form, forward = contracts.form[rows, None], contracts.forward[rows, None] * factor
    black = black76.price(
        forward,
        contracts.strike[rows, None],
        volatility,
        contracts.years_to_expiry[rows, None],
        contracts.is_call[rows, None],
    )
    value = contracts.multiplier[rows, None] * payoff.quoted_option_price(form, black, forward)
    return value * payoff.settlement_price_after(form, contracts.settle_price[rows, None], factor)


def _blocks(positions: Ints) -> Iterator[Ints]:
    for start in range(0, len(positions), _BLOCK):
        yield positions[start : start + _BLOCK]


def _require_factors(contracts: Contracts, spot_factor: Floats) -> None:
    if spot_factor.shape[0] != len(contracts.underlyings):
        raise ModelInputError(
            Finding(
                "SHAPE",
                "one row of spot factors is needed per underlying",
                value=str(spot_factor.shape[0]),
                limit=str(len(contracts.underlyings)),
            )
        )
    require_finite("spot factor", spot_factor, contracts.underlyings)
    if (spot_factor <= 0.0).any():
        raise ModelInputError(Finding("NO_PRICE", "a scenario takes spot to zero or below", action="check the moves"))
