"""The clock and the triggers: a server is started, cycles and the calibration are served, an event starts a review."""

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
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import numpy as np
import polars as pl
import pytest

from tasks import fired_triggers, policy_overview, resources
from tasks.cycle import STAGES
from tasks.home import Home

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

    def schedule(self, when: str, name: str = "clearing_cycle/EOD") -> str:
        deployment = self.ask(f"/deployments/name/{name}")
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": when}}
        return str(self.ask(f"/deployments/{deployment['id']}/create_flow_run", {"state": state})["id"])

    def runs_of(self, name: str) -> list[dict[str, Any]]:
        deployment = self.ask(f"/deployments/name/{name}")
        return list(self.ask("/flow_runs/filter", {"flow_runs": {"deployment_id": {"any_": [deployment["id"]]}}}))

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


def write_market(folder: Path) -> Path:
    """Three months of closes: too short for all but the haircut of a coin that once lost seven cents of its dollar."""
    folder.mkdir()
    days = [date(2025, 11, 1) + timedelta(days=at) for at in range(91)]
    rows = [
        {"coin": coin, "date": day, "close": close * (1.0 + size * np.sin(at * at))}
        for coin, close, size in (("BTC", 90_000.0, 0.02), ("ETH", 3_000.0, 0.03), ("USDC", 1.0, 0.0))
        for at, day in enumerate(days)
    ]
    rows[-45]["close"] = 0.93
    pl.DataFrame(rows).write_parquet(folder / "daily_ohlc_usd.parquet")
    bar = {"ts_utc": [datetime(2017, 12, 31, 20)], "close": [900.0], "volume": [1.0]}
    pl.DataFrame(bar).write_parquet(folder / "btc_usd_bitstamp_2h.parquet")
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("clock") / "home"
    market = write_market(home.parent / "market")
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
        env=kept | {"LEVEE_ENV": "DEMO", "LEVEE_MARKET_DATA_DIR": str(market), "PREFECT_RUNNER_POLL_FREQUENCY": "1"},
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


def test_the_event_of_a_fired_trigger_starts_one_review_that_ends_before_persons_do(served: Served) -> None:
    """The shipped day fires two triggers. Without its run above there is nothing to review."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (started := served.runs_of("policy_review/TRIGGER")) and time.monotonic() < deadline:
        time.sleep(0.5)
    (run,) = started
    state = served.final_state(run["id"])
    assert state["type"] == "COMPLETED", state
    assert served.ask(f"/flow_runs/{run['id']}")["name"] == "policy_review of 20260130-EOD-r01"
    home = Home(served.home)
    (kept,) = fired_triggers.reviews(home)
    (proposal,) = policy_overview.listed(home)["proposals"]
    assert (proposal["proposal_id"], proposal["state"]) == (kept.proposal_id, "IMPACT_ASSESSED")
    shown = policy_overview.shown(home, kept.proposal_id)
    assert {each["rule_id"] for each in shown["changes"]} == {"collateral.haircut_fraction.USDC"}
    fired = {(each["run_id"], each["trigger_name"]) for each in shown["triggers"]}
    assert fired == {("20260130-EOD-r01", "member_share"), ("20260130-EOD-r01", "volume_fall")}
    assert [path.name for path in home.policy.iterdir()] == ["2014-01-01.toml"], "nothing was put in force"


def test_the_same_event_again_is_answered_already(served: Served) -> None:
    deployment = served.ask("/deployments/name/policy_review/TRIGGER")
    given = {"parameters": {"run_id": "20260130-EOD-r01"}}
    again = served.ask(f"/deployments/{deployment['id']}/create_flow_run", given)
    state = served.final_state(str(again["id"]))
    assert (state["type"], state["name"]) == ("COMPLETED", "Answered")
    assert len(fired_triggers.reviews(Home(served.home))) == 1


def test_the_calibration_takes_the_last_day_that_is_over(served: Served) -> None:
    assert datetime.fromisoformat(served.upcoming["CALIBRATION"]).strftime("%A %H:%M %z") == "Sunday 10:00 +0000"
    run = served.schedule("2026-01-25T10:00:00Z", "calibration/WEEKLY")
    assert served.final_state(run)["type"] == "COMPLETED"
    assert served.ask(f"/flow_runs/{run}")["name"] == "calibration as of 2026-01-24"
    (folder,) = (served.home / "calibrations").glob("2026-01-24-*")
    told = json.loads((folder / "PC01.json").read_text(encoding="utf-8"))
    assert told["changes"].keys() == {"collateral.haircut_fraction.USDC"}


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
