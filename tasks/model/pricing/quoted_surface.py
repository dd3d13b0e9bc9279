"""The surface of the options listed, how their prices lie about it, and what a mark is not sure of.

Reference: METHODOLOGY 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.market import surface
from tasks.model.market.surface import ExpiryKey, Prior, Quotes, Slice, Surface
from tasks.model.policy import SurfaceFit
from tasks.model.pricing import black76, marking, payoff
from tasks.model.pricing.marking import Listed, Marks

_ROUNDING = 1e-9  # of the spread: a price on the very edge of half a spread is inside


class Quality(NamedTuple):
    """How many options of an expiry are quoted on both sides, and how many of those the surface prices well."""

    n_quoted: int
    n_inside: int  # within half a spread of the mark


def fit(listed: Listed, prior: Mapping[ExpiryKey, Prior], limits: SurfaceFit, lowest: float, highest: float) -> Surface:
    """Surface of the live options; a quoted volatility counts within [lowest, highest] and while it is fresh."""
    at = np.flatnonzero(listed.is_option & ~listed.expired)
    forward, own = marking.forwards(listed)[0][at], listed.quoted_volatility[at]
    counts = (own >= lowest) & (own <= highest) & ~listed.stale[at] & ~listed.quote_stale[at]
    volatility = np.where(counts, own, np.nan)
    vega = black76.greeks(
        forward, listed.strike[at], np.where(counts, own, 0.0), listed.years_to_expiry[at], listed.is_call[at]
    ).vega
    return surface.fit(
        Quotes(
            listed.underlying[at],
            listed.expiry[at],
            listed.years_to_expiry[at],
            listed.strike[at],
            forward,
            listed.is_call[at],
            volatility,
            vega,
            listed.bid[at],
            listed.price[at],
            listed.ask[at],
        ),
        prior,
        limits,
    )


def quality(listed: Listed, fitted: Surface) -> dict[ExpiryKey, Quality]:
    """Of each slice: fresh prices quoted on both sides, and those the surface meets within half a spread."""
    forward, modelled = marking.forwards(listed)[0], np.full(len(listed.ids), np.nan)
    volatility = _surface_volatility(listed, fitted, forward)
    at = np.flatnonzero(np.isfinite(volatility))
    black = black76.price(
        forward[at], listed.strike[at], volatility[at], listed.years_to_expiry[at], listed.is_call[at]
    )
    modelled[at] = listed.discount[at] * payoff.quoted_option_price(listed.form[at], black, forward[at])
    spread = listed.ask - listed.bid
    quoted = (spread >= 0.0) & ~np.isnan(listed.price) & ~listed.stale & ~listed.quote_stale
    inside = quoted & (np.abs(modelled - listed.price) <= spread * (0.5 + _ROUNDING))
    return {
        key: Quality(int(np.sum(quoted & own)), int(np.sum(inside & own)))
        for key in fitted.by_expiry
        for own in [(listed.underlying == key[0]) & (listed.expiry == key[1])]
    }


def mark_uncertainty_usd(
    listed: Listed,
    marks: Marks,
    fitted: Surface,
    multiplier: Floats,
    settle_price: Floats,
    vol_move: Floats,
    limits: SurfaceFit,
) -> Floats:
    """(n,) USD per contract, >= 0: vega times what its volatility is unsure of; 0 for forwards and what expired.

    A volatility of its own is unsure of its distance from today's slice beyond the tolerance. Where the mark is a
    substitute or stale, or the slice is none of today's, the tolerance itself is added; where no option of the
    underlying was quoted today, at least the move of a day, which may have happened unseen.
    multiplier: (n,) underlying units; settle_price: (n,) USD per settlement asset; vol_move: (n,) a day's move of the
    underlying's volatility.
    """
    unsure = np.zeros(len(listed.ids))
    at = np.flatnonzero(listed.is_option & ~listed.expired)
    tolerance = surface.tolerance_bp(listed.years_to_expiry[at], limits) / surface.BASIS_POINTS
    slices = [_slice_of(listed, fitted, int(each)) for each in at]
    borrowed = np.array([each is not None and each.method == "PRIOR" for each in slices], dtype=np.bool_)
    distance = np.abs(marks.volatility[at] - _surface_volatility(listed, fitted, marks.forward)[at])
    misfit = np.where(np.isnan(distance) | borrowed, 0.0, np.maximum(distance - tolerance, 0.0))
    weak = borrowed | np.isin(marks.quality[at], ("MODEL", "STALE")) | (marks.method[at] == "MODEL_PRICE")
    unseen = np.isin(listed.underlying[at], unquoted(fitted))
    shock = np.where(unseen, np.maximum(tolerance, vol_move[at]), np.where(weak, tolerance, 0.0))
    vega = black76.greeks(
        marks.forward[at], listed.strike[at], marks.volatility[at], listed.years_to_expiry[at], listed.is_call[at]
    ).vega
    quoted = listed.discount[at] * payoff.quoted_option_price(listed.form[at], vega, marks.forward[at])
    unsure[at] = multiplier[at] * settle_price[at] * quoted * (misfit + shock)
    return unsure


def unquoted(fitted: Surface) -> list[str]:
    """Underlyings of the surface without one usable quote today: all their slices are the cycle before's."""
    names = {each.underlying for each in fitted.slices}
    return sorted(names - {each.underlying for each in fitted.slices if each.n_quotes})


def _surface_volatility(listed: Listed, fitted: Surface, forward: Floats) -> Floats:
    """(n,) volatility of live options on the surface, NaN elsewhere."""
    live = listed.is_option & ~listed.expired
    return np.where(
        live, fitted.implied_volatility(listed.underlying, listed.expiry, np.log(listed.strike / forward)), np.nan
    )


def _slice_of(listed: Listed, fitted: Surface, position: int) -> Slice | None:
    return fitted.by_expiry.get((str(listed.underlying[position]), listed.expiry[position]))
