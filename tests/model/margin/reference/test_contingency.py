"""Charges beside the scenarios, and how parts become one figure."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.model.errors import ModelInputError
from tasks.model.margin.reference.composition import composed
from tasks.model.margin.reference.contingency import Basis, Depeg, Doubt, basis_loss, depeg_share, doubt


def test_doubt_costs_below_the_threshold_alone():
    confidence = np.array([1.0, 0.55, 0.54, 0.0])
    charge = doubt(confidence, np.full(4, 1000.0), Doubt(0.55, 0.5))
    assert charge.tolist() == pytest.approx([0.0, 0.0, 0.46 * 0.5 * 1000, 500.0])


def test_a_peg_costs_the_distance_below_its_threshold():
    assert float(depeg_share(0.97, Depeg(0.99, 4.0))) == pytest.approx(0.08)
    assert float(depeg_share(1.02, Depeg(0.99, 4.0))) == 0.0


def test_the_worse_basis_move_counts_and_more_so_later():
    rule = Basis(1.05, 0.95, 0.5, 2.0)
    up, down = np.array([-10.0, 4.0, 3.0]), np.array([2.0, -8.0, 1.0])
    assert basis_loss(up, down, np.array([0.0, 0.25, 1.0]), rule).tolist() == [5.0, 8.0, 0.0]


@pytest.mark.parametrize(
    "charge",
    [
        lambda nan: doubt(nan, np.ones(1), Doubt(0.5, 1.0)),
        lambda nan: doubt(np.zeros(1), nan, Doubt(0.5, 1.0)),
        lambda nan: depeg_share(nan, Depeg(0.99, 4.0)),
        lambda nan: basis_loss(nan, np.ones(1), np.ones(1), Basis(1.05, 0.95, 0.5, 2.0)),
        lambda nan: composed([np.ones(1)], [nan]),
        lambda nan: composed([np.ones(1), nan], []),
        lambda nan: composed([np.ones(1)], [], nan),
    ],
)
def test_a_missing_figure_never_charges_less(charge):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        charge(np.array([np.nan]))


def test_the_worst_alternative_holds_additions_come_on_top_and_the_floor_last():
    alternatives = [np.array([3.0, 1.0, 0.0]), np.array([2.0, 5.0, 0.0])]
    additions = [np.array([1.0, 1.0, 0.5]), np.array([0.5, 0.0, 0.0])]
    assert composed(alternatives, additions, np.array([0.0, 7.0, 0.25])).tolist() == [4.5, 7.0, 0.5]
