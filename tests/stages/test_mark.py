"""The mark stage: from delivered prices and quotes to marks and asset prices."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import QuantLib

from tasks.mark import mark, write_marks
from tasks.model.errors import ModelInputError
from tasks.stage import Context

AS_OF = datetime(2026, 1, 30, 8)
EXPIRY = datetime(2026, 3, 27, 8)
YEARS = 56 / 365
OPTION = {
    "kind": "OPT",
    "payoff": "INVERSE",
    "underlying_asset": "BTC",
    "quote_ccy": "USD",
    "settle_asset": "BTC",
    "multiplier": "1",
    "status": "ACTIVE",
    "expiry_ts": EXPIRY,
    "option_type": "C",
}
FUTURE = {
    "kind": "FUT",
    "payoff": "INVERSE",
    "underlying_asset": "BTC",
    "quote_ccy": "USD",
    "settle_asset": "BTC",
    "multiplier": "10",
    "status": "ACTIVE",
    "expiry_ts": EXPIRY,
}
PERPETUAL = {
    **FUTURE,
    "kind": "PERP",
    "payoff": "LINEAR",
    "settle_asset": "USDC",
    "multiplier": "0.001",
    "expiry_ts": None,
}
CALL, LOW = "BTC-20260327-90000-C.INV", "BTC-20260327-80000-C.INV"
FUT, PERP = "BTC-20260327.INV", "BTC-PERP.LIN.USDC"


def price(
    contract_id: str, figure: str | None, price_type: str = "SETTLE", age: float | None = 5.0, **more: Any
) -> tuple[str, dict[str, Any]]:
    return "book.price", {
        "contract_id": contract_id,
        "price_type": price_type,
        "price": figure,
        "age_seconds": age,
        "quality": "OK",
        "obs_ts": AS_OF,
        "source": "VENUE",
        **more,
    }


def quote(contract_id: str, iv: float | None, forward: str | None = "85000") -> tuple[str, dict[str, Any]]:
    return "book.vol_quote", {
        "contract_id": contract_id,
        "iv_mark": iv,
        "forward": forward,
        "px_unit": "COIN",
        "quality": "OK",
    }


def position(contract_id: str, **quantities: str) -> tuple[str, dict[str, Any]]:
    return "book.position", {
        "clearing_member_id": "M001",
        "margin_account_id": "M001H",
        "contract_id": contract_id,
        **quantities,
    }


@pytest.fixture(scope="module")
def listing(freeze_run: Callable[[], Any]) -> Any:
    """A future, a perpetual and two calls, priced and not held; account and collateral in dollars and ETH.

    Final prices are there too and must not count before expiry.
    """
    run = freeze_run()
    run.put_all(
        ("book.contract", {"contract_id": FUT, **FUTURE}),
        ("book.contract", {"contract_id": PERP, **PERPETUAL}),
        ("book.contract", {"contract_id": CALL, **OPTION, "strike": "90000"}),
        ("book.contract", {"contract_id": LOW, **OPTION, "strike": "80000"}),
        price(FUT, "85123.4567890123", prev_price="86000.5"),
        price(PERP, "84100.5", "MARK"),
        price(CALL, "0.0412", prev_price="0.05"),
        price(LOW, "0.0901"),
        price(CALL, "96000", "FINAL", None, source="INDEX"),
        price(FUT, "96000", "FINAL", None, source="INDEX"),
        quote(CALL, 0.55),
        quote(LOW, 0.60),
        price("BTC-USD", "84000.25", "INDEX"),
        price("USDC-USD", "0.9998", "INDEX"),
        price("ETH-USD", "2500", "INDEX", age=4000.0),
        ("book.account", {"clearing_member_id": "M001", "margin_account_id": "M001H", "base_ccy": "USD"}),
        ("book.collateral", {"clearing_member_id": "M001", "margin_account_id": "M001H", "asset": "ETH"}),
        position(CALL),
        position(FUT),
        position(PERP),
    )
    return run


def marked(run: Any, columns: str, *changes: str, table: str = "mark") -> list[tuple[Any, ...]]:
    """Columns of the run's marks, by contract, after some changes of the book that are taken back afterwards."""

    def body(context: Context) -> list[tuple[Any, ...]]:
        write_marks(context)
        key = "asset" if table == "asset_price" else "contract_id"
        return context.store.read(
            f"SELECT {key}, {columns} FROM result.{table} WHERE run_id = $run_id ORDER BY {key}",
            {"run_id": run.key.run_id},
        ).rows()

    found: list[tuple[Any, ...]] = run.tried(list(changes), body)
    return found


