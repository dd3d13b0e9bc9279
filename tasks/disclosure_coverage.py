"""How often margin was enough for what accounts lost: items 6.5, and the losses themselves, 4.4.6 and 4.4.10."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from tasks import account_back_test, status
from tasks.disclosure_declared import FILE, declared
from tasks.disclosure_figures import Figure, Span, reported, span_of, sql, unavailable
from tasks.disclosure_items import CLEAN
from tasks.disclosure_losses import Observed, losses, over_margin
from tasks.disclosure_period import Period
from tasks.model.arrays import Floats
from tasks.model.assurance.account_back_test import back_test_day
from tasks.model.assurance.disclosure import largest_exposure, margin_coverage
from tasks.model.assurance.published_day import PORTFOLIO
from tasks.model.margin.haircut import holding_days
from tasks.model.policy import Policy

_NOT_TESTED = "the days a default takes to be closed out are over after none of the published days"
_NOT_BACK_TESTED = "no liquidation period of an account is over by the back-test (`levee backtest accounts`)"
_BREACHES = ("6.5.1.1", "6.5.2", "6.5.3", "6.5.4", "6.5.5")
_QUERIES = (sql("disclosure/portfolio"), sql("disclosure/portfolio_flow"))


def coverage(period: Period, policy: Policy) -> Iterator[Figure]:
    """4.4.6, 4.4.10 and 6.5. Losses are taken over the longest liquidation period of the underlyings listed."""
    said, span = declared(), span_of(period.runs)
    yield reported("6.5.1.2", "", said.test_frequency, span, FILE)
    yield reported("6.5.1.3", "", said.test_time, span, FILE)
    underlyings = period.of_run("disclosure/margin_rate", period.latest["run_id"])["underlying"]
    observed = losses(period, max((holding_days(name, policy) for name in underlyings), default=1))
    if observed:
        tested = Span(observed[0].day, observed[-1].day, len({each.day for each in observed}))
        margin, loss = (np.array([getattr(each, name) for each in observed]) for name in ("margin", "loss"))
        yield from _breaches("", margin, loss, tested, *_QUERIES)
        yield from _exposures(observed, tested)
    else:
        for reference in _BREACHES:
            yield unavailable(reference, "", _NOT_TESTED)
        for reference, part in (("4.4.6", "PEAK"), ("4.4.6", "MEAN"), ("4.4.10", "PEAK"), ("4.4.10", "MEAN")):
            yield unavailable(reference, part, _NOT_TESTED)
    yield from _held_constant(period)


def _held_constant(period: Period) -> Iterator[Figure]:
    """6.5 once more with the positions of the day valued at later marks: what the back-test of real accounts found."""
    found = _clean(period)
    if found.is_empty():
        for reference in _BREACHES:
            yield unavailable(reference, CLEAN, _NOT_BACK_TESTED)
        return
    days = found["margin_date"].unique().sort().to_list()
    margin, loss = (found[name].to_numpy() for name in ("margin_usd", "clean_loss_usd"))
    yield from _breaches(CLEAN, margin, loss, Span(days[0], days[-1], len(days)), back_test_day)


def _clean(period: Period) -> pl.DataFrame:
    """Margin and clean loss of every portfolio on the days whose figures rest on the runs in force now."""
    rows, runs = account_back_test.rows(period.home), status.in_force(period.home)
    stands = [
        day
        for (day, rests_on), horizon in _rests(rows)
        if rests_on == account_back_test.resting_on(runs, day, horizon)
        and period.quarter.year_first <= day <= period.quarter.last
    ]
    kept = rows.filter(pl.col("level") == PORTFOLIO, pl.col("margin_date").is_in(stands))
    return kept.select("margin_date", "margin_usd", "clean_loss_usd").drop_nulls()


def _rests(rows: pl.DataFrame) -> Iterator[tuple[tuple[date, str], int]]:
    """Day and runs it rests on, and over how many days at most."""
    for day, rests_on, days in rows.group_by("margin_date", "rests_on").agg(pl.col("horizon_days").max()).iter_rows():
        yield (day, rests_on), days


def _breaches(
    part: str, margin: Floats, loss: Floats, tested: Span, *source: str | Callable[..., Any]
) -> Iterator[Figure]:
    found = margin_coverage(margin, loss)
    values = (found.breaches, found.observations, found.coverage, found.peak_uncovered, found.average_uncovered)
    for reference, value in zip(_BREACHES, values, strict=True):
        yield reported(reference, part, value, tested, *source, margin_coverage)


def _exposures(observed: list[Observed], tested: Span) -> Iterator[Figure]:
    over = over_margin(observed)
    for reference, participants in (("4.4.6", 1), ("4.4.10", 2)):
        found = largest_exposure(over, np.zeros(len(over)), participants)
        yield reported(reference, "PEAK", found.peak, tested, *_QUERIES, largest_exposure)
        yield reported(reference, "MEAN", found.mean, tested, *_QUERIES, largest_exposure)
