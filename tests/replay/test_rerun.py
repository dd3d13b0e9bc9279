"""A run is run again when somebody says why: nothing that is done is done twice, nothing that stands is touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import resources
from tasks.home import Home
from tasks.model.errors import Finding, ModelInputError
from tasks.store import Store

RUN, NEXT = "20260130-EOD-r01", "20260131-EOD-r01"


def rerun(levee: Callable[..., Any], home: Home, run_id: str, *words: object) -> Any:
    given = words or ("--reason", "the model stopped", "--user", "ada")
    return levee("cycle", "rerun", run_id, *given, "--no-orchestrator", "--json", "--home", home.root)


def rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    with Store(home.database) as store:
        return store.read(query).rows()


def test_a_failed_run_goes_on_at_the_stage_that_failed(
    levee: Callable[..., Any], home: Home, two_days: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any) -> Any:
        raise ModelInputError(Finding("HISTORY_TOO_SHORT", "the history is short"))

    words = ("cycle", "run", "--date", "2026-01-31", "--no-orchestrator", "--json", "--home")
    with monkeypatch.context() as patch:
        patch.setattr("tasks.model.margin.salvage.margin", refuse)
        assert levee(*words, home.root).code == 10
    ended = rerun(levee, home, NEXT)
    assert ended.code == 0, ended.err
    done = dict(rows(home, f"SELECT stage, attempt FROM control.stage_run WHERE run_id = '{NEXT}'"))
    assert {done[stage] for stage in ("land", "gate", "mark", "settle")} == {1}
    assert done["margin"] == 2
    asked = rows(home, "SELECT run_id, requested_by, reason FROM control.rerun")
    assert asked == [(NEXT, "ada", "the model stopped")]
    clean = Home(tmp_path / "clean")
    shutil.copytree(two_days.root, clean.root, ignore=shutil.ignore_patterns("numba"))
    undisturbed = levee(*words, clean.root)
    assert json.loads(ended.out)["root_hash"] == json.loads(undisturbed.out)["root_hash"]


def test_a_published_run_stands_where_nothing_changed(
    levee: Callable[..., Any], home: Home, tree: Callable[[Home], dict[str, str]]
) -> None:
    def out() -> dict[str, str]:
        return {path: found for path, found in tree(home).items() if path.startswith("published/")}

    before, calls = out(), rows(home, "SELECT * FROM control.margin_call ORDER BY ALL")
    ended = rerun(levee, home, RUN)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["already_published"]
    assert out() == before
    assert rows(home, "SELECT * FROM control.margin_call ORDER BY ALL") == calls


def test_changed_code_alone_is_grounds_only_for_a_rerun(
    levee: Callable[..., Any], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "code_version", lambda: "the next one")
    words = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--json", "--home", home.root)
    assert json.loads(levee(*words).out)["already_published"]
    ended = rerun(levee, home, RUN, "--reason", "a corrected formula", "--user", "ada")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert (found["run_id"], found["already_published"]) == ("20260130-EOD-r02", False)
    issued = pl.DataFrame(
        rows(home, "SELECT call_id, count(*) FROM control.margin_call WHERE state = 'ISSUED' GROUP BY ALL"),
        schema=["call_id", "issued"],
        orient="row",
    )
    assert issued.height
    assert set(issued["issued"]) == {1}
    again = json.loads(levee(*words).out)
    assert (again["run_id"], again["already_published"]) == ("20260130-EOD-r02", True)
    replayed = levee("cycle", "replay", "20260130-EOD-r02", "--verify", "--json", "--home", home.root)
    assert replayed.code == 0, replayed.err
    assert json.loads(replayed.out)["identical"]


def test_a_closed_cycle_is_not_opened_by_a_rerun(
    levee: Callable[..., Any], home: Home, monkeypatch: pytest.MonkeyPatch, tree: Callable[[Home], dict[str, str]]
) -> None:
    monkeypatch.setattr(resources, "code_version", lambda: "the next one")
    before = {path: found for path, found in tree(home).items() if path.startswith("published/")}
    refused = rerun(levee, home, "20260129-EOD-r01")
    assert (refused.code, refused.err.split(":")[0]) == (40, "RESTATE_REFUSED")
    assert {path: found for path, found in tree(home).items() if path.startswith("published/")} == before


@pytest.mark.parametrize(
    ("run_id", "reason", "code"),
    [("20260130-EOD-r09", "why not", "UNKNOWN_ID"), (RUN, "  ", "USAGE"), ("20260130-EOD-r00", "old", "USAGE")],
)
def test_what_cannot_be_run_again_is_a_usage_error(
    levee: Callable[..., Any], home: Home, run_id: str, reason: str, code: str
) -> None:
    with Store(home.database) as store:
        run = store.read("SELECT * FROM control.cycle_run WHERE run_id = $run_id", {"run_id": RUN}).row(0, named=True)
        earlier = {**run, "run_id": "20260130-EOD-r00", "run_no": 0, "state": "BLOCKED", "fingerprint": ""}
        store.append("control.cycle_run", pl.DataFrame([earlier]))
    refused = rerun(levee, home, run_id, "--reason", reason, "--user", "ada")
    assert (refused.code, refused.err.split(":")[0]) == (2, code)
    assert rows(home, "SELECT * FROM control.rerun") == []
