"""Retention removes what nothing rests on, and only when it was asked to."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import handover, ledgers, policy_coverage, policy_proposal, resources, status
from tasks.home import Home
from tasks.store import Store

LEFT_BEHIND, OUT = "20260129-EOD-r00", "20260129-EOD-r01"
REQUIRED = ("accounts", "collateral_balances", "contracts", "history", "members", "positions", "prices")
LONG_AGO = 1_700_000_000  # seconds, in November 2023


@pytest.fixture
def untidy(home: Home) -> Home:
    """A run that was left behind, one that is the latest of its cycle, an old refused file and an old journal."""
    with Store(home.database) as store:
        run = store.read("SELECT * FROM control.cycle_run WHERE run_id = $run_id", {"run_id": OUT})
        blocked = {"state": pl.lit("BLOCKED"), "fingerprint": pl.lit("")}
        latest = {"run_id": pl.lit("20260128-EOD-r01"), "business_date": pl.lit("2026-01-28").str.to_date()}
        positions = store.read("SELECT * FROM book.position WHERE run_id = $run_id", {"run_id": OUT})
        with store.transaction():
            store.append("control.cycle_run", run.with_columns(run_id=pl.lit(LEFT_BEHIND), run_no=0, **blocked))
            store.append("control.cycle_run", run.with_columns(**latest, **blocked))
            store.append("book.position", positions.with_columns(run_id=pl.lit(LEFT_BEHIND)))
        ledgers.show(home, store)
    exports = home.exports / LEFT_BEHIND
    exports.mkdir()
    (exports / "book.position.parquet").write_bytes(b"rows")
    for path in (home.frozen / "refused", home.logs / "old.jsonl", *home.frozen.iterdir()):
        if not path.exists():
            path.write_bytes(b"old")
        os.utime(path, (LONG_AGO, LONG_AGO))
    return home


def runs(home: Home, table: str) -> set[str]:
    with Store(home.database) as store:
        return set(store.read(f"SELECT DISTINCT run_id FROM {table}")["run_id"])


def test_it_only_tells_by_default(
    levee: Callable[..., Any], untidy: Home, tree: Callable[[Home], dict[str, str]]
) -> None:
    before = {path: found for path, found in tree(untidy).items() if not path.startswith("levee.")}
    ended = levee("prune", "--keep-days", 0, "--json", "--home", untidy.root)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert (found["runs"], found["archived"], found["journals"]) == ([LEFT_BEHIND], ["refused"], ["old.jsonl"])
    assert found["removed"] is False
    assert {path: found for path, found in tree(untidy).items() if not path.startswith("levee.")} == before
    assert LEFT_BEHIND in runs(untidy, "book.position")


def test_what_is_asked_for_goes_and_all_else_stays(levee: Callable[..., Any], untidy: Home) -> None:
    archive = {path.name for path in untidy.frozen.iterdir()}
    ended = levee("prune", "--keep-days", 0, "--apply", "--home", untidy.root)
    assert ended.code == 0, ended.err
    assert runs(untidy, "control.cycle_run") == {"20260128-EOD-r01", OUT, "20260130-EOD-r01"}
    assert runs(untidy, "book.position") == {OUT, "20260130-EOD-r01"}
    assert sorted(path.name for path in untidy.exports.iterdir()) == [OUT, "20260130-EOD-r01"]
    assert {path.name for path in untidy.frozen.iterdir()} == archive - {"refused"}
    assert not (untidy.logs / "old.jsonl").exists()
    assert LEFT_BEHIND not in set(ledgers.read(untidy, "control.cycle_run")["run_id"])
    again = json.loads(levee("prune", "--keep-days", 0, "--json", "--home", untidy.root).out)
    assert (again["runs"], again["archived"], again["journals"]) == ([], [], [])
    intact = levee("publish", "verify", untidy.published, "--home", untidy.root)
    assert intact.code == 0, intact.err


def test_what_was_tested_on_a_run_that_is_out_is_replayed_after_everything_old_went(
    levee: Callable[..., Any], untidy: Home, tmp_path: Path
) -> None:
    shipped = (resources.data("policy") / "2014-01-01.toml").read_text(encoding="utf-8")
    file = tmp_path / "raised.toml"
    file.write_text(
        shipped.replace('"OPENING"', '"RAISED"')
        .replace("effective_date = 2014-01-01", "effective_date = 2026-02-03")
        .replace("outright_cap = 8.0", "outright_cap = 7.0"),
        encoding="utf-8",
    )
    with untidy.locked("policy test"), Store(untidy.database) as store:
        made = policy_proposal.propose(untidy, store, file, "ada", "why", False, {"judgement": "expert"})
        found = policy_coverage.test(untidy, store, made.proposal_id, "ada")
        ledgers.show(untidy, store)
    for path in untidy.root.rglob("*"):
        if path.is_file() and not path.name.startswith("levee."):
            os.utime(path, (LONG_AGO, LONG_AGO))
    ended = levee("prune", "--keep-days", 0, "--apply", "--home", untidy.root)
    assert "All 2 runs that are out stay with what they and policies are replayed from" in " ".join(ended.out.split())
    replayed = levee("policy", "replay", found.proposal_id, "--json", "--home", untidy.root)
    assert replayed.code == 0, replayed.err
    assert {row["what"]: row["identical"] for row in json.loads(replayed.out)} == dict.fromkeys(
        ("policy", "diff", "closes", "test"), True
    )
    run = status.exported(untidy, OUT, "control.cycle_run").row(0, named=True)
    handover.files(untidy, run, Home(tmp_path / "again"))  # raises where a file of the archive is not there
    assert len(list((tmp_path / "again").rglob("*.csv"))) >= len(REQUIRED)


def test_what_is_young_stays(levee: Callable[..., Any], untidy: Home) -> None:
    found = json.loads(levee("prune", "--keep-days", 2, "--json", "--home", untidy.root).out)
    assert (found["runs"], found["before"]) == ([], "2026-01-28")


def test_a_home_in_which_nothing_is_out_keeps_everything(levee: Callable[..., Any], tmp_path: Path) -> None:
    ended = levee("prune", "--keep-days", 0, "--json", "--home", tmp_path)
    assert ended.code == 0, ended.err
    assert [json.loads(ended.out)[name] for name in ("bytes", "replayable")] == [0, 0]


def test_days_are_not_negative(levee: Callable[..., Any], two_days: Home) -> None:
    refused = levee("prune", "--keep-days", -1, "--home", two_days.root)
    assert (refused.code, refused.err.split(":")[0]) == (2, "USAGE")
