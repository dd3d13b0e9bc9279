"""Levels of the house's own book, each worked out by hand; what is missing is never quiet."""

from __future__ import annotations

from math import isnan

import polars as pl
import pytest

from tasks.model.assurance.house_levels import HouseBook, house_levels, notional
from tasks.triggers import terms

NOTHING = {
    "liquidity": ("underlying", "half_spread_fraction", "spread_quality", "daily_volume_usd", "volume_quality"),
    "depth": ("underlying", "contract_id", "size", "size_before"),
    "members": ("clearing_member_id", "surveillance_level", "credit_score", "credit_score_before"),
    "risk": ("underlying", "clearing_member_id", "filtered_es_usd"),
    "delta": ("underlying", "clearing_member_id", "margin_account_id", "delta", "index_price"),
    "leverage": (
        "margin_account_id",
        "effective_leverage",
        "outright_leverage",
        "gross_delta_notional_usd",
    ),
}


@pytest.fixture
def levels(opening_policy):
    def of(**tables):
        frames = {
            name: pl.DataFrame(tables.get(name, []), schema=list(columns), orient="row", infer_schema_length=None)
            for name, columns in NOTHING.items()
        }
        found = house_levels(HouseBook(**frames), opening_policy, terms().triggers)
        return {(each.subject, each.trigger): each.level for each in found}

    return of


def test_a_book_without_anything_has_no_level(levels):
    assert levels() == {}


def test_a_market_is_held_against_what_the_policy_declares(levels):
    """Declared for BTC: half a spread of 0.0005, 1e10 USD a day."""
    found = levels(liquidity=[("BTC", 0.0015, "OK", 4e9, "OK"), ("ETH", 0.0008, "PROXY", 5e9, "PROXY")])
    assert found["BTC", "spread_rise"] == pytest.approx(3.0)
    assert found["BTC", "volume_fall"] == pytest.approx(2.5)
    assert isnan(found["ETH", "spread_rise"]), "a declared figure says nothing of the market"
    assert isnan(found["ETH", "volume_fall"])


def test_one_thin_book_is_no_thin_market(levels):
    books = [("BTC", "A", 10.0, 10.0), ("BTC", "B", 1.0, 50.0), ("BTC", "C", 5.0, 15.0)]
    assert levels(depth=books)["BTC", "depth_fall"] == pytest.approx(3.0)


def test_an_order_book_that_is_gone_has_fallen_as_far_as_there_is(levels):
    """The highest level of the trigger is 100. What nothing was known of the cycle before cannot be told."""
    books = [("BTC", "A", 10.0, 10.0), ("BTC", "B", None, 50.0), ("BTC", "C", None, 5.0), ("BTC", "D", 7.0, None)]
    found = levels(depth=[*books, ("ETH", "E", 5.0, None), ("SOL", "F", None, None), ("XRP", "G", None, 1.0)])
    assert found["BTC", "depth_fall"] == 100.0, "the median of 1, 100 and 100"
    assert isnan(found["ETH", "depth_fall"])
    assert isnan(found["SOL", "depth_fall"])
    assert found["XRP", "depth_fall"] == 100.0


def test_ratings_are_steps_and_falls(levels):
    found = levels(members=[("M1", 2, 80.0, 95.0), ("M2", None, None, 40.0), ("M3", 0, 90.0, None)])
    assert found["M1", "credit_step"] == 0.25
    assert found["M1", "credit_fall"] == 15.0
    assert found["M2", "credit_step"] == 0.50, "without a rating the highest step"
    assert isnan(found["M2", "credit_fall"])
    assert found["M3", "credit_step"] == 0.0


def test_the_largest_member_s_share_counts_losses_alone(levels):
    found = levels(risk=[("ALL", "M1", 40.0), ("ALL", "M1", 20.0), ("ALL", "M2", 40.0), ("BTC", "M2", -5.0)])
    assert found["HOUSE", "member_share"] == pytest.approx(0.6)
    assert isnan(found["BTC", "member_share"])


def test_close_out_time_nets_within_a_member(levels):
    """M1 is net 3 coins at 1e9 USD: 3e9 over a tenth of 1e10 a day is 3 days, of a period of 2."""
    delta = [("BTC", "M1", "M1H", 4.0, 1e9), ("BTC", "M1", "M1C", -1.0, 1e9), ("BTC", "M2", "M2H", -2.0, 1e9)]
    found = levels(delta=delta, liquidity=[("BTC", 0.0005, "OK", 1e10, "OK")])
    assert found["BTC", "close_out_time"] == pytest.approx(1.5)
    assert isnan(levels(delta=delta)["BTC", "close_out_time"])
    frame = pl.DataFrame(delta, schema=list(NOTHING["delta"]), orient="row")
    assert notional(frame) == pytest.approx({"BTC": 7e9})


def test_leverage_is_told_against_the_nearer_cap(levels):
    """Caps of 8 outright and 20 hedged. Positions without equity stand at the highest level there is."""
    found = levels(
        leverage=[("A", 10.0, 6.0, 1e6), ("B", 19.0, 1.0, 1e6), ("C", None, None, 1e6), ("D", None, None, 0.0)]
    )
    assert found["A", "leverage"] == pytest.approx(0.75)
    assert found["B", "leverage"] == pytest.approx(0.95)
    assert found["C", "leverage"] == terms().triggers["leverage"].highest
    assert found["D", "leverage"] == 0.0
