"""Funding as a part: longs above the index pay, receivers are not credited, dated futures and options pay none."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.model.arrays import LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError
from tasks.model.margin.reference.funding_part import FundingPart, funding_charge
from tasks.model.margin.reference.parts import Group

PART = FundingPart(8.0, 8.0, 0.01)


def charge(make_contracts, mark, *quantities, part=PART):
    """Each account holds so many perpetuals at a mark with the index at 100, and five calls."""
    option = {"form": QUOTE_OPTION, "strike": 90.0, "is_call": True, "years_to_expiry": 0.1, "volatility": 0.5}
    contracts = make_contracts({"form": LINEAR_FORWARD, "forward": mark}, {**option, "forward": 130.0})
    rows, held = len(quantities), [each for quantity in quantities for each in (quantity, 5.0)]
    group = Group(
        "BTC", contracts, rows, np.repeat(np.arange(rows), 2), np.tile([0, 1], rows), np.array(held), np.ones(2)
    )
    return funding_charge(group, part).amount


def test_who_pays_is_charged_the_premium_once_over_its_hours(make_contracts):
    assert charge(make_contracts, 102.0, 10.0, -10.0).tolist() == pytest.approx([0.02 * 10 * 100, 0.0])
    assert charge(make_contracts, 98.0, 10.0, -10.0).tolist() == pytest.approx([0.0, 0.02 * 10 * 100])


def test_the_rate_is_capped(make_contracts):
    assert charge(make_contracts, 150.0, 1.0).tolist() == pytest.approx([0.01 * 8 * 100])


def test_a_missing_mark_is_refused(make_contracts):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        charge(make_contracts, np.nan, 1.0)
