"""Daily closes on one joint calendar, and returns over exactly as many calendar days as asked.

A hole in the closes is a hole in the returns. Nothing is filled and no row is shifted over a hole, so a return is
never over more days than it says. Reference: METHODOLOGY 0 (returns).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.model import kernels
from tasks.model.arrays import Closes, Dates, Floats, require_finite
from tasks.model.errors import Finding, ModelInputError


def joint_closes(
    underlying: Sequence[str] | NDArray[np.str_], date: Dates, close: Floats, through: np.datetime64 | None = None
) -> Closes:
    """Closes (n_underlyings sorted by name, every calendar day) of delivered rows in any order.

    underlying, date, close: (n_rows,) each; close in USD, finite and > 0. A day without a row becomes NaN, and so do
    the days up to `through` where the rows end before it.
    Raises ModelInputError: NON_FINITE, NO_PRICE (a close not above zero), DUPLICATE_KEY, HISTORY_SHORT (no rows).
    """
    if not len(close):
        raise ModelInputError(Finding("HISTORY_SHORT", "no history was delivered", action="deliver history"))
    days = np.asarray(date, dtype="datetime64[D]")
    prices = np.asarray(close, dtype=np.float64)
    _require_prices(underlying, days, prices)
    names, row = np.unique(np.asarray(underlying, dtype=np.str_), return_inverse=True)
    first = days.min()
    column = (days - first).astype(np.int64)
    _require_unique(names, days, row, column)
    last = days.max() if through is None else max(days.max(), through)
    table = np.full((len(names), int((last - first).astype(int)) + 1), np.nan)
    table[row, column] = prices
    return Closes(tuple(str(name) for name in names), first + np.arange(table.shape[1]), table)


def horizon_returns(close: Floats, days: int) -> Floats:
    """Log return from each start day over exactly `days` calendar days; NaN where either close is missing.

    close: (..., n_days) on consecutive days. Returns the same shape; the last `days` columns are NaN.
    """
    result = np.full(close.shape, np.nan)
    result[..., :-days] = kernels.log(close[..., days:] / close[..., :-days])
    return result


def daily_returns(close: Floats) -> Floats:
    """Log return that ENDS on each day; NaN on the first day and where either close is missing. Shape of close."""
    result = np.full(close.shape, np.nan)
    result[..., 1:] = kernels.log(close[..., 1:] / close[..., :-1])
    return result


def _require_prices(underlying: Sequence[str] | NDArray[np.str_], days: Dates, prices: Floats) -> None:
    labels = tuple(f"{name} {day}" for name, day in zip(underlying, days, strict=True))
    require_finite("close", prices, labels)
    if (prices <= 0).any():
        position = int(np.argmax(prices <= 0))
        raise ModelInputError(
            Finding(
                "NO_PRICE",
                "a close is not above zero",
                where=labels[position],
                value=str(prices[position]),
                action="correct the history",
            )
        )


def _require_unique(names: NDArray[np.str_], days: Dates, row: NDArray[np.int64], column: NDArray[np.int64]) -> None:
    key = row * (int(column.max()) + 1) + column
    ordered = np.argsort(key, kind="stable")
    repeated = np.flatnonzero(np.diff(key[ordered]) == 0)
    if len(repeated):
        position = int(ordered[repeated[0]])
        raise ModelInputError(
            Finding(
                "DUPLICATE_KEY",
                "two closes of one day",
                where=f"{names[row[position]]} {days[position]}",
                action="correct the history",
            )
        )
