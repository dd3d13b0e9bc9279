"""The surface: known laws are found again, arbitrage is pressed out or flagged, thin expiries borrow."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tasks.model.market.surface import Prior, Quotes, Surface, fit
from tasks.model.market.svi import Svi
from tasks.sample_market import total_variance

START = np.datetime64("2026-01-30T08:00:00", "us")
DAYS = (1, 3, 7, 28, 91, 182, 365)
NOTHING: dict = {}


def quotes(*expiries, underlying="BTC", forward=100.0):
    """Calls and puts (days, log-moneyness, volatilities) quoted a hundredth of a coin either side of a mark of one."""
    rows = [
        (days / 365, START + np.timedelta64(round(days * 86400), "s"), k, sigma, is_call)
        for days, moneyness, volatility in expiries
        for k, sigma in zip(moneyness, volatility, strict=True)
        for is_call in (True, False)
    ]
    years, expiry, k, sigma, is_call = (np.array(column) for column in zip(*rows, strict=True))
    total = sigma * np.sqrt(years)
    vega = forward * np.exp(-((-k / total + total / 2) ** 2) / 2) * np.sqrt(years / (2 * np.pi))
    n = len(rows)
    return Quotes(
        np.full(n, underlying),
        expiry,
        years,
        forward * np.exp(k),
        np.full(n, forward),
        is_call,
        sigma,
        np.where(vega > 0, vega, 1e-12),
        np.full(n, 0.99),
        np.ones(n),
        np.full(n, 1.01),
    )


def strikes(days, n=15):
    """Log-moneyness over two and a half standard deviations at 60 % volatility."""
    return np.linspace(-2.5, 2.5, n) * 0.6 * math.sqrt(days / 365)


def ssvi(days, k, skew=-0.25, wings=1.0, level=0.6):
    return np.sqrt(total_variance(np.array(level**2 * days / 365), np.array(skew), np.array(wings), k) / (days / 365))


def of_law(days, n=15, **law):
    k = strikes(days, n)
    return days, k, ssvi(days, k, **law)


def only(surface: Surface):
    [found] = surface.slices
    return found


@pytest.fixture(scope="module")
def limits(opening_policy):
    return opening_policy.surface


@pytest.fixture(scope="module")
def lawful(limits):
    return fit(quotes(*(of_law(days) for days in DAYS)), NOTHING, limits)


def test_a_surface_without_arbitrage_is_found_again(lawful):
    for days, each in zip(DAYS, lawful.slices, strict=True):
        k = np.linspace(-3.0, 3.0, 41) * 0.6 * math.sqrt(days / 365)
        assert each.implied_volatility(k) == pytest.approx(ssvi(days, k), abs=0.0005)
        assert (each.method, each.certified, each.n_quotes) == ("SVI", True, 15)
        assert each.rmse_bp < 2.0
        assert each.forward == 100.0


def test_the_certificate_is_what_a_search_of_the_slices_finds(lawful):
    k = np.linspace(-1.5, 1.5, 20001)
    for front, back in zip(lawful.slices[:-1], lawful.slices[1:], strict=True):
        gap = np.min(back.svi.total_variance(k) - front.svi.total_variance(k))
        assert back.min_calendar_gap == pytest.approx(gap, rel=1e-3, abs=1e-9) and gap >= 0.0
        assert back.min_g == pytest.approx(np.min(back.svi.density(k)), abs=1e-3)
    assert lawful.slices[0].min_calendar_gap == math.inf


def test_wings_keep_their_cap(lawful):
    for days, each in zip(DAYS, lawful.slices, strict=True):
        cap = min(2.0, 1.5 * math.sqrt(0.36 * days / 365))
        assert each.svi.b * (1 + abs(each.svi.rho)) <= cap * (1 + 1e-3)


def test_tolerance_is_wider_below_two_days(lawful):
    assert [each.tolerance_bp for each in lawful.slices] == pytest.approx([150.0] + [60.0] * 6)


def test_the_order_of_quotes_changes_no_bit(limits, lawful):
    one = quotes(*(of_law(days) for days in DAYS))
    order = np.random.Generator(np.random.PCG64(7)).permutation(len(one.strike))
    shuffled = Quotes(*(getattr(one, name)[order] for name in one.__dataclass_fields__))
    assert fit(shuffled, NOTHING, limits) == lawful


SCRIPT = """
import numpy as np
from tasks.model.market.svi_fit import fit
k = np.linspace(-0.4, 0.4, 40)
sigma = 0.5 + 0.3 * k * k - 0.1 * k + 0.01 * np.sin(40.0 * k)
print(fit(k, sigma, np.exp(-8.0 * k * k), 0.1, None))
"""


def test_neither_threads_nor_the_algebra_librarys_kernels_change_a_bit():
    def run(**environment):
        return subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    one = run(OPENBLAS_NUM_THREADS="1")
    assert "Svi(a=" in one
    assert run(OPENBLAS_NUM_THREADS="4", OPENBLAS_CORETYPE="Prescott") == one


def test_one_out_of_the_money_quote_per_strike_counts(limits):
    one = quotes(of_law(28))
    wrong = replace(one, volatility=np.where(one.is_call == (one.strike >= 100.0), one.volatility, 3.0))
    assert only(fit(wrong, NOTHING, limits)) == only(fit(one, NOTHING, limits))
    twice = Quotes(*(np.concatenate([getattr(one, name)] * 2) for name in one.__dataclass_fields__))
    assert only(fit(twice, NOTHING, limits)) == only(fit(one, NOTHING, limits))


@pytest.mark.parametrize(
    ("side", "value"),
    [("bid", 1.5), ("ask", 0.5), ("bid", math.nan), ("ask", math.nan), ("mark", math.nan), ("volatility", math.nan)],
)
def test_a_quote_that_is_not_in_order_stays_out_of_the_fit(limits, side, value):
    one = quotes(of_law(28))
    bad = one.strike > 120.0
    spoilt = replace(one, volatility=np.where(bad, 4.0, one.volatility))
    spoilt = replace(spoilt, **{side: np.where(bad, value, getattr(spoilt, side))})
    kept = Quotes(*(getattr(one, name)[~bad] for name in one.__dataclass_fields__))
    found, expected = only(fit(spoilt, NOTHING, limits)), only(fit(kept, NOTHING, limits))
    assert (found.svi, found.n_quotes) == (expected.svi, expected.n_quotes)
    assert expected.n_quotes < 15


def test_quotes_that_cross_the_expiry_before_are_pressed_apart(limits):
    later = (28, strikes(28), ssvi(28, strikes(28)) * math.sqrt(0.20))  # total variance of 5.6 days, after 7 days
    front, back = fit(quotes(of_law(7), later), NOTHING, limits).slices
    assert back.certified and back.min_calendar_gap >= 0.0
    assert back.rmse_bp > 100.0, "the misfit is told, not hidden"
    assert front.rmse_bp < 2.0, "the expiry before is not bent for the later one"


def test_a_smile_with_a_butterfly_is_pressed_or_repaired(limits):
    k = np.linspace(-0.5, 0.5, 21)
    kinked = np.where(np.abs(k) < 0.1, 0.9, 0.3) + np.maximum(k, 0.0)  # a hump at the money: no density bears it
    found = only(fit(quotes((28, k, kinked)), NOTHING, limits))
    assert found.certified and found.min_g >= 0.0
    assert found.rmse_bp > found.tolerance_bp


def test_a_slice_that_cannot_be_pressed_is_repaired_and_flagged(limits, monkeypatch):
    arbitrage = Svi(-0.041, 0.1331, 0.306, 0.3586, 0.4153)  # Gatheral and Jacquier's example of a butterfly
    monkeypatch.setattr("tasks.model.market.svi_fit.fit", lambda *_: arbitrage)
    found = only(fit(quotes((365, *of_law(365)[1:])), NOTHING, limits))
    assert (found.method, found.certified) == ("REPAIRED", True)
    assert found.svi != arbitrage and found.min_g >= 0.0


def test_an_expiry_without_quotes_takes_yesterdays_variance_by_time(limits):
    seven = quotes(of_law(7))
    silent = replace(seven, bid=np.full(len(seven.strike), math.nan))
    yesterday = Prior(Svi(0.002, 0.01, -0.1, 0.0, 0.1), 8 / 365)
    found = only(fit(silent, {("BTC", seven.expiry[0]): yesterday}, limits))
    assert (found.method, found.certified, found.n_quotes) == ("PRIOR", True, 0)
    assert math.isnan(found.rmse_bp)
    k = np.linspace(-1.5, 1.5, 7)
    assert found.svi.total_variance(k) == pytest.approx(yesterday.svi.total_variance(k) * 7 / 8, rel=1e-9)


def test_a_few_quotes_set_the_level_of_a_borrowed_slice(limits):
    k = np.array([-0.05, 0.05])
    own = quotes((7, k, np.array([0.5, 0.5])))
    flat = Prior(Svi(0.36 * 8 / 365, 0.0, 0.0, 0.0, 0.1), 8 / 365)  # 60 % at every strike
    found = only(fit(own, {("BTC", own.expiry[0]): flat}, limits))
    assert (found.method, found.n_quotes) == ("PRIOR", 2)
    assert found.implied_volatility(np.array([-0.3, 0.0, 0.3])) == pytest.approx(0.5, rel=1e-9)
    assert found.rmse_bp == pytest.approx(0.0, abs=1e-4)


def test_a_borrowed_slice_crosses_neither_neighbour(limits):
    thin = 14, np.array([0.0]), np.array([3.0])  # a wild quote: its level would cross the next expiry
    front, borrowed, back = fit(quotes(of_law(7), thin, of_law(28)), NOTHING, limits).slices
    assert borrowed.method == "PRIOR" and borrowed.certified
    assert (front.method, back.method) == ("SVI", "SVI")
    k = np.linspace(-1.5, 1.5, 3001)
    w = [each.svi.total_variance(k) for each in (front, borrowed, back)]
    assert np.all(w[0] <= w[1]) and np.all(w[1] <= w[2])
    assert borrowed.implied_volatility(np.zeros(1))[0] == pytest.approx(0.6, abs=0.01), "the week before, by time"


def test_the_first_expiry_borrows_from_the_one_behind(limits):
    thin = 1, np.array([0.0]), np.array([math.nan])
    borrowed, back = fit(quotes(thin, of_law(28)), NOTHING, limits).slices
    k = np.linspace(-0.5, 0.5, 11)
    assert borrowed.svi.total_variance(k) == pytest.approx(back.svi.total_variance(k) / 28, rel=1e-8)


def test_an_underlying_without_quotes_has_no_surface_and_takes_nobody_elses(limits):
    silent = replace(quotes(of_law(28), underlying="ETH"), bid=np.full(30, math.nan))
    both = Quotes(
        *(
            np.concatenate([getattr(quotes(of_law(28)), name), getattr(silent, name)])
            for name in silent.__dataclass_fields__
        )
    )
    found = fit(both, NOTHING, limits)
    assert [each.underlying for each in found.slices] == ["BTC"]
    volatility = found.implied_volatility(np.array(["BTC", "ETH"]), both.expiry[[0, 0]], np.zeros(2))
    assert volatility[0] == pytest.approx(0.6, abs=1e-3) and math.isnan(volatility[1])


def test_the_number_of_quotes_that_makes_a_fit_is_the_policys(limits):
    assert only(fit(quotes(of_law(28, 5)), NOTHING, limits)).method == "SVI"
    assert fit(quotes(of_law(28, 4)), NOTHING, limits).slices == ()
    assert fit(quotes(of_law(28, 7)), NOTHING, replace(limits, minimum_quotes=8)).slices == ()


@pytest.mark.market_data
def test_a_real_day_is_free_of_arbitrage_and_close(market_data, limits):
    day = real_quotes(market_data)
    found = fit(day, NOTHING, limits)
    assert len(found.slices) == 26
    assert {each.method for each in found.slices} == {"SVI"}
    for each in found.slices:
        assert each.certified and each.min_g >= 0.0 and each.min_calendar_gap >= 0.0
        assert each.rmse_bp <= (60.0 if each.years * 365 >= 2 else 150.0), each
    assert np.median([each.rmse_bp for each in found.slices]) < 30.0
    for name in ("BTC", "ETH"):  # a second look, on another grid
        of_name = [each.svi for each in found.slices if each.underlying == name]
        k = np.linspace(-1.5, 1.5, 7001)
        assert all(np.all(svi.density(k) >= 0.0) for svi in of_name)
        w = np.stack([svi.total_variance(k) for svi in of_name])
        assert np.all(np.diff(w, axis=0) >= 0.0)


def real_quotes(folder):
    moment = pl.col("timestamp").dt.replace_time_zone(None)
    rows = (
        pl.read_parquet(folder / "deribit_options_eod.parquet")
        .with_columns(as_of=moment, expiry=pl.col("expiry_datetime").dt.replace_time_zone(None))
        .filter(pl.col("as_of").dt.date() == pl.date(2026, 1, 29))
        .with_columns(years=(pl.col("expiry") - pl.col("as_of")).dt.total_microseconds() / (365 * 86400e6))
    )
    columns = ("strike", "underlying", "implied_volatility", "bid_price", "mark_price", "ask_price", "years")
    strike, forward, sigma, bid, mark, ask, years = (
        rows[name].cast(pl.Float64).fill_null(math.nan).to_numpy() for name in columns
    )
    total = sigma * np.sqrt(years)
    vega = forward * np.exp(-((np.log(forward / strike) / total + total / 2) ** 2) / 2) * np.sqrt(years / (2 * np.pi))
    return Quotes(
        rows["currency"].to_numpy().astype(str),
        rows["expiry"].cast(pl.Datetime("us")).to_numpy(),
        years,
        strike,
        forward,
        rows["option_type"].to_numpy() == "call",
        sigma,
        vega,
        bid,
        mark,
        ask,
    )
