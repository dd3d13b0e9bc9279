"""What one policy changes of another, in steps of the size the terms allow."""

from __future__ import annotations

import copy
import itertools
import math
import tomllib
from datetime import date
from typing import Any

import pytest

from tasks import policy_toml
from tasks.model import policy_file
from tasks.model.assurance.policy_change import changes, stages
from tasks.model.errors import PolicyError

Content = dict[str, Any]


def found(before: Content, after: Content) -> dict[str, tuple[str, str, float | None]]:
    old, new = (policy_file.parse(each, "a test") for each in (before, after))
    return {each.rule_id: (each.before, each.after, each.step) for each in changes(old, new)}


def changed(content: Content, *path: str, to: Any) -> Content:
    made = copy.deepcopy(content)
    table = made
    for name in path[:-1]:
        table = table[name]
    table[path[-1]] = to
    return made


def test_the_same_policy_under_another_name_and_date_changes_nothing(content: Content) -> None:
    later = content | {"policy_id": "ANOTHER", "effective_date": date(2026, 1, 1)}
    assert found(content, later) == {}


@pytest.mark.parametrize(
    ("path", "to", "before", "step"),
    [
        (("grid", "vol_up_fraction"), 0.6, "0.5", 0.2),  # 0.1 of 0.5
        (("base_margin", "half_life_days"), 60, "90", 1 / 3),
        (("base_margin", "confidence_stressed_fraction"), 0.995, "0.99", 0.5),  # 0.01 from one to 0.005
        (("vol_proxy", "beta_down", "ETH"), -1.5, "-1.2", 0.25),
        (("vol_proxy", "beta_up", "default"), 1.0, "0.0", 0.1),  # was zero: 1 of the 10 it may be
        (("grid", "range_fraction", "SOL"), 0.3, "0.25", 0.2),  # it had the default's value
        (("base_margin", "scaling"), "full", "mid", None),
        (("vol_proxy", "seed"), 7, "20260101", None),
        (("stress", "anchors"), ["BTC"], "BTC ETH", None),
    ],
)
def test_a_step_is_the_share_a_number_moves_by(
    content: Content, path: tuple[str, ...], to: Any, before: str, step: float | None
) -> None:
    ((rule_id, (was, _, size)),) = found(content, changed(content, *path, to=to)).items()
    assert rule_id == ".".join(path)
    assert was == before
    assert size is None if step is None else size == pytest.approx(step)


@pytest.mark.parametrize(
    ("table", "to", "step"),
    [
        # floors 0, 50e6 and 250e6 with 0, 0.05 and 0.15: without the last, what lies above it falls to a third
        (("collateral", "tiers"), {"floor_usd": [0, 50e6], "added_fraction": [0.0, 0.05]}, 2 / 3),
        # a tier more that charges as before moves nothing; one that charges a tenth more moves by that
        (("collateral", "tiers"), {"floor_usd": [0, 5e7, 1e8, 2.5e8], "added_fraction": [0.0, 0.05, 0.05, 0.15]}, 0.0),
        (("collateral", "tiers"), {"floor_usd": [0, 5e7, 1e8, 2.5e8], "added_fraction": [0.0, 0.05, 0.055, 0.15]}, 0.1),
        # 0.02, 0.025, 0.04, 0.05 and 0.10: one bracket takes what is above from a tenth to two hundredths
        (("brackets", "major"), {"floor_usd": [0], "im_fraction": [0.02]}, 0.8),
        # steps 0, 0.10, 0.25 and 0.50: without the last the third level pays half
        (("credit",), {"step_fraction": [0.0, 0.10, 0.25], "score_at_least": [70.0, 50.0]}, 0.5),
        # a step more for a score below 10 that is as high as the last
        (("credit",), {"step_fraction": [0.0, 0.1, 0.25, 0.5, 0.5], "score_at_least": [70.0, 50.0, 30.0, 10.0]}, 0.0),
        # -0.66, -0.33, 0.5, 1 and 2: nearest to a dropped -0.66 is -0.33
        (("grid",), {"extreme_moves": [-0.33, 0.5, 1.0, 2.0]}, 0.5),
        (("grid",), {"extreme_moves": [-0.66, -0.60, -0.33, 0.5, 1.0, 2.0]}, 1 / 11),  # 0.06 of 0.66
        (("grid",), {"extreme_moves": []}, 1.0),
    ],
)
def test_a_list_of_another_length_moves_by_what_it_declares(
    content: Content, table: tuple[str, ...], to: Content, step: float
) -> None:
    made = content
    for name, value in to.items():
        made = changed(made, *table, name, to=value)
    sizes = [size for *_, size in found(content, made).values()]
    assert sizes == pytest.approx([step] * len(to), abs=1e-12)


def test_a_jump_is_parted_into_equal_ratios(content: Content) -> None:
    parts = stages(content, changed(content, "grid", "vol_up_fraction", to=1.0), 0.25)
    values = [each["grid"]["vol_up_fraction"] for each in parts]
    assert len(values) == math.ceil(math.log(2.0) / math.log(1.25))
    assert values == pytest.approx([0.5 * 2 ** (k / 4) for k in (1, 2, 3, 4)])
    assert values[-1] == 1.0


def test_the_distance_to_one_of_a_confidence_is_what_is_parted(content: Content) -> None:
    name = "confidence_filtered_fraction"
    parts = stages(content, changed(content, "base_margin", name, to=0.99), 0.25)
    distances = [0.025, *(1.0 - each["base_margin"][name] for each in parts)]
    shares = [b / a for a, b in itertools.pairwise(distances)]
    assert shares == pytest.approx([0.4 ** (1 / len(parts))] * len(parts))
    assert min(shares) >= 0.75


def test_a_choice_of_method_comes_with_the_last_stage(content: Content) -> None:
    target = changed(changed(content, "grid", "vol_up_fraction", to=0.7), "base_margin", "scaling", to="full")
    parts = stages(content, target, 0.25)
    assert [each["base_margin"]["scaling"] for each in parts] == ["mid", "full"]
    assert parts[-1] == target


def test_what_no_number_of_stages_reaches_is_refused(content: Content) -> None:
    with pytest.raises(PolicyError, match="STEP_LIMIT"):
        stages(
            content, changed(content, "grid", "vol_up_fraction", to=0.0), 0.25
        )  # a share of itself never gets to zero


def test_a_written_policy_reads_back_as_the_same(content: Content) -> None:
    text = policy_toml.text(content, "On top.\nTwo lines.")
    assert text.startswith("# On top.\n# Two lines.\n")
    assert policy_file.content_hash(tomllib.loads(text)) == policy_file.content_hash(content)
