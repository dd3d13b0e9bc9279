"""Joint calendar and returns over exact calendar days."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.market.returns import daily_returns, horizon_returns, joint_closes

ROWS = [
    ("ETH", "2026-01-03", 20.0),
    ("BTC", "2026-01-01", 100.0),
    ("BTC", "2026-01-05", 130.0),
    ("BTC", "2026-01-02", 110.0),
    ("ETH", "2026-01-02", 10.0),
]


def closes_of(rows):
    names, days, prices = zip(*rows, strict=True)
    return joint_closes(names, np.array(days, dtype="datetime64[D]"), np.array(prices))


def test_every_calendar_day_has_a_column_and_a_missing_close_is_nan():
    closes = closes_of(ROWS)
    nan = math.nan
    assert closes.underlyings == ("BTC", "ETH")
    assert [str(day) for day in closes.dates] == [f"2026-01-0{day}" for day in range(1, 6)]
    np.testing.assert_array_equal(closes.close, [[100.0, 110.0, nan, nan, 130.0], [nan, 10.0, 20.0, nan, nan]])


def test_the_calendar_runs_on_to_the_day_it_is_asked_through_and_cuts_nothing_off():
    def through(day):
        names, days, prices = zip(*ROWS, strict=True)
        return joint_closes(names, np.array(days, dtype="datetime64[D]"), np.array(prices), np.datetime64(day))

    plain, longer = closes_of(ROWS), through("2026-01-08")
    assert str(longer.dates[-1]) == "2026-01-08" and len(longer.dates) == longer.close.shape[1] == 8
    assert longer.close[:, :5].tobytes() == plain.close.tobytes() and np.isnan(longer.close[:, 5:]).all()
    assert through("2026-01-03").close.tobytes() == plain.close.tobytes()


def test_rows_in_any_order_give_the_same_bits():
    shuffled = [ROWS[position] for position in (3, 0, 4, 2, 1)]
    assert closes_of(shuffled).close.tobytes() == closes_of(ROWS).close.tobytes()


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_close_that_is_no_price_is_named(price):
    with pytest.raises(ModelInputError, match="BTC 2026-01-05"):
        closes_of([*ROWS[:2], ("BTC", "2026-01-05", price)])


def test_two_closes_of_one_day_are_refused():
    with pytest.raises(ModelInputError, match=r"DUPLICATE_KEY.*ETH 2026-01-02"):
        closes_of([*ROWS, ("ETH", "2026-01-02", 11.0)])


def test_no_history_is_refused():
    with pytest.raises(ModelInputError, match="HISTORY_SHORT"):
        joint_closes([], np.array([], dtype="datetime64[D]"), np.array([]))


def test_a_hole_gives_no_return_and_never_shifts_a_row():
    close = closes_of(ROWS).close[0]  # 100, 110, -, -, 130
    np.testing.assert_array_equal(np.isnan(horizon_returns(close, 1)), [False, True, True, True, True])
    np.testing.assert_array_equal(np.isnan(horizon_returns(close, 2)), [True] * 5)
    assert horizon_returns(close, 3)[1] == pytest.approx(math.log(130 / 110), abs=1e-15)
    assert horizon_returns(close, 4)[0] == pytest.approx(math.log(1.3), abs=1e-15)
    np.testing.assert_array_equal(np.isnan(daily_returns(close)), [True, False, True, True, True])
    assert daily_returns(close)[1] == pytest.approx(math.log(1.1), abs=1e-15)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.dictionaries(st.integers(0, 40), st.floats(0.01, 1e6), min_size=2),
    st.integers(1, 10),
)
def test_returns_are_those_of_a_look_up_by_date(prices, days):
    first = date(2026, 1, 1)
    by_date = {first + timedelta(days=offset): price for offset, price in prices.items()}
    closes = closes_of([("BTC", day.isoformat(), price) for day, price in by_date.items()])
    found = horizon_returns(closes.close, days)[0]
    for position, start in enumerate(closes.dates.tolist()):
        end = start + timedelta(days=days)
        if start in by_date and end in by_date:
            assert found[position] == pytest.approx(math.log(by_date[end] / by_date[start]), rel=1e-12, abs=1e-12)
        else:
            assert math.isnan(found[position])
