"""The quantitative disclosure of four days against figures worked out by hand from the rows of conftest.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import verify
from tasks.disclose import disclose
from tasks.disclosure_items import ITEMS, fits
from tasks.disclosure_period import quarter
from tasks.home import Home
from tasks.model.errors import LeveeError

Values = dict[str, str]


def values(home: Home) -> Values:
    """Values by item and part; of a figure that is not there its reason."""
    made = disclose(home, quarter("2026Q1"))
    return {f"{each.item.reference} {each.part}".rstrip(): each.value or each.reason for each in made.figures}


@pytest.fixture(scope="session")
def told(shown: Home) -> Values:
    return values(shown)


def test_margin_required_and_held_at_the_last_day(told: Values) -> None:
    assert [told[f"6.1.1 {kind}"] for kind in ("HOUSE", "CLIENT_GROSS", "CLIENT_NET", "TOTAL")] == [
        "100.01",
        "300.03",
        "200.02",
        "600.06",
    ]
    assert (told["6.2.4 HOUSE_PRE_HAIRCUT"], told["6.2.4 CLIENT_PRE_HAIRCUT"]) == ("1000.00", "0.00")
    assert (told["6.2.14 HOUSE_POST_HAIRCUT"], told["6.2.14 CLIENT_POST_HAIRCUT"]) == ("375.00", "376.20")
    assert (told["6.2.15 TOTAL_PRE_HAIRCUT"], told["6.2.15 TOTAL_POST_HAIRCUT"]) == ("1896.00", "1751.20")


def test_variation_margin_paid_in_net_by_account_and_asset(told: Values) -> None:
    paid = [6 * Decimal("0.99") + Decimal("0.5") * 100, 100 * Decimal("0.99"), Decimal(0)]
    assert told["6.7.1"] == f"{max(paid):.2f}"
    assert told["6.6.1"] == f"{sum(paid) / 3:.2f}"


def test_calls_at_their_latest_version_that_is_out(told: Values) -> None:
    assert told["6.8.1"] == "90000.00", "not the replaced 120,000, an intraday one, an unreleased one or last quarter's"


def test_margin_rates_and_how_they_moved(told: Values) -> None:
    assert told["6.3.1 BTC"] == "0.21000000"
    assert told["6.9.1 BTC LARGEST_RISE_1D"] == "0.10000000"
    assert told["6.9.1 BTC PEAK_TO_TROUGH"] == "1.10000000", "last quarter's rate is not in it"
    assert "far apart" in told["6.9.1 BTC LARGEST_RISE_5D"]


def test_haircuts_against_the_falls_that_followed(told: Values) -> None:
    assert (told["5.3.1"], told["5.3.2 BTC"]) == ("0.99000000", "2")
    assert (told["5.3.3 BTC"], told["5.3.4 BTC"]) == ("2", "1"), "100 to 60 on the 29th, 60 to 90 on the 31st"
    assert (told["5.3.3 USDC"], told["5.3.4 USDC"]) == ("1", "0"), "three days: those after the 28th alone are over"


def test_the_policy_in_force_is_what_the_model_is_said_to_be(told: Values) -> None:
    assert (told["6.4.2"], told["6.4.4"], told["6.4.7 HOUSE BTC"]) == ("2014-01-01", "0.97500000", "2")
    assert "OPENING" in told["6.4.3"]
    assert "1500" in told["6.4.5"]
    assert (told["4.4.2 BTC"], told["17.1.1"], told["17.4.1"]) == ("2", "0.99900000", "2.00")


def test_what_is_not_known_is_said_to_be_missing_and_never_zero(told: Values) -> None:
    assert "declared" in told["4.1.1"]
    assert "stress tests" in told["4.4.3 PEAK"]


def test_failures_until_they_are_mended(house: Any, attempt: Callable[..., None], tmp_path: Path) -> None:
    run = "20260129-EOD-r01"
    attempt(run, "margin", 1, "STARTED", "08:05")
    attempt(run, "margin", 1, "FAILED", "08:10")
    attempt(run, "margin", 2, "STARTED", "08:20")
    attempt(run, "margin", 2, "ABANDONED", "08:50")
    attempt(run, "margin", 3, "STARTED", "08:55")
    attempt(run, "margin", 3, "DONE", "09:05")
    attempt(run, "call", 1, "STARTED", "09:05")
    attempt(run, "call", 1, "BLOCKED", "09:06")
    told = values(house.show(tmp_path))
    assert (told["17.3.1 FAILURES"], told["17.3.1 DURATION"]) == ("1", "1.00"), "a closed gate is no failure"
    days = (date(2026, 1, 31) - date(2025, 12, 31)).days + 1
    assert told["17.2.1"] == f"{1 - 1 / (24 * days):.8f}"


def test_a_run_that_takes_over_mends_the_failure_and_one_that_is_open_has_no_duration(
    house: Any, attempt: Callable[..., None], tmp_path: Path
) -> None:
    attempt("20260128-EOD-r01", "publish", 1, "STARTED", "10:00")
    attempt("20260128-EOD-r01", "publish", 1, "FAILED", "10:01")
    attempt("20260128-EOD-r02", "publish", 1, "DONE", "10:30")
    assert values(house.show(tmp_path / "mended"))["17.3.1 DURATION"] == "0.50"
    attempt("20260131-EOD-r01", "mark", 1, "FAILED", "11:00")
    told = values(house.show(tmp_path / "open"))
    assert told["17.3.1 FAILURES"] == "2"
    assert "mark of 2026-01-31" in told["17.2.1"]
    assert "not mended" in told["17.3.1 DURATION"]


def test_every_item_is_told_once_with_its_source_or_its_reason(shown: Home) -> None:
    figures = disclose(shown, quarter("2026Q1")).figures
    for item in ITEMS:
        assert any(each.item.reference == item.reference and fits(item.part, each.part) for each in figures)
    assert len({(each.item.reference, each.part) for each in figures}) == len(figures)
    assert all(bool(each.source) != bool(each.reason) for each in figures)


def test_a_version_is_written_once_and_the_next_one_only_for_other_figures(
    house: Any, levee: Any, tmp_path: Path
) -> None:
    home = house.show(tmp_path)
    ask = ("disclose", "pqd", "--quarter", "2026Q1", "--home", home.root)
    first = json.loads(levee(*ask, "--json").out)
    again = json.loads(levee(*ask, "--json").out)
    assert (first["version"], first["written"], again["version"], again["written"]) == (1, True, 1, False)
    assert Path(first["file"]).name == "TEST-PQ01-PUBLIC-ALL-20260331-EOD-v01.csv"
    assert verify.verify(Path(first["file"]).parent) == []
    house.put("control.margin_call", "20260131-EOD-r01", call_id="g", call_version=1, call_amount_usd="91000")
    house.show(tmp_path)
    third = json.loads(levee(*ask, "--json").out)
    assert (third["version"], third["written"], third["days"]) == (2, True, 3)
    assert levee("disclose", "check", third["file"], "--home", home.root).code == 0
    assert Path(first["file"]).exists()


def test_the_same_home_gives_the_same_bytes_in_whatever_order_its_rows_lie(house: Any, tmp_path: Path) -> None:
    home = house.show(tmp_path)
    first = disclose(home, quarter("2026Q1")).file.read_bytes()
    for path in home.exports.glob("*/*.parquet"):
        pl.read_parquet(path).reverse().write_parquet(path)
    made = disclose(home, quarter("2026Q1"))
    assert not made.written
    assert made.file.read_bytes() == first


@pytest.mark.parametrize(
    ("name", "code"), [("2026Q5", "USAGE"), ("26Q1", "USAGE"), ("2026Q2", "UNKNOWN_ID"), ("2025Q3", "UNKNOWN_ID")]
)
def test_a_quarter_that_is_none_or_has_no_published_day(shown: Home, name: str, code: str) -> None:
    with pytest.raises(LeveeError) as raised:
        disclose(shown, quarter(name))
    assert raised.value.code == code


def test_an_account_nobody_lists_leaves_a_total_without_its_parts(house: Any, tmp_path: Path) -> None:
    house.store.execute("DELETE FROM book.account WHERE margin_account_id = 'A2'")
    with pytest.raises(LeveeError) as raised:
        disclose(house.show(tmp_path), quarter("2026Q1"))
    assert raised.value.code == "DISCLOSURE"
    assert "6.1.1 TOTAL" in {finding.where for finding in raised.value.findings}
    assert not (tmp_path / "disclosures").exists()


def test_what_was_paid_in_an_asset_without_a_price_is_no_zero(house: Any, tmp_path: Path) -> None:
    house.store.execute("DELETE FROM result.asset_price WHERE asset = 'USDC'")
    with pytest.raises(LeveeError, match="PRICE_MISSING"):
        disclose(house.show(tmp_path), quarter("2026Q1"))


@pytest.mark.parametrize(
    ("name", "first", "last", "year_first"),
    [
        ("2026Q1", date(2026, 1, 1), date(2026, 3, 31), date(2025, 4, 1)),
        ("2025Q4", date(2025, 10, 1), date(2025, 12, 31), date(2025, 1, 1)),
        ("2024Q2", date(2024, 4, 1), date(2024, 6, 30), date(2023, 7, 1)),
    ],
)
def test_quarters(name: str, first: date, last: date, year_first: date) -> None:
    found = quarter(name)
    assert (found.first, found.last, found.year_first) == (first, last, year_first)
