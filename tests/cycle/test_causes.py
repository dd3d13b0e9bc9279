"""Why an account owes what it owes, over two synthetic days: the figures come out as published and sum exactly."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from flows import cli
from tasks import explain
from tasks.home import Home
from tasks.model.errors import LeveeError
from tasks.model.margin.change import STEPS

DAYS = ("2026-01-29", "2026-01-30")
RUNS = tuple(f"{day.replace('-', '')}-EOD-r01" for day in DAYS)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("causes") / "home"
    run("sample", "--out", folder / "inbox", "--days", 2, "--members", 4, "--contracts", 40, "--seed", 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEVEE_ENV", "TEST")
        for day in DAYS:
            run("cycle", "run", "--date", day, "--no-orchestrator", "--home", folder)
    return Home(folder)


def run(*words: object) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    assert not ended.value.code


def published(home: Home, run_id: str, table: str) -> pl.DataFrame:
    return pl.read_parquet(home.exports / run_id / f"{table}.parquet")


def accounts(home: Home) -> list[str]:
    """A haircut account, a gross one and one in joint mode, each with something to post on both days."""
    owed = published(home, RUNS[1], "result.margin_account").filter(pl.col("total_initial_margin_usd") > 0)
    joint = set(published(home, RUNS[1], "result.joint_collateral")["margin_account_id"])
    names = owed["margin_account_id"].to_list()
    kinds = {
        "joint": [name for name in names if name in joint],
        "gross": [name for name in names if name.endswith("G")],
        "plain": [name for name in names if name not in joint and not name.endswith("G")],
    }
    assert all(kinds.values()), kinds
    return [each[0] for each in kinds.values()]


def test_contributions_factors_and_change_are_exact(home: Home) -> None:
    for account in accounts(home):
        found: dict[str, Any] = explain.account(home, account)
        lines = published(home, RUNS[1], "result.requirement").filter(pl.col("margin_account_id") == account)
        asked = {
            tuple(row[:2]): row[2] for row in lines.select("client_id", "component", "amount_usd").rows() if row[2]
        }
        for name in ("contributions", "factors"):
            summed: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
            for row in found[name]:
                summed[row["client_id"], row["component"]] += row["contribution_usd"]
            assert summed == asked, (account, name)
        ends = [
            published(home, each, "result.margin_account")
            .filter(pl.col("margin_account_id") == account)["total_initial_margin_usd"]
            .item()
            for each in RUNS
        ]
        change = found["change"]
        assert change["since"] == RUNS[0]
        assert [step["cause"] for step in change["steps"]] == list(STEPS)
        assert change["total_initial_margin_usd"] == ends[0]
        assert ends[0] + sum(step["change_usd"] for step in change["steps"]) == ends[1]


def test_what_does_not_come_out_again_is_not_explained(home: Home) -> None:
    account = accounts(home)[0]
    path = home.exports / RUNS[1] / "result.margin_account.parquet"
    before = path.read_bytes()
    frame = pl.read_parquet(path).with_columns(pl.col("total_initial_margin_usd") + Decimal("0.01"))
    frame.write_parquet(path)
    try:
        with pytest.raises(LeveeError, match="NOT_REPRODUCIBLE"):
            explain.account(home, account)
    finally:
        path.write_bytes(before)


def test_a_person_reads_positions_factors_and_causes(home: Home, levee: Any) -> None:
    account = accounts(home)[0]
    printed = levee("explain", "--account", account, "--home", home.root)
    assert printed.code == 0
    for words in ("requirement by position", "requirement by factor", f"since {RUNS[0]}", "volatility ", "roll "):
        assert words in printed.out
    listed = json.loads(levee("explain", "--account", account, "--home", home.root, "--json").out)
    assert {"contributions", "factors", "change"} <= set(listed)
