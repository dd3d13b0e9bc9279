"""Evidence proves itself: without this software, against any change."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks import evidence
from tasks.home import Home

RUN = "20260130-EOD-r01"


@pytest.fixture
def folder(two_days: Home, tmp_path: Path) -> Path:
    return evidence.collect(two_days, RUN, tmp_path / "evidence", with_inputs=True)


def checked(folder: Path) -> tuple[int, str]:
    """What the folder's own script says, in a Python that knows none of our packages."""
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout


def seal(folder: Path) -> None:
    """Make the manifest agree with whatever lies there now."""
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name in content["files"]:
        content["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")


def test_it_holds_what_an_incident_asks_for_and_is_intact(folder: Path, two_days: Home) -> None:
    code, said = checked(folder)
    assert (code, said.startswith("intact:")) == (0, True), said
    names = {path.name for path in folder.iterdir()}
    assert {"run.json", "inputs.csv", "checks.csv", "stages.csv", "attempts.csv", "policy.toml"} <= names
    assert {"constraints.txt", "release.json", "files.csv", "calls.csv", "tables.csv", "verify.py"} <= names
    with (folder / "stages.csv").open(encoding="utf-8") as file:
        stages = [row["stage"] for row in csv.DictReader(file)]
    assert sorted(stages) == sorted(
        ["land", "gate", "mark", "settle", "margin", "call", "tie_out", "approve", "publish"]
    )
    delivered = {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (two_days.inbox / "2026-01-30/EOD").iterdir()
    }
    assert {path.name for path in (folder / "inputs").iterdir()} == delivered


@pytest.mark.parametrize(
    ("name", "was", "becomes"),
    [
        ("inputs.csv", ",prices,", ",pricez,"),
        ("run.json", '"env": "TEST"', '"env": "PROD"'),
        ("files.csv", "MS01", "MS02"),
        ("release.json", '"chain_hash": "', '"chain_hash": "0'),
        ("constraints.txt", "polars", "bears"),
    ],
)
def test_a_change_is_found_even_where_the_manifest_was_changed_too(
    folder: Path, name: str, was: str, becomes: str
) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert was in text
    path.write_text(text.replace(was, becomes, 1), encoding="utf-8")
    code, said = checked(folder)
    assert code == 1
    assert f"{name}: changed" in said
    seal(folder)
    code, said = checked(folder)
    assert (code, name in said) == (1, True), said


def test_a_file_that_is_missing_added_or_unreadable_is_found(folder: Path) -> None:
    (folder / "checks.csv").unlink()
    (folder / "more.csv").write_text("x\n", encoding="utf-8")
    code, said = checked(folder)
    assert code == 1
    assert {"checks.csv: missing", "more.csv: not part of the evidence"} <= set(said.splitlines())
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    assert checked(folder)[0] == 1


def test_it_replaces_its_own_folder_and_no_other(levee: Callable[..., Any], home: Home, tmp_path: Path) -> None:
    for _ in range(2):
        ended = levee("cycle", "evidence", RUN, "--json", "--home", home.root)
        assert ended.code == 0, ended.err
    assert Path(json.loads(ended.out)["folder"]) == home.root / "evidence" / RUN
    other = tmp_path / "mine"
    other.mkdir()
    (other / "letter.txt").write_text("keep", encoding="utf-8")
    refused = levee("cycle", "evidence", RUN, "--out", other, "--home", home.root)
    assert (refused.code, refused.err.split(":")[0]) == (2, "USAGE")
    assert [path.name for path in other.iterdir()] == ["letter.txt"]


def test_what_no_longer_agrees_is_no_evidence(levee: Callable[..., Any], home: Home) -> None:
    path = next(home.published.glob("20260130/EOD/v01/members/*/*-MS01-*.csv"))
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    refused = levee("cycle", "evidence", RUN, "--home", home.root)
    assert (refused.code, refused.err.split(":")[0]) == (30, "VERIFY_FAILED")
    assert not (home.root / "evidence" / RUN).exists()


def test_a_run_nobody_knows_is_a_usage_error(levee: Callable[..., Any], two_days: Home) -> None:
    refused = levee("cycle", "evidence", "20260130-EOD-r07", "--home", two_days.root)
    assert (refused.code, refused.err.split(":")[0]) == (2, "UNKNOWN_ID")
