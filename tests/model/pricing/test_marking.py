"""Which number marks a contract, worked case by case."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import QuantLib

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError
from tasks.model.market.surface import Slice, Surface
from tasks.model.market.svi import Svi
from tasks.model.pricing.marking import Listed, mark

NAN = math.nan
TENOR = 0.25
FUTURE = {"id": "FUTURE", "form": INVERSE_FORWARD, "price": 104.0, "years_to_expiry": TENOR}
PERPETUAL = {"id": "PERPETUAL", "form": LINEAR_FORWARD, "price": 101.0}
CALL = {
    "id": "CALL",
    "form": COIN_OPTION,
    "strike": 110.0,
    "is_call": True,
    "price": 0.1,
    "years_to_expiry": TENOR,
    "quoted_volatility": 0.7,
    "quoted_forward": 104.0,
}
NO_SURFACE = Surface(())
EXPIRY = np.datetime64("2026-03-27T08:00:00", "us")
# A flat slice: total variance 0.09 at every strike, so a volatility of 0.6 over a quarter of a year.
FLAT = Surface(
    (Slice("BTC", EXPIRY, TENOR, 104.0, Svi(0.09, 0.0, 0.0, 0.0, 0.1), "SVI", True, 1.0, math.inf, 9, 0.0, 60.0),)
)
PUT = {
    **CALL,
    "id": "PUT",
    "form": QUOTE_OPTION,
    "strike": 90.0,
    "is_call": False,
    "price": 5.0,
    "quoted_volatility": 0.9,
}


def listed(*rows):
    plain = {
        "underlying": "BTC",
        "strike": NAN,
        "is_call": False,
        "expiry": EXPIRY,
        "years_to_expiry": NAN,
        "expired": False,
        "price": NAN,
        "stale": False,
        "quality": "OK",
        "final_price": NAN,
        "index_price": 100.0,
        "index_stale": False,
        "quoted_volatility": NAN,
        "quoted_forward": NAN,
        "quote_stale": False,
        "bid": NAN,
        "ask": NAN,
        "discount": 1.0,
    }
    full = [{**plain, **row} for row in rows]
    columns = {name: np.array([row[name] for row in full]) for name in full[0] if name != "id"}
    return Listed(ids=tuple(row["id"] for row in full), **columns)


def marked(*rows, surface=NO_SURFACE):
    """Marks of each contract by its id."""
    found = mark(listed(*rows), surface, 0.01, 5.0)
    names = ("forward", "volatility", "model_price", "method", "quality")
    return {
        row["id"]: dict(zip(names, values, strict=True))
        for row, *values in zip(rows, *(getattr(found, name).tolist() for name in names), strict=True)
    }


def black(strike, volatility, is_call, forward=104.0):
    kind = QuantLib.Option.Call if is_call else QuantLib.Option.Put
    return QuantLib.blackFormula(kind, strike, forward, volatility * math.sqrt(TENOR))


def test_a_delivered_price_stands():
    found = marked(FUTURE, PERPETUAL, CALL, PUT)
    assert all(math.isnan(each["model_price"]) for each in found.values())
    assert {each["method"] for each in found.values()} == {"DELIVERED"}
    assert {each["quality"] for each in found.values()} == {"OK"}
    assert [each["forward"] for each in found.values()] == [104.0, 101.0, 104.0, 104.0]
    assert math.isnan(found["FUTURE"]["volatility"]) and found["PUT"]["volatility"] == 0.9


def test_the_words_of_a_delivered_price_are_kept():
    found = marked({**FUTURE, "quality": "MANUAL"}, {**CALL, "quality": "PRIOR"})
    assert [each["quality"] for each in found.values()] == ["MANUAL", "PRIOR"]


def test_zero_is_a_price_of_an_option():
    found = marked({**CALL, "price": 0.0})["CALL"]
    assert math.isnan(found["model_price"]) and found["method"] == "DELIVERED" and found["quality"] == "OK"


@pytest.mark.parametrize("lacking", [{"price": NAN}, {"stale": True}])
def test_an_option_without_a_fresh_price_is_priced_off_its_own_volatility(lacking):
    found = marked({**CALL, **lacking}, {**PUT, **lacking})
    assert found["CALL"]["model_price"] == pytest.approx(black(110.0, 0.7, True) / 104.0, rel=1e-12)  # in coin
    assert found["PUT"]["model_price"] == pytest.approx(black(90.0, 0.9, False), rel=1e-12)  # in quote
    assert {(each["method"], each["quality"]) for each in found.values()} == {("MODEL_PRICE", "MODEL")}


def test_a_model_price_is_discounted_where_the_policy_names_a_rate():
    found = marked({**CALL, "price": NAN, "discount": 0.98}, {**PUT, "price": NAN, "discount": 0.95})
    assert found["CALL"]["model_price"] == pytest.approx(0.98 * black(110.0, 0.7, True) / 104.0, rel=1e-12)
    assert found["PUT"]["model_price"] == pytest.approx(0.95 * black(90.0, 0.9, False), rel=1e-12)


def test_a_stale_future_keeps_its_price_and_is_flagged():
    found = marked({**FUTURE, "stale": True, "quality": "PRIOR"})["FUTURE"]
    assert math.isnan(found["model_price"])
    assert (found["method"], found["quality"], found["forward"]) == ("DELIVERED", "STALE", 104.0)


def test_a_stale_index_is_flagged_on_every_contract_of_it():
    found = marked(
        {**FUTURE, "index_stale": True}, {**CALL, "index_stale": True}, {**PUT, "index_stale": True, "price": NAN}
    )
    assert [each["quality"] for each in found.values()] == ["STALE", "STALE", "MODEL"]


@pytest.mark.parametrize("volatility", [NAN, 0.005, 70.0, -0.5, math.inf])
def test_a_volatility_out_of_bounds_is_read_off_the_smile_and_flagged(volatility):
    low, high = {**PUT, "id": "LOW", "strike": 100.0}, {**CALL, "id": "HIGH", "strike": 121.0}
    found = marked(low, {**CALL, "quoted_volatility": volatility}, high)["CALL"]
    share = math.log(110.0 / 100.0) / math.log(121.0 / 100.0)  # one half: total variance is linear in ln(K/F)
    expected = math.sqrt((1 - share) * 0.9**2 + share * 0.7**2)
    assert found["volatility"] == pytest.approx(expected, rel=1e-12)
    assert (found["method"], found["quality"]) == ("DELIVERED", "MODEL") and math.isnan(found["model_price"])


@pytest.mark.parametrize("lacking", [{"quoted_volatility": NAN}, {"quote_stale": True}])
def test_the_surface_stands_in_for_a_volatility_that_is_missing_or_stale(lacking):
    found = marked({**CALL, **lacking, "price": NAN}, PUT, surface=FLAT)
    assert found["CALL"]["volatility"] == pytest.approx(0.6, rel=1e-14)
    assert found["CALL"]["model_price"] == pytest.approx(black(110.0, 0.6, True) / 104.0, rel=1e-12)
    assert (found["CALL"]["method"], found["CALL"]["quality"]) == ("MODEL_PRICE", "MODEL")
    assert found["PUT"]["volatility"] == 0.9  # a fresh quote of its own is kept


def test_off_the_surface_an_old_volatility_is_better_than_none():
    away = {**CALL, "expiry": EXPIRY + np.timedelta64(7, "D"), "quote_stale": True}
    found = marked({**away, "id": "OLD"}, {**away, "id": "NONE", "quoted_volatility": NAN}, surface=FLAT)
    assert (found["OLD"]["volatility"], found["OLD"]["quality"]) == (0.7, "OK")
    assert (found["NONE"]["volatility"], found["NONE"]["quality"]) == (pytest.approx(0.7), "MODEL")


def test_no_smile_at_all_raises():
    with pytest.raises(ModelInputError, match=r"NO_VOLATILITY.*BTC"):
        marked({**CALL, "quoted_volatility": NAN}, {**PUT, "underlying": "ETH"})


def test_a_missing_forward_is_the_median_of_its_expirys_quotes():
    others = [{**CALL, "id": f"O{n}", "quoted_forward": f} for n, f in enumerate([103.0, 104.0, 111.0])]
    away = {**CALL, "id": "AWAY", "quoted_forward": 300.0, "years_to_expiry": 0.5}
    found = marked({**CALL, "quoted_forward": NAN}, *others, FUTURE, away)
    assert found["CALL"]["forward"] == 104.0 and found["CALL"]["quality"] == "OK"


def test_without_quotes_it_is_the_future_of_the_expiry_and_then_the_index():
    bare = {**CALL, "quoted_forward": NAN, "price": NAN}
    later = {**FUTURE, "id": "LATER", "price": 108.0, "years_to_expiry": 0.5}
    other = {**FUTURE, "id": "OTHER", "price": 50.0, "underlying": "ETH"}
    of_future = marked(bare, FUTURE, later, other, PERPETUAL)["CALL"]
    assert of_future["forward"] == 104.0
    assert of_future["model_price"] == pytest.approx(black(110.0, 0.7, True) / 104.0, rel=1e-12)
    of_index = marked({**bare, "price": 0.1}, later, other, PERPETUAL)["CALL"]
    assert (of_index["forward"], of_index["method"], of_index["quality"]) == (100.0, "DELIVERED", "MODEL")


def test_what_expired_is_worth_its_final_price():
    gone = {"expired": True, "final_price": 125.0, "price": NAN, "years_to_expiry": -0.001, "quality": "PROXY"}
    found = marked({**FUTURE, **gone}, {**CALL, **gone}, {**PUT, **gone, "strike": 200.0}, {**PUT, **gone, "id": "OTM"})
    assert math.isnan(found["FUTURE"]["model_price"])  # the final price itself
    assert found["CALL"]["model_price"] == pytest.approx(1 - 110 / 125, rel=1e-14)
    assert found["PUT"]["model_price"] == pytest.approx(75.0) and found["OTM"]["model_price"] == 0.0
    assert {(each["method"], each["quality"], each["forward"]) for each in found.values()} == {
        ("FINAL", "PROXY", 125.0)
    }
    assert found["CALL"]["volatility"] == 0.0


def test_an_expired_quote_is_no_part_of_a_smile_or_a_forward():
    gone = {**CALL, "id": "GONE", "expired": True, "final_price": 125.0, "quoted_forward": 130.0}
    with pytest.raises(ModelInputError, match="NO_VOLATILITY"):
        marked({**CALL, "quoted_volatility": NAN}, gone)
    assert marked({**CALL, "quoted_forward": NAN}, gone)["CALL"]["forward"] == 100.0


def test_everything_without_a_price_is_named_at_once():
    rows = (
        {**FUTURE, "price": NAN},
        {**PERPETUAL, "price": NAN},
        {**CALL, "index_price": NAN, "underlying": "ETH"},
        {**FUTURE, "id": "GONE", "expired": True},
        {**CALL, "id": "FINE", "price": NAN},
    )
    with pytest.raises(ModelInputError) as refused:
        marked(*rows)
    assert [(each.code, each.where) for each in refused.value.findings] == [
        ("NO_PRICE", "ETH-USD"),
        ("NO_PRICE", "GONE"),
        ("NO_PRICE", "FUTURE"),
        ("NO_PRICE", "PERPETUAL"),
    ]


def test_bounds_are_the_ones_given():
    one = listed({**CALL, "quoted_volatility": 1.2}, PUT)
    assert mark(one, NO_SURFACE, 0.01, 1.2).volatility[0] == 1.2
    assert mark(one, NO_SURFACE, 0.01, 1.19).volatility[0] == pytest.approx(0.9)
    assert mark(replace(one, quoted_volatility=np.array([0.5, 0.9])), NO_SURFACE, 0.51, 5.0).volatility[
        0
    ] == pytest.approx(0.9)
