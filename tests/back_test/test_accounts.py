"""The back-test of a home's accounts: computed once, again where a run was replaced, told on its day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import account_back_test, account_sheets, account_zones, alerts, board, board_figures, watch
from tasks.home import Home
from tasks.store import Store

DAY = date(2026, 1, 10)
WHO = {"clearing_member_id": "M1", "margin_account_id": "A1"}


def export(home: Home, day: date, run_no: int, mark: float, quantity: int = 2) -> None:
    """State and exports of a published end of day: one future of 10 BTC a contract, margined at 100,000 USD."""
    run_id = f"{day:%Y%m%d}-EOD-r{run_no:02d}"
    state = {"run_id": run_id, "business_date": day.isoformat(), "cycle": "EOD", "state": "PUBLISHED"}
    (home.state / f"{day}-EOD.json").write_text(json.dumps(state | {"stages": [], "findings": []}), encoding="utf-8")
    pointer = home.published / f"{day:%Y%m%d}" / "EOD" / "latest.json"
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.write_text(json.dumps({"run_id": run_id, "version": run_no}), encoding="utf-8")
    client = {**WHO, "client_id": ""}
    tables: dict[str, dict[str, Any]] = {
        "book.contract": {
            "contract_id": "BTC-FUT",
            "kind": "FUT",
            "payoff": "LINEAR",
            "option_type": None,
            "settle_asset": "USDC",
            "underlying_asset": "BTC",
            "multiplier": Decimal(10),
            "strike": None,
        },
        "book.position": client | {"account_type": "HOUSE", "contract_id": "BTC-FUT", "qty_close": Decimal(quantity)},
        "result.mark": {
            "contract_id": "BTC-FUT",
            "settlement_price": Decimal(str(mark)),
            "final_price": None,
            "index_price": Decimal(str(mark)),
            "settle_asset_price": Decimal(1),
            "quality": "OK",
            "age_seconds": 0.0,
            "source": "VENUE",
        },
        "result.asset_price": {"asset": "USDC", "price_usd": Decimal(1)},
        "result.variation": client
        | {"contract_id": "BTC-FUT", "settle_asset": "USDC"}
        | dict.fromkeys(("variation_margin", "funding", "premium", "fees", "settlement"), Decimal(0)),
        "result.portfolio": client | {"initial_margin_usd": Decimal(100_000)},
        "result.requirement": client | {"component": "BASE_MARGIN", "amount_usd": Decimal(90_000)},
        "result.portfolio_risk": client | {"underlying": "BTC", "blended_es_usd": 80_000.0, "grid_loss_usd": 90_000.0},
        "result.collateral": WHO | {"asset": "USDC", "quantity": Decimal(150_000), "own_margin_usd": None},
        "result.liquidity": {"underlying": "BTC", "volatility_per_day": 0.03},
    }
    folder = home.exports / run_id
    folder.mkdir(parents=True, exist_ok=True)
    texts = {name: pl.String for row in tables.values() for name, value in row.items() if value is None}
    for name, row in tables.items():
        frame = pl.DataFrame([row], schema_overrides={key: kind for key, kind in texts.items() if key in row})
        frame.write_parquet(folder / f"{name}.parquet")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare("TEST")


@pytest.fixture
def marched(home: Home) -> Callable[..., list[date]]:
    """Publish days with these marks from the first on, and bring the back-test up to date."""

    def run(*marks: float, run_no: int = 1, first: date = DAY) -> list[date]:
        for step, mark in enumerate(marks):
            export(home, first + timedelta(days=step), run_no, mark)
        with Store(home.database) as store:
            return account_back_test.bring_up_to_date(home, store)

    return run


def test_a_day_is_computed_once_its_period_is_over_and_then_stands(marched: Callable[..., list[date]]) -> None:
    assert marched(100_000.0, 99_000.0) == []
    assert marched(100_000.0, 99_000.0, 98_000.0) == [DAY]
    assert marched(100_000.0, 99_000.0, 98_000.0) == []
    assert marched(97_000.0, first=DAY + timedelta(days=3)) == [DAY + timedelta(days=1)]


def test_a_correction_under_way_takes_nothing_away(home: Home, marched: Callable[..., list[date]]) -> None:
    marched(100_000.0, 99_000.0, 98_000.0)
    waiting = {"run_id": f"{DAY:%Y%m%d}-EOD-r02", "business_date": f"{DAY}", "cycle": "EOD", "state": "BLOCKED"}
    state = json.dumps(waiting | {"stages": [], "findings": []})
    (home.state / f"{DAY}-EOD.json").write_text(state, encoding="utf-8")
    assert marched(97_000.0, first=DAY + timedelta(days=3)) == [DAY + timedelta(days=1)]
    assert account_back_test.rows(home)["margin_date"].unique().sort().to_list() == [DAY, DAY + timedelta(days=1)]


def test_a_replaced_run_computes_what_rests_on_it_anew(home: Home, marched: Callable[..., list[date]]) -> None:
    marched(100_000.0, 99_000.0, 98_000.0, 97_000.0)
    both = [DAY, DAY + timedelta(days=1)]  # it ends the first and lies on the way of the second
    assert marched(90_000.0, run_no=2, first=DAY + timedelta(days=2)) == both
    rows = account_back_test.rows(home)
    account = rows.filter(pl.col("level") == "ACCOUNT", pl.col("margin_date") == DAY)
    assert account["clean_loss_usd"].to_list() == [20 * 10_000.0]
    assert rows.filter(pl.col("level") == "ACCOUNT").height == 2


def test_levels_and_collateral_are_summed_up(home: Home, marched: Callable[..., list[date]]) -> None:
    marched(100_000.0, 96_000.0, 93_000.0)
    told = {(row["level"], row["kind"]): row for row in account_zones.summary(account_back_test.rows(home))}
    account = told["ACCOUNT", "CLEAN"]
    assert (account["observations"], account["breaches"], account["peak_uncovered_usd"]) == (1, 1, 40_000.0)
    assert told["ACCOUNT", "CLEAN_WITH_COLLATERAL"]["breaches"] == 0  # 150,000 USDC against 140,000
    assert told["ACCOUNT", "DIRTY"]["breaches"] == 0  # nothing was settled on these days
    assert {level for level, _ in told} == {"ACCOUNT", "PORTFOLIO", "PRODUCT", "LIQUIDITY_GROUP"}


def test_a_loss_above_its_margin_is_told_on_its_day(home: Home, marched: Callable[..., list[date]]) -> None:
    marched(100_000.0, 96_000.0, 93_000.0, 93_000.0)
    today = DAY + timedelta(days=2)
    (finding,) = account_back_test.findings(home, today)
    assert (finding.code, finding.what[:12]) == ("MARGIN_BREACH", "1 account(s)")
    assert account_back_test.findings(home, today + timedelta(days=1)) == []
    (sheet,) = account_sheets.sheets(home, account_back_test.rows(home))
    assert (sheet["margin_date"], sheet["product"], sheet["volatility"]) == (DAY, "BTC", 0.03)
    assert sheet["move"] == pytest.approx(-0.07)
    assert "M1 A1" in account_sheets.write(home).read_text(encoding="utf-8")
    assert "A1" not in finding.line()


def test_the_board_shows_the_zone_of_the_account_with_most_breaches(
    home: Home, marched: Callable[..., list[date]]
) -> None:
    export(home, DAY, 1, 100_000.0)
    assert "No liquidation period has ended yet" in _board(home)
    assert "No loss is known yet" in account_sheets.write(home).read_text(encoding="utf-8")
    marched(100_000.0, 96_000.0, 93_000.0)
    zone = account_zones.zone(account_back_test.rows(home))
    assert zone is not None
    assert (zone["breaches_today"], zone["worst_account_breaches"], zone["worst_account_days"]) == (1, 1, 1)
    assert "1 in 1 of the last 250 days" in _board(home)


def test_an_end_of_day_brings_it_up_to_date_and_tells(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for step, mark in enumerate((100_000.0, 96_000.0, 93_000.0)):
        export(home, DAY + timedelta(days=step), 1, mark)
    monkeypatch.setattr(watch, "procedure", lambda *given: None)
    monkeypatch.setattr(board_figures, "calls_overdue", lambda *given: 0)
    watch.watched(home, DAY + timedelta(days=2), "EOD", lambda step, *given: None)
    assert [alert["code"] for alert in alerts.standing(home)] == ["MARGIN_BREACH"]
    assert (home.site / account_sheets.PAGE).exists()


def _board(home: Home) -> str:
    return board.write(home).read_text(encoding="utf-8")
