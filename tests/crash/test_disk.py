"""A disk that is full or closed, a database that is locked or spoilt: told by code, and once mended nothing is lost.

Tried for real where the system lets us mount: a disk of its own, filled to the last byte and closed to writing.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks import codes, disk, home, lock
from tasks.model.errors import LeveeError, LockedError
from tasks.store import Store
from tasks.verify import releases

ROOT = Path(__file__).resolve().parents[2]
HOLD = "import sys, duckdb; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
# Each attempt prints its exit code and what it said; the disk is mounted for this process tree alone.
SCRIPT = """
set -e
mount -t tmpfs -o size=96m none "$HOME_DIR"
cp -r "$INBOX" "$HOME_DIR/inbox"
ln -s "$NUMBA" "$HOME_DIR/numba"
attempt() { set +e; said=$("$@" 2>&1 >/dev/null); code=$?; set -e; echo "$code ${said%%:*}"; }
export LEVEE_ENV=DEMO
cycle="$PYTHON -m flows.cli cycle run --date 2026-01-30 --no-orchestrator --home $HOME_DIR"
LEVEE_CRASH_AT=publish:begin $cycle || true
mount -o remount,ro "$HOME_DIR"
attempt $cycle
mount -o remount,rw "$HOME_DIR"
dd if=/dev/zero of="$HOME_DIR/filler" bs=4k 2>/dev/null || true
attempt $cycle
find "$HOME_DIR/published" -name '_COMPLETE.json' | wc -l
rm "$HOME_DIR/filler"
attempt $cycle
cp -r "$HOME_DIR" "$KEPT"
"""


def may_mount() -> bool:
    """Whether this user may mount a file system in a name space of his own."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    tried = ["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="no file system may be mounted here")
def test_a_closed_and_a_full_disk_are_told_and_overcome(house: Any, tmp_path: Path, as_undisturbed: Any) -> None:
    target = tmp_path / "disk"
    target.mkdir()
    settings = {
        "HOME_DIR": target,
        "INBOX": house.home.root / "inbox",
        "PYTHON": sys.executable,
        "KEPT": tmp_path / "k",
        "NUMBA": tmp_path / "numba",
    }
    (tmp_path / "numba").mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "LEVEE_KERNELS" or not name.startswith(("LEVEE_", "PREFECT_"))
    }
    ended = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "bash", "-c", SCRIPT],
        env=kept | {name: str(value) for name, value in settings.items()},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ended.returncode == 0, ended.stderr
    assert [line.strip() for line in ended.stdout.splitlines()] == ["70 READ_ONLY", "70 DISK_FULL", "0", "0"]
    as_undisturbed(type(house)(home.Home(tmp_path / "k")))


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "DISK_FULL"), (errno.EDQUOT, "DISK_FULL"), (errno.EROFS, "READ_ONLY"), (errno.EACCES, "READ_ONLY")],
)
def test_a_file_that_cannot_be_replaced_is_told_by_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "state.json").write_bytes(b"old")
    monkeypatch.setattr(home.os, "fsync", refuse)
    with pytest.raises(LeveeError) as refused:
        home.write_atomically(tmp_path / "state.json", b"new")
    assert (refused.value.code, codes.exit_code(refused.value.code)) == (code, 70)
    assert (tmp_path / "state.json").read_bytes() == b"old"


def test_another_fault_of_a_disk_is_not_mistaken_for_a_full_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"), disk.writing(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.fixture
def locked_database(cleared: Any) -> Iterator[subprocess.Popen[str]]:
    """Another program that has the database open."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(cleared.home.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.communicate()


def test_a_locked_database_is_waited_for_and_then_told(
    cleared: Any, locked_database: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with cleared.home.locked("cycle run"), pytest.raises(LockedError) as refused:
        Store(cleared.home.database)
    assert (refused.value.code, codes.exit_code(refused.value.code)) == ("DB_LOCKED", 75)
    assert f"PID {locked_database.pid}" in str(refused.value)
    monkeypatch.setattr(lock.time, "sleep", lambda _seconds: locked_database.communicate())
    with cleared.home.locked("cycle run", wait_seconds=30.0), Store(cleared.home.database) as store:
        assert store.token == 2


def spoil_whole(database: Path) -> None:
    database.write_bytes(b"no database at all\n" * 1000)


def spoil_inside(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096 * 3 : -1] = b"\x55" * (len(content) - 4096 * 3 - 1)
    database.write_bytes(content)


@pytest.mark.parametrize("spoil", [spoil_whole, spoil_inside])
def test_a_spoilt_database_is_told_with_the_way_back(
    cleared: Any, levee: Callable[..., Any], spoil: Callable[[Path], None]
) -> None:
    before = releases(cleared.home)
    spoil(cleared.home.database)
    ended = levee("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--home", cleared.home.root, "--json")
    assert ended.code == 70
    (finding,) = json.loads(ended.out)["findings"]
    assert finding["code"] == "DB_CORRUPT"
    assert "levee rebuild" in finding["action"]
    assert releases(cleared.home) == before
    shown = levee("cycle", "status", "--home", cleared.home.root, "--json")
    assert shown.code == 0, "readers do not need it"
