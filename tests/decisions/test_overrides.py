"""An override is put in force by two persons and ended by two, and says so; one that outlives its day is refused."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tasks import codes, ledgers, overrides, resources
from tasks.answers import answer
from tasks.home import Home
from tasks.model.errors import LeveeError
from tasks.store import Store

FIRST, LAST, REVIEW = date(2026, 1, 30), date(2026, 2, 28), date(2026, 2, 13)
TERMS = {
    "clearing_member_id": "M001",
    "margin_account_id": "M001H",
    "client_id": "",
    "amount_usd": Decimal("1250.50"),
    "first_date": FIRST,
    "last_date": LAST,
    "review_date": REVIEW,
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare("TEST")


@pytest.fixture
def override_id(home: Home) -> str:
    with Store(home.database) as store:
        asked = overrides.ask_to_add(home, store, TERMS, "ada", "settlement bank on watch")
        assert frozen(store, FIRST) == []
    answer(home, asked.decision_id, "grace", approved=True)
    return f"OV-{asked.decision_id}"


def frozen(store: Store, business_date: date) -> list[dict[str, Any]]:
    return store.read(resources.sql("freeze/overrides"), {"business_date": business_date}).to_dicts()


def test_it_acts_once_another_person_has_approved_it(home: Home, override_id: str) -> None:
    people = {"reason": "settlement bank on watch", "requested_by": "ada", "approved_by": "grace"}
    with Store(home.database) as store:
        assert frozen(store, FIRST - timedelta(days=1)) == []
        assert frozen(store, LAST) == [{**TERMS, **people, "override_id": override_id, "withdrawn_date": None}]
    assert [row["override_id"] for row in overrides.listed(home)] == [override_id]


def test_answering_twice_adds_it_once(home: Home, override_id: str) -> None:
    answer(home, override_id.removeprefix("OV-"), "grace", approved=True)
    assert len(overrides.listed(home)) == 1


def test_one_that_was_rejected_never_acts(home: Home) -> None:
    with Store(home.database) as store:
        asked = overrides.ask_to_add(home, store, TERMS, "ada", "settlement bank on watch")
    answer(home, asked.decision_id, "grace", approved=False)
    with Store(home.database) as store:
        assert frozen(store, FIRST) == []


def test_it_is_ended_by_two_persons(home: Home, override_id: str) -> None:
    with Store(home.database) as store:
        asked = overrides.ask_to_withdraw(home, store, override_id, REVIEW, "ada", "all is well")
        assert len(frozen(store, REVIEW)) == 1
    with pytest.raises(LeveeError, match="SELF_APPROVAL"):
        answer(home, asked.decision_id, "ada", approved=True)
    answer(home, asked.decision_id, "grace", approved=True)
    with Store(home.database) as store:
        assert len(frozen(store, REVIEW - timedelta(days=1))) == 1
        assert frozen(store, REVIEW) == []
        with pytest.raises(LeveeError, match="UNKNOWN_ID"):
            overrides.ask_to_withdraw(home, store, override_id, LAST, "ada", "again")


def test_one_that_was_ended_is_asked_for_anew(home: Home, override_id: str) -> None:
    """The same terms once more: what was approved before it ended puts nothing in force, and a new approval does."""
    with Store(home.database) as store:
        assert overrides.ask_to_add(home, store, TERMS, "ada", "settlement bank on watch").state == "APPROVED"
        ending = overrides.ask_to_withdraw(home, store, override_id, FIRST, "ada", "all is well")
    answer(home, ending.decision_id, "grace", approved=True)
    with Store(home.database) as store:
        again = overrides.ask_to_add(home, store, TERMS, "ada", "settlement bank on watch")
        assert again.state == "OPEN"
        assert frozen(store, FIRST) == []
    answer(home, again.decision_id, "grace", approved=True)
    with Store(home.database) as store:
        assert [(row["override_id"], row["amount_usd"]) for row in frozen(store, FIRST)] == [
            (f"OV-{again.decision_id}", TERMS["amount_usd"])
        ]


def test_one_that_outlived_its_last_day_is_frozen_to_be_refused(home: Home, override_id: str) -> None:
    with Store(home.database) as store:
        (late,) = frozen(store, LAST + timedelta(days=1))
    assert (late["override_id"], late["last_date"]) == (override_id, LAST)
    assert codes.exit_code("OVERRIDE_EXPIRED") == 40


def test_a_reader_who_is_overtaken_by_a_writer_reads_what_he_showed(
    home: Home, override_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a reader's look at the pointer and at the file the next edition comes and the earlier one goes."""
    read_bytes, left = Path.read_bytes, [override_id]

    def overtaken(path: Path) -> bytes:
        if path.name == "control.override.parquet" and left:
            left.clear()
            with Store(home.database) as store:
                ledgers.show(home, store)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", overtaken)
    assert [row["override_id"] for row in overrides.listed(home)] == [override_id]
