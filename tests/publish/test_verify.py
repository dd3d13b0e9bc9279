"""One flipped byte names its file, in a release and in a member's folder alone; a missing or added file too."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.home import Home
from tasks.verify import releases, verify

RELEASE = "20260130/EOD/v01"


@pytest.fixture
def published(released: Home, tmp_path: Path) -> Path:
    """A copy of published/ that may be spoilt."""
    target = tmp_path / "published"
    shutil.copytree(released.published, target)
    return target


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 0x01
    path.write_bytes(bytes(content))


def named(pack: Path) -> set[str]:
    return {Path(finding.where).name for finding in verify(pack)}


def test_an_intact_pack_has_no_findings(published: Path) -> None:
    for pack in (published, published / RELEASE, published / RELEASE / "members/007", published / RELEASE / "public"):
        assert verify(pack) == []


def test_a_flipped_byte_names_the_file_wherever_it_lies(published: Path) -> None:
    files = sorted(path for path in published.rglob("*") if path.is_file())
    for number, path in enumerate(files):
        flip(path, 7919 * (number + 1))
        assert path.name in named(published), path
        flip(path, 7919 * (number + 1))
    assert verify(published) == []


def test_a_member_proves_its_own_folder_alone(published: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine"
    shutil.copytree(published / RELEASE / "members/M001", own)
    assert verify(own) == []
    statement = next(own.glob("*MS01*.html"))
    flip(statement, 500)
    assert named(own) == {statement.name}
    flip(statement, 500)
    for position in range(0, (own / "manifest.json").stat().st_size, 37):
        flip(own / "manifest.json", position)
        assert verify(own), f"byte {position} of the manifest"
        flip(own / "manifest.json", position)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: next(folder.glob("*MR01*.csv")).unlink(),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "added.csv").write_text("x\n", encoding="utf-8"),
        lambda folder: next(folder.glob("*MR01*.csv")).rename(folder / "renamed.csv"),
    ],
)
def test_missing_added_and_renamed_files_are_found(published: Path, spoil: Callable[[Path], object]) -> None:
    spoil(published / RELEASE / "members/007")
    assert verify(published / RELEASE / "members/007")
    assert verify(published)


def test_without_its_marker_a_release_is_not_published(published: Path) -> None:
    (published / RELEASE / "_COMPLETE.json").unlink()
    assert releases(Home(published.parent)) == []
    assert named(published / RELEASE) == {"_COMPLETE.json"}


def test_no_such_pack_is_said(tmp_path: Path) -> None:
    assert [finding.code for finding in verify(tmp_path / "nowhere")] == ["UNKNOWN_ID"]
    assert [finding.code for finding in verify(tmp_path)] == ["VERIFY_FAILED"]


def test_verifying_needs_no_database_and_no_orchestrator() -> None:
    heavy = "{'duckdb', 'prefect', 'great_expectations', 'polars'}"
    code = f"import sys, tasks.verify; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
