"""Causes of breaches against figures worked out by hand."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from tasks.model.arrays import Closes
from tasks.model.assurance.breach_causes import breach_causes
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.static_portfolio import StaticPortfolio, static_portfolios

DAYS = 60
DATES = np.datetime64("2020-01-01") + np.arange(DAYS)
BTC = 100.0 * np.cumprod(np.where(np.arange(DAYS) % 2, 1.02, 1.0 / 1.02))
ETH = np.full(DAYS, 10.0)


def closes() -> Closes:
    btc, eth = BTC.copy(), ETH.copy()
    btc[50:] *= 0.7
    eth[50:] *= 0.9
    return Closes(("BTC", "ETH"), DATES, np.stack([btc, eth]))


def drifting(daily: float) -> Closes:
    return Closes(("BTC", "ETH"), DATES, np.stack([BTC * daily ** np.arange(DAYS), ETH]))


def path(portfolio: StaticPortfolio, losses: dict[int, float]) -> RatePath:
    """A margin of a tenth on every day, and these losses."""
    loss = np.zeros(DAYS)
    loss[list(losses)] = list(losses.values())
    empty = np.full(DAYS, np.nan)
    return RatePath(portfolio, "HOUSE", 2, DATES, np.full(DAYS, 0.1), loss, empty, empty, 0.0)


def named(name: str) -> StaticPortfolio:
    return next(each for each in static_portfolios(("BTC", "ETH")) if each.name == name)


def test_the_coin_that_lost_most_how_far_it_moved_and_what_was_forecast() -> None:
    spread = named("BTC long ETH short")
    lost = 0.5 * 0.3 - 0.5 * 0.1
    (row,) = breach_causes(path(spread, {48: 0.12}), closes(), {"BTC": 2, "ETH": 2}).to_dicts()
    assert (row["date"], row["end_date"], row["factor"]) == (date(2020, 2, 18), date(2020, 2, 20), "BTC")
    assert (row["loss"], row["rate"]) == (0.12, 0.1)
    assert row["factor_move"] == pytest.approx(-0.3, rel=1e-12)  # the same phase of the saw two days later
    assert row["factor_share"] == pytest.approx(0.15 / lost, rel=1e-12), "the other coin gained"
    # the saw's daily returns are +2 % and 1 / 1.02 - 1: every weighting of their squares lies between the two
    assert 1.0 - 1.0 / 1.02 < row["factor_volatility"] < 0.02
    forecast = row["factor_volatility"] * math.sqrt(2)
    assert row["move_in_volatilities"] == pytest.approx(math.log(0.7) / forecast, rel=1e-12)


def test_days_between_breaches_and_none_without_one() -> None:
    found = breach_causes(path(named("BTC long"), {40: 0.2, 41: 0.2, 48: 0.2}), drifting(0.9), {"BTC": 2, "ETH": 2})
    assert found["days_since_breach"].to_list() == [None, 1, 7]
    assert found["days_to_breach"].to_list() == [1, 7, None]
    assert breach_causes(path(named("BTC long"), {40: 0.1}), drifting(0.9), {"BTC": 2, "ETH": 2}).is_empty()


def test_a_volatility_that_is_not_seeded_is_missing() -> None:
    (row,) = breach_causes(path(named("BTC short"), {5: 0.2}), drifting(1.1), {"BTC": 2, "ETH": 2}).to_dicts()
    assert (row["factor_volatility"], row["move_in_volatilities"]) == (None, None)
