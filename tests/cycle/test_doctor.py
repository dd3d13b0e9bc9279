"""Each check of the doctor, well and ill."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tasks import doctor, versions
from tasks.home import Home
from tasks.store import Store


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_fresh_machine_is_fit(levee: Callable[..., Any], tmp_path: Path) -> None:
    shown = levee("doctor", "--home", tmp_path / "none", "--json")
    checks = {check["name"]: check for check in json.loads(shown.out)}
    looked_at = "versions disk clock zones folders locks database orchestrator telemetry"
    assert set(looked_at.split()) <= checks.keys()
    assert [name for name, check in checks.items() if check["state"] != "OK" and name not in {"versions", "disk"}] == []
    assert not (tmp_path / "none").exists(), "looking makes nothing"


def test_a_failing_check_ends_in_exit_70(levee: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "levee.duckdb").write_bytes(b"no database at all" * 1000)
    shown = levee("doctor", "--home", tmp_path)
    assert shown.code == 70
    (line,) = [each for each in shown.out.splitlines() if each.startswith("database")]
    assert "FAIL" in line


def test_other_versions_are_listed_and_fail_in_a_prod_home(monkeypatch: pytest.MonkeyPatch) -> None:
    class Distribution(NamedTuple):
        name: str
        version: str

    pins = dict(versions.pins(["Duck_DB==1.5.6", "polars==2.1.0  # why", "", "# no pin", "numpy==2.4.6; extra"]))
    assert pins == {"duck-db": "1.5.6", "polars": "2.1.0", "numpy": "2.4.6"}
    there = [Distribution(each.name, each.version) for each in versions.metadata.distributions()]
    spoilt = [each._replace(version="0.0.1") if each.name == "polars" else each for each in there]
    monkeypatch.setattr(versions.metadata, "distributions", lambda: spoilt)
    assert doctor.versions().state == "WARN"
    assert "polars 0.0.1 (pinned" in doctor.versions().found
    assert doctor.versions("PROD").state == "FAIL"
    monkeypatch.setattr(versions.metadata, "distributions", lambda: [each for each in there if each.name != "duckdb"])
    assert doctor.versions().state == "FAIL"
    assert "duckdb is not installed" in doctor.versions().found


def test_a_file_system_that_keeps_no_locks_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert doctor.locks(Home(tmp_path / "not" / "yet")).state == "OK"
    monkeypatch.setattr(fcntl, "flock", lambda _descriptor, _how: None)
    assert doctor.locks(Home(tmp_path)).state == "FAIL"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("gib", "state"), [(50, "OK"), (5, "WARN"), (0.5, "FAIL")])
def test_room_on_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gib: float, state: str) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(0, 0, int(gib * 2**30)))
    assert doctor.disk(Home(tmp_path / "not" / "yet")).state == state


def test_a_clock_that_is_moved_or_long_past_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    walls = iter([1000.0, 1005.0])
    monkeypatch.setattr(doctor.time, "time", lambda: next(walls))
    assert doctor.clock().state == "WARN"
    monkeypatch.undo()
    monkeypatch.setattr(doctor, "_EARLIEST", datetime.now(UTC) + timedelta(days=1))
    assert doctor.clock().state == "FAIL"


@pytest.mark.parametrize(("hours", "state"), [(-1, "OK"), (1, "FAIL")])
def test_a_release_of_the_future_means_the_clock_went_back(tmp_path: Path, hours: int, state: str) -> None:
    marker = tmp_path / "published" / "20260130" / "EOD" / "v01" / "_COMPLETE.json"
    marker.parent.mkdir(parents=True)
    when = (datetime.now(UTC) + timedelta(hours=hours)).replace(tzinfo=None)
    marker.write_text(json.dumps({"published_ts": f"{when.isoformat()}Z"}), encoding="utf-8")
    assert doctor.clock_against_releases(Home(tmp_path)).state == state
    marker.write_text("{", encoding="utf-8")
    assert doctor.clock_against_releases(Home(tmp_path)).state == "FAIL"


def test_a_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = Home(tmp_path).prepare("TEST")
    assert doctor.folders(home).state == "OK"
    monkeypatch.setattr(doctor, "_is_writable", lambda folder: folder != home.frozen)
    assert (doctor.folders(home).state, doctor.folders(home).found) == ("FAIL", str(home.frozen))


def test_the_database_is_opened_only_while_nobody_holds_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path).prepare("TEST")
    assert doctor.database(home).found.startswith("none yet")
    assert not home.database.exists()
    with Store(home.database):
        pass
    assert doctor.database(home).state == "OK"
    with home.locked("cycle run"):
        held = doctor.database(home)
    assert held.state == "WARN"
    assert f"pid {os.getpid()}" in held.found


def test_no_loopback_port_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    assert doctor.loopback().state == "OK"
    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert doctor.loopback().state == "FAIL"


def test_a_server_that_does_not_answer_is_a_warning(
    levee: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound, never listening: refused at once
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{listener.getsockname()[1]}/api")
        shown = levee("doctor", "--home", tmp_path, "--json")
    assert {check["name"]: check["state"] for check in json.loads(shown.out)}["orchestrator"] == "WARN"


def test_telemetry_left_on_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import environment, operation

    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "true")
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    assert {"DO_NOT_TRACK", "GX_ANALYTICS_ENABLED"} <= set(environment.telemetry_left_on())
    assert operation._telemetry().state == "FAIL"
