"""A review that nobody types: what a calibration contradicts becomes a proposal's first stage, dated by its notice."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks import policy_proposal, policy_review, policy_store
from tasks.home import Home
from tasks.model.errors import LeveeError
from tasks.store import Store

DAY = date(2026, 1, 30)


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[dict[str, Any], dict[str, Any]], Home]:
    """A home whose calibration finds given changes, without any history."""

    def make(content: dict[str, Any], found: dict[str, Any]) -> Home:
        home = Home(tmp_path / "home").prepare("TEST")
        made = SimpleNamespace(content=content, calibration_id="0123", as_dict=lambda: {"changes": found})
        monkeypatch.setattr(policy_proposal, "house_day", lambda home: DAY)
        monkeypatch.setattr(policy_review.calibration, "calibrate", lambda *asked: made)
        monkeypatch.setattr(
            policy_review.calibration, "write", lambda *asked: {"policy.toml": tmp_path / "policy.toml"}
        )
        return home

    return make


def test_a_change_that_is_too_large_is_drafted_as_its_first_stage(
    calibrated: Callable[..., Home], content: dict[str, Any], tmp_path: Path
) -> None:
    content["grid"]["vol_up_fraction"] = 0.72  # from 0.5: two stages of 1.2 each
    content["policy_id"] = "CALIBRATED-2026-01-30"
    home = calibrated(content, {"grid.vol_up_fraction": 0.72})
    made = policy_review.draft(home, tmp_path, ("BTC",))
    assert made is not None
    drafted = policy_store.load(made.file)
    assert drafted.grid.vol_up_fraction == pytest.approx(0.6)
    assert drafted.policy_id == "CALIBRATED-2026-01-30"
    assert drafted.effective_date == date(2026, 2, 5)  # six days on: the longest notice is five
    assert tomllib.loads(made.file.read_text(encoding="utf-8"))["call"] == content["call"]


def test_data_that_contradict_nothing_draft_nothing(
    calibrated: Callable[..., Home], content: dict[str, Any], tmp_path: Path
) -> None:
    assert policy_review.draft(calibrated(content, {}), tmp_path, ("BTC",)) is None


def test_a_number_that_was_not_calibrated_rests_on_no_calibration(
    tmp_path: Path, policy_file: Callable[..., Path]
) -> None:
    home = Home(tmp_path / "home").prepare("TEST")
    file = policy_file("2026-02-03", ("vol_up_fraction = 0.50", "vol_up_fraction = 0.60"))
    with Store(home.database) as store:
        made = policy_proposal.propose(home, store, file, "ada", "why", emergency=False)
        with pytest.raises(LeveeError, match=r"PARAM_STATE.*grid\.vol_up_fraction"):
            policy_proposal.justify(home, store, made.proposal_id, "ada", {"calibration": {"changes": {"call": 1}}})
        report = {"changes": {"grid.vol_up_fraction": 0.6}}
        moved = policy_proposal.justify(home, store, made.proposal_id, "ada", {"calibration": report})
    assert moved.state == "CALIBRATED"
    assert moved.last.evidence == {"calibration": report}
