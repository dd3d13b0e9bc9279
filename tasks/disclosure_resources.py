"""Default resources, what they must cover, and the test of haircuts: items 4 and 5.3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl

from tasks.disclosure_declared import FILE, declared
from tasks.disclosure_figures import Figure, reported, span_of, sql, unavailable
from tasks.disclosure_items import ITEMS
from tasks.disclosure_period import Period
from tasks.model.arrays import Floats
from tasks.model.assurance.haircut_test import haircut_test
from tasks.model.margin.haircut import holding_days
from tasks.model.policy import Policy

_NOT_DECLARED = f"no such resource is declared in {FILE}"
_NOT_TESTED = "after none of the days is every price known of the period a haircut is to last for"
_STRESSED = ("4.4.3", "4.4.4", "4.4.5", "4.4.7", "4.4.8", "4.4.9")
_NO_STRESS = "stress tests of the house are not built yet"


def default_resources(period: Period) -> Iterator[Figure]:
    """4.1 to 4.3, as the house declares them."""
    span = span_of([period.latest])
    for item in ITEMS:
        if item.reference.split(".")[:2] in (["4", "1"], ["4", "2"], ["4", "3"]):
            amount = declared().default_resources.get(f"{item.reference} {item.part}".rstrip())
            if amount is None:
                yield unavailable(item.reference, item.part, _NOT_DECLARED)
            else:
                yield reported(item.reference, item.part, amount, span, FILE)


def cover(period: Period, policy: Policy) -> Iterator[Figure]:
    """4.4.1 and 4.4.2, and what of the stress tests is not there yet."""
    span = span_of(period.runs)
    yield reported("4.4.1", "", declared().cover, span, FILE)
    for name in period.of_run("disclosure/margin_rate", period.latest["run_id"])["underlying"]:
        yield reported("4.4.2", name, holding_days(name, policy), span, holding_days)
    for item in ITEMS:
        if item.reference in _STRESSED:
            yield unavailable(item.reference, item.part, _NO_STRESS)


def haircuts(period: Period, policy: Policy) -> Iterator[Figure]:
    """5.3: every asset's price falls against the haircut that was in force before them, over the published days."""
    span, rule = span_of(period.runs), policy.collateral.calibration
    yield reported("5.3.1", "", rule.confidence_fraction, span, "policy:collateral.calibration.confidence_fraction")
    found = period.of_days("disclosure/haircut", period.runs)
    for (asset,), rows in sorted(found.partition_by("asset", as_dict=True).items()):
        days = holding_days(asset, policy)
        tested = haircut_test(*_by_day(rows, span.first, span.last), days)
        yield reported("5.3.2", asset, days, span, holding_days)
        yield reported("5.3.3", asset, tested.observations, span, sql("disclosure/haircut"), haircut_test)
        if tested.observations:
            yield reported("5.3.4", asset, tested.days_exceeding, span, sql("disclosure/haircut"), haircut_test)
        else:
            yield unavailable("5.3.4", asset, _NOT_TESTED)


def _by_day(rows: pl.DataFrame, first: date, last: date) -> tuple[Floats, Floats]:
    """Price and haircut of each calendar day. A day without a run has no price, and its haircut is not looked at."""
    days = pl.DataFrame({"business_date": pl.date_range(first, last, eager=True)})
    joined = days.join(rows, on="business_date", how="left").sort("business_date")
    price, haircut = (joined[name].cast(pl.Float64).to_numpy() for name in ("price_usd", "haircut_fraction"))
    return np.asarray(price), np.nan_to_num(haircut)
