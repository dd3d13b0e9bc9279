"""A run that one person may not let out alone waits, survives a kill, and goes on once another has approved it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks import codes, decisions, freeze, resources, status
from tasks.answers import answer, listed
from tasks.approve import approve
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import LeveeError
from tasks.publish import publish
from tasks.store import Store

RUN = "20260130-EOD-r01"
NEXT = CycleKey(date(2026, 1, 30), "EOD", 2)


@pytest.fixture(autouse=True)
def ada(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs the cycles here."""
    monkeypatch.setenv("LEVEE_USER", "ada")


@pytest.fixture(scope="module")
def reconciled(make_home: Callable[..., Home], put_in_force: Callable[[Home, str], str]) -> Home:
    """A home with a run that is to be approved, under a policy that asks for calls above 5,000 USD."""
    home = make_home()
    put_in_force(home, asking_above("5000"))
    with Store(home.database) as store:
        store.execute("UPDATE control.cycle_run SET state = 'RECONCILED'")
        store.execute("DELETE FROM control.stage_run WHERE stage = 'approve'")
    rebase(home, RUN)
    return home


@pytest.fixture
def home(reconciled: Home, tmp_path: Path) -> Home:
    shutil.copytree(reconciled.root, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def corrected(released: Home, tmp_path: Path) -> Home:
    """A home whose cycle is out, with a second run that reconciled and comes to the same figures."""
    shutil.copytree(released.root, tmp_path / "home")
    home = Home(tmp_path / "home")
    with Store(home.database) as store:
        tables = store.read(
            "SELECT schema_name || '.' || table_name AS name FROM duckdb_columns() "
            "WHERE column_name = 'run_id' AND schema_name IN ('book', 'result')"
        )["name"]
        for table in (*tables, "control.cycle_run"):
            store.execute(
                f"INSERT INTO {table} BY NAME SELECT * REPLACE ('{NEXT.run_id}' AS run_id) FROM {table} "
                f"WHERE run_id = '{RUN}'"
            )
        store.execute(f"UPDATE control.cycle_run SET run_no = 2, state = 'RECONCILED' WHERE run_id = '{NEXT.run_id}'")
    rebase(home, NEXT.run_id)
    return home


def asking_above(amount: str) -> str:
    """The shipped policy, which wants two persons for calls above an amount."""
    text = resources.data("policy/2014-01-01.toml").read_text(encoding="utf-8")
    text = text.replace('approval = "off"', 'approval = "on"')
    return text.replace("approval_above_usd = 10000000", f"approval_above_usd = {amount}")


def rebase(home: Home, run_id: str) -> None:
    """Make a run one that was frozen on what the home holds."""
    with Store(home.database) as store:
        basis = freeze.take_basis(home, store, date(2026, 1, 30), "EOD", "0a" * 32)
        for name, value in {**asdict(basis), "fingerprint": basis.fingerprint}.items():
            store.execute(
                f"UPDATE control.cycle_run SET {name} = $value WHERE run_id = $run_id",
                {"value": value, "run_id": run_id},
            )


def waits(home: Home, key: CycleKey) -> LeveeError:
    with pytest.raises(LeveeError) as error:
        approve(home, key)
    assert (error.value.code, codes.exit_code(error.value.code)) == ("WAITING", 20)
    return error.value


def state(home: Home) -> str:
    return str(status.cycles(home)[0]["state"])


def read(home: Home, query: str) -> list[tuple[Any, ...]]:
    with Store(home.database) as store:
        return store.read(query).rows()


def refused(home: Home, subject: str, user: str) -> tuple[str, int]:
    with pytest.raises(LeveeError) as error:
        answer(home, subject, user, approved=True)
    return error.value.code, codes.exit_code(error.value.code)


def test_a_large_call_waits_for_a_second_person_and_then_goes_out(home: Home, key: CycleKey) -> None:
    told = waits(home, key).findings[0]
    assert state(home) == "WAITING(APPROVAL)"
    (asked,) = listed(home, only_open=True)
    assert (asked["kind"], asked["requested_by"], asked["subject"]["run_id"]) == ("LARGE_CALL", "ada", RUN)
    called = read(
        home,
        "SELECT margin_account_id, margin_call_amount_usd FROM result.margin_account WHERE "
        "margin_call_amount_usd > 5000",
    )
    assert [(row["margin_account_id"], row["margin_call_amount_usd"]) for row in asked["subject"]["calls"]] == [
        (account, str(amount)) for account, amount in called
    ]
    assert asked["decision_id"] in told.line()
    with pytest.raises(LeveeError, match="not approved"):
        publish(home, key)
    assert refused(home, RUN, "Ada") == ("SELF_APPROVAL", 40)
    decided, run = answer(home, RUN, "grace", approved=True)
    assert ([each.state for each in decided], run) == (["APPROVED"], key)
    approve(home, key)
    publish(home, key)
    assert read(home, "SELECT state, count(*) FROM control.margin_call GROUP BY ALL") == [("ISSUED", len(called))]
    assert read(home, "SELECT kind, state, requested_by, decided_by FROM control.approval") == [
        ("LARGE_CALL", "APPROVED", "ada", "grace")
    ]


def test_a_call_of_the_amount_itself_is_no_matter_for_two(
    home: Home, key: CycleKey, put_in_force: Callable[[Home, str], str]
) -> None:
    (amount,) = read(home, "SELECT max(margin_call_amount_usd) FROM result.margin_account")[0]
    put_in_force(home, asking_above(str(amount)).replace("effective_date = 2014-01-01", "effective_date = 2014-01-02"))
    rebase(home, RUN)
    approve(home, key)
    assert (state(home), listed(home, only_open=False)) == ("APPROVED", [])


def test_asking_again_is_the_same_question(home: Home, key: CycleKey) -> None:
    waits(home, key)
    waits(home, key)
    assert len(listed(home, only_open=False)) == 1
    assert read(home, "SELECT count(*) FROM control.decision") == [(1,)]


def test_an_approval_survives_whoever_gave_it_dying_before_the_run_went_on(home: Home, key: CycleKey) -> None:
    waits(home, key)
    ended = subprocess.run(
        [sys.executable, "-m", "flows.cli", "cycle", "approve", RUN, "--user", "grace", "--home", str(home.root)],
        env=os.environ | {"LEVEE_CRASH_AT": "approve:answered"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert state(home) == "WAITING(APPROVAL)"
    approve(home, key)
    assert state(home) == "APPROVED"


def test_a_rejected_run_is_blocked_and_asks_anew_when_run_again(home: Home, key: CycleKey) -> None:
    waits(home, key)
    answer(home, RUN, "grace", approved=False)
    assert state(home) == "BLOCKED"
    with pytest.raises(LeveeError, match="not approved"):
        publish(home, key)
    waits(home, key)
    assert [each["state"] for each in listed(home, only_open=False)] == ["REJECTED", "OPEN"]


def test_an_approval_of_other_figures_is_refused(home: Home, key: CycleKey) -> None:
    waits(home, key)
    with Store(home.database) as store:
        store.execute("UPDATE result.margin_account SET margin_call_amount_usd = margin_call_amount_usd + 1000")
    assert refused(home, RUN, "grace") == ("STALE_APPROVAL", 40)
    assert state(home) == "WAITING(APPROVAL)"


def test_an_approval_after_what_the_run_stands_on_has_changed_is_refused(home: Home, key: CycleKey) -> None:
    waits(home, key)
    with Store(home.database) as store:
        subject = {"business_date": "2026-01-30", "cycle": "EOD", "contract_id": "X", "price": "1"}
        asked = decisions.request(store, home, "MANUAL_PRICE", subject, "ada", "no quotes")
        decisions.decide(store, home, asked.decision_id, "grace", approve=True)
    assert refused(home, RUN, "grace") == ("STALE_APPROVAL", 40)


def test_an_approval_comes_too_late(home: Home, key: CycleKey) -> None:
    waits(home, key)
    with Store(home.database) as store:
        store.execute("UPDATE control.decision SET expires_ts = $past", {"past": datetime(2026, 1, 1)})
    assert refused(home, RUN, "grace") == ("STALE_APPROVAL", 40)
    waits(home, key)
    assert read(home, "SELECT count(*) FROM control.decision") == [(2,)]
    answer(home, RUN, "grace", approved=True)


def test_what_nobody_answered_in_time_is_not_open(home: Home) -> None:
    with Store(home.database) as store:
        subject = {"business_date": "2026-01-30", "cycle": "EOD", "contract_id": "X", "price": "1"}
        decisions.request(store, home, "MANUAL_PRICE", subject, "ada", "no quotes", datetime(2026, 1, 1))
    assert [each["state"] for each in listed(home, only_open=False)] == ["EXPIRED"]
    assert listed(home, only_open=True) == []


def test_a_run_that_does_not_wait_has_nothing_to_approve(home: Home, key: CycleKey) -> None:
    assert refused(home, RUN, "grace") == ("STALE_APPROVAL", 40)
    assert refused(home, "20260130-EOD-r07", "grace") == ("UNKNOWN_ID", 2)


def test_a_decision_about_a_run_is_answered_by_its_own_id_too(home: Home, key: CycleKey) -> None:
    waits(home, key)
    (asked,) = listed(home, only_open=True)
    _, run = answer(home, asked["decision_id"], "grace", approved=True)
    assert run == key


def test_a_run_that_comes_to_the_figures_that_are_out_needs_nobody(corrected: Home) -> None:
    approve(corrected, NEXT)
    assert listed(corrected, only_open=False) == []


def test_changed_figures_that_are_out_go_out_again_by_two_persons(corrected: Home) -> None:
    with Store(corrected.database) as store:
        where = f"WHERE run_id = '{NEXT.run_id}' AND margin_account_id = '007C'"
        store.execute(f"UPDATE result.margin_account SET excess_amount_usd = excess_amount_usd + 1 {where}")
    waits(corrected, NEXT)
    (asked,) = listed(corrected, only_open=True)
    sides = [(row["margin_account_id"], row["side"]) for row in asked["subject"]["accounts"]]
    assert (asked["kind"], asked["subject"]["supersedes"], sides) == (
        "REISSUE",
        RUN,
        [("007C", "was"), ("007C", "becomes")],
    )
    assert refused(corrected, NEXT.run_id, "ada") == ("SELF_APPROVAL", 40)
    answer(corrected, NEXT.run_id, "grace", approved=True)
    approve(corrected, NEXT)
    assert read(corrected, f"SELECT state FROM control.cycle_run WHERE run_id = '{NEXT.run_id}'") == [("APPROVED",)]


def test_who_asked_for_the_rerun_is_who_asks_whoever_runs_it(corrected: Home) -> None:
    with Store(corrected.database) as store:
        store.execute(f"UPDATE result.mark SET settlement_price = settlement_price + 1 WHERE run_id = '{NEXT.run_id}'")
        store.execute(
            "INSERT INTO control.rerun BY NAME SELECT $run_id AS run_id, 'barbara' AS requested_by, "
            "'the model was wrong' AS reason, '0' AS code_version, TIMESTAMP '2026-01-30 09:00:00' AS requested_ts",
            {"run_id": RUN},
        )
    waits(corrected, NEXT)
    (asked,) = listed(corrected, only_open=True)
    assert (asked["requested_by"], asked["reason"].endswith(": the model was wrong")) == ("barbara", True)
    assert refused(corrected, NEXT.run_id, "barbara") == ("SELF_APPROVAL", 40)
    answer(corrected, NEXT.run_id, "ada", approved=True)


def test_a_mark_that_was_out_is_changed_by_two_persons_even_if_no_account_is(corrected: Home) -> None:
    with Store(corrected.database) as store:
        store.execute(f"UPDATE result.mark SET settlement_price = settlement_price + 1 WHERE run_id = '{NEXT.run_id}'")
    waits(corrected, NEXT)
    (asked,) = listed(corrected, only_open=True)
    assert asked["subject"]["accounts"] == []
    assert asked["subject"]["changed_rows"]["result.mark"] == 6  # three contracts, as they were and as they become
