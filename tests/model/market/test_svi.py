"""Raw SVI against published slices, finite differences and its own jump wings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.market import svi_fit
from tasks.model.market.certificate import RANGE, certify, repaired, without_butterfly
from tasks.model.market.svi import JumpWings, Svi, from_jump_wings, jump_wings

VOGT = Svi(-0.041, 0.1331, 0.306, 0.3586, 0.4153)
slices = st.builds(
    Svi,
    a=st.floats(0.001, 0.5),
    b=st.floats(0.01, 1.0),
    rho=st.floats(-0.9, 0.9),
    mu=st.floats(-0.5, 0.5),
    s=st.floats(0.05, 1.0),
)


def test_the_guaranteed_wings_are_the_published_ones():
    # Gatheral and Jacquier, example 5.1: c' = p + 2 psi and v' = v 4 p c' / (p + c')^2.
    sure = without_butterfly(jump_wings(VOGT, 1.0))
    assert (sure.c, sure.v_min) == (pytest.approx(0.3493158, abs=1e-7), pytest.approx(0.0154818, abs=1e-7))


def test_a_repair_keeps_the_money_and_takes_the_first_step_that_passes():
    found = repaired(VOGT, 1.0, None)
    assert not certify(VOGT, None).passes and certify(found, None).passes
    before, after = jump_wings(VOGT, 1.0), jump_wings(found, 1.0)
    assert [after.v, after.psi, after.p] == pytest.approx([before.v, before.psi, before.p], rel=1e-6)
    assert before.c > after.c > without_butterfly(before).c


def test_a_repair_lifts_a_slice_above_the_expiry_before():
    before = Svi(0.05, 0.08, -0.2, 0.0, 0.2)
    found = repaired(Svi(0.03, 0.08, -0.2, 0.0, 0.2), 1.0, before)
    assert certify(found, before).passes
    assert found.a == pytest.approx(0.05, rel=1e-5)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(slices, st.floats(-1.5, 1.5))
def test_derivatives_are_those_of_finite_differences(slice_, k):
    step = 1e-4
    shape = slice_.shape(np.array([k]))
    down, here, up = slice_.total_variance(np.array([k - step, k, k + step]))
    assert shape.slope[0] == pytest.approx((up - down) / (2 * step), rel=1e-3, abs=1e-5)
    assert shape.curvature[0] == pytest.approx((up - 2 * here + down) / step**2, rel=1e-2, abs=1e-4)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(slices)
def test_the_density_is_that_of_black_prices(slice_):
    """g is the risk-neutral density of ln K over the normal one: here from second differences of call prices."""
    k = np.linspace(-0.4, 0.4, 9)
    step = 1e-3

    def call(x):
        w = slice_.total_variance(x)
        cdf = np.vectorize(lambda d: 0.5 * math.erfc(-d / math.sqrt(2.0)))
        d1 = -x / np.sqrt(w) + np.sqrt(w) / 2
        return cdf(d1) - np.exp(x) * cdf(d1 - np.sqrt(w))

    strikes = np.exp(k)
    down, here, up = (call(np.log(strikes + shift)) for shift in (-step, 0.0, step))
    w = slice_.total_variance(k)
    d2 = -k / np.sqrt(w) - np.sqrt(w) / 2
    normal = np.exp(-d2 * d2 / 2) / np.sqrt(2 * np.pi * w) / strikes
    assert slice_.density(k) * normal == pytest.approx((up - 2 * here + down) / step**2, rel=2e-2, abs=2e-3)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(slices, st.floats(0.01, 2.0))
def test_jump_wings_lead_back_to_the_raw_slice(slice_, years):
    k = np.linspace(-RANGE, RANGE, 31)
    beta = slice_.mu / math.hypot(slice_.mu, slice_.s)
    back = from_jump_wings(jump_wings(slice_, years), years)
    if back is None:
        assert slice_.rho == pytest.approx(beta, abs=1e-6), "only a smile lowest at the money is undetermined"
    elif abs(slice_.rho - beta) > 1e-3:  # nearer to that case digits are lost
        assert back.total_variance(k) == pytest.approx(slice_.total_variance(k), rel=1e-6)


def test_wings_that_are_no_slice_determine_none():
    assert from_jump_wings(JumpWings(0.04, 0.0, 0.0, 0.0, 0.03), 1.0) is None
    assert from_jump_wings(JumpWings(0.04, 0.0, 0.5, 0.5, 0.04), 1.0) is None
    assert from_jump_wings(JumpWings(0.04, 3.0, 0.5, 0.5, 0.03), 1.0) is None


@settings(derandomize=True, deadline=None, max_examples=60)
@given(slices, st.floats(0.05, 1.0))
def test_scaling_down_never_makes_a_butterfly(slice_, factor):
    if certify(slice_, None).passes:
        assert certify(slice_.scaled(factor), None).min_g >= -1e-12


def test_a_variance_that_is_not_above_zero_has_no_density():
    assert Svi(-0.2, 0.1, 0.0, 0.0, 0.1).density(np.array([0.0]))[0] == -math.inf


def test_the_wing_cap_is_the_smaller_of_two():
    assert svi_fit.wing_cap(0.04) == pytest.approx(0.3)
    assert svi_fit.wing_cap(4.0) == 2.0
