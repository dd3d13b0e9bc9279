"""Cost of closing out: both branches by hand, the golden laws, and what must hold of any size and market."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.risk.liquidity import close_out_cost, half_spread


def cost(size, volume, *, spread=0.0005, move=0.04, margin=0.0, horizon=2.0, share=0.1, factor=1.0) -> float:
    values = (np.array([float(each)]) for each in (size, volume, spread, move, margin, horizon))
    return float(close_out_cost(*values, share, factor)[0])


def test_within_the_period_by_hand() -> None:
    # 1 m of a daily 100 m: spread 500, impact 4 % x sqrt(1 / 100) = 0.4 %: 4,000.
    assert cost(1e6, 1e8) == pytest.approx(500 + 4000, rel=1e-12)


def test_beyond_the_period_by_hand() -> None:
    # 80 m at 10 m a day take 8 days of 2: margin doubles. Spread 40,000, impact 80 m x 4 % x sqrt(0.1).
    expected = 40_000 + 80e6 * 0.04 * math.sqrt(0.1) + 16e6 * (math.sqrt(4) - 1)
    assert cost(80e6, 1e8, margin=16e6) == pytest.approx(expected, rel=1e-12)


def test_just_beyond_the_period_it_costs_what_it_costs_at_its_end() -> None:
    at_end, beyond = cost(20e6, 1e8, margin=0.0), cost(20.001e6, 1e8, margin=0.0)
    assert at_end == pytest.approx(20e6 * (0.0005 + 0.04 * math.sqrt(0.2)), rel=1e-12)
    assert beyond > at_end


def test_a_tail_that_gains_lowers_nothing() -> None:
    assert cost(80e6, 1e8, margin=-16e6) == cost(80e6, 1e8, margin=0.0)


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        (79990.0, 80010.0, 20 / 160000),
        (100.0, 100.0, None),
        (101.0, 100.0, None),
        (0.0, 1.0, None),
        (np.nan, 1.0, None),
    ],
)
def test_half_spread_needs_two_sides(bid: float, ask: float, expected: float | None) -> None:
    found = half_spread(np.array([bid]), np.array([ask]))[0]
    assert np.isnan(found) if expected is None else found == pytest.approx(expected, rel=1e-15)


amounts = st.floats(0, 1e10)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    size=amounts,
    volume=st.floats(1, 1e10),
    more=st.floats(1, 100),
    margin=st.floats(-1e9, 1e9),
    horizon=st.integers(1, 10),
    share=st.floats(0.01, 1),
    spread=st.floats(0, 0.2),
)
def test_more_depth_never_costs_more_and_more_size_never_less(
    size: float, volume: float, more: float, margin: float, horizon: int, share: float, spread: float
) -> None:
    def paid(size: float, volume: float, spread: float) -> float:
        return cost(size, volume, spread=spread, margin=margin, horizon=horizon, share=share)

    now = paid(size, volume, spread)
    slack = 1e-9 * (now + 1)
    assert now >= 0
    assert paid(size, volume * more, spread) <= now + slack
    assert paid(size, volume, spread / more) <= now + slack
    assert paid(size * more, volume, spread) >= now - slack
