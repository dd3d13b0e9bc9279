"""Files beside the database that were spoilt: each says which, and the next cycle writes what it can write anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator")
SPOILT = ["", "[]", '{"version": "x"}']


def code_of(ended: Any) -> str:
    return str(json.loads(ended.out)["findings"][0]["code"])


@pytest.mark.parametrize("content", SPOILT)
def test_spoilt_pointers_are_told_and_written_anew(cleared: Any, levee: Callable[..., Any], content: str) -> None:
    pointers = [cleared.home.published / name for name in ("latest.json", "20260130/EOD/latest.json")]
    sound = [pointer.read_bytes() for pointer in pointers]
    for pointer in pointers:
        pointer.write_text(content, encoding="utf-8")
    shown = levee("explain", "--account", "M001H", "--home", cleared.home.root, "--json")
    assert (shown.code, code_of(shown)) == (70, "STATE_UNREADABLE")
    ended = levee(*RUN, "--home", cleared.home.root, "--json")
    assert ended.code == 0, ended.err
    assert [pointer.read_bytes() for pointer in pointers] == sound


@pytest.mark.parametrize("content", SPOILT)
def test_a_spoilt_state_is_told_and_written_anew(cleared: Any, levee: Callable[..., Any], content: str) -> None:
    state = cleared.home.state / "2026-01-30-EOD.json"
    sound = json.loads(state.read_bytes())
    state.write_text(content, encoding="utf-8")
    shown = levee("cycle", "status", "--home", cleared.home.root, "--json")
    assert (shown.code, code_of(shown)) == (70, "STATE_UNREADABLE")
    assert levee(*RUN, "--home", cleared.home.root, "--json").code == 0
    assert json.loads(state.read_bytes())["stages"] == sound["stages"]


def test_a_spoilt_export_is_told_and_written_anew(cleared: Any, levee: Callable[..., Any]) -> None:
    export = cleared.home.exports / "20260130-EOD-r01" / "control.cycle_run.parquet"
    export.write_bytes(b"PAR1 no more")
    shown = levee("cycle", "replay", "20260130-EOD-r01", "--home", cleared.home.root, "--json")
    assert (shown.code, code_of(shown)) == (70, "STATE_UNREADABLE")
    assert levee(*RUN, "--home", cleared.home.root, "--json").code == 0
    assert export.read_bytes()[-4:] == b"PAR1"


def test_a_spoilt_marker_of_the_environment_is_told(cleared: Any, levee: Callable[..., Any]) -> None:
    (cleared.home.root / "environment").write_text("PRODUCTION\n", encoding="utf-8")
    ended = levee(*RUN, "--home", cleared.home.root, "--json")
    assert (ended.code, code_of(ended)) == (70, "STATE_UNREADABLE")


def test_a_prepared_release_whose_marker_was_spoilt_is_completed(house: Any, as_undisturbed: Any) -> None:
    house.kill("publish:completed")
    marker: Path = house.home.published / "20260130" / "EOD" / "v01" / "_COMPLETE.json"
    marker.write_text("{", encoding="utf-8")
    house.clear()
    as_undisturbed(house)
