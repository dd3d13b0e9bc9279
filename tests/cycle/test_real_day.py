"""A real options market day, 2026-01-29, from the venue's files to statements: what must hold on any day."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
from collections import Counter
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import cli

DAY = "2026-01-29"
pytestmark = pytest.mark.market_data


@pytest.fixture(scope="module")
def home(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    for command in (["convert", "deribit-chain"], ["cycle", "run", "--no-orchestrator"]):
        with pytest.raises(SystemExit) as ended:
            cli.main([*command, "--date", DAY, "--home", str(folder), "--json"])
        assert ended.value.code == 0
    return folder


def table(home: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(next((home / "exports").glob(f"*/{name}.parquet")))


def members(home: Path, report: str) -> list[Path]:
    return sorted((home / "published" / "20260129" / "EOD" / "v01" / "members").glob(f"*/*-{report}-*.csv"))


def records(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()[1:-1]))


def sums(frame: pl.DataFrame, by: list[str], value: str) -> dict[Any, Decimal]:
    total: Counter[Any] = Counter()
    for row in frame.iter_rows(named=True):
        total[tuple(row[name] for name in by)] += row[value]
    return dict(total)


def test_a_real_market_is_margined(home: Path) -> None:
    contracts = table(home, "book.contract")
    assert contracts.filter(pl.col("kind") == "OPT").height >= 1400
    assert set(contracts["underlying_asset"]) == {"BTC", "ETH"}


def test_the_ledger_sums_to_zero_per_asset_and_movement(home: Path) -> None:
    totals = sums(table(home, "result.ledger"), ["asset", "movement_type"], "amount")
    assert {key: total for key, total in totals.items() if total} == {}
    assert {("BTC", "VM"), ("BTC", "FUNDING"), ("USDC", "VM")} <= totals.keys()


def test_rounding_left_at_most_half_a_unit_for_each_account(home: Path) -> None:
    for row in table(home, "result.settlement_rounding").iter_rows(named=True):
        assert abs(row["unrounded_total"]) < Decimal("1e-12"), row
        assert abs(row["rounded_total"]) <= Decimal(row["accounts"]) / 2 * Decimal("0.000001"), row


def test_lines_sum_to_the_requirement(home: Path) -> None:
    lines = sums(table(home, "result.requirement"), ["margin_account_id"], "amount_usd")
    accounts = table(home, "result.margin_account")
    for row in accounts.iter_rows(named=True):
        assert row["initial_margin_usd"] == lines[(row["margin_account_id"],)]


def test_every_account_has_one_statement(home: Path) -> None:
    accounts = sorted(table(home, "result.margin_account")["margin_account_id"])
    assert sorted(path.name.split("-")[3] for path in members(home, "MS01")) == accounts
    assert len(accounts) == table(home, "book.account").height


def test_every_call_follows_the_formula(home: Path) -> None:
    called = 0
    for row in table(home, "result.margin_account").iter_rows(named=True):
        missing = max(
            Decimal(0),
            row["total_initial_margin_usd"] - row["collateral_post_haircut_value_usd"] - row["outstanding_calls_usd"],
        )
        step = row["call_increment_usd"]
        expected = (
            Decimal(0)
            if missing < row["minimum_transfer_amount_usd"]
            else (missing / step).to_integral_value(ROUND_CEILING) * step
        )
        assert row["margin_call_amount_usd"] == expected
        assert min(row["excess_amount_usd"], row["deficit_amount_usd"]) == 0
        called += expected > 0
    assert 0 < called < table(home, "result.margin_account").height


def test_every_member_can_recompute_its_statement(home: Path) -> None:
    source = Path(__file__).resolve().parents[1] / "publish" / "test_recompute.py"
    spec = importlib.util.spec_from_file_location("recompute", source)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path in members(home, "MS01"):
        module.recompute(path.parent, path.name.split("-")[3])


def test_what_the_data_lack_is_counted_on_the_statement(home: Path) -> None:
    with_options = set(table(home, "result.position_risk").filter(pl.col("vega_usd") != 0)["margin_account_id"])
    for row in table(home, "result.margin_account").iter_rows(named=True):
        words = {word.split("=")[0] for word in row["quality_flags"].split()}
        if row["margin_account_id"] in with_options:
            assert {"VOL_PROXY", "DEPTH_PROXY", "VOLUME_PROXY"} <= words, row


def test_observed_moves_are_those_of_the_delivered_levels(home: Path) -> None:
    """What is published of a move is the delivered level after it over the one before, of forwards by the close."""
    inbox = home / "inbox" / DAY / "EOD"
    close = {(row["underlying"], row["date"]): float(row["close"]) for row in records(inbox / "history.csv")}
    level = {
        (row["underlying"], row["series"], row["date"]): float(row["level"])
        for row in records(inbox / "factor_history.csv")
    }
    names = {"VOLATILITY": "IV{:.0f}", "FORWARD": "F{:.0f}", "PERPETUAL": "PERP"}
    moves = table(home, "result.scenario_move").join(
        table(home, "result.scenario").select("scenario_id", "start_date").unique(), on="scenario_id"
    )
    assert moves.height > 500
    for row in moves.iter_rows(named=True):
        series = names[row["factor"]].format(row["tenor_days"])
        days = (row["start_date"], row["start_date"] + timedelta(days=row["horizon_days"]))
        ends = [level[row["underlying"], series, f"{day}"] for day in days]
        if row["factor"] != "VOLATILITY":
            ends = [end / close[row["underlying"], f"{day}"] for end, day in zip(ends, days, strict=True)]
        assert row["move"] == pytest.approx(math.log(ends[1] / ends[0]), abs=1e-12), row


def test_scenarios_not_by_proxy_are_counted(home: Path) -> None:
    """56 days of a vol index and 31 snapshots give 54 and 29 two-day moves in the look-back of BTC."""
    sets = table(home, "result.scenario_set").filter(pl.col("account_type") == "HOUSE")
    proxied = {(row["scenario_set"], row["underlying"]): row["vol_proxied"] for row in sets.iter_rows(named=True)}
    assert proxied["FILTERED", "BTC"] == 1500 - 54 - 29
    assert proxied["FILTERED", "ETH"] == 1500 - 29
    worst = table(home, "result.scenario").filter(pl.col("scenario_id") == "S-2020-03-11T02")
    assert dict(worst.select("underlying", "vol_quality").iter_rows()) == {"BTC": "OK", "ETH": "PROXY"}


def test_the_surface_is_certified_and_close_to_the_market(home: Path) -> None:
    surface = table(home, "result.surface")
    assert surface.height == 26
    for row in surface.iter_rows(named=True):
        assert row["certified"] and row["min_g"] >= 0 and (row["min_calendar_gap"] or 0.0) >= 0
        assert row["rmse_bp"] <= (60 if row["years_to_expiry"] * 365 >= 2 else 150), row
    assert surface["n_inside_half_spread"].sum() >= 0.97 * surface["n_quoted"].sum() > 1300
    uncertain = table(home, "result.mark")["mark_uncertainty_usd"]
    assert uncertain.min() == 0 and 0 < uncertain.max() < 1000


def test_no_delivered_row_is_lost(home: Path) -> None:
    delivered = sum(
        len(path.read_text(encoding="utf-8").splitlines()) - 3 for path in (home / "inbox" / DAY / "EOD").glob("*.csv")
    )
    book = {
        "position",
        "contract",
        "price",
        "vol_quote",
        "depth",
        "collateral",
        "member",
        "account",
        "funding",
        "history",
        "factor_history",
    }
    used = sum(table(home, f"book.{name}").height for name in book)
    assert used + table(home, "book.rejected").height == delivered


def test_positions_are_the_real_open_interest(home: Path) -> None:
    held = sums(table(home, "book.position").filter(pl.col("qty_close") > 0), ["contract_id"], "qty_close")
    for row in table(home, "book.price").filter(pl.col("open_interest") > 0).iter_rows(named=True):
        assert held[(row["contract_id"],)] == row["open_interest"]


def test_the_release_is_complete(home: Path) -> None:
    release = home / "published" / "20260129" / "EOD" / "v01"
    complete = json.loads((release / "_COMPLETE.json").read_text(encoding="utf-8"))
    assert complete["root_hash"]
    with pytest.raises(SystemExit) as ended:
        cli.main(["publish", "verify", str(release), "--home", str(home)])
    assert ended.value.code == 0
