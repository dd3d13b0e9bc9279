"""What a book that is held constant loses until a later mark, position by position.

U = V' P' - V P as for a scenario (METHODOLOGY 1): V in the settlement asset, P its price in USD, both at the later mark
where primed. What ended meanwhile is worth what its final price says. A mark or price that is missing makes the loss
NaN: the day is not observed, never without a loss.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from tasks.model.arrays import COIN_OPTION, Floats
from tasks.model.pricing import payoff


def position_losses(
    positions: pl.DataFrame,
    marks: pl.DataFrame,
    later: pl.DataFrame,
    prices: Mapping[str, float],
    later_prices: Mapping[str, float],
) -> Floats:
    """(n,) USD, loss > 0, of each position in its order; NaN where it cannot be told.

    positions: as PublishedDay. marks, later: contract_id, settlement_price, final_price at either end; `later` holds
    the final price of whatever ended in between. prices: USD per asset at either end.
    Raises ModelInputError UNKNOWN_FORM.
    """
    held = _marked(positions, marks, later)
    form = np.array([payoff.form_of(*each) for each in held.select("kind", "payoff").iter_rows()], dtype=np.int64)
    multiplier = _floats(held, "multiplier")
    before, after = _floats(held, "settlement_price"), _floats(held, "later_price")
    asset = held["settle_asset"].to_list()
    worth = np.array([prices.get(each, np.nan) for each in asset])
    later_worth = np.array([later_prices.get(each, np.nan) for each in asset])
    final, is_call = _floats(held, "final_price"), held["option_type"].eq_missing("C").to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):  # of missing marks, whose figures stay NaN
        ended = payoff.option_payoff(form, final, _floats(held, "strike"), is_call)
        option = multiplier * (np.where(np.isnan(final), after, ended) * later_worth - before * worth)
        marked = np.where(np.isnan(final), after, final)
        forward = payoff.forward_value(form, multiplier, before, marked) * later_worth
    gain = np.where(form >= COIN_OPTION, option, forward)
    return np.asarray(0.0 - gain * _floats(held, "quantity"), dtype=np.float64)


def option_values(positions: pl.DataFrame, marks: pl.DataFrame, prices: Mapping[str, float]) -> Floats:
    """(n,) USD, long > 0, of each position: what it would fetch; 0 for a future or perpetual, settled every day."""
    held = positions.join(marks, on="contract_id", how="left", maintain_order="left")
    worth = np.array([prices.get(each, np.nan) for each in held["settle_asset"]])
    value = _floats(held, "quantity") * _floats(held, "multiplier") * _floats(held, "settlement_price") * worth
    return np.asarray(np.where(held["kind"].to_numpy() == "OPT", value, 0.0), dtype=np.float64)


def _marked(positions: pl.DataFrame, marks: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    at_end = later.select("contract_id", "final_price", pl.col("settlement_price").alias("later_price"))
    return positions.join(
        marks.select("contract_id", "settlement_price"), on="contract_id", how="left", maintain_order="left"
    ).join(at_end, on="contract_id", how="left", maintain_order="left")


def _floats(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
