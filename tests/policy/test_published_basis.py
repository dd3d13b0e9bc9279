"""An impact is found on what is published, and made again on the run it was found on, whatever ran since."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import ledgers, policy_impact, policy_proposal, policy_replay, policy_states
from tasks.home import Home
from tasks.store import Store
from tests.policy.conftest import IMPACT, let_out

DAY = date(2026, 1, 29)
RAISED = ("stressed_weight_fraction = 0.25", "stressed_weight_fraction = 0.27")


class AskedError(Exception):
    """Carries the run that was asked for."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial ends with the run it was asked to compute again."""

    def dry_run(*given: Any) -> None:
        raise AskedError(given[5]["run_id"])

    monkeypatch.setattr(policy_impact, "dry_run", dry_run)


def ran(home: Home, run_id: str, policy_hash: str, state: str) -> None:
    """As if a run of the day had come to a state."""
    folder = home.exports / run_id
    folder.mkdir(parents=True)
    run = {"run_id": run_id, "business_date": DAY, "cycle": "EOD", "policy_hash": policy_hash, "state": state}
    pl.DataFrame([run]).write_parquet(folder / "control.cycle_run.parquet")
    shown = {"run_id": run_id, "cycle": "EOD", "state": state, "stages": [], "findings": []}
    (home.state / f"{DAY}-EOD.json").write_text(json.dumps(shown), encoding="utf-8")


@pytest.mark.usefixtures("asked")
def test_the_run_that_is_out_counts_not_one_that_waits(house: Home, policy_file: Callable[..., Path]) -> None:
    proposal = policy_proposal.compared(house, policy_file("2026-02-03", RAISED))
    for number, state in ((1, "PUBLISHED"), (2, "WAITING(APPROVAL)")):
        ran(house, f"20260129-EOD-r0{number}", proposal.base.policy_hash, state)
    with pytest.raises(AskedError, match="20260129-EOD-r01"):
        policy_impact.assessed(house, proposal, emergency=False)


@pytest.mark.usefixtures("asked")
def test_it_is_replayed_on_the_run_it_was_found_on(house: Home, policy_file: Callable[..., Path]) -> None:
    with Store(house.database) as store:
        made = policy_proposal.propose(house, store, policy_file("2026-02-03", RAISED), "ada", "why", emergency=False)
        made = policy_proposal.justify(house, store, made.proposal_id, "ada", {"judgement": "expert"})
        policy_states.move(
            store,
            policy_states.move(store, made, "TESTED", "ada", "t"),
            "IMPACT_ASSESSED",
            "ada",
            "i",
            evidence=IMPACT | {"business_date": "2026-01-29"},
        )
        ledgers.show(house, store)
    for number, state in ((1, "SUPERSEDED"), (2, "PUBLISHED")):
        ran(house, f"20260129-EOD-r0{number}", made.last.base_policy_hash, state)
    let_out(house, date(2026, 1, 30), "20260130-EOD-r01")
    with pytest.raises(AskedError, match="20260129-EOD-r01"):
        policy_replay.replay(house, made.proposal_id)