def of(contract_id: str, rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Columns of one contract's mark."""
    [found] = [row[1:] for row in rows if row[0] == contract_id]
    return found


def held(contract_id: str, **quantities: int) -> str:
    """Change of a position."""
    return (
        f"UPDATE book.position SET {', '.join(f'{name} = {value}' for name, value in quantities.items())} "
        f"WHERE contract_id = '{contract_id}'"
    )


def another(table: str, contract_id: str, condition: str = "TRUE", /, **values: str) -> str:
    """A copy of a contract's row with other values."""
    changed = ", ".join(f"{value} AS {name}" for name, value in values.items())
    return (
        f"INSERT INTO {table} SELECT * REPLACE ({changed}) FROM {table} WHERE contract_id = '{contract_id}' "
        f"AND {condition}"
    )


def test_delivered_prices_stay_the_decimals_they_were(listing: Any) -> None:
    rows = marked(
        listing,
        "settlement_price, prev_settlement_price, index_price, forward_price, settle_asset_price, "
        "implied_volatility, final_price, method, quality, obs_ts, age_seconds, source",
    )
    index, future = Decimal("84000.25"), Decimal("85123.4567890123")
    plain = (None, "DELIVERED", "OK", AS_OF, 5.0, "VENUE")
    assert rows == [
        (LOW, Decimal("0.0901"), None, index, Decimal(85000), index, 0.60, *plain),
        (CALL, Decimal("0.0412"), Decimal("0.05"), index, Decimal(85000), index, 0.55, *plain),
        (FUT, future, Decimal("86000.5"), index, future, index, None, *plain),
        (PERP, Decimal("84100.5"), None, index, Decimal("84100.5"), Decimal("0.9998"), None, *plain),
    ]


def test_assets_are_priced_at_their_index_and_the_dollar_is_one(listing: Any) -> None:
    assert marked(listing, "price_usd, quality", table="asset_price") == [
        ("BTC", Decimal("84000.25"), "OK"),
        ("ETH", Decimal(2500), "STALE"),
        ("USD", Decimal(1), "OK"),
        ("USDC", Decimal("0.9998"), "OK"),
    ]


@pytest.mark.parametrize(
    ("other", "changes", "expected"),
    [
        ("83900", {}, ("83900", "OTHER", "84000.25", "VENUE", 2)),
        ("84100", {}, ("84000.25", "VENUE", "84100", "OTHER", 2)),
        ("83900", {"quality": "'STALE'"}, ("84000.25", "VENUE", "84000.25", "VENUE", 1)),
        ("83900", {"age_seconds": "1e6"}, ("84000.25", "VENUE", "84000.25", "VENUE", 1)),
        ("83900", {"age_seconds": "NULL"}, ("84000.25", "VENUE", "84000.25", "VENUE", 1)),
        ("0", {}, ("84000.25", "VENUE", "84000.25", "VENUE", 1)),
    ],
)
def test_collateral_takes_the_lowest_fresh_source_and_debts_the_highest(
    listing: Any, other: str, changes: dict[str, str], expected: tuple[Any, ...]
) -> None:
    second = {"price_type": "'MARK'", "source": "'OTHER'", "price": other, **changes}
    columns = "lowest_price_usd, lowest_source, highest_price_usd, highest_source, sources, price_usd"
    rows = marked(listing, columns, another("book.price", "BTC-USD", **second), table="asset_price")
    low, low_source, high, high_source, sources = expected
    found = of("BTC", rows)
    assert found == (Decimal(low), low_source, Decimal(high), high_source, sources, Decimal("84000.25"))


def test_the_stage_leaves_its_receipt_and_rows(freeze_run: Callable[[], Any]) -> None:
    run = freeze_run()
    run.put("book.account", margin_account_id="M001H", base_ccy="USD")
    assert dict(mark(run.home, run.key).rows) == {
        "result.asset_price": 1,
        "result.haircut": 1,
        "result.mark": 0,
        "result.surface": 0,
    }
    assert mark(run.home, run.key).resumed


@pytest.mark.parametrize(
    "spoil",
    [
        "DELETE FROM book.price WHERE",
        "UPDATE book.price SET price = NULL WHERE",
        "UPDATE book.price SET price = -0.01 WHERE",
        "UPDATE book.price SET age_seconds = 1800.5 WHERE",
        "UPDATE book.price SET age_seconds = NULL WHERE",
        "UPDATE book.price SET quality = 'STALE' WHERE",
    ],
)
def test_an_option_without_a_usable_price_gets_a_model_price(listing: Any, spoil: str) -> None:
    black = QuantLib.blackFormula(QuantLib.Option.Call, 90000.0, 85000.0, 0.55 * math.sqrt(YEARS))
    rows = marked(
        listing, "settlement_price, method, quality, obs_ts, age_seconds, source", f"{spoil} contract_id = '{CALL}'"
    )
    found, *rest = of(CALL, rows)
    assert abs(found - Decimal(black / 85000.0)) <= Decimal("1e-10")
    assert rest == ["MODEL_PRICE", "MODEL", None, None, None]
    assert of(LOW, rows)[1:3] == ("DELIVERED", "OK")


def test_zero_stands_and_the_limit_of_age_is_inclusive(listing: Any) -> None:
    rows = marked(
        listing,
        "settlement_price, method, quality",
        f"UPDATE book.price SET price = 0, age_seconds = 1800 WHERE contract_id = '{CALL}'",
    )
    assert of(CALL, rows) == (Decimal(0), "DELIVERED", "OK")


def test_a_stale_future_is_kept_and_flagged(listing: Any) -> None:
    rows = marked(
        listing,
        "settlement_price, quality, age_seconds",
        f"UPDATE book.price SET age_seconds = 7200 WHERE contract_id = '{FUT}'",
    )
    assert of(FUT, rows) == (Decimal("85123.4567890123"), "STALE", 7200.0)


def test_settlement_prices_come_before_marks_unless_they_are_stale_or_unusable(listing: Any) -> None:
    rows = dict(
        marked(
            listing,
            "settlement_price",
            another("book.price", FUT, "price_type = 'SETTLE'", price_type="'MARK'", price="85200"),
            another("book.price", PERP, price_type="'SETTLE'", price="-1"),
            another("book.price", LOW, price_type="'MARK'", price="0.08"),
            f"UPDATE book.price SET age_seconds = 9000 WHERE contract_id = '{LOW}' AND price_type = 'SETTLE'",
        )
    )
    assert rows == {
        FUT: Decimal("85123.4567890123"),
        PERP: Decimal("84100.5"),
        LOW: Decimal("0.08"),
        CALL: Decimal("0.0412"),
    }


def test_a_volatility_that_is_not_usable_is_read_off_the_smile(listing: Any) -> None:
    rows = marked(
        listing,
        "implied_volatility, method, quality",
        f"UPDATE book.vol_quote SET iv_mark = 55 WHERE contract_id = '{CALL}'",
    )
    assert of(CALL, rows) == (pytest.approx(0.60), "DELIVERED", "MODEL")


def test_the_forward_is_the_expirys_quote_then_the_listed_future(listing: Any) -> None:
    missing = f"UPDATE book.vol_quote SET forward = NULL WHERE contract_id = '{CALL}'"
    assert of(CALL, marked(listing, "forward_price, quality", missing)) == (Decimal(85000), "OK")
    every = "UPDATE book.vol_quote SET forward = 0"
    assert of(CALL, marked(listing, "forward_price, quality", every)) == (Decimal("85123.4567890123"), "OK")


STRIKES = (60000, 70000, 76000, 94000, 100000, 120000)


def smile(volatility: float, days: float = 56.0) -> list[str]:
    """Options about the forward of 85000, priced at one volatility and quoted a tenth either side."""
    changes = []
    for strike in STRIKES:
        is_call = strike > 85000
        name = f"BTC-20260327-{strike}-{'C' if is_call else 'P'}.INV"
        kind = QuantLib.Option.Call if is_call else QuantLib.Option.Put
        coin = QuantLib.blackFormula(kind, strike, 85000, volatility * math.sqrt(days / 365)) / 85000
        changes += [
            "INSERT INTO book.contract BY NAME SELECT * REPLACE "
            f"('{name}' AS contract_id, {strike} AS strike, '{'C' if is_call else 'P'}' AS option_type) "
            f"FROM book.contract WHERE contract_id = '{CALL}'",
            f"INSERT INTO book.price BY NAME SELECT * REPLACE ('{name}' AS contract_id, {coin:.10f} AS price) "
            f"FROM book.price WHERE contract_id = '{CALL}' AND price_type = 'SETTLE'",
            f"INSERT INTO book.vol_quote BY NAME SELECT * REPLACE ('{name}' AS contract_id, {volatility} AS iv_mark, "
            f"{coin * 0.9:.10f} AS bid_px, {coin * 1.1:.10f} AS ask_px, TIMESTAMP '2026-01-30 07:59:00' AS obs_ts) "
            f"FROM book.vol_quote WHERE contract_id = '{CALL}'",
        ]
    return changes


FIGURES = "expiry_ts, method, certified, n_quotes, n_quoted, n_inside_half_spread"


def surfaces(run: Any, columns: str, *changes: str) -> list[tuple[Any, ...]]:
    """Columns of the run's slices after some changes of the book."""

    def body(context: Context) -> list[tuple[Any, ...]]:
        write_marks(context)
        return context.slice("result.surface").select(columns.split(", ")).rows()

    found: list[tuple[Any, ...]] = run.tried(list(changes), body)
    return found


def test_enough_quotes_make_a_surface(listing: Any) -> None:
    assert surfaces(listing, "method") == [], "two calls without bid and ask are no surface"
    assert surfaces(listing, FIGURES, *smile(0.5)) == [(EXPIRY, "SVI", True, 6, 6, 6)]


def test_an_option_without_price_and_volatility_is_marked_off_the_surface(listing: Any) -> None:
    lost = [
        f"DELETE FROM book.price WHERE contract_id = '{CALL}'",
        f"DELETE FROM book.vol_quote WHERE contract_id = '{CALL}'",
    ]
    rows = marked(
        listing, "settlement_price, implied_volatility, method, quality, mark_uncertainty_usd", *smile(0.5), *lost
    )
    price, volatility, method, quality, uncertain = of(CALL, rows)
    coin = QuantLib.blackFormula(QuantLib.Option.Call, 90000, 85000, 0.5 * math.sqrt(YEARS)) / 85000
    assert (float(price), volatility) == (pytest.approx(coin, rel=1e-3), pytest.approx(0.5, abs=5e-4))
    assert (method, quality) == ("MODEL_PRICE", "MODEL")
    law = QuantLib.BlackCalculator(
        QuantLib.PlainVanillaPayoff(QuantLib.Option.Call, 90000), 85000, 0.5 * math.sqrt(YEARS)
    )
    assert uncertain == pytest.approx(law.vega(YEARS) / 85000 * 84000.25 * 0.006, rel=5e-3)


@pytest.mark.parametrize(
    "spoilt", ["quality = 'STALE'", "obs_ts = TIMESTAMP '2026-01-30 07:00:00'", "px_unit = 'QUOTE'", "bid_px = NULL"]
)
def test_old_or_one_sided_quotes_make_no_surface(listing: Any, spoilt: str) -> None:
    assert surfaces(listing, FIGURES, *smile(0.5), f"UPDATE book.vol_quote SET {spoilt}") == []


def test_an_expiry_gone_quiet_takes_the_predecessors_certified_slice(listing: Any) -> None:
    yesterday = [
        "UPDATE control.cycle_run SET predecessor_run_id = '20260129-EOD-r01', genesis = FALSE",
        "INSERT INTO result.surface BY NAME SELECT '20260129-EOD-r01' AS run_id, 'BTC' AS underlying, "
        f"TIMESTAMP '{EXPIRY}' AS expiry_ts, {57 / 365} AS years_to_expiry, 85000 AS forward_price, 0.039 AS svi_a, "
        "0.0 AS svi_b, 0.0 AS svi_rho, 0.0 AS svi_mu, 0.1 AS svi_s, 'SVI' AS method, TRUE AS certified, 1.0 AS min_g, "
        "NULL AS min_calendar_gap, 9 AS n_quotes, 1.0 AS rmse_bp, 60 AS tolerance_bp, 9 AS n_quoted, "
        "9 AS n_inside_half_spread",
    ]
    [(method, a, b, quotes, misfit)] = surfaces(listing, "method, svi_a, svi_b, n_quotes, rmse_bp", *yesterday)
    assert (method, b, quotes, misfit) == ("PRIOR", 0.0, 0, None)
    assert a == pytest.approx(0.039 * 56 / 57, rel=1e-9)
    assert surfaces(listing, "method", *yesterday, "UPDATE result.surface SET certified = FALSE") == []


def test_the_predecessors_mark_is_the_previous_price(listing: Any) -> None:
    rows = dict(
        marked(
            listing,
            "prev_settlement_price",
            "UPDATE control.cycle_run SET predecessor_run_id = '20260129-EOD-r01', genesis = FALSE",
            "INSERT INTO result.mark (run_id, contract_id, settlement_price, index_price, forward_price, "
            f"settle_asset_price, method, quality, mark_uncertainty_usd) VALUES "
            f"('20260129-EOD-r01', '{CALL}', 0.047, 1, 1, 1, 'DELIVERED', 'OK', 0)",
        )
    )
    assert rows == {CALL: Decimal("0.047"), FUT: Decimal("86000.5"), LOW: None, PERP: None}


@pytest.mark.parametrize(
    "state",
    [
        "status = 'EXPIRED_UNSETTLED'",
        "status = 'SETTLED'",
        "expiry_ts = TIMESTAMP '2026-01-30 08:00:00'",
    ],
)
def test_what_expired_and_is_held_is_marked_at_its_final_price(listing: Any, state: str) -> None:
    rows = marked(
        listing,
        "settlement_price, forward_price, final_price, implied_volatility, method, quality, source",
        f"UPDATE book.contract SET {state} WHERE contract_id IN ('{CALL}', '{FUT}')",
        held(CALL, qty_open=1, qty_expired=-1),
        held(FUT, qty_open=-2, qty_expired=2),
    )
    final, seen = Decimal(96000), ("FINAL", "OK", "INDEX")
    assert of(CALL, rows) == (Decimal("0.0625"), final, final, 0.0, *seen)  # max(0, 1 - 90000/96000) coins
    assert of(FUT, rows) == (final, final, final, None, *seen)


def test_expired_contracts_nobody_held_are_not_marked(listing: Any) -> None:
    expired = f"UPDATE book.contract SET expiry_ts = TIMESTAMP '2026-01-30 08:00:00' WHERE contract_id = '{CALL}'"
    assert [row[0] for row in marked(listing, "method", expired)] == [LOW, FUT, PERP]


@pytest.mark.parametrize(
    "movement", ["qty_open", "qty_buy", "qty_sell", "qty_transfer", "qty_exercise_assign", "qty_expired", "qty_close"]
)
def test_every_movement_makes_a_suspended_contract_held(listing: Any, movement: str) -> None:
    suspended = f"UPDATE book.contract SET status = 'SUSPENDED' WHERE contract_id IN ('{CALL}', '{FUT}')"
    rows = marked(listing, "method", suspended, held(CALL, **{movement: 1}))
    assert [row[0] for row in rows] == [LOW, CALL, PERP]


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (f"UPDATE book.price SET price = NULL WHERE contract_id = '{PERP}'", PERP),
        (f"UPDATE book.price SET price = 0 WHERE contract_id = '{PERP}'", PERP),
        ("DELETE FROM book.price WHERE contract_id = 'BTC-USD'", "BTC-USD"),
        ("DELETE FROM book.price WHERE contract_id = 'USDC-USD'", "USDC-USD"),
        ("UPDATE book.price SET price = 0 WHERE contract_id = 'ETH-USD'", "ETH-USD"),
        (f"UPDATE book.contract SET status = 'EXPIRED_UNSETTLED' WHERE contract_id = '{PERP}'", PERP),
    ],
)
def test_nothing_in_use_goes_without_a_price(listing: Any, spoil: str, where: str) -> None:
    with pytest.raises(ModelInputError, match="NO_PRICE") as refused:
        marked(listing, "method", held(PERP, qty_open=3, qty_close=3), spoil)
    assert where in {finding.where for finding in refused.value.findings}


def test_what_is_only_listed_and_cannot_be_marked_is_left_out(listing: Any) -> None:
    sol = "'SOL-PERP.LIN.USDC'"
    rows = marked(
        listing,
        "method",
        "DELETE FROM book.vol_quote",
        another("book.contract", PERP, contract_id=sol, underlying_asset="'SOL'"),
        another("book.price", PERP, contract_id=sol),
        f"DELETE FROM book.price WHERE contract_id = '{PERP}'",
    )
    assert rows == [(FUT, "DELIVERED")]


def test_a_held_option_of_an_underlying_without_any_volatility_stops_the_stage(listing: Any) -> None:
    with pytest.raises(ModelInputError, match=r"NO_VOLATILITY.*BTC"):
        marked(listing, "method", "DELETE FROM book.vol_quote", held(CALL, qty_close=1))
