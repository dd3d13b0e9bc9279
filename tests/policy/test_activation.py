"""What acts is what was activated: not a file somebody left, changed or took away, and never two policies at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tasks import (
    decisions,
    freeze,
    ledgers,
    policy_activation,
    policy_approval,
    policy_overview,
    policy_proposal,
    policy_split,
    policy_states,
    policy_store,
    resources,
)
from tasks.home import Home
from tasks.model.errors import LeveeError
from tasks.store import Store
from tests.policy.conftest import let_out

DAY, NEXT, FIRST = date(2026, 1, 29), date(2026, 1, 30), date(2026, 1, 31)
RAISED = ("stressed_weight_fraction = 0.25", "stressed_weight_fraction = 0.27")
CAPS = ("outright_cap = 8.0", "outright_cap = 7.0")


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def dies_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def at(point: str) -> None:
        def passed(name: str) -> None:
            if name == point:
                raise Killed

        monkeypatch.setattr(policy_activation, "crash_point", passed)

    return at


def refused(use: Callable[[], object]) -> str:
    with pytest.raises(LeveeError) as error:
        use()
    return error.value.code


def frozen_on(house: Home, store: Store, day: date) -> str:
    """Hash of the policy a run of a day would be frozen on."""
    return freeze.take_basis(house, store, day, "EOD", "0" * 64).policy_hash


@pytest.fixture
def opening() -> str:
    return policy_store.load(resources.data("policy/2014-01-01.toml")).policy_hash


def test_what_was_killed_before_its_commit_and_withdrawn_never_acts(
    house: Home,
    noticed: Callable[..., str],
    policy_file: Callable[..., Path],
    dies_at: Callable[[str], None],
    opening: str,
) -> None:
    with Store(house.database) as store:
        proposal = noticed(store, policy_file("2026-01-31", RAISED))
        let_out(house, NEXT)
        dies_at("policy:activated")
        with pytest.raises(Killed):
            policy_activation.activate(house, store, proposal, "ada")
        assert policy_activation.withdraw(house, store, proposal, "ada", "a mistake").state == "WITHDRAWN"
        assert frozen_on(house, store, FIRST) == opening
    assert policy_store.in_force(house, FIRST).policy_hash == opening


def test_what_was_killed_after_its_commit_acts(
    house: Home,
    noticed: Callable[..., str],
    policy_file: Callable[..., Path],
    dies_at: Callable[[str], None],
    opening: str,
) -> None:
    file = policy_file("2026-01-31", RAISED)
    with Store(house.database) as store:
        proposal = noticed(store, file)
        let_out(house, NEXT)
        dies_at("policy:committed")
        with pytest.raises(Killed):
            policy_activation.activate(house, store, proposal, "ada")
        assert frozen_on(house, store, NEXT) == opening
        assert frozen_on(house, store, FIRST) == policy_store.load(file).policy_hash
        assert (house.policy / "2026-01-31.toml").read_bytes() == file.read_bytes()


def test_a_file_that_is_changed_after_activation_stops_the_cycle_and_one_that_is_gone_comes_back(
    house: Home, noticed: Callable[..., str], policy_file: Callable[..., Path]
) -> None:
    file = policy_file("2026-01-31", RAISED)
    acting = house.policy / "2026-01-31.toml"
    with Store(house.database) as store:
        proposal = noticed(store, file)
        let_out(house, NEXT)
        policy_activation.activate(house, store, proposal, "ada")
        ledgers.show(house, store)
        acting.write_text(file.read_text(encoding="utf-8").replace("fraction = 0.27", "fraction = 0.05"), "utf-8")
        assert refused(lambda: frozen_on(house, store, FIRST)) == "PARAM_STATE"
        assert refused(lambda: policy_store.in_force(house, FIRST)) == "PARAM_STATE"
        acting.unlink()
        assert frozen_on(house, store, FIRST) == policy_store.load(file).policy_hash
        assert acting.read_bytes() == file.read_bytes()
        acting.unlink()  # what a reader finds
    assert policy_store.in_force(house, FIRST).policy_hash == policy_store.load(file).policy_hash


@pytest.mark.parametrize("first", ["2014-01-01", "2026-01-30", "2030-01-01"])
def test_a_file_nobody_activated_stops_the_cycle(house: Home, policy_file: Callable[..., Path], first: str) -> None:
    (house.policy / "left.toml").write_bytes(policy_file(first, RAISED).read_bytes())
    with Store(house.database) as store:
        assert refused(lambda: frozen_on(house, store, NEXT)) == "PARAM_STATE"


def test_what_the_house_published_under_acts_on_where_another_opening_ships_by_now(
    house: Home, policy_file: Callable[..., Path]
) -> None:
    once_shipped = policy_file("2014-01-01", RAISED)
    (house.policy / "2014-01-01.toml").write_bytes(once_shipped.read_bytes())
    policy_hash = policy_store.load(once_shipped).policy_hash
    with Store(house.database) as store:
        columns = {"run_id": "r", "state": "PUBLISHED", "policy_hash": policy_hash, "business_date": DAY}
        given = store.read("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'cycle_run'")
        for name, kind in given.iter_rows():
            columns.setdefault(name, {"VARCHAR": "", "INTEGER": 1, "BOOLEAN": True}.get(kind, "2026-01-29"))
        names, values = ", ".join(columns), ", ".join(f"${name}" for name in columns)
        store.execute(f"INSERT INTO control.cycle_run ({names}) VALUES ({values})", columns)
        assert frozen_on(house, store, NEXT) == policy_hash


@pytest.mark.parametrize("emergency", [False, True])
def test_of_two_policies_of_one_first_day_the_second_is_stale(
    house: Home, noticed: Callable[..., str], policy_file: Callable[..., Path], emergency: bool
) -> None:
    with Store(house.database) as store:
        one = noticed(store, policy_file("2026-01-31", RAISED, name="ONE"))
        other = noticed(store, policy_file("2026-01-31", CAPS, name="OTHER"), emergency)
        let_out(house, NEXT)
        acts = policy_activation.activate(house, store, one, "ada").last.policy_hash
        assert refused(lambda: policy_activation.activate(house, store, other, "ada")) == "STALE_APPROVAL"
        assert frozen_on(house, store, FIRST) == acts
        assert policy_states.history(store, one).state == "ACTIVE"


def test_an_emergency_waits_for_its_boundary_and_takes_back_nothing_that_acts_before_it(
    house: Home, noticed: Callable[..., str], policy_file: Callable[..., Path]
) -> None:
    with Store(house.database) as store:
        late = noticed(store, policy_file("2026-02-03", CAPS, name="LATE"), emergency=True)
        early = noticed(store, policy_file("2026-01-31", RAISED, name="EARLY"))
        let_out(house, NEXT)
        assert refused(lambda: policy_activation.activate(house, store, late, "ada")) == "PARAM_STATE"
        policy_activation.activate(house, store, early, "ada")
        let_out(house, date(2026, 2, 2))
        assert refused(lambda: policy_activation.activate(house, store, late, "ada")) == "STALE_APPROVAL"


def test_a_policy_of_a_later_day_is_not_overtaken(
    house: Home, noticed: Callable[..., str], policy_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """30 January is never run: two persons go on over it, so a policy from the 31st may act, and then none before."""
    monkeypatch.setattr(freeze, "predecessor", lambda store, day: {"run_id": "r", "business_date": DAY})
    with Store(house.database) as store:
        skipping = noticed(store, policy_file("2026-01-31", RAISED, name="SKIPPING"))
        between = noticed(store, policy_file("2026-01-30", CAPS, name="BETWEEN"))
        assert refused(lambda: policy_activation.activate(house, store, skipping, "ada")) == "PARAM_STATE"
        about = freeze.follows_over({"run_id": "r", "business_date": DAY}, FIRST, "EOD")
        asked = decisions.request(store, house, "PRIOR_CYCLE_MISSING", about, "ada", "the venue was closed")
        decisions.decide(store, house, asked.decision_id, "bob", approve=True)
        assert policy_activation.activate(house, store, skipping, "ada").state == "ACTIVE"
        assert refused(lambda: policy_activation.activate(house, store, between, "ada")) == "PARAM_STATE"


def test_a_policy_is_looked_back_at_though_another_took_its_place(
    house: Home, noticed: Callable[..., str], policy_file: Callable[..., Path]
) -> None:
    with Store(house.database) as store:
        urgent = noticed(store, policy_file("2026-01-30", CAPS, name="URGENT"), emergency=True)
        policy_activation.activate(house, store, urgent, "ada")
        let_out(house, NEXT)
        calm = noticed(store, policy_file("2026-01-31", RAISED, CAPS, name="CALM"))
        policy_activation.activate(house, store, calm, "ada")
        assert policy_states.history(store, urgent).state == "SUPERSEDED"
        due = dues(house, store)
        assert due[urgent] == ("due", "2026-02-09"), "ten days after it acted"
        let_out(house, date(2026, 2, 10))
        assert dues(house, store)[urgent][0] == "OVERDUE"
        assert refused(lambda: policy_approval.review(house, store, urgent, "Ada", "fine")) == "SELF_APPROVAL"
        assert policy_approval.review(house, store, urgent, "bob", "it was right").state == "SUPERSEDED"
        assert urgent not in dues(house, store)


def dues(house: Home, store: Store) -> dict[str, Any]:
    ledgers.show(house, store)
    return {
        each["proposal_id"]: (each["review"], each["review_by"]) for each in policy_overview.listed(house)["reviews"]
    }


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("2026-01-30", ""),
        ("2027-01-30", ""),  # 366 days after 29 January
        ("2027-01-31", "PARAM_STATE"),
        ("9999-12-31", "PARAM_STATE"),
        ("2026-01-29", "PARAM_STATE"),  # it is out
        ("0001-01-01", "PARAM_STATE"),
        ("2026-02-03T00:00:00", "PARAM_STATE"),  # a time is no date
        ('"2026-02-03"', "PARAM_STATE"),
    ],
)
def test_a_first_day_is_a_date_of_the_coming_year(
    house: Home, policy_file: Callable[..., Path], tmp_path: Path, first: str, code: str
) -> None:
    file = tmp_path / "dated.toml"
    text = policy_file("2026-02-03", RAISED).read_text(encoding="utf-8")
    file.write_text(text.replace("effective_date = 2026-02-03", f"effective_date = {first}"), encoding="utf-8")
    with Store(house.database) as store:
        propose = partial(policy_proposal.propose, house, store, file, "ada", "why", emergency=True)
        assert (refused(propose) if code else propose().state) == (code or "DRAFT")


@pytest.mark.parametrize("name", ["", " ", "A\\nB", "A" * 65, "OPENING"])
def test_a_policy_has_a_name_of_its_own_on_one_line(
    house: Home, policy_file: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    file = tmp_path / "named.toml"
    text = policy_file("2026-02-03", RAISED).read_text(encoding="utf-8")
    file.write_text(text.replace('"RAISED"', f'"{name}"'), encoding="utf-8")
    with Store(house.database) as store:
        assert (
            refused(lambda: policy_proposal.propose(house, store, file, "ada", "why", emergency=False)) == "PARAM_STATE"
        )


def test_a_list_that_moves_too_far_is_not_written_as_a_stage(
    house: Home, policy_file: Callable[..., Path], tmp_path: Path
) -> None:
    fewer = ("extreme_moves = [-0.66, -0.33, 0.50, 1.00, 2.00]", "extreme_moves = [0.50]")
    wider = ("vol_up_fraction = 0.50", "vol_up_fraction = 1.00")
    assert refused(lambda: policy_split.split(house, policy_file("2026-02-03", wider, fewer), tmp_path)) == "STEP_LIMIT"
