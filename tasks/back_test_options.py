"""Option portfolios on the days whose whole chain was recorded: held for the liquidation period, marks from the file.

Every day each portfolio takes the listed contracts nearest to its legs, in tenor and then in strike. Its margin is that
of the policy's base margin from closes up to the day; what it lost is the later mark in coin at the later index. A mark
that is missing leaves the day without a loss. So few days, which share their weeks, carry no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from tasks import convert_chain, convert_history
from tasks.convert_chain import Chain, Quote
from tasks.model.arrays import COIN_OPTION, DAYS_PER_YEAR, INVERSE_FORWARD, Closes, Contracts, slices_of
from tasks.model.assurance.option_paths import grid_losses
from tasks.model.assurance.option_portfolios import OPTION_PORTFOLIOS, PERPETUAL, OptionLeg, OptionPortfolio
from tasks.model.assurance.policy_sweep import HeldBook, sweep
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.market.returns import joint_closes
from tasks.model.policy import Policy

COLUMNS = {"date": pl.Date, "coin": pl.String, "portfolio": pl.String, "margin": pl.Float64, "loss": pl.Float64}
_SHORTEST_DAYS = 5.0  # so that nothing expires while it is held
_SECONDS_PER_DAY = 86_400.0


def recorded_days(folder: Path, policy: Policy, coins: Sequence[str] = ("BTC", "ETH")) -> pl.DataFrame:
    """Margin and loss of every portfolio on every recorded day, fractions of spot (COLUMNS); a loss unknown is null.

    Raises DeliveryError where a file is not there, ModelInputError where history is too short.
    """
    every = convert_chain.read_file(folder, convert_chain.OPTIONS_FILE, ("timestamp",))["timestamp"].dt.date()
    days = sorted(set(every.drop_nulls()))
    options = convert_chain.options_until(folder, days[-1])
    chains = {day: chain for day in days if (chain := convert_chain.chain_of(options, day)) is not None}
    closes = _closes(folder, options, days[-1])
    rows = [row for coin in coins for row in _of_coin(coin, chains, closes, policy)]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _closes(folder: Path, options: pl.DataFrame, last: date) -> Closes:
    history = convert_history.history_of(folder, options, last).closes
    names = [coin for coin, _ in history]
    dates = np.array([day for _, day in history], dtype="datetime64[D]")
    return joint_closes(names, dates, np.array(list(history.values()), dtype=np.float64))


def _of_coin(
    coin: str, chains: Mapping[date, Chain], closes: Closes, policy: Policy
) -> list[tuple[date, str, str, float, float | None]]:
    held = {day: _listed(chain, coin) for day, chain in chains.items()}
    position = {day: int((np.datetime64(day) - closes.dates[0]).astype(int)) for day in held}
    books = {position[day]: _book(chains[day], coin, legs) for day, legs in held.items()}
    shortfall = sweep(books.__getitem__, closes, [policy], np.array(list(books))).shortfall[0]
    period = timedelta(days=house_periods((coin,), policy)[coin])
    rows = []
    for at, (day, legs) in enumerate(held.items()):
        spot, later = chains[day].index[coin], chains.get(day + period)
        margin = np.maximum(shortfall[at], grid_losses(books[position[day]], policy)) / spot
        for place, portfolio in enumerate(OPTION_PORTFOLIOS):
            gain = _gain(portfolio, legs, chains[day], later, coin)
            rows.append((day, coin, portfolio.name, float(margin[place]), None if gain is None else -gain / spot))
    return rows


def _listed(chain: Chain, coin: str) -> dict[OptionLeg, Quote]:
    """The listed option nearest to each leg."""
    usable = [
        quote
        for quote in chain.quotes.values()
        if quote.option.future.coin == coin
        and _days(quote, chain) >= _SHORTEST_DAYS
        and None not in (quote.forward, quote.mark, quote.implied_volatility)
    ]
    legs = {leg for portfolio in OPTION_PORTFOLIOS for leg in portfolio.legs if leg.right != PERPETUAL}
    return {leg: _nearest(leg, usable, chain) for leg in sorted(legs)}


def _nearest(leg: OptionLeg, usable: Sequence[Quote], chain: Chain) -> Quote:
    tenor = min((_days(quote, chain) for quote in usable), key=lambda days: (abs(days - leg.days), days))
    alive = [quote for quote in usable if _days(quote, chain) == tenor and quote.option.right == leg.right]
    at_the_money = min(alive, key=lambda quote: (abs(_moneyness(quote)), quote.contract_id))
    deviation = (at_the_money.implied_volatility or 0.0) * math.sqrt(tenor / DAYS_PER_YEAR)
    wanted = leg.deviations * deviation
    return min(alive, key=lambda quote: (abs(_moneyness(quote) - wanted), quote.contract_id))


def _book(chain: Chain, coin: str, legs: Mapping[OptionLeg, Quote]) -> HeldBook:
    """Portfolios of one coin each, in the contracts of the day; smiles are flat: volatility stays with the strike."""
    quotes = list({quote.contract_id: quote for quote in legs.values()}.values())
    place: dict[str, int] = {quote.contract_id: at for at, quote in enumerate(quotes)}
    sizes = [len(portfolio.legs) for portfolio in OPTION_PORTFOLIOS]
    index = [
        len(quotes) if leg.right == PERPETUAL else place[legs[leg].contract_id]
        for portfolio in OPTION_PORTFOLIOS
        for leg in portfolio.legs
    ]
    return HeldBook(
        _contracts(chain, coin, quotes),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.array(index, dtype=np.int64),
        np.array([leg.coins for portfolio in OPTION_PORTFOLIOS for leg in portfolio.legs]),
    )


def _contracts(chain: Chain, coin: str, quotes: Sequence[Quote]) -> Contracts:
    """The options, and a perpetual of one coin's worth of USD at the index."""
    spot, n = chain.index[coin], len(quotes) + 1
    days = np.array([*(_days(quote, chain) for quote in quotes), np.inf])
    slice_of, slices = slices_of(np.zeros(n, dtype=np.int64), days)

    def column(values: Sequence[float], perpetual: float) -> np.ndarray:
        return np.array([*values, perpetual], dtype=np.float64)

    return Contracts(
        ids=(*(quote.contract_id for quote in quotes), f"{coin}-PERP"),
        underlyings=(coin,),
        underlying=np.zeros(n, dtype=np.int64),
        form=np.array([*(COIN_OPTION for _ in quotes), INVERSE_FORWARD], dtype=np.int64),
        multiplier=column([1.0] * len(quotes), spot),
        index_price=np.full(n, spot),
        forward=column([quote.forward or math.nan for quote in quotes], spot),
        settle_price=np.full(n, spot),
        strike=column([float(quote.option.strike) for quote in quotes], math.nan),
        is_call=np.array([*(quote.option.right == "C" for quote in quotes), False]),
        years_to_expiry=np.where(np.isfinite(days), days, np.nan) / DAYS_PER_YEAR,
        volatility=column([quote.implied_volatility or math.nan for quote in quotes], math.nan),
        fixed_part=np.zeros(n),
        slice_of=slice_of,
        slices=slices,
    )


def _gain(
    portfolio: OptionPortfolio, legs: Mapping[OptionLeg, Quote], chain: Chain, later: Chain | None, coin: str
) -> float | None:
    """USD of a portfolio of one coin until the later snapshot; None where a mark is missing."""
    if later is None:
        return None
    before, after, total = chain.index[coin], later.index[coin], 0.0
    for leg in portfolio.legs:
        if leg.right == PERPETUAL:
            total += leg.coins * (after - before)
            continue
        mark, quote = legs[leg].mark, later.quotes.get(legs[leg].contract_id)
        if mark is None or quote is None or quote.mark is None or quote.obs_ts != later.as_of:
            return None
        total += leg.coins * (quote.mark * after - mark * before)
    return total


def _days(quote: Quote, chain: Chain) -> float:
    return (quote.option.future.expiry - chain.as_of).total_seconds() / _SECONDS_PER_DAY


def _moneyness(quote: Quote) -> float:
    """ln(strike / forward)."""
    return math.log(float(quote.option.strike) / (quote.forward or math.nan))
