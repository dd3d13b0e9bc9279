"""The implied-volatility surface of a run: one certified SVI slice per underlying and expiry, fitted front to back.

An expiry with too few quotes takes the slice it had in the cycle before, its total variance scaled to the level of the
quotes there are, or by time where there is none; where that one crosses its neighbours, the nearest certified slice of
today, scaled the same way as far as the neighbours allow. Scaling total variance down keeps a slice free of butterfly
arbitrage: g is concave in the factor and not negative at zero. Reference: METHODOLOGY 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from tasks.model.arrays import DAYS_PER_YEAR, Bools, Dates, Floats, Ints
from tasks.model.market import certificate, svi_fit
from tasks.model.market.certificate import Certificate
from tasks.model.market.svi import Svi
from tasks.model.policy import SurfaceFit

BASIS_POINTS = 1e4
_GROWTH_SHARES = (0.5, 0.25, 0.125, 0.0)  # of the growth by time that a neighbour behind may allow
ExpiryKey = tuple[str, np.datetime64]


@dataclass(frozen=True)
class Quotes:
    """Live options, n of them in any order; NaN where a figure is missing or may not be used."""

    underlying: NDArray[np.str_]  # (n,)
    expiry: Dates  # (n,)
    years: Floats  # (n,) of 365 days, > 0
    strike: Floats  # (n,) quote
    forward: Floats  # (n,) quote, of the option's own quote
    is_call: Bools  # (n,)
    volatility: Floats  # (n,) fraction per sqrt(year)
    vega: Floats  # (n,) quote per 1.00 of volatility
    bid: Floats  # (n,) in one unit with mark and ask
    mark: Floats  # (n,)
    ask: Floats  # (n,)

    @property
    def usable(self) -> Bools:
        """(n,) whether a quote enters the fit: out of the money, quoted on both sides, bid <= mark <= ask."""
        out_of_the_money = np.where(self.is_call, self.strike >= self.forward, self.strike < self.forward)
        ordered = (self.bid <= self.mark) & (self.mark <= self.ask)
        return np.asarray(out_of_the_money & ordered & (self.volatility > 0.0) & (self.vega > 0.0))


@dataclass(frozen=True)
class Prior:
    """A certified slice of the cycle before and its years to expiry then."""

    svi: Svi
    years: float


@dataclass(frozen=True)
class Slice:
    """One expiry. rmse_bp is NaN without a usable quote; min_calendar_gap is inf where no expiry stands before."""

    underlying: str
    expiry: np.datetime64
    years: float
    forward: float  # quote, median of the options'
    svi: Svi
    method: str  # SVI, REPAIRED or PRIOR
    certified: bool
    min_g: float
    min_calendar_gap: float
    n_quotes: int
    rmse_bp: float  # of volatility, weighted by vega
    tolerance_bp: float

    def implied_volatility(self, log_moneyness: Floats) -> Floats:
        """Fraction per sqrt(year) at ln(strike / forward); NaN where total variance is below zero."""
        variance = self.svi.total_variance(log_moneyness)
        return np.sqrt(np.where(variance >= 0.0, variance, np.nan) / self.years)


@dataclass(frozen=True)
class Surface:
    """Slices by underlying and expiry, sorted."""

    slices: tuple[Slice, ...]

    @cached_property
    def by_expiry(self) -> Mapping[ExpiryKey, Slice]:
        """Slices by their key."""
        return {(each.underlying, each.expiry): each for each in self.slices}

    def implied_volatility(self, underlying: NDArray[np.str_], expiry: Dates, log_moneyness: Floats) -> Floats:
        """(n,) fraction per sqrt(year); NaN where the surface has no slice of the expiry."""
        volatility = np.full(len(underlying), np.nan)
        for (name, moment), each in self.by_expiry.items():
            at = np.flatnonzero((underlying == name) & (expiry == moment))
            volatility[at] = each.implied_volatility(log_moneyness[at])
        return volatility


@dataclass(frozen=True)
class _Expiry:
    """Quotes (q,) of one expiry that enter a fit."""

    underlying: str
    expiry: np.datetime64
    years: float
    forward: float
    k: Floats
    volatility: Floats
    vega: Floats


@dataclass(frozen=True)
class _Found:
    svi: Svi
    method: str
    certificate: Certificate


def tolerance_bp(years: Floats, limits: SurfaceFit) -> Floats:
    """Misfit that is no uncertainty, bp of volatility."""
    short = np.asarray(years) * DAYS_PER_YEAR < limits.short_days
    return np.where(short, limits.tolerance_short_vol, limits.tolerance_vol) * BASIS_POINTS


def fit(quotes: Quotes, prior: Mapping[ExpiryKey, Prior], limits: SurfaceFit) -> Surface:
    """Surface of every underlying and expiry among the quotes, but for underlyings without one slice to stand on."""
    slices: list[Slice] = []
    for _, expiries in groupby(_expiries(quotes), key=lambda each: each.underlying):
        slices += _of_underlying(list(expiries), prior, limits)
    return Surface(tuple(slices))


def _expiries(quotes: Quotes) -> list[_Expiry]:
    keys = sorted(set(zip(quotes.underlying.tolist(), quotes.expiry, strict=True)))
    return [_expiry(quotes, name, moment) for name, moment in keys]


def _expiry(quotes: Quotes, underlying: str, moment: np.datetime64) -> _Expiry:
    listed = np.flatnonzero((quotes.underlying == underlying) & (quotes.expiry == moment))
    at = _one_per_strike(quotes, listed[quotes.usable[listed]])
    return _Expiry(
        underlying,
        moment,
        float(quotes.years[listed[0]]),
        float(np.median(quotes.forward[listed])),
        np.log(quotes.strike[at] / quotes.forward[at]),
        quotes.volatility[at],
        quotes.vega[at],
    )


def _one_per_strike(quotes: Quotes, at: Ints) -> Ints:
    """Of options that share a strike (paid in coin and in quote) the one of least volatility; by strike."""
    order = at[np.lexsort((quotes.vega[at], quotes.volatility[at], quotes.strike[at]))]
    return order[np.unique(quotes.strike[order], return_index=True)[1]]


def _of_underlying(expiries: Sequence[_Expiry], prior: Mapping[ExpiryKey, Prior], limits: SurfaceFit) -> list[Slice]:
    found: dict[np.datetime64, _Found] = {}
    before: Svi | None = None
    for each in expiries:
        if len(each.k) >= limits.minimum_quotes:
            found[each.expiry] = own = _fitted(each, before)
            before = own.svi if own.certificate.passes else before
    fitted = dict(found)
    for position, each in enumerate(expiries):
        if each.expiry not in fitted:
            borrowed = _borrowed(expiries, position, found, prior.get((each.underlying, each.expiry)))
            found |= {each.expiry: borrowed} if borrowed else {}
    return [_slice(each, found[each.expiry], limits) for each in expiries if each.expiry in found]


def _fitted(expiry: _Expiry, before: Svi | None) -> _Found:
    svi = svi_fit.fit(expiry.k, expiry.volatility, expiry.vega, expiry.years, before)
    seen = certificate.certify(svi, before)
    if seen.passes:
        return _Found(svi, "SVI", seen)
    svi = certificate.repaired(svi, expiry.years, before)
    return _Found(svi, "REPAIRED", certificate.certify(svi, before))


def _borrowed(
    expiries: Sequence[_Expiry], position: int, found: Mapping[np.datetime64, _Found], prior: Prior | None
) -> _Found | None:
    """First slice in the order of preference that neither neighbour crosses; None where there is nothing to borrow."""
    own = expiries[position]
    front = _nearest(expiries[:position][::-1], found)
    back = _nearest(expiries[position + 1 :], found)
    sources = [each for each in (prior, front or back) if each]
    candidates = [_at_level(own, each) for each in sources if len(own.k)]
    candidates += [each.svi.scaled(own.years / each.years) for each in sources]
    growth = own.years / front.years - 1.0 if front else 0.0
    candidates += [front.svi.scaled(1.0 + growth * share) for share in _GROWTH_SHARES if front]
    for candidate in (each.rounded() for each in candidates):
        seen = certificate.certify(candidate, front.svi if front else None)
        if seen.passes and (back is None or certificate.certify(back.svi, candidate).passes):
            return _Found(candidate, "PRIOR", seen)
    return None


def _at_level(expiry: _Expiry, source: Prior) -> Svi:
    """The source's slice at the level that fits the quotes best in volatility, weighted by vega."""
    modelled = np.sqrt(np.maximum(source.svi.total_variance(expiry.k), 0.0) / expiry.years)
    weighted = expiry.vega * modelled
    factor = float(np.sum(weighted * expiry.volatility) / np.sum(weighted * modelled))
    return source.svi.scaled(factor * factor)


