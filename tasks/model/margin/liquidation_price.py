"""Spot at which an account is closed out, per account and underlying: where equity falls to maintenance margin.

    equity(S) - maintenance = headroom + coin (S/S0 - 1) + P&L of the positions in the underlying at S

Everything else is held: other underlyings, basis, smile (at the same place relative to the forward), time and the
maintenance margin itself. Options are revalued whole, inverse contracts in the coin at its own new price.

The first price on either side of the present one is sought on a ladder: even steps of the logarithm, and every strike,
for between two of those a book at expiry is a straight line and cannot dip unseen. Where the sign changes, the price
is refined by full revaluation of that account's own positions, to less than 1e-7 of it. Reference: METHODOLOGY 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from tasks.model.arrays import Bools, Contracts, Floats, Ints, States, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.pricing.revaluation import revalue
from tasks.model.risk.profit import portfolio_pnl

LARGEST_FACTOR = 50.0  # a price further away than this, up or down, is none
_STEPS = 200  # of the ladder on each side: 2 % of the price each
_PARTS = 15  # of a bracket in each round: their ends fill a block of the kernels
_ROUNDS = 3  # 2 % / 15^3 is 6e-6 of the price, before the chord
_SIDES = (-1, 1)

Equation = Callable[[Floats], Floats]
"""Logarithms of the factor on spot (r, points) -> USD by which equity exceeds maintenance margin there."""


@dataclass(frozen=True)
class PositionRows:
    """Sparse rows of positions, one of an account (or a portfolio) in one underlying each, r rows."""

    row_underlying: Ints  # (r,) position in Contracts.underlyings
    pointer: Ints  # (r + 1,) row r holds entries pointer[r] to pointer[r + 1]
    contract_index: Ints  # (entries,) position in the contracts, each of the row's underlying
    quantity: Floats  # (entries,) contracts, long > 0


class LiquidationPrices(NamedTuple):
    """(r,) each, USD of the underlying's spot; NaN where no price up to the largest factor closes the account out.

    Where equity is at or below maintenance margin already, both are the present spot.
    """

    below: Floats
    above: Floats


def liquidation_prices(
    contracts: Contracts, positions: PositionRows, headroom_usd: Floats, coin_usd: Floats
) -> LiquidationPrices:
    """Nearest prices below and above the present spot at which each row's account reaches maintenance margin.

    headroom_usd: (r,) collateral less total maintenance margin of the account now. coin_usd: (r,) value of the row's
    underlying coin within that collateral, which moves with spot; below 0 where the account owes it.
    Raises ModelInputError NON_FINITE, SHAPE, or as `revalue`.
    """
    _require_rows(contracts, positions, headroom_usd, coin_usd)
    price = np.full((len(headroom_usd), len(_SIDES)), np.nan)
    for number in range(len(contracts.underlyings)):
        rows = np.flatnonzero(positions.row_underlying == number)
        if len(rows):
            own = _rows_of(positions, rows)
            price[rows] = _of_one_underlying(contracts, own, headroom_usd[rows], coin_usd[rows])
    return LiquidationPrices(price[:, 0], price[:, 1])


def _of_one_underlying(contracts: Contracts, positions: PositionRows, headroom: Floats, coin: Floats) -> Floats:
    """(r, 2) prices below and above of rows that all hold contracts of one underlying."""
    held, place = np.unique(positions.contract_index, return_inverse=True)
    traded = _taken(contracts, held)
    ladder = price_ladder(traded)
    states = _states(traded, np.broadcast_to(ladder, (len(contracts.underlyings), len(ladder))))
    pnl = portfolio_pnl(positions.pointer, place.astype(np.int64), positions.quantity, revalue(traded, states))
    surplus = headroom[:, None] + coin[:, None] * (ladder - 1.0) + pnl
    now, spot = int(np.searchsorted(ladder, 1.0)), traded.index_price[0]
    surplus[:, now] = headroom  # a digit lost in revaluing at the present price must not decide
    sides = [_first_crossing(surplus, now, side) for side in _SIDES]
    start, end, found = (np.stack(each, axis=1) for each in zip(*sides, strict=True))
    rows = np.flatnonzero(found.any(axis=1))
    equation = _equation(contracts, _rows_of(positions, rows), headroom[rows], coin[rows])
    price = np.full(found.shape, np.nan)
    if len(rows):
        price[rows] = spot * np.exp(_root(equation, np.log(ladder[start[rows]]), np.log(ladder[end[rows]])))
    price[~found] = np.nan
    price[headroom <= 0.0] = spot
    return price


def price_ladder(contracts: Contracts) -> Floats:
    """Factors on spot from 1 / LARGEST_FACTOR to LARGEST_FACTOR, ascending, 1 among them, and those of the strikes."""
    even = np.exp(np.linspace(-1.0, 1.0, 2 * _STEPS + 1) * np.log(LARGEST_FACTOR))
    at = contracts.is_option
    fixed = contracts.fixed_part[at]
    kink = (contracts.strike[at] - fixed) / (contracts.forward[at] - fixed)
    return np.unique(np.concatenate([even, kink[(kink > even[0]) & (kink < even[-1])]]))


def _first_crossing(surplus: Floats, now: int, step: int) -> tuple[Ints, Ints, Bools]:
    """Ladder positions before and at the first point, going out from now, where nothing is left; whether there is one.

    surplus: (r, points).
    """
    outward = surplus[:, now::step] <= 0.0
    first = np.argmax(outward, axis=1)
    return now + step * np.maximum(first - 1, 0), now + step * first, np.asarray(outward.any(axis=1) & (first > 0))


def _equation(contracts: Contracts, positions: PositionRows, headroom: Floats, coin: Floats) -> Equation:
    """Surplus of each row at logarithms of the factor on spot of its own, by revaluing the positions of each."""
    owner = np.repeat(np.arange(len(headroom)), np.diff(positions.pointer))
    each = _apart(_taken(contracts, positions.contract_index), owner, len(headroom))
    every = np.arange(len(owner))

    def surplus(log_factor: Floats) -> Floats:
        factor = np.exp(log_factor)
        pnl = portfolio_pnl(positions.pointer, every, positions.quantity, revalue(each, _states(each, factor)))
        return headroom[:, None] + coin[:, None] * (factor - 1.0) + pnl

    return surplus


def _apart(contracts: Contracts, owner: Ints, rows: int) -> Contracts:
    """Contracts with every owner as an underlying with slices of its own, so that each has its own price."""
    slices = contracts.slices
    pairs, slice_of = np.unique(owner * len(slices.days) + contracts.slice_of, return_inverse=True)
    row, old = pairs // len(slices.days), pairs % len(slices.days)
    return replace(
        contracts,
        underlyings=tuple(map(str, range(rows))),
        underlying=owner,
        slice_of=slice_of.astype(np.int64),
        slices=replace(slices, underlying=row, days=slices.days[old], smile=slices.smile[old]),
    )


def _root(equation: Equation, near: Floats, far: Floats) -> Floats:
    """Root of each of r equations on each of s ways from `near`, where something is left, to `far`, where nothing is.

    Each round cuts every way into equal parts and keeps the first on which the sign changes; a chord finds the root
    within the last. near, far: (r, s).
    """
    shares = np.linspace(0.0, 1.0, _PARTS + 1)
    for _ in range(_ROUNDS):
        points = near[..., None] + (far - near)[..., None] * shares
        left = equation(points.reshape(len(near), near.shape[1] * len(shares))).reshape(points.shape)
        left[..., -1] = np.minimum(left[..., -1], 0.0)  # known: a digit lost there must not send the search on
        after = np.argmax(left[..., 1:] <= 0.0, axis=-1)[..., None] + 1
        near, far = (np.take_along_axis(points, at, axis=-1)[..., 0] for at in (after - 1, after))
        above, below = (np.take_along_axis(left, at, axis=-1)[..., 0] for at in (after - 1, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = above / (above - below)
    return np.asarray(near + (far - near) * np.where(np.isfinite(share), np.clip(share, 0.0, 1.0), 1.0))


def _states(contracts: Contracts, spot_factor: Floats) -> States:
    return replace(States.still(contracts, spot_factor.shape[1]), spot_factor=spot_factor)


def _rows_of(positions: PositionRows, rows: Ints) -> PositionRows:
    """Some rows, with their entries alone, in the order asked for."""
    count = np.diff(positions.pointer)[rows]
    pointer = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    entries = np.repeat(positions.pointer[rows] - pointer[:-1], count) + np.arange(pointer[-1])
    return PositionRows(
        positions.row_underlying[rows], pointer, positions.contract_index[entries], positions.quantity[entries]
    )


def _taken(contracts: Contracts, index: Ints) -> Contracts:
    """Contracts at some positions, which may repeat; underlyings and slices stay."""
    arrays: dict[str, Any] = {
        each.name: value[index]
        for each in fields(contracts)
        if isinstance(value := getattr(contracts, each.name), np.ndarray)
    }
    return replace(contracts, ids=tuple(map(contracts.ids.__getitem__, index.tolist())), **arrays)


def _require_rows(contracts: Contracts, positions: PositionRows, headroom: Floats, coin: Floats) -> None:
    shape = positions.row_underlying.shape
    owner = np.repeat(positions.row_underlying, np.diff(positions.pointer))
    if (
        headroom.shape != shape
        or coin.shape != shape
        or (contracts.underlying[positions.contract_index] != owner).any()
    ):
        raise ModelInputError(Finding("SHAPE", "rows, their collateral and their contracts do not belong together"))
    require_finite("headroom", headroom)
    require_finite("coin collateral", coin)
    require_finite("quantity", positions.quantity)
