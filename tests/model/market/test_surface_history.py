"""Figures of a surface against differences of its slices, holes left holes, regimes that know nothing of later days."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest

from tasks.model.market.surface_history import FittedSlice, history, regimes, shocks
from tasks.model.market.svi import Svi

TENORS = np.array([7.0, 30.0, 90.0])
DAY = np.datetime64("2026-01-05")


def slice_(days, level=0.5, rho=-0.3):
    """A slice whose total variance at the money is level^2 T."""
    years = days / 365.0
    b, s = 0.2 * years, 0.2
    return FittedSlice(years, Svi(level * level * years - b * s, b, rho, 0.0, s))


def smile(of, x):
    return sqrt(float(of.svi.total_variance(np.array([x * sqrt(of.years)]))[0]) / of.years)


def days(n):
    return DAY + np.arange(n)


def test_figures_are_the_slice_s_own_slope_and_bend():
    """Central differences of the volatility by k / sqrt(T), on expiries at the tenors themselves."""
    slices = [slice_(tenor, level, rho) for tenor, level, rho in ((7, 0.6, -0.4), (30, 0.5, -0.2), (90, 0.45, 0.1))]
    found = history(days(1), [slices[::-1]], TENORS)
    step = 1e-4
    for at, each in enumerate(slices):
        up, middle, down = (smile(each, x) for x in (step, 0.0, -step))
        assert found.level[0, at] == pytest.approx(middle, rel=1e-12)
        assert found.skew[0, at] == pytest.approx((up - down) / (2 * step), rel=1e-5)
        assert found.curvature[0, at] == pytest.approx((up - 2 * middle + down) / step**2, rel=1e-4)
    assert found.term[0] == pytest.approx(log(0.6 / 0.45))


def test_between_expiries_variance_grows_with_time_and_beyond_them_nothing_is_known():
    found = history(days(1), [[slice_(20, 0.6), slice_(40, 0.4)]], TENORS)
    assert np.isnan(found.level[0, [0, 2]]).all()
    assert np.isnan(found.skew[0, [0, 2]]).all()
    assert found.level[0, 1] == pytest.approx(sqrt((20 * 0.36 + 40 * 0.16) / 2 / 30))
    assert np.isnan(found.term[0])


def test_a_shock_is_over_one_day_and_a_hole_gives_none():
    dates = DAY + np.array([0, 1, 3, 4])
    book = [[slice_(5, v), slice_(100, v)] for v in (0.5, 0.6, 0.9, 0.45)]
    found = shocks(history(dates, book, TENORS))
    np.testing.assert_allclose(found.level[:, 1], [np.nan, log(0.6 / 0.5), np.nan, log(0.45 / 0.9)])
    np.testing.assert_allclose(found.term, [np.nan, 0.0, np.nan, 0.0], atol=1e-12)
    empty = shocks(history(days(2), [book[0], []], TENORS))
    assert np.isnan(empty.level).all()


def test_regimes_need_a_rise_and_a_dear_front_and_know_nothing_of_later_days():
    steep = {"calm": (0.5, 0.5), "dear": (0.7, 0.55), "front": (0.54, 0.5), "rise": (0.7, 0.7)}
    words = ["calm", "calm", "front", "rise", "dear", "calm"]
    book = [[slice_(5, steep[w][0]), slice_(30, steep[w][0]), slice_(120, steep[w][1])] for w in words]
    found = history(days(6), book, TENORS)
    assert regimes(found, 1, 0.10, 0.05) == ["UNKNOWN", "CALM", "WATCH", "WATCH", "STRESS", "CALM"]
    cut = replace(found, dates=found.dates[:4], **{n: getattr(found, n)[:4] for n in ("level", "skew", "curvature")})
    assert regimes(cut, 1, 0.10, 0.05) == regimes(found, 1, 0.10, 0.05)[:4]


def test_a_slice_without_variance_at_the_money_is_not_known():
    nothing = FittedSlice(30 / 365, Svi(-0.02, 0.01, 0.0, 0.0, 0.1))
    found = history(days(1), [[slice_(5), nothing, slice_(100)]], TENORS)
    assert np.isnan(found.level[0, 1])
