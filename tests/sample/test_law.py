"""Estimates on a long path find the parameters of docs/sample.md again, within the bounds stated there."""

from __future__ import annotations

from datetime import date
from itertools import combinations
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from tasks import sample_market as law

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sample.md"
DAYS, BLOCK = 200_000, 1_000
NAMES = ["BTC", "ETH", "SOL", "XRP"]


def table_row(first_cell: str) -> list[str]:
    lines = (line.strip("| \n").split(" | ") for line in DOCUMENT.read_text(encoding="utf-8").splitlines())
    return next(cells[1:] for cells in lines if cells[0] == first_cell)


TRUTH = {
    name: dict(
        zip(
            ["level", "calm", "turbulent", "loading", "jump", "atm", "beta", "rho", "eta"],
            map(float, table_row(name)),
            strict=True,
        )
    )
    for name in NAMES
}
ENTER = float(table_row("calm to turbulent, probability per day")[0])
LEAVE = float(table_row("turbulent to calm, probability per day")[0])
JUMP = float(table_row("jump, probability per day")[0])
SHARE = ENTER / (ENTER + LEAVE)


@pytest.fixture(scope="module")
def path() -> law.Returns:
    return law.draw_returns(20, DAYS)


def estimate(per_day: np.ndarray) -> tuple[float, float]:
    """Mean and its standard error from block means."""
    means = per_day.reshape(-1, BLOCK).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))


def true_covariance(one: str, other: str) -> float:
    a, b = TRUTH[one], TRUTH[other]
    shared = 1.0 if one == other else a["loading"] * b["loading"]
    diffusive = (1 - SHARE) * a["calm"] * b["calm"] + SHARE * a["turbulent"] * b["turbulent"]
    return shared * diffusive + JUMP * a["jump"] * b["jump"]


def test_the_document_states_the_parameters_in_use() -> None:
    for asset in law.ASSETS:
        stated = TRUTH[asset.name]
        used = (
            asset.level,
            asset.calm,
            asset.turbulent,
            asset.loading,
            asset.jump,
            asset.atm,
            asset.spot_vol_beta,
            asset.skew,
            asset.wings,
        )
        assert tuple(stated.values()) == used
    assert (law.ENTER_TURBULENCE, law.LEAVE_TURBULENCE, law.JUMP_PROBABILITY) == (ENTER, LEAVE, JUMP)


@pytest.mark.parametrize("name", NAMES)
def test_mean_is_zero(path: law.Returns, name: str) -> None:
    mean, error = estimate(path.log_return[:, NAMES.index(name)])
    assert abs(mean) < 4 * error


@pytest.mark.parametrize(("one", "other"), [(name, name) for name in NAMES] + list(combinations(NAMES, 2)))
def test_variances_and_covariances(path: law.Returns, one: str, other: str) -> None:
    product = path.log_return[:, NAMES.index(one)] * path.log_return[:, NAMES.index(other)]
    found, error = estimate(product)
    truth = true_covariance(one, other)
    assert error < 0.05 * truth
    assert abs(found - truth) < 4 * error


def test_stated_moments_are_the_model_s() -> None:
    for asset in law.ASSETS:
        assert asset.variance == pytest.approx(true_covariance(asset.name, asset.name), rel=1e-12)
    for one, other in combinations(law.ASSETS, 2):
        assert law.covariance(one, other) == pytest.approx(true_covariance(one.name, other.name), rel=1e-12)


def test_jump_rate(path: law.Returns) -> None:
    error = np.sqrt(JUMP * (1 - JUMP) / DAYS)
    assert abs(path.jumped.mean() - JUMP) < 4 * error


def test_turbulent_share_and_length_of_a_spell(path: law.Returns) -> None:
    share, error = estimate(path.turbulent.astype(float))
    assert abs(share - SHARE) < 4 * error
    spells = int((~path.turbulent[:-1] & path.turbulent[1:]).sum())
    length = path.turbulent.sum() / spells
    assert abs(length - 1 / LEAVE) < 4 * np.sqrt(1 - LEAVE) / LEAVE / np.sqrt(spells)


