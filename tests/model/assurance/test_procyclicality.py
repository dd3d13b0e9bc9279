"""How margin moves: toy series by hand, exact elasticities, windows that know nothing of other days."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tasks.model.assurance.procyclicality import (
    buffer_use,
    elasticity,
    large_call,
    largest_rise,
    peak_to_trough,
    rises,
)
from tasks.model.assurance.responsiveness import MarginPath, Window, responsiveness, windows
from tasks.model.errors import ModelInputError

nan = math.nan
MARGIN = np.array([0.10, 0.09, 0.12, 0.18, nan, 0.15, 0.12])
quick = settings(deadline=None, derandomize=True, max_examples=60)


def test_a_toy_path_by_hand():
    assert peak_to_trough(MARGIN) == pytest.approx(2.0)
    assert rises(MARGIN, 2) == pytest.approx([0.2, 1.0, nan, 0.15 / 0.18 - 1, nan], nan_ok=True)
    assert largest_rise(MARGIN, 1) == pytest.approx(0.5)
    assert largest_rise(MARGIN, 3) == pytest.approx(0.8)
    assert large_call(MARGIN, 1, 0.5) == pytest.approx(1 / 3)
    assert large_call(MARGIN, 1, 0.99) == pytest.approx(0.5)


def test_where_there_is_nothing_there_is_no_figure():
    for none in (np.full(4, nan), np.zeros(0)):
        assert math.isnan(peak_to_trough(none))
        assert math.isnan(largest_rise(none, 1))
        assert math.isnan(large_call(none, 1, 0.99))
    assert math.isnan(largest_rise(np.ones(5), 5))
    assert math.isnan(elasticity(MARGIN, np.ones(7)))


def test_a_margin_that_only_falls_calls_nothing():
    falling = np.array([4.0, 2.0, 1.0])
    assert (largest_rise(falling, 1), large_call(falling, 1, 0.99)) == (-0.5, 0.0)
    assert peak_to_trough(falling) == 4.0


@quick
@given(
    hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(0.01, 3.0)),
    st.floats(0.01, 100.0),
    st.integers(1, 45),
)
def test_nothing_depends_on_the_unit_and_brute_force_agrees(margin, unit, days):
    expected = max((margin[t + days] / margin[t] - 1 for t in range(len(margin) - days)), default=nan)
    assert largest_rise(margin, days) == pytest.approx(expected, nan_ok=True)
    assert largest_rise(unit * margin, days) == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)
    assert peak_to_trough(unit * margin) == pytest.approx(max(a / b for a in margin for b in margin))


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, -0.3])
def test_the_elasticity_is_the_power_of_volatility(power):
    volatility = np.exp(np.random.default_rng(1).standard_normal(50))
    volatility[7] = nan
    assert elasticity(0.2 * volatility**power, volatility) == pytest.approx(power, abs=1e-12)


def test_the_elasticity_is_a_slope_through_nothing():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 30))
    path, other = (np.exp(np.concatenate([[0.0], np.cumsum(each)])) for each in (y, x))
    slope = np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]
    assert elasticity(path, other) == pytest.approx(slope)


def test_a_buffer_is_used_from_the_top():
    assert buffer_use(np.array([0.25, 0.20, nan, 0.05, 0.25]), 0.25) == (pytest.approx(0.8), 2)
    assert buffer_use(np.array([0.25]), 0.25) == (0.0, 0)
    assert math.isnan(buffer_use(np.full(2, nan), 0.25).largest_share)


def path(first: str = "2019-12-01", days: int = 250) -> MarginPath:
    dates = np.datetime64(first) + np.arange(days)
    rate = 0.1 + 0.001 * np.arange(days)
    return MarginPath(dates, rate, rate**0.5, np.linspace(0.25, 0.0, days), 0.25)


def test_a_window_knows_its_own_days_alone():
    whole, window = path(), Window("spring", np.datetime64("2020-03-01"), np.datetime64("2020-03-31"))
    cut = whole.within(window)
    table = responsiveness(whole, (window,))
    assert table.equals(responsiveness(cut, (window,)))
    row = table.row(0, named=True)
    start = int((window.first - whole.dates[0]).astype(int))
    assert row["days"] == 31
    assert (str(row["first_date"]), str(row["last_date"])) == ("2020-03-01", "2020-03-31")
    assert row["peak_to_trough"] == pytest.approx(whole.rate[start + 30] / whole.rate[start])
    for days in (1, 5, 20):
        rise = whole.rate[start + days] / whole.rate[start] - 1
        assert row[f"largest_rise_{days}d"] == pytest.approx(rise)
        assert row[f"large_call_{days}d"] == pytest.approx(rise)
    assert row["elasticity"] == pytest.approx(2.0)
    assert row["buffer_used"] == pytest.approx((start + 30) / 249)
    assert row["days_below_buffer"] == 31


def test_windows_are_named_and_lie_in_the_history():
    named = windows(np.datetime64("2014-03-01"), np.datetime64("2025-12-22"))
    assert [each.name for each in named[:3]] == ["all", "3 y", "1 y"]
    assert [each.name[:7] for each in named[3:]] == ["2020-03", "2021-05", "2022-06", "2022-11", "2025-10"]
    assert named[2].first == np.datetime64("2024-12-23")
    for crash in named[3:]:
        assert crash.last - crash.first == np.timedelta64(92, "D")
    assert [each.name[:7] for each in windows(np.datetime64("2021-01-01"), np.datetime64("2022-01-01"))[3:]] == [
        "2021-05"
    ]
    short = windows(np.datetime64("2021-01-01"), np.datetime64("2021-02-01"))
    assert {each.first for each in short} == {np.datetime64("2021-01-01")}


def test_the_table_names_windows_with_days_and_leaves_out_others():
    whole = path()
    asked = (
        *windows(whole.dates[0], whole.dates[-1]),
        Window("never", np.datetime64("2001-01-01"), np.datetime64("2001-02-01")),
    )
    table = responsiveness(whole, asked)
    assert table["window"].to_list() == ["all", "3 y", "1 y", "2020-03 pandemic"]
    off = MarginPath(whole.dates, whole.rate, whole.volatility, whole.buffer, 0.0)
    assert responsiveness(off, asked)["buffer_used"].null_count() == 4
    assert isinstance(table, pl.DataFrame)


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("FORECAST", lambda: peak_to_trough(np.array([1.0, 0.0]))),
        ("FORECAST", lambda: largest_rise(np.array([1.0, math.inf]), 1)),
        ("FORECAST", lambda: buffer_use(np.ones(1), 0.0)),
        ("SHAPE", lambda: elasticity(np.ones(2), np.ones(3))),
        ("CONFIDENCE", lambda: large_call(np.ones(3), 1, 1.0)),
        ("SHAPE", lambda: MarginPath(np.zeros(0, dtype="datetime64[D]"), *[np.zeros(0)] * 3, 0.0)),
        ("SHAPE", lambda: MarginPath(np.array(["2020-01-01", "2020-01-03"], "datetime64[D]"), *[np.ones(2)] * 3, 0.0)),
        ("SHAPE", lambda: MarginPath(np.array(["2020-01-01"], "datetime64[D]"), *[np.ones(2)] * 3, 0.0)),
    ],
)
def test_what_has_no_measure_is_refused(code, make):
    with pytest.raises(ModelInputError, match=code):
        make()
