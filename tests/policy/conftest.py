"""Two policies that differ in a known way, and a published shipped day to propose the second one on."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks import resources
from tasks.cycle import procedure
from tasks.home import Home

OPENING = "policy/2014-01-01.toml"
DAY = date(2026, 1, 30)


def opening() -> str:
    return resources.data(OPENING).read_text(encoding="utf-8")


@pytest.fixture
def content() -> dict[str, Any]:
    """Content of the shipped policy, free to be changed."""
    return tomllib.loads(opening())


@pytest.fixture
def policy_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes the shipped policy with another name, date and texts."""

    def write(effective: str, *changed: tuple[str, str], name: str = "RAISED") -> Path:
        text = opening().replace('policy_id = "OPENING"', f'policy_id = "{name}"')
        text = text.replace("effective_date = 2014-01-01", f"effective_date = {effective}")
        for old, new in changed:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"{name}-{effective}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Read only: the shipped day is out."""
    home = Home(tmp_path_factory.mktemp("policy") / "home").prepare("DEMO")
    shutil.copytree(resources.data("sample/inbox"), home.inbox, dirs_exist_ok=True)
    with home.locked("cycle run"):
        procedure(home, DAY, "EOD", lambda step, *given: step(*given))
    return home


@pytest.fixture
def home(published: Home, tmp_path: Path) -> Home:
    """A copy that a test may change."""
    target = tmp_path / "home"
    shutil.copytree(published.root, target, ignore=shutil.ignore_patterns("numba", "prefect"))
    return Home(target)
