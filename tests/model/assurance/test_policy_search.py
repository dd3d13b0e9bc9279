"""Search for a policy: the frontier by brute force, bounds and steps kept, and a choice blind to the second half."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tasks import resources
from tasks.model.arrays import Closes
from tasks.model.assurance.frontier import Figures, figures, least, non_dominated
from tasks.model.assurance.governance import Rails
from tasks.model.assurance.policy_grid import Axis, Candidate, active_name, axes, between, candidates, every_point
from tasks.model.assurance.policy_search import Choice, Trial, choose, first_half, held_to, second_half, trial
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import roll_policies
from tasks.model.assurance.static_portfolio import OUTRIGHT, static_portfolios

RAILS = Rails(0.25, 2, (0.10, 0.25), (2, 5))
DAYS, SPLIT = 440, 340
TARGET = 0.98


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return tomllib.loads((resources.data("policy") / "2014-01-01.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def closes() -> Closes:
    shocks = np.random.default_rng(11).standard_t(4, DAYS)
    close = 100.0 * np.exp(np.cumsum(0.02 * shocks))[None, :]
    return Closes(("BTC",), np.datetime64("2021-01-01") + np.arange(DAYS), close)


def path(rate: Sequence[float], loss: Sequence[float], horizon: int = 2) -> RatePath:
    n = len(rate)
    series = [np.array(each, dtype=float) for each in (rate, loss)]
    flat = np.full(n, 0.02)
    portfolio = static_portfolios(["BTC"])[0]
    return RatePath(portfolio, "M", horizon, np.datetime64("2024-01-01") + np.arange(n), *series, flat, flat, 0.0)


def random_figures(n: int) -> dict[str, Figures]:
    """On a coarse lattice, so that there are ties and equal points."""
    drawn = np.random.default_rng(n).integers(0, 6, (n, 3))
    return {f"p{i}": Figures(0.99 + 0.001 * a, 0.2, 0.1 + 0.01 * b, 1.0 + 0.1 * c) for i, (a, b, c) in enumerate(drawn)}


@pytest.mark.parametrize("n", [1, 7, 60, 150])
def test_the_frontier_is_what_brute_force_finds(n: int) -> None:
    found = random_figures(n)

    def beats(one: Figures, other: Figures) -> bool:
        no_worse = (
            one.lowest_coverage >= other.lowest_coverage
            and one.matched_cost <= other.matched_cost
            and one.peak_to_trough <= other.peak_to_trough
        )
        same = (one.lowest_coverage, one.matched_cost, one.peak_to_trough) == (
            other.lowest_coverage,
            other.matched_cost,
            other.peak_to_trough,
        )
        return no_worse and not same

    expected = {name for name, own in found.items() if not any(beats(each, own) for each in found.values())}
    efficient = non_dominated(found)
    assert set(efficient) == expected and len(efficient) == len(expected)
    costs = [found[name].matched_cost for name in efficient]
    assert costs == sorted(costs)


def test_the_least_of_those_that_cover_is_on_the_frontier() -> None:
    found = random_figures(80)
    name = least(found, 0.993)
    assert name in non_dominated(found)
    covering = [each for each in found.values() if each.lowest_coverage >= 0.993]
    assert found[name].score == min(each.matched_cost * each.peak_to_trough for each in covering)
    assert least(found, 0.9999) is None


def test_figures_by_hand() -> None:
    # Four days, one breach: 75 %. To cover all four, margins must grow by 0.3 / 0.2; the second path covers as it is.
    one = path([0.2, 0.1, 0.2, 0.4], [0.1, 0.05, 0.3, -0.2])
    two = path([0.2] * 4, [0.2, 0.1, 0.0, np.nan])
    found = figures([one, two], 0.999)
    assert found.lowest_coverage == 0.75
    assert found.mean_rate == pytest.approx((0.9 / 4 + 0.2) / 2)
    assert found.matched_cost == pytest.approx((1.5 * 0.9 / 4 + 1.0 * 0.2) / 2)
    assert found.peak_to_trough == pytest.approx((4.0 + 1.0) / 2)


def test_the_grid_keeps_to_bounds_and_tells_what_one_change_may_not_do(content: dict[str, Any]) -> None:
    grid = (
        Axis("half-life", ("base_margin.half_life_days",), ((70,), (112,), (180,), (1,))),
        Axis("weight", ("base_margin.stressed_weight_fraction",), ((0.2,), (1.5,))),
    )
    found, refused = candidates(content, grid, RAILS)
    # Four half-lives and the active 90, two weights and the active 0.25; a day's half-life and a weight above 1 are no
    # policies.
    assert len(found) + len(refused) == 5 * 3
    assert all("half-life 1," in name or "weight 1.5" in name for name in refused)
    assert {name for name in refused if "weight 1.5" in name} and len(refused) == 5 + 2
    far = {each.name for each in found if each.too_far}
    assert far == {each.name for each in found if "half-life 180" in each.name}, (
        "a step of 1; 70 and 112 are within 25 %"
    )
    active = next(each for each in found if each.name == active_name(content, grid))
    assert active.content == content and not active.too_far


@pytest.mark.parametrize("axis", axes(("BTC", "ETH")), ids=lambda axis: axis.label)
def test_every_declared_value_is_within_the_bounds_and_the_active_one_among_them(
    content: dict[str, Any], axis: Axis
) -> None:
    found, refused = candidates(content, (axis,), RAILS)
    assert not refused and len({each.policy.policy_hash for each in found}) == len(found)
    assert min(each.policy.base_margin.lookback_scenarios for each in found) >= 1_000
    assert active_name(content, (axis,)) in {each.name for each in found}


def test_an_axis_moves_only_beside_those_it_names(content: dict[str, Any]) -> None:
    grid = (
        Axis("half-life", ("base_margin.half_life_days",), ((70,), (90,))),
        Axis("weight", ("base_margin.stressed_weight_fraction",), ((0.2,), (0.25,))),
        Axis("buffer", ("apc_buffer.mode",), (("off",), ("on",)), ("weight",)),
    )
    found, _ = candidates(content, grid, RAILS)
    assert {each.name for each in found if each.policy.apc_buffer.mode == "off"} == {
        f"half-life {days}, weight {weight}" for days in (70, 90) for weight in ("0.2", "0.25")
    }, "an axis that moves beside others alone is named where it moves"
    buffered = {
        (each.policy.base_margin.half_life_days, each.policy.base_margin.stressed_weight_fraction)
        for each in found
        if each.policy.apc_buffer.mode == "on"
    }
    assert buffered == {(90, 0.2), (90, 0.25)} and len(found) == 4 + 2


def test_the_declared_grid_is_wide_and_never_asks_for_less_time_to_close_out(content: dict[str, Any]) -> None:
    grid = axes(("BTC", "ETH"))
    # Five half-lives, four look-backs, six weights, four confidences; beside the last two alone two scalings, the
    # floor, a day more and the buffer.
    assert len(list(every_point(content, grid))) == 5 * 4 * 6 * 4 + (2 + 1 + 1 + 1) * 6 * 4
    found, refused = candidates(content, grid, RAILS)
    assert not refused
    periods = {each.policy.base_margin.liquidation_period_days.house["BTC"] for each in found}
    assert periods == {2, 3}
    longer = [each for each in found if each.policy.base_margin.liquidation_period_days.house["ETH"] == 3]
    assert all(each.policy.base_margin.liquidation_period_days.client_gross["ETH"] == 3 for each in longer)
    assert all(each.name.endswith("period 3") and each.too_far for each in longer)


def test_finer_points_lie_half_way_to_the_next_values(content: dict[str, Any]) -> None:
    grid = (
        Axis("half-life", ("base_margin.half_life_days",), ((45,), (90,))),
        Axis("weight", ("base_margin.stressed_weight_fraction",), ((0.2,), (0.25,), (0.5,))),
        Axis("floor", ("base_margin.long_run_floor",), (("on",),), ("weight",)),
    )
    tried, _ = candidates(content, grid, RAILS)
    leader = next(each for each in tried if each.name == "half-life 90, weight 0.25, floor on")
    points = list(between(grid, tried, leader))
    assert points == [((68,), (0.25,), ("on",)), ((90,), (0.225,), ("on",)), ((90,), (0.375,), ("on",))]
    finer, refused = candidates(content, grid, RAILS, points)
    assert not refused and [each.policy.base_margin.long_run_floor for each in finer] == ["on"] * 3


def trials_of(
    tried: Sequence[Candidate], rates: Mapping[str, list[float]], loss: list[float], rails: Rails = RAILS
) -> dict[str, Trial]:
    active = [path(rates["weight 0.25"], loss)]
    return {
        each.name: trial(each, [path(rates[each.name], loss)], active, 0.99, rails)
        for each in tried
        if each.name in rates
    }


def test_a_rise_beyond_the_longest_notice_is_not_chosen(content: dict[str, Any]) -> None:
    grid = (Axis("weight", ("base_margin.stressed_weight_fraction",), ((0.2,), (0.25,), (0.3,))),)
    tried, _ = candidates(content, grid, RAILS)
    loss = [0.15, 0.0, 0.0, 0.0]
    rates = {"weight 0.2": [0.1] * 4, "weight 0.25": [0.2, 0.3, 0.2, 0.2], "weight 0.3": [0.26] * 4}
    trials = trials_of(tried, rates, loss)
    found = choose(trials, "weight 0.25", 0.99)
    assert trials["weight 0.3"].rise == pytest.approx(0.30)
    assert [each.code for each in trials["weight 0.3"].refused] == ["STEP_LIMIT"]
    assert found.unbound == "weight 0.3" and found.chosen == found.cheapest == "weight 0.25"
    patient = trials_of(tried, rates, loss, replace(RAILS, rise_at_most_fraction=(0.1, 0.35)))
    assert choose(patient, "weight 0.25", 0.99).chosen == "weight 0.3"


def test_what_swings_more_than_the_active_policy_is_not_chosen_however_cheap(content: dict[str, Any]) -> None:
    grid = (Axis("weight", ("base_margin.stressed_weight_fraction",), ((0.2,), (0.25,), (0.3,))),)
    tried, _ = candidates(content, grid, RAILS)
    loss = [0.1, 0.0, 0.0, 0.0]
    # Of the same swing the third is cheapest; the first costs a third and swings by a twentieth more.
    rates = {"weight 0.2": [0.11, 0.10, 0.105, 0.105], "weight 0.25": [0.33, 0.315, 0.33, 0.315]}
    rates["weight 0.3"] = [0.315, 0.30, 0.315, 0.30]
    found = choose(trials_of(tried, rates, loss), "weight 0.25", 0.99)
    assert found.cheapest == "weight 0.3" and "weight 0.2" not in found.leaders
    assert found.leaders == tuple(dict.fromkeys((found.chosen, found.unbound, found.cheapest)))


def test_a_longer_period_is_held_against_the_losses_of_the_active_one() -> None:
    own, base = path([0.3] * 4, [0.2, 0.4, np.nan, np.nan], horizon=3), path([0.2] * 4, [0.1, 0.25, 0.0, np.nan])
    (held,) = held_to([own], [base])
    np.testing.assert_array_equal(held.loss, base.loss)
    assert held.horizon_days == 2 and held.forecast is None and held.rate is own.rate
    assert held_to([base], [base])[0] is base


def test_the_choice_knows_nothing_of_the_second_half(content: dict[str, Any], closes: Closes) -> None:
    grid = (
        Axis("half-life", ("base_margin.half_life_days",), ((80,), (90,))),
        Axis("weight", ("base_margin.stressed_weight_fraction",), ((0.2,), (0.25,), (0.5,))),
    )
    tried, _ = candidates(content, grid, RAILS)
    split = closes.dates[SPLIT]
    known = Closes(closes.underlyings, closes.dates[:SPLIT], closes.close[:, :SPLIT])
    later = np.arange(DAYS) >= SPLIT
    spoiled = replace(closes, close=np.where(later, closes.close**1.5, closes.close))
    active = active_name(content, grid)
    whole, ended, other = (trials(each, tried, split, active) for each in (closes, known, spoiled))
    assert told(whole, active) == told(ended, active) == told(other, active)
    assert choose(whole, active, TARGET).unbound is not None


def test_the_first_half_ends_with_the_last_loss_known_before_the_split() -> None:
    whole = path([0.2] * 10, [0.1] * 10)
    split = whole.dates[6]
    assert first_half(whole, split).dates[-1] == whole.dates[3], "whose loss is that of the close of day 5"
    assert second_half(whole, split).dates[0] == split


def rolled(closes: Closes, tried: Sequence[Candidate]) -> Mapping[str, Sequence[RatePath]]:
    policies = [
        replace(
            each.policy, base_margin=replace(each.policy.base_margin, lookback_scenarios=200, minimum_scenarios=100)
        )
        for each in tried
    ]
    held = [each for each in static_portfolios(["BTC"]) if each.product == OUTRIGHT]
    found = roll_policies(closes, policies, held, closes.dates[240], closes.dates[-1])
    return {each.name: paths for each, paths in zip(tried, found, strict=True)}


def trials(closes: Closes, tried: Sequence[Candidate], split: np.datetime64, active: str) -> dict[str, Trial]:
    paths = {name: [first_half(each, split) for each in held] for name, held in rolled(closes, tried).items()}
    return {each.name: trial(each, paths[each.name], paths[active], TARGET, RAILS) for each in tried}


def told(found: Mapping[str, Trial], active: str) -> tuple[Choice, Any]:
    return choose(found, active, TARGET), {name: (each.first, each.rise) for name, each in found.items()}
