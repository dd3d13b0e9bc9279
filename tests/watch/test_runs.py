"""Which run a day's figures are read from: the version in force, also while a correction is on its way."""

from __future__ import annotations

import json
from datetime import date

import pytest

from tasks import status
from tasks.home import Home
from tasks.model.errors import LeveeError

FRIDAY, SATURDAY = date(2026, 1, 30), date(2026, 1, 31)


def out(home: Home, day: date, run_id: str) -> None:
    pointer = home.published / f"{day:%Y%m%d}" / "EOD" / "latest.json"
    pointer.parent.mkdir(parents=True)
    pointer.write_text(json.dumps({"run_id": run_id, "version": 1}), encoding="utf-8")
    margined(home, run_id)


def margined(home: Home, run_id: str) -> None:
    (home.exports / run_id).mkdir(parents=True)
    (home.exports / run_id / "result.portfolio.parquet").touch()


def began(home: Home, day: date, run_id: str) -> None:
    state = {"run_id": run_id, "cycle": "EOD", "state": "BLOCKED", "stages": [], "findings": []}
    home.state.mkdir(parents=True, exist_ok=True)
    (home.state / f"{day}-EOD.json").write_text(json.dumps(state), encoding="utf-8")


def test_a_day_stays_out_while_it_is_corrected(home: Home) -> None:
    out(home, FRIDAY, "20260130-EOD-r01")
    began(home, FRIDAY, "20260130-EOD-r02")
    began(home, SATURDAY, "20260131-EOD-r01")
    assert status.in_force(home) == {FRIDAY: "20260130-EOD-r01"}


def test_margins_are_those_of_the_latest_run_that_has_any(home: Home) -> None:
    out(home, FRIDAY, "20260130-EOD-r01")
    began(home, FRIDAY, "20260130-EOD-r02")
    assert status.margined_run(home, FRIDAY, "EOD") == "20260130-EOD-r01"
    margined(home, "20260130-EOD-r02")
    assert status.margined_run(home, FRIDAY, "EOD") == "20260130-EOD-r02"
    with pytest.raises(LeveeError, match="UNKNOWN_ID"):
        status.margined_run(home, SATURDAY, "EOD")
