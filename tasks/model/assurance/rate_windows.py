"""What a rate path did in each window of its days: breaches, exposure left uncovered, and how its margin moved.

Reference: METHODOLOGY 9; CPMI-IOSCO quantitative disclosure 6.5.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tasks.model.arrays import Floats
from tasks.model.assurance.coverage import coverage_bounds
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.responsiveness import MarginPath, Window, responsiveness, windows


def window_table(path: RatePath, confidence: float, asked: tuple[Window, ...] | None = None) -> pl.DataFrame:
    """One row for each window that has days: the columns of `responsiveness.responsiveness`, and observations,
    breaches, coverage with its exact bounds coverage_low and coverage_high (null without an observation), mean_rate,
    largest_loss, smallest_rate, uncovered_largest and uncovered_mean (loss above margin, of the breaches).

    asked: windows of the path's days by default. Fractions of gross notional; NaN where a window has no such day.
    """
    first, last = path.dates[0], path.dates[-1]
    spans = windows(first, last) if asked is None else asked
    moved = responsiveness(MarginPath(path.dates, path.rate, path.volatility, path.buffer, path.full_buffer), spans)
    held = [_covered(path.between(each.first, each.last), each, confidence) for each in spans if _has_days(path, each)]
    return moved.join(pl.DataFrame(held), on="window", how="left", maintain_order="left")


def _covered(path: RatePath, window: Window, confidence: float) -> dict[str, object]:
    judged = path.judged
    losses, rates = path.loss[judged], path.rate[judged]
    uncovered = (losses - rates)[losses > rates]
    n, x = len(losses), len(uncovered)
    bounds = coverage_bounds(x, n, confidence) if n else None
    return {
        "window": window.name,
        "observations": n,
        "breaches": x,
        "coverage": 1.0 - x / n if n else None,
        "coverage_low": 1.0 - bounds.high if bounds else None,
        "coverage_high": 1.0 - bounds.low if bounds else None,
        "mean_rate": _mean(rates),
        "smallest_rate": float(rates.min()) if n else np.nan,
        "largest_loss": float(losses.max()) if n else np.nan,
        "uncovered_largest": float(uncovered.max()) if x else 0.0,
        "uncovered_mean": _mean(uncovered) if x else 0.0,
    }


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else np.nan


def _has_days(path: RatePath, window: Window) -> bool:
    return bool(((path.dates >= window.first) & (path.dates <= window.last)).any())
