"""Grid loss of static portfolios: fixed moves of the price, so that it is the same rate on every day."""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Contracts, Floats, slices_of
from tasks.model.assurance.rolling_tails import StaticRows
from tasks.model.policy import Policy
from tasks.model.risk import grid


def grid_rates(rows: StaticRows, policy: Policy) -> Floats:
    """(p,) sum of the worst grid losses of each portfolio's rows, >= 0, fraction of notional."""
    contracts = _perpetuals(rows)
    entry_row = np.repeat(np.arange(len(rows.row_start)), np.diff(np.append(rows.row_start, len(rows.weight))))
    points = rows.weight[:, None] * grid.grid_pnl(contracts, policy)[1]
    worst = (0.0 - np.add.reduceat(points, rows.row_start)).max(axis=1)
    rolled = rows.weight[:, None] * grid.grid_roll_pnl(contracts, policy)
    roll = grid.roll_loss(len(rows.row_start), entry_row, contracts.slice_of, rolled)
    return rows.of_portfolios(np.maximum(np.maximum(worst, roll), 0.0))


def _perpetuals(rows: StaticRows) -> Contracts:
    """A perpetual of one USD of notional at a price of one for each entry."""
    n = len(rows.weight)
    one, none = np.ones(n), np.full(n, np.nan)
    slice_of, slices = slices_of(rows.leg_underlying, np.full(n, np.inf))
    return Contracts(
        ids=tuple(str(entry) for entry in range(n)),
        underlyings=rows.underlyings,
        underlying=rows.leg_underlying,
        form=rows.form,
        multiplier=one,
        index_price=one,
        forward=one,
        settle_price=one,
        strike=none,
        is_call=np.zeros(n, dtype=np.bool_),
        years_to_expiry=none,
        volatility=none,
        fixed_part=np.zeros(n),
        slice_of=slice_of,
        slices=slices,
    )
