"""Two published days of a small synthetic market and a third delivered; copied for a test that changes something."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tasks.cycle import procedure
from tasks.home import Home


def cycle(home: Home, day: date) -> None:
    with home.locked("cycle run"):
        procedure(home, day, "EOD", lambda step, *given: step(*given))


@pytest.fixture(scope="session")
def run_cycle() -> Callable[[Home, date], None]:
    """Run a day's end of day without an orchestrator."""
    return cycle


@pytest.fixture(scope="session")
def two_days(small_market: Home, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Home:
    """Read only: 29 and 30 January 2026 are out, the 31st is delivered."""

    def go_on(folder: Path) -> None:
        shutil.copytree(small_market.root, folder)
        cycle(Home(folder), date(2026, 1, 30))

    return Home(made_once("two-days", go_on))


@pytest.fixture
def home(two_days: Home, tmp_path: Path) -> Home:
    """A copy that a test may spoil."""
    target = tmp_path / "home"
    shutil.copytree(two_days.root, target, ignore=shutil.ignore_patterns("numba", "prefect"))
    return Home(target)


@pytest.fixture(scope="session")
def tree() -> Callable[[Home], dict[str, str]]:
    """Every file of a home by its hash; the database, which nobody but its engine reads, by size and time."""

    def look(home: Home) -> dict[str, str]:
        found = {}
        for path in sorted(home.root.rglob("*")):
            if path.is_file() and "numba" not in path.parts:
                stat = path.stat()
                database = path.name.startswith(home.database.name)
                content = f"{stat.st_size} {stat.st_mtime_ns}" if database else ""
                name = path.relative_to(home.root).as_posix()
                found[name] = content or hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    return look
