"""How often margin was enough for what accounts lost: items 6.5, and the losses themselves, 4.4.6 and 4.4.10."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tasks.disclosure_declared import FILE, declared
from tasks.disclosure_figures import Figure, Span, reported, span_of, sql, unavailable
from tasks.disclosure_losses import Observed, losses, over_margin
from tasks.disclosure_period import Period
from tasks.model.assurance.disclosure import largest_exposure, margin_coverage
from tasks.model.margin.haircut import holding_days
from tasks.model.policy import Policy

_NOT_TESTED = "the days a default takes to be closed out are over after none of the published days"
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
        yield from _breaches(observed, tested)
        yield from _exposures(observed, tested)
    else:
        for reference in ("6.5.1.1", "6.5.2", "6.5.3", "6.5.4", "6.5.5"):
            yield unavailable(reference, "", _NOT_TESTED)
        for reference, part in (("4.4.6", "PEAK"), ("4.4.6", "MEAN"), ("4.4.10", "PEAK"), ("4.4.10", "MEAN")):
            yield unavailable(reference, part, _NOT_TESTED)


def _breaches(observed: list[Observed], tested: Span) -> Iterator[Figure]:
    margin, loss = (np.array([getattr(each, name) for each in observed]) for name in ("margin", "loss"))
    found = margin_coverage(margin, loss)
    for reference, value in (
        ("6.5.1.1", found.breaches),
        ("6.5.2", found.observations),
        ("6.5.3", found.coverage),
        ("6.5.4", found.peak_uncovered),
        ("6.5.5", found.average_uncovered),
    ):
        yield reported(reference, "", value, tested, *_QUERIES, margin_coverage)


def _exposures(observed: list[Observed], tested: Span) -> Iterator[Figure]:
    over = over_margin(observed)
    for reference, participants in (("4.4.6", 1), ("4.4.10", 2)):
        found = largest_exposure(over, np.zeros(len(over)), participants)
        yield reported(reference, "PEAK", found.peak, tested, *_QUERIES, largest_exposure)
        yield reported(reference, "MEAN", found.mean, tested, *_QUERIES, largest_exposure)
