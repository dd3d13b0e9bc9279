"""A figure's path back to the delivered line, on the shipped day: what is printed must be what was delivered."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.home import Home

DAY = "2026-01-30"


@pytest.fixture(scope="module")
def home(shipped_day: Home) -> Path:
    return shipped_day.root


@pytest.fixture(scope="module")
def call_id(home: Path) -> str:
    notices = (home / "published").glob("*/EOD/v01/members/*/*-MC01-*.json")
    called = [json.loads(path.read_bytes())["notice"] for path in notices]
    return next(notice["call_id"] for notice in called if Decimal(notice["call_amount_usd"]) > 0)


@pytest.fixture(scope="module")
def found(home: Path, call_id: str) -> dict[str, Any]:
    from tasks import explain

    answer: dict[str, Any] = json.loads(json.dumps(explain.call(Home(home), call_id), default=str))
    return answer


def addresses(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "source_line" in value:
            yield value
        for each in value.values():
            yield from addresses(each)
    elif isinstance(value, list):
        for each in value:
            yield from addresses(each)


def test_the_result_is_the_sum_of_its_lines(found: dict[str, Any]) -> None:
    result = found["result"]
    for portfolio in found["portfolios"]:
        assert sum(Decimal(line["amount_usd"]) for line in portfolio["lines"]) == Decimal(
            portfolio["initial_margin_usd"]
        )
    must = sum(Decimal(each["total_initial_margin_usd"]) for each in found["portfolios"])
    cover = sum(Decimal(each["post_haircut_value_usd"]) for each in found["collateral"])
    assert (must, cover) == (
        Decimal(result["total_initial_margin_usd"]),
        Decimal(result["collateral_post_haircut_value_usd"]),
    )
    assert Decimal(found["call"]["call_amount_usd"]) == Decimal(result["margin_call_amount_usd"]) > 0


def test_the_worst_scenario_is_named_with_its_moves(home: Path, found: dict[str, Any]) -> None:
    base = next(line for line in found["portfolios"][0]["lines"] if line["component"] == "BASE_MARGIN")
    assert base["binding_component"] == "EXPECTED_SHORTFALL"
    assert {move["underlying"] for move in base["scenario"]} == {"BTC", "ETH"}
    assert {move["start_date"] for move in base["scenario"]} == {base["worst_scenario_id"][2:]}


def test_every_leaf_is_a_line_as_delivered(home: Path, found: dict[str, Any]) -> None:
    leaves = list(addresses(found))
    assert {leaf["file_id"].split("-")[0] for leaf in leaves} >= {"positions", "prices", "collateral_balances"}
    for leaf in leaves:
        delivered = home / "inbox" / DAY / "EOD" / f"{leaf['file_id'].split('-')[0]}.csv"
        assert hashlib.sha256(delivered.read_bytes()).hexdigest() == leaf["sha256"]
        assert delivered.read_text(encoding="utf-8").split("\n")[leaf["source_line"] - 1] == leaf["text"]


def test_positions_and_marks_lead_to_their_own_lines(found: dict[str, Any]) -> None:
    positions = [each for portfolio in found["portfolios"] for each in portfolio["positions"]]
    assert positions
    for position in positions:
        (line,) = position["input"]
        record = next(csv.reader([line["text"]]))
        assert (record[4], Decimal(record[11])) == (position["contract_id"], Decimal(position["qty_close"]))
        price = next(csv.reader([position["mark"]["input"][0]["text"]]))
        assert price[1] == position["contract_id"]
        assert Decimal(price[3]) == Decimal(position["mark"]["settlement_price"])
        assert position["mark"]["quality"] == "OK"


def test_it_prints_a_tree_and_its_json_twin(levee: Callable[..., Any], home: Path, call_id: str) -> None:
    text = levee("explain", call_id, "--home", home)
    assert (text.code, text.err) == (0, "")
    twin = json.loads(levee("explain", call_id, "--home", home, "--json").out)
    words = "".join(text.out.split())
    for leaf in addresses(twin):
        assert f"{leaf['file_id']}:{leaf['source_line']}" in words
        assert leaf["sha256"] in text.out
    assert f"{Decimal(twin['result']['margin_call_amount_usd']):,.2f}" in text.out


def test_an_account_without_a_call_is_explained_too(levee: Callable[..., Any], home: Path) -> None:
    shown = levee("explain", "--account", "M001H", "--home", home, "--json")
    assert shown.code == 0
    answer = json.loads(shown.out)
    assert answer["call"] is None
    assert answer["result"]["margin_account_id"] == "M001H"
    assert levee("explain", "--account", "M001H", "--home", home).out.startswith("no call: M001 M001H")


@pytest.mark.parametrize("arguments", [["ffffffffffffffff"], ["--account", "NOBODY"], [], ["a", "--account", "b"]])
def test_what_is_not_there_is_a_usage_error(levee: Callable[..., Any], home: Path, arguments: list[str]) -> None:
    ended = levee("explain", *arguments, "--home", home)
    assert ended.code == 2
    assert ended.err.startswith(("UNKNOWN_ID:", "USAGE:"))


def test_a_line_of_changed_bytes_is_not_shown(home: Path, call_id: str, tmp_path: Path) -> None:
    from tasks import explain

    copy = tmp_path / "home"
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("levee.duckdb*", "numba"))
    run = pl.read_parquet(next((copy / "exports").glob("*/control.input_manifest.parquet")))
    sha256 = run.filter(pl.col("dataset") == "positions")["sha256"][0]
    frozen = copy / "frozen" / sha256
    frozen.write_bytes(frozen.read_bytes().replace(b"M001", b"M009"))
    texts = {leaf["file_id"].split("-")[0]: leaf["text"] for leaf in addresses(explain.call(Home(copy), call_id))}
    assert texts["positions"] is None
    assert texts["prices"] is not None
