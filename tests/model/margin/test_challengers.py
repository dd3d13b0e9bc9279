"""Challengers of the policy through the whole margin model: each effect is worked from the closes alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from tasks.model.assurance.challenger_book import book_margins
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.market.gjr_garch import fit_gjr
from tasks.model.policy import ByName, Policy, StressWindows

AS_OF, TODAY = datetime(2026, 1, 30, 8), date(2026, 1, 30)
Book = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Book], MarginInputs]
LONG: Book = [("M001", "M001H", "", "BTC-PERP.LIN.USDC", "1000")]  # one coin long
FORWARD, DAYS = 90_010.0, 2


@pytest.fixture(scope="module")
def closes() -> dict[date, float]:
    """900 closes of BTC: 500 wild days, then quiet ones."""
    draw, log, found = random.Random(11), 11.0, {}
    for back in range(899, -1, -1):
        log += draw.gauss(0, 0.05 if back > 399 else 0.012)
        found[TODAY - timedelta(days=back)] = float(f"{math.exp(log):.6f}")
    return found


@pytest.fixture
def book(inputs: Inputs, closes: dict[date, float]) -> MarginInputs:
    rows = [("BTC", day, Decimal(f"{close:.6f}")) for day, close in closes.items()]
    made = inputs(LONG)
    return replace(made, history=pl.DataFrame(rows, schema=made.history.schema, orient="row"))


@pytest.fixture
def narrow(policy: Policy) -> Policy:
    """A grid too narrow to bind."""
    return replace(policy, grid=replace(policy.grid, range_fraction=ByName({"default": 0.01})))


def with_base(policy: Policy, **values: Any) -> Policy:
    return replace(policy, base_margin=replace(policy.base_margin, **values))


def margin(book: MarginInputs, policy: Policy) -> MarginResult:
    return initial_margin(book, AS_OF, policy)


def risk(result: MarginResult, column: str) -> float:
    return float(result.portfolio_risk.filter(pl.col("underlying") == "BTC")[column].item())


def line(result: MarginResult, component: str) -> dict[str, Any]:
    return result.requirement.filter(pl.col("margin_account_id") == "M001H", pl.col("component") == component).row(
        0, named=True
    )


def move(closes: dict[date, float], start: date) -> float:
    return math.log(closes[start + timedelta(days=DAYS)] / closes[start])


def shortfall(moves: list[float], confidence: float) -> float:
    """Mean of the worst n (1 - c) losses of one coin, the last with its fraction."""
    losses = sorted((FORWARD * (1.0 - math.exp(each)) for each in moves), reverse=True)
    k = len(losses) * (1.0 - confidence)
    whole = int(k + 1e-9)
    return (sum(losses[:whole]) + (k - whole) * losses[whole]) / k


def forecasts(closes: dict[date, float], policy: Policy) -> dict[date, float]:
    """Volatility per day as of each close: zero-mean, exponentially weighted, seeded by the first thirty returns."""
    base, days = policy.base_margin, sorted(closes)
    returns = [(day, math.log(closes[day] / closes[day - timedelta(days=1)])) for day in days[1:]]
    seed = returns[: base.volatility_seed_days]
    variance, decay = sum(r * r for _, r in seed) / len(seed), 0.5 ** (1.0 / base.half_life_days)
    floor, found = base.volatility_floor_per_day["BTC"], {}
    found[seed[-1][0]] = max(math.sqrt(variance), floor)
    for day, r in returns[base.volatility_seed_days :]:
        variance = decay * variance + (1.0 - decay) * r * r
        found[day] = max(math.sqrt(variance), floor)
    return found


def starts(closes: dict[date, float], policy: Policy) -> list[date]:
    return sorted(closes)[: len(closes) - DAYS][-policy.base_margin.lookback_scenarios :]


@pytest.mark.parametrize("scaling", ["mid", "full", "none"])
def test_scaling_moves_the_filtered_shortfall_as_far_as_it_says(
    book: MarginInputs, closes: dict[date, float], narrow: Policy, scaling: str
) -> None:
    policy = with_base(narrow, scaling=scaling)
    sigma = forecasts(closes, policy)

    def factor(day: date) -> float:
        raw = {"mid": (sigma[day] + sigma[TODAY]) / (2 * sigma[day]), "full": sigma[TODAY] / sigma[day], "none": 1.0}
        return min(max(raw[scaling], 0.25), 4.0)

    expected = shortfall([move(closes, day) * factor(day) for day in starts(closes, policy)], 0.975)
    assert risk(margin(book, policy), "filtered_es_usd") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("name", "in_full"), [("HS_1000", False), ("FHS", True)])
def test_a_book_is_simulated_with_moves_as_they_were_or_scaled_in_full(
    book: MarginInputs, closes: dict[date, float], policy: Policy, name: str, in_full: bool
) -> None:
    """Neither the grid nor stressed dates nor the half-life of the policy in force leave a trace."""
    sigma = forecasts(closes, with_base(policy, half_life_days=30.0))
    known = [day for day in sorted(closes)[: len(closes) - DAYS] if day in sigma]
    moves = [move(closes, day) * (min(max(sigma[TODAY] / sigma[day], 0.25), 4.0) if in_full else 1.0) for day in known]
    rows = book_margins(book, AS_OF, policy).filter(model=name, margin_account_id="M001H")
    assert rows["margin_usd"].sum() == pytest.approx(shortfall(moves, 0.99), rel=1e-9)


def test_a_book_s_extreme_tail_is_that_of_its_simulated_losses(
    book: MarginInputs, closes: dict[date, float], policy: Policy
) -> None:
    sigma = forecasts(closes, with_base(policy, half_life_days=30.0))
    known = [day for day in sorted(closes)[: len(closes) - DAYS] if day in sigma]
    losses = sorted(
        (
            FORWARD * (1.0 - math.exp(move(closes, day) * min(max(sigma[TODAY] / sigma[day], 0.25), 4.0)))
            for day in known
        ),
        reverse=True,
    )
    threshold, beyond = losses[len(losses) // 10], losses[: len(losses) // 10]
    unit = sum(beyond) / len(beyond) - threshold
    shape, _, scale = stats.genpareto.fit([(loss - threshold) / unit for loss in beyond], floc=0.0)
    scale *= unit
    share = len(beyond) / len(losses)
    quantile = threshold + scale / shape * ((0.01 / share) ** -shape - 1.0)
    expected = (quantile + scale - shape * threshold) / (1.0 - shape)
    rows = book_margins(book, AS_OF, policy).filter(model="EVT", margin_account_id="M001H")
    assert rows["margin_usd"].sum() == pytest.approx(expected, rel=2e-3)


def test_a_book_s_garch_is_that_of_the_daily_gains_of_what_it_holds_tonight(
    book: MarginInputs, closes: dict[date, float], policy: Policy
) -> None:
    days = sorted(closes)
    gains = np.array([FORWARD * (closes[day] / closes[before] - 1.0) for before, day in pairwise(days)])
    sigma = forecasts(closes, with_base(policy, half_life_days=30.0))
    gains = gains[[day in sigma for day in days[:-1]]]
    model = fit_gjr(gains).model
    variance = float(np.mean(gains**2))
    for gain in gains:
        variance = model.omega + (model.alpha + model.gamma * (gain < 0)) * gain**2 + model.beta * variance
    following = model.omega + model.persistence * variance
    drawn = stats.t.rvs(model.degrees, size=400_000, random_state=5) * math.sqrt((model.degrees - 2) / model.degrees)
    tail = float(np.sort(drawn)[-4_000:].mean())
    rows = book_margins(book, AS_OF, policy).filter(model="GARCH", margin_account_id="M001H")
    assert rows["margin_usd"].sum() == pytest.approx(math.sqrt(variance + following) * tail, rel=0.02)


def test_a_book_too_young_for_a_law_has_no_figure_and_an_empty_one_asks_nothing(
    book: MarginInputs, closes: dict[date, float], policy: Policy
) -> None:
    young = with_base(policy, minimum_scenarios=100, volatility_seed_days=30)
    short = replace(book, history=book.history.sort("date").tail(200))
    rows = book_margins(short, AS_OF, young)
    holding = rows.filter(margin_account_id="M001H").group_by("model").agg(pl.col("margin_usd").null_count()).to_dicts()
    assert {row["model"]: row["margin_usd"] for row in holding} == {"HS_1000": 0, "FHS": 0, "EVT": 0, "GARCH": 1}
    others = rows.filter(pl.col("margin_account_id") != "M001H")
    assert others.height and (others["margin_usd"] == 0.0).all()


def test_after_wild_years_the_less_is_rescaled_the_more_is_asked(book: MarginInputs, narrow: Policy) -> None:
    """The look-back reaches into the wild days: their moves shrink by half with mid and by all with full scaling."""
    wide = with_base(narrow, lookback_scenarios=800)
    none, mid, full = (
        risk(margin(book, with_base(wide, scaling=word)), "filtered_es_usd") for word in ("none", "mid", "full")
    )
    assert none > 1.2 * mid and mid > 1.2 * full


def test_the_long_run_floor_binds_in_quiet_times_and_is_the_shortfall_at_long_run_volatility(
    book: MarginInputs, closes: dict[date, float], narrow: Policy
) -> None:
    plain = with_base(narrow, stressed_weight_fraction=0.0)
    policy = with_base(plain, long_run_floor="on")
    sigma, days = forecasts(closes, policy), sorted(closes)
    daily = [math.log(closes[day] / closes[before]) for before, day in pairwise(days)]
    lasting = math.sqrt(sum(r * r for r in daily) / len(daily))
    moves = [
        move(closes, day) * min(max((sigma[day] + lasting) / (2 * sigma[day]), 0.25), 4.0)
        for day in starts(closes, policy)
    ]
    off, on = line(margin(book, plain), "BASE_MARGIN"), line(margin(book, policy), "BASE_MARGIN")
    assert float(on["amount_usd"]) == pytest.approx(shortfall(moves, 0.975), abs=0.011)
    assert on["amount_usd"] > Decimal("1.2") * off["amount_usd"]
    assert (off["binding_component"], on["binding_component"]) == ("EXPECTED_SHORTFALL", "LONG_RUN_FLOOR")
    assert on["worst_scenario_id"].startswith("L-")


def test_the_buffer_is_a_quarter_of_the_first_three_lines_while_nothing_is_released(
    book: MarginInputs, narrow: Policy
) -> None:
    on = replace(narrow, apc_buffer=replace(narrow.apc_buffer, mode="on", replenish_step_fraction=1.0))
    off, with_buffer = margin(book, narrow), margin(book, on)
    three = sum(
        (
            line(with_buffer, name)["amount_usd"]
            for name in ("BASE_MARGIN", "CORRELATION_BREAK", "LIQUIDITY_CONCENTRATION")
        ),
        Decimal(0),
    )
    assert line(off, "APC_BUFFER")["amount_usd"] == 0
    assert float(line(with_buffer, "APC_BUFFER")["amount_usd"]) == pytest.approx(float(three) * 0.25, abs=0.011)


def named(policy: Policy, first: date, last: date, active: date) -> Policy:
    windows = StressWindows(("a quiet month",), (first,), (last,), (active,))
    return replace(policy, stress=replace(policy.stress, windows=windows))


def test_a_window_counts_from_its_date_on_and_before_it_nothing_changes(
    book: MarginInputs, closes: dict[date, float], narrow: Policy
) -> None:
    plain = margin(book, narrow)
    chosen = set(plain.scenario.filter(pl.col("scenario_set") == "STRESSED")["start_date"])
    quiet = [day for day in starts(closes, narrow)[-300:-20] if day not in chosen]
    first, last = quiet[0], quiet[-1]
    early = margin(book, named(narrow, first, last, TODAY + timedelta(days=1)))
    for table in fields(plain):
        assert getattr(early, table.name).equals(getattr(plain, table.name)), table.name
    late = margin(book, named(narrow, first, last, TODAY))
    window = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    expected = chosen | window
    assert set(late.scenario.filter(pl.col("scenario_set") == "STRESSED")["start_date"]) == expected
    moves = [move(closes, day) for day in expected]
    assert risk(late, "stressed_es_usd") == pytest.approx(shortfall(moves, 0.99), rel=1e-9)
    assert risk(late, "filtered_es_usd") == risk(plain, "filtered_es_usd")


def test_what_comes_after_today_changes_nothing(book: MarginInputs, narrow: Policy) -> None:
    """A window that reaches past today takes the starts there are, and no close of tomorrow is known."""
    policy = named(narrow, TODAY - timedelta(days=5), TODAY + timedelta(days=30), TODAY)
    taken = set(margin(book, policy).scenario.filter(pl.col("scenario_set") == "STRESSED")["start_date"])
    assert max(taken) == TODAY - timedelta(days=DAYS)
