"""The margin stage: from the typed book and the marks to requirement lines, scenarios and risk."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from math import exp
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import handover, resources
from tasks.home import Home
from tasks.margin import margin
from tasks.model.errors import ModelInputError
from tasks.store import Store

DAYS = 1100


def put_history(run: Any) -> None:
    """Closes of BTC up to the business date, and one of the day after, which no scenario may see."""
    draw, log, rows = random.Random(11), 11.0, []
    for day in range(DAYS):
        log += draw.gauss(0, 0.03)
        rows.append(close(run, run.key.business_date - timedelta(days=DAYS - 1 - day), exp(log)))
    rows.append(close(run, run.key.business_date + timedelta(days=1), 1.0))
    with Store(run.home.database) as store:
        store.append("book.history", pl.DataFrame(rows))


def close(run: Any, day: date, price: float) -> dict[str, Any]:
    return {
        "run_id": run.key.run_id,
        "underlying": "BTC",
        "date": day,
        "close": Decimal(f"{price:.4f}"),
        "file_id": "f",
        "source_line": 1,
    }


@pytest.fixture
def held(frozen_run: Any) -> Any:
    """M001H is 2,000 contracts long of a linear perpetual; M002H is flat; M003H is closed."""
    put_history(frozen_run)
    frozen_run.put_all(
        *(
            (
                "book.account",
                {
                    "clearing_member_id": member,
                    "margin_account_id": f"{member}H",
                    "account_type": "HOUSE",
                    "base_ccy": "USD",
                    "collateral_mode": "haircut",
                    "status": status,
                },
            )
            for member, status in (("M001", "ACTIVE"), ("M002", "SUSPENDED"), ("M003", "CLOSED"))
        ),
        *(
            (
                "book.position",
                {
                    "clearing_member_id": member,
                    "margin_account_id": f"{member}H",
                    "account_type": "HOUSE",
                    "contract_id": "BTC-PERP.LIN.USDC",
                    "qty_close": quantity,
                },
            )
            for member, quantity in (("M001", "2000"), ("M002", "0"))
        ),
        (
            "book.contract",
            {
                "contract_id": "BTC-PERP.LIN.USDC",
                "kind": "PERP",
                "payoff": "LINEAR",
                "underlying_asset": "BTC",
                "settle_asset": "USDC",
                "multiplier": "0.001",
                "status": "ACTIVE",
            },
        ),
        (
            "result.mark",
            {
                "contract_id": "BTC-PERP.LIN.USDC",
                "settlement_price": "90000",
                "index_price": "90000",
                "forward_price": "90000",
                "settle_asset_price": "1",
                "method": "DELIVERED",
                "quality": "OK",
            },
        ),
    )
    return frozen_run


def test_a_long_is_margined_by_the_falls_of_its_scenarios(held: Any) -> None:
    receipt = margin(held.home, held.key)
    assert receipt.rows["result.requirement"] == 26
    found = {}
    for name, confidence in (("FILTERED", 0.975), ("STRESSED", 0.99)):
        moves = [
            move for (move,) in held.read(f"SELECT spot_return FROM result.scenario WHERE scenario_set = '{name}'")
        ]
        losses = sorted((180_000 * (1 - exp(move)) for move in moves), reverse=True)
        k = len(losses) * (1 - confidence)
        whole = int(k + 1e-9)
        found[name] = (sum(losses[:whole]) + (k - whole) * losses[whole]) / k
    expected = max(0.75 * found["FILTERED"] + 0.25 * found["STRESSED"], 0.12 * 180_000)
    (amount,) = held.read(
        "SELECT amount_usd FROM result.requirement WHERE component = 'BASE_MARGIN' AND margin_account_id = 'M001H'"
    )[0]
    assert float(amount) == pytest.approx(expected, abs=0.011)


def test_no_scenario_sees_a_close_after_the_business_date(held: Any) -> None:
    margin(held.home, held.key)
    assert held.read("SELECT max(start_date) FROM result.scenario WHERE scenario_set = 'FILTERED'") == [
        (date(2026, 1, 28),)
    ]


def test_every_open_account_has_a_portfolio_and_lines(held: Any) -> None:
    margin(held.home, held.key)
    assert held.read("SELECT margin_account_id, initial_margin_usd > 0 FROM result.portfolio ORDER BY ALL") == [
        ("M001H", True),
        ("M002H", False),
    ]
    assert held.read(
        "SELECT margin_account_id, component, line_no, policy_hash <> '' FROM result.requirement "
        "ORDER BY margin_account_id, line_no, component"
    ) == [
        (account, component, number, True)
        for account in ("M001H", "M002H")
        for component, number in (
            ("BASE_MARGIN", 1),
            ("CORRELATION_BREAK", 2),
            ("LIQUIDITY_CONCENTRATION", 3),
            ("WRONG_WAY", 4),
            ("MARK_UNCERTAINTY", 5),
            ("STABLECOIN_DEPEG", 6),
            ("HOLIDAY_GAP", 7),
            ("EXPIRY", 8),
            ("APC_BUFFER", 9),
            ("CREDIT", 10),
            ("LEVERAGE_SURCHARGE", 10),
            ("FLOOR_TOP_UP", 11),
            ("OVERRIDE", 12),
        )
    ]
    assert held.read("SELECT contract_id, delta FROM result.position_risk") == [("BTC-PERP.LIN.USDC", 2.0)]


def test_what_stands_behind_the_scenarios_is_written(held: Any) -> None:
    margin(held.home, held.key)
    sets = held.read("SELECT scenario_set, scenarios, dropped FROM result.scenario_set ORDER BY ALL")
    counted = held.read("SELECT scenario_set, count(*), 0 FROM result.scenario GROUP BY ALL ORDER BY ALL")
    assert sets == counted


def test_a_closed_account_that_holds_a_position_is_margined(held: Any) -> None:
    held.execute("UPDATE book.account SET status = 'CLOSED' WHERE margin_account_id = 'M001H'")
    margin(held.home, held.key)
    assert held.read("SELECT margin_account_id FROM result.portfolio WHERE initial_margin_usd > 0") == [("M001H",)]


def test_a_position_without_a_mark_stops_the_stage_and_writes_nothing(held: Any) -> None:
    held.execute("DELETE FROM result.mark")
    with pytest.raises(ModelInputError, match=r"PRICE_MISSING.*M001H BTC-PERP\.LIN\.USDC"):
        margin(held.home, held.key)
    assert held.read("SELECT count(*) FROM result.portfolio") == [(0,)]
    assert held.read("SELECT count(*) FROM control.stage_run") == [(0,)]


def test_an_account_the_model_fails_for_is_held_and_told(held: Any) -> None:
    """M002H holds a future whose expiry nobody knows: 5 of 0.001 bitcoin at 90,000 USD."""
    margin(held.home, held.key)
    before = held.read("SELECT amount_usd FROM result.requirement WHERE margin_account_id = 'M001H' ORDER BY line_no")
    held.execute("DELETE FROM control.stage_run WHERE stage = 'margin'")
    terms = {"underlying_asset": "BTC", "settle_asset": "USDC", "multiplier": "0.001", "status": "ACTIVE"}
    price = {"settlement_price": "90000", "index_price": "90000", "forward_price": "90000", "settle_asset_price": "1"}
    owner = {"clearing_member_id": "M002", "margin_account_id": "M002H", "account_type": "HOUSE"}
    held.put("book.contract", contract_id="BTC-FUT.LIN.USDC", kind="FUT", payoff="LINEAR", **terms)
    held.put("result.mark", contract_id="BTC-FUT.LIN.USDC", method="DELIVERED", quality="OK", **price)
    held.put("book.position", contract_id="BTC-FUT.LIN.USDC", qty_close="5", **owner)

    margin(held.home, held.key)
    assert held.read(
        "SELECT component, amount_usd FROM result.requirement "
        "WHERE margin_account_id = 'M002H' AND amount_usd > 0 ORDER BY line_no"
    ) == [("BASE_MARGIN", Decimal("450.00")), ("HELD", Decimal("112.50"))]
    assert held.read("SELECT codes, required_usd FROM result.held") == [("MODEL_ERROR", Decimal("562.50"))]
    told = held.read("SELECT margin_account_id, severity, value FROM control.finding WHERE code = 'MODEL_ERROR'")
    assert [row[:2] for row in told] == [("M002H", "critical")] and "expiry" in told[0][2]
    after = held.read("SELECT amount_usd FROM result.requirement WHERE margin_account_id = 'M001H' ORDER BY line_no")
    assert after == before


@pytest.mark.parametrize(
    ("known_rows", "expected"),
    [
        ("150", ("20260129-EOD-r01", Decimal("150.00"))),  # held yesterday, on more than it needed when it was not
        ("90", ("20260128-EOD-r01", Decimal("100.00"))),
    ],
)
def test_a_second_day_held_asks_for_no_less_than_the_first_had_known(
    frozen_run: Any, tmp_path: Path, known_rows: str, expected: tuple[str, Decimal]
) -> None:
    """In the home itself and where it is replayed, which knows of earlier days what was handed over."""
    who = {"clearing_member_id": "M001", "margin_account_id": "M001H"}
    days = [f"202601{day}-EOD-r01" for day in (27, 28, 29)]
    frozen_run.execute(f"UPDATE control.cycle_run SET predecessor_run_id = '{days[2]}'")
    for before, run_id in zip(["", *days], days, strict=False):
        frozen_run.put("control.cycle_run", run_id=run_id, predecessor_run_id=before, cycle="EOD", state="PUBLISHED")
    # What it had to cover longer ago than when it was last not held counts no more.
    for run_id, status, required in zip(days, ("HELD", "FINAL", "HELD"), ("9000", "100", "187.5"), strict=True):
        frozen_run.put("result.margin_account", run_id=run_id, status=status, total_initial_margin_usd=required, **who)
    frozen_run.put("result.held", run_id=days[0], known_requirement_usd="7200", **who)
    frozen_run.put("result.held", run_id=days[2], known_requirement_usd=known_rows, **who)
    frozen_run.put("book.held", codes="ROLL_FORWARD_BREAK", lines=1, **who)
    home, own = frozen_run.home, frozen_run.key.run_id
    replayed = Home(tmp_path / "replayed").prepare("TEST")
    with Store(home.database) as store, Store(replayed.database) as other:
        for run_id, table in product(days, handover.HISTORY):
            (home.exports / run_id).mkdir(exist_ok=True)
            store.export(table, run_id, home.exports / run_id / f"{table}.parquet")
        handover.opening(home, days[2], other)
        for table in ("control.cycle_run", "book.held"):
            other.append(table, store.read(f"SELECT * FROM {table} WHERE run_id = '{own}'"))
        found, again = (each.read(resources.sql("book/slices/margin_held"), {"run_id": own}) for each in (store, other))
    assert found.equals(again)
    assert found.select("last_run_id", "last_requirement_usd").rows() == [expected]
