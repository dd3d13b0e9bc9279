"""The work of a back-test: one job, from the files of a folder to a file beside them. No database, no home, no clock.

So a job runs in any thread, process or machine that sees the folder, and gives the same bytes wherever it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import polars as pl

from tasks import back_test_history, policy_store
from tasks.back_test_plan import CLOSES, POLICIES, Job, Slice, day
from tasks.model.arrays import Closes
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import from_early_days, roll_policies
from tasks.model.assurance.static_portfolio import StaticPortfolio
from tasks.model.errors import ModelInputError
from tasks.model.policy import Policy

FIGURES = ("rate", "loss", "volatility", "buffer", "value_at_risk", "expected_shortfall")
SCHEMA = pl.Schema({"slice_key": pl.String, "date": pl.Date, **dict.fromkeys(FIGURES, pl.Float64)})
_TOO_SHORT = "HISTORY_SHORT"


def compute(job: Job) -> str:
    """Write the rows of a job's slices, ordered by slice and day; returns the path of the file."""
    closes = pl.read_parquet(job.folder / CLOSES)
    policies = {name: _policy(job, name) for name in sorted({each.policy_hash for each in job.slices})}
    rows = [row for held in _by_coins(job.slices) for row in _rows(job, held, closes, policies)]
    pl.concat([pl.DataFrame(schema=SCHEMA), *rows]).sort("slice_key", "date").write_parquet(job.result)
    return str(job.result)


def _policy(job: Job, policy_hash: str) -> Policy:
    policy = policy_store.load(job.folder / POLICIES / f"{policy_hash}.toml")
    return from_early_days(policy) if job.early else policy


def _by_coins(slices: Sequence[Slice]) -> Iterator[list[Slice]]:
    """Slices of portfolios in the same coins: a coin too young for a margin is no reason against the others'."""
    ordered = sorted(slices, key=lambda each: each.portfolio.underlyings)
    for _, found in groupby(ordered, key=lambda each: each.portfolio.underlyings):
        yield list(found)


def _rows(
    job: Job, slices: Sequence[Slice], closes: pl.DataFrame, policies: dict[str, Policy]
) -> Iterator[pl.DataFrame]:
    portfolios = list(dict.fromkeys(each.portfolio for each in slices))
    asked = sorted({each.policy_hash for each in slices})
    paths = _paths(job, portfolios, _known(closes, portfolios, policies.values()), [policies[name] for name in asked])
    for each in slices:
        found = paths[asked.index(each.policy_hash)] if paths else None
        path = found[portfolios.index(each.portfolio)] if found else None
        yield _table(each, path)


def _paths(
    job: Job, portfolios: Sequence[StaticPortfolio], closes: Closes, policies: Sequence[Policy]
) -> Sequence[Sequence[RatePath]]:
    """Paths by policy and portfolio; none where history is too short for a margin on any of the days."""
    first, last = (max(closes.dates[0], min(closes.dates[-1], day(each))) for each in (job.first, job.last))
    try:
        return roll_policies(closes, policies, portfolios, first, last)
    except ModelInputError as error:
        if error.code != _TOO_SHORT:
            raise
        return []


def _known(closes: pl.DataFrame, portfolios: Sequence[StaticPortfolio], policies: Iterable[Policy]) -> Closes:
    """Closes of the portfolios' coins and of the policies' anchors, whose large moves choose the stressed dates."""
    coins = {name for each in portfolios for name in each.underlyings}
    anchors = {name for policy in policies for name in policy.stress.anchors}
    return back_test_history.joint(closes.filter(pl.col("coin").is_in(sorted(coins | anchors))))


def _table(asked: Slice, path: RatePath | None) -> pl.DataFrame:
    """One row for each day of the slice that the path has; null where a figure is missing."""
    if path is None:
        return pl.DataFrame(schema=SCHEMA)
    forecast = path.forecast
    assert forecast is not None, "the house model forecasts a tail"
    series = (path.rate, path.loss, path.volatility, path.buffer, forecast.value_at_risk, forecast.expected_shortfall)
    found = pl.DataFrame({"date": path.dates, **dict(zip(FIGURES, series, strict=True))})
    own = found.filter(pl.col("date").is_between(asked.first, asked.last))
    return own.select(pl.lit(asked.key).alias("slice_key"), "date", pl.col(FIGURES).fill_nan(None)).cast(SCHEMA)
