"""The scenarios of a run as they are published: result.scenario, result.scenario_move and result.scenario_set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from tasks.model.arrays import ScenarioSet
from tasks.model.margin.tails import ScenarioSets

_SCENARIO_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "scenario_set": pl.String,
    "scenario_index": pl.Int32,
    "scenario_id": pl.String,
    "start_date": pl.Date,
    "underlying": pl.String,
    "horizon_days": pl.Int32,
    "spot_return": pl.Float64,
    "scale_factor": pl.Float64,
    "vol_score": pl.Float64,
    "quality": pl.String,
    "vol_quality": pl.String,
    "basis_quality": pl.String,
}
_MOVE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "scenario_set": pl.String,
    "scenario_index": pl.Int32,
    "scenario_id": pl.String,
    "underlying": pl.String,
    "horizon_days": pl.Int32,
    "factor": pl.String,
    "tenor_days": pl.Float64,
    "move": pl.Float64,
}
_SET_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "account_type": pl.String,
    "scenario_set": pl.String,
    "underlying": pl.String,
    "horizon_days": pl.Int32,
    "scenarios": pl.Int32,
    "proxied": pl.Int32,
    "vol_proxied": pl.Int32,
    "dropped": pl.Int32,
}


def scenario_table(sets: list[ScenarioSets]) -> pl.DataFrame:
    """Rows of result.scenario; what account types share stands once."""
    rows = [row for each in sets for scenario_set in each.every for row in _scenario_rows(scenario_set)]
    return pl.DataFrame(rows, schema=_SCENARIO_SCHEMA, orient="row").unique(maintain_order=True)


def _scenario_rows(scenario_set: ScenarioSet) -> Iterator[tuple[Any, ...]]:
    dates = scenario_set.start_dates.astype("datetime64[D]").astype(object).tolist()
    for u, underlying in enumerate(scenario_set.underlyings):
        for i, name in enumerate(scenario_set.ids):
            yield (
                scenario_set.name,
                i,
                name,
                dates[i],
                underlying,
                int(scenario_set.horizon_days[u]),
                float(scenario_set.spot_return[u, i]),
                float(scenario_set.scale_factor[u, i]),
                float(scenario_set.vol_score[i]),
                _quality(scenario_set.proxied[u, i]),
                _quality(scenario_set.vol_proxied[u, i]),
                _quality(scenario_set.basis_proxied[u, i]),
            )


def _quality(is_proxy: bool) -> str:
    return "PROXY" if is_proxy else "OK"


def scenario_move_table(sets: list[ScenarioSets]) -> pl.DataFrame:
    """Rows of result.scenario_move; what account types share stands once."""
    rows = [row for each in sets for scenario_set in each.every for row in _move_rows(scenario_set)]
    return pl.DataFrame(rows, schema=_MOVE_SCHEMA, orient="row").unique(maintain_order=True)


def _move_rows(scenario_set: ScenarioSet) -> Iterator[tuple[Any, ...]]:
    for factor, moves in (("VOLATILITY", scenario_set.vol_observed), ("FORWARD", scenario_set.basis_observed)):
        for u, tenor, i in np.argwhere(~np.isnan(moves.move)).tolist():
            days = float(moves.days[tenor])
            yield (
                scenario_set.name,
                i,
                scenario_set.ids[i],
                scenario_set.underlyings[u],
                int(scenario_set.horizon_days[u]),
                factor if math.isfinite(days) else "PERPETUAL",
                days if math.isfinite(days) else None,
                float(moves.move[u, tenor, i]),
            )


def scenario_set_table(sets: list[ScenarioSets]) -> pl.DataFrame:
    """Rows of result.scenario_set."""
    rows = [
        (
            account_type,
            each.name,
            underlying,
            int(each.horizon_days[u]),
            len(each.ids),
            int(each.proxied[u].sum()),
            int(each.vol_proxied[u].sum()),
            each.dropped,
        )
        for shared in sets
        for account_type in shared.account_types
        for each in shared.every
        for u, underlying in enumerate(each.underlyings)
    ]
    return pl.DataFrame(rows, schema=_SET_SCHEMA, orient="row")
