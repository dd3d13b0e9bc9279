"""Spot at which an account is closed out, per account and underlying: where equity falls to maintenance margin.

    equity(S) - maintenance = headroom + coin (S/S0 - 1) + P&L of the positions in the underlying at S

Everything else is held: other underlyings, basis, smile (at the same place relative to the forward), time and the
maintenance margin itself. Options are revalued whole, inverse contracts in the coin at its own new price.

The first price on either side of the present one is sought on a ladder: even steps of the logarithm, and every strike,
for between two of those a book at expiry is a straight line and cannot dip unseen. Where the sign changes, the price
is refined by full revaluation of that account's own positions. Reference: METHODOLOGY 5; Chandrupatla (1997).
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
_PRECISION = 1e-10  # of the logarithm of the price: what option prices are good for on a large book
_MOST_ROUNDS = 100  # bisection alone needs 35


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
    below, above = np.full(headroom_usd.shape, np.nan), np.full(headroom_usd.shape, np.nan)
    for number in range(len(contracts.underlyings)):
        rows = np.flatnonzero(positions.row_underlying == number)
        if len(rows):
            own = _rows_of(positions, rows)
            below[rows], above[rows] = _of_one_underlying(contracts, own, headroom_usd[rows], coin_usd[rows])
    return LiquidationPrices(below, above)


def _of_one_underlying(
    contracts: Contracts, positions: PositionRows, headroom: Floats, coin: Floats
) -> tuple[Floats, Floats]:
    """Prices of rows that all hold contracts of one underlying."""
    held, place = np.unique(positions.contract_index, return_inverse=True)
    traded = _taken(contracts, held)
    ladder = price_ladder(traded)
    states = _states(traded, np.broadcast_to(ladder, (len(contracts.underlyings), len(ladder))))
    pnl = portfolio_pnl(positions.pointer, place.astype(np.int64), positions.quantity, revalue(traded, states))
    surplus = headroom[:, None] + coin[:, None] * (ladder - 1.0) + pnl
    now, spot = int(np.searchsorted(ladder, 1.0)), traded.index_price[0]
    surplus[:, now] = headroom  # a digit lost in revaluing at the present price must not decide
    sides = []
    for step in (-1, 1):
        start, end, found = _first_crossing(surplus, now, step)
        price = np.full(headroom.shape, np.nan)
        rows = np.flatnonzero(found)
        equation = _equation(contracts, _rows_of(positions, rows), headroom[rows], coin[rows])
        price[rows] = spot * np.exp(_root(equation, np.log(ladder[start[rows]]), np.log(ladder[end[rows]])))
        sides.append(np.where(headroom <= 0.0, spot, price))
    return sides[0], sides[1]


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


def _equation(
    contracts: Contracts, positions: PositionRows, headroom: Floats, coin: Floats
) -> Callable[[Ints, Floats], Floats]:
    """Surplus of some rows, each at its own logarithm of the factor on spot, by revaluing the positions of each."""

    def surplus(rows: Ints, log_factor: Floats) -> Floats:
        own, factor = _rows_of(positions, rows), np.exp(log_factor)
        each = _taken(contracts, own.contract_index)
        owner = np.repeat(np.arange(len(rows)), np.diff(own.pointer))
        # Every row is an underlying of its own here, so that each has its own price.
        each = replace(each, underlyings=tuple(map(str, rows)), underlying=owner)
        pnl = revalue(each, _states(each, factor[:, None]))[:, 0]
        total = np.bincount(owner, own.quantity * pnl, len(rows))
        return np.asarray(headroom[rows] + coin[rows] * (factor - 1.0) + total)

    return surplus


def _root(equation: Callable[[Ints, Floats], Floats], a: Floats, b: Floats) -> Floats:
    """Root of each of r equations between a and b, where their signs differ; both (r,).

    Inverse quadratic steps where they are safe, halving otherwise: the bracket never opens and always shrinks.
    """
    every = np.arange(len(a))
    fa, fb = equation(every, a), equation(every, b)
    c, fc = a.copy(), fa.copy()
    share = np.full(a.shape, 0.5)
    for _ in range(_MOST_ROUNDS):
        open_ = np.flatnonzero((np.abs(b - a) > _PRECISION) & (fa != 0.0) & (fb != 0.0))
        if not len(open_):
            break
        x = a[open_] + share[open_] * (b[open_] - a[open_])
        fx = equation(open_, x)
        same = np.sign(fx) == np.sign(fa[open_])
        c[open_] = np.where(same, a[open_], b[open_])
        fc[open_] = np.where(same, fa[open_], fb[open_])
        b[open_] = np.where(same, b[open_], a[open_])
        fb[open_] = np.where(same, fb[open_], fa[open_])
        a[open_], fa[open_] = x, fx
        share[open_] = _share(a[open_], b[open_], c[open_], fa[open_], fb[open_], fc[open_])
    return np.where(np.abs(fa) < np.abs(fb), a, b)


def _share(a: Floats, b: Floats, c: Floats, fa: Floats, fb: Floats, fc: Floats) -> Floats:
    """Where between a and b to look next: inverse quadratic interpolation if Chandrupatla's test trusts it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        safe = (phi * phi < xi) & ((1.0 - phi) ** 2 < 1.0 - xi)
        curved = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        nearest = 0.5 * _PRECISION / np.abs(b - a)
    return np.where(safe & np.isfinite(curved), np.clip(curved, nearest, 1.0 - nearest), 0.5)


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
