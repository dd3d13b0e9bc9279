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
