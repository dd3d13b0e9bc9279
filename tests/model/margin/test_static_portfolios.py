"""The rates a back-test judges are those the margin stage asks: same history, same day, line by line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest

from tasks.model.arrays import Closes
from tasks.model.assurance.rolling_margin import roll
from tasks.model.assurance.static_portfolio import static_portfolios
from tasks.model.margin.initial_margin import initial_margin
from tasks.model.market.returns import joint_closes
from tasks.model.policy import ByName

BTC, BTC_COIN, ETH = "BTC-PERP.LIN.USDC", "BTC-PERP.INV", "ETH-PERP.LIN.USDC"
NOTIONAL = {BTC: 90.01, BTC_COIN: 10.0, ETH: 30.0}  # USD per contract
HELD = {
    ("BTC",): {
        "BTC long": ("M001", "M001H", "", [(BTC, 10_000)]),
        "BTC short": ("M001", "M001N", "", [(BTC, -10_000)]),
        "BTC long inverse": ("M003", "M003H", "", [(BTC_COIN, 90_000)]),
        "BTC short inverse": ("M002", "M002G", "c1", [(BTC_COIN, -90_000)]),
    },
    ("ETH",): {
        "ETH long": ("M001", "M001H", "", [(ETH, 30_000)]),
        "ETH short": ("M001", "M001N", "", [(ETH, -30_000)]),
    },
    ("BTC", "ETH"): {
        "BTC long ETH short": ("M001", "M001H", "", [(BTC, 30_000), (ETH, -90_010)]),
        "BTC short ETH long": ("M001", "M001N", "", [(BTC, -30_000), (ETH, 90_010)]),
    },
}
LINES = ("BASE_MARGIN", "CORRELATION_BREAK")


@dataclass(frozen=True)
class Asked:
    """What the margin stage asks of the static portfolios on one day."""

    rate: dict[str, float]  # base margin and correlation break, per USD of notional
    buffer: dict[str, float]  # share of the buffer in the lines it stands on
    state: pl.DataFrame


def asked(inputs, history, names, day, policy, carried=None) -> Asked:
    held = HELD[names]
    book = [(*who, contract, str(quantity)) for *who, legs in held.values() for contract, quantity in legs]
    given = replace(
        inputs(book),
        history=history.filter(pl.col("date") <= day),
        listed=pl.DataFrame({"underlying": list(names), "held": [True] * len(names)}),
        business_date=day,
    )
    if carried is not None:
        given = replace(given, apc_buffer=carried)
    found = initial_margin(given, datetime.combine(day, time(8)), policy)
    rate, buffer = {}, {}
    for name, (member, account, client, legs) in held.items():
        own = found.requirement.filter(
            pl.col("clearing_member_id") == member,
            pl.col("margin_account_id") == account,
            pl.col("client_id") == client,
        )
        lines = {row["component"]: float(row["amount_usd"]) for row in own.iter_rows(named=True)}
        rate[name] = sum(lines[line] for line in LINES) / sum(abs(n) * NOTIONAL[c] for c, n in legs)
        buffered = sum(lines[line] for line in (*LINES, "LIQUIDITY_CONCENTRATION"))
        buffer[name] = lines["APC_BUFFER"] / buffered
    return Asked(rate, buffer, found.apc_buffer)


def closes_of(history: pl.DataFrame) -> Closes:
    return joint_closes(
        history["underlying"].to_list(), history["date"].to_numpy(), history["close"].cast(pl.Float64).to_numpy()
    )


@pytest.mark.parametrize("names", list(HELD))
@pytest.mark.parametrize(("days_back", "floors"), [(0, "off"), (41, "off"), (300, "on")])
def test_rates_are_those_of_the_margin_stage(inputs, history, policy, names, days_back, floors):
    tried = policy
    if floors == "on":
        tried = replace(
            policy,
            base_margin=replace(policy.base_margin, long_run_floor="on", offset_limit_fraction=0.3),
            grid=replace(policy.grid, range_fraction=ByName({"BTC": 0.01, "ETH": 0.02})),
        )
    day = date(2026, 1, 30) - timedelta(days=days_back)
    expected = asked(inputs, history, names, day, tried).rate
    portfolios = [each for each in static_portfolios(names) if each.name in expected]
    paths = roll(closes_of(history), tried, portfolios, np.datetime64(day), np.datetime64(day))
    assert len(paths) == len(expected)
    for path in paths:
        # A line is rounded up to a cent of some nine hundred thousand dollars.
        assert path.rate[0] == pytest.approx(expected[path.portfolio.name], abs=3e-8)


def test_the_buffer_runs_as_from_cycle_to_cycle(inputs, history, policy):
    rule = replace(
        policy.apc_buffer,
        mode="on",
        release_rise_fraction=0.0002,
        end_rise_fraction=0.0,
        average_half_life_days=2.0,
        replenish_step_fraction=0.0001,
    )
    narrow = replace(policy.grid, range_fraction=ByName({"BTC": 0.01, "ETH": 0.02}))
    names, buffered = ("BTC", "ETH"), replace(policy, apc_buffer=rule, grid=narrow)
    portfolios = [each for each in static_portfolios(names) if each.product == "SPREAD"]
    closes = closes_of(history)
    paths = roll(closes, buffered, portfolios, closes.dates[0], closes.dates[345])
    first = int(np.flatnonzero(np.isfinite(paths[0].rate))[0])
    carried = None
    for day in range(first, first + 6):
        found = asked(inputs, history, names, closes.dates[day].item(), buffered, carried)
        carried = found.state
        for path in paths:
            assert path.buffer[day] == pytest.approx(found.buffer[path.portfolio.name], abs=1e-7)
    for path in paths:
        assert len(set(path.buffer[first : first + 6].round(6))) > 2  # it was drawn and replenished
        assert path.full_buffer == 0.25


def test_a_rate_does_not_depend_on_where_its_path_begins(history, policy):
    buffered = replace(policy, apc_buffer=replace(policy.apc_buffer, mode="on"))
    closes, portfolios = closes_of(history), static_portfolios(["BTC"])
    for tried in (policy, buffered):
        whole = roll(closes, tried, portfolios, closes.dates[330], closes.dates[380])
        part = roll(closes, tried, portfolios, closes.dates[360], closes.dates[370])
        for long, short in zip(whole, part, strict=True):
            own = long.between(closes.dates[360], closes.dates[370])
            for name in ("rate", "loss", "buffer", "volatility"):
                np.testing.assert_array_equal(getattr(short, name), getattr(own, name))
