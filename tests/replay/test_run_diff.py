"""Why two runs differ: every account by cause, and every cent of the difference has one."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tasks import resources, run_diff
from tasks.home import Home
from tasks.model.errors import LeveeError

RUNS = ("20260129-EOD-r01", "20260130-EOD-r01")
MARGIN = "total_initial_margin_usd"


def results(home: Home, run_id: str) -> dict[str, dict[str, Any]]:
    found = pl.read_parquet(home.exports / run_id / "result.margin_account.parquet")
    return {row["margin_account_id"]: row for row in found.iter_rows(named=True)}


def rewrite(home: Home, run_id: str, table: str, *columns: pl.Expr, keep: pl.Expr | None = None) -> None:
    path = home.exports / run_id / f"{table}.parquet"
    frame = pl.read_parquet(path).with_columns(*columns)
    (frame if keep is None else frame.filter(keep)).write_parquet(path)


def test_causes_sum_to_the_change_of_requirement_and_call(two_days: Home) -> None:
    before, after = (results(two_days, run_id) for run_id in RUNS)
    found = run_diff.diff(two_days, *RUNS)
    assert [each.margin_account_id for each in found] == sorted(before, key=lambda name: (name[:-1], name[-1]))
    for each in found:
        was, becomes = before[each.margin_account_id], after[each.margin_account_id]
        requirement = sum(each.change_usd[cause] for cause in run_diff.REQUIREMENT_CAUSES)
        assert requirement == becomes[MARGIN] - was[MARGIN]
        assert sum(each.change_usd.values()) == becomes["margin_call_amount_usd"] - was["margin_call_amount_usd"]
        cover = was["collateral_counted_value_usd"] - becomes["collateral_counted_value_usd"]
        assert each.change_usd["COVER"] == cover
        assert each.change_usd["CODE"] == each.change_usd["HELD"] == each.change_usd["ACCOUNT"] == 0
    moved = {cause for each in found for cause, amount in each.change_usd.items() if amount}
    assert {"POSITION", "MARKET", "ROLL", "COVER"} <= moved


def test_a_run_does_not_differ_from_itself(two_days: Home) -> None:
    assert {amount for each in run_diff.diff(two_days, RUNS[1], RUNS[1]) for amount in each.change_usd.values()} == {0}


def test_members_and_total_are_sums_of_accounts(levee: Callable[..., Any], two_days: Home) -> None:
    ended = levee("cycle", "diff", *RUNS, "--json", "--home", two_days.root)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    for cause in run_diff.CAUSES:
        every = sum(Decimal(account["change_usd"][cause]) for account in found["accounts"])
        assert every == sum(Decimal(member[cause]) for member in found["members"].values())
        assert every == Decimal(found["total"][cause])
    text = levee("cycle", "diff", *RUNS, "--home", two_days.root).out
    assert f"{Decimal(found['total']['requirement_after_usd']):,.2f}" in text
    assert f"{RUNS[0]} to {RUNS[1]}" in text


def test_an_account_of_one_run_alone_has_one_cause(home: Home) -> None:
    gone = "M001H"
    was = results(home, RUNS[0])[gone][MARGIN]
    rewrite(home, RUNS[1], "result.margin_account", keep=pl.col("margin_account_id") != gone)
    (found,) = [each for each in run_diff.diff(home, *RUNS) if each.margin_account_id == gone]
    assert (found.change_usd["ACCOUNT"], found.requirement_after_usd) == (-was, 0)
    assert was > 0


def test_what_the_code_finds_otherwise_is_told_as_code(home: Home) -> None:
    more = pl.col(MARGIN) + pl.when(pl.col("margin_account_id") == "M001H").then(Decimal("0.07")).otherwise(0)
    rewrite(home, RUNS[1], "result.margin_account", more.cast(pl.Decimal(20, 2)).alias(MARGIN))
    with pytest.raises(LeveeError, match="NOT_REPRODUCIBLE"):
        run_diff.diff(home, *RUNS)
    rewrite(home, RUNS[1], "control.cycle_run", pl.lit("an earlier one").alias("code_version"))
    found = {each.margin_account_id: each.change_usd["CODE"] for each in run_diff.diff(home, *RUNS)}
    assert found.pop("M001H") == Decimal("0.07")
    assert set(found.values()) == {0}
    assert resources.code_version() != "an earlier one"


def test_a_run_nobody_knows_is_a_usage_error(levee: Callable[..., Any], two_days: Home) -> None:
    ended = levee("cycle", "diff", RUNS[0], "20260130-EOD-r09", "--home", two_days.root)
    assert (ended.code, ended.err.split(":")[0]) == (2, "UNKNOWN_ID")
