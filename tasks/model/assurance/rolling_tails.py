"""Tails of static portfolios on every day of a span, read off scenarios that are shared by all policies that draw them.

Look-back, weights, confidences and the buffer cost next to nothing; only another half-life, scaling or liquidation
period asks for scenarios of its own. Reference: METHODOLOGY 4 and 5, lines 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tasks.model.arrays import Closes, Floats, Ints, ScenarioSet
from tasks.model.assurance.static_portfolio import StaticPortfolio, leg_gain
from tasks.model.errors import ModelInputError
from tasks.model.kernels import exp
from tasks.model.policy import Policy
from tasks.model.risk import scenarios, tail
from tasks.model.risk.correlation import repaired_shortfall
from tasks.model.risk.rescaled import RescaledHistory


@dataclass(frozen=True)
class StaticRows:
    """p portfolios in the same u underlyings as entries (e legs), and rows (g: a portfolio's legs in an underlying)."""

    underlyings: tuple[str, ...]
    form: Ints  # (e,)
    weight: Floats  # (e,) USD of notional
    leg_underlying: Ints  # (e,)
    row_start: Ints  # (g,) first entry
    row_underlying: Ints  # (g,)
    portfolio_start: Ints  # (p,) first row
    row_portfolio: Ints  # (g,)

    def pnl(self, returns: Floats) -> Floats:
        """(g, n) P&L of the rows where underlyings move by log returns (u, n), fraction of notional, gain > 0."""
        gain = leg_gain(self.form, exp(returns)[self.leg_underlying])
        return _summed(self.weight[:, None] * gain, self.row_start)

    def of_portfolios(self, rows: Floats) -> Floats:
        """(g, ...) of the rows summed over each portfolio, (p, ...)."""
        return _summed(rows, self.portfolio_start)


@dataclass(frozen=True)
class SpanTails:
    """Expected shortfall and VaR on each of t days, loss > 0, fraction of notional; NaN where no scenario was drawn."""

    row: Floats  # (t, g) expected shortfall of each row
    portfolio: Floats  # (t, p)
    value_at_risk: Floats  # (t, p)
    repaired: Floats  # (t, p) expected shortfall under the dearer pairing of the underlyings


def static_rows(portfolios: Sequence[StaticPortfolio]) -> StaticRows:
    """Rows of portfolios that hold the same underlyings."""
    names = portfolios[0].underlyings
    keys = [(p, names.index(leg.underlying), leg) for p, each in enumerate(portfolios) for leg in each.legs]
    keys.sort(key=lambda key: (key[0], key[1], key[2].form))
    place = np.array([(p, u) for p, u, _ in keys])
    new = np.append(True, (np.diff(place, axis=0) != 0).any(axis=1))
    rows = place[new]
    return StaticRows(
        names,
        np.array([leg.form for *_, leg in keys], dtype=np.int64),
        np.array([leg.weight for *_, leg in keys]),
        place[:, 1],
        np.flatnonzero(new),
        rows[:, 1],
        np.flatnonzero(np.append(True, np.diff(rows[:, 0]) != 0)),
        rows[:, 0],
    )


def drawn_tails(rows: StaticRows, drawn: RescaledHistory, days: Ints, confidence: float, shifts: int) -> SpanTails:
    """Tails of rescaled scenarios on each day, a position in the closes."""
    found = _empty(rows, len(days))
    for at, day in enumerate(days.tolist()):
        returns = known_returns(partial(drawn.at, day))
        if returns is not None:
            _read(rows, returns, confidence, shifts, found, at)
    return found


def stressed_tails(
    rows: StaticRows, closes: Closes, periods: dict[str, int], days: Ints, confidence: float, policy: Policy
) -> SpanTails:
    """Tails of the stressed scenarios on each day. They are drawn anew on days when the set may have changed."""
    found = _empty(rows, len(days))
    changes = [at for at, day in enumerate(days.tolist()) if not at or _may_change(closes, periods, day, policy)]
    for first, following in zip(changes, [*changes[1:], len(days)], strict=True):
        known = _up_to(closes, int(days[first]))
        returns = known_returns(partial(scenarios.stressed, known, periods, policy))
        if returns is not None:
            _read(rows, returns, confidence, 0, found, first)
            for figure in (found.row, found.portfolio, found.value_at_risk):
                figure[first:following] = figure[first]
    return found


def known_returns(draw: Callable[[], ScenarioSet]) -> Floats | None:
    """(u, n) of a scenario set; None where history is too short to draw one."""
    try:
        return draw().spot_return
    except ModelInputError as error:
        if error.code != "HISTORY_SHORT":
            raise
        return None


def _up_to(closes: Closes, day: int) -> Closes:
    """Closes as they were known at that day's."""
    return Closes(closes.underlyings, closes.dates[: day + 1], closes.close[:, : day + 1])


def _may_change(closes: Closes, periods: dict[str, int], day: int, policy: Policy) -> bool:
    """Whether the stressed set of a day may differ from the day's before.

    Events are chosen anew on refresh days alone, and all that is near one is known by then, unless it lasts longer than
    it takes to become known; named windows fill up day by day.
    """
    stress, house = policy.stress, policy.base_margin.liquidation_period_days.house
    lengths = [*periods.values(), *(int(house[name]) for name in stress.anchors)]
    since = int((closes.dates[day] - np.datetime64(stress.since)).astype(int))
    late = stress.window_days + max(lengths) - min(lengths) >= stress.known_days
    return late or bool(stress.windows.label) or since % stress.refresh_days == 0


def _read(rows: StaticRows, returns: Floats, confidence: float, shifts: int, into: SpanTails, at: int) -> None:
    """Reads the tails of one day; other pairings of the underlyings where there are `shifts` of the calendar."""
    pnl, n = rows.pnl(returns), returns.shape[1]
    sums = rows.of_portfolios(pnl)
    into.row[at] = tail.tails(pnl, n, confidence).shortfall
    into.portfolio[at] = tail.tails(sums, n, confidence).shortfall
    into.value_at_risk[at] = tail.value_at_risk(0.0 - sums, confidence)
    into.repaired[at] = into.portfolio[at]
    if shifts and len(rows.underlyings) > 1:
        found = repaired_shortfall(pnl, rows.portfolio_start, rows.row_underlying, returns, confidence, shifts)
        into.repaired[at] = np.maximum(*found)


def _summed(values: Floats, starts: Ints) -> Floats:
    """Sums of rows from each start to the next; where each stands alone they are their own sums."""
    return values if len(starts) == len(values) else np.asarray(np.add.reduceat(values, starts))


def _empty(rows: StaticRows, days: int) -> SpanTails:
    g, p = len(rows.row_start), len(rows.portfolio_start)
    return SpanTails(*(np.full((days, size), np.nan) for size in (g, p, p, p)))
