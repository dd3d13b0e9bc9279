"""Risk figures that stand beside a requirement: of each product group and portfolio, and of each position.

Reference: METHODOLOGY 5; the columns of result.portfolio_risk and result.position_risk.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Bools, Floats, Ints
from tasks.model.margin.portfolio import KEY, Book
from tasks.model.margin.requirement import BaseMargin
from tasks.model.margin.tails import Tails, Words
from tasks.model.pricing.revaluation import sensitivities

WHOLE = "ALL"


def risk_table(book: Book, losses: Tails, base: BaseMargin) -> pl.DataFrame:
    """Rows of result.portfolio_risk: each product group, then the whole of each portfolio that holds a live one."""
    live = np.unique(book.row_portfolio)
    groups: dict[str, Floats | Words] = {
        "underlying": np.array(book.contracts.underlyings, dtype=np.str_)[book.row_underlying],
        "filtered_es_usd": losses.row_filtered.loss,
        "stressed_es_usd": losses.row_stressed.loss,
        "blended_es_usd": base.row_blended,
        "grid_loss_usd": losses.row_grid.loss,
        "worst_filtered_scenario_id": losses.row_filtered.worst_id,
        "worst_stressed_scenario_id": losses.row_stressed.worst_id,
        "worst_grid_scenario_id": losses.row_grid.worst_id,
    }
    whole: dict[str, Floats | Words] = {
        "underlying": np.full(len(live), WHOLE),
        "filtered_es_usd": losses.filtered.loss[live],
        "stressed_es_usd": losses.stressed.loss[live],
        "blended_es_usd": base.blended[live],
        "grid_loss_usd": base.grid[live],
        "worst_filtered_scenario_id": losses.filtered.worst_id[live],
        "worst_stressed_scenario_id": losses.stressed.worst_id[live],
        "worst_grid_scenario_id": base.worst_grid_id[live],
    }
    keys = book.portfolios.select(KEY)
    parts = [
        keys[at].with_columns(**{name: _series(values) for name, values in figures.items()})
        for at, figures in ((book.row_portfolio, groups), (live, whole))
    ]
    return pl.concat(parts).sort(*KEY, "underlying")


def position_table(book: Book, option_value: Ints) -> pl.DataFrame:
    """Rows of result.position_risk: every open position, an expired one without sensitivities.

    option_value: (p,) cents of each position of the book.
    """
    positions = book.positions
    ids = np.array(book.contracts.ids, dtype=np.str_)
    live = ~positions["expired"].to_numpy()
    names = positions["contract_id"].to_numpy().astype(np.str_)
    index = np.searchsorted(ids, names[live])
    quantity = positions["quantity"].cast(pl.Float64).to_numpy()[live]
    figures = {}
    for name, each in zip(("delta", "gamma", "vega_usd"), sensitivities(book.contracts), strict=True):
        figures[name] = np.zeros(positions.height)
        # Adding zero turns the negative zero of a short position's nothing into zero.
        figures[name][live] = quantity * each[index] + 0.0
    words = {
        "smile": np.where(book.contracts.is_option, _smile_words(book), ""),
        "fixing": np.where(book.is_averaging, "PROXY", ""),
    }
    return positions.select(*KEY, "contract_id").with_columns(
        option_value_usd=money.usd(option_value),
        **figures,
        **{name: _placed(each[index], live) for name, each in words.items()},
    )


def _smile_words(book: Book) -> Words:
    return np.where(book.has_smile[book.contracts.slice_of], "SURFACE", "FLAT")


def _placed(words: Words, live: Bools) -> pl.Series:
    """Words of the live positions in their places, null where there is none to say."""
    placed = np.full(len(live), "", dtype=words.dtype)
    placed[live] = words
    return pl.Series([word or None for word in placed.tolist()], dtype=pl.String)


def _series(values: Floats | Words) -> pl.Series:
    return pl.Series(values.tolist(), dtype=pl.String if values.dtype.kind == "U" else pl.Float64)
