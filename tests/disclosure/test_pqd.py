"""The quantitative disclosure of four days against figures worked out by hand from the rows of conftest.py."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import policy_store, verify
from tasks.disclose import Disclosed, disclose
from tasks.disclosure_coverage import coverage
from tasks.disclosure_figures import Figure
from tasks.disclosure_items import ITEMS, fits
from tasks.disclosure_margin import variation
from tasks.disclosure_operation import operation
from tasks.disclosure_period import opened, quarter
from tasks.home import Home
from tasks.model.errors import LeveeError

Values = dict[str, str]


def values(figures: Iterable[Figure]) -> Values:
    """Values by item and part; of a figure that is not there its reason."""
    return {f"{each.item.reference} {each.part}".rstrip(): each.value or each.reason for each in figures}


@pytest.fixture(scope="session")
def told(made: Disclosed) -> Values:
    return values(made.figures)


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
    assert (told["5.3.3 BTC"], told["5.3.4 BTC"]) == ("1", "1"), "100 to 60 on the 29th; what 60 fell to is not known"
    assert told["5.3.3 USDC"] == "0", "three days after the 28th, one of them unknown"
    assert "every price known" in told["5.3.4 USDC"]


def test_the_policy_in_force_is_what_the_model_is_said_to_be(told: Values) -> None:
    assert (told["6.4.2"], told["6.4.4"], told["6.4.7 HOUSE BTC"]) == ("2014-01-01", "0.97500000", "2")
    assert "OPENING" in told["6.4.3"]
    assert "1500" in told["6.4.5"]
    assert (told["4.4.2 BTC"], told["17.1.1"], told["17.4.1"]) == ("2", "0.99900000", "2.00")


def test_what_is_not_known_is_said_to_be_missing_and_never_zero(told: Values) -> None:
    assert "declared" in told["4.1.1"]
    assert "stress tests" in told["4.4.3 PEAK"]
    assert "levee backtest accounts" in told["6.5.2 CLEAN"]
    assert "over after none" in told["6.5.2"], "the 30th is missing: no two days after a day are published"


def test_a_failure_lasts_until_its_stage_is_done_in_whichever_run(
    house: Any, attempt: Callable[..., None], tmp_path: Path
) -> None:
    run = "20260129-EOD-r01"
    for number, event, clock in (
        *((1, "STARTED", "08:05"), (1, "FAILED", "08:10"), (2, "STARTED", "08:20"), (2, "ABANDONED", "08:50")),
        *((3, "STARTED", "08:55"), (3, "DONE", "09:05")),
    ):
        attempt(run, "margin", number, event, clock)
    attempt(run, "call", 1, "STARTED", "09:05")
    attempt(run, "call", 1, "BLOCKED", "09:06")
    attempt("20260128-EOD-r01", "publish", 1, "STARTED", "10:00")
    attempt("20260128-EOD-r01", "publish", 1, "FAILED", "10:01")
    attempt("20260128-EOD-r02", "publish", 1, "DONE", "10:30")
    with opened(house.show(tmp_path), quarter("2026Q1")) as period:
        told = values(operation(period))
    assert (told["17.3.1 FAILURES"], told["17.3.1 DURATION"]) == ("2", "1.50"), "a closed gate is no failure"
    days = (date(2026, 1, 31) - date(2025, 12, 31)).days + 1
    assert told["17.2.1"] == f"{1 - 1.5 / (24 * days):.8f}"


def test_a_failure_that_is_not_mended_has_no_duration(house: Any, attempt: Callable[..., None], tmp_path: Path) -> None:
    attempt("20260131-EOD-r01", "mark", 1, "FAILED", "11:00")
    with opened(house.show(tmp_path), quarter("2026Q1")) as period:
        told = values(operation(period))
    assert told["17.3.1 FAILURES"] == "1"
    assert "mark of 2026-01-31" in told["17.2.1"]
    assert "not mended" in told["17.3.1 DURATION"]


def test_margin_against_what_was_lost_in_the_two_days_after(thirtieth: Any, tmp_path: Path) -> None:
    """A1 of the 28th: +99 and -24.75 settled, options 10 to 4; of the 29th: -24.75, options 4 to 7. A2 the other way.

    Losses are -68.25, 74.25, 21.75 and -24.75 against margins of 20, 30, 20 and 30.
    """
    with opened(thirtieth.show(tmp_path), quarter("2026Q1")) as period:
        policy = policy_store.in_force(period.home, period.latest["business_date"])
        told = values(coverage(period, policy))
    assert (told["6.5.1.1"], told["6.5.2"], told["6.5.3"]) == ("2", "4", "0.50000000")
    assert (told["6.5.4"], told["6.5.5"]) == ("44.25", "23.00")
    assert (told["4.4.6 PEAK"], told["4.4.6 MEAN"]) == ("44.25", "23.00")
    assert (told["4.4.10 PEAK"], told["4.4.10 MEAN"]) == ("44.25", "23.00"), "on each day one member alone"


def test_the_same_with_positions_held_constant_is_what_the_accounts_back_test_found(house: Any, tmp_path: Path) -> None:
    """Three portfolios, one loss unknown; a day whose runs were replaced since and one before the year are left out."""
    home = house.show(tmp_path)
    for day, run in (("20260128", "20260128-EOD-r02"), ("20260129", "20260129-EOD-r01"), ("20260130", "x")):
        folder = home.published / day / "EOD"
        folder.mkdir(parents=True)
        (folder / "latest.json").write_text(json.dumps({"run_id": run, "version": 1}), encoding="utf-8")
    stands, replaced = "20260128-EOD-r02 20260129-EOD-r01 x", "20260128-EOD-r01 20260129-EOD-r01 x"
    rows = [
        (date(2026, 1, 28), stands, "PORTFOLIO", 100.0, 130.0),
        (date(2026, 1, 28), stands, "PORTFOLIO", 50.0, 50.0),
        (date(2026, 1, 28), stands, "PORTFOLIO", 10.0, None),
        (date(2026, 1, 28), stands, "ACCOUNT", 1.0, 900.0),
        (date(2026, 1, 27), replaced, "PORTFOLIO", 1.0, 800.0),
        (date(2024, 1, 27), "- - -", "PORTFOLIO", 1.0, 700.0),
    ]
    columns = ["margin_date", "rests_on", "level", "margin_usd", "clean_loss_usd"]
    (home.root / "back_test").mkdir()
    found = pl.DataFrame(rows, schema=columns, orient="row").with_columns(horizon_days=2)
    found.write_parquet(home.root / "back_test" / "accounts.parquet")
    with opened(home, quarter("2026Q1")) as period:
        policy = policy_store.in_force(period.home, period.latest["business_date"])
        told = values(coverage(period, policy))
    assert [told[f"{item} CLEAN"] for item in ("6.5.1.1", "6.5.2", "6.5.3", "6.5.4", "6.5.5")] == [
        "1",
        "2",
        "0.50000000",
        "30.00",
        "30.00",
    ]


def test_every_item_is_told_once_with_its_source_or_its_reason(made: Disclosed) -> None:
    for item in ITEMS:
        assert any(each.item.reference == item.reference and fits(item.part, each.part) for each in made.figures)
    assert len({(each.item.reference, each.part) for each in made.figures}) == len(made.figures)
    assert all(bool(each.source) != bool(each.reason) for each in made.figures)


def test_a_version_lies_where_it_can_be_verified(made: Disclosed) -> None:
    assert (made.version, made.written, made.days) == (1, True, 3)
    assert made.file.name == "TEST-PQ01-PUBLIC-ALL-20260331-EOD-v01.csv"
    assert verify.verify(made.file.parent) == []


def test_rows_in_another_order_say_nothing_new(made: Disclosed, shown: Home, levee: Any, tmp_path: Path) -> None:
    home = shutil.copytree(shown.root, tmp_path / "home")
    for path in home.glob("exports/*/*.parquet"):
        pl.read_parquet(path).reverse().write_parquet(path)
    again = json.loads(levee("disclose", "pqd", "--quarter", "2026Q1", "--home", home, "--json").out)
    assert (again["version"], again["written"]) == (1, False)
    assert again["file"] == str(home / made.file.relative_to(shown.root))


def test_other_figures_are_the_next_version(
    made: Disclosed, shown: Home, house: Any, levee: Any, tmp_path: Path
) -> None:
    home = shutil.copytree(shown.root, tmp_path / "home")
    house.put("control.margin_call", "20260131-EOD-r01", call_id="g", call_version=1, call_amount_usd="91000")
    house.show(home)
    told = levee("disclose", "pqd", "--quarter", "2026Q1", "--home", home)
    assert "2026Q1 v02 written" in told.out
    files = {path.parts[-3]: path for path in home.glob("disclosures/2026Q1/*/public/*.csv")}
    assert files["v01"].read_bytes() == made.file.read_bytes()
    assert ",91000.00,REPORTED" in files["v02"].read_text(encoding="utf-8")
    assert levee("disclose", "check", files["v02"], "--home", home).code == 0


@pytest.mark.parametrize(
    ("name", "code"),
    [("2026Q5", "USAGE"), ("26Q1", "USAGE"), ("9999Q4", "USAGE"), ("0000Q1", "USAGE"), ("2026Q2", "UNKNOWN_ID")],
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
    assert {"6.1.1 TOTAL", "6.2.14 TOTAL_PRE_HAIRCUT"} <= {finding.where for finding in raised.value.findings}
    assert not (tmp_path / "disclosures").exists()


def test_what_was_paid_in_an_asset_without_a_price_is_no_zero(house: Any, tmp_path: Path) -> None:
    house.store.execute("DELETE FROM result.asset_price WHERE asset = 'USDC'")
    home = house.show(tmp_path)
    with opened(home, quarter("2026Q1")) as period, pytest.raises(LeveeError, match="PRICE_MISSING"):
        list(variation(period))


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
