"""A call through corrections of one day: a deposit is taken back, then more than enough comes; then an answer."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tasks import ledgers
from tasks.home import Home

RUN = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--json", "--home")
Row = dict[str, str | None]


def ledger(home: Path) -> list[dict[str, Any]]:
    rows = ledgers.read(Home(home), "control.margin_call").to_dicts()
    return sorted(rows, key=lambda row: (row["call_id"], row["call_version"]))


def published(home: Path, version: int, report: str) -> list[dict[str, str]]:
    path = next((home / "published/20260130/EOD" / f"v{version:02d}" / "ops").glob(f"*-{report}-*.csv"))
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()[1:-1]))


def test_a_deposit_taken_back_and_then_more_than_enough(
    tmp_path: Path, levee: Callable[..., Any], edit: Callable[..., Path], shipped_day: Home
) -> None:
    """F38, F44 and F45 in a row: v1 as called, v2 asks for more, v3 gives all of it back."""
    home, files = tmp_path / "home", tmp_path / "home/inbox/2026-01-30/EOD"
    shutil.copytree(shipped_day.root, home)
    first = next(row for row in ledger(home) if row["margin_account_id"] == "007C")
    v1 = {path: path.read_bytes() for path in (home / "published").glob("*/*/v01/**/*.*")}
    root_of_v1 = json.loads((home / "published/20260130/EOD/v01/_COMPLETE.json").read_bytes())["root_hash"]

    def correct(seq: int, deposit: str) -> None:
        def change(rows: list[Row]) -> None:
            row = next(each for each in rows if (each["margin_account_id"], each["asset"]) == ("007C", "USDC"))
            row["deposits"] = deposit

        edit(files / "collateral_balances.csv", change, seq)
        ended = levee(*RUN, home)
        if ended.code == 20:
            ended = levee("cycle", "approve", f"20260130-EOD-r{seq:02d}", "--user", "another", "--json", "--home", home)
        assert ended.code == 0, ended.err

    correct(2, "0")  # the chain took the 25,000 USDC back
    correct(3, "9000000")
    versions = [row for row in ledger(home) if row["call_id"] == first["call_id"]]
    assert [row["call_version"] for row in versions] == [1, 2, 3]
    assert [row["state"] for row in versions] == ["SUPERSEDED", "SUPERSEDED", "WITHDRAWN"]
    asked = [row["call_amount_usd"] for row in versions]
    # 25,000 USDC at 0.95 and about par are 23,750 USD of cover, which the caps may only make less.
    assert asked[0] == first["call_amount_usd"] < asked[1] <= asked[0] + 25000
    assert asked[2] == 0
    assert [row["increment_amount_usd"] for row in versions] == [asked[0], asked[1] - asked[0], -asked[1]]
    told = {
        row["row_type"] + row["call_version"]: row
        for row in published(home, 3, "OL01")
        if row["call_id"] == first["call_id"]
    }
    assert {name: (row["state"], Decimal(row["increment_amount_usd"])) for name, row in told.items()} == {
        "VERSION1": ("SUPERSEDED", asked[0]),
        "VERSION2": ("SUPERSEDED", asked[1] - asked[0]),
        "CALL3": ("WITHDRAWN", -asked[1]),
    }
    events = ledgers.read(Home(home), "control.call_event").sort("event_no")
    mine = [event for call, event in events.select("call_id", "event").iter_rows() if call == first["call_id"]]
    assert mine == ["ISSUED", "SUPERSEDED", "ISSUED", "SUPERSEDED", "ISSUED", "WITHDRAWN"]
    assert {path: path.read_bytes() for path in v1} == v1, "files of the first version never change"
    assert json.loads((home / "published/20260130/EOD/v01/_COMPLETE.json").read_bytes())["root_hash"] == root_of_v1
    assert levee("publish", "verify", home / "published", "--home", home).code == 0

    listed = levee("calls", "list", "--home", home)
    assert f"{first['call_id']} v3" in listed.out
    assert levee("calls", "list", "--call", "0" * 16, "--home", home).code == 2
    refused = levee("calls", "respond", "--call", first["call_id"], "--type", "ACCEPT", "--home", home)
    assert (refused.code, refused.err.split(":")[0]) == (40, "CALL_NOT_OPEN")
