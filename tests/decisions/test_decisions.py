"""What one person asks for acts only once another has approved exactly that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tasks import codes, decided, decisions
from tasks.home import Home
from tasks.model.errors import LeveeError
from tasks.store import Store

DAY = date(2026, 1, 30)
NOON = datetime(2026, 1, 30, 12)
PRICE = {"business_date": "2026-01-30", "cycle": "EOD", "contract_id": "BTC-PERP.INV", "price": "80000"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare("TEST")


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    with Store(home.database) as opened:
        yield opened


def ask(store: Store, home: Home, **changes: Any) -> decisions.Decision:
    given: dict[str, Any] = {
        "requested_by": "ada",
        "reason": "the venue is down",
        "expires": timedelta(hours=2),
        "now": NOON,
    }
    return decisions.request(store, home, changes.pop("kind", "MANUAL_PRICE"), PRICE | changes, **given)


def basis(store: Store, day: date, cycle: str) -> list[str]:
    return decided.lines(decided.of_cycle(store, day, cycle))


def code_of(error: pytest.ExceptionInfo[LeveeError]) -> tuple[str, int]:
    return error.value.code, codes.exit_code(error.value.code)


def test_the_hash_is_of_canonical_json() -> None:
    text = '{"amount":"1.50","day":"2026-01-30","name":"Ü"}'
    subject = {"name": "Ü", "day": DAY, "amount": Decimal("1.50")}
    assert decisions.subject_hash(subject) == hashlib.sha256(text.encode()).hexdigest()


def test_another_person_approves_exactly_what_was_asked(store: Store, home: Home) -> None:
    asked = ask(store, home)
    assert (asked.state, decisions.approved(store, "MANUAL_PRICE", PRICE)) == ("OPEN", None)
    decisions.decide(store, home, asked.decision_id, "grace", approve=True, now=NOON)
    standing = decisions.approved(store, "MANUAL_PRICE", PRICE)
    assert standing is not None
    assert (standing.requested_by, standing.decided_by, standing.decided_ts) == ("ada", "grace", NOON)
    assert decisions.approved(store, "MANUAL_PRICE", PRICE | {"price": "80001"}) is None
    assert decisions.approved(store, "POSITION_CONFIRMED", PRICE) is None


@pytest.mark.parametrize("name", ["ada", "ADA", " Ada ", "ａda", "a da"])
def test_who_asked_may_not_approve_under_any_spelling(store: Store, home: Home, name: str) -> None:
    asked = ask(store, home)
    with pytest.raises(LeveeError) as error:
        decisions.decide(store, home, asked.decision_id, name, approve=True, now=NOON)
    assert code_of(error) == ("SELF_APPROVAL", 40)
    assert decisions.approved(store, "MANUAL_PRICE", PRICE) is None


def test_who_asked_may_take_it_back(store: Store, home: Home) -> None:
    asked = ask(store, home)
    assert decisions.decide(store, home, asked.decision_id, "ada", approve=False, now=NOON).state == "REJECTED"


def test_an_answer_after_its_time_is_refused(store: Store, home: Home) -> None:
    asked = ask(store, home)
    with pytest.raises(LeveeError) as error:
        decisions.decide(
            store, home, asked.decision_id, "grace", approve=True, now=NOON + timedelta(hours=2, microseconds=1)
        )
    assert code_of(error) == ("STALE_APPROVAL", 40)
    again = decisions.request(
        store, home, "MANUAL_PRICE", PRICE, "ada", "still down", timedelta(hours=1), NOON + timedelta(hours=3)
    )
    assert again.decision_id != asked.decision_id


def test_an_approval_of_another_diff_is_refused(store: Store, home: Home) -> None:
    asked = ask(store, home)
    with pytest.raises(LeveeError) as error:
        decisions.decide(
            store, home, asked.decision_id, "grace", approve=True, current=PRICE | {"price": "1"}, now=NOON
        )
    assert code_of(error) == ("STALE_APPROVAL", 40)


def test_a_request_whose_text_was_changed_behind_its_hash_is_refused(store: Store, home: Home) -> None:
    asked = ask(store, home)
    store.execute("UPDATE control.decision SET subject = replace(subject, '80000', '90000')")
    with pytest.raises(LeveeError) as error:
        decisions.decide(store, home, asked.decision_id, "grace", approve=True, now=NOON)
    assert code_of(error) == ("STALE_APPROVAL", 40)


def test_a_second_answer_is_refused_and_the_same_one_again_changes_nothing(store: Store, home: Home) -> None:
    asked = ask(store, home)
    first = decisions.decide(store, home, asked.decision_id, "grace", approve=False, now=NOON)
    assert decisions.decide(store, home, asked.decision_id, "grace", approve=False, now=NOON) == first
    with pytest.raises(LeveeError) as error:
        decisions.decide(store, home, asked.decision_id, "barbara", approve=True, now=NOON)
    assert code_of(error) == ("STALE_APPROVAL", 40)
    assert store.read("SELECT count(*) FROM control.decision_answer").item() == 1


def test_an_unknown_decision(store: Store, home: Home) -> None:
    with pytest.raises(LeveeError) as error:
        decisions.decide(store, home, "no-such", "grace", approve=True)
    assert code_of(error) == ("UNKNOWN_ID", 2)


def test_asking_twice_is_asking_once_until_it_is_rejected(store: Store, home: Home) -> None:
    asked = ask(store, home)
    assert ask(store, home) == asked
    decisions.decide(store, home, asked.decision_id, "grace", approve=False, now=NOON)
    again = ask(store, home)
    assert (again.state, again.decision_id == asked.decision_id) == ("OPEN", False)
    assert store.read("SELECT count(*) FROM control.decision").item() == 2


def test_an_approval_survives_a_restart_and_readers_see_it_without_the_database(home: Home) -> None:
    with Store(home.database) as store:
        asked = ask(store, home)
    with Store(home.database) as store:
        decisions.decide(store, home, asked.decision_id, "grace", approve=True, now=NOON)
    with Store(home.database) as store:
        assert decisions.approved(store, "MANUAL_PRICE", PRICE) is not None
    shown = json.loads((home.root / "approvals" / f"{asked.decision_id}.json").read_text())
    assert (shown["state"], shown["decided_by"], shown["subject"]) == ("APPROVED", "grace", PRICE)


def test_a_request_goes_with_the_transaction_it_stands_in(store: Store, home: Home) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        ask(store, home)
        raise ZeroDivisionError
    assert store.read("SELECT count(*) FROM control.decision").item() == 0


@pytest.mark.parametrize(("kind", "reason"), [("WHIM", "why not"), ("MANUAL_PRICE", "  ")])
def test_a_decision_has_a_known_kind_and_a_reason(store: Store, home: Home, kind: str, reason: str) -> None:
    with pytest.raises(LeveeError, match="USAGE"):
        decisions.request(store, home, kind, PRICE, "ada", reason)


@pytest.mark.parametrize("kind", ["MANUAL_PRICE", "PRIOR_CYCLE_MISSING"])
def test_an_approved_decision_enters_the_basis_of_its_cycle_alone(store: Store, home: Home, kind: str) -> None:
    asked = ask(store, home, kind=kind)
    assert basis(store, DAY, "EOD") == []
    decisions.decide(store, home, asked.decision_id, "Grace", approve=True, now=NOON)
    assert basis(store, DAY, "EOD") == [f"decision {kind} {decisions.subject_hash(PRICE)} ada Grace"]
    assert basis(store, DAY, "ITD1") == []
    assert basis(store, DAY + timedelta(days=1), "EOD") == []


@pytest.mark.parametrize(("kind", "approve"), [("LARGE_CALL", True), ("PARAMETER", True), ("MANUAL_PRICE", False)])
def test_what_a_run_finds_itself_and_what_is_rejected_stay_out_of_its_basis(
    store: Store, home: Home, kind: str, approve: bool
) -> None:
    asked = ask(store, home, kind=kind)
    decisions.decide(store, home, asked.decision_id, "grace", approve=approve, now=NOON)
    assert basis(store, DAY, "EOD") == []


def test_a_member_s_status_stands_from_its_date_on(store: Store, home: Home) -> None:
    subject = {"business_date": "2026-01-30", "clearing_member_id": "M001", "status": "SUSPENDED"}
    asked = decisions.request(store, home, "MEMBER_STATUS", subject, "ada", "did not pay", now=NOON)
    decisions.decide(store, home, asked.decision_id, "grace", approve=True, now=NOON)
    counts = [len(basis(store, DAY + timedelta(days=days), "ITD2")) for days in (-1, 0, 40)]
    assert counts == [0, 1, 1]


def test_the_latest_status_of_each_member_counts(store: Store, home: Home) -> None:
    for member, day, status in (("M001", 28, "SUSPENDED"), ("M001", 30, "ACTIVE"), ("M002", 29, "DEFAULTED")):
        subject = {"business_date": f"2026-01-{day}", "clearing_member_id": member, "status": status}
        asked = decisions.request(store, home, "MEMBER_STATUS", subject, "ada", "as agreed", now=NOON)
        decisions.decide(store, home, asked.decision_id, "grace", approve=True, now=NOON)

    def statuses(day: int) -> list[tuple[Any, ...]]:
        return (
            decided.of_cycle(store, date(2026, 1, day), "EOD").select("clearing_member_id", "status").sort("*").rows()
        )

    assert statuses(28) == [("M001", "SUSPENDED")]
    assert statuses(29) == [("M001", "SUSPENDED"), ("M002", "DEFAULTED")]
    assert statuses(30) == [("M001", "ACTIVE"), ("M002", "DEFAULTED")]


def test_what_is_frozen_of_a_price_and_of_a_position(store: Store, home: Home) -> None:
    place = {"business_date": "2026-01-30", "cycle": "EOD", "contract_id": "BTC-PERP.INV"}
    confirmed = {"clearing_member_id": "M001", "margin_account_id": "M001H", "quantity": "1500"}
    for kind, subject in (
        ("MANUAL_PRICE", {"price_type": "SETTLE", "price": "80000.5"}),
        ("POSITION_CONFIRMED", confirmed),
    ):
        asked = decisions.request(store, home, kind, place | subject, "ada", "as agreed", now=NOON)
        decisions.decide(store, home, asked.decision_id, "grace", approve=True, now=NOON)
    names = ("kind", "clearing_member_id", "margin_account_id", "contract_id", "price_type", "price", "quantity")
    assert sorted(decided.of_cycle(store, DAY, "EOD").select(names).rows()) == [
        ("MANUAL_PRICE", "", "", "BTC-PERP.INV", "SETTLE", Decimal("80000.5"), None),
        ("POSITION_CONFIRMED", "M001", "M001H", "BTC-PERP.INV", "", None, Decimal(1500)),
    ]


def test_of_two_prices_for_a_contract_the_one_decided_last_counts(store: Store, home: Home) -> None:
    for hours, contract, price in (
        (0, "BTC-PERP.INV", "81000"),
        (1, "BTC-PERP.INV", "80000"),
        (0, "ETH-PERP.INV", "3"),
    ):
        subject = PRICE | {"contract_id": contract, "price_type": "SETTLE", "price": price}
        asked = decisions.request(store, home, "MANUAL_PRICE", subject, "ada", "as agreed", now=NOON)
        decisions.decide(store, home, asked.decision_id, "grace", approve=True, now=NOON + timedelta(hours=hours))
    assert sorted(decided.of_cycle(store, DAY, "EOD").select("contract_id", "price").rows()) == [
        ("BTC-PERP.INV", Decimal(80000)),
        ("ETH-PERP.INV", Decimal(3)),
    ]


def test_decisions_are_handed_to_another_home_as_they_stand(store: Store, home: Home, tmp_path: Path) -> None:
    asked = ask(store, home)
    decisions.decide(store, home, asked.decision_id, "grace", approve=True, now=NOON)
    with Store(Home(tmp_path / "other").prepare("TEST").database) as other:
        decided.hand_over(home, [asked.decision_id], other)
        assert decisions.get(other, asked.decision_id) == decisions.get(store, asked.decision_id)
        assert basis(other, DAY, "EOD") == basis(store, DAY, "EOD") != []


def test_times_with_a_zone_are_kept_as_utc(store: Store, home: Home) -> None:
    expires = datetime(2026, 1, 30, 13, tzinfo=UTC)
    asked = decisions.request(store, home, "MANUAL_PRICE", PRICE, "ada", "down", expires, NOON)
    assert asked.expires_ts == datetime(2026, 1, 30, 13)


def test_who_acts_is_said_or_set_or_the_login_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVEE_USER", "grace")
    assert (decisions.asking("ada"), decisions.asking()) == ("ada", "grace")
    monkeypatch.delenv("LEVEE_USER")
    monkeypatch.setenv("LOGNAME", "barbara")
    assert decisions.asking() == "barbara"
    with pytest.raises(LeveeError, match="USAGE"):
        decisions.asking("ada\nlovelace")


def test_a_decision_is_shown_once_it_is_committed(store: Store, home: Home) -> None:
    shown = home.root / "approvals"
    with pytest.raises(RuntimeError), store.transaction():
        ask(store, home)
        raise RuntimeError
    assert list(shown.iterdir()) == []
    with store.transaction():
        asked = ask(store, home)
        assert list(shown.iterdir()) == []
    assert [path.stem for path in shown.iterdir()] == [asked.decision_id]
