"""Contracts and states in the order and the arrays the kernels take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import DAYS_PER_YEAR, Bools, Contracts, Floats, Ints, States, is_constant, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.kernels import (
    BLOCK,
    LARGEST,
    SMALLEST,
    WIDTH,
    Forwards,
    Market,
    Options,
    Strikes,
    aligned,
    all_finite,
    all_within,
    log,
    move_forwards,
    price_options,
)
from tasks.model.pricing.cube import padded
from tasks.model.pricing.payoff import pays_coin

_SHORTEST_YEARS = 1.0 / (DAYS_PER_YEAR * 24.0)  # an hour: moneyness is not scaled by less


class Moves(NamedTuple):
    """Factors on spot (u, n) and on the basis of each slice (g, n), padded with 1."""

    spot: Floats
    basis: Floats


class OptionBook(NamedTuple):
    """All options of some contracts: those of one strike, time, volatility and forward share a price."""

    forwards: Forwards  # the distinct ones
    strikes: Strikes
    options: Options


def forwards_of(contracts: Contracts) -> Forwards:
    """Futures and perpetuals in key order."""
    return _forwards(contracts, np.flatnonzero(~contracts.is_option))


class Room:
    """Memory of the market in n scenarios, used again for one set of states after another."""

    def __init__(self, contracts: Contracts, distinct: Forwards, n_scenarios: int) -> None:
        self._contracts, self._distinct, self.n_scenarios = contracts, distinct, n_scenarios
        width, slices = padded(n_scenarios), len(contracts.slices.days)
        self.moves = Moves(aligned(len(contracts.underlyings), width), aligned(slices, width))
        forward, log_growth, coin = (aligned(len(distinct.contract), width) for _ in range(3))
        level, shift, skew, curvature = (aligned(slices, width) for _ in range(4))
        self.market = Market(forward, log_growth, coin, level, shift, skew, curvature, aligned(width))
        self._constant: dict[int, float] = {}
        # Beyond the scenarios nothing moves.
        for into, still in zip((*self.moves, *self.market[3:]), (1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0), strict=True):
            into[..., n_scenarios:] = still

    def fill(self, states: States) -> None:
        """The market of some states. Raises ModelInputError NON_FINITE where a forward leaves what is above zero."""
        vol = (states.level, states.shift, states.skew, states.curvature, states.vol_floor)
        given = (states.spot_factor, states.basis_factor, *vol)
        for place, (into, values) in enumerate(zip((*self.moves, *self.market[3:]), given, strict=True)):
            self._copy(place, into, values)
        move_forwards(self._distinct, *self.moves, self.market)
        forward, *others = (each.reshape(-1) for each in self.market[:3])
        if not (all_within(forward, SMALLEST, LARGEST) and all(all_finite(each) for each in others)):
            raise ModelInputError(
                Finding("NON_FINITE", "a shocked forward is missing or not above zero", action="mend the states")
            )

    def _copy(self, place: int, into: Floats, values: Floats) -> None:
        """What is one number everywhere, as in `States.still`, is written once and not for every set of states."""
        if not is_constant(values):
            self._constant.pop(place, None)
        elif self._constant.get(place) == (constant := float(values.flat[0])):
            return
        else:
            self._constant[place] = constant
        into[..., : self.n_scenarios] = values


def options_of(contracts: Contracts) -> OptionBook:
    """Options with their present value, by slice, forward, strike, time and volatility.

    Raises ModelInputError NON_FINITE or NO_PRICE for a smile or a volatility missing or below zero.
    """
    rows = np.flatnonzero(contracts.is_option)
    if (contracts.volatility[rows] < 0.0).any():
        raise ModelInputError(Finding("NON_FINITE", "a volatility is negative", action="mend the quotes"))
    slice_of, years = contracts.slice_of, contracts.years_to_expiry
    keys = (slice_of, contracts.forward, contracts.fixed_part, contracts.strike, years, contracts.volatility)
    rows = rows[np.lexsort([key[rows] for key in reversed(keys)])]
    differs = np.array([_differs(key[rows]) for key in keys]).reshape(len(keys), len(rows))
    new_forward, new_strike = differs[:3].any(axis=0), differs.any(axis=0)
    first, forward_of = rows[new_strike], np.cumsum(new_forward)[new_strike] - 1
    log_strike = log(contracts.strike[first] / contracts.forward[first])
    smile = _require_smiles(contracts.slices.smile)
    strikes = Strikes(
        strike=contracts.strike[first],
        log_strike=log_strike,
        root_years=np.sqrt(np.maximum(years[first], 0.0)),
        per_root=1.0 / np.sqrt(np.maximum(years[first], _SHORTEST_YEARS)),
        ratio=contracts.volatility[first] / _deviation(smile[slice_of[first]], log_strike),
        forward_of=forward_of.astype(np.int64),
        slice_of=slice_of[first],
        smile=smile,
        pointer=np.append(np.flatnonzero(new_strike), len(rows)).astype(np.int64),
    )
    options = Options(
        contract=rows.astype(np.int64),
        side=np.where(contracts.is_call[rows], 1.0, -1.0),
        pays_coin=pays_coin(contracts.form[rows]).astype(np.int64),
        scale=contracts.multiplier[rows] * contracts.settle_price[rows],
        value=np.zeros(len(rows)),
    )
    book = OptionBook(_forwards(contracts, rows[new_forward]), strikes, options)
    return book._replace(options=options._replace(value=_present_value(contracts, book)))


def _present_value(contracts: Contracts, book: OptionBook) -> Floats:
    """Value per unit of scale in the present state, by the kernel that prices the others: no move, no gain."""
    room = Room(contracts, book.forwards, WIDTH)
    room.fill(States.still(contracts, WIDTH))
    scratch = aligned(WIDTH // BLOCK, len(contracts.ids), BLOCK)
    plain = book.options._replace(scale=np.ones(len(book.options.contract)))
    price_options(0, 1, book.strikes, plain, room.market, scratch)
    return np.asarray(scratch[0, book.options.contract, 0])


def _forwards(contracts: Contracts, rows: Ints) -> Forwards:
    return Forwards(
        contract=rows.astype(np.int64),
        underlying=contracts.underlying[rows],
        slice_of=contracts.slice_of[rows],
        forward=contracts.forward[rows],
        fixed=contracts.fixed_part[rows],
        pays_coin=pays_coin(contracts.form[rows]).astype(np.int64),
        scale=contracts.multiplier[rows] * contracts.settle_price[rows],
    )


def _require_smiles(smile: Floats) -> Floats:
    """The smiles, contiguous. The kernel takes roots of them and would not notice what is missing."""
    a, b, rho, _, s = require_finite("smile", smile).T
    least = a + b * np.abs(s) * np.sqrt(np.maximum(1.0 - rho * rho, 0.0))
    if (least < 0.0).any() or (b < 0.0).any() or (np.abs(rho) > 1.0).any():
        raise ModelInputError(Finding("NO_PRICE", "a smile has a variance below zero", action="mend the surface"))
    return np.ascontiguousarray(smile)


def _deviation(smile: Floats, k: Floats) -> Floats:
    """Root of the smile's total variance at k: its shape, to which every option keeps its own ratio."""
    a, b, rho, mu, s = smile.T
    deviation = np.sqrt(a + b * (rho * (k - mu) + np.sqrt((k - mu) ** 2 + s * s)))
    if not (deviation > 0.0).all():
        raise ModelInputError(Finding("NO_PRICE", "a smile has no variance at a strike", action="mend the surface"))
    return np.asarray(deviation)


def _differs(sorted_: Floats | Ints) -> Bools:
    """Whether each differs from the one before; the first does."""
    return np.concatenate([np.ones(min(len(sorted_), 1), dtype=np.bool_), sorted_[1:] != sorted_[:-1]])
