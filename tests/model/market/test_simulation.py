"""Made-up markets: the law they are drawn from, and surfaces a market could quote."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.model.market.garch import Garch
from tasks.model.market.simulation import MarketLaw, simulate, smile_of
from tasks.model.market.svi import Svi

FIRST = np.datetime64("2013-07-01")
LAW = MarketLaw(Garch(2e-5, 0.08, 0.90), 6.0, 0.01, -0.08, 0.03, 1.1, -0.6, 0.95, 0.02, 0.4)


def test_spot_has_the_variance_and_the_jumps_of_its_law():
    law = replace(LAW, jump_probability=0.0)
    returns = np.diff(np.log(simulate(law, "BTC", FIRST, 40_001, 1).closes.close[0]))
    assert returns.var() == pytest.approx(1e-3, rel=0.2)  # clusters and fat tails leave that much error
    with_jumps = np.diff(np.log(simulate(LAW, "BTC", FIRST, 40_001, 1).closes.close[0]))
    assert with_jumps.mean() == pytest.approx(0.01 * -0.08, abs=5e-4)
    assert np.corrcoef(returns[:-1] ** 2, returns[1:] ** 2)[0, 1] > 0.05


def test_variance_follows_its_recursion_and_the_seed_gives_the_path_back():
    market = simulate(LAW, "BTC", FIRST, 500, 2)
    returns = np.diff(np.log(market.closes.close[0]))
    expected = 2e-5 + 0.08 * returns**2 + 0.90 * market.variance[:-1]
    np.testing.assert_allclose(market.variance[1:], expected, rtol=1e-9)
    again, other = simulate(LAW, "BTC", FIRST, 500, 2), simulate(LAW, "BTC", FIRST, 500, 3)
    assert again.closes.close.tobytes() == market.closes.close.tobytes()
    assert other.closes.close.tobytes() != market.closes.close.tobytes()
    assert simulate(LAW, "BTC", FIRST, 400, 2).closes.dates[-1] == market.closes.dates[399]


def test_volatility_at_the_money_is_the_mean_of_the_variance_expected_over_the_tenor():
    market = simulate(LAW, "BTC", FIRST, 300, 4)
    for day in (50, 299):
        expected = [LAW.variance.forecast(float(market.variance[day]), ahead) for ahead in range(30)]
        plain = 1.1 * np.sqrt(365.0 * np.mean(expected))
        found = market.at_the_money(day, np.array([30.0, 1e6]))
        assert found[0] == pytest.approx(plain * np.exp(market.excess[day]), rel=1e-12)
        far = 1.1 * np.sqrt(365.0 * 1e-3) * np.exp(market.excess[day] * (30 / 1e6) ** 0.4)
        assert found[1] == pytest.approx(far, rel=1e-3)


def test_smiles_meet_the_money_and_admit_no_butterfly():
    variance = np.array([0.001, 0.02, 0.3])
    for w, smile in zip(variance, smile_of(variance).tolist(), strict=True):
        slice_ = Svi(*smile)
        assert slice_.total_variance(np.zeros(1))[0] == pytest.approx(w, rel=1e-12)
        assert (slice_.density(np.linspace(-1.5, 1.5, 301)) >= 0.0).all()
