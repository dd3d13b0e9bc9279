"""A home whose shipped day is out, and homes made of state files alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.home import Home

STARTED = datetime(2026, 1, 30, 8, 10, tzinfo=UTC)


@pytest.fixture(scope="session")
def published(shipped_day: Home) -> Home:
    """The shipped day, run and published. Read only."""
    return shipped_day


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home").prepare("TEST")


@pytest.fixture
def state(home: Home) -> Callable[..., None]:
    """Write the state file of a cycle: stages by name with their seconds, all done."""

    def write(day: str, stages: dict[str, float], state: str = "COMPUTED", cycle: str = "EOD", **more: Any) -> None:
        rows = [
            {
                "stage": stage,
                "state": "DONE",
                "rows": {},
                "started": STARTED.isoformat(),
                "finished": (STARTED + timedelta(seconds=seconds)).isoformat(),
                "seconds": seconds,
                "peak_memory_mb": 1.0,
            }
            for stage, seconds in stages.items()
        ]
        content = {
            "run_id": f"{day.replace('-', '')}-{cycle}-r01",
            "business_date": day,
            "cycle": cycle,
            "run_no": 1,
            "state": state,
            "stages": rows,
            "findings": [],
        }
        (home.state / f"{day}-{cycle}.json").write_text(json.dumps(content | more), encoding="utf-8")

    return write
