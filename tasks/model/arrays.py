"""Arrays the rooms of the model hand each other: what a contract is, and what a set of scenarios is.

All floats are float64. NaN is allowed only where a field's comment says so; everything else must be finite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.model.errors import Finding, ModelInputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Dates = NDArray[np.datetime64]

DAYS_PER_YEAR = 365.0
LINEAR_FORWARD, INVERSE_FORWARD, COIN_OPTION, QUOTE_OPTION = range(4)
FLAT_SMILE = (1.0, 0.0, 0.0, 0.0, 1.0)  # the same total variance at every strike


@dataclass(frozen=True)
class Slices:
    """Expiries of the underlyings, g of them: contracts of a slice share the basis of its forward and its smile.

    A smile gives the shape alone: every option keeps its own ratio to it, so that it is marked where it is marked.
    """

    underlying: Ints  # (g,) position in Contracts.underlyings
    days: Floats  # (g,) days to expiry, infinite for perpetuals
    smile: Floats  # (g, 5) raw SVI a, b, rho, mu, s of the total variance; FLAT_SMILE where none is known


def slices_of(underlying: Ints, days: Floats) -> tuple[Ints, Slices]:
    """Slice of each contract, (n,), and the slices themselves with flat smiles, by underlying and expiry.

    underlying: (n,) position in the underlyings; days: (n,) days to expiry, infinite for perpetuals.
    """
    keys, place = np.unique(np.column_stack([underlying, days]), axis=0, return_inverse=True)
    smile = np.tile(np.array(FLAT_SMILE), (len(keys), 1))
    return place.astype(np.int64), Slices(keys[:, 0].astype(np.int64), keys[:, 1], smile)


@dataclass(frozen=True)
class Contracts:
    """Contracts of a run in key order, n of them.

    `underlying` indexes `underlyings`; `form` is one of the four constants above: a future or perpetual paid in quote
    or in coin, an option paid in coin or in quote.
    """

    ids: tuple[str, ...]
    underlyings: tuple[str, ...]
    underlying: Ints  # (n,)
    form: Ints  # (n,)
    multiplier: Floats  # (n,) linear and options: underlying units per contract; inverse forwards: USD per contract
    index_price: Floats  # (n,) USD, spot index of the underlying
    forward: Floats  # (n,) quote: options: forward of the expiry; forwards: their own mark
    settle_price: Floats  # (n,) USD now per settlement asset, of an option paid at expiry: discounted where policy says
    strike: Floats  # (n,) quote, NaN for forwards
    is_call: Bools  # (n,) False for forwards
    years_to_expiry: Floats  # (n,) years of 365 days, NaN for forwards
    volatility: Floats  # (n,) fraction per sqrt(year), NaN for forwards
    fixed_part: Floats  # (n,) quote, what a running settlement average has fixed of the forward; 0 outside of one
    slice_of: Ints  # (n,) position in slices
    slices: Slices

    @property
    def is_option(self) -> Bools:
        """(n,) whether the contract is an option."""
        return self.form >= COIN_OPTION


@dataclass(frozen=True)
class States:
    """The market in each of n scenarios relative to now, for the u underlyings and g slices of some contracts.

    A forward moves to its fixed part plus the floating one times spot and basis factor. Volatility is read off the
    slice at the same place relative to the new forward (sticky moneyness), k = ln(K / F'), z = k / sqrt(T) cut at
    +-kernels.LARGEST_MONEYNESS: max(level sigma(k) + shift + skew z + curvature z^2, floor).
    Reference: METHODOLOGY 2 and 3.
    """

    spot_factor: Floats  # (u, n) S' / S, > 0
    basis_factor: Floats  # (g, n) change of F / S, > 0
    level: Floats  # (g, n) factor on volatility, >= 0
    shift: Floats  # (g, n) fraction per sqrt(year)
    skew: Floats  # (g, n) fraction per sqrt(year) per unit of z
    curvature: Floats  # (g, n) fraction per sqrt(year) per unit of z squared
    vol_floor: Floats  # (n,) fraction per sqrt(year), >= 0

    @staticmethod
    def still(contracts: Contracts, n: int) -> States:
        """n scenarios in which nothing moves: `dataclasses.replace` what does. One number stands for all of a field."""
        underlyings, slices = (len(contracts.underlyings), n), (len(contracts.slices.days), n)
        one, zero = np.broadcast_to(1.0, slices), np.broadcast_to(0.0, slices)
        return States(np.broadcast_to(1.0, underlyings), one, one, zero, zero, zero, np.broadcast_to(0.0, n))


@dataclass(frozen=True)
class Closes:
    """Daily closes on one joint calendar without holes in the dates: a missing close is NaN, never filled."""

    underlyings: tuple[str, ...]
    dates: Dates  # (n_days,) every calendar day from first to last
    close: Floats  # (n_underlyings, n_days) USD, NaN where missing


@dataclass(frozen=True)
class TenorMoves:
    """Observed moves of u underlyings at m tenors in n scenarios; NaN where none was observed."""

    days: Floats  # (m,) ascending, infinite for the perpetual
    move: Floats  # (u, m, n) log

    @staticmethod
    def none(underlyings: int, n: int) -> TenorMoves:
        """Nothing observed."""
        return TenorMoves(np.zeros(0), np.zeros((underlyings, 0, n)))


@dataclass(frozen=True)
class ScenarioSet:
    """Scenarios by start date, n of them; all factors of a date move together."""

    name: str  # FILTERED, LONG_RUN or STRESSED
    ids: tuple[str, ...]  # F-2025-01-30; S-2020-03-12T06 where it starts at another hour than the daily close
    underlyings: tuple[str, ...]
    start_dates: Dates  # (n,)
    horizon_days: Ints  # (n_underlyings,) liquidation period of each underlying's return
    spot_return: Floats  # (n_underlyings, n) log return, after scaling
    scale_factor: Floats  # (n_underlyings, n) factor on the observed return, 1 in the stressed set
    proxied: Bools  # (n_underlyings, n) whether the return itself is a declared proxy
    vol_score: Floats  # (n,) normal score of the vol proxy
    dropped: int  # start dates in reach that gave no scenario because a close was missing
    vol_observed: TenorMoves  # of the volatility level, instead of the proxy where there is one
    basis_observed: TenorMoves  # of ln(F / S)

    @property
    def vol_proxied(self) -> Bools:
        """(n_underlyings, n) whether no move of the volatility level was observed, so that all of it is the proxy."""
        return np.asarray(np.isnan(self.vol_observed.move).all(axis=1))

    @property
    def basis_proxied(self) -> Bools:
        """(n_underlyings, n) whether no move of forwards against spot was observed, so that they move with spot."""
        return np.asarray(np.isnan(self.basis_observed.move).all(axis=1))


def is_constant(values: Floats) -> bool:
    """Whether an array is one number seen everywhere (`numpy.broadcast_to`), so that to look at it once is enough."""
    return values.size > 0 and not any(values.strides)


def require_finite(name: str, values: Floats, labels: tuple[str, ...] = ()) -> Floats:
    """The values themselves. Raises ModelInputError NON_FINITE naming the first that is NaN or infinite."""
    bad = ~np.isfinite(values)
    if bad.any():
        position = int(np.argwhere(np.atleast_1d(bad))[0][0])
        label = labels[position] if labels else str(position)
        raise ModelInputError(
            Finding(
                "NON_FINITE",
                f"{name} is missing or not finite",
                where=label,
                value=str(values[bad][0]),
                action="mend the input or let its declared fallback act",
            )
        )
    return values
