"""What a search says of its choice: read back as it was written, and held against what is proposed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks import proposal_basis, search_evidence
from tasks.home import canonical_json
from tasks.model.assurance.policy_change import Change
from tasks.model.errors import LeveeError

WEIGHT, MODE = "base_margin.stressed_weight_fraction", "apc_buffer.mode"


@pytest.fixture
def told() -> dict[str, object]:
    rest = {
        "as_of": "2025-12-22",
        "from": None,
        "effective_date": "2026-02-03",
        "coins": ["BTC"],
        "base_policy_hash": "b" * 64,
        "changes": {WEIGHT: "0.5", MODE: "on"},
        "data_hash": "d" * 64,
        "policy_hash": "a" * 64,
        "reason": "least cost times swing",
    }
    return {"search_id": search_evidence.identify(rest), **rest}


def change(rule: str, before: str, after: str) -> Change:
    return Change(rule, "", before, after, None)


def test_it_is_read_as_it_was_written_and_a_changed_one_is_refused(told: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(canonical_json(told))
    assert search_evidence.read(path) == told
    others = [told | {"reason": "a better one"}, told | {"changes": {}}, {"search_id": "x"}, [told], "x"]
    for other in others:
        path.write_text(json.dumps(other), encoding="utf-8")
        with pytest.raises(LeveeError, match="USAGE"):
            search_evidence.read(path)
    with pytest.raises(LeveeError, match="USAGE"):
        search_evidence.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("changed", "fits"),
    [
        ([change(WEIGHT, "0.25", "0.5"), change(MODE, "off", "on")], True),
        ([change(WEIGHT, "0.25", "0.3")], True),  # a stage of it
        ([change(WEIGHT, "0.25", "0.6")], False),
        ([change(WEIGHT, "0.25", "0.2")], False),
        ([change(MODE, "on", "off")], False),
        ([change("base_margin.half_life_days", "90", "70")], False),
    ],
)
def test_what_is_proposed_is_what_was_chosen_or_on_the_way(
    told: dict[str, object], changed: list[Change], fits: bool
) -> None:
    if fits:
        search_evidence.require(told, "b" * 64, changed, "P-1")
        return
    with pytest.raises(LeveeError, match="PARAM_STATE"):
        search_evidence.require(told, "b" * 64, changed, "P-1")


def test_a_search_from_another_policy_is_no_evidence(told: dict[str, object]) -> None:
    with pytest.raises(LeveeError, match="PARAM_STATE"):
        search_evidence.require(told, "c" * 64, [change(WEIGHT, "0.25", "0.5")], "P-1")


def test_numbers_rest_on_one_thing(told: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(canonical_json(told))
    assert proposal_basis.read("", None, path) == {"search": told}
    for judgement, calibration, search in (("because", None, path), ("", path, path), (" ", None, None)):
        with pytest.raises(LeveeError, match="USAGE"):
            proposal_basis.read(judgement, calibration, search)
