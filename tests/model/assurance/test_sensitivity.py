"""Every number of a policy is moved by the declared step, and what a step does is counted."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

import pytest

from tasks import resources
from tasks.model import policy_file
from tasks.model.assurance.parameter_steps import Step, moved, steps
from tasks.model.assurance.sensitivity import sensitivities, summary
from tasks.model.errors import Finding, ModelInputError
from tasks.model.policy import Policy


@pytest.fixture(scope="module")
def opening() -> dict[str, object]:
    return tomllib.loads((resources.data("policy/2014-01-01.toml")).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found(opening: dict[str, object]) -> dict[str, Step]:
    return {step.rule_id: step for step in steps(opening)}


@pytest.mark.parametrize(
    ("value", "name", "bounds", "expected"),
    [
        (90.0, "half_life_days", (5.0, 1000.0), 99.0),
        (0.1, "fraction", (0.0, 1.0), 0.11),
        (-1.8, "beta_down", (-5.0, 5.0), -1.98),
        (0.975, "confidence_filtered_fraction", (0.9, 0.999), 0.9775),
        (2, "house", (1.0, 10.0), 3),
        (1500, "lookback_scenarios", (250.0, 5000.0), 1650),
        (10, "house", (1.0, 10.0), 9),
        (1.0, "fraction", (0.0, 1.0), 0.9),
        (0.0, "rate", (0.0, 0.5), 0.005),
        ([0.0, 5e6], "floor_usd", (0.0, 1e12), [0.0, 5.5e6]),
    ],
)
def test_a_step_is_a_tenth_or_what_is_declared_in_its_place(
    value: object, name: str, bounds: tuple[float, float], expected: object
) -> None:
    after = moved(value, name, *bounds)
    assert after == expected and type(after) is type(value)


def test_every_number_of_the_policy_has_a_step_and_nothing_else_moves(
    found: dict[str, Step], opening: dict[str, object]
) -> None:
    numbers = {
        name
        for name, text in policy_file.flat(policy_file.parse(opening, "opening")).items()
        if text[:1] in "-0123456789["
    }
    named = {rule_id for rule_id in found if not rule_id.endswith("seed")}
    assert {"vol_proxy.seed"} <= numbers - named
    before = policy_file.flat(policy_file.parse(opening, "opening"))
    for step in found.values():
        assert step.before != step.after
        if step.policy:
            after = policy_file.flat(step.policy)
            assert [name for name in before if before[name] != after[name]] == [step.rule_id]
    assert len(found) > 120


def test_a_step_the_policy_may_not_take_is_told(opening: dict[str, object]) -> None:
    base: Mapping[str, object] = opening["base_margin"]  # type: ignore[assignment]  # a table of the file
    tight = {**opening, "base_margin": {**base, "minimum_scenarios": 1500}}
    step = next(each for each in steps(tight) if each.rule_id == "base_margin.minimum_scenarios")
    assert step.policy is None and "PARAM_STATE" in step.refused


def test_changes_are_against_the_policy_as_it_is_and_a_refusal_is_no_zero(opening: dict[str, object]) -> None:
    policy = policy_file.parse(opening, "opening")

    def required(each: Policy) -> Mapping[str, float]:
        if each.base_margin.half_life_days > 95.0:
            raise ModelInputError(Finding("HISTORY_SHORT", "too few"))
        return {"b": 100.0 * each.grid.range_fraction["BTC"], "a": 7.0}

    rows = sensitivities(required, policy, steps(opening))
    moved_up = rows.filter(rule_id="grid.range_fraction.BTC").sort("subject")
    assert moved_up["change"].to_list() == [0.0, pytest.approx(1.2)]
    assert moved_up["requirement"].to_list() == [7.0, pytest.approx(13.2)]
    told = summary(rows)
    by_rule = {row["rule_id"]: row for row in told.iter_rows(named=True)}
    assert by_rule["grid.range_fraction.BTC"]["total_change"] == pytest.approx(1.2)
    assert by_rule["grid.range_fraction.BTC"]["subjects_moved"] == 1
    assert by_rule["grid.range_fraction.ETH"]["total_change"] == 0.0
    refused = by_rule["base_margin.half_life_days"]
    assert refused["total_change"] is None and "HISTORY_SHORT" in refused["refused"]
    assert refused["subjects_moved"] == 0
