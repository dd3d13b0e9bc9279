"""Stopped by hand or by the system: one line, JSON where asked, the exit codes shells know."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from flows import cli

RUN = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator")


def interrupt(*_: object, **__: object) -> NoReturn:
    raise KeyboardInterrupt


def terminate(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("stop", "number", "code"), [(interrupt, 130, "INTERRUPTED"), (terminate, 143, "TERMINATED")])
def test_whoever_is_stopped_says_so(
    levee: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop: Callable[..., Any],
    number: int,
    code: str,
) -> None:
    monkeypatch.setattr(cli, "run_cycle", stop)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ended = levee(*RUN, "--home", tmp_path, "--json")
        plain = levee(*RUN, "--home", tmp_path)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert (ended.code, plain.code) == (number, number)
    said = json.loads(ended.out)
    assert (said["exit_code"], said["findings"][0]["code"]) == (number, code)
    assert plain.out == ""
    (line,) = plain.err.splitlines()
    assert line.startswith(f"{code}: ")


def test_a_cycle_that_is_terminated_lets_go_and_is_finished_by_the_next(
    house: Any, as_undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import stage

    def stop(name: str) -> None:
        if name == "mark:before_commit":
            raise SystemExit(143)

    monkeypatch.setattr(stage, "crash_point", stop)
    with pytest.raises(SystemExit):
        house.clear()
    assert not house.home.lease.exists()
    monkeypatch.undo()
    house.clear()
    as_undisturbed(house)
    ends = house.read("SELECT event FROM control.attempt WHERE stage = 'mark' AND event <> 'STARTED' ORDER BY at_ts")
    assert ends == [("ABANDONED",), ("DONE",)]
