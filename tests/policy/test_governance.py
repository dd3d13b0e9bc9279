"""Notice, guard rails and significance against the terms as they are written down."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace

import pytest

from tasks import resources
from tasks.model import policy_file
from tasks.model.assurance.governance import (
    Effect,
    Governance,
    Sizes,
    buffers_refused,
    drifted,
    notice_days,
    rise_refused,
    significance,
    steps_refused,
)
from tasks.model.assurance.policy_change import Change

TERMS: Governance = policy_file.table(
    Governance, tomllib.loads(resources.data("reference/governance.toml").read_text(encoding="utf-8")), "terms"
)


def effect(house: float, bitcoin: float = 0.0, member: float = 0.0) -> Effect:
    return Effect({"house": house, "product BTC": bitcoin}, member)


@pytest.mark.parametrize(
    ("house", "bitcoin", "days"),
    [
        (-0.05, -0.01, 2),  # a decrease
        (0.0, 0.0, 2),
        (0.02, 0.10, 2),  # a rise of at most a tenth
        (0.02, 0.101, 5),  # the group that rises most decides
        (-0.50, 0.25, 5),
        (0.30, 0.0, 5),
    ],
)
def test_notice_follows_the_largest_rise(house: float, bitcoin: float, days: int) -> None:
    assert notice_days(effect(house, bitcoin), TERMS, emergency=False) == days
    assert notice_days(effect(house, bitcoin), TERMS, emergency=True) == 0


@pytest.mark.parametrize(("rise", "refused"), [(0.25, False), (0.2501, True), (math.inf, True)])
def test_margin_rises_by_a_quarter_at_once_at_most(rise: float, refused: bool) -> None:
    findings = list(rise_refused(effect(0.0, rise), TERMS.rails))
    assert [each.code for each in findings] == ["STEP_LIMIT"] * refused


@pytest.mark.parametrize(("step", "refused"), [(0.25, False), (0.4, True), (None, False)])
def test_a_number_moves_by_a_quarter_at_once_at_most(step: float | None, refused: bool) -> None:
    findings = list(steps_refused([Change("grid.vol_up_fraction", "fraction", "0.5", "0.7", step)], TERMS.rails))
    assert [each.code for each in findings] == ["STEP_LIMIT"] * refused


@pytest.mark.parametrize(
    ("state", "fraction", "rise", "refused"),
    [
        ("FULL", 0.25, 0.05, True),
        ("REPLENISHING", 0.1, 0.05, True),
        ("RELEASED", 0.1, 0.05, False),
        ("OFF", 0.0, 0.05, False),
        ("FULL", 0.25, -0.05, False),
    ],
)
def test_a_buffer_is_released_before_margin_is_raised(state: str, fraction: float, rise: float, refused: bool) -> None:
    findings = list(buffers_refused(effect(0.0, rise), {"BTC": (state, fraction)}))
    assert [each.code for each in findings] == ["BUFFER_FIRST"] * refused


@pytest.mark.parametrize(
    ("total", "member", "step", "emergency", "kind"),
    [
        (0.01, 0.10, 0.1, False, "ROUTINE"),
        (-0.02, 0.05, 0.1, False, "STANDARD"),
        (0.0, 0.11, 0.1, False, "STANDARD"),
        (0.0, 0.0, None, False, "STANDARD"),  # a choice of method
        (0.0, 0.0, 0.1, True, "ACCELERATED"),
    ],
)
def test_a_class_comes_with_the_numbers_that_decided_it(
    total: float, member: float, step: float | None, emergency: bool, kind: str
) -> None:
    change = Change("grid.vol_up_fraction", "fraction", "0.5", "0.55", step)
    found, numbers = significance(effect(total, 0.0, member), [change], TERMS, emergency)
    assert found == kind
    assert (float(numbers["total_fraction"]), float(numbers["largest_member_fraction"])) == (total, member)
    assert numbers["routine_total_fraction"] == "0.01"


APPROVED = Sizes("STANDARD", 2, total=0.02, largest_group=0.03, largest_member=0.15)


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (APPROVED, []),
        (replace(APPROVED, total=0.03, largest_group=0.02, largest_member=0.25), []),  # a hundredth, and a tenth
        (replace(APPROVED, notice_days=1), []),
        (replace(APPROVED, total=0.031), ["total"]),
        (replace(APPROVED, total=0.009), ["total"]),
        (replace(APPROVED, largest_group=0.09), ["largest group"]),
        (replace(APPROVED, largest_member=0.26), ["largest member"]),
        (replace(APPROVED, largest_member=math.inf), ["largest member"]),
        (replace(APPROVED, notice_days=5, largest_group=0.12), ["days of notice", "largest group"]),
        (replace(APPROVED, significance="ROUTINE"), ["significance"]),
    ],
)
def test_an_impact_that_moved_by_more_than_a_routine_change_is_another_one(now: Sizes, what: list[str]) -> None:
    assert [name for name, *_ in drifted(APPROVED, now, TERMS)] == what


def test_a_member_without_margin_then_and_now_is_the_same() -> None:
    first = replace(APPROVED, largest_member=math.inf)
    assert list(drifted(first, first, TERMS)) == []
