"""Challengers against second implementations: plain loops, the two-parameter fit of the tail, truncated histories."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy import stats

from tasks import league as shell
from tasks import policy_store, reference_models, resources
from tasks.model.arrays import Closes
from tasks.model.assurance.challenger_garch import period_variance, tail_of
from tasks.model.assurance.challenger_moves import Levels, Memory
from tasks.model.assurance.challenger_reference import GROSS_USD, ReferenceChallenger, static_book
from tasks.model.assurance.challengers import FORECASTING, MARGIN_CONFIDENCE, Challenger
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.static_portfolio import StaticPortfolio, static_portfolios
from tasks.model.errors import ModelInputError
from tasks.model.margin.reference.model import reference_margin
from tasks.model.market.gjr_garch import GjrGarch, fit_gjr
from tasks.model.policy import Policy
from tasks.model.risk.extreme_value import fit_tail
from tasks.model.risk.pareto_rows import most_likely_tails

FIRST = np.datetime64("2020-01-01")
DAYS = 330
PORTFOLIOS = static_portfolios(["BTC", "ETH"])
LONG, SHORT, SPREAD = (
    next(each for each in PORTFOLIOS if each.name == name) for name in ("BTC long", "BTC short", "BTC long ETH short")
)


@pytest.fixture(scope="module")
def policy() -> Policy:
    opening = policy_store.load(resources.data("policy/2014-01-01.toml"))
    return replace(opening, base_margin=replace(opening.base_margin, minimum_scenarios=200))


@pytest.fixture(scope="module")
def closes() -> Closes:
    """330 days, the later half wilder; ETH begins late and both have a hole."""
    draw = np.random.default_rng(3)
    scale = np.where(np.arange(DAYS) < 200, 0.02, 0.05)
    common = draw.standard_t(4, DAYS)
    close = np.stack([100.0 * np.exp(np.cumsum(scale * (common + 0.5 * draw.standard_t(4, DAYS)))) for _ in range(2)])
    close[1, :12] = np.nan
    close[:, 120] = np.nan
    return Closes(("BTC", "ETH"), FIRST + np.arange(DAYS), close)


def path(name: str, portfolio: StaticPortfolio, closes: Closes, policy: Policy) -> RatePath:
    return FORECASTING[name](closes, policy, [portfolio], closes.dates[0], closes.dates[-1])[0]


def known_losses(closes: Closes, portfolio: StaticPortfolio, day: int) -> list[tuple[int, float]]:
    """Start day and loss of every two-day move that is over by the close of a day, by the words of the method."""
    found = []
    for start in range(day - 1):
        loss = 0.0
        for leg in portfolio.legs:
            price = closes.close[closes.underlyings.index(leg.underlying)]
            loss -= leg.weight * (price[start + 2] / price[start] - 1.0)
        if not math.isnan(loss):
            found.append((start, loss))
    return found


def shortfall(losses: list[float], confidence: float) -> float:
    worst, k = sorted(losses, reverse=True), len(losses) * (1.0 - confidence)
    whole = int(k + 1e-9)
    return (sum(worst[:whole]) + (k - whole) * worst[whole]) / k


def volatility(closes: Closes, portfolio: StaticPortfolio, half_life: float) -> list[float]:
    """Forecast of the daily gain at each close: thirty gains seed it, a missing one leaves it as it was."""
    gains = [math.nan]
    for day in range(1, DAYS):
        moved = [closes.close[closes.underlyings.index(leg.underlying)][day - 1 : day + 1] for leg in portfolio.legs]
        gains.append(sum(leg.weight * (b / a - 1.0) for leg, (a, b) in zip(portfolio.legs, moved, strict=True)))
    kept, found, seen, variance = 0.5 ** (1.0 / half_life), [], [], 0.0
    for gain in gains:
        if not math.isnan(gain):
            seen.append(gain * gain)
            variance = sum(seen) / 30 if len(seen) <= 30 else kept * variance + (1.0 - kept) * seen[-1]
        found.append(math.sqrt(variance) if len(seen) >= 30 else math.nan)
    return found


@pytest.mark.parametrize("portfolio", [LONG, SHORT, SPREAD], ids=lambda each: each.name)
def test_plain_simulation_is_the_mean_of_the_worst_past_moves(
    portfolio: StaticPortfolio, closes: Closes, policy: Policy
) -> None:
    found = path("HS_1000", portfolio, closes, policy)
    # Losses count from the day on which the volatility of each leg is seeded, as in the filtered simulation.
    seeded = 30 + (12 if portfolio is SPREAD else 0)
    for day in (260, DAYS - 1):
        losses = [loss for start, loss in known_losses(closes, portfolio, day) if start >= seeded]
        assert found.rate[day] == pytest.approx(shortfall(losses, MARGIN_CONFIDENCE), rel=1e-12)
        assert found.forecast is not None
        assert found.forecast.expected_shortfall[day] == pytest.approx(shortfall(losses, 0.975), rel=1e-12)
        rank = math.ceil((len(losses) + 1) * 0.975)
        assert found.forecast.value_at_risk[day] == pytest.approx(sorted(losses)[rank - 1], rel=1e-12)


def test_full_filtering_scales_every_move_to_the_present_volatility(closes: Closes, policy: Policy) -> None:
    found, day = path("FHS", LONG, closes, policy), DAYS - 1
    price = closes.close[0]
    logs = np.diff(np.log(price), prepend=np.nan)
    kept, sigma, seen, variance = 0.5 ** (1.0 / 30.0), [], [], 0.0
    for each in logs:
        if not math.isnan(each):
            seen.append(each * each)
            variance = sum(seen) / 30 if len(seen) <= 30 else kept * variance + (1.0 - kept) * seen[-1]
        sigma.append(math.sqrt(variance) if len(seen) >= 30 else math.nan)
    losses = []
    for start in range(day - 1):
        moved = math.log(price[start + 2] / price[start])
        if not math.isnan(moved * sigma[start]):
            losses.append(-math.expm1(moved * min(max(sigma[day] / sigma[start], 0.25), 4.0)))
    assert found.rate[day] == pytest.approx(shortfall(losses, MARGIN_CONFIDENCE), rel=1e-9)


@pytest.mark.parametrize("portfolio", [SHORT, SPREAD], ids=lambda each: each.name)
def test_the_extreme_tail_is_the_most_likely_one_of_filtered_residuals(
    portfolio: StaticPortfolio, closes: Closes, policy: Policy
) -> None:
    found, day = path("EVT", portfolio, closes, policy), DAYS - 1
    sigma = volatility(closes, portfolio, 30.0)
    residuals = np.array(
        [loss / sigma[start] for start, loss in known_losses(closes, portfolio, day) if not math.isnan(sigma[start])]
    )
    threshold = float(np.sort(residuals)[-int(len(residuals) * 0.1) - 1])
    law = fit_tail(residuals, threshold)
    assert found.rate[day] == pytest.approx(sigma[day] * law.expected_shortfall(0.99), rel=1e-5)
    assert found.forecast is not None
    assert found.forecast.value_at_risk[day] == pytest.approx(sigma[day] * law.value_at_risk(0.975), rel=1e-5)


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.2, 0.5])
def test_tails_of_many_samples_are_those_of_the_search_in_two_numbers(shape: float) -> None:
    draw = np.random.default_rng(8)
    uniform = draw.uniform(size=(5, 120))
    excess = -0.03 * np.log(uniform) if shape == 0.0 else 0.03 / shape * (uniform**-shape - 1.0)
    excess[2, 70:] = 0.0
    count = np.array([120, 120, 70, 120, 120])
    found = most_likely_tails(excess, count)
    for row in range(5):
        law = fit_tail(excess[row, : count[row]], 0.0)
        assert found.shape[row] == pytest.approx(law.shape, abs=2e-6)
        assert found.scale[row] == pytest.approx(law.scale, rel=2e-6)


def test_a_sample_without_excesses_has_no_tail() -> None:
    with pytest.raises(ModelInputError, match="TAIL"):
        most_likely_tails(np.array([[0.1, 0.2], [0.1, 0.0]]), np.array([2, 1]))
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        most_likely_tails(np.array([[0.1, np.nan]]), np.array([2]))


@pytest.mark.parametrize("name", sorted(FORECASTING))
def test_no_margin_knows_a_later_close(name: str, closes: Closes, policy: Policy) -> None:
    whole = FORECASTING[name](closes, policy, PORTFOLIOS, closes.dates[0], closes.dates[-1])
    for day in (290, 301):
        known = Closes(closes.underlyings, closes.dates[: day + 1], closes.close[:, : day + 1])
        cut = FORECASTING[name](known, policy, PORTFOLIOS, known.dates[day - 3], known.dates[day])
        for long, short in zip(whole, cut, strict=True):
            assert np.array_equal(long.rate[day - 3 : day + 1], short.rate, equal_nan=True)
            assert np.isfinite(short.rate).all(), "a day with enough of a past has a margin"


def test_the_variance_of_a_period_is_the_sum_of_its_days() -> None:
    model = GjrGarch(2e-5, 0.05, 0.04, 0.90, 5.0)
    days = [0.0009]
    for _ in range(2):
        days.append(2e-5 + 0.97 * days[-1])
    assert period_variance(model, np.array([0.0009]), 3)[0] == pytest.approx(sum(days))
    draw = stats.t.rvs(5.0, size=2_000_000, random_state=5) * math.sqrt(3.0 / 5.0)
    quantile, shortfall = tail_of(5.0, 0.975)
    assert np.mean(draw > quantile) == pytest.approx(0.025, abs=4 * 1.2e-4)
    beyond = draw[draw > quantile]
    assert shortfall == pytest.approx(beyond.mean(), abs=4 * beyond.std() / math.sqrt(len(beyond)))


def test_the_garch_margin_is_made_of_the_fit_to_what_was_known(closes: Closes, policy: Policy) -> None:
    long, short = path("GARCH", LONG, closes, policy), path("GARCH", SHORT, closes, policy)
    begins = int(np.flatnonzero(np.isfinite(long.rate))[0])
    assert begins == 250 + 2, "250 daily gains, two of them missing with the hole"
    gains = np.diff(closes.close[0]) / closes.close[0][:-1]
    window = gains[:begins][np.isfinite(gains[:begins])]
    model = fit_gjr(window).model
    variance = float(np.mean(window * window))
    for gain in [*window, *gains[begins : begins + 5]]:
        variance = model.omega + (model.alpha + model.gamma * (gain < 0.0)) * gain * gain + model.beta * variance
    two_days = 2.0 * variance + (model.persistence - 1.0) * (variance - model.long_run_variance)
    law = stats.t(model.degrees)
    worst = law.expect(lambda x: x, lb=law.ppf(0.99), conditional=True) * math.sqrt(1.0 - 2.0 / model.degrees)
    assert long.rate[begins + 5] == pytest.approx(worst * math.sqrt(two_days), rel=1e-4)
    assert np.array_equal(long.rate, short.rate, equal_nan=True), "the law is symmetric, the fit is shared"


@pytest.mark.parametrize("name", sorted(set(FORECASTING) - {"GARCH"}))
def test_before_the_least_past_there_is_no_margin_and_no_zero(name: str, closes: Closes, policy: Policy) -> None:
    found = path(name, LONG, closes, policy)
    begins = int(np.flatnonzero(np.isfinite(found.rate))[0])
    # 200 moves over two days; 30 daily returns seed a volatility; the hole costs two moves and no volatility.
    assert begins == 200 + 30 + 2 - 1 + (2 if begins > 120 else 0)
    assert np.isnan(found.rate[:begins]).all() and (found.rate[begins:] > 0.0).all()


def test_the_forecast_of_a_tail_needs_its_threshold_before_the_confidence(closes: Closes, policy: Policy) -> None:
    from tasks.model.assurance.challenger_extreme import extreme_tails

    model = Challenger(
        "X",
        lambda moves, weights, levels, least: extreme_tails(
            moves, weights, Memory(300, least, 30.0), 0.02, Levels(0.99, 0.975)
        ),
    )
    with pytest.raises(ModelInputError, match="CONFIDENCE"):
        model(closes, policy, [LONG], closes.dates[0], closes.dates[-1])


def reference(name: str) -> ReferenceChallenger:
    model = shell.challengers()[name]
    assert isinstance(model, ReferenceChallenger)
    return model


def test_scans_ask_their_declared_range(closes: Closes, policy: Policy) -> None:
    rates = {
        each.portfolio.name: each
        for each in reference("TIMS")(closes, policy, PORTFOLIOS, closes.dates[100], closes.dates[-1])
    }
    days = np.isfinite(closes.close[0, 100:])
    assert np.allclose(rates["BTC long"].rate[days], 0.15) and np.isnan(rates["BTC long"].rate[~days]).all()
    assert np.allclose(rates["BTC long ETH short"].rate[days], 0.15), "no credit between underlyings"
    derive = reference("DERIVE_PM2")(closes, policy, [LONG], closes.dates[-9], closes.dates[-1])[0]
    assert np.allclose(derive.rate, 0.18 + 0.03 + 0.01), "range and both charges on futures"


def test_a_set_that_weighs_coins_is_asked_at_the_first_close_of_a_month(closes: Closes, policy: Policy) -> None:
    model = reference("SPAN")
    assert model.weighs_coins
    first, last = 91, 200
    found = model(closes, policy, [SPREAD], closes.dates[first], closes.dates[last])[0]
    (span,) = (each for each in reference_models.in_force(date.max) if each.name == "SPAN")
    for day in (91, 109, 130, 199):
        month = int(np.argmax(closes.dates.astype("datetime64[M]") == closes.dates[day].astype("datetime64[M]")))
        at = max(month, first)
        book = static_book([SPREAD], ("BTC", "ETH"), closes.close[:, at])
        asked = float(reference_margin(book, span)["margin_usd"][0]) / GROSS_USD
        assert found.rate[day - first] == pytest.approx(asked, rel=1e-12)
    assert np.nanmax(found.rate) < 0.17, "half of the price risk of each leg at the most"


def test_the_static_book_holds_what_the_portfolios_say() -> None:
    book = static_book(PORTFOLIOS, ("BTC", "ETH"), np.array([50_000.0, 2_000.0]))
    coins = book.quantity / np.where(np.array(book.contracts.form)[book.contract_index] == 1, 50_000.0, 1.0)
    assert book.portfolios.height == len(PORTFOLIOS)
    first = slice(int(book.pointer[0]), int(book.pointer[1]))
    assert coins[first].tolist() == [GROSS_USD / 50_000.0]
    assert set(np.diff(book.pointer)) == {1} and len(book.row_portfolio) == 8 + 2 * 2
