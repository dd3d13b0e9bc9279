"""What a margin model asks of a static portfolio day by day, beside what the portfolio lost: the input of a judgement.

Everything is a rate of the gross notional: in USD the price of the coin would be most of what is compared. Days on
which the model gives no margin, or a close is missing, are NaN and take no part; nothing is filled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tasks.model.arrays import Bools, Closes, Dates, Floats
from tasks.model.assurance.static_portfolio import StaticPortfolio, realised_loss
from tasks.model.errors import Finding, ModelInputError
from tasks.model.kernels import exp
from tasks.model.market.returns import daily_returns, horizon_returns
from tasks.model.market.volatility import forecast_volatility
from tasks.model.policy import Policy

VOLATILITY_HALF_LIFE_DAYS, VOLATILITY_SEED_DAYS = 30.0, 30  # one measure for all models, or they could not be compared
_SMALLEST_VOLATILITY = 1e-6


@dataclass(frozen=True)
class Forecast:
    """Tail of the h-day loss that a model forecasts at the close of each day, both (n,), fraction of notional."""

    value_at_risk: Floats
    expected_shortfall: Floats  # >= value_at_risk
    confidence: float


@dataclass(frozen=True)
class RatePath:
    """n consecutive calendar days of one portfolio under one model.

    Raises ModelInputError SHAPE where lengths differ, there is no day, or days are not consecutive.
    """

    portfolio: StaticPortfolio
    model: str
    horizon_days: int  # longest liquidation period of its underlyings: windows so far apart share no day
    dates: Dates  # (n,)
    rate: Floats  # (n,) margin at the close of the day from data up to it, > 0, NaN where there is none
    loss: Floats  # (n,) of the move over each leg's liquidation period from that close, loss > 0, NaN = close missing
    volatility: Floats  # (n,) of the portfolio's daily P&L as forecast at the close, > 0, NaN before it is seeded
    buffer: Floats  # (n,) APC buffer in force, fraction of the margin before it; NaN where the model has none
    full_buffer: float  # fraction when nothing of it is used; 0 where the model has none
    forecast: Forecast | None = None  # None where the model forecasts no tail, as scans of fixed ranges

    def __post_init__(self) -> None:
        shape = self.dates.shape
        whole = len(self.dates) > 0 and all(
            each.shape == shape for each in (self.rate, self.loss, self.volatility, self.buffer)
        )
        if not whole or (np.diff(self.dates) != np.timedelta64(1, "D")).any():
            raise ModelInputError(Finding("SHAPE", "a rate path needs one value for each of consecutive days"))

    @property
    def judged(self) -> Bools:
        """(n,) whether the day has a margin and a loss to hold it against."""
        return np.asarray(np.isfinite(self.rate) & np.isfinite(self.loss))

    def between(self, first: np.datetime64, last: np.datetime64) -> RatePath:
        """The days from first to last, both included. Raises ModelInputError SHAPE where there are none."""
        kept = (self.dates >= first) & (self.dates <= last)
        forecast = self.forecast and Forecast(
            self.forecast.value_at_risk[kept], self.forecast.expected_shortfall[kept], self.forecast.confidence
        )
        series = {name: getattr(self, name)[kept] for name in ("dates", "rate", "loss", "volatility", "buffer")}
        return replace(self, **series, forecast=forecast)

    def table(self) -> pl.DataFrame:
        """One row for each day: portfolio, product, model, date, rate, loss, volatility, buffer; null where missing."""
        series = {name: getattr(self, name) for name in ("rate", "loss", "volatility", "buffer")}
        return pl.DataFrame({"date": self.dates.astype("datetime64[D]"), **series}).select(
            pl.lit(self.portfolio.name).alias("portfolio"),
            pl.lit(self.portfolio.product).alias("product"),
            pl.lit(self.model).alias("model"),
            "date",
            *(pl.col(name).fill_nan(None) for name in series),
        )


# The house model and every challenger: closes may run beyond `last`, so that losses are known; no margin sees them.
Model = Callable[[Closes, Policy, Sequence[StaticPortfolio], np.datetime64, np.datetime64], tuple[RatePath, ...]]


def rate_path(
    portfolio: StaticPortfolio,
    model: str,
    closes: Closes,
    periods: dict[str, int],
    span: slice,
    rate: Floats,
    buffer: Floats | None = None,
    full_buffer: float = 0.0,
    forecast: Forecast | None = None,
) -> RatePath:
    """A path from a model's rates, with the losses and volatility that are the same for every model.

    span: days of the closes the rates belong to, (n,); periods: liquidation period in days of each underlying.
    """
    dates = closes.dates[span]
    return RatePath(
        portfolio,
        model,
        max(periods[name] for name in portfolio.underlyings),
        dates,
        rate,
        _losses(portfolio, closes, periods)[span],
        portfolio_volatility(portfolio, closes)[span],
        np.full(len(dates), np.nan) if buffer is None else buffer,
        full_buffer,
        forecast,
    )


def portfolio_volatility(portfolio: StaticPortfolio, closes: Closes) -> Floats:
    """(n_days,) forecast at each close of the portfolio's daily P&L, fraction of notional per sqrt(day)."""
    growth = [exp(daily_returns(_close(closes, leg.underlying))) for leg in portfolio.legs]
    daily = realised_loss(portfolio, growth)
    return forecast_volatility(daily, VOLATILITY_HALF_LIFE_DAYS, VOLATILITY_SEED_DAYS, _SMALLEST_VOLATILITY)


def _losses(portfolio: StaticPortfolio, closes: Closes, periods: dict[str, int]) -> Floats:
    growth = [exp(horizon_returns(_close(closes, leg.underlying), periods[leg.underlying])) for leg in portfolio.legs]
    return realised_loss(portfolio, growth)


def _close(closes: Closes, name: str) -> Floats:
    return np.asarray(closes.close[closes.underlyings.index(name)])
