"""A house that begins on a policy of its own: three persons, before its first end of day is out, and never after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tasks import (
    freeze,
    ledgers,
    policy_activation,
    policy_approval,
    policy_coverage,
    policy_proposal,
    policy_replay,
    policy_states,
    policy_store,
)
from tasks.home import Home
from tasks.model.errors import LeveeError
from tasks.store import Store
from tests.policy.conftest import let_out

FIRST = date(2026, 1, 29)
FAR = ("stressed_weight_fraction = 0.25", "stressed_weight_fraction = 0.75")  # three quarters: no step of one change
JUDGED = {"judgement": "expert"}


def refused(use: Callable[[], object]) -> str:
    with pytest.raises(LeveeError) as error:
        use()
    return error.value.code


@pytest.fixture
def new(tmp_path: Path) -> Home:
    """A home in which nothing ever ran."""
    return Home(tmp_path / "new").prepare("TEST")


@pytest.fixture
def own(policy_file: Callable[..., Path]) -> Path:
    return policy_file(FIRST.isoformat(), FAR, name="OUR-OWN")


def proposed(home: Home, store: Store, file: Path, opening: bool = True) -> str:
    return policy_proposal.propose(home, store, file, "ada", "we open", False, JUDGED, opening).proposal_id


def approved(home: Home, store: Store, file: Path) -> str:
    proposal = proposed(home, store, file)
    policy_approval.review(home, store, proposal, "bob", "read")
    policy_approval.approve(home, store, proposal, "eve")
    return proposal


def test_what_two_others_have_looked_at_acts_in_the_first_cycle(new: Home, own: Path) -> None:
    with Store(new.database) as store:
        assert refused(lambda: proposed(new, store, own, opening=False)) == "STEP_LIMIT"
        proposal = proposed(new, store, own)
        assert proposed(new, store, own) == proposal
        assert refused(lambda: policy_approval.approve(new, store, proposal, "bob")) == "PARAM_STATE"
        assert refused(lambda: policy_coverage.test(new, store, proposal, "ada")) == "PARAM_STATE"
        assert refused(lambda: policy_approval.review(new, store, proposal, "ada", "read")) == "SELF_APPROVAL"
        assert policy_approval.review(new, store, proposal, "bob", "read").next_step.startswith("levee policy approve")
        for user in ("ada", "bob"):
            assert refused(lambda user=user: policy_approval.approve(new, store, proposal, user)) == "SELF_APPROVAL"
        assert refused(lambda: policy_activation.activate(new, store, proposal, "ada")) == "PARAM_STATE"
        stands = policy_approval.approve(new, store, proposal, "eve")
        assert stands.next_step == f"levee policy activate {proposal}"
        assert refused(lambda: policy_activation.notice(new, store, proposal, "ada")) == "PARAM_STATE"
        for _ in range(2):
            acts = policy_activation.activate(new, store, proposal, "ada")
        ledgers.show(new, store)
        kept = policy_store.load(own).policy_hash
        assert freeze.take_basis(new, store, FIRST, "EOD", "0" * 64).policy_hash == kept
    assert [each.state for each in acts.events] == ["DRAFT", "CALIBRATED", "REVIEWED", "APPROVED", "ACTIVE"]
    (new.policy / f"{FIRST}.toml").unlink()
    assert policy_store.in_force(new, FIRST).policy_hash == kept, "its file is written again from the event"
    assert all(each.identical for each in policy_replay.replay(new, proposal))


def test_a_changed_file_opens_no_house(new: Home, own: Path) -> None:
    with Store(new.database) as store:
        proposal = approved(new, store, own)
        file = policy_proposal.file_of(new, proposal)
        file.write_text(file.read_text(encoding="utf-8").replace("= 0.75", "= 0.70"), encoding="utf-8")
        assert refused(lambda: policy_activation.activate(new, store, proposal, "ada")) == "STALE_APPROVAL"


@pytest.mark.parametrize("taken_away", [False, True])
def test_a_house_in_which_a_day_is_out_changes_its_policy_instead(new: Home, own: Path, taken_away: bool) -> None:
    with Store(new.database) as store:
        proposal = approved(new, store, own)
        store.append("control.cycle_run", _run(store, "2026-01-28"))
        if taken_away:  # published/ was cleared by hand: the database has not forgotten
            release = {"cycle_id": "20260128-EOD", "version": 1, "run_id": "20260128-EOD-r01", "state": "PUBLISHED"}
            store.append("control.release", _filled(store, "control.release", release))
        else:
            let_out(new, date(2026, 1, 28))
        assert refused(lambda: proposed(new, store, own)) == "PARAM_STATE"
        assert refused(lambda: policy_activation.activate(new, store, proposal, "ada")) == "PARAM_STATE"
        assert policy_states.history(store, proposal).state == "APPROVED"


def test_a_house_whose_first_cycle_has_begun_does_not_open_on_another_policy(new: Home, own: Path) -> None:
    with Store(new.database) as store:
        proposal = approved(new, store, own)
        store.append("control.cycle_run", _run(store, FIRST.isoformat()))
        assert refused(lambda: policy_activation.activate(new, store, proposal, "ada")) == "PARAM_STATE"


def _run(store: Store, day: str) -> pl.DataFrame:
    known = {"run_id": f"{day.replace('-', '')}-EOD-r01", "business_date": day, "cycle": "EOD", "run_no": 1}
    return _filled(store, "control.cycle_run", known)


def _filled(store: Store, table: str, known: dict[str, object]) -> pl.DataFrame:
    """A row of a table: what is known, and of every other column the least there is."""
    schema = store.read(f"SELECT * FROM {table}").schema
    rest = {name: "0" if kind == pl.String else 0 for name, kind in schema.items()}
    cast = [pl.col(name).cast(kind, strict=False) for name, kind in schema.items()]
    return (
        pl.DataFrame([rest | known], strict=False)
        .with_columns(
            *(pl.col(name).str.to_date() for name, kind in schema.items() if kind == pl.Date and name in known)
        )
        .select(cast)
    )