def _nearest(expiries: Sequence[_Expiry], found: Mapping[np.datetime64, _Found]) -> Prior | None:
    """Slice of the first of the expiries that has a certified one."""
    certified = (each for each in expiries if each.expiry in found and found[each.expiry].certificate.passes)
    nearest = next(certified, None)
    return Prior(found[nearest.expiry].svi, nearest.years) if nearest else None


def _slice(expiry: _Expiry, found: _Found, limits: SurfaceFit) -> Slice:
    return Slice(
        expiry.underlying,
        expiry.expiry,
        expiry.years,
        expiry.forward,
        found.svi,
        found.method,
        found.certificate.passes,
        found.certificate.min_g,
        found.certificate.min_calendar_gap,
        len(expiry.k),
        _rmse_bp(expiry, found.svi),
        float(tolerance_bp(np.array(expiry.years), limits)),
    )


def _rmse_bp(expiry: _Expiry, svi: Svi) -> float:
    if not len(expiry.k):
        return float("nan")
    order = np.lexsort((expiry.vega, expiry.volatility, expiry.k))
    modelled = np.sqrt(np.maximum(svi.total_variance(expiry.k[order]), 0.0) / expiry.years)
    error = (modelled - expiry.volatility[order]) * BASIS_POINTS
    weight = expiry.vega[order]
    return float(np.sqrt(np.sum(weight * error * error) / np.sum(weight)))
