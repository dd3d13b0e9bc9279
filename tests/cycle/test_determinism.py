"""The same bytes however the cycle is run: twice, on one or two threads, on shuffled rows, with Prefect or without."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks import resources

DAY = "2026-01-30"


def run(home: Path, *options: str, inbox: Path | None = None, **environment: str) -> dict[str, object]:
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "cycle",
        "run",
        "--date",
        DAY,
        "--home",
        str(home),
        "--json",
        *options,
    ]
    command += ["--inbox", str(inbox or resources.data("sample/inbox"))]
    settings = {**os.environ, "LEVEE_ENV": "DEMO", **environment}
    settings.pop("PREFECT_API_URL", None) if "PREFECT_API_URL" not in environment else None
    ended = subprocess.run(command, capture_output=True, text=True, env=settings, check=False)
    assert ended.returncode == 0, ended.stderr
    outcome: dict[str, object] = json.loads(ended.stdout)
    outcome["stderr"] = ended.stderr
    return outcome


def published(home: Path) -> dict[str, bytes]:
    release = home / "published" / "20260130" / "EOD" / "v01"
    return {path.relative_to(release).as_posix(): path.read_bytes() for path in release.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, bytes]]:
    home = tmp_path_factory.mktemp("reference")
    outcome = run(home, "--no-orchestrator")
    return str(outcome["root_hash"]), published(home)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_another_home_and_any_number_of_threads(
    tmp_path: Path, threads: str, reference: tuple[str, dict[str, bytes]]
) -> None:
    limits = {"POLARS_MAX_THREADS": threads, "LEVEE_THREADS": threads, "NUMBA_NUM_THREADS": threads}
    limits |= {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    assert run(tmp_path, "--no-orchestrator", **limits)["root_hash"] == reference[0]


def test_with_prefect_s_own_server(tmp_path: Path, reference: tuple[str, dict[str, bytes]]) -> None:
    assert run(tmp_path)["root_hash"] == reference[0]


def test_a_dead_orchestrator_only_warns(tmp_path: Path, reference: tuple[str, dict[str, bytes]]) -> None:
    outcome = run(tmp_path, PREFECT_API_URL="http://127.0.0.1:9/api")
    assert outcome["root_hash"] == reference[0]
    assert "running without one" in str(outcome["stderr"])


def test_shuffled_rows_change_nothing_but_what_names_files_and_lines(
    tmp_path: Path, edit: Callable[..., Path], reference: tuple[str, dict[str, bytes]]
) -> None:
    inbox = tmp_path / "delivered"
    shutil.copytree(resources.data("sample/inbox"), inbox)
    for path in sorted((inbox / DAY / "EOD").glob("*.csv")):
        edit(path, lambda rows: random.Random(7).sample(rows, len(rows)))
    run(tmp_path / "home", "--no-orchestrator", inbox=inbox)
    shuffled = published(tmp_path / "home")
    assert shuffled.keys() == reference[1].keys()
    names_lines = {name for name in shuffled if "-MX02-" in name or name.startswith("ops/")}
    differing = {name for name in shuffled if shuffled[name] != reference[1][name]}
    manifests = {name for name in shuffled if name.endswith(("manifest.json", "_COMPLETE.json"))}
    assert differing - names_lines - manifests == set()
    assert differing & names_lines, "the ops manifest names the delivered bytes, so it must differ"
