"""Sensitivity of requirements to the policy's parameters: of a finished run's accounts, or of static portfolios."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl

from tasks import back_test_history, causes, policy_store, status
from tasks.home import Home
from tasks.margin import inputs_of
from tasks.model.arrays import Closes
from tasks.model.assurance.parameter_steps import Step, steps
from tasks.model.assurance.rolling_margin import from_early_days, roll
from tasks.model.assurance.sensitivity import sensitivities, summary
from tasks.model.assurance.static_portfolio import static_portfolios
from tasks.model.margin.initial_margin import MarginInputs, initial_margin
from tasks.model.policy import Policy
from tasks.stage import Context

__all__ = ["of_data", "of_run", "of_static_portfolios", "summary"]
LARGEST_MOVES = 10  # of each coin
_DATA_SCHEMA = {
    "data": pl.String,
    "days": pl.Int64,
    "portfolio": pl.String,
    "rate": pl.Float64,
    "change": pl.Float64,
}
_DRY_RUN = "`levee cycle run --dry-run --policy FILE` shows what becomes of a cycle"
_BEFORE_THE_MARGIN = {
    "gate": f"acts on what is accepted before it is margined: {_DRY_RUN}",
    "surface": f"acts on the surface before it is margined: {_DRY_RUN}",
}


def of_run(home: Home, business_date: date, cycle: str) -> pl.DataFrame:
    """USD by account of the latest run of a cycle that has margins, from its exports; the database is not read.

    Raises LeveeError UNKNOWN_ID where there is none.
    """
    run_id = status.margined_run(home, business_date, cycle)
    file = policy_store.file_in_force(home, business_date)
    with causes.recalled(home, run_id) as context:
        return sensitivities(partial(_of_accounts, inputs_of(context), context), context.policy, _steps(file))


def of_static_portfolios(file: Path, market_data: Path, coins: tuple[str, ...], day: date) -> pl.DataFrame:
    """Rates of gross notional of static portfolios at the close of a day. Raises as `back_test_history.history_of`."""
    policy = policy_store.load(file)
    history = back_test_history.history_of(market_data, coins, sorted(policy.stress.anchors))
    closes = back_test_history.joint(history.closes.filter(pl.col("date") <= day))
    return sensitivities(partial(_of_portfolios, closes, coins), policy, _steps(file))


def of_data(file: Path, market_data: Path, coins: tuple[str, ...], day: date) -> pl.DataFrame:
    """What the closes that were left out, or single days, do to the rates of static portfolios at the close of a day.

    Columns: data, days (closes put back or taken out), portfolio, rate, change (fraction of gross notional; null where
    the data as changed give no rate).
    """
    policy = policy_store.load(file)
    history = back_test_history.history_of(market_data, coins, sorted(policy.stress.anchors))
    known = history.closes.filter(pl.col("date") <= day)
    base = _of_portfolios(back_test_history.joint(known), coins, policy)
    rows = [
        (name, abs(closes.height - known.height), portfolio, rate, rate - base[portfolio])
        for name, closes in _data(known, history.excluded.filter(pl.col("date") <= day))
        for portfolio, rate in _of_portfolios(back_test_history.joint(closes), coins, policy).items()
    ]
    return pl.DataFrame(rows, schema=_DATA_SCHEMA, orient="row").with_columns(pl.col("rate", "change").fill_nan(None))


def _data(known: pl.DataFrame, excluded: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Names of changed data and their closes: each reason's days put back, the largest moves taken out."""
    priced = excluded.filter(pl.col("close") > 0).select(*known.columns, "reason")
    for reason in sorted(set(priced["reason"])):
        back = priced.filter(reason=reason).join(known, on=["coin", "date"], how="anti")
        if back.height:
            yield f"put back: {reason}", pl.concat([known, back.drop("reason")]).sort("coin", "date")
    move = (pl.col("close").log() - pl.col("close").log().shift(1)).abs().over("coin")
    largest = move.rank("ordinal", descending=True).over("coin") <= LARGEST_MOVES
    yield (
        f"taken out: {LARGEST_MOVES} largest daily moves",
        known.sort("coin", "date").filter(~largest.fill_null(False)),
    )


def _of_accounts(inputs: MarginInputs, context: Context, policy: Policy) -> Mapping[str, float]:
    asked = initial_margin(inputs, context.run["as_of_ts"], policy).portfolio
    of_account = asked.group_by("clearing_member_id", "margin_account_id").agg(pl.col("total_initial_margin_usd").sum())
    return {f"{member} {account}": float(amount) for member, account, amount in of_account.sort(pl.all()).iter_rows()}


def _of_portfolios(closes: Closes, coins: tuple[str, ...], policy: Policy) -> Mapping[str, float]:
    last = closes.dates[-1]
    found = roll(closes, from_early_days(policy), static_portfolios(coins), last, last)
    return {path.portfolio.name: float(path.rate[-1]) for path in found}


def _steps(file: Path) -> Iterator[Step]:
    """Steps of a policy file; one that acts before the margin is no change of zero."""
    for step in steps(tomllib.loads(file.read_text(encoding="utf-8"))):
        refused = _BEFORE_THE_MARGIN.get(step.rule_id.partition(".")[0], "")
        yield replace(step, policy=None, refused=refused) if refused else step
