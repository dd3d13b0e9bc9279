"""The grid's loss of a row: the worst point, or every expiry rolling against it where that costs more."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from tasks.model.arrays import LINEAR_FORWARD
from tasks.model.margin.portfolio import Book
from tasks.model.margin.tails import readings

YEAR = {"form": LINEAR_FORWARD, "underlying": "BTC", "years_to_expiry": 1.0}
HALF = {"form": LINEAR_FORWARD, "underlying": "BTC", "years_to_expiry": 0.5}
DYING = {"form": LINEAR_FORWARD, "underlying": "BTC", "years_to_expiry": 1 / 365}


@pytest.fixture
def read(make_contracts, opening_policy):
    """Grid losses and causes of the whole and of what lasts, of one house account with these entries."""

    def of(*entries):
        contracts = make_contracts(*(terms for terms, _ in entries))
        portfolio = {
            "clearing_member_id": ["M001"],
            "margin_account_id": ["M001H"],
            "client_id": [""],
            "account_type": ["HOUSE"],
            "portfolio": [0],
        }
        n = len(entries)
        book = Book(
            portfolios=pl.DataFrame(portfolio),
            positions=pl.DataFrame(portfolio).clear(),
            contracts=contracts,
            row_portfolio=np.array([0]),
            row_underlying=np.array([0]),
            pointer=np.array([0, n]),
            contract_index=np.arange(n),
            quantity=np.array([float(quantity) for _, quantity in entries]),
            mark_uncertainty=np.zeros(n),
            has_smile=np.zeros(len(contracts.slices.days), dtype=np.bool_),
        )
        found = readings(book, [], opening_policy)
        return [(each.row_grid.loss[0], each.row_grid.worst_id[0]) for each in (found.whole, found.lasting)]

    return of


def test_an_outright_future_is_bound_by_its_price_range(read):
    assert read((YEAR, 3))[0] == (pytest.approx(36.0), "G-1.00R/DOWN")


def test_a_calendar_spread_is_bound_by_its_roll(read):
    # Long a year, short half a year, BTC at 100: the far one falls, the near one rises.
    far, near = 100 * (1 - math.exp(-0.075)), 100 * math.expm1(0.0375)
    assert read((YEAR, 1), (HALF, -1))[0] == (pytest.approx(far + near), "ROLL")


def test_what_expires_rolls_no_more(read):
    whole, lasting = read((YEAR, 1), (DYING, -1))
    assert whole == (pytest.approx(100 * (1 - math.exp(-0.075)) + 1.0), "ROLL")
    assert lasting == (pytest.approx(12.0), "G-1.00R/DOWN")
