"""Back-test of haircuts on real prices: how often a coin or stablecoin fell by more than what was taken off it.

The haircut of a month is set from the closes before its first day, as the clearing cycle sets it of a day: the policy's
or the calibrated one where that is more. Every day is judged whose closes over the holding period are known.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tasks import back_test_history
from tasks.model.arrays import Closes, Floats
from tasks.model.assurance.haircut_test import haircut_test, largest_falls
from tasks.model.margin.haircut import calibrated_losses, haircut_table, holding_days
from tasks.model.policy import Policy

FLOOR, IN_FORCE = "POLICY", "IN_FORCE"


def back_test(
    policy: Policy, market_data: Path, assets: Iterable[str], first: date, last: date
) -> list[dict[str, Any]]:
    """Two rows for each asset, the policy's own haircut and the one in force: asset, haircut, holding_days, lowest and
    highest haircut, observations, days_exceeding, coverage, largest_fall, largest_excess; fractions of the price.

    Raises LeveeError and DeliveryError as `back_test_history.history_of`.
    """
    history = back_test_history.history_of(market_data, assets, sorted(policy.stress.anchors))
    rows = []
    for asset in sorted(set(assets)):
        closes = back_test_history.joint(history.closes.filter(pl.col("coin") == asset))
        span = slice(*np.searchsorted(closes.dates, [_day(first), _day(last) + 1]).tolist())
        floor = np.full(len(closes.dates), policy.collateral.haircut_fraction[asset])
        rows += [
            _row(asset, name, closes, haircut, span, policy)
            for name, haircut in ((FLOOR, floor), (IN_FORCE, _in_force(asset, closes, span, history.closes, policy)))
        ]
    return rows


def _in_force(asset: str, closes: Closes, span: slice, known: pl.DataFrame, policy: Policy) -> Floats:
    """(n_days,) haircut of each day, as set on the first of its month."""
    if asset not in policy.collateral.calibration.assets:
        return np.full(len(closes.dates), _set(asset, known.clear(), closes.dates[0], policy))
    months = closes.dates.astype("datetime64[M]")
    found = {
        month: _set(asset, known.filter(pl.col("date") < month.astype("datetime64[D]").item()), month, policy)
        for month in np.unique(months[span])
    }
    return np.array([found.get(month, 0.0) for month in months])


def _set(asset: str, before: pl.DataFrame, day: np.datetime64, policy: Policy) -> float:
    history = before.rename({"coin": "underlying"})
    calibrated = calibrated_losses(history, day.astype("datetime64[D]") - 1, policy)
    return float(haircut_table({asset: ""}, calibrated, policy)["haircut_fraction"].item())


def _row(asset: str, name: str, closes: Closes, haircut: Floats, span: slice, policy: Policy) -> dict[str, Any]:
    days = holding_days(asset, policy)
    # Falls look ahead of the last day: closes after it are known, days after it are not judged.
    judged = closes.close[0].copy()
    judged[: span.start] = np.nan
    reach = min(span.stop + days, len(judged))
    tested = haircut_test(judged[:reach], haircut[:reach], days)
    falls = largest_falls(judged[:reach], days)
    return {
        "asset": asset,
        "haircut": name,
        "holding_days": days,
        "lowest_fraction": float(haircut[span].min()),
        "highest_fraction": float(haircut[span].max()),
        "observations": tested.observations,
        "days_exceeding": tested.days_exceeding,
        "coverage": tested.coverage,
        "largest_fall": float(np.nanmax(falls)),
        "largest_excess": tested.largest_excess,
    }


def _day(value: date) -> np.datetime64:
    return np.datetime64(value, "D")
