"""The clock: a server is started, the cycle is served, and a scheduled run takes the day its time belongs to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from tasks import resources
from tasks.cycle import STAGES

PATIENCE_SECONDS = 240.0
SCHEDULED = "2026-01-30T08:10:00Z"


class Served:
    """A home that is served by its own process, and its server's interface."""

    def __init__(self, home: Path, process: subprocess.Popen[str], url: str, upcoming: dict[str, str]) -> None:
        self.home, self.process, self.url, self.upcoming = home, process, url, upcoming

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", content, {"Content-Type": "application/json"})
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:  # 503: the server's database is busy, ask again
                if error.code != 503 or time.monotonic() > deadline:
                    raise
            time.sleep(0.5)

    def schedule(self, when: str) -> str:
        deployment = self.ask("/deployments/name/clearing_cycle/EOD")
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": when}}
        return str(self.ask(f"/deployments/{deployment['id']}/create_flow_run", {"state": state})["id"])

    def final_state(self, run: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            state: dict[str, Any] = self.ask(f"/flow_runs/{run}")["state"]
            if state["type"] not in {"SCHEDULED", "PENDING", "RUNNING"}:
                return state
            time.sleep(0.5)
        raise AssertionError(f"the run did not end within {PATIENCE_SECONDS} s: {state}")


def first_line(process: subprocess.Popen[str]) -> str:
    lines: Queue[str] = Queue()
    assert process.stdout
    threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=PATIENCE_SECONDS)
    except Empty:
        return ""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("clock") / "home"
    shutil.copytree(resources.data("sample/inbox"), home / "inbox")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "LEVEE_KERNELS" or not name.startswith(("LEVEE_", "PREFECT_"))
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "serve", "--home", str(home), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=kept | {"LEVEE_ENV": "DEMO", "PREFECT_RUNNER_POLL_FREQUENCY": "1"},
    )
    try:
        said = first_line(process)
        assert said, process.communicate(timeout=30)[1] if process.poll() is not None else "nothing was said"
        announced = json.loads(said)
        yield Served(home, process, announced["url"], announced["next"])
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def test_the_next_runs_are_scheduled_daily_in_utc(served: Served) -> None:
    for name, minute in (("EOD", 10), ("NIGHT", 40)):
        scheduled = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
        found = served.ask("/flow_runs/filter", {**scheduled, "deployments": {"name": {"any_": [name]}}})
        times = sorted(datetime.fromisoformat(run["expected_start_time"]) for run in found)
        assert times[0] == datetime.fromisoformat(served.upcoming[name])
        assert {(when.hour, when.minute, when.utcoffset()) for when in times} == {(8, minute, timedelta(0))}
        assert {b - a for a, b in pairwise(times)} == {timedelta(days=1)}


def test_a_scheduled_run_publishes_its_day_and_every_task_run_is_recorded(served: Served) -> None:
    run = served.schedule(SCHEDULED)
    state = served.final_state(run)
    assert state["type"] == "COMPLETED", state
    assert served.ask(f"/flow_runs/{run}")["name"] == "20260130-EOD"
    assert (served.home / "published" / "20260130" / "EOD" / "v01" / "_COMPLETE.json").exists()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        tasks = served.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        if len(tasks) == len(STAGES) and all(task["state_type"] == "COMPLETED" for task in tasks):
            break
        time.sleep(0.5)
    assert sorted(task["name"].rpartition("-")[0] for task in tasks) == sorted(STAGES)
    assert {task["state_type"] for task in tasks} == {"COMPLETED"}
    assert (served.home / "logs" / "20260130-EOD-r01.jsonl").exists()


def test_a_run_whose_files_are_not_there_fails_and_says_so(served: Served) -> None:
    state = served.final_state(served.schedule("2026-02-02T03:00:00Z"))
    assert state["type"] == "FAILED"
    assert "LATE_" in state["message"] or "did not come in time" in state["message"]
    assert "2026-02-01" in state["message"], "before the cut-off the day before is due"


def test_stopping_it_stops_its_server_and_pauses_no_schedule(served: Served) -> None:
    assert not served.ask("/deployments/name/clearing_cycle/EOD")["paused"]
    served.process.terminate()
    served.process.wait(60)
    with pytest.raises(OSError):
        served.ask("/health")
