"""What a newcomer does: the demo, the demo again, status, list, verify, and a broken option."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tasks import resources

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name == "LEVEE_KERNELS" or not name.startswith(("LEVEE_", "PREFECT_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments], capture_output=True, text=True, env=environment, check=False
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "var"
    ended = command("demo", "--home", str(folder))
    assert ended.returncode == 0, ended.stderr
    (folder / "said").write_text(ended.stdout, encoding="utf-8")
    return folder


def test_the_demo_prints_what_each_member_owes_as_worked_out_on_paper(home: Path) -> None:
    said = (home / "said").read_text(encoding="utf-8")
    with (resources.data("sample/expected") / "accounts.csv").open(encoding="utf-8", newline="") as file:
        paper = list(csv.DictReader(file))
    assert paper
    for row in paper:
        line = next(each for each in said.splitlines() if row["margin_account_id"] in each.split())
        for name in ("total_initial_margin_usd", "collateral_post_haircut_value_usd", "margin_call_amount_usd"):
            assert f"{Decimal(row[name]):,.2f}" in line.split()
    assert "MS01" in said
    assert "levee publish verify" in said


def test_a_second_demo_says_what_it_found_and_changes_nothing(home: Path) -> None:
    before = tree(home / "published")
    ended = command("demo", "--home", str(home))
    assert ended.returncode == 0, ended.stderr
    assert "already" in ended.stdout
    assert tree(home / "published") == before


def test_readers_need_neither_the_database_nor_prefect(home: Path) -> None:
    script = (
        "import sys; from flows import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "finally: assert not {'prefect', 'duckdb', 'great_expectations'} & set(sys.modules), sys.modules.keys()"
    )
    release = home / "published" / "20260130" / "EOD" / "v01"
    for arguments in (
        ["cycle", "status"],
        ["publish", "list"],
        ["publish", "verify", str(release)],
    ):
        ended = subprocess.run(
            [sys.executable, "-c", script, *arguments, "--home", str(home), "--json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert ended.returncode == 0, ended.stderr
        json.loads(ended.stdout)


def test_a_requirement_is_explained_while_somebody_writes(home: Path) -> None:
    """What it computes again it computes on exports, in a store of its own: the home's database may be locked."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, duckdb; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()",
            str(home / "levee.duckdb"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        ended = command("explain", "--account", "M001H", "--home", str(home), "--json")
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout)["contributions"]
    finally:
        holder.communicate()


def test_an_unknown_option_is_a_usage_error_in_one_line(home: Path) -> None:
    ended = command("cycle", "run", "--dte", "2026-01-30", "--home", str(home))
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert ended.stderr.startswith("USAGE:")


def test_a_second_writer_is_told_who_holds_the_home(home: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib; from tasks.home import Home\n"
            "with Home(pathlib.Path(sys.argv[1])).locked('cycle run'): print('held', flush=True); sys.stdin.read()",
            str(home),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        ended = command("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--home", str(home))
        assert ended.returncode == 75
        assert f"pid {holder.pid}" in ended.stderr
        watched = command("cycle", "status", "--home", str(home), "--json")
        assert json.loads(watched.stdout)["holder"]["pid"] == holder.pid
    finally:
        holder.communicate("")
