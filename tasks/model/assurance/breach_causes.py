"""What caused each breach of a static portfolio: the coin that moved, how far for what was forecast, and how alone.

Reference: METHODOLOGY 9; CPMI-IOSCO (2015), item 6.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from tasks.model.arrays import Closes, Dates, Floats
from tasks.model.assurance.rate_path import (
    RatePath,
    portfolio_volatility,
)
from tasks.model.assurance.static_portfolio import OUTRIGHT, Leg, StaticPortfolio, leg_gain
from tasks.model.market.returns import horizon_returns

CAUSE_SCHEMA = pl.Schema(
    {
        "date": pl.Date,
        "end_date": pl.Date,
        "loss": pl.Float64,
        "rate": pl.Float64,
        "factor": pl.String,
        "factor_share": pl.Float64,
        "factor_move": pl.Float64,
        "factor_volatility": pl.Float64,
        "move_in_volatilities": pl.Float64,
        "days_since_breach": pl.Int32,
        "days_to_breach": pl.Int32,
    }
)


def breach_causes(path: RatePath, closes: Closes, periods: Mapping[str, int]) -> pl.DataFrame:
    """One row for each breach of a path, in order of days: CAUSE_SCHEMA.

    closes: of the portfolio's coins, over the days of the path and their losses; periods: liquidation period in days of
    each coin. The factor is the coin that lost most. Its volatility is the one all paths are measured with, as forecast
    at the close before the move; null before it is seeded. factor_move is a fraction of its price, loss and rate of the
    gross notional. Days to other breaches are calendar days, null where there is none.
    """
    at = np.flatnonzero(path.judged & (np.nan_to_num(path.loss) > np.nan_to_num(path.rate)))
    days = path.dates[at]
    between = np.diff(days).astype(np.int64).tolist()
    rows = [
        {
            "date": days[k].item(),
            "end_date": (days[k] + path.horizon_days).item(),
            "loss": float(path.loss[at[k]]),
            "rate": float(path.rate[at[k]]),
            **_factor(path.portfolio, closes, periods, days[k]),
            "days_since_breach": between[k - 1] if k else None,
            "days_to_breach": between[k] if k < len(between) else None,
        }
        for k in range(len(at))
    ]
    return pl.DataFrame(rows, schema=CAUSE_SCHEMA)


def _factor(
    portfolio: StaticPortfolio, closes: Closes, periods: Mapping[str, int], day: np.datetime64
) -> dict[str, Any]:
    """The coin that lost most from a day on, what it lost of the whole, and its move against what was forecast."""
    place = int((day - closes.dates[0]).astype(np.int64))
    moves = {name: _move(closes, name, periods[name], place) for name in portfolio.underlyings}
    losses = {name: _lost(portfolio, name, move) for name, move in moves.items()}
    worst = max(losses, key=lambda name: losses[name])
    known = portfolio_volatility(StaticPortfolio(worst, OUTRIGHT, (Leg(worst, 1.0),)), _until(closes, place))[-1]
    volatility = float(known) if np.isfinite(known) else None
    return {
        "factor": worst,
        "factor_share": losses[worst] / sum(losses.values()),
        "factor_move": float(np.expm1(moves[worst])),
        "factor_volatility": volatility,
        "move_in_volatilities": moves[worst] / (volatility * np.sqrt(periods[worst])) if volatility else None,
    }


def _move(closes: Closes, name: str, period: int, place: int) -> float:
    close: Floats = closes.close[closes.underlyings.index(name), place : place + period + 1]
    return float(horizon_returns(close, period)[0])


def _lost(portfolio: StaticPortfolio, name: str, move: float) -> float:
    """What the legs in a coin lost of 1 USD of the portfolio's gross notional."""
    legs = [leg for leg in portfolio.legs if leg.underlying == name]
    gain = leg_gain(np.array([leg.form for leg in legs]), np.full((len(legs), 1), np.exp(move)))[:, 0]
    return -float(np.dot([leg.weight for leg in legs], gain))


def _until(closes: Closes, place: int) -> Closes:
    dates: Dates = closes.dates[: place + 1]
    return Closes(closes.underlyings, dates, closes.close[:, : place + 1])
