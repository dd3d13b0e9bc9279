"""What a portfolio's tail would be with a trade more."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.model.errors import ModelInputError
from tasks.model.pricing.cube import Cube
from tasks.model.risk.profit import sum_positions
from tasks.model.risk.what_if import tail_with

TABLE = np.random.default_rng(41).normal(size=(6, 100))
CUBE = Cube.of(TABLE)
PNL = sum_positions(np.array([0, 2]), np.array([0, 3]), np.array([1.0, -2.0]), CUBE)[0]


def test_a_trade_is_added_to_what_is_held():
    found = tail_with(PNL, CUBE, np.array([3, 5]), np.array([2.0, 1.0]), 0.975)
    loss = np.sort(-(TABLE[0] + TABLE[5]))[::-1]
    assert float(found.shortfall) == pytest.approx((loss[0] + loss[1] + 0.5 * loss[2]) / 2.5, rel=1e-12)
    assert int(found.worst) == int(np.argmin(TABLE[0] + TABLE[5]))


def test_what_undoes_a_portfolio_leaves_no_tail():
    found = tail_with(PNL, CUBE, np.array([0, 3]), np.array([-1.0, 2.0]), 0.99)
    assert float(found.shortfall) == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_missing_size_is_refused(bad):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        tail_with(PNL, CUBE, np.array([1]), np.array([bad]), 0.99)


@pytest.mark.parametrize("leg", [-1, 6])
def test_a_contract_that_is_not_there_is_refused(leg):
    with pytest.raises(ModelInputError, match="SHAPE"):
        tail_with(PNL, CUBE, np.array([leg]), np.array([1.0]), 0.99)


def test_pnl_of_another_cube_is_refused():
    with pytest.raises(ModelInputError, match="SHAPE"):
        tail_with(PNL[:64], CUBE, np.array([1]), np.array([1.0]), 0.99)
