"""What a newcomer does: the demo, the demo again, status, list, verify, and a broken option.

The demo runs under an orchestrator, and nothing leaves the machine meanwhile.
"""

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
from tasks.home import Home
from tasks.verify import releases, verify

ROOT = Path(__file__).resolve().parents[2]
# Loaded by every Python process of the cycle, the orchestrator's own server among them, before anything else.
WATCH = """
import os, sys
_seen = os.open(os.environ["SOCKETS_SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
_asked = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.bind": 1, "socket.getaddrinfo": 0,
          "socket.gethostbyname": 0, "socket.gethostbyaddr": 0}

def _watch(event, given):
    if event in _asked:
        address = given[_asked[event]]
        host = address[0] if isinstance(address, tuple) else address
        os.write(_seen, f"{event} {type(address).__name__} {host!r}\\n".encode())

sys.addaudithook(_watch)
"""
LOOPBACK = {"'127.0.0.1'", "'localhost'", "'::1'", "b'127.0.0.1'", "b'localhost'", "None"}


def command(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name == "LEVEE_KERNELS" or not name.startswith(("LEVEE_", "PREFECT_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        capture_output=True,
        text=True,
        env=environment | settings,
        check=False,
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "var"
    watch = folder.with_name("watch")
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    ended = command("demo", "--home", str(folder), PYTHONPATH=str(watch), SOCKETS_SEEN=str(watch / "seen"))
    assert ended.returncode == 0, ended.stderr
    assert "running without one" not in ended.stderr
    (folder / "said").write_text(ended.stdout, encoding="utf-8")
    return folder


def test_an_orchestrator_changes_no_byte(home: Path, shipped_day: Home) -> None:
    (under,), (without,) = releases(Home(home)), releases(shipped_day)
    assert under["root_hash"] == without["root_hash"]
    assert verify(home / "published") == []


def test_every_socket_of_a_cycle_stays_on_the_loopback(home: Path) -> None:
    seen = (home.with_name("watch") / "seen").read_text(encoding="utf-8")
    lines = [line.split(" ", 2) for line in seen.splitlines()]
    connected = [host for event, _, host in lines if event == "socket.connect"]
    assert connected, "an orchestrator is spoken to, so the watch works"
    assert [line for line in lines if line[1] == "tuple" and line[2] not in LOOPBACK] == []
    assert [line for line in lines if line[1] != "tuple" and "sock" not in line[2] and line[2] not in LOOPBACK] == []


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