@pytest.mark.parametrize("name", NAMES)
def test_tail_beyond_three_turbulent_deviations_is_the_mixture_s(path: law.Returns, name: str) -> None:
    """A jump rate that is seen in returns alone: four normals, weighted, give the share of large moves."""
    truth = TRUTH[name]
    limit = 3 * truth["turbulent"]
    expected = sum(
        regime * jumps * 2 * NormalDist(0, np.hypot(sigma, jump)).cdf(-limit)
        for regime, sigma in ((1 - SHARE, truth["calm"]), (SHARE, truth["turbulent"]))
        for jumps, jump in ((1 - JUMP, 0.0), (JUMP, truth["jump"]))
    )
    found, error = estimate((np.abs(path.log_return[:, NAMES.index(name)]) > limit).astype(float))
    assert abs(found - expected) < 4 * error
    assert expected > 2 * SHARE * 2 * NormalDist().cdf(-3)  # the jumps are what makes the tail


def test_path_is_a_function_of_seed_and_date() -> None:
    early, late = law.simulate(3, date(2025, 6, 1)), law.simulate(3, date(2027, 6, 1))
    n = early.close.shape[1]
    assert late.close.shape[1] > n
    for name in ("close", "variance", "carry", "premium", "stablecoin"):
        np.testing.assert_array_equal(getattr(early, name), getattr(late, name)[:, :n])
    assert not np.array_equal(early.close, law.simulate(4, date(2025, 6, 1)).close)


def test_path_passes_through_the_stated_levels() -> None:
    market = law.simulate(8, date(2026, 5, 1))
    at = (date(2026, 1, 30) - date(2009, 1, 1)).days
    assert market.close[:, at].tolist() == [TRUTH[name]["level"] for name in NAMES]


def test_falls_of_spot_raise_implied_volatility() -> None:
    market = law.simulate(1, date(2026, 1, 30))
    spot = np.diff(np.log(market.close[0]))
    level = np.diff(0.5 * np.log(market.variance[0]))
    slope = float(np.polyfit(spot, level, 1)[0])
    assert slope == pytest.approx(TRUTH["BTC"]["beta"], abs=0.1)


@pytest.mark.parametrize("asset", law.ASSETS, ids=NAMES)
@pytest.mark.parametrize("short_vol", [0.2, 0.6, 3.0])
def test_surface_is_free_of_arbitrage_everywhere(asset: law.Asset, short_vol: float) -> None:
    """g(k) >= 0 by finite differences, and w grows with T at every k."""
    k = np.linspace(-1.5, 1.5, 1201)
    years = np.array([1, 2, 7, 30, 90, 365, 730]) / 365
    slices = []
    for T in years:
        theta = law.atm_total_variance(np.array([short_vol**2]), np.array([asset.atm**2]), np.array([T]))
        slices.append(law.total_variance(theta, asset.skew, asset.wings, k))
    step = k[1] - k[0]
    for w in slices:
        first, second = np.gradient(w, step)[2:-2], np.gradient(np.gradient(w, step), step)[2:-2]
        kk, ww = k[2:-2], w[2:-2]
        g = (1 - kk * first / (2 * ww)) ** 2 - first**2 / 4 * (1 / ww + 0.25) + second / 2
        assert g.min() > -1e-6
    assert (np.diff(np.array(slices), axis=0) > 0).all()


def test_a_surface_beyond_the_condition_is_caught() -> None:
    """The check above can fail: eta (1 + |rho|) = 5 has butterfly arbitrage."""
    k = np.linspace(-1.5, 1.5, 1201)
    w = law.total_variance(np.array([0.3]), -0.25, 4.0, k)
    first = np.gradient(w, k)
    g = (1 - k * first / (2 * w)) ** 2 - first**2 / 4 * (1 / w + 0.25) + np.gradient(first, k) / 2
    assert g[2:-2].min() < 0
