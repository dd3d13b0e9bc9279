"""Funding by premium: zero inside the book, signed outside of it, capped."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.model.errors import ModelInputError
from tasks.model.market import funding


def test_the_index_inside_the_book_pays_nothing():
    assert funding.premium(np.array([100.0]), np.array([99.0]), np.array([101.0])).tolist() == [0.0]


def test_longs_pay_above_the_index_and_shorts_below_it():
    premium = funding.premium(np.array([100.0, 100.0]), np.array([102.0, 95.0]), np.array([103.0, 96.0]))
    assert premium.tolist() == pytest.approx([0.02, -0.04])
    assert funding.hourly_rate(premium, 8.0, 0.0075).tolist() == pytest.approx([0.0025, -0.005])


def test_the_rate_is_capped_on_both_sides():
    assert funding.hourly_rate(np.array([0.5, -0.5]), 8.0, 0.0075).tolist() == [0.0075, -0.0075]


def test_a_missing_price_is_no_premium_of_none():
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        funding.premium(np.array([100.0]), np.array([np.nan]), np.array([101.0]))
