"""SSVI against its own law, and its conditions against the certificate of its slices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.market.certificate import butterfly, certify
from tasks.model.market.ssvi import Ssvi
from tasks.model.market.svi import Svi

surfaces = st.builds(Ssvi, rho=st.floats(-0.95, 0.95), eta=st.floats(0.05, 4.0), gamma=st.floats(0.05, 0.5))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(surfaces, st.floats(1e-4, 2.0), st.floats(-1.5, 1.5))
def test_a_slice_follows_the_law(surface, theta, k):
    phi = surface.eta / (theta**surface.gamma * (1 + theta) ** (1 - surface.gamma))
    law = theta / 2 * (1 + surface.rho * phi * k + math.sqrt((phi * k + surface.rho) ** 2 + 1 - surface.rho**2))
    assert surface.slice(theta).total_variance(np.array([k]))[0] == pytest.approx(law, rel=1e-9, abs=1e-15)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(surfaces, st.floats(1e-3, 1.0), st.floats(1.0, 3.0))
def test_a_surface_within_its_condition_has_no_arbitrage(surface, theta, growth):
    if surface.is_free_of_arbitrage:
        front, back = surface.slice(theta), surface.slice(theta * growth)
        found = certify(back, front)
        assert found.min_g >= -1e-9 and found.min_calendar_gap >= -1e-12
        assert surface.wings_are_bounded(theta) and surface.bend_is_bounded(theta)


def test_a_bend_beyond_its_bound_makes_a_butterfly():
    surface = Ssvi(rho=-0.7, eta=6.0, gamma=0.5)
    assert surface.wings_are_bounded(0.04) and not surface.bend_is_bounded(0.04) and not surface.is_free_of_arbitrage
    found = butterfly(surface.slice(0.04))
    assert found is not None and found.min_g < 0.0 and found.first <= found.at <= found.last


def test_a_slice_without_arbitrage_has_no_butterfly():
    assert butterfly(Ssvi(-0.3, 1.0, 0.5).slice(0.04)) is None


def test_a_butterfly_that_reaches_the_end_of_the_range_ends_there():
    svi = Svi(-0.2, 0.9, 0.9, 0.0, 0.3)
    k = np.linspace(-1.5, 1.5, 30_001)
    negative = k[svi.density(k) < 0.0]
    found = butterfly(svi)
    assert found is not None
    assert [found.first, found.last] == pytest.approx([negative[0], negative[-1]], abs=2e-4)
