"""The shipped day as other margin models see it: what is printed, what is exported, and what a reader may ask."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist
from typing import Any

import polars as pl
import pytest

from tasks.home import Home

DAY = "2026-01-30"
N = NormalDist()


@pytest.fixture(scope="module")
def home(shipped_day: Home) -> Path:
    return shipped_day.root


@pytest.fixture
def found(levee: Any, home: Path) -> dict[str, Any]:
    answer = levee("compare", "--date", DAY, "--home", home, "--json")
    assert answer.code == 0, answer.err
    content: dict[str, Any] = json.loads(answer.out)
    return content


def test_the_house_is_the_published_requirement_and_every_model_answers_for_every_account(
    found: dict[str, Any], home: Path
) -> None:
    published = pl.read_parquet(home / "exports" / found["run_id"] / "result.margin_account.parquet")
    required = dict(published.select("margin_account_id", "total_initial_margin_usd").iter_rows())
    assert {each["margin_account_id"]: Decimal(each["margin_usd"]["HOUSE"]) for each in found["accounts"]} == required
    for account in found["accounts"]:
        assert set(account["margin_usd"]) == set(found["models"])
    assert {"HOUSE", "SPAN", "TIMS", "DERIBIT_PM", "DERIBIT_SM", "PARADEX"} <= set(found["models"])


def test_an_account_is_the_sum_of_its_portfolios(found: dict[str, Any]) -> None:
    clients = {row["client_id"] for row in found["portfolios"] if row["margin_account_id"] == "M003G"}
    assert len(clients) > 2
    for account in found["accounts"]:
        for model, amount in account["margin_usd"].items():
            parts = [
                Decimal(row["margin_usd"])
                for row in found["portfolios"]
                if row["model"] == model and row["margin_account_id"] == account["margin_account_id"]
            ]
            assert sum(parts, Decimal(0)) == Decimal(amount)


def test_tims_is_the_worst_of_ten_moves_of_each_underlying_less_what_the_options_are_worth(
    found: dict[str, Any], home: Path
) -> None:
    """Recomputed from the exports with plain loops."""
    exports = home / "exports" / found["run_id"]
    as_of = pl.read_parquet(exports / "control.cycle_run.parquet")["as_of_ts"][0]
    held = pl.read_parquet(exports / "book.position.parquet").filter(pl.col("qty_close") != 0)
    terms = pl.read_parquet(exports / "book.contract.parquet").drop("run_id", "file_id", "source_line")
    marks = pl.read_parquet(exports / "result.mark.parquet").drop("run_id")
    rows = held.join(terms, on="contract_id").join(marks, on="contract_id").to_dicts()
    for row in rows:
        row["years"] = (row["expiry_ts"] - as_of).total_seconds() / 86400 / 365 if row["expiry_ts"] else 0.0
    answered = [row for row in found["portfolios"] if row["model"] == "TIMS" and float(row["margin_usd"]) > 0]
    assert len(answered) >= 4
    for portfolio in answered:
        key = (portfolio["margin_account_id"], portfolio["client_id"])
        own = [row for row in rows if key == (row["margin_account_id"], row["client_id"])]
        risk = 0.0
        for underlying in {row["underlying_asset"] for row in own}:
            group = [row for row in own if row["underlying_asset"] == underlying]
            moves = [step * 0.03 for step in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)]
            losses = [sum(worth(row, 0.0) - worth(row, move) for row in group) for move in moves]
            least = 37.5 * sum(abs(float(row["qty_close"])) for row in group if row["kind"] == "OPT")
            risk += max(0.0, least, *losses)
        options = sum(worth(row, 0.0) for row in own if row["kind"] == "OPT")
        assert float(portfolio["margin_usd"]) == pytest.approx(max(0.0, risk - options), abs=0.02)


def worth(row: dict[str, Any], move: float) -> float:
    """USD of a position once spot and forward have moved by a fraction; a future is worth nothing at its own mark."""
    quantity, multiplier, now = (float(row[name]) for name in ("qty_close", "multiplier", "forward_price"))
    forward, spot = now * (1 + move), float(row["index_price"]) * (1 + move)
    coin = row["payoff"] == "INVERSE"
    paid = spot if coin else float(row["settle_asset_price"])
    if row["kind"] != "OPT":
        return quantity * multiplier * (1 / now - 1 / forward if coin else forward - now) * paid
    deviation, strike = row["implied_volatility"] * math.sqrt(row["years"]), float(row["strike"])
    sign, d1 = 1 if row["option_type"] == "C" else -1, math.log(forward / strike) / deviation + deviation / 2
    black = sign * (forward * N.cdf(sign * d1) - strike * N.cdf(sign * (d1 - deviation)))
    return quantity * multiplier * (black / forward if coin else black) * paid


def test_the_table_names_models_members_and_parameter_sets(levee: Any, home: Path) -> None:
    answer = levee("compare", "--date", DAY, "--home", home)
    assert answer.code == 0, answer.err
    for word in ("HOUSE", "SPAN", "TIMS", "M001H", "007C", "20260130-EOD-r01", "DERIBIT_PM 2026-01-01"):
        assert word in answer.out


def test_one_member_alone(levee: Any, home: Path) -> None:
    answer = levee("compare", "--date", DAY, "--home", home, "--member", "M001", "--json")
    accounts = json.loads(answer.out)["accounts"]
    assert {each["clearing_member_id"] for each in accounts} == {"M001"}


@pytest.mark.parametrize("arguments", [("--date", "2026-01-29"), ("--date", DAY, "--member", "NOBODY")])
def test_what_is_not_there_is_named(levee: Any, home: Path, arguments: tuple[str, ...]) -> None:
    answer = levee("compare", *arguments, "--home", home)
    assert answer.code == 2
    assert answer.err.startswith("UNKNOWN_ID")


def test_the_database_is_never_opened(levee: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a reader opened the database")

    monkeypatch.setattr(duckdb, "connect", refuse)
    assert levee("compare", "--date", DAY, "--home", home).code == 0
