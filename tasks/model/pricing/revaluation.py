"""Full revaluation of contracts under scenarios, and their sensitivities.

Forwards move with spot and their slice's basis, volatility with the smile (tasks.model.arrays.States), a stablecoin
keeps its price, time to expiry is kept. Options of one strike share a price. Reference: METHODOLOGY 1, 2 and 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Contracts, Floats, States, is_constant, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.kernels import (
    BLOCK,
    BLOCKS,
    LARGEST,
    SMALLEST,
    WIDTH,
    Desk,
    Held,
    VolProxy,
    aligned,
    all_finite,
    all_within,
    in_parts,
    price_forwards,
    price_options,
    revalue_and_add,
)
from tasks.model.pricing import black76, layout, payoff
from tasks.model.pricing.cube import Cube


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
    return revalue_cube(contracts, states).rows()


def revalue_cube(contracts: Contracts, states: States, threads: int = 1) -> Cube:
    """The same P&L as a cube, the same bits for any number of threads. Raises as `revalue`."""
    return Revaluation(contracts).cube(states, threads)


class Revaluation:
    """Contracts ready for one set of states after another: checked and laid out once, and memory used again."""

    def __init__(self, contracts: Contracts) -> None:
        """Raises as `revalue` for what is wrong with the contracts."""
        payoff.require_usable(contracts)
        _require_places(contracts)
        self.contracts = contracts
        self._forwards = layout.forwards_of(contracts)
        self._distinct, self._strikes, self._options = layout.options_of(contracts)
        self._rooms: dict[int, layout.Room] = {}
        self._cubes: dict[int, Cube] = {}
        self._desks: dict[int, Desk] = {}

    def cube(self, states: States, threads: int = 1) -> Cube:
        """P&L under the states, the same bits for any number of threads.

        It stands until the next call with as many scenarios. Raises as `revalue`.
        """
        room, n = self._filled(states), states.spot_factor.shape[1]
        if n not in self._cubes:
            self._cubes[n] = Cube.empty(len(self.contracts.ids), n)
        cube, wrong = self._cubes[n], []

        def price(first: int, last: int) -> None:
            price_options(first, last, self._strikes, self._options, room.market, cube.blocks)
            price_forwards(first, last, self._forwards, *room.moves, cube.blocks)
            if not all_finite(cube.blocks[first * BLOCKS : last * BLOCKS].reshape(-1)):
                wrong.append(first)

        in_parts(price, len(cube.blocks) // BLOCKS, threads)
        return cube.require_finite("scenario P&L", self.contracts.ids) if wrong else cube

    def add_up(self, proxy: VolProxy, held: Held, pnl: Floats, threads: int = 1) -> bool:
        """P&L of portfolios of these contracts, (p, n), as they add it up off `cube`, which is not made.

        Where the basis stands still and volatility moves by a proxy of n scenarios, a multiple of WIDTH, all finite.
        Bit for bit what the cube gives, also for any number of threads, and faster: what is priced is added up while
        it is in a core's cache. Whether every price is finite: if not, `cube` of the same states says which is not.
        """
        wrong = []

        def price(first: int, last: int) -> None:
            book = self._strikes, self._options, self._distinct, self._forwards
            if not revalue_and_add(first, last, *book, proxy, self._desk(first), held, pnl):
                wrong.append(first)

        in_parts(price, len(proxy.score) // WIDTH, threads)
        return not wrong

    def _desk(self, part: int) -> Desk:
        """Memory of a thread, who works on a part of the scenarios."""
        if part not in self._desks:
            room = layout.Room(self.contracts, self._distinct, WIDTH)
            room.fill(States.still(self.contracts, WIDTH))
            self._desks[part] = Desk(*room.moves, room.market, aligned(BLOCKS, len(self.contracts.ids), BLOCK))
        return self._desks[part]

    def _filled(self, states: States) -> layout.Room:
        _require_states(self.contracts, states)
        n = states.spot_factor.shape[1]
        if n not in self._rooms:
            self._rooms[n] = layout.Room(self.contracts, self._distinct, n)
        self._rooms[n].fill(states)
        return self._rooms[n]


def sensitivities(contracts: Contracts) -> Sensitivities:
    """Delta, gamma and vega of each contract's USD value, the coin premium's own value included.

    Coin-settled contracts: the value in USD is V(F) S, and F moves with S, so the coin an option's premium is paid in
    is part of its value and not a hedge of it: delta is m N(d1) and not the premium-adjusted m (N(d1) - C/F), and a
    coin-settled future has m / F. What a settlement average has fixed of the forward does not move. This is the slope
    of `revalue` at the present state, volatility kept: what a smile adds as the forward moves along it is vega's.
    """
    payoff.require_usable(contracts)
    beta = (contracts.forward - contracts.fixed_part) / contracts.index_price
    usd = contracts.multiplier * contracts.settle_price
    coin = payoff.pays_coin(contracts.form)
    delta = np.where(coin, usd * beta / contracts.forward**2, usd * beta)
    gamma, vega = np.zeros_like(delta), np.zeros_like(delta)
    at = np.flatnonzero(contracts.is_option)
    terms = (
        contracts.forward[at],
        contracts.strike[at],
        contracts.volatility[at],
        contracts.years_to_expiry[at],
        contracts.is_call[at],
    )
    greeks, black = black76.greeks(*terms), black76.price(*terms)
    usd_per_black = payoff.quoted_option_price(contracts.form[at], usd[at], contracts.forward[at])
    # A coin premium is B(F) / F coins of S: where part of F is fixed, S runs ahead of F by this much per USD of spot.
    ahead = np.where(coin, contracts.fixed_part / (contracts.forward * contracts.index_price), 0.0)[at]
    premium_adjusted = greeks.delta - black / contracts.forward[at]
    delta[at] = usd_per_black * (greeks.delta * beta[at] + black * ahead)
    gamma[at] = usd_per_black * (greeks.gamma * beta[at] ** 2 + 2.0 * beta[at] * premium_adjusted * ahead)
    vega[at] = usd_per_black * greeks.vega * black76.VOL_POINT
    return Sensitivities(delta, gamma, vega)


def _require_places(contracts: Contracts) -> None:
    """Every contract in an underlying and a slice that there is, every slice with a smile: no kernel looks."""
    g = len(contracts.slices.days)
    for place, size in ((contracts.underlying, len(contracts.underlyings)), (contracts.slice_of, g)):
        if ((place < 0) | (place >= size)).any():
            raise ModelInputError(Finding("SHAPE", "a contract is in no underlying or slice", limit=str(size)))
    if contracts.slices.smile.shape != (g, 5):
        raise ModelInputError(Finding("SHAPE", "smiles do not fit the slices", value=str(contracts.slices.smile.shape)))


def _require_states(contracts: Contracts, states: States) -> None:
    """Every factor there is, finite, and above zero where a price is multiplied by it."""
    n = states.spot_factor.shape[1]
    slices = (len(contracts.slices.days), n)
    price = SMALLEST, Finding("NO_PRICE", "a scenario takes a price to zero or below", action="check the moves")
    vol = 0.0, Finding("NON_FINITE", "a scenario takes a volatility below zero", action="check the shocks")
    change = -LARGEST, vol[1]
    for name, shape, (least, wrong) in (
        ("spot_factor", (len(contracts.underlyings), n), price),
        ("basis_factor", slices, price),
        ("level", slices, vol),
        *((name, slices, change) for name in ("shift", "skew", "curvature")),
        ("vol_floor", (n,), vol),
    ):
        values = getattr(states, name)
        if values.shape != shape:
            raise ModelInputError(
                Finding("SHAPE", f"{name} does not fit the contracts", value=str(values.shape), limit=str(shape))
            )
        if not _lies_from(least, values):
            require_finite(name, values)
            raise ModelInputError(wrong)


def _lies_from(least: float, values: Floats) -> bool:
    """Whether every number is finite and not below the least; one that is seen everywhere is looked at once."""
    seen = values.reshape(-1)[:1] if is_constant(values) else np.ascontiguousarray(values).reshape(-1)
    return all_within(seen, least, LARGEST)
