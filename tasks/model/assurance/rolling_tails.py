"""Tails of static portfolios on every day of a span, read off scenarios that are shared by all policies that draw them.

Look-back, weights, confidences and the buffer cost next to nothing; only another half-life, scaling or liquidation
period asks for scenarios of its own. Reference: METHODOLOGY 4 and 5, lines 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Closes, Floats, Ints
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


class Cut(NamedTuple):
    """What is looked at of a day's scenarios: the latest so many, at so much confidence."""

    latest: int
    confidence: float


def drawn_tails(
    rows: StaticRows, drawn: RescaledHistory, days: Ints, cuts: Sequence[Cut], shifts: int
) -> dict[Cut, SpanTails]:
    """Tails of rescaled scenarios under each cut on each day, a position in the closes, drawn once for all of them."""
    found = {cut: _empty(rows, len(days)) for cut in cuts}
    for at, day in enumerate(days.tolist()):
        returns = known_returns(partial(drawn.returns, day))
        if returns is not None:
            _read(rows, returns, shifts, found, at)
    return found


def stressed_tails(
    rows: StaticRows, closes: Closes, periods: dict[str, int], days: Ints, confidence: float, policy: Policy
) -> SpanTails:
    """Tails of the stressed scenarios on each day. They are drawn anew on days when the set may have changed."""
    cut = Cut(np.iinfo(np.int64).max, confidence)
    found = _empty(rows, len(days))
    changes = [at for at, day in enumerate(days.tolist()) if not at or _may_change(closes, periods, day, policy)]
    for first, following in zip(changes, [*changes[1:], len(days)], strict=True):
        known = _up_to(closes, int(days[first]))
        returns = known_returns(partial(_stressed_returns, known, periods, policy))
        if returns is not None:
            _read(rows, returns, 0, {cut: found}, first)
            for figure in (found.row, found.portfolio, found.value_at_risk):
                figure[first:following] = figure[first]
    return found


def _stressed_returns(closes: Closes, periods: dict[str, int], policy: Policy) -> Floats:
    return scenarios.stressed(closes, periods, policy).spot_return


def known_returns(draw: Callable[[], Floats]) -> Floats | None:
    """(u, n) of a scenario set; None where history is too short to draw one."""
    try:
        return draw()
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


def _read(rows: StaticRows, returns: Floats, shifts: int, into: Mapping[Cut, SpanTails], at: int) -> None:
    """Reads the tails of one day; other pairings of the underlyings where there are `shifts` of the calendar."""
    pnl, n = rows.pnl(returns), returns.shape[1]
    for latest in dict.fromkeys(min(cut.latest, n) for cut in into):
        cuts = [cut for cut in into if min(cut.latest, n) == latest]
        part = np.ascontiguousarray(pnl[:, n - latest :])
        sums, confidences = rows.of_portfolios(part), [cut.confidence for cut in cuts]
        row = tail.rungs(part, latest, confidences)
        # Rows that are portfolios have their tails.
        portfolio = row if sums is part else tail.rungs(sums, latest, confidences)
        for cut, own, whole in zip(cuts, row, portfolio, strict=True):
            found = into[cut]
            found.row[at], found.portfolio[at], found.value_at_risk[at] = own.shortfall, *whole
            found.repaired[at] = whole.shortfall
            if shifts and len(rows.underlyings) > 1:
                found.repaired[at] = _repaired(rows, part, returns[:, n - latest :], cut.confidence, shifts)


def _repaired(rows: StaticRows, pnl: Floats, returns: Floats, confidence: float, shifts: int) -> Floats:
    """(p,) shortfall under the dearer pairing of the underlyings."""
    paired = repaired_shortfall(pnl, rows.portfolio_start, rows.row_underlying, returns, confidence, shifts)
    return np.asarray(np.maximum(*paired))


def _summed(values: Floats, starts: Ints) -> Floats:
    """Sums of rows from each start to the next; where each stands alone they are their own sums."""
    return values if len(starts) == len(values) else np.asarray(np.add.reduceat(values, starts))


def _empty(rows: StaticRows, days: int) -> SpanTails:
    g, p = len(rows.row_start), len(rows.portfolio_start)
    return SpanTails(*(np.full((days, size), np.nan) for size in (g, p, p, p)))
