"""Calibration under Prefect: one task estimates, the flow writes what was found into the home; nothing acts by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from prefect import flow, runtime

from flows.noted import as_task
from tasks import calibration as calibrations
from tasks import policy_store
from tasks.home import Home
from tasks.schedule import calibration_clock


def _run_name() -> str:
    return f"calibration as of {runtime.flow_run.parameters.get('as_of') or _by_clock()}"


@flow(name="calibration", flow_run_name=_run_name, persist_result=False)
def calibration(
    home: Path,
    market_data: Path,
    as_of: date | None = None,
    coins: tuple[str, ...] = (),
    base: Path | None = None,
    effective_date: date | None = None,
    out: Path | None = None,
) -> tuple[calibrations.Calibration, dict[str, Path]]:
    """Estimate and write. Without a day the scheduled time gives the last one that is over, without coins the clock's.

    base: policy file to begin from, the one in force by default. Raises as `tasks.calibration.calibrate`.
    """
    here = Home(home).prepare()
    day = as_of or _by_clock()
    begun = base or policy_store.file_in_force(here, day)
    estimate: Callable[..., calibrations.Calibration] = as_task(calibrations.calibrate)
    found = estimate(begun, market_data, day, coins or calibration_clock().coins, effective_date)
    return found, calibrations.write(here, found, out)


def _by_clock() -> date:
    return calibration_clock().as_of(runtime.flow_run.scheduled_start_time or datetime.now(UTC))
