"""The same bytes however the cycle is run: in another process, on one or two threads, on shuffled rows."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks import resources

DAY = "2026-01-30"


def threads(number: str) -> dict[str, str]:
    names = ("POLARS_MAX_THREADS", "LEVEE_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, number)


def run(home: Path, *options: str, **environment: str) -> dict[str, object]:
    command = [sys.executable, "-m", "flows.cli", "cycle", "run", "--date", DAY, "--home", str(home), "--json"]
    command += ["--inbox", str(resources.data("sample/inbox")), *options]
    settings = {**os.environ, "LEVEE_ENV": "DEMO", **environment}
    ended = subprocess.run(command, capture_output=True, text=True, env=settings, check=False)
    assert ended.returncode == 0, ended.stderr
    outcome: dict[str, object] = json.loads(ended.stdout)
    return outcome


def published(home: Path) -> dict[str, bytes]:
    release = home / "published" / "20260130" / "EOD" / "v01"
    return {path.relative_to(release).as_posix(): path.read_bytes() for path in release.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, bytes]]:
    home = tmp_path_factory.mktemp("reference")
    outcome = run(home, "--no-orchestrator", **threads("1"))
    return str(outcome["root_hash"]), published(home)


def test_another_home_another_process_and_another_number_of_threads(
    tmp_path: Path, reference: tuple[str, dict[str, bytes]]
) -> None:
    assert run(tmp_path, "--no-orchestrator", **threads("2"))["root_hash"] == reference[0]


def test_shuffled_rows_change_nothing_but_what_names_files_and_lines(
    tmp_path: Path,
    edit: Callable[..., Path],
    levee: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    reference: tuple[str, dict[str, bytes]],
) -> None:
    inbox = tmp_path / "delivered"
    shutil.copytree(resources.data("sample/inbox"), inbox)
    for path in sorted((inbox / DAY / "EOD").glob("*.csv")):
        edit(path, lambda rows: random.Random(7).sample(rows, len(rows)))
    monkeypatch.setenv("LEVEE_ENV", "DEMO")
    ended = levee("cycle", "run", "--date", DAY, "--no-orchestrator", "--home", tmp_path / "home", "--inbox", inbox)
    assert ended.code == 0, ended.err
    shuffled = published(tmp_path / "home")
    assert shuffled.keys() == reference[1].keys()
    names_lines = {name for name in shuffled if "-MX02-" in name or name.startswith("ops/")}
    differing = {name for name in shuffled if shuffled[name] != reference[1][name]}
    manifests = {name for name in shuffled if name.endswith(("manifest.json", "_COMPLETE.json"))}
    assert differing - names_lines - manifests == set()
    assert differing & names_lines, "the ops manifest names the delivered bytes, so it must differ"
