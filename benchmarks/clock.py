"""Taking times of things that stand beside each other on a machine others use too."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

Work = Callable[[], object]


def seconds(works: Mapping[str, Work], rounds: int) -> dict[str, float]:
    """Median CPU seconds of this thread for each work, in turn in every round, after one round that is not counted.

    CPU time of the thread and not the clock on the wall: neighbours take turns, but not instructions.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            start = time.thread_time()
            work()
            taken[name].append(time.thread_time() - start)
    return {name: median(each) for name, each in taken.items()}


def latencies(ask: Callable[[int], object], times: int) -> tuple[float, float]:
    """Median and 99th percentile of one call in CPU seconds of this thread, ask(i) for i = 0, 1, ..."""
    ask(0)
    taken = []
    for i in range(times):
        start = time.thread_time_ns()
        ask(i)
        taken.append((time.thread_time_ns() - start) / 1e9)
    taken.sort()
    return taken[times // 2], taken[times * 99 // 100]
