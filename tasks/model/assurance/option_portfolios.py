"""Option portfolios that are struck anew at every close, and what they lose when they are then held constant.

Spot is one at the close they are struck, so figures are fractions of the notional of one coin. Strikes stand at
standard deviations of the forward, so a portfolio is the same bet in every market. Reference: METHODOLOGY 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import COIN_OPTION, DAYS_PER_YEAR, INVERSE_FORWARD, Contracts, Floats, Slices, slices_of
from tasks.model.assurance.policy_sweep import HeldBook
from tasks.model.market.simulation import SyntheticMarket, smile_of
from tasks.model.market.svi import Svi
from tasks.model.pricing import black76

CALL, PUT, PERPETUAL = "C", "P", "F"


class OptionLeg(NamedTuple):
    """Coins of one contract, long > 0. A perpetual has neither tenor nor strike."""

    right: str
    days: float
    deviations: float  # of the log of strike over forward
    coins: float


class OptionPortfolio(NamedTuple):
    """Legs on one coin."""

    name: str
    legs: tuple[OptionLeg, ...]


def _straddle(days: float, coins: float) -> tuple[OptionLeg, ...]:
    return OptionLeg(CALL, days, 0.0, coins), OptionLeg(PUT, days, 0.0, coins)


OPTION_PORTFOLIOS = (
    OptionPortfolio("short straddle 30d", _straddle(30.0, -0.5)),
    OptionPortfolio("long straddle 30d", _straddle(30.0, 0.5)),
    OptionPortfolio("short strangle 7d", (OptionLeg(CALL, 7.0, 1.5, -0.5), OptionLeg(PUT, 7.0, -1.5, -0.5))),
    OptionPortfolio("short put 30d", (OptionLeg(PUT, 30.0, -1.0, -1.0),)),
    OptionPortfolio("short call 30d", (OptionLeg(CALL, 30.0, 1.0, -1.0),)),
    OptionPortfolio("put spread 30d", (OptionLeg(PUT, 30.0, -0.5, -1.0), OptionLeg(PUT, 30.0, -1.5, 1.0))),
    OptionPortfolio("calendar 7d 90d", (*_straddle(7.0, -0.5), *_straddle(90.0, 0.5))),
    OptionPortfolio("risk reversal 30d", (OptionLeg(CALL, 30.0, 1.0, 1.0), OptionLeg(PUT, 30.0, -1.0, -1.0))),
    OptionPortfolio("covered call 30d", (OptionLeg(PERPETUAL, np.inf, 0.0, 1.0), OptionLeg(CALL, 30.0, 1.0, -1.0))),
)


def struck(market: SyntheticMarket, day: int, portfolios: Sequence[OptionPortfolio] = OPTION_PORTFOLIOS) -> HeldBook:
    """Portfolios as they are struck at the close of a day: coin options, and inverse perpetuals of one USD."""
    kinds = sorted({leg[:3] for each in portfolios for leg in each.legs})
    place = {kind: position for position, kind in enumerate(kinds)}
    sizes = [len(each.legs) for each in portfolios]
    return HeldBook(
        _contracts(market, day, kinds),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.array([place[leg[:3]] for each in portfolios for leg in each.legs], dtype=np.int64),
        np.array([leg.coins for each in portfolios for leg in each.legs]),
    )


def realised_losses(market: SyntheticMarket, book: HeldBook, day: int, held_days: int) -> Floats:
    """(p,) loss > 0 of a book struck on a day and held for some days, which pass, until that later close.

    USD per USD of spot on the day. NaN where the path has ended by then.
    """
    later, close = day + held_days, market.closes.close[0]
    if later >= len(close):
        return np.full(len(book.pointer) - 1, np.nan)
    contracts, growth = book.contracts, float(close[later] / close[day])
    gain = np.where(contracts.is_option, 0.0, growth - 1.0)
    at = np.flatnonzero(contracts.is_option)
    days = contracts.slices.days[contracts.slice_of[at]]
    before = black76.price(
        contracts.forward[at],
        contracts.strike[at],
        contracts.volatility[at],
        contracts.years_to_expiry[at],
        contracts.is_call[at],
    )
    left, moneyness = days - held_days, np.log(contracts.strike[at] / growth)
    volatility = volatility_at(market, later, left, moneyness)
    forward = np.full(len(at), growth)
    after = black76.price(forward, contracts.strike[at], volatility, left / DAYS_PER_YEAR, contracts.is_call[at])
    gain[at] = after - before
    return np.asarray(0.0 - np.add.reduceat(book.quantity * gain[book.contract_index], book.pointer[:-1]))


def volatility_at(market: SyntheticMarket, day: int, days: Floats, moneyness: Floats) -> Floats:
    """(n,) implied volatility at so many days and ln(strike / forward), fraction per sqrt(year)."""
    years = days / DAYS_PER_YEAR
    smiles = smile_of(market.at_the_money(day, days) ** 2 * years)
    variance = [Svi(*smile).total_variance(k) for smile, k in zip(smiles.tolist(), moneyness, strict=True)]
    return np.sqrt(np.array(variance, dtype=np.float64) / years)


def _contracts(market: SyntheticMarket, day: int, kinds: list[tuple[str, float, float]]) -> Contracts:
    right = np.array([kind[0] for kind in kinds])
    days, deviations = (np.array([kind[column] for kind in kinds], dtype=np.float64) for column in (1, 2))
    option, n = right != PERPETUAL, len(kinds)
    years = np.where(option, days, np.nan) / DAYS_PER_YEAR
    money = market.at_the_money(day, np.where(option, days, 1.0))
    moneyness = np.where(option, deviations * money * np.sqrt(years), 0.0)
    volatility = np.full(n, np.nan)
    volatility[option] = volatility_at(market, day, days[option], moneyness[option])
    slice_of, slices = slices_of(np.zeros(n, dtype=np.int64), days)
    one = np.ones(n)
    return Contracts(
        ids=tuple(f"{kind}-{tenor:g}-{distance:+g}" for kind, tenor, distance in kinds),
        underlyings=market.closes.underlyings,
        underlying=np.zeros(n, dtype=np.int64),
        form=np.where(option, COIN_OPTION, INVERSE_FORWARD).astype(np.int64),
        multiplier=one,
        index_price=one,
        forward=one,
        settle_price=one,
        strike=np.where(option, np.exp(moneyness), np.nan),
        is_call=right == CALL,
        years_to_expiry=years,
        volatility=volatility,
        fixed_part=np.zeros(n),
        slice_of=slice_of,
        slices=Slices(slices.underlying, slices.days, _smiles(market, day, slices)),
    )


def _smiles(market: SyntheticMarket, day: int, slices: Slices) -> Floats:
    smile, dated = slices.smile.copy(), np.isfinite(slices.days)
    days = slices.days[dated]
    smile[dated] = smile_of(market.at_the_money(day, days) ** 2 * days / DAYS_PER_YEAR)
    return smile
