"""A command that is given again, or after one that died, adds nothing twice, loses nothing, and readers are told it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks import (
    ledgers,
    lock,
    policy_activation,
    policy_approval,
    policy_proposal,
    policy_replay,
    policy_reports,
    policy_states,
    proposal_basis,
    search_evidence,
)
from tasks import store as store_module
from tasks.home import Home, canonical_json, write_json
from tasks.model.errors import LeveeError
from tasks.pack import Edition
from tasks.policy_states import History
from tasks.store import Store
from tests.policy.conftest import IMPACT

RAISED = ("stressed_weight_fraction = 0.25", "stressed_weight_fraction = 0.27")
WEIGHT = "base_margin.stressed_weight_fraction"
JUDGED = {"judgement": "expert"}


def refused(use: Callable[[], object]) -> str:
    with pytest.raises(LeveeError) as error:
        use()
    return error.value.code


def states(store: Store, proposal_id: str) -> list[str]:
    return [each.state for each in policy_states.history(store, proposal_id).events]


def searched(house: Home, file: Path, after: str) -> dict[str, Any]:
    """What somebody who knows how the id is made may write beside a policy."""
    found = policy_proposal.compared(house, file)
    told = {
        "as_of": "2025-12-22",
        "from": "2020-01-01",
        "effective_date": "2026-02-03",
        "coins": ["BTC"],
        "base_policy_hash": found.base.policy_hash,
        "changes": {WEIGHT: after},
        "data_hash": "d" * 64,
        "policy_hash": found.policy.policy_hash,
        "reason": "least cost times swing",
    }
    return {"search_id": search_evidence.identify(told), **told}


def test_a_proposal_that_does_not_rest_on_what_it_says_leaves_nothing(
    levee: Callable[..., Any], house: Home, policy_file: Callable[..., Path], tmp_path: Path
) -> None:
    file, evidence = policy_file("2026-02-03", RAISED), tmp_path / "policy.json"
    words = ("policy", "propose", file, "--reason", "why", "--user", "ada", "--home", house.root)
    evidence.write_bytes(canonical_json(searched(house, file, "0.26")))
    assert levee(*words, "--search", evidence).code == 40
    assert levee(*words, "--search", tmp_path / "none.json").code == 2
    assert not (house.root / "proposals").exists()
    assert json.loads(levee("policy", "list", "--json", "--home", house.root).out)["proposals"] == []
    evidence.write_bytes(canonical_json(searched(house, file, "0.27")))
    assert levee(*words, "--search", evidence).code == 0


def test_what_one_person_proposes_again_is_the_proposal_there_is(house: Home, policy_file: Callable[..., Path]) -> None:
    def propose(user: str = "ada", reason: str = "why", rests_on: Any = JUDGED) -> str:
        return policy_proposal.propose(house, store, file, user, reason, False, rests_on).proposal_id

    file = policy_file("2026-02-03", RAISED)
    with Store(house.database) as store:
        first = propose()
        assert propose(" Ada") == first
        assert states(store, first) == ["DRAFT", "CALIBRATED"]
        others = {
            propose("bob"),
            propose(reason="another"),
            propose(rests_on={"judgement": "other"}),
            propose("eve", rests_on=None),
        }
        assert len({first, *others}) == 5
        policy_activation.withdraw(house, store, first, "ada", "no")
        policy_activation.withdraw(house, store, first, "ada", "no")
        assert states(store, first) == ["DRAFT", "CALIBRATED", "WITHDRAWN"]
        assert propose() not in {first, *others}, "what has ended is proposed anew"


def test_an_answer_given_again_changes_nothing_and_another_persons_is_refused(
    house: Home, noticed: Callable[..., str], policy_file: Callable[..., Path]
) -> None:
    with Store(house.database) as store:
        made = policy_proposal.propose(house, store, policy_file("2026-02-03", RAISED), "ada", "why", False, JUDGED)
        for state, found in (("TESTED", {"portfolios": []}), ("IMPACT_ASSESSED", IMPACT), ("IMPACT_ASSESSED", IMPACT)):
            made = policy_states.move(store, made, state, "ada", "done", evidence=found)
        proposal = made.proposal_id
        for _ in range(2):
            policy_approval.review(house, store, proposal, "bob", "read")
        assert refused(lambda: policy_approval.review(house, store, proposal, "eve", "read")) == "PARAM_STATE"
        for _ in range(2):
            policy_approval.approve(house, store, proposal, "eve")
        assert refused(lambda: policy_approval.approve(house, store, proposal, "fay")) == "PARAM_STATE"
        assert refused(lambda: policy_approval.approve(house, store, proposal, "eve", False)) == "PARAM_STATE"
        done = ["DRAFT", "CALIBRATED", "TESTED", "IMPACT_ASSESSED", "REVIEWED", "APPROVED"]
        assert states(store, proposal) == done
        assert store.read("SELECT count(*) FROM control.decision_answer").item() == 1


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("point", ["transaction:before_commit", "transaction:after_commit"])
def test_a_step_that_died_at_its_commit_is_given_again_and_taken_once(
    house: Home, policy_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    def killing(name: str) -> None:
        if name == point:
            raise Killed

    def killed_and_again(step: Callable[[Store], History]) -> History:
        with monkeypatch.context() as dying:
            dying.setattr(store_module, "crash_point", killing)
            with pytest.raises(Killed), Store(house.database) as store:
                step(store)
        with Store(house.database) as store:
            return step(store)

    def found(state: str, evidence: dict[str, Any]) -> History:
        return killed_and_again(
            lambda store: policy_states.move(
                store, policy_states.history(store, name), state, "ada", "done", evidence=evidence
            )
        )

    file = policy_file("2026-02-03", RAISED)
    name = killed_and_again(
        lambda store: policy_proposal.propose(house, store, file, "ada", "why", False, JUDGED)
    ).proposal_id
    found("TESTED", {"portfolios": []})
    found("IMPACT_ASSESSED", IMPACT)
    killed_and_again(lambda store: policy_approval.review(house, store, name, "bob", "read"))
    killed_and_again(lambda store: policy_approval.approve(house, store, name, "eve"))
    killed_and_again(lambda store: policy_activation.withdraw(house, store, name, "ada", "no"))
    with Store(house.database) as store:
        (proposal,) = policy_states.histories(store)
        answers = store.read("SELECT decided_by FROM control.decision_answer")["decided_by"].to_list()
    steps = ["DRAFT", "CALIBRATED", "TESTED", "IMPACT_ASSESSED", "REVIEWED", "APPROVED", "WITHDRAWN"]
    assert [each.state for each in proposal.events] == steps
    assert [each.event_no for each in proposal.events] == [1, 2, 3, 4, 5, 6, 7]
    assert answers == ["eve"]


def test_an_event_is_not_written_by_who_lost_the_home(house: Home, policy_file: Callable[..., Path]) -> None:
    file = policy_file("2026-02-03", RAISED)
    with house.locked("policy propose"), Store(house.database) as store:
        store.execute("INSERT INTO control.holder SELECT token + 1, command, host, pid, since_ts FROM control.holder")
        assert refused(lambda: policy_proposal.propose(house, store, file, "ada", "why", False)) == "FENCED"
        assert policy_states.histories(store) == []


def test_reports_that_nobody_was_told_of_are_written_anew_under_their_number(
    house: Home, policy_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = SimpleNamespace(row=lambda number, named: {"as_of_ts": None, "origin": "SYNTHETIC"})
    monkeypatch.setattr(policy_reports.status, "exported", lambda *given: run)
    found: Any = SimpleNamespace(business_date=date(2026, 1, 29), run_id="20260129-EOD-r01")
    with Store(house.database) as store:
        made = policy_proposal.propose(house, store, policy_file("2026-02-03", RAISED), "ada", "why", False, JUDGED)

    def version(history: History) -> int:
        return policy_reports.header(house, history, found).edition.version

    left = policy_reports.folder_of(house, made) / "v01" / "risk" / "of-a-command-that-died.csv"
    left.parent.mkdir(parents=True)
    left.write_text("half", encoding="utf-8")
    assert version(made) == 1
    top = policy_reports.write(
        house, made, {"risk": {"PI01.csv": b"whole"}}, Edition("TEST", date(2026, 1, 29), "EOD", 1)
    )
    assert sorted(path.name for path in (top / "risk").iterdir()) == ["PI01.csv", "manifest.json"]
    with Store(house.database) as store:
        for state in ("TESTED", "IMPACT_ASSESSED"):
            made = policy_states.move(store, made, state, "ada", "done", evidence={"files": "proposals/P/v01"})
    assert version(made) == 2, "one folder of two events"


@pytest.fixture
def unshown(house: Home, policy_file: Callable[..., Path]) -> str:
    """A proposal whose command died between its commit and its ledgers."""
    with house.locked("policy propose"), Store(house.database) as store:
        ledgers.show(house, store)
        made = policy_proposal.propose(house, store, policy_file("2026-02-03", RAISED), "ada", "why", False, JUDGED)
    write_json(house.lease, {"command": "policy propose", "pid": 1})
    return made.proposal_id


def test_a_reader_is_told_what_a_command_that_died_had_committed(
    levee: Callable[..., Any], house: Home, unshown: str
) -> None:
    assert policy_states.shown(house) == []
    ended = levee("policy", "show", unshown, "--json", "--home", house.root)
    assert (ended.code, json.loads(ended.out)["state"]) == (0, "CALIBRATED")
    assert [each.proposal_id for each in policy_states.shown(house)] == [unshown]
    assert not house.lease.exists()


def test_a_reader_waits_for_no_living_holder_and_a_broken_database_keeps_nothing_from_it(
    levee: Callable[..., Any], house: Home, unshown: str
) -> None:
    words = ("policy", "list", "--json", "--home", house.root)
    with lock.held(house.root, "cycle run", 0.0):
        assert json.loads(levee(*words).out)["proposals"] == []
    write_json(house.lease, {"command": "policy propose", "pid": 1})
    house.database.write_bytes(b"no database" * 1000)
    ended = levee(*words)
    assert (ended.code, json.loads(ended.out)["proposals"]) == (0, [])


@pytest.mark.parametrize("honest", [True, False])
def test_a_search_is_made_again_by_a_replay(
    house: Home, policy_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, honest: bool
) -> None:
    file = policy_file("2026-02-03", RAISED)
    told = searched(house, file, "0.27")
    asked = []

    def optimise(request: Any, folder: Path) -> SimpleNamespace:
        """Stands for a search that chose what was proposed, or something else."""
        asked.append((request.coins, str(request.first), str(request.last), str(request.effective_date)))
        chosen = told if honest else told | {"policy_hash": "c" * 64, "search_id": "another"}
        return SimpleNamespace(evidence=lambda: [chosen], data_hash="d" * 64)

    monkeypatch.setattr(policy_replay.optimise, "optimise", optimise)
    monkeypatch.setattr(policy_replay.convert, "market_data_folder", lambda: house.root)
    with Store(house.database) as store:
        made = policy_proposal.propose(house, store, file, "ada", "why", False, {"search": told})
        ledgers.show(house, store)
    found = {each.what: each.identical for each in policy_replay.replay(house, made.proposal_id)}
    assert found == {"policy": True, "diff": True, "search": honest, "data": True}
    assert asked == [(("BTC",), "2020-01-01", "2025-12-22", "2026-02-03")]
    assert proposal_basis.reason({"search": told}) == "chosen by a search"
