"""The shipped day, cleared once and undisturbed, to be copied, killed and held against."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from benchmarks.forked import Forked
from tasks import resources
from tasks.cycle import procedure
from tasks.home import Home
from tasks.store import Store
from tasks.verify import releases, verify

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 1, 30)


def surroundings(**settings: str) -> dict[str, str]:
    """Environment of a command on the shipped day."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "LEVEE_KERNELS" or not name.startswith(("LEVEE_", "PREFECT_"))
    }
    return kept | {"LEVEE_ENV": "DEMO"} | settings


@dataclass(frozen=True)
class House:
    """A home of the shipped day, and short ways into it."""

    home: Home

    def clear(self) -> None:
        """Take its cycle to its end, in this process."""
        with self.home.locked("cycle run"):
            procedure(self.home, DAY, "EOD", lambda step, *given: step(*given))

    def start(self, *arguments: object, **settings: str) -> subprocess.Popen[str]:
        """Start the command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *map(str, arguments), "--home", str(self.home.root)],
            cwd=ROOT,
            env=surroundings(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run the shipped day's cycle in a process of its own."""
        process = self.start("cycle", "run", "--date", DAY, "--json", *arguments, **settings)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def kill(self, point: str) -> None:
        """Run the cycle so that it dies at a crash point."""
        words = ("cycle", "run", "--date", str(DAY), "--json", "--no-orchestrator", "--home", str(self.home.root))
        process = Forked(words, surroundings(LEVEE_CRASH_AT=point))
        _, err = process.communicate()
        assert process.returncode == -signal.SIGKILL, err

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with Store(self.home.database) as store:
            return store.read(query).rows()

    def out(self) -> list[tuple[int, str, bool]]:
        """Version, root hash and completeness of all that is published, every hash of it verified."""
        assert verify(self.home.published) == []
        return [(each["version"], each["root_hash"], each["complete"]) for each in releases(self.home)]

    def calls(self) -> list[tuple[Any, ...]]:
        """Every call there is."""
        return self.read(
            "SELECT call_id, call_version, run_id, state, call_amount_usd FROM control.margin_call ORDER BY ALL"
        )


@pytest.fixture(scope="session")
def undisturbed(shipped_day: Home, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A home whose cycle nobody disturbed. Never changed: what changes it copies it."""
    root = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(shipped_day.root, root)  # its database is open to one process at a time
    return House(Home(root))


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A home to which the shipped day was delivered."""
    shutil.copytree(resources.data("sample/inbox"), tmp_path / "home" / "inbox")
    return House(Home(tmp_path / "home").prepare("DEMO"))


@pytest.fixture
def cleared(undisturbed: House, tmp_path: Path) -> House:
    """A copy of the undisturbed home."""
    shutil.copytree(undisturbed.home.root, tmp_path / "cleared")
    return House(Home(tmp_path / "cleared"))


@pytest.fixture
def as_undisturbed(undisturbed: House) -> Callable[[House], None]:
    """Proves that a house ended as the undisturbed one did."""

    def prove(house: House) -> None:
        assert house.out() == undisturbed.out()
        assert house.calls() == undisturbed.calls()
        assert len(house.calls()) == 1, "the shipped day has one call"
        assert list(house.home.published.rglob(".*")) == []
        done = house.read("SELECT stage, count(*) FROM control.attempt WHERE event = 'DONE' GROUP BY ALL ORDER BY ALL")
        assert [count for _, count in done] == [1] * 9, "no stage was done twice"

    return prove
