"""Challengers of a whole book on one night: they need nothing but other scenarios of the same revaluation.

The book is revalued as for the house's margin, options in full, under moves that are left as they were (HS_1000) or
scaled to the present in full (FHS). Of every portfolio: expected shortfall less net option value, never below zero; no
stressed dates, no grid, no add-on. Two more read a law off the P&L tonight's book would have had: EVT fits a Pareto
tail to its losses under the scaled moves, GARCH fits its P&L of one day after another, at today's marks, and adds up
the variances expected over the liquidation period. Options enter by their whole P&L, so that their curvature is part
of the law. Reference: METHODOLOGY 9; challengers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from tasks.model.arrays import Bools, Floats, ScenarioSet
from tasks.model.assurance.challenger_extreme import fitted_tails, tail_beyond
from tasks.model.assurance.challenger_garch import garch_of, period_variance, tail_of
from tasks.model.assurance.challengers import HALF_LIFE_DAYS, LOOKBACK, MARGIN_CONFIDENCE, SHARE_BEYOND
from tasks.model.margin.initial_margin import Margined, MarginInputs, closes_of, margined
from tasks.model.margin.portfolio import KEY, Book, row_horizon
from tasks.model.market.gjr_garch import gjr_variance
from tasks.model.market.series import split
from tasks.model.policy import Policy
from tasks.model.risk import profit, scenarios

SCALINGS: Mapping[str, str] = {"HS_1000": "none", "FHS": "full"}
FILTERED_MODEL, EXTREME, GARCH = "FHS", "EVT", "GARCH"


def book_margins(inputs: MarginInputs, as_of: datetime, policy: Policy) -> pl.DataFrame:
    """Columns: the key, model, margin_usd (float, >= 0); every portfolio of the book under every such challenger.

    A portfolio that a law cannot be fitted to has no figure (null) under that model: too short a past, or no most
    likely parameters. Raises ModelInputError as `margined`.
    """
    of_scaling = {name: margined(inputs, as_of, simulated(policy, scaling)) for name, scaling in SCALINGS.items()}
    asked = {name: found.apart.alone.blended for name, found in of_scaling.items()}
    filtered = of_scaling[FILTERED_MODEL]
    asked[EXTREME] = extreme_shortfall(filtered, simulated(policy, SCALINGS[FILTERED_MODEL]))
    asked[GARCH] = garch_shortfall(filtered, inputs, as_of, simulated(policy, "none"))
    value = filtered.apart.portfolio["net_option_value_usd"].cast(pl.Float64).to_numpy()
    return pl.concat(
        filtered.apart.portfolio.select(KEY).with_columns(
            model=pl.lit(name), margin_usd=pl.Series(np.maximum(loss - value, 0.0)).fill_nan(None)
        )
        for name, loss in asked.items()
    )


def simulated(policy: Policy, scaling: str) -> Policy:
    """The policy with plain or fully filtered scenarios alone; liquidation periods, floors and proxies as they are."""
    base = policy.base_margin
    return replace(
        policy,
        base_margin=replace(
            base,
            scaling=scaling,
            half_life_days=HALF_LIFE_DAYS,
            lookback_scenarios=LOOKBACK,
            minimum_scenarios=min(LOOKBACK, base.minimum_scenarios),
            confidence_filtered_fraction=MARGIN_CONFIDENCE,
            stressed_weight_fraction=0.0,
        ),
    )


def extreme_shortfall(found: Margined, policy: Policy) -> Floats:
    """(n,) USD by the Pareto tail of each portfolio's losses; 0 without positions, the threshold of a flat tail."""
    book, shortfall = found.apart.book, np.zeros(found.apart.book.portfolios.height)
    kinds = np.array(book.portfolios["account_type"].to_list())
    for sets in found.setting.sets:
        own = np.flatnonzero(_held(book) & np.isin(kinds, sets.account_types))
        if not len(own):
            continue
        losses = 0.0 - _pnl(book, sets.filtered, policy)[own]
        worst = np.sort(losses, axis=1)[:, ::-1]
        beyond = int(losses.shape[1] * SHARE_BEYOND)
        shortfall[own] = worst[:, beyond]
        steep = worst[:, 0] > worst[:, beyond]
        if steep.any():
            law = fitted_tails(list(losses[steep]), SHARE_BEYOND, losses.shape[1])
            shortfall[own[steep]] = tail_beyond(law, MARGIN_CONFIDENCE)[1]
    return shortfall


def garch_shortfall(found: Margined, inputs: MarginInputs, as_of: datetime, policy: Policy) -> Floats:
    """(n,) USD by GJR-GARCH with Student's law of each portfolio's daily P&L; 0 without positions, NaN unfitted."""
    book, names = found.apart.book, found.setting.sets[0].filtered.underlyings if found.setting.sets else ()
    held = _held(book)
    shortfall = np.where(held, math.nan, 0.0)
    if not held.any():
        return shortfall
    closes, factors = split(closes_of(inputs.history, as_of))
    daily = scenarios.filtered(closes, dict.fromkeys(names, 1), policy, factors)
    pnl, days = _pnl(book, daily, policy), _longest_period(book, policy)
    for p in np.flatnonzero(held).tolist():
        model = garch_of(pnl[p])
        if model is not None:
            variance = gjr_variance(pnl[p], model, float(np.mean(pnl[p] * pnl[p])))[-1:]
            deviation = math.sqrt(float(period_variance(model, variance, int(days[p]))[0]))
            shortfall[p] = deviation * tail_of(model.degrees, MARGIN_CONFIDENCE)[1]
    return shortfall


def _pnl(book: Book, drawn: ScenarioSet, policy: Policy) -> Floats:
    """(n portfolios, scenarios) USD, gain > 0, scenarios in the order of their dates."""
    rows = np.searchsorted(book.row_portfolio, np.arange(book.portfolios.height + 1))
    cube = profit.unit_cube(book.contracts, drawn, policy)
    pnl = profit.sum_positions(book.pointer[rows], book.contract_index, book.quantity, cube)
    return np.ascontiguousarray(pnl[:, : cube.n_scenarios])


def _held(book: Book) -> Bools:
    """(n,) whether a portfolio has open positions."""
    return np.isin(np.arange(book.portfolios.height), book.row_portfolio)


def _longest_period(book: Book, policy: Policy) -> Floats:
    """(n,) days: the longest liquidation period of what each portfolio holds, 0 without positions."""
    days = np.zeros(book.portfolios.height)
    np.maximum.at(days, book.row_portfolio, row_horizon(book, policy))
    return days
