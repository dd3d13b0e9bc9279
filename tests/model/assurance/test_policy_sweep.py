"""Shared cubes against the set of each day and policy drawn, revalued and read by itself, from truncated closes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION, Closes
from tasks.model.assurance.policy_sweep import HeldBook, sweep
from tasks.model.margin import apc
from tasks.model.margin.outright import Outright
from tasks.model.policy import ByName
from tasks.model.risk import scenarios
from tasks.model.risk.profit import unit_pnl

DAYS = np.array([430, 431, 459])


@pytest.fixture(scope="module")
def closes():
    draw = np.random.default_rng(3)
    moves = 0.03 * (draw.standard_t(4, 480) + draw.standard_t(4, (2, 480)))
    moves[:, 440:] *= 2.0  # the buffer has something to do
    close = 100.0 * np.exp(np.cumsum(moves, axis=1))
    close[0, 222] = np.nan
    return Closes(("BTC", "ETH"), np.datetime64("2015-01-01") + np.arange(480), close)


@pytest.fixture(scope="module")
def policies(opening_policy):
    def policy(half_life=90.0, period=2, look_back=350, weight=0.25, mode="off", confidence=0.975):
        base = replace(
            opening_policy.base_margin,
            half_life_days=half_life,
            lookback_scenarios=look_back,
            minimum_scenarios=200,
            stressed_weight_fraction=weight,
            confidence_filtered_fraction=confidence,
            liquidation_period_days=replace(
                opening_policy.base_margin.liquidation_period_days, house=ByName({"default": period})
            ),
        )
        buffer = replace(opening_policy.apc_buffer, mode=mode)
        quiet = replace(opening_policy.vol_proxy, noise=0.0)  # a shorter look-back has its own permutation of it
        return replace(opening_policy, base_margin=base, apc_buffer=buffer, vol_proxy=quiet)

    return (
        policy(),
        policy(look_back=250, weight=0.0),
        policy(mode="on", confidence=0.99),
        policy(half_life=20.0, mode="on"),
        policy(period=3),
    )


@pytest.fixture(scope="module")
def book(make_contracts):
    def option(name, form, strike, is_call):
        years, volatility = 20 / 365, 0.7
        return {"underlying": name, "form": form, "strike": strike, "is_call": is_call} | {
            "years_to_expiry": years,
            "volatility": volatility,
        }

    contracts = make_contracts(
        option("BTC", COIN_OPTION, 95.0, False),
        option("BTC", COIN_OPTION, 110.0, True),
        option("ETH", QUOTE_OPTION, 100.0, True),
        {"underlying": "BTC", "form": INVERSE_FORWARD},
        {"underlying": "ETH", "form": LINEAR_FORWARD},
    )
    rows = ([0, -1.0], [1, -2.0], [3, 1.0]), ([2, -1.0], [4, 0.5]), ([0, 1.0], [4, -1.0])
    pointer = np.cumsum([0, *(len(row) for row in rows)])
    index = np.array([int(place) for row in rows for place, _ in row])
    return HeldBook(contracts, pointer, index, np.array([size for row in rows for _, size in row]))


def slow_shortfall(losses, confidence):
    k = losses.shape[1] * (1.0 - confidence)
    worst = np.sort(losses, axis=1)[:, ::-1]
    return np.array([sum(row[: int(k)]) + (k - int(k)) * row[int(k)] for row in worst]) / k


def dense(book):
    held = np.zeros((len(book.pointer) - 1, len(book.contracts.ids)))
    for row in range(len(held)):
        for entry in range(book.pointer[row], book.pointer[row + 1]):
            held[row, book.contract_index[entry]] += book.quantity[entry]
    return held


def alone(book, closes, policy, day):
    """Blended shortfalls of the portfolios, and of one USD of each underlying long and short."""
    known = Closes(closes.underlyings, closes.dates[: day + 1], closes.close[:, : day + 1])
    period = {name: int(policy.base_margin.liquidation_period_days.house[name]) for name in closes.underlyings}
    base, found = policy.base_margin, 0.0
    for draw, confidence, weight in (
        (scenarios.filtered, base.confidence_filtered_fraction, 1.0 - base.stressed_weight_fraction),
        (scenarios.stressed, base.confidence_stressed_fraction, base.stressed_weight_fraction),
    ):
        drawn = draw(known, period, policy)
        gain = np.exp(drawn.spot_return) - 1.0
        losses = np.concatenate([-dense(book) @ unit_pnl(book.contracts, drawn, policy), -gain, gain])
        found = found + weight * slow_shortfall(losses, confidence)
    return found


def test_what_is_shared_equals_every_policy_alone_on_truncated_closes(closes, policies, book):
    found = sweep(lambda day: book, closes, policies, DAYS)
    for i, policy in enumerate(policies):
        for t, day in enumerate(DAYS):
            expected = alone(book, closes, policy, day)
            np.testing.assert_allclose(found.shortfall[i, t], expected[:3], rtol=1e-10)


def test_the_buffer_is_that_of_the_margin_room_day_by_day(closes, policies, book):
    found = sweep(lambda day: book, closes, policies, DAYS)
    assert (found.buffer[[0, 1, 4]] == 0.0).all()
    assert (found.buffer[2:4, 0] == policies[2].apc_buffer.fraction).all()
    for i in (2, 3):
        carried = pl.DataFrame(schema=apc.BUFFER_SCHEMA)
        for t, day in enumerate(DAYS):
            rate = alone(book, closes, policies[i], day)[3:]
            carried = apc.buffer_table(Outright(("BTC", "ETH"), rate[:2], rate[2:]), carried, policies[i])
            np.testing.assert_allclose(found.buffer[i, t], carried["buffer_fraction"].to_numpy(), rtol=1e-9)
    assert (found.buffer[2:4, -1] < policies[2].apc_buffer.fraction).any()


def test_neither_threads_nor_later_closes_nor_other_policies_change_a_bit(closes, policies, book):
    found = sweep(lambda day: book, closes, policies, DAYS)
    assert sweep(lambda day: book, closes, policies, DAYS, threads=2).shortfall.tobytes() == found.shortfall.tobytes()
    alone_ = sweep(lambda day: book, closes, policies[3:4], DAYS)
    assert alone_.shortfall[0].tobytes() == found.shortfall[3].tobytes()
    ends = Closes(closes.underlyings, closes.dates[:460], closes.close[:, :460])
    assert sweep(lambda day: book, ends, policies, DAYS).shortfall.tobytes() == found.shortfall.tobytes()


def test_a_book_that_changes_from_day_to_day_is_margined_as_it_stands(closes, policies, book):
    dearer = book._replace(contracts=replace(book.contracts, volatility=1.5 * book.contracts.volatility))
    books = {430: book, 431: dearer, 459: book._replace(quantity=2.0 * book.quantity)}
    found = sweep(books.__getitem__, closes, policies[:1], DAYS)
    for t, day in enumerate(DAYS.tolist()):
        expected = sweep(lambda _, held=books[day]: held, closes, policies[:1], DAYS[t : t + 1])
        assert found.shortfall[0, t].tobytes() == expected.shortfall[0, 0].tobytes()
