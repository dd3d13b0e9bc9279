"""Levee's own figures for the small day are the ones on paper, and its requirements those of the plain loops."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tasks import resources
from tasks.home import Home
from tasks.store import Store

FOLDER = resources.data("sample")


@pytest.fixture(scope="module")
def store(shipped_day: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    own = shutil.copy(shipped_day.database, tmp_path_factory.mktemp("home"))  # open to one process at a time
    with Store(Path(own)) as opened:
        yield opened


def expected(name: str) -> list[dict[str, str]]:
    with (FOLDER / "expected" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def agree(found: pl.DataFrame, stated: list[dict[str, str]], key: list[str], figures: list[str]) -> None:
    """Same keys, same figures, as exact decimals."""
    assert stated
    ours = {tuple(row[name] for name in key): [row[name] for name in figures] for row in found.iter_rows(named=True)}
    paper = {tuple(row[name] for name in key): [Decimal(row[name]) for name in figures] for row in stated}
    assert ours == paper


def test_only_genesis_is_found(store: Store) -> None:
    assert store.read("SELECT DISTINCT code FROM control.finding")["code"].to_list() == ["GENESIS"]
    assert store.read("SELECT * FROM book.rejected").is_empty()


def test_settlement(store: Store) -> None:
    agree(
        store.read("SELECT * FROM result.variation"),
        expected("variation"),
        ["margin_account_id", "client_id", "contract_id", "settle_asset"],
        ["variation_margin", "funding", "premium", "fees"],
    )


def test_balances_and_collateral(store: Store) -> None:
    key = ["margin_account_id", "asset"]
    agree(
        store.read("SELECT * FROM result.balance WHERE opening <> 0 OR closing <> 0"),
        expected("collateral"),
        key,
        ["opening", "movements", "closing"],
    )
    agree(
        store.read("SELECT * FROM result.collateral WHERE quantity <> 0"),
        expected("collateral"),
        key,
        ["price_usd", "haircut_fraction", "market_value_usd", "post_haircut_value_usd", "counted_value_usd"],
    )


def test_requirements_to_the_cent(store: Store) -> None:
    found = store.read("SELECT * FROM result.portfolio WHERE initial_margin_usd <> 0")
    agree(
        found,
        expected("portfolios"),
        ["margin_account_id", "client_id"],
        ["initial_margin_usd", "net_option_value_usd", "total_initial_margin_usd"],
    )
    lines = store.read("SELECT * FROM result.requirement WHERE amount_usd <> 0")
    agree(lines, expected("requirement"), ["margin_account_id", "client_id", "component"], ["amount_usd"])


def test_calls(store: Store) -> None:
    agree(
        store.read("SELECT * FROM result.margin_account"),
        expected("accounts"),
        ["margin_account_id"],
        [
            "total_initial_margin_usd",
            "collateral_post_haircut_value_usd",
            "collateral_counted_value_usd",
            "excess_amount_usd",
            "deficit_amount_usd",
            "margin_call_amount_usd",
        ],
    )
