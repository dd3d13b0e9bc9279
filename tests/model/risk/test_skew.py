"""Tilts of the smile: odd or even in the strike, flat beyond the wings, none at the money."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.model.arrays import LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.risk.skew import ABS, LINEAR, Tilt, Wings, tilt_factor

WINGS = Wings(smallest=0.01, width=2.0, vol=0.5, vol_per_root_year=0.0)


@pytest.fixture
def strikes(make_contracts):
    """Options of a quarter of a year at exp(-0.9), exp(-0.1), 1, exp(0.1), exp(0.9) of the forward, and a future."""
    return make_contracts(
        *(
            {
                "form": QUOTE_OPTION,
                "strike": 100.0 * math.exp(k),
                "is_call": True,
                "years_to_expiry": 0.25,
                "volatility": 0.6,
            }
            for k in (-0.9, -0.1, 0.0, 0.1, 0.9)
        ),
        {"form": LINEAR_FORWARD},
    )


def test_a_linear_tilt_is_odd_and_an_arch_is_even(strikes):
    # c = 0.2 - 0.2 x 0.5 = 0.1, k* = 0.5 x 2 x 0.5 = 0.5: at |k| = 0.1 a fifth of the height.
    linear = tilt_factor(strikes, Tilt(LINEAR, 0.2, -0.2, 1.0), WINGS)
    assert linear.tolist() == pytest.approx([0.9, 0.98, 1.0, 1.02, 1.1, 1.0])
    arch = tilt_factor(strikes, Tilt(ABS, 0.2, -0.2, 1.0), WINGS)
    assert arch.tolist() == pytest.approx([1.1, 1.02, 1.0, 1.02, 1.1, 1.0])


def test_wings_that_begin_at_once_hold_every_strike(strikes):
    at_once = Wings(smallest=0.0, width=0.0, vol=0.0, vol_per_root_year=0.0)
    assert tilt_factor(strikes, Tilt(ABS, 0.2, 0.0, 1.0), at_once)[:5].tolist() == [1.2] * 5
    assert tilt_factor(strikes, Tilt(LINEAR, 0.2, 0.0, 1.0), at_once)[[0, 2, 4]].tolist() == [0.8, 1.0, 1.2]


def test_no_tilt_takes_a_volatility_below_zero(strikes):
    factor = tilt_factor(strikes, Tilt(LINEAR, 3.0, 0.0, 1.0), WINGS)
    assert factor[0] == 0.0
    assert np.all(factor >= 0.0)
