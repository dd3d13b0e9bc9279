"""Historical simulation of a whole book: the challengers that need nothing but other scenarios of the same revaluation.

The book of a night is revalued as for the house's margin, options in full, under moves that are left as they were or
scaled to the present in full. Of every portfolio: expected shortfall less net option value, never below zero; no
stressed dates, no grid, no add-on. Reference: METHODOLOGY 9; challengers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from tasks.model.assurance.challengers import HALF_LIFE_DAYS, LOOKBACK, MARGIN_CONFIDENCE
from tasks.model.margin.initial_margin import MarginInputs, margined
from tasks.model.margin.portfolio import KEY
from tasks.model.policy import Policy

SCALINGS: Mapping[str, str] = {"HS_1000": "none", "FHS": "full"}


def book_margins(inputs: MarginInputs, as_of: datetime, policy: Policy) -> pl.DataFrame:
    """Columns: the key, model, margin_usd (float, >= 0); every portfolio of the book under every such challenger.

    Raises ModelInputError as `margined`.
    """
    return pl.concat(_margins(inputs, as_of, simulated(policy, scaling), name) for name, scaling in SCALINGS.items())


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


def _margins(inputs: MarginInputs, as_of: datetime, policy: Policy, name: str) -> pl.DataFrame:
    found = margined(inputs, as_of, policy).apart
    value = found.portfolio["net_option_value_usd"].cast(pl.Float64).to_numpy()
    asked = np.maximum(found.alone.blended - value, 0.0)
    return found.portfolio.select(KEY).with_columns(model=pl.lit(name), margin_usd=pl.Series(asked))
