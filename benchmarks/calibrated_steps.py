"""What guard rails make of a calibration on the eve of a crash: `python -m benchmarks.calibrated_steps [DAY …]`.

The opening policy is calibrated from LEVEE_MARKET_DATA_DIR as of each day. What it proposes is put in force at once,
and in the stages that `levee policy propose --split` writes: the first after the longest notice, each noticed after the
one before acts. Margin of BTC and ETH, long and short, is held against the losses of the days that follow under both
and under the opening policy. Closes after the day are used to judge and for nothing else.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.truncation import DATES
from tasks import back_test_history, convert, policy_proposal, resources
from tasks.calibration import calibrate
from tasks.model import policy_file
from tasks.model.arrays import Closes, Dates, Floats, Ints
from tasks.model.assurance.guarded_rates import Cost, cost
from tasks.model.assurance.policy_change import stages
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import roll_policies
from tasks.model.assurance.static_portfolio import OUTRIGHT, static_portfolios
from tasks.model.policy import Policy

COINS, DAYS_AFTER, DAYS_OF_LOSS = ("BTC", "ETH"), 60, 10
_BASE = "policy/2014-01-01.toml"


def in_force(dates: Dates, day: date, parts: int, notice_days: int) -> Ints:
    """(n,) which stage is in force on each day, 0 before the first of `parts`."""
    passed = (dates - np.datetime64(day, "D")).astype(np.int64) // (notice_days + 1)
    return np.clip(passed, 0, parts)


def staged(paths: Sequence[RatePath], stage: Ints) -> Floats:
    """(n,) rate of one portfolio: on each day that of the policy in force, `paths` by stage."""
    return np.array([paths[number].rate[at] for at, number in enumerate(stage.tolist())])


def judged(closes: Closes, day: date, content: dict[str, Any]) -> tuple[int, int, list[tuple[str, list[Cost]]]]:
    """Stages, days until the last acts, and of each portfolio the cost as it stood, at once and in stages."""
    rails = policy_proposal.terms().rails
    base = tomllib.loads(resources.data(_BASE).read_text(encoding="utf-8"))
    parts = stages(base, content, rails.largest_step_fraction)
    policies: list[Policy] = [policy_file.parse(each, "stage") for each in (base, *parts)]
    notice = max(rails.rise_notice_days)
    first = np.datetime64(day, "D")
    last = min(first + DAYS_AFTER, closes.dates[-1])
    kept = closes.dates <= last + DAYS_OF_LOSS
    known = Closes(closes.underlyings, closes.dates[kept], closes.close[:, kept])
    held = [each for each in static_portfolios(COINS) if each.product == OUTRIGHT]
    found = roll_policies(known, policies, held, first, last)
    rows = []
    for at, portfolio in enumerate(held):
        paths = [of_policy[at] for of_policy in found]
        stage = in_force(paths[0].dates, day, len(parts), notice)
        rates = (paths[0].rate, paths[-1].rate, staged(paths, stage))
        every = np.ones(len(paths[0].dates), dtype=np.bool_)
        rows.append((portfolio.name, [cost(rate, paths[0].loss, every) for rate in rates]))
    return len(parts), len(parts) * (notice + 1), rows


def told(day: date, folder: Path) -> list[str]:
    """Rows of the document of one day."""
    found = calibrate(resources.data(_BASE), folder, day, COINS)
    moved = {name: value for name, value in found.as_dict()["changes"].items() if not name.startswith("collateral")}
    history = back_test_history.history_of(folder, COINS, ("BTC", "ETH"))
    content = dict(found.content) | {"effective_date": day + timedelta(days=1)}
    count, until, rows = judged(back_test_history.joint(history.closes), day, content)
    changed = ", ".join(
        f"{name.removeprefix('base_margin.').removeprefix('grid.')} {value:g}" for name, value in moved.items()
    )
    lines = []
    for name, costs in rows:
        if not costs[0].observations:
            lines.append(f"| {day} | {name} | – | no margin: too few scenarios | | | |")
            continue
        figures = [" / ".join(form.format(getattr(each, field)) for each in costs) for field, form in _SHOWN]
        lines.append(f"| {day} | {name} | {count} in {until} days | {changed} | " + " | ".join(figures) + " |")
    return lines


_SHOWN = (("breaches", "{:d}"), ("uncovered", "{:.3f}"), ("mean_rate", "{:.3f}"))


def main() -> int:
    """Entry point: prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibrated_steps", description=__doc__)
    parser.add_argument("days", nargs="*", type=date.fromisoformat, default=DATES)
    print("| eve | side | stages | proposed | breaches | uncovered | mean rate |\n|---|---|---|---|---|---|---|")
    for day in parser.parse_args().days:
        print("\n".join(told(day, convert.market_data_folder())), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
