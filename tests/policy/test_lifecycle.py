"""A policy from a file to the cycle that uses it, by the commands its persons give, on three days of a small market."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import policy_impact, policy_store, verify
from tasks.cycle import procedure
from tasks.home import Home
from tasks.model.assurance.impact import impact

DAYS = (date(2026, 1, 29), date(2026, 1, 30), date(2026, 1, 31))
RAISED = ("stressed_weight_fraction = 0.25", "stressed_weight_fraction = 0.27")
JUMP = ("stressed_weight_fraction = 0.25", "stressed_weight_fraction = 0.35")
Levee = Callable[..., Any]


def run(home: Home, day: date) -> None:
    with home.locked("cycle run"):
        procedure(home, day, "EOD", lambda step, *given: step(*given))


@pytest.fixture
def home(small_market: Home, tmp_path: Path) -> Home:
    target = tmp_path / "home"
    shutil.copytree(small_market.root, target)
    return Home(target)


@pytest.fixture
def policy(levee: Levee, home: Home) -> Callable[..., tuple[int, str, Any]]:
    """`levee policy …`: exit code, code of the first finding, JSON."""

    def say(*words: object) -> tuple[int, str, Any]:
        ended = levee("policy", *words, "--json", "--home", home.root)
        found = json.loads(ended.out.splitlines()[-1]) if ended.out.strip() else None
        return ended.code, ended.err.split(":")[0] if ended.code else "", found

    return say


@pytest.fixture
def nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Impacts as if every policy asked for what was published: for steps that are not about figures."""

    def same(home: Home, run_id: str, proposal: Any, scratch: Home) -> Any:
        found = policy_impact.margined(home, run_id)
        return impact(found, found, proposal.base.brackets.majors)

    monkeypatch.setattr(policy_impact, "side_by_side", same)


def twice_as_much(home: Home, run_id: str, proposal: Any, scratch: Home) -> Any:
    """An impact as if every account were asked for twice what it is."""
    found = policy_impact.margined(home, run_id)
    more = replace(found, accounts=found.accounts.with_columns(pl.col("total_initial_margin_usd") * 2))
    return impact(found, more, proposal.base.brackets.majors)


def told(folder: Path, report: str) -> list[dict[str, str]]:
    (path,) = folder.rglob(f"*-{report}-*.csv")
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()[1:-1]))


def total(rows: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows if row["item"] == "TOTAL_INITIAL_MARGIN"), Decimal(0))


def margins(home: Home, run_id: str) -> Decimal:
    path = home.exports / run_id / "result.margin_account.parquet"
    return sum(pl.read_parquet(path)["total_initial_margin_usd"], Decimal(0))


def test_from_a_file_to_the_cycle_that_uses_it(
    levee: Levee, home: Home, policy: Callable[..., Any], policy_file: Callable[..., Path]
) -> None:
    file = policy_file("2026-01-31", RAISED)
    code, _, made = policy("propose", file, "--reason", "thin tail", "--user", "ada")
    assert (code, made["state"]) == (0, "DRAFT")
    proposal = made["proposal_id"]
    assert policy("approve", proposal, "--user", "bob")[:2] == (40, "PARAM_STATE"), "a state is skipped"
    assert policy("justify", proposal, "--judgement", "expert", "--user", "ada")[2]["state"] == "CALIBRATED"
    assert policy("test", proposal, "--user", "ada")[2]["state"] == "TESTED"
    assert policy("impact", proposal, "--user", "ada")[2]["state"] == "IMPACT_ASSESSED"
    assert policy("review", proposal, "--note", "read", "--user", "ADA")[:2] == (40, "SELF_APPROVAL")
    assert policy("review", proposal, "--note", "read", "--user", "bob")[2]["state"] == "REVIEWED"
    for nobody in ("ada", "bob"):
        assert policy("approve", proposal, "--user", nobody)[:2] == (40, "SELF_APPROVAL")
    kept = home.root / "proposals" / proposal / "policy.toml"
    kept.write_text(kept.read_text(encoding="utf-8").replace("fraction = 0.27", "fraction = 0.26"), encoding="utf-8")
    assert policy("approve", proposal, "--user", "eve")[:2] == (40, "STALE_APPROVAL"), "the diff has changed"
    kept.write_bytes(file.read_bytes())
    assert policy("approve", proposal, "--user", "eve")[2]["state"] == "APPROVED"
    assert policy("activate", proposal, "--user", "ada")[:2] == (40, "PARAM_STATE"), "nobody was told"
    assert policy("notice", proposal, "--user", "ada")[2]["state"] == "NOTICED"

    said = home.root / "proposals" / proposal / "v02"
    assert [each for audience in said.rglob("manifest.json") for each in verify.verify(audience.parent)] == []
    summary = [row for row in told(said / "risk", "PI01") if (row["row_type"], row["item"]) == ("TOTAL", "ALL")]
    members = [row for folder in (said / "members").iterdir() for row in told(folder, "MA01")]
    assert total(members, "announced_usd") == Decimal(summary[0]["proposed_usd"])
    assert total(members, "current_usd") == Decimal(summary[0]["current_usd"]) == margins(home, "20260129-EOD-r01")
    (notice,) = (said / "public").glob("*-PN01-*.json")
    content = json.loads(notice.read_text(encoding="utf-8"))
    assert [row["rule_id"] for row in content["parameters"]] == ["base_margin.stressed_weight_fraction"]
    assert content["notice"]["effective_date"] == "2026-01-31"

    assert policy("activate", proposal, "--user", "ada")[:2] == (40, "PARAM_STATE"), "30 January is not out"
    run(home, DAYS[1])
    out = home.published / "20260130" / "EOD" / "v01" / "members"
    members = [row for folder in out.iterdir() for row in told(folder, "MA01")]
    assert total(members, "current_usd") == margins(home, "20260130-EOD-r01")
    assert total(members, "announced_usd") > total(members, "current_usd")
    assert policy("activate", proposal, "--user", "ada")[2]["state"] == "ACTIVE"
    run(home, DAYS[2])
    used = pl.read_parquet(home.exports / "20260131-EOD-r01" / "control.cycle_run.parquet")["policy_hash"].item()
    assert used == policy_store.load(file).policy_hash
    assert not list((home.published / "20260131").rglob("*-MA01-*")), "what acts is announced no more"

    code, _, again = policy("replay", proposal)
    assert code == 0
    assert {row["what"]: row["identical"] for row in again} == dict.fromkeys(
        ("policy", "diff", "closes", "test", "impact"), True
    )
    replayed = levee("cycle", "replay", "20260130-EOD-r01", "--verify", "--home", home.root)
    assert replayed.code == 0, replayed.err


