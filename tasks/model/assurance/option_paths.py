"""Margin of option portfolios on every day of a made-up market, beside what they lost: rate paths to be judged.

    rate = BASE_MARGIN = max(blended expected shortfall, worst point of the grid, roll of expiries)

per USD of spot, from closes up to the day. A portfolio in one underlying has no other pairing to fear. Reference:
METHODOLOGY 5 (line 1) and 9.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats, Ints
from tasks.model.assurance.option_portfolios import OPTION_PORTFOLIOS, realised_losses, struck
from tasks.model.assurance.policy_sweep import HeldBook, sweep
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import HOUSE_MODEL, house_periods
from tasks.model.assurance.static_portfolio import StaticPortfolio
from tasks.model.market.simulation import SyntheticMarket
from tasks.model.policy import Policy
from tasks.model.risk import grid

OPTION = "OPTION"


def option_paths(market: SyntheticMarket, policy: Policy, days: Ints) -> tuple[RatePath, ...]:
    """Path of each option portfolio on consecutive days, positions in the market's closes.

    The path's volatility is that of spot, which is what the portfolios are struck by.
    Raises ModelInputError as `sweep`.
    """
    (name,) = market.closes.underlyings
    period = house_periods((name,), policy)[name]
    books = [struck(market, day) for day in days.tolist()]
    expected = sweep(dict(zip(days.tolist(), books, strict=True)).__getitem__, market.closes, [policy], days)
    scanned = np.stack([grid_losses(book, policy) for book in books])
    rate = np.maximum(expected.shortfall[0], scanned)
    loss = np.stack(
        [realised_losses(market, book, day, period) for book, day in zip(books, days.tolist(), strict=True)]
    )
    none = np.full(len(days), np.nan)
    return tuple(
        RatePath(
            StaticPortfolio(each.name, OPTION, ()),
            HOUSE_MODEL,
            period,
            market.closes.dates[days],
            rate[:, place],
            loss[:, place],
            np.sqrt(market.variance[days]),
            none,
            0.0,
        )
        for place, each in enumerate(OPTION_PORTFOLIOS)
    )


def grid_losses(book: HeldBook, policy: Policy) -> Floats:
    """(p,) worst loss of the house grid, or of expiries that roll, of portfolios in one underlying; >= 0."""
    entry = np.repeat(np.arange(len(book.pointer) - 1), np.diff(book.pointer))
    held, index = book.quantity[:, None], book.contract_index
    points = held * grid.grid_pnl(book.contracts, policy)[1][index]
    worst = (0.0 - np.add.reduceat(points, book.pointer[:-1])).max(axis=1)
    rolled = held * grid.grid_roll_pnl(book.contracts, policy)[index]
    roll = grid.roll_loss(len(worst), entry, book.contracts.slice_of[index], rolled)
    return np.asarray(np.maximum(np.maximum(worst, roll), 0.0))
