"""Calibration under Prefect: one task estimates, the flow writes what was found into the home."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from tasks import calibration as calibrations
from tasks.home import Home


@flow(name="calibration", persist_result=False)
def calibration(
    home: Path,
    base: Path,
    market_data: Path,
    as_of: date,
    coins: tuple[str, ...],
    effective_date: date | None = None,
    out: Path | None = None,
) -> tuple[calibrations.Calibration, dict[str, Path]]:
    """Estimate and write. Raises as `tasks.calibration.calibrate`."""
    estimate = task(name="calibrate", cache_policy=NO_CACHE, persist_result=False)(calibrations.calibrate)
    found = estimate(base, market_data, as_of, coins, effective_date)
    return found, calibrations.write(Home(home), found, out)
