"""Initial and variation margin of the published days: items 6.1 to 6.3 and 6.6 to 6.9."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product as pairs

import numpy as np
import polars as pl

from tasks.disclosure_declared import FILE, declared
from tasks.disclosure_figures import Figure, reported, span_of, sql, unavailable
from tasks.disclosure_items import ASSET_CLASSES, HAIRCUT_SIDES, ORIGINS, RISES, TOTAL
from tasks.disclosure_losses import known_price
from tasks.disclosure_period import Period, Quarter
from tasks.model.arrays import Floats
from tasks.model.assurance.responsiveness import MarginPath, Window, responsiveness
from tasks.model.money import product, total

_KINDS = {"HOUSE": "HOUSE", "CLIENT_GROSS": "CLIENT_GROSS", "CLIENT_OMNI_NET": "CLIENT_NET", TOTAL: TOTAL}
_ORIGINS = {"HOUSE": "HOUSE", "CLIENT_GROSS": "CLIENT", "CLIENT_OMNI_NET": "CLIENT", TOTAL: TOTAL}
_NOTHING = Decimal("0.00")
_TOO_SHORT = "no two published days lie so far apart"


def required(period: Period) -> Iterator[Figure]:
    """6.1.1, at the last published day of the quarter."""
    span = span_of([period.latest])
    amounts = dict(period.of_run("disclosure/initial_margin_required", period.latest["run_id"]).iter_rows())
    for kind, part in _KINDS.items():
        yield reported("6.1.1", part, amounts.get(kind, _NOTHING), span, sql("disclosure/initial_margin_required"))


def held(period: Period) -> Iterator[Figure]:
    """6.2, at the last published day of the quarter."""
    span = span_of([period.latest])
    amounts = _held_by_class(period.of_run("disclosure/initial_margin_held", period.latest["run_id"]))
    everything = len(ASSET_CLASSES) + 1
    for number, origin, side in pairs(range(1, everything + 1), (*ORIGINS, TOTAL), HAIRCUT_SIDES):
        among = range(1, everything) if number == everything else (number,)
        amount = total(each for each_class in among for each in amounts.get((each_class, origin, side), ()))
        yield reported(f"6.2.{number}", f"{origin}_{side}", amount, span, sql("disclosure/initial_margin_held"), FILE)


def _held_by_class(rows: pl.DataFrame) -> Mapping[tuple[int, str, str], Sequence[Decimal]]:
    """Amounts by class of assets, origin and side of the haircut."""
    found: dict[tuple[int, str, str], list[Decimal]] = {}
    for kind, form, *amounts in rows.iter_rows():
        origin = _ORIGINS.get(kind, "")  # of an account nobody knows: the total then is not that of its parts
        for side, amount in zip(HAIRCUT_SIDES, amounts, strict=True):
            found.setdefault((declared().class_of(form), origin, side), []).append(amount)
    return found


def rates(period: Period) -> Iterator[Figure]:
    """6.3.1: portfolios are margined as a whole, so the rate of one unit outright stands for a contract's."""
    span = span_of([period.latest])
    for name, rate in period.of_run("disclosure/margin_rate", period.latest["run_id"]).iter_rows():
        yield reported("6.3.1", name, rate, span, sql("disclosure/margin_rate"))


def variation(period: Period) -> Iterator[Figure]:
    """6.6.1 and 6.7.1: what accounts paid in net, by settlement asset, at the prices of the day."""
    span = span_of(period.quarter_runs)
    rows = period.of_days("disclosure/variation_margin_paid", period.quarter_runs)
    by_day = {run["business_date"]: _NOTHING for run in period.quarter_runs}
    for asset, paid, price, day in rows.iter_rows():
        by_day[day] += product(paid, known_price(price, asset))
    yield reported(
        "6.6.1", "", total(by_day.values()) / len(by_day), span, sql("disclosure/variation_margin_paid"), variation
    )
    yield reported("6.7.1", "", max(by_day.values()), span, sql("disclosure/variation_margin_paid"), variation)


def called(period: Period) -> Iterator[Figure]:
    """6.8.1; nothing called on any day is a figure of zero."""
    days = period.of_house("disclosure/initial_margin_called").filter(pl.col("business_date") >= period.quarter.first)
    largest = max(days["amount_usd"], default=_NOTHING)
    yield reported("6.8.1", "", largest, span_of(period.quarter_runs), sql("disclosure/initial_margin_called"))


def responsive(period: Period) -> Iterator[Figure]:
    """6.9.1: how far and fast the rate of one unit outright moved within the quarter, by underlying."""
    span = span_of(period.quarter_runs)
    rows = period.of_days("disclosure/margin_rate", period.quarter_runs)
    for (name,), of_one in sorted(rows.partition_by("underlying", as_dict=True).items()):
        measures = _measures(of_one, period.quarter)
        for rise in RISES:
            value = measures[rise.lower()]
            if np.isnan(value):
                yield unavailable("6.9.1", f"{name} {rise}", _TOO_SHORT)
            else:
                yield reported("6.9.1", f"{name} {rise}", value, span, sql("disclosure/margin_rate"), responsiveness)


def _measures(rates_of_one: pl.DataFrame, quarter: Quarter) -> Mapping[str, float]:
    """Measures of a margin rate by calendar day; days without a run have none, and nothing is filled."""
    days = pl.DataFrame({"business_date": pl.date_range(quarter.first, quarter.last, eager=True)})
    rate = days.join(rates_of_one, on="business_date", how="left").sort("business_date")["charged_rate"].to_numpy()
    unknown: Floats = np.full(len(rate), np.nan)
    dates = days["business_date"].to_numpy().astype("datetime64[D]")
    path = MarginPath(dates, rate, unknown, unknown, 0.0)
    return responsiveness(path, (Window(quarter.name, dates[0], dates[-1]),)).row(0, named=True)
