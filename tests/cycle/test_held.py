"""A break of one member holds its account: everybody is published, it never owes less, and its statement says why."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.home import Home

DAY = "2026-01-30"
MULTIPLE, CENT = Decimal("1.25"), Decimal("0.01")  # held.multiple of the opening policy
Row = dict[str, str | None]


def run(levee: Callable[..., Any], home: Path, inbox: Path) -> Any:
    return levee("cycle", "run", "--date", DAY, "--no-orchestrator", "--home", home, "--inbox", inbox)


def exported(home: Path, table: str) -> pl.DataFrame:
    return pl.read_parquet(home / "exports" / "20260130-EOD-r01" / f"{table}.parquet")


def release(home: Path) -> Path:
    return home / "published" / "20260130" / "EOD" / "v01"


def requirements(home: Path) -> dict[str, Decimal]:
    table = exported(home, "result.margin_account")
    return dict(table.select("margin_account_id", "total_initial_margin_usd").iter_rows())


@pytest.fixture(autouse=True)
def _demo_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVEE_ENV", "DEMO")


@pytest.fixture
def clean(shipped_day: Home) -> Path:
    return shipped_day.root


def one_buy_too_many(rows: list[Row]) -> None:
    rows[0]["qty_buy"] = f"{Decimal(rows[0]['qty_buy'] or 0) + 1}"


def nobody_knows_the_account(rows: list[Row]) -> None:
    rows[0]["margin_account_id"] = "GHOST"


def test_a_broken_line_costs_its_account_a_quarter_more_and_nobody_else(
    levee: Callable[..., Any], edit: Callable[..., Path], clean: Path, small_inbox: Path, tmp_path: Path
) -> None:
    positions = small_inbox / DAY / "EOD" / "positions.csv"
    edit(positions, one_buy_too_many)
    home = tmp_path / "home"
    ended = run(levee, home, small_inbox)
    assert ended.code == 0, ended.err
    assert "1 held" in ended.out.splitlines()[-1]

    (held,) = exported(home, "book.held").iter_rows(named=True)
    name, member = held["margin_account_id"], held["clearing_member_id"]
    before, after = requirements(clean), requirements(home)
    assert after.pop(name) == (before.pop(name) * MULTIPLE).quantize(CENT, ROUND_CEILING)
    assert after == before  # the residual of the book is the true line, so nobody else's figures move
    assert exported(home, "result.variation").equals(exported(clean, "result.variation").with_columns(pl.col("run_id")))

    pack = release(home) / "members" / member
    statement = json.loads(next(pack.glob(f"*-MS01-*-{name}-*.json")).read_bytes())
    assert (
        statement["header"][0]["status"] == "HELD"
        if isinstance(statement["header"], list)
        else (statement["header"]["status"] == "HELD")
    )
    lines = [row for row in csv.reader(next(pack.glob("*-MX02-*.csv")).read_text("utf-8").splitlines()) if row]
    assert any("ROLL_FORWARD_BREAK" in row for row in lines)
    for other in (release(home) / "members").iterdir():
        if other.name != member:
            text = "".join(path.read_text("utf-8") for path in other.glob("*.json"))
            assert "HELD" not in text and "ROLL_FORWARD_BREAK" not in text


def test_what_no_account_has_the_house_carries_and_the_member_is_margined_for(
    levee: Callable[..., Any], edit: Callable[..., Path], clean: Path, small_inbox: Path, tmp_path: Path
) -> None:
    edit(small_inbox / DAY / "EOD" / "positions.csv", nobody_knows_the_account)
    home = tmp_path / "home"
    assert run(levee, home, small_inbox).code == 0
    (line,) = exported(home, "book.suspense").iter_rows(named=True)
    before, after = requirements(clean), requirements(home)
    charged = line["charged_account_id"]
    assert after.pop(charged) >= (before.pop(charged) * MULTIPLE).quantize(CENT, ROUND_CEILING)
    assert after == before

    settled = exported(home, "result.variation")
    own = settled.filter(pl.col("clearing_member_id") == "CCP")
    assert own.select("margin_account_id", "contract_id").rows() == [("SUSPENSE", line["contract_id"])]
    truth = exported(clean, "result.variation")
    for asset in truth["settle_asset"].unique():
        sums = [
            each.filter(pl.col("settle_asset") == asset).select("variation_margin", "funding").sum().row(0)
            for each in (settled, truth)
        ]
        assert sums[0] == sums[1]
    totals = json.loads(next((release(home) / "ops").glob("*-OC01-*.json")).read_bytes())
    for block in ("book", "ledger", "report"):
        assert [row for row in totals[block] if row["agrees"] != "TRUE"] == []
