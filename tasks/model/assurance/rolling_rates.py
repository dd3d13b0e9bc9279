"""From tails to the margin rate, as the margin room has it: base margin, correlation break, procyclicality buffer.

Reference: METHODOLOGY 5, lines 1, 2 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.rolling_buffer import buffer_shares
from tasks.model.assurance.rolling_grid import grid_rates
from tasks.model.assurance.rolling_tails import SpanTails, StaticRows
from tasks.model.margin.requirement import blend, limit_offset
from tasks.model.policy import Policy


@dataclass(frozen=True)
class RollingTails:
    """Tails of the same rows on the same days under each scenario set; long_run where that floor is on."""

    filtered: SpanTails
    stressed: SpanTails
    long_run: SpanTails | None


@dataclass(frozen=True)
class Rates:
    """Of p portfolios on t days, fraction of gross notional; NaN on days without scenarios."""

    rate: Floats  # (t, p)
    buffer: Floats  # (t, p) fraction of the rate before it, 0 where the policy has none


def margin_rates(rows: StaticRows, tails: RollingTails, policy: Policy) -> Rates:
    """Rates of portfolios; where the policy has a buffer, the last 2 u of them are one USD of each underlying, long
    and short in turn, and the days begin with the history (see `rolling_buffer`).
    """
    weight = policy.base_margin.stressed_weight_fraction
    row_blended = blend(tails.filtered.row, tails.stressed.row, weight)
    blended = blend(tails.filtered.portfolio, tails.stressed.portfolio, weight)
    base = np.maximum(_limited(rows, row_blended, blended, policy), grid_rates(rows, policy))
    if tails.long_run is not None:
        base = np.maximum(base, _limited(rows, tails.long_run.row, tails.long_run.portfolio, policy))
    excess = np.maximum(tails.filtered.repaired - base, 0.0)
    before = base + policy.correlation_break.fraction * excess
    if policy.apc_buffer.mode == "off":
        return Rates(before, np.where(np.isfinite(before), 0.0, np.nan))
    reference = row_blended[:, -2 * len(rows.underlyings) :]
    buffer = buffer_shares(rows, row_blended, reference[:, ::2], reference[:, 1::2], policy)
    return Rates(before * (1.0 + buffer), buffer)


def _limited(rows: StaticRows, row_tail: Floats, portfolio_tail: Floats, policy: Policy) -> Floats:
    """(t, p) tail with its offset across underlyings limited."""
    groups = rows.of_portfolios(np.maximum(row_tail, 0.0).T).T
    return limit_offset(groups, portfolio_tail, policy.base_margin.offset_limit_fraction)
