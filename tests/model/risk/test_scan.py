"""What a scan says: worst scenario, its pair, price risk per unit of delta, and the delta weighted over price moves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from tasks.model.arrays import INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError
from tasks.model.risk.grid import Point, ScenarioGrid, VolShock
from tasks.model.risk.scan import composite_delta, pairs, price_risk, scan, still

POINTS = (
    Point("1", vol=1.0),
    Point("2", vol=-1.0),
    Point("3", share=-1.0, vol=1.0),
    Point("4", share=-1.0, vol=-1.0),
    Point("5", share=-3.0, weight=0.33),
)
GRID = ScenarioGrid(POINTS, 0.15, VolShock(0.25, 0.25))


def test_scan_risk_is_the_worst_loss_and_never_a_gain():
    found = scan(np.array([[1.0, 7.0, 7.0], [-3.0, -2.0, -5.0]]))
    assert found.risk.tolist() == [7.0, 0.0]
    assert found.active.tolist() == [1, 1]


def test_a_missing_loss_is_refused():
    with pytest.raises(ModelInputError):
        scan(np.array([[1.0, np.nan]]))


def test_scenarios_pair_with_the_other_volatility_at_the_same_price():
    assert pairs(GRID).tolist() == [1, 0, 3, 2, 4]
    assert still(GRID) == 0


def test_a_grid_without_a_still_price_is_refused():
    with pytest.raises(ModelInputError):
        still(ScenarioGrid(POINTS[2:], 0.15, VolShock(0.25, 0.25)))


def test_price_risk_takes_volatility_and_time_out():
    # Worst is the third, 90; its pair 50: adjusted 70. Still prices 20 and -10: time 5. Price 65 over a delta of 2.
    losses = np.array([[20.0, -10.0, 90.0, 50.0, 10.0]] * 2)
    found = price_risk(losses, pairs(GRID), still(GRID), np.array([-2.0, 0.0]))
    assert [each.tolist() for each in found] == [[70.0, 70.0], [5.0, 5.0], [65.0, 65.0], [32.5, 0.0]]


def test_delta_is_weighted_over_price_moves_after_the_look_ahead(make_contracts):
    option = {"form": QUOTE_OPTION, "strike": 105.0, "is_call": True, "years_to_expiry": 30 / 365, "volatility": 0.6}
    contracts = make_contracts(option, {"form": LINEAR_FORWARD}, {"form": INVERSE_FORWARD, "multiplier": 10.0})
    grid = ScenarioGrid(POINTS, 0.15, VolShock(0.25, 0.25), lookahead_days=1.0)
    shares, weights = [0.0, 1.0, -1.0], [0.5, 0.2, 0.1]
    found = composite_delta(contracts, grid, np.array(shares), np.array(weights))
    deviation = 0.6 * math.sqrt(29 / 365)
    by_share = [norm.cdf(math.log((100 + 15 * s) / 105) / deviation + deviation / 2) for s in shares]
    assert found[0] == pytest.approx(sum(w * d for w, d in zip(weights, by_share, strict=True)), rel=1e-12)
    assert found[1] == pytest.approx(0.8, rel=1e-12)
    # A contract of 10 USD is worth 10 / F coins of delta.
    assert found[2] == pytest.approx(0.5 * 0.1 + 0.2 * 10 / 115 + 0.1 * 10 / 85, rel=1e-12)
