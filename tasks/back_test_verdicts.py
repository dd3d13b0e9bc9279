"""Judgements of rate paths in the home's database: each is made once, and told from its rows ever after."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import polars as pl

from tasks import back_test_history, resources
from tasks.back_test_plan import Plan
from tasks.home import canonical_json
from tasks.model.arrays import Closes
from tasks.model.assurance.breach_causes import breach_causes
from tasks.model.assurance.judgement import Judgement, JudgementPlan, judge
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.assurance.whole_forecast import whole_forecast
from tasks.model.errors import ModelInputError
from tasks.model.policy import Policy
from tasks.store import Store

_TOO_FEW = "NO_OBSERVATIONS"
SUMMARY, TESTS, WINDOWS, EXCEPTIONS = (
    "result.back_test",
    "result.back_test_test",
    "result.back_test_window",
    "result.back_test_exception",
)
_WINDOW_COLUMNS = (
    *("first_date", "last_date", "observations", "breaches", "coverage", "coverage_low", "coverage_high"),
    *("mean_rate", "smallest_rate", "largest_loss", "uncovered_largest", "uncovered_mean", "peak_to_trough"),
    *("largest_rise_1d", "largest_rise_5d", "largest_rise_20d", "large_call_1d", "large_call_5d", "large_call_20d"),
    *("elasticity", "buffer_used", "days_below_buffer"),
)

Rows = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Series:
    """One path to judge, and the name its judgement has."""

    key: str
    policy: Policy
    path: RatePath
    closes: Closes  # of the portfolio's coins
    known: Closes  # and of the policy's anchors, that stand in for the moves of a young one
    asked: JudgementPlan


def series_of(plan: Plan, paths: Mapping[str, Mapping[str, RatePath]], asked: JudgementPlan) -> list[Series]:
    """What is to be judged of a plan, by policy and portfolio in their order."""
    return [
        Series(
            _key(plan, policy_hash, path, asked),
            policy,
            path,
            _closes(plan, {*path.portfolio.underlyings}),
            _closes(plan, {*path.portfolio.underlyings, *policy.stress.anchors}),
            asked,
        )
        for policy_hash, policy in plan.policies.items()
        for path in paths[policy_hash].values()
    ]


def _closes(plan: Plan, coins: Collection[str]) -> Closes:
    return back_test_history.joint(plan.history.closes.filter(pl.col("coin").is_in(sorted(coins))))


def judged(store: Store) -> set[str]:
    """Names of the judgements that were made before."""
    return set(store.read(f"SELECT series_key FROM {SUMMARY}")["series_key"])


def rows_of(series: Series) -> Rows:
    """Judge a path: its rows by table; none where it has too few days for a test of every phase."""
    try:
        found = judge(series.path, series.asked, whole=whole_forecast(series.path, series.known, series.policy))
    except ModelInputError as error:
        if error.code != _TOO_FEW:
            raise
        return {}
    periods = house_periods(series.path.portfolio.underlyings, series.policy)
    key = pl.lit(series.key).alias("series_key")
    windows = found.windows.with_row_index("position").rename({"window": "window_name"})
    return {
        SUMMARY: pl.DataFrame([_summary(series, found)]),
        TESTS: pl.DataFrame(_tests(series.key, found), schema_overrides={"phase": pl.Int32}, infer_schema_length=None),
        WINDOWS: windows.select(
            key, "position", "window_name", *(pl.col(name).cast(_of_window(name)) for name in _WINDOW_COLUMNS)
        ).with_columns(pl.selectors.float().fill_nan(None)),
        EXCEPTIONS: breach_causes(series.path, series.closes, periods).select(key, pl.all()),
    }


def load(store: Store, found: Sequence[Rows]) -> None:
    """Take over judgements in one transaction."""
    with store.transaction():
        for rows in found:
            for table, frame in rows.items():
                store.append(table, frame)


def read(store: Store, name: str, keys: Sequence[str]) -> pl.DataFrame:
    """Rows of sql/back_test/<name>.sql of the judgements named."""
    return store.read(resources.sql(f"back_test/{name}"), {"keys": list(keys)})


def _key(plan: Plan, policy_hash: str, path: RatePath, asked: JudgementPlan) -> str:
    slices = [
        each.key
        for each in plan.slices
        if each.policy_hash == policy_hash and each.portfolio.name == path.portfolio.name
    ]
    days = [plan.request.first.isoformat(), plan.request.last.isoformat()]
    content = {"slices": slices, "days": days, "asked": [str(each) for each in astuple(asked)]}
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _summary(series: Series, found: Judgement) -> dict[str, Any]:
    return {
        "series_key": series.key,
        "policy_id": series.policy.policy_id,
        "policy_hash": series.policy.policy_hash,
        "minimum_scenarios": series.policy.base_margin.minimum_scenarios,
        "portfolio": found.portfolio,
        "product": found.product,
        "horizon_days": found.horizon_days,
        "first_date": found.first,
        "last_date": found.last,
        "observations": found.observations,
        "breaches": found.breaches,
        "coverage": found.coverage,
        "coverage_low": found.bounds.low,
        "coverage_high": found.bounds.high,
        "overlap_low": found.overlap_bounds.low,
        "overlap_high": found.overlap_bounds.high,
        "mean_margin": found.mean_rate,
        "matched_cost": found.matched_cost,
        "peak_to_trough": _known(found.windows["peak_to_trough"][0]),
    }


def _tests(key: str, found: Judgement) -> list[dict[str, Any]]:
    counts = [
        _test(key, "COUNT", None, each.test, each.p_exact, each.p_exact, each.power, each.alternative, each.rejected)
        for each in found.counts
    ]
    phases = [
        _test(
            key,
            "COVERAGE",
            each.phase,
            each.verdict.test,
            each.verdict.p_exact,
            each.p_across,
            each.verdict.power,
            each.verdict.alternative,
            each.rejected,
        )
        for each in found.phases
    ]
    shortfalls = [
        _test(
            key,
            "SHORTFALL",
            each.phase,
            each.verdict.test,
            each.verdict.p_value,
            each.verdict.p_across,
            each.verdict.power,
            "",
            each.verdict.rejected,
        )
        for each in found.shortfalls
    ]
    return [*counts, *phases, *shortfalls]


def _test(
    key: str,
    family: str,
    phase: int | None,
    test: str,
    p_value: float,
    p_across: float,
    power: float,
    alternative: str,
    rejected: bool,
) -> dict[str, Any]:
    return {
        "series_key": key,
        "family": family,
        "phase": phase,
        "test": test,
        "p_value": p_value,
        "p_across": p_across,
        "power": _known(power),
        "alternative": alternative,
        "rejected": rejected,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _of_window(name: str) -> pl.DataType | type[pl.DataType]:
    if name.endswith("_date"):
        return pl.Date
    return pl.Int32 if name in ("observations", "breaches") else pl.Float64
