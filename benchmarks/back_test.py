"""Workload W2, a back-test of policies, beside naive NumPy: `python -m benchmarks.back_test [--dates N ...] [--json]`.

Twenty-four policies (three half-lives, two liquidation periods, two look-backs, buffer off and on) on every date for
200 portfolios of some sixty positions each in 600 options and 100 futures, revalued whole. Of a date only six sets of
scenarios differ. The naive runs revalue with plain formulas and NumPy, whole matrices at once: once for each of the six
(`shared`), or for every policy anew, in the scenarios of its own look-back (`run by run`) or in those of the longest
(`whole runs`, as the reference measurement of W2 has it).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: a peer's time is that of one thread

import numpy as np

from benchmarks.back_test_naive import Naive
from benchmarks.back_test_years import BUFFERS, HALF_LIVES, workload
from benchmarks.clock import seconds
from tasks.model.assurance.policy_sweep import sweep
from tasks.model.policy import Policy

SIZES = (250, 500, 1_000)
DATES_BESIDE = 100  # ours is timed on so many at once beside the naive runs: to set out costs as much as two


class Beside(NamedTuple):
    """CPU seconds a date of ours and of the naive runs, and how far shortfalls are apart, fraction of themselves."""

    ours_s: float
    shared_s: float
    run_by_run_s: float
    whole_runs_s: float
    max_difference: float


def run(dates: int, rounds: int) -> Beside:
    """Ours on so many dates beside the naive runs on the first of them, in turn."""
    years = workload(dates)
    days = years.days(dates)
    found = sweep(lambda day: years.book, years.closes, years.policies, days)
    naive = Naive(years)
    shared = naive.shared(int(days[0]))
    expected = np.stack([shared[_kind(policy)] for policy in years.policies])
    apart = float(np.max(np.abs(found.shortfall[:, 0] / expected - 1.0)))
    taken = seconds(
        {
            "ours": lambda: sweep(lambda day: years.book, years.closes, years.policies, days),
            "shared": lambda: naive.shared(int(days[0])),
            "run by run": lambda: naive.run_by_run(int(days[0])),
            "whole runs": lambda: naive.run_by_run(int(days[0]), whole=True),
        },
        rounds,
    )
    alike = len(HALF_LIVES) * len(BUFFERS)  # runs that cost what those that were timed do
    return Beside(
        taken["ours"] / dates, taken["shared"], taken["run by run"] * alike, taken["whole runs"] * alike, apart
    )


def cost(sizes: Sequence[int] = SIZES) -> dict[int, float]:
    """CPU seconds of the whole back-test by number of dates."""
    years = workload(max(sizes))
    taken = {}
    for dates in sizes:
        start = time.thread_time()
        sweep(lambda day: years.book, years.closes, years.policies, years.days(dates))
        taken[dates] = time.thread_time() - start
    return taken


def text(beside: Beside) -> str:
    """What is printed of a date."""
    peers = (("shared", beside.shared_s), ("run by run", beside.run_by_run_s), ("whole runs", beside.whole_runs_s))
    return "\n".join(
        [
            f"back-test, a date: {beside.ours_s * 1e3:.1f} ms, largest difference {beside.max_difference:.1e}",
            *(f"NumPy, {name}: {s * 1e3:.0f} ms a date, {s / beside.ours_s:.1f} times ours" for name, s in peers),
        ]
    )


def _kind(policy: Policy) -> tuple[float, int, int]:
    """What tells shortfalls of the workload's policies apart; the buffer comes on top of them."""
    base = policy.base_margin
    return base.half_life_days, int(base.liquidation_period_days.house["default"]), base.lookback_scenarios


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.back_test", description=__doc__)
    parser.add_argument("--dates", type=int, nargs="*", default=SIZES, help="sizes the whole is timed at")
    parser.add_argument("--rounds", type=int, default=5, help="how often ours and NumPy are timed in turn")
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    beside = run(DATES_BESIDE, said.rounds)
    whole = cost(said.dates) if said.dates else {}
    if said.json:
        print(json.dumps({**beside._asdict(), "whole_s": whole}, indent=1))
        return 0
    print(text(beside))
    for dates, taken in whole.items():
        print(f"{dates:,} dates: {taken:.1f} s, {taken / dates * 1e3:.1f} ms a date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
