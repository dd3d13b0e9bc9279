"""The shipped policy, and files that differ from it in a known way."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks import resources

OPENING = "policy/2014-01-01.toml"


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
