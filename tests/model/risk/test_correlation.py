"""Other pairings of underlyings: worked by hand, a normal law with its closed form, and properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tasks.model.risk.correlation import repaired_shortfall
from tasks.model.risk.tail import expected_shortfall

ONE = np.array([0])


def test_three_scenarios_by_hand() -> None:
    # Long both: returns fall on different days, so together they never lose more than 2.
    pnl = np.array([[-3.0, 1.0, 1.0], [1.0, 1.0, -3.0]])
    found = repaired_shortfall(pnl, ONE, np.array([0, 1]), pnl, 2 / 3, 2)
    # By rank both worst days meet: 6. Shifted by one day the pairs are (-3, 1), (1, -3), (1, 1): 2; by two days
    # (-3, -3): 6. Their mean is 4.
    assert found.comonotone == pytest.approx([6.0])
    assert found.independent == pytest.approx([4.0])


def test_a_portfolio_in_one_underlying_keeps_its_shortfall() -> None:
    pnl = np.random.default_rng(3).standard_normal((1, 90))
    found = repaired_shortfall(pnl, ONE, np.array([0]), pnl, 0.975, 8)
    for figure in found:
        assert figure == pytest.approx(expected_shortfall(-pnl, 0.975), rel=1e-12)


@pytest.mark.golden
def test_golden_correlation_break(golden, agrees) -> None:
    """The golden book's value at risk by correlation, and the pairings against the same law's shortfall."""
    for case in golden("correlation_break"):
        notional, vol = (np.array(case["inputs"][name]) for name in ("notional", "vol"))
        rho = np.array(case["inputs"]["rho"])
        deviation = np.sqrt(((notional * vol) ** 2).sum() + 2 * rho * np.prod(notional * vol))
        assert agrees(2.3263478740408408 * deviation, case["expected"]["var99"], case["tolerance"])
        # Draws at rho = 0.9: paired by rank the hedge is all but perfect (rho = 1), shifted there is none (rho = 0).
        draw = np.random.default_rng(11).standard_normal((2, 20_000))
        moves = vol[:, None] * np.stack([draw[0], rho[0] * draw[0] + math.sqrt(1 - rho[0] ** 2) * draw[1]])
        pnl = notional[:, None] * moves
        found = repaired_shortfall(pnl, ONE, np.array([0, 1]), moves, 0.99, 8)
        per_deviation = 2.6652142203458  # E[Z | Z beyond its 99 % quantile]
        assert found.independent[0] == pytest.approx(per_deviation * deviation[2], rel=0.02)
        assert found.comonotone[0] == pytest.approx(per_deviation * abs((notional * vol).sum()), rel=0.1)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(arrays.arrays(np.float64, (4, 36), elements=st.floats(-1e3, 1e3)), st.sampled_from([0.9, 0.975]))
def test_pairings_are_sub_additive(pnl, confidence: float) -> None:
    moves, place = pnl[:2], np.array([0, 1])
    one, two, both = (
        repaired_shortfall(each, ONE, place, moves, confidence, 8) for each in (pnl[:2], pnl[2:], pnl[:2] + pnl[2:])
    )
    for whole, *parts in zip(both, one, two, strict=True):
        assert whole[0] <= parts[0][0] + parts[1][0] + 1e-6


def test_what_others_hold_and_the_order_of_portfolios_change_nothing() -> None:
    draw = np.random.default_rng(5)
    moves, pnl = draw.standard_normal((3, 45)), draw.standard_normal((4, 45))
    together = repaired_shortfall(pnl, np.array([0, 2]), np.array([0, 2, 1, 2]), moves, 0.95, 8)
    alone = repaired_shortfall(pnl[2:], ONE, np.array([1, 2]), moves, 0.95, 8)
    assert together.comonotone[1] == alone.comonotone[0]
    assert together.independent[1] == alone.independent[0]
