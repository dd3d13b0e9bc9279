"""Option portfolios on made-up markets: prices by the plain formula, and margins from truncated paths."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from tasks.model.arrays import Closes
from tasks.model.assurance.option_paths import grid_losses, option_paths
from tasks.model.assurance.option_portfolios import OPTION_PORTFOLIOS, realised_losses, struck
from tasks.model.market.garch import Garch
from tasks.model.market.simulation import MarketLaw, simulate, smile_of
from tasks.model.risk.grid import grid_pnl

LAW = MarketLaw(Garch(2e-5, 0.08, 0.90), 4.0, 0.01, -0.08, 0.03, 1.1, -0.6, 0.95, 0.02, 0.4)
DAYS = np.arange(400, 404)
NAMES = [each.name for each in OPTION_PORTFOLIOS]


@pytest.fixture(scope="module")
def market():
    return simulate(LAW, "BTC", np.datetime64("2013-07-01"), 405, 5)


@pytest.fixture(scope="module")
def policy(opening_policy):
    base = replace(opening_policy.base_margin, lookback_scenarios=300, minimum_scenarios=250)
    return replace(opening_policy, base_margin=base)


def black(forward, strike, total, right):
    d1 = math.log(forward / strike) / total + total / 2
    side = 1 if right == "C" else -1
    cdf = NormalDist().cdf
    return side * (forward * cdf(side * d1) - strike * cdf(side * (d1 - total)))


def slow_value(market, day, days, strike, forward, right):
    w = float(market.at_the_money(day, np.array([days]))[0]) ** 2 * days / 365
    a, b, rho, mu, s = smile_of(np.array([w]))[0]
    k = math.log(strike / forward)
    return black(forward, strike, math.sqrt(a + b * (rho * (k - mu) + math.sqrt((k - mu) ** 2 + s * s))), right)


def test_losses_are_those_of_the_plain_formula_with_two_days_gone(market):
    day, book = 400, struck(market, 400)
    growth = float(market.closes.close[0, 402] / market.closes.close[0, 400])
    found = realised_losses(market, book, day, 2)
    for place, portfolio in enumerate(OPTION_PORTFOLIOS):
        expected = 0.0
        for right, days, deviations, coins in portfolio.legs:
            if right == "F":
                expected -= coins * (growth - 1.0)
                continue
            money = float(market.at_the_money(day, np.array([days]))[0])
            strike = math.exp(deviations * money * math.sqrt(days / 365))
            before = slow_value(market, day, days, strike, 1.0, right)
            expected -= coins * (slow_value(market, day + 2, days - 2, strike, growth, right) - before)
        assert found[place] == pytest.approx(expected, rel=1e-9, abs=1e-12), portfolio.name
    assert np.isnan(realised_losses(market, book, 403, 2)).all()


def test_rates_know_nothing_of_later_days_and_are_no_less_than_the_grid(market, policy):
    paths = option_paths(market, policy, DAYS)
    assert [path.portfolio.name for path in paths] == NAMES
    closes = market.closes
    short = replace(
        market,
        closes=Closes(closes.underlyings, closes.dates[:402], closes.close[:, :402]),
        variance=market.variance[:402],
        excess=market.excess[:402],
    )
    for found, known in zip(paths, option_paths(short, policy, DAYS[:2]), strict=True):
        assert found.rate[:2].tobytes() == known.rate.tobytes()
        assert np.isnan(known.loss).all() and np.isfinite(found.loss[:3]).all() and np.isnan(found.loss[3])
    scanned = np.stack([grid_losses(struck(market, day), policy) for day in DAYS.tolist()])
    assert all((path.rate >= scanned[:, place]).all() for place, path in enumerate(paths))


def test_grid_losses_are_at_least_the_worst_point_of_each_portfolio(market, policy):
    book = struck(market, 400)
    _, unit = grid_pnl(book.contracts, policy)
    found = grid_losses(book, policy)
    for place, portfolio in enumerate(OPTION_PORTFOLIOS):
        held = slice(book.pointer[place], book.pointer[place + 1])
        worst = max(-sum(q * unit[c] for q, c in zip(book.quantity[held], book.contract_index[held], strict=True)))
        assert found[place] >= max(worst, 0.0) * (1 - 1e-12)
        if len(portfolio.legs) == 1:  # one expiry: nothing rolls against anything but itself
            assert found[place] == pytest.approx(worst)
