"""The shipped policy, and files that differ from it in a known way."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks import policy_approval, policy_proposal, policy_states, resources
from tasks.home import Home
from tasks.store import Store

OPENING = "policy/2014-01-01.toml"


def opening() -> str:
    return resources.data(OPENING).read_text(encoding="utf-8")


@pytest.fixture
def content() -> dict[str, Any]:
    """Content of the shipped policy, free to be changed."""
    return tomllib.loads(opening())


@pytest.fixture
def policy_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes the shipped policy with another name, date and texts."""

    def write(effective: str, *changed: tuple[str, str], name: str = "RAISED") -> Path:
        text = opening().replace('policy_id = "OPENING"', f'policy_id = "{name}"')
        text = text.replace("effective_date = 2014-01-01", f"effective_date = {effective}")
        for old, new in changed:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"{name}-{effective}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


IMPACT = {
    "run_id": "20260129-EOD-r01",
    "notice_days": 2,
    "significance": "STANDARD",
    "numbers": {"total_fraction": "0.020000", "largest_member_fraction": "0.050000"},
    "largest_rise": {"group": "house", "fraction": "0.030000"},
    "accounts_hash": "a" * 64,
    "summary_hash": "b" * 64,
    "refused": [],
}


def let_out(home: Home, day: date, run_id: str = "") -> None:
    """As if the end of a day were published."""
    said = {"business_date": day.isoformat(), "run_id": run_id or f"{day:%Y%m%d}-EOD-r01", "version": 1}
    folder = home.published / f"{day:%Y%m%d}" / "EOD"
    folder.mkdir(parents=True)
    (folder / "latest.json").write_text(json.dumps(said), encoding="utf-8")


@pytest.fixture
def house(tmp_path: Path) -> Home:
    """A home in which 29 January is out."""
    home = Home(tmp_path / "house").prepare("TEST")
    let_out(home, date(2026, 1, 29))
    return home


@pytest.fixture
def noticed(house: Home) -> Callable[..., str]:
    """A policy file that two persons approved and that was announced, its test and impact as given; its id."""

    def make(store: Store, file: Path, emergency: bool = False) -> str:
        made = policy_proposal.propose(house, store, file, "ada", "why", emergency)
        made = policy_proposal.justify(house, store, made.proposal_id, "ada", {"judgement": "expert"})
        for state, found in (("TESTED", {"portfolios": []}), ("IMPACT_ASSESSED", IMPACT)):
            made = policy_states.move(store, made, state, "ada", "done", evidence=found)
        policy_approval.review(house, store, made.proposal_id, "bob", "read")
        for user in ("eve", "bob")[: 1 + emergency]:
            made = policy_approval.approve(house, store, made.proposal_id, user)
        told = IMPACT | {"policy_toml": file.read_text(encoding="utf-8")}
        day = policy_proposal.required_day(house)
        return policy_states.move(store, made, "NOTICED", "ada", "told", business_date=day, evidence=told).proposal_id

    return make