@pytest.mark.usefixtures("nothing_moves")
def test_a_jump_is_staged_or_an_emergency_with_two_approvals(
    home: Home,
    policy: Callable[..., Any],
    policy_file: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = policy_file("2026-01-30", JUMP)  # 0.25 to 0.35 is a step of 0.4
    assert policy("propose", file, "--reason", "jump", "--user", "ada")[:2] == (40, "STEP_LIMIT")
    code, _, stages = policy("propose", file, "--split", tmp_path / "stages")
    assert code == 0
    weights = [policy_store.load(Path(each)).base_margin.stressed_weight_fraction for each in stages]
    assert weights == pytest.approx([0.25 * 1.4**0.5, 0.35])

    words = ("--reason", "jump", "--judgement", "it cannot wait", "--emergency", "--user", "ada")
    proposal = policy("propose", file, *words)[2]["proposal_id"]
    for step in ("test", "impact"):
        assert policy(step, proposal, "--user", "ada")[0] == 0
    assert policy("review", proposal, "--note", "read", "--user", "bob")[0] == 0
    assert policy("approve", proposal, "--user", "bob")[2]["state"] == "REVIEWED", "one more person must approve"
    assert policy("notice", proposal)[:2] == (40, "PARAM_STATE")
    assert policy("approve", proposal, "--user", "bob")[:2] == (40, "SELF_APPROVAL")
    assert policy("approve", proposal, "--user", "eve")[2]["state"] == "APPROVED"
    with monkeypatch.context() as changed:
        changed.setattr(policy_impact, "side_by_side", twice_as_much)
        assert policy("notice", proposal, "--user", "ada")[:2] == (40, "STALE_APPROVAL"), "another impact was approved"
    assert policy("notice", proposal, "--user", "ada")[0] == 0
    assert policy("activate", proposal, "--user", "ada")[2]["state"] == "ACTIVE"
    (due,) = policy("list")[2]["reviews"]
    assert (due["review"], due["review_by"]) == ("due", "2026-02-09")  # ten days after it acts
    assert policy("review", proposal, "--note", "right", "--user", "ada")[:2] == (40, "SELF_APPROVAL")
    assert policy("review", proposal, "--note", "right", "--user", "bob")[0] == 0
    assert policy("list")[2]["reviews"] == []


@pytest.mark.usefixtures("nothing_moves")
def test_notice_is_as_long_as_the_rise_asks_for(
    home: Home, policy: Callable[..., Any], policy_file: Callable[..., Path]
) -> None:
    file = policy_file("2026-01-30", RAISED)
    proposal = policy("propose", file, "--reason", "r", "--judgement", "j", "--user", "ada")[2]["proposal_id"]
    for step in ("test", "impact"):
        assert policy(step, proposal, "--user", "ada")[0] == 0
    assert policy("review", proposal, "--note", "read", "--user", "bob")[0] == 0
    assert policy("approve", proposal, "--user", "eve")[0] == 0
    assert policy("notice", proposal, "--user", "ada")[:2] == (40, "NOTICE_SHORT")
    assert policy("withdraw", proposal, "--reason", "too soon", "--user", "ada")[2]["state"] == "WITHDRAWN"
