"""Haircuts of the day: the larger of the policy's and of what an asset's own losses call for (METHODOLOGY 6).

    calibrated = the larger of VaR(1 − S'/S) over the filtered and over the stressed scenarios, not below 0

over the asset's longest liquidation period, at the confidence of `collateral.calibration`. Stressed scenarios are few
beside filtered ones and drawn to be bad, so the two samples are read apart and not thrown together: a calm year cannot
dilute the crisis. An asset that is declared as calibrated and whose history is too short, or not current, takes the
declared fraction: a history that is lost never makes collateral worth more than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Closes
from tasks.model.errors import ModelInputError
from tasks.model.market.returns import joint_closes
from tasks.model.policy import Policy
from tasks.model.risk import scenarios
from tasks.model.risk.tail import value_at_risk

FRACTION_UNIT = Decimal("0.000001")
_FRACTION = pl.Decimal(9, 6)
HAIRCUT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "asset": pl.String,
    "floor_fraction": _FRACTION,
    "calibrated_fraction": _FRACTION,
    "haircut_fraction": _FRACTION,
    "rule_id": pl.String,
    "quality": pl.String,
    "issuer": pl.String,
}


class Haircut(NamedTuple):
    """Fraction taken off an asset, six digits rounded up, and the rule that binds."""

    fraction: Decimal
    rule_id: str


def holding_days(asset: str, policy: Policy) -> int:
    """Days a haircut is to last for: the asset's longest liquidation period of any account type."""
    table = policy.base_margin.liquidation_period_days
    return int(max(each[asset] for each in (table.house, table.client_omni_net, table.client_gross)))


def calibrated_loss(closes: Closes, asset: str, policy: Policy) -> float:
    """Quantile of an asset's losses, fraction of its price in [0, 1). Raises ModelInputError HISTORY_SHORT."""
    days = holding_days(asset, policy)
    confidence = policy.collateral.calibration.confidence_fraction
    losses = [
        value_at_risk(-np.expm1(draw(closes, {asset: days}, policy).spot_return[0]), confidence)
        for draw in (scenarios.filtered, scenarios.stressed)
    ]
    return max(0.0, *(float(loss) for loss in losses))


def calibrated_losses(history: pl.DataFrame, business_date: np.datetime64, policy: Policy) -> dict[str, float]:
    """Calibrated loss of every declared asset whose history allows it.

    history: underlying, date, close (USD), up to the business date. Raises ModelInputError as `joint_closes`.
    """
    rule = policy.collateral.calibration
    if rule.mode == "off" or history.is_empty():
        return {}
    names, dates = history["underlying"].to_list(), history["date"].to_numpy()
    closes = joint_closes(names, dates, history["close"].cast(pl.Float64).to_numpy(), through=business_date)
    found: dict[str, float] = {}
    for asset in rule.assets:
        try:
            found[asset] = calibrated_loss(closes, asset, policy)
        except ModelInputError as error:
            if error.code != "HISTORY_SHORT":
                raise
    return found


def haircut_table(issuers: Mapping[str, str], calibrated: Mapping[str, float], policy: Policy) -> pl.DataFrame:
    """Rows of result.haircut, one per asset in order.

    issuers: by asset, empty where it has none. calibrated: see `calibrated_losses`.
    """
    rows = []
    for asset in sorted(issuers):
        floor, loss = _floor(asset, policy), calibrated.get(asset)
        other = _other(asset, loss, policy)
        binding = floor if other is None or other.fraction <= floor.fraction else other
        measured = None if loss is None else money.round_up(loss, FRACTION_UNIT)
        quality = "PROXY" if other is not None and loss is None else "OK"
        rows.append((asset, floor.fraction, measured, *binding, quality, issuers[asset]))
    return pl.DataFrame(rows, schema=HAIRCUT_SCHEMA, orient="row")


def _floor(asset: str, policy: Policy) -> Haircut:
    table = policy.collateral.haircut_fraction
    return Haircut(money.round_up(table[asset], FRACTION_UNIT), f"collateral.haircut_fraction.{table.rule(asset)}")


def _other(asset: str, loss: float | None, policy: Policy) -> Haircut | None:
    """What may bind instead of the policy's haircut: the measured one, or the declared one where it is missing."""
    rule = policy.collateral.calibration
    if rule.mode == "off" or asset not in rule.assets:
        return None
    if loss is None:
        return Haircut(money.round_up(rule.missing_fraction, FRACTION_UNIT), "collateral.calibration.missing_fraction")
    return Haircut(money.round_up(loss, FRACTION_UNIT), "collateral.calibration.confidence_fraction")
