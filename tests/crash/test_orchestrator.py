"""An orchestrator that is down, slow or tries again changes nothing of what is cleared."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.verify import releases

ROOT = Path(__file__).resolve().parents[2]
RUN = ("cycle", "run", "--date", "2026-01-30", "--json")

# One flow run whose second stage after landing fails once; Prefect tries the flow again by itself.
RETRY = """
import sys
from datetime import date
from pathlib import Path
from flows import environment
home = Path(sys.argv[1])
environment.prepare(home)
from flows import clearing_cycle as under
from flows.noted import as_task
from tasks import cycle
failures = ["the first attempt fails"]

def flaky(home, key):
    if failures:
        raise RuntimeError(failures.pop())
    return cycle.mark(home, key)

flaky.__name__ = "mark"
under._TASKS["mark"] = as_task(flaky)
outcome = under.clearing_cycle.with_options(retries=1)(home, date(2026, 1, 30))
assert not failures
print(outcome.key.run_id)
"""


def test_a_server_that_is_down_is_no_reason_not_to_clear(
    house: Any, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, as_undisturbed: Any
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound, never listening: refused at once
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{listener.getsockname()[1]}/api")
        ended = levee(*RUN, "--home", house.home.root)
    assert ended.code == 0, ended.err
    assert "running without one" in ended.err
    assert json.loads(ended.out)["run_id"] == "20260130-EOD-r01"
    as_undisturbed(house)


def test_a_server_that_starts_too_slowly_is_not_waited_for(house: Any, as_undisturbed: Any) -> None:
    ended = house.run(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="1")
    assert ended.returncode == 0, ended.stderr
    warnings = [line for line in ended.stderr.splitlines() if line.startswith("warning: the orchestrator failed")]
    assert len(warnings) == 1
    assert "running without one" in warnings[0]
    as_undisturbed(house)


def test_what_prefect_tries_again_goes_on_where_it_stopped(house: Any, as_undisturbed: Any) -> None:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "LEVEE_KERNELS" or not name.startswith(("LEVEE_", "PREFECT_"))
    }
    ended = subprocess.run(
        [sys.executable, "-c", RETRY, str(house.home.root)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=kept,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "20260130-EOD-r01"
    as_undisturbed(house)
    events = house.read("SELECT attempt, event FROM control.attempt WHERE stage = 'mark' ORDER BY at_ts, attempt")
    assert events == [(1, "STARTED"), (1, "DONE")], "what failed was the call of the stage, before it began"
    tokens = house.read("SELECT count(*) FROM control.holder")
    assert tokens == [(2,)], "the second try is a holder of its own"


def test_what_a_stage_raises_is_not_laid_at_the_orchestrators_door(
    house: Any, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import clearing_cycle as under
    from flows.noted import STAGE_FAILED

    def failing(*_: object, **__: object) -> None:
        error = ZeroDivisionError("of a stage")
        error.add_note(STAGE_FAILED)
        raise error

    monkeypatch.setattr(under, "clearing_cycle", failing)
    ended = levee(*RUN, "--home", house.home.root)
    assert ended.code == 70
    assert "running without one" not in ended.err
    assert json.loads(ended.out)["findings"][0]["code"] == "BUG"
    assert releases(house.home) == []
