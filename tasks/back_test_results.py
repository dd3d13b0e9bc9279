"""Rates that back-tests have computed, in the database of a home: what stands, one writer that loads, paths read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from tasks import resources
from tasks.back_test_plan import Plan, Slice
from tasks.back_test_slice import FIGURES, SCHEMA
from tasks.model.arrays import Floats
from tasks.model.assurance.rate_path import Forecast, RatePath
from tasks.model.assurance.rolling_margin import HOUSE_MODEL, house_periods
from tasks.model.assurance.static_portfolio import StaticPortfolio
from tasks.model.policy import Policy
from tasks.store import Store

_SLICE = "result.back_test_slice"
_RATE = "result.back_test_rate"


def standing(store: Store) -> set[str]:
    """Keys of the slices that were computed before."""
    return set(store.read(f"SELECT slice_key FROM {_SLICE}")["slice_key"])


def load(store: Store, slices: Sequence[Slice], computed: Iterable[Path]) -> int:
    """Take over computed slices in one transaction, in the place of older ones of the same days; returns rows."""
    found = pl.concat([pl.DataFrame(schema=SCHEMA), *map(pl.read_parquet, computed)]).sort("slice_key", "date")
    with store.transaction():
        for each in slices:
            store.run_file("back_test/supersede", _row(each))
        store.append(_SLICE, pl.DataFrame([_row(each) for each in slices]))
        return store.append(_RATE, found)


def paths(store: Store, plan: Plan) -> dict[str, dict[str, RatePath]]:
    """Paths by policy hash and name of the portfolio, of the days asked for; none where a portfolio has no rate.

    The days are those from the first to the last with a row; a day between without one has no figures.
    """
    keys = [each.key for each in plan.slices]
    rows = store.read(resources.sql("back_test/rates"), {"keys": keys})
    asked = rows.filter(pl.col("date").is_between(plan.request.first, plan.request.last))
    held = {name[0:2]: found for name, found in asked.group_by("policy_hash", "portfolio", maintain_order=True)}
    return {
        policy_hash: {
            portfolio.name: path_of(held[policy_hash, portfolio.name], portfolio, policy)
            for portfolio in plan.portfolios
            if (policy_hash, portfolio.name) in held
        }
        for policy_hash, policy in plan.policies.items()
    }


def path_of(rows: pl.DataFrame, portfolio: StaticPortfolio, policy: Policy) -> RatePath:
    """The path that rows of back_test_rate, at least one, tell of."""
    first, last = rows["date"].min(), rows["date"].max()
    assert isinstance(first, date) and isinstance(last, date), "a path has a day"
    days = [first + timedelta(days=step) for step in range((last - first).days + 1)]
    whole = pl.DataFrame({"date": days}).join(rows, on="date", how="left", maintain_order="left")
    series = {name: _floats(whole, name) for name in FIGURES}
    quantile, shortfall = series.pop("value_at_risk"), series.pop("expected_shortfall")
    buffered = policy.apc_buffer.mode == "on"
    return RatePath(
        portfolio,
        HOUSE_MODEL,
        max(house_periods(portfolio.underlyings, policy).values()),
        np.array(days, dtype="datetime64[D]"),
        **series,
        full_buffer=policy.apc_buffer.fraction if buffered else 0.0,
        forecast=Forecast(quantile, shortfall, policy.base_margin.confidence_filtered_fraction),
    )


def _floats(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].fill_null(float("nan")).to_numpy()


def _row(each: Slice) -> Mapping[str, object]:
    return {
        "slice_key": each.key,
        "policy_hash": each.policy_hash,
        "minimum_scenarios": each.minimum_scenarios,
        "portfolio": each.portfolio.name,
        "first_date": each.first,
        "last_date": each.last,
    }
