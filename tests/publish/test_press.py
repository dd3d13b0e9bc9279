"""Packs printed by several processes: the same bytes, and nothing left behind when one of them or its parent dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tasks import press, publish
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import LeveeError
from tasks.verify import releases

PARENT = """
import sys
from pathlib import Path
from tasks.press import Order
from tasks.printers import printers

class Slow:
    def run(self, order):
        import os, time
        (Path(sys.argv[-1]) / str(os.getpid())).touch()
        time.sleep(600)

if __name__ == "__main__":
    import polars as pl
    with printers(Slow(), 2) as run:
        list(run([Order((), pl.DataFrame(), {})] * 2))
"""

LOADING = """
import os, signal, sys, time

if __name__ == "__mp_main__" and sys.argv[1] == "die":
    os.kill(os.getpid(), signal.SIGKILL)

import polars as pl
from tasks.press import Order
from tasks.printers import printers

class Large:
    folder = "release"

    def __init__(self):
        self.names = bytes(1 << 20)

    def run(self, order):
        return None

if __name__ == "__main__":
    with printers(Large(), 2) as run:
        print("loading", flush=True)
        if sys.argv[1] == "wait":
            time.sleep(600)
        list(run([Order((), pl.DataFrame(), {})] * 3))
"""


@pytest.fixture
def home(make_home: Callable[..., Home], tmp_path: Path) -> Home:
    shutil.copytree(make_home().root, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes print, few accounts at a time."""
    monkeypatch.setattr(publish, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(publish, "_ACCOUNTS_AT_ONCE", 2)
    monkeypatch.setenv("LEVEE_THREADS", "2")


@pytest.mark.usefixtures("apart")
def test_processes_print_the_same_bytes(home: Home, released: Home, key: CycleKey) -> None:
    publish.publish(home, key)
    assert releases(home)[0]["root_hash"] == releases(released)[0]["root_hash"]


@pytest.mark.parametrize(("accounts", "processes"), [(399, 1), (400, 13), (3_000, 64)])
def test_no_process_is_started_that_would_find_no_order(
    monkeypatch: pytest.MonkeyPatch, accounts: int, processes: int
) -> None:
    monkeypatch.setenv("LEVEE_THREADS", "64")
    assert publish._processes(pl.DataFrame({"margin_account_id": map(str, range(accounts))})) == processes


class Lost(press.Press):
    """A press whose process ends while it prints."""

    def run(self, order: press.Order) -> press.Copy:
        os.kill(os.getpid(), signal.SIGKILL)
        return press.Copy()


class Full(press.Press):
    """A press that finds the disk full."""

    def run(self, order: press.Order) -> press.Copy:
        raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(("kind", "code"), [(Lost, "PRINTER_LOST"), (Full, "DISK_FULL")])
def test_a_printer_that_fails_leaves_nothing_and_the_next_attempt_publishes(
    home: Home, key: CycleKey, monkeypatch: pytest.MonkeyPatch, kind: type[press.Press], code: str
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(publish, "Press", kind)
        with pytest.raises(LeveeError, match=code):
            publish.publish(home, key)
    assert not any(home.published.rglob("*.csv"))
    publish.publish(home, key)
    assert len(releases(home)) == 1


def test_printers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    started = tmp_path / "started"
    started.mkdir()
    root = Path(press.__file__).parents[1]
    parent = subprocess.Popen([sys.executable, str(script), str(started)], env=os.environ | {"PYTHONPATH": str(root)})
    printers = _until(lambda: [int(path.name) for path in started.iterdir()], 2)
    parent.kill()
    parent.wait()
    _until(lambda: [number for number in printers if not Path(f"/proc/{number}").exists()], 2)


@pytest.mark.parametrize(("what", "said"), [("die", "PRINTER_LOST"), ("wait", "KeyboardInterrupt")])
def test_printers_of_a_large_house_that_end_while_they_load_keep_nobody_waiting(
    tmp_path: Path, what: str, said: str
) -> None:
    script = tmp_path / "loading.py"
    script.write_text(LOADING, encoding="utf-8")
    env = os.environ | {"PYTHONPATH": str(Path(press.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, str(script), what],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        try:
            assert parent.stdout
            parent.stdout.readline()
            if what == "wait":
                os.killpg(parent.pid, signal.SIGINT)  # Ctrl-C reaches the parent and its printers
            assert said in parent.communicate(timeout=60)[1]
        finally:
            if parent.poll() is None:
                os.killpg(parent.pid, signal.SIGKILL)


def _until(found: Callable[[], list[int]], many: int) -> list[int]:
    """What is found once it is as many; the test's own time limit ends the waiting."""
    while len(seen := found()) < many:
        time.sleep(0.01)
    return seen
