"""Triggers of a run from its own tables: shocks fire what they are about, and what stood the cycle before ends late."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from tasks import trigger_watch
from tasks.stage import open_context
from tasks.store import Store

DAY = date(2026, 1, 30)
BEFORE = "20260129-EOD-r01"


def said(run):
    with_names = run.read("SELECT subject, trigger_name, state, since_date FROM result.policy_trigger")
    return {(subject, name): (state, since) for subject, name, state, since in with_names}


def track(run):
    with Store(run.home.database) as store:
        trigger_watch.track(open_context(run.home, store, run.key))


def leverage(run, account, outright):
    fields = {"effective_leverage": outright, "outright_leverage": outright, "gross_delta_notional_usd": 1e6}
    run.put("result.leverage", clearing_member_id="M1", margin_account_id=account, **fields)


def test_what_stood_before_stands_until_it_is_low_enough(frozen_run):
    """Caps of 8: fires above 7.2, ends below 6."""
    run = frozen_run
    for account, outright in (("A", 6.4), ("B", 6.4), ("C", 5.6), ("D", 7.6)):
        leverage(run, account, outright)
    for account, state in (("A", "FIRED"), ("C", "STANDS")):
        run.put(
            "result.policy_trigger",
            run_id=BEFORE,
            trigger_name="leverage",
            subject=account,
            state=state,
            since_date=date(2026, 1, 20),
        )
    run.execute(f"UPDATE control.cycle_run SET predecessor_run_id = '{BEFORE}'")
    track(run)
    found = {subject: state for (subject, name), state in said(run).items() if name == "leverage"}
    assert found["A"] == ("STANDS", date(2026, 1, 20))
    assert found["B"] == ("QUIET", None)
    assert found["C"] == ("ENDED", None)
    assert found["D"] == ("FIRED", DAY)


def test_one_alert_counts_the_triggers_that_stand_by_kind():
    states = [("LEVERAGE", "FIRED"), ("CONCENTRATION", "STANDS"), ("LEVERAGE", "STANDS"), ("TAIL", "QUIET")]
    (finding,) = trigger_watch.findings(pl.DataFrame(states, schema=["kind", "state"], orient="row"))
    assert finding.what.endswith(": concentration 1, leverage 2")
    assert trigger_watch.findings(pl.DataFrame([("TAIL", "ENDED")], schema=["kind", "state"], orient="row")) == []


def test_a_thin_market_fires_and_the_other_does_not(frozen_run):
    for name, spread in (("BTC", 0.0015), ("ETH", 0.0008)):
        fields = {"half_spread_fraction": spread, "spread_quality": "OK", "volume_quality": "PROXY"}
        frozen_run.put("result.liquidity", underlying=name, **fields)
    track(frozen_run)
    found = said(frozen_run)
    assert found["BTC", "spread_rise"] == ("FIRED", DAY)
    assert found["ETH", "spread_rise"] == ("QUIET", None)
    assert found["BTC", "volume_fall"] == ("UNKNOWN", None)


def test_the_index_of_a_snapshot_stands_for_the_close_the_day_does_not_have_yet(frozen_run):
    """A fifth off within the day, after 60 days of one percent up and down: margin is not known, the move is."""
    closes = [100.0 * (1.01 if each % 2 else 1.0) for each in range(60)]
    rows = [
        ("book.history", {"underlying": "BTC", "date": DAY - timedelta(days=60 - at), "close": str(close)})
        for at, close in enumerate(closes)
    ]
    mark = {"contract_id": "BTC-PERP", "index_price": "80"}
    risk = {"contract_id": "BTC-PERP", "clearing_member_id": "M1", "margin_account_id": "A", "delta": 2.0}
    contract = {"contract_id": "BTC-PERP", "underlying_asset": "BTC", "kind": "PERP"}
    frozen_run.put_all(*rows, ("result.mark", mark), ("result.position_risk", risk), ("book.contract", contract))
    track(frozen_run)
    found = said(frozen_run)
    assert found["BTC", "price_move"] == ("FIRED", DAY)
    assert found["HOUSE", "price_move"] == ("FIRED", DAY)
    assert found["BTC", "breach"] == ("UNKNOWN", None)
    ((volatility, at_risk),) = frozen_run.read(
        "SELECT volatility, value_at_risk FROM result.risk_level WHERE subject = 'BTC'"
    )
    step, last = np.log(1.01), np.log(80.0 / 101.0)
    keep = 0.5 ** (1 / 90)
    assert volatility == pytest.approx(np.sqrt(keep * step**2 + (1 - keep) * last**2), rel=1e-6)
    assert at_risk is None


def order_book(run, contract, size, unit="COIN", run_id=None, sides=("BID", "ASK")):
    for side, price in (("BID", "99.9"), ("ASK", "100.1")):
        if side in sides:
            fields = {"side": side, "price": price, "size": size, "size_unit": unit}
            run.put("book.depth", **fields, contract_id=contract, **({"run_id": run_id} if run_id else {}))


def stood(run, trigger, *subjects):
    for subject in subjects:
        fields = {"trigger_name": trigger, "subject": subject, "state": "STANDS", "since_date": date(2026, 1, 20)}
        run.put("result.policy_trigger", run_id=BEFORE, **fields)
    run.execute(f"UPDATE control.cycle_run SET predecessor_run_id = '{BEFORE}'")


def test_a_vanished_order_book_fires_and_what_stands_does_not_end_for_want_of_one(frozen_run):
    """BTC's book is gone, ETH's has one side, SOL's expired with its future; XRP's was gone the cycle before."""
    run, later = frozen_run, {"expiry_ts": DAY + timedelta(days=30)}
    contracts = {"BTC": ("PERP", {}), "ETH": ("FUT", later), "SOL": ("FUT", {"expiry_ts": DAY}), "XRP": ("PERP", {})}
    run.execute(f"UPDATE control.cycle_run SET as_of_ts = TIMESTAMP '{DAY} 21:00:00'")
    for coin, (kind, fields) in contracts.items():
        run.put("book.contract", contract_id=f"{coin}-1", underlying_asset=coin, kind=kind, **fields)
        if coin != "XRP":
            order_book(run, f"{coin}-1", "5", run_id=BEFORE)
    order_book(run, "ETH-1", "5", sides=("ASK",))
    stood(run, "depth_fall", "XRP")
    track(run)
    found = {subject: state for (subject, name), state in said(run).items() if name == "depth_fall"}
    assert found == {"BTC": ("FIRED", DAY), "ETH": ("FIRED", DAY), "XRP": ("STANDS", date(2026, 1, 20))}
    numbers = run.read("SELECT level, numbers FROM result.policy_trigger WHERE subject = 'BTC'")
    assert numbers == [(100.0, "order_books 1 vanished 1")]


def test_a_book_that_is_as_deep_as_before_ends_it(frozen_run):
    frozen_run.put("book.contract", contract_id="BTC-1", underlying_asset="BTC", kind="PERP")
    order_book(frozen_run, "BTC-1", "5", run_id=BEFORE)
    order_book(frozen_run, "BTC-1", "6")
    stood(frozen_run, "depth_fall", "BTC")
    track(frozen_run)
    assert said(frozen_run)["BTC", "depth_fall"] == ("ENDED", None)


def test_what_has_no_level_stands_while_something_is_held_and_then_ends_aloud(frozen_run):
    """A holds a position without a leverage that could be told; B has closed everything."""
    frozen_run.put("book.contract", contract_id="BTC-1", underlying_asset="BTC", kind="PERP")
    for account, quantity in (("A", "2"), ("B", "0")):
        fields = {"margin_account_id": account, "contract_id": "BTC-1", "qty_close": quantity}
        frozen_run.put("book.position", clearing_member_id="M1", **fields)
    stood(frozen_run, "leverage", "A", "B")
    stood(frozen_run, "volatility_rise", "BTC", "ETH")
    track(frozen_run)
    found = said(frozen_run)
    assert found["A", "leverage"] == ("STANDS", date(2026, 1, 20))
    assert found["B", "leverage"] == ("ENDED", None)
    assert found["BTC", "volatility_rise"] == ("STANDS", date(2026, 1, 20))
    assert found["ETH", "volatility_rise"] == ("ENDED", None)
