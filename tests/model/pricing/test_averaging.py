"""A running settlement average: sensitivities are the slope of what still floats, and a fixing has its limits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION, States
from tasks.model.errors import ModelInputError
from tasks.model.pricing.revaluation import revalue, sensitivities

OPTION = {"strike": 98.0, "is_call": True, "years_to_expiry": 0.2, "volatility": 0.7}
PLAIN = {"index_price": 100.0, "forward": 102.0, "multiplier": 3.0}


@pytest.mark.parametrize("form", [LINEAR_FORWARD, INVERSE_FORWARD, COIN_OPTION, QUOTE_OPTION])
@pytest.mark.parametrize("fixed", [0.0, 40.0, 101.0])
def test_delta_and_gamma_are_the_slope_of_the_revaluation(make_contracts, form, fixed):
    terms = OPTION if form in (COIN_OPTION, QUOTE_OPTION) else {}
    contracts = make_contracts({"form": form, "fixed_part": fixed, **PLAIN, **terms})
    step = 1e-3
    moved = replace(States.still(contracts, 2), spot_factor=np.array([[1 - step, 1 + step]]))
    down, up = revalue(contracts, moved)[0]
    found = sensitivities(contracts)
    assert found.delta[0] == pytest.approx((up - down) / (2 * step * 100), rel=1e-5, abs=1e-7)
    if terms:
        assert found.gamma[0] == pytest.approx((up + down) / (step * 100) ** 2, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_linear_future_moves_by_its_floating_share(make_contracts, share):
    contracts = make_contracts({"form": LINEAR_FORWARD, "fixed_part": share * 102.0, **PLAIN})
    moved = replace(States.still(contracts, 1), spot_factor=np.array([[0.5]]))
    assert revalue(contracts, moved)[0, 0] == pytest.approx(-3.0 * 51.0 * (1 - share), abs=1e-12)


@pytest.mark.parametrize("fixed", [-1.0, 102.5, math.nan])
def test_a_fixing_beyond_the_forward_is_refused(make_contracts, fixed):
    contracts = make_contracts({"form": LINEAR_FORWARD, "fixed_part": fixed, **PLAIN})
    with pytest.raises(ModelInputError):
        sensitivities(contracts)
