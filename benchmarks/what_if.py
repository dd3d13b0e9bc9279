"""Workload W5: how long one asks what a trade would cost one account in margin, P&L held ready."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.book import workload
from benchmarks.clock import latencies
from tasks.model.pricing.revaluation import revalue_cube
from tasks.model.risk.profit import sum_positions
from tasks.model.risk.what_if import tail_with

_TIMES = 3_000
_CONFIDENCE = 0.99


@dataclass(frozen=True)
class Latency:
    """CPU seconds of one question, ours and NumPy's."""

    p50_s: float
    p99_s: float
    peer_p50_s: float
    peer_p99_s: float
    max_difference: float


def run() -> dict[str, Latency]:
    """Trades of one leg, and of a spread of four."""
    return {f"what-if / {legs} leg{'s' if legs > 1 else ''}": _ask(legs) for legs in (1, 4)}


def _ask(legs: int) -> Latency:
    work = workload()
    cube = revalue_cube(work.contracts, work.states)
    pnl = sum_positions(work.pointer, work.contract_index, work.quantity, cube)
    generator = np.random.default_rng(5)
    account = generator.integers(0, len(pnl), _TIMES)
    traded, size = generator.integers(0, cube.n_contracts, (_TIMES, legs)), generator.normal(size=(_TIMES, legs))
    unit, n = cube.rows(), cube.n_scenarios
    whole = int(n * (1 - _CONFIDENCE))

    def ours(i: int) -> float:
        return float(tail_with(pnl[account[i]], cube, traded[i], size[i], _CONFIDENCE).shortfall)

    def plain(i: int) -> float:
        after = pnl[account[i], :n] + size[i] @ unit[traded[i]]
        worst = np.sort(np.partition(after, whole)[: whole + 1])
        k = n * (1 - _CONFIDENCE)
        return float(-(worst[:whole].sum() + (k - whole) * worst[whole]) / k)

    apart = max(abs(ours(i) / plain(i) - 1.0) for i in range(200))
    return Latency(*latencies(ours, _TIMES), *latencies(plain, _TIMES), apart)
