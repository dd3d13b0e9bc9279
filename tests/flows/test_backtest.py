"""A back-test gives the same bits whoever maps its jobs: plainly, threads under Prefect, a Dask cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BACKTEST = ("backtest", "--history", "daily", "--json")
SPAN = ("--coins", "BTC", "--from", "2014-11-15", "--to", "2015-02-15")  # two slices: one a year


def under_prefect(home: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "flows.cli", *BACKTEST, *SPAN, "--home", str(home), *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), "a log that no server takes would be told, after a minute"
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_threads_and_a_cluster_find_what_one_process_finds(
    tmp_path: Path, market_data: Path, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEVEE_MARKET_DATA_DIR", str(market_data))
    plain = json.loads(levee(*BACKTEST, *SPAN, "--home", tmp_path / "plain", "--no-orchestrator").out)
    threads = under_prefect(tmp_path / "threads")
    cluster = under_prefect(tmp_path / "cluster", "--runner", "dask")
    assert plain["portfolios"] and plain["portfolios"] == threads["portfolios"] == cluster["portfolios"]
    assert plain["slices"]["computed"] > 0
    again = json.loads(levee(*BACKTEST, *SPAN, "--home", tmp_path / "cluster", "--no-orchestrator").out)
    assert again["portfolios"] == plain["portfolios"]
    assert again["slices"] == {"computed": 0, "stood": plain["slices"]["computed"]}
