"""A cycle that was killed is finished by running it again, whatever changed since; readers see all that was done."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.forked import Forked
from tasks import resources
from tasks.cycle import TRIAL, procedure
from tasks.home import Home
from tasks.store import Store

RUN = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--json", "--home")


def kill(home: Path, point: str) -> None:
    """Run the shipped day in a process of its own that dies at a crash point."""
    shutil.copytree(resources.data("sample/inbox"), home / "inbox", dirs_exist_ok=True)
    process = Forked([*RUN, str(home)], os.environ | {"LEVEE_ENV": "DEMO", "LEVEE_CRASH_AT": point})
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, err


def calls(home: Path) -> list[tuple[Any, ...]]:
    with Store(Home(home).database) as store:
        return store.read("SELECT run_id, state, count(*) FROM control.margin_call GROUP BY ALL").rows()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose run died with its calls approved and nothing published. Read only."""
    home = tmp_path_factory.mktemp("killed")
    kill(home, "publish:begin")
    return home


@pytest.fixture
def approved(killed: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(killed, tmp_path / "approved"))


def test_an_approved_run_that_never_went_out_gives_way_to_the_next(
    approved: Path, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "code_version", lambda: "the next one")
    ended = levee(*RUN, approved)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["run_id"] == "20260130-EOD-r02"
    assert [(run_id, state) for run_id, state, _ in calls(approved)] == [("20260130-EOD-r02", "ISSUED")]


def test_a_run_taken_up_after_another_had_its_turn_calls_what_it_would_have_called(
    approved: Path, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment between two attempts, taken back: the run in between replaced the drafts of the first one."""
    drafts, home = calls(approved), Home(approved)
    with Store(home.database) as store:
        first = store.read("SELECT code_version FROM control.cycle_run").item()
    with monkeypatch.context() as patch, home.locked("cycle run"):
        patch.setattr(resources, "code_version", lambda: "the next one")
        ended = procedure(home, date(2026, 1, 30), "EOD", lambda step, *given: step(*given), TRIAL)
    assert ended.key.run_no == 2
    monkeypatch.setattr(resources, "code_version", lambda: first)
    done = levee(*RUN, approved)
    assert done.code == 0, done.err
    assert json.loads(done.out)["run_id"] == "20260130-EOD-r01"
    assert calls(approved) == [(run_id, "ISSUED", count) for run_id, _, count in drafts]
    with Store(home.database) as store:
        states = dict(store.read("SELECT run_no, state FROM control.cycle_run").rows())
    assert states == {1: "PUBLISHED", 2: "SUPERSEDED"}


def test_collateral_withdrawn_before_issue_is_not_counted_in_the_call(
    approved: Path, levee: Callable[..., Any], edit: Callable[..., Path]
) -> None:
    """F42: the run dies with its calls approved; before it goes on a withdrawal of 1,000 USDC is delivered."""
    with Store(Home(approved).database) as store:
        account, before = store.read(
            "SELECT margin_account_id, total_initial_margin_usd - collateral_counted_value_usd AS short_usd "
            "FROM result.margin_account WHERE margin_call_amount_usd > 0 ORDER BY ALL LIMIT 1"
        ).row(0)

    def withdraw(rows: list[dict[str, str | None]]) -> None:
        row = next(each for each in rows if (each["margin_account_id"], each["asset"]) == (account, "USDC"))
        row["withdrawals"] = str(Decimal(row["withdrawals"] or 0) + 1000)
        row["qty_close"] = None

    edit(approved / "inbox/2026-01-30/EOD/collateral_balances.csv", withdraw, 2)
    ended = levee(*RUN, approved)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["run_id"] == "20260130-EOD-r02"
    with Store(Home(approved).database) as store:
        after = store.read(
            "SELECT total_initial_margin_usd - collateral_counted_value_usd FROM result.margin_account "
            f"WHERE run_id = '20260130-EOD-r02' AND margin_account_id = '{account}'"
        ).item()
        issued = store.read("SELECT run_id, call_version, state FROM control.margin_call").rows()
    assert after > before + 900
    assert set(issued) == {("20260130-EOD-r02", 1, "ISSUED")}, "the call of the run before never left the house"


@pytest.mark.parametrize("point", ["land:after_commit", "call:after_commit"])
def test_what_a_killed_stage_had_committed_is_shown_by_whoever_resumes(
    tmp_path: Path, levee: Callable[..., Any], point: str
) -> None:
    kill(tmp_path, point)
    ended = levee(*RUN, tmp_path)
    assert ended.code == 0, ended.err
    state = json.loads((tmp_path / "state" / "2026-01-30-EOD.json").read_bytes())
    expected = {f"{table}.parquet" for stage in state["stages"] for table in stage["rows"]}
    assert expected - state["exports"].keys() == set()
