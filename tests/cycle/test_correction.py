"""A day that is out is corrected by command: two persons, the changed pack, the next version of the call, no other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.home import Home
from tasks.verify import verify

DAY = "2026-01-30"
RUN = ("cycle", "run", "--date", DAY, "--no-orchestrator", "--json", "--user", "ada")
Rows = list[dict[str, Any]]


@pytest.fixture
def home(shipped_day: Home, tmp_path: Path) -> Path:
    shutil.copytree(shipped_day.root, tmp_path / "home")
    return tmp_path / "home"


def sell_less(rows: Rows) -> None:
    """007 and M001 traded two of the calls less than was first said: 007 is short three of them, not five."""
    for row in rows:
        if row["contract_id"] == "BTC-20260327-80000-C.INV":
            side, quantity = ("sell", "-3") if row["margin_account_id"] == "007C" else ("buy", "3")
            row |= {f"qty_{side}": "1", f"{side}_value": "0.09", "qty_close": quantity, "fees": "0.0003"}
            row["premium_paid"] = "-0.09" if side == "sell" else "0.09"


def calls(home: Path, account: str) -> list[tuple[Any, ...]]:
    """Version, amount and increment of an account's calls, as exported."""
    frames = [pl.read_parquet(path) for path in sorted((home / "exports").glob("*/control.margin_call.parquet"))]
    columns = ("call_version", "call_amount_usd", "increment_amount_usd")
    of_account = pl.concat(frames).filter(pl.col("margin_account_id") == account).sort("call_version")
    return of_account.select(columns).unique(maintain_order=True).rows()


def test_a_corrected_position_waits_for_a_second_person_and_then_reaches_those_it_concerns(
    home: Path, levee: Callable[..., Any], edit: Callable[..., Path]
) -> None:
    first = {path: path.read_bytes() for path in (home / "published").rglob("v01/**/*") if path.is_file()}
    ((_, called, _),) = calls(home, "007C")
    assert calls(home, "M001H") == []
    edit(home / "inbox" / DAY / "EOD" / "positions.csv", sell_less, seq=2)
    waiting = levee(*RUN, "--home", home)
    assert (waiting.code, "REISSUE" in waiting.err) == (20, True)
    assert not (home / "published/20260130/EOD/v02").exists()
    assert levee("cycle", "approve", "20260130-EOD-r02", "--user", "ada", "--home", home).code == 40
    approved = levee("cycle", "approve", "20260130-EOD-r02", "--user", "grace", "--home", home, "--json")
    assert approved.code == 0, approved.err

    marker = json.loads((home / "published/20260130/EOD/v02/_COMPLETE.json").read_bytes())
    assert marker["version_in_force"] == {"007C": 2, "M001H": 2, "M003G": 1, "M004H": 1}
    assert {path: path.read_bytes() for path in first} == first
    (first_version, _, _), (second_version, asked, increment) = calls(home, "007C")
    assert (first_version, second_version, asked - called) == (1, 2, increment)
    assert increment > 0, "premium that was not paid is collateral that is missing"
    assert [row[0] for row in calls(home, "M001H")] == [1], (
        "who hedged less than was thought is called for the first time"
    )
    assert verify(Home(home).published) == []

    replayed = levee("cycle", "replay", "20260130-EOD-r02", "--verify", "--home", home)
    assert replayed.code == 0, replayed.err
    again = levee(*RUN, "--home", home)
    assert (again.code, json.loads(again.out)["already_published"]) == (0, True)
    assert len(list((home / "published/20260130/EOD").glob("v*"))) == 2


def test_a_backfill_leaves_what_is_out_as_it_is(
    home: Path, levee: Callable[..., Any], edit: Callable[..., Path]
) -> None:
    edit(home / "inbox" / DAY / "EOD" / "positions.csv", sell_less, seq=2)
    before = {path: path.read_bytes() for path in (home / "published").rglob("*") if path.is_file()}
    ended = levee("cycle", "backfill", "--from", DAY, "--to", DAY, "--no-orchestrator", "--json", "--home", home)
    assert ended.code == 0, ended.err
    assert [each["state"] for each in json.loads(ended.out)] == ["up to date"]
    assert {path: path.read_bytes() for path in (home / "published").rglob("*") if path.is_file()} == before
