"""The shipped day with everything two persons may decide about it, from the command line to what members are told."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks import resources
from tasks.home import Home

PERP = "BTC-PERP.INV"
RUN = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--json")
DAY = ("--date", "2026-01-30", "--user", "ada", "--json")


@pytest.fixture
def levee(
    levee: Callable[..., Any], put_in_force: Callable[[Home, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Commands on a home of the shipped day, whose policy wants two persons for calls above 20,000 USD."""
    monkeypatch.setenv("LEVEE_ENV", "DEMO")
    monkeypatch.setenv("LEVEE_USER", "ada")
    home = Home(tmp_path).prepare()
    shutil.copytree(resources.data("sample/inbox"), home.inbox, dirs_exist_ok=True)
    text = resources.data("policy/2014-01-01.toml").read_text(encoding="utf-8")
    text = text.replace('approval = "off"', 'approval = "on"')
    put_in_force(home, text.replace("approval_above_usd = 10000000", "approval_above_usd = 20000"))
    return lambda *arguments: levee(*arguments, "--home", tmp_path)


def asked(levee: Callable[..., Any], *arguments: object) -> str:
    ended = levee(*arguments)
    assert ended.code == 0, ended.err
    return str(json.loads(ended.out)["decision_id"])


def approved(levee: Callable[..., Any], decision: str) -> None:
    ended = levee("cycle", "approve", decision, "--user", "ada")
    assert (ended.code, ended.err.split(":")[0]) == (40, "SELF_APPROVAL")
    assert levee("cycle", "approve", decision, "--user", "grace", "--json").code == 0


def table(home: Path, pattern: str) -> list[dict[str, str]]:
    (path,) = home.glob(f"published/20260130/EOD/v01/{pattern}")
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines[1:-1]))


def test_a_day_of_two_persons(levee: Callable[..., Any], tmp_path: Path) -> None:
    price = asked(levee, "approvals", "ask-price", PERP, "80111.5", *DAY, "--reason", "venue is down")
    approved(levee, price)
    terms = ("M001", "M001H", "25", "2026-01-30", "2026-02-28", "2026-02-13")
    added = asked(levee, "override", "add", *terms, "--reason", "settlement bank on watch", "--user", "ada", "--json")
    approved(levee, added)
    (override,) = json.loads(levee("override", "list", "--json").out)
    assert (override["override_id"], override["approved_by"]) == (f"OV-{added}", "grace")

    ended = levee(*RUN)
    assert (ended.code, json.loads(ended.out)["findings"][0]["code"]) == (20, "WAITING")
    (state,) = json.loads(levee("cycle", "status", "--json").out)["cycles"]
    assert (state["state"].partition("(")[0], "levee cycle approve" in state["next"]) == ("WAITING", True)
    assert json.loads((tmp_path / "state" / "2026-01-30-EOD.json").read_bytes())["state"] == "WAITING(APPROVAL)"
    assert not list(tmp_path.glob("published/*/*/v*"))
    (large,) = json.loads(levee("approvals", "list", "--open", "--json").out)
    assert (large["kind"], large["requested_by"]) == ("LARGE_CALL", "ada")

    ended = levee("cycle", "approve", "20260130-EOD-r01", "--user", "ada")
    assert (ended.code, ended.err.split(":")[0]) == (40, "SELF_APPROVAL")
    ended = levee("cycle", "approve", "20260130-EOD-r01", "--user", "grace", "--json")
    assert (ended.code, json.loads(ended.out)["run_id"]) == (0, "20260130-EOD-r01"), ended.err
    assert levee(*RUN).code == 0  # nothing is left to do, and nobody is asked twice

    marks = {row["contract_id"]: row for row in table(tmp_path, "public/*-PP02-*.csv")}
    assert marks[PERP]["quality"] == "MANUAL"
    (line,) = [row for row in table(tmp_path, "members/M001/*-MR01-M001-M001H-*.csv") if row["row_type"] == "OVERRIDE"]
    assert (line["amount_usd"], line["reason"], line["approved_by"]) == ("25.00", "settlement bank on watch", "grace")


def test_an_override_is_withdrawn_by_two_persons(levee: Callable[..., Any]) -> None:
    terms = ("M001", "M001H", "25", "2026-01-30", "2026-02-28", "2026-02-13")
    added = asked(levee, "override", "add", *terms, "--reason", "on watch", "--user", "ada", "--json")
    assert levee("override", "withdraw", f"OV-{added}", *DAY, "--reason", "all is well").code == 2  # not in force yet
    approved(levee, added)
    approved(levee, asked(levee, "override", "withdraw", f"OV-{added}", *DAY, "--reason", "all is well"))
    (override,) = json.loads(levee("override", "list", "--json").out)
    assert override["withdrawn_date"] == "2026-01-30"


@pytest.mark.parametrize(
    ("amount", "last", "review"),
    [("-1", 1, 1), ("25.001", 1, 1), ("25", -1, 0), ("25", 4000, 1), ("25", 1, -1)],
)
def test_an_override_that_cannot_stand_is_not_even_asked_for(
    levee: Callable[..., Any], amount: str, last: int, review: int
) -> None:
    first = date(2026, 1, 30)
    days = [f"--{name}={first + timedelta(days=after)}" for name, after in (("last", last), ("review", review))]
    named = ("--member", "M001", "--account", "M001H", f"--amount={amount}", f"--first={first}", *days)
    ended = levee("override", "add", *named, "--reason", "on watch")
    assert (ended.code, ended.err.split(":")[0]) == (40, "OVERRIDE_REFUSED")
    assert json.loads(levee("approvals", "list", "--json").out) == []


@pytest.mark.parametrize("price", ["0", "-1", "80000.12345678901", "NaN", "Infinity", "dear"])
def test_a_price_by_hand_is_a_price(levee: Callable[..., Any], price: str) -> None:
    ended = levee("approvals", "ask-price", "--contract", PERP, f"--price={price}", *DAY, "--reason", "venue is down")
    assert (ended.code, ended.err.split(":")[0]) == (2, "USAGE")


def test_a_day_that_was_never_published_is_passed_over_by_two_persons_alone(levee: Callable[..., Any]) -> None:
    ended = levee("approvals", "ask-gap", *DAY, "--reason", "lost")
    assert (ended.code, ended.err.split(":")[0]) == (2, "USAGE")
