"""Full revaluation of contracts under scenarios, and their sensitivities.

Forwards move with spot and their slice's basis, volatility with the smile (tasks.model.arrays.States), a stablecoin
keeps its price, time to expiry is kept. Contracts are priced in blocks, so memory is bounded by the result. No
linear-algebra library is called: its threads change bits. Reference: METHODOLOGY 1, 2 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import LARGEST_MONEYNESS, Contracts, Floats, Ints, States, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.pricing import black76, payoff

_SHORTEST_YEARS = 1.0 / (365.0 * 24.0)  # an hour: moneyness is not scaled by less
_BLOCK = 64  # contracts: a block's temporaries of a few thousand scenarios stay in the processor's cache


class Sensitivities(NamedTuple):
    """(n,) each, per one contract long, of its USD value as spot moves and forwards move with it."""

    delta: Floats  # underlying units: USD per USD of spot
    gamma: Floats  # underlying units per USD of spot
    vega_usd: Floats  # USD per vol point (0.01)


def revalue(contracts: Contracts, states: States) -> Floats:
    """P&L V'P' - V P in USD per one contract long, (n_contracts, n_scenarios); gain > 0.

    A future or perpetual is worth nothing at its own mark, an option is revalued whole.
    Raises ModelInputError NON_FINITE or NO_PRICE for a number that is missing or of the wrong sign, SHAPE where the
    states are not those of the contracts' underlyings and slices.
    """
    payoff.require_usable(contracts)
    _require_states(contracts, states)
    unit_pnl = np.empty((len(contracts.ids), states.spot_factor.shape[1]))
    for rows in _blocks(np.flatnonzero(~contracts.is_option)):
        unit_pnl[rows] = _forward_pnl(contracts, rows, states)
    for rows in _blocks(np.flatnonzero(contracts.is_option)):
        unit_pnl[rows] = _option_pnl(contracts, rows, states)
    return require_finite("scenario P&L", unit_pnl, contracts.ids)


def shocked_forward(contracts: Contracts, rows: Ints, states: States) -> Floats:
    """Forward of some contracts (b,) in each scenario, (b, n_scenarios): the part that still floats moves."""
    fixed = contracts.fixed_part[rows, None]
    moved = states.spot_factor[contracts.underlying[rows]] * states.basis_factor[contracts.slice_of[rows]]
    return np.asarray(fixed + (contracts.forward[rows, None] - fixed) * moved)


def shocked_volatility(contracts: Contracts, rows: Ints, forward: Floats, states: States) -> Floats:
    """Volatility of some options (b,) at their shocked forwards (b, n_scenarios), fraction per sqrt(year)."""
    at = contracts.slice_of[rows]
    strike, root_years = contracts.strike[rows, None], _root_years(contracts, rows)
    k = np.log(strike / forward)
    now = _smile_deviation(contracts, rows, np.log(strike / contracts.forward[rows, None]))
    ratio = contracts.volatility[rows, None] / now
    z = np.clip(k / root_years, -LARGEST_MONEYNESS, LARGEST_MONEYNESS)
    moved = states.level[at] * (ratio * _smile_deviation(contracts, rows, k)) + states.shift[at]
    return np.asarray(np.maximum(moved + z * (states.skew[at] + z * states.curvature[at]), states.vol_floor))


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


def _forward_pnl(contracts: Contracts, rows: Ints, states: States) -> Floats:
    form, mark = contracts.form[rows, None], contracts.forward[rows, None]
    moved = shocked_forward(contracts, rows, states)
    value = payoff.forward_value(form, contracts.multiplier[rows, None], mark, moved)
    return value * _settlement_price(contracts, rows, states.spot_factor[contracts.underlying[rows]])


def _option_pnl(contracts: Contracts, rows: Ints, states: States) -> Floats:
    forward = shocked_forward(contracts, rows, states)
    volatility = shocked_volatility(contracts, rows, forward, states)
    still = np.ones((len(rows), 1))
    before = _option_usd(contracts, rows, contracts.forward[rows, None], contracts.volatility[rows, None], still)
    factor = states.spot_factor[contracts.underlying[rows]]
    return _option_usd(contracts, rows, forward, volatility, factor) - before


def _option_usd(contracts: Contracts, rows: Ints, forward: Floats, volatility: Floats, spot_factor: Floats) -> Floats:
    black = black76.price(
        forward,
        contracts.strike[rows, None],
        volatility,
        contracts.years_to_expiry[rows, None],
        contracts.is_call[rows, None],
    )
    value = contracts.multiplier[rows, None] * payoff.quoted_option_price(contracts.form[rows, None], black, forward)
    return np.asarray(value * _settlement_price(contracts, rows, spot_factor))


def _settlement_price(contracts: Contracts, rows: Ints, spot_factor: Floats) -> Floats:
    return payoff.settlement_price_after(contracts.form[rows, None], contracts.settle_price[rows, None], spot_factor)


def _smile_deviation(contracts: Contracts, rows: Ints, k: Floats) -> Floats:
    """Root of the total variance of each option's slice at log-moneyness k (b, n): its shape, not its mark."""
    a, b, rho, mu, s = (each[:, None] for each in contracts.slices.smile[contracts.slice_of[rows]].T)
    return np.asarray(np.sqrt(a + b * (rho * (k - mu) + np.sqrt((k - mu) ** 2 + s * s))))


def _root_years(contracts: Contracts, rows: Ints) -> Floats:
    return np.asarray(np.sqrt(np.maximum(contracts.years_to_expiry[rows, None], _SHORTEST_YEARS)))


def _blocks(positions: Ints) -> Iterator[Ints]:
    for start in range(0, len(positions), _BLOCK):
        yield positions[start : start + _BLOCK]


def _require_states(contracts: Contracts, states: States) -> None:
    """Every factor there is, finite, and above zero where a price is multiplied by it."""
    n = states.spot_factor.shape[1]
    slices = (len(contracts.slices.days), n)
    for name, shape in (
        ("spot_factor", (len(contracts.underlyings), n)),
        *((name, slices) for name in ("basis_factor", "level", "shift", "skew", "curvature")),
        ("vol_floor", (n,)),
    ):
        values = getattr(states, name)
        if values.shape != shape:
            raise ModelInputError(
                Finding("SHAPE", f"{name} does not fit the contracts", value=str(values.shape), limit=str(shape))
            )
        require_finite(name, values)
    if (states.spot_factor <= 0.0).any() or (states.basis_factor <= 0.0).any():
        raise ModelInputError(
            Finding("NO_PRICE", "a scenario takes a price to zero or below", action="check the moves")
        )
    if (states.level < 0.0).any() or (states.vol_floor < 0.0).any():
        raise ModelInputError(
            Finding("NON_FINITE", "a scenario takes a volatility below zero", action="check the shocks")
        )
