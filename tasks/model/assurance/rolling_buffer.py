"""Share of the procyclicality buffer that static portfolios pay on every day of a span.

The state runs day by day as in production; days without a margin rate leave it as it was. It begins with the whole
buffer on the first day that has one, so a path must begin there, or the state of a day would depend on where the path
was cut. Reference: METHODOLOGY 5, line 9.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.rolling_tails import StaticRows
from tasks.model.margin import apc
from tasks.model.margin.outright import Outright
from tasks.model.policy import Policy


def buffer_shares(rows: StaticRows, row_blended: Floats, long: Floats, short: Floats, policy: Policy) -> Floats:
    """(t, p) buffer each portfolio pays, fraction of its margin before it; NaN on days without a margin rate.

    row_blended: (t, g) blended tail of the rows; long, short: (t, u) of one USD of each underlying, NaN where none.
    """
    fraction = buffer_fractions(rows.underlyings, long, short, policy)[:, rows.row_underlying]
    p, known = len(rows.portfolio_start), np.flatnonzero(np.isfinite(fraction).all(axis=1))
    place = (np.arange(len(known))[:, None] * p + rows.row_portfolio).ravel()
    found = np.full((len(row_blended), p), np.nan)
    share = apc.weighted(place, len(known) * p, row_blended[known].ravel(), fraction[known].ravel())
    found[known] = share.reshape(len(known), p)
    return found


def buffer_fractions(names: tuple[str, ...], long: Floats, short: Floats, policy: Policy) -> Floats:
    """(t, u) buffer in force of each underlying, on the tails of one USD of it; NaN on days that lack one."""
    before: list[dict[str, Any] | None] = [None] * len(names)
    found = np.full(long.shape, np.nan)
    for day in np.flatnonzero(np.isfinite(long).all(axis=1) & np.isfinite(short).all(axis=1)).tolist():
        rates = Outright(names, long[day], short[day]).margin_rate(policy).tolist()
        states = [apc.day_on(rate, past, policy.apc_buffer) for rate, past in zip(rates, before, strict=True)]
        found[day], before = [state["buffer_fraction"] for state in states], list(states)
    return found
