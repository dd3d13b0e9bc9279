"""A calibration's report says where numbers come from only as it was written, and only of the numbers it found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks import codes, ledgers, policy_proposal, policy_replay, policy_store, proposal_basis, resources
from tasks.home import Home
from tasks.model.errors import LeveeError
from tasks.store import Store

RULE = "grid.vol_up_fraction"
WIDER = ("vol_up_fraction = 0.50", "vol_up_fraction = 0.60")


def report(found: float = 0.6, **other: Any) -> dict[str, Any]:
    """A report in the form of PC01.json with one finding; its id is sha256 over canonical JSON of what it says."""
    base = policy_store.load(resources.data("policy/2014-01-01.toml")).policy_hash
    estimates = [
        {"parameter": RULE, "outcome": "PROPOSED", "proposed": found},
        {"parameter": "check.x", "outcome": "EVIDENCE", "proposed": None},
    ]
    told = json.dumps({"as_of": "2026-01-29", "base": base, "found": estimates}, sort_keys=True, indent=2) + "\n"
    return {
        "calibration_id": hashlib.sha256(told.encode()).hexdigest()[:12],
        "as_of": "2026-01-29",
        "coins": ["BTC"],
        "base_policy_hash": base,
        "policy_hash": "c" * 64,
        "effective_date": "2026-02-03",
        "data_hash": "d" * 64,
        "changes": {RULE: found},
        "estimates": estimates,
        "left_out": [],
    } | other


def given(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def refused(use: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(LeveeError) as error:
        use()
    return error.value.code, codes.exit_code(error.value.code)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "7",
        "[]",
        "[" * 100000,
        "{}",
        '{"changes": NaN}',
        report(coins="BTC"),
        report(coins=[]),
        report(changes=[RULE]),
        report(changes={RULE: "0.6"}),
        report(changes={"grid.vol_down_fraction": 0.7}),
        report(estimates={}),
        report(estimates=[RULE]),
        report(as_of="yesterday"),
        report(effective_date="soon"),
        report(base_policy_hash=None),
        report(base_policy_hash="0" * 64),  # another base than the one its id was made with
        report(0.6, estimates=report(0.9)["estimates"]),
    ],
)
def test_what_is_no_report_or_was_changed_is_refused_in_a_line(tmp_path: Path, content: Any) -> None:
    assert refused(lambda: proposal_basis.read("", given(tmp_path / "PC01.json", content))) == ("USAGE", 2)


@pytest.mark.parametrize("found", [0.6, 0.9])
def test_a_number_that_was_found_or_is_on_the_way_to_it_rests_on_a_calibration(
    house: Home, tmp_path: Path, policy_file: Callable[..., Path], found: float
) -> None:
    evidence = proposal_basis.read("", given(tmp_path / "PC01.json", report(found)))
    with Store(house.database) as store:
        made = policy_proposal.propose(house, store, policy_file("2026-02-03", WIDER), "ada", "why", emergency=False)
        moved = policy_proposal.justify(house, store, made.proposal_id, "ada", evidence)
    assert moved.state == "CALIBRATED"
    assert moved.last.evidence == {"calibration": report(found)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (WIDER, report(0.55)),  # further than what was found
        (WIDER, report(0.4)),  # the other way
        (("vol_down_fraction = 0.25", "vol_down_fraction = 0.30"), report()),  # another number
    ],
)
def test_a_number_that_was_not_found_does_not(
    house: Home, tmp_path: Path, policy_file: Callable[..., Path], change: tuple[str, str], told: dict[str, Any]
) -> None:
    evidence = proposal_basis.read("", given(tmp_path / "PC01.json", told))
    with Store(house.database) as store:
        made = policy_proposal.propose(house, store, policy_file("2026-02-03", change), "ada", "why", emergency=False)
        proposal = made.proposal_id
        assert refused(lambda: policy_proposal.justify(house, store, proposal, "ada", evidence)) == ("PARAM_STATE", 40)


def test_a_calibration_of_another_policy_says_nothing_of_this_one(
    house: Home, policy_file: Callable[..., Path]
) -> None:
    with Store(house.database) as store:
        made = policy_proposal.propose(house, store, policy_file("2026-02-03", WIDER), "ada", "why", emergency=False)
        other = {"calibration": report() | {"base_policy_hash": "0" * 64}}
        assert (
            refused(lambda: policy_proposal.justify(house, store, made.proposal_id, "ada", other))[0] == "PARAM_STATE"
        )


def test_a_calibration_with_a_first_day_of_its_own_is_made_again_with_it(
    house: Home, policy_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def calibrate(base: Path, data: Path, as_of: date, coins: tuple[str, ...], first: date | None) -> SimpleNamespace:
        """Stands for one whose policy is dated as asked for, and the day after by default."""
        return SimpleNamespace(policy_hash=str(first or "2026-01-30"), data_hash="d" * 64)

    monkeypatch.setattr(policy_replay.calibration, "calibrate", calibrate)
    monkeypatch.setattr(policy_replay.convert, "market_data_folder", lambda: house.root)
    with Store(house.database) as store:
        made = policy_proposal.propose(house, store, policy_file("2026-02-03", WIDER), "ada", "why", emergency=False)
        told = {"calibration": report(policy_hash="2026-02-03")}
        policy_proposal.justify(house, store, made.proposal_id, "ada", told)
        ledgers.show(house, store)
    found = {each.what: each.identical for each in policy_replay.replay(house, made.proposal_id)}
    assert found == dict.fromkeys(("policy", "diff", "calibration", "data"), True)
