"""Workload W1 through the model's public functions, stage by stage beside its peers, and whole beside the limit."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks import limits, peers
from benchmarks.book import N_FILTERED, Workload, only_options, workload
from benchmarks.clock import Work, seconds
from tasks.model.arrays import COIN_OPTION, Floats
from tasks.model.kernels import BLOCK, aligned
from tasks.model.pricing.cube import Cube
from tasks.model.pricing.revaluation import revalue_cube
from tasks.model.risk import tail
from tasks.model.risk.profit import sum_positions

CONFIDENCE = 0.99
_SOME = 12  # scenarios a slow peer is timed on; its time grows with their number
_SLOW_ROUNDS = 3


class Beside(NamedTuple):
    """One stage of ours beside one peer. Seconds of CPU; the largest difference is a fraction of what is compared."""

    ours_s: float
    peer_s: float
    max_difference: float

    @property
    def ratio(self) -> float:
        """How many times longer the peer takes."""
        return self.peer_s / self.ours_s


@dataclass(frozen=True)
class CoreReport:
    """Stages beside peers, the whole beside the limit, and what it took."""

    compared: Mapping[str, Beside]
    stages_s: Mapping[str, float]
    limits_s: Mapping[str, float]
    wall_s: Mapping[int, float]  # the whole by number of threads
    same_bits: bool  # of 1 and 2 threads
    memory_mb: float  # resident at most, after the core and before any peer

    @property
    def over_limit(self) -> float:
        """Seconds of the core over the sum of its limits."""
        return sum(self.stages_s.values()) / sum(self.limits_s.values())


class _Ours:
    """The core on one workload. What a stage makes, the next one takes."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.cube = self.price()
        self.pnl = aligned(len(work.pointer) - 1, self.cube.blocks.shape[0] * BLOCK)
        self.pnl = self.add_up()

    def price(self, threads: int = 1) -> Cube:
        return revalue_cube(self.work.contracts, self.work.states, threads)

    def add_up(self, threads: int = 1) -> Floats:
        work = self.work
        return sum_positions(work.pointer, work.contract_index, work.quantity, self.cube, threads, self.pnl)

    def read(self, threads: int = 1) -> tail.Tail:
        return tail.tails(self.pnl, N_FILTERED, CONFIDENCE, threads)

    def whole(self, threads: int) -> list[bytes]:
        self.cube = self.price(threads)
        self.pnl = self.add_up(threads)
        return [sha256(each.data).digest() for each in (self.cube.blocks, self.pnl, *self.read(threads))]


def run(rounds: int = 9) -> CoreReport:
    """Everything once, stages in turn with their peers."""
    ours = _Ours(workload())
    same_bits = ours.whole(1) == ours.whole(2)
    stages = seconds({"price": ours.price, "add_up": ours.add_up, "read": ours.read}, rounds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    wall = {threads: _wall(ours, threads, rounds) for threads in (1, 2)}
    return CoreReport(_compare(ours, rounds), stages, _limits(ours), wall, same_bits, memory)


def _wall(ours: _Ours, threads: int, rounds: int) -> float:
    """Best seconds on the wall: neighbours can only add to it."""
    taken = []
    for _ in range(rounds):
        start = perf_counter()
        ours.cube = ours.price(threads)
        ours.pnl = ours.add_up(threads)
        ours.read(threads)
        taken.append(perf_counter() - start)
    return min(taken)


def _limits(ours: _Ours) -> dict[str, float]:
    """Seconds each stage would take were the machine's limit all that held it back (see benchmarks.limits)."""
    cube, work = ours.cube.blocks, ours.work
    columns = cube.shape[0] * cube.shape[2]
    n_options = int(work.contracts.is_option.sum())
    steps = columns * (limits.STRIKE_INSTRUCTIONS * n_options / 2 + limits.CONTRACT_INSTRUCTIONS * n_options)
    return {
        "price": steps / limits.arithmetic(),
        "add_up": len(work.quantity) * columns * 8 / limits.cache(cube.shape[1] * cube.shape[2] * 8),
        "read": limits.one_pass(ours.pnl),
    }


def _compare(ours: _Ours, rounds: int) -> dict[str, Beside]:
    return {**_compare_pricing(ours, rounds), **_compare_sums(ours, rounds), **_compare_tails(ours, rounds)}


def _compare_pricing(ours: _Ours, rounds: int) -> dict[str, Beside]:
    """All options in all scenarios. Peers price; ours also reads the smile, takes today's value off and checks."""
    work = only_options(ours.work)
    ready, scenarios = peers.market(work), ours.cube.n_scenarios
    columns = np.linspace(0, scenarios - 1, _SOME).astype(np.int64)
    coin = (work.contracts.form == COIN_OPTION)[:, None]
    usd = (work.contracts.multiplier * work.contracts.settle_price)[:, None] * np.where(coin, ready.spot, ready.forward)
    pnl = revalue_cube(work.contracts, work.states).rows()
    cube_error = float(np.max(np.abs(pnl - peers.numpy_pnl(work, ready)) / usd))
    out = np.zeros_like(ready.forward)
    found = {"pricing / NumPy and SciPy's ndtr": (lambda: peers.numpy_price(work, ready, out), 1.0, cube_error)}
    price = peers.numpy_price(work, ready, out)[:, columns]
    for name, make in (("QuantLib blackFormula", peers.quantlib_price), ("py_vollib_vectorized", peers.vollib_price)):
        peer = make(work, ready, columns)
        if peer is not None:
            apart = float(np.max(np.abs(peer() - price) / ready.forward[:, columns]))
            found[f"pricing / {name}"] = (peer, scenarios / _SOME, cube_error + apart)
    return _beside(lambda: revalue_cube(work.contracts, work.states), found, rounds)


def _compare_sums(ours: _Ours, rounds: int) -> dict[str, Beside]:
    work, unit = ours.work, ours.cube.rows()
    held: Any = peers.csr(work)
    dense: Floats = held.toarray()
    pnl = ours.pnl[:, : ours.cube.n_scenarios]
    size = float(np.max(np.abs(pnl)))
    works: dict[str, Callable[[], Floats]] = {
        "sums / SciPy CSR": lambda: held @ unit,
        "sums / NumPy row by row": lambda: peers.numpy_rows(work, unit),
        "sums / GEMM (OpenBLAS)": lambda: dense @ unit,
    }
    found = {name: (each, 1.0, float(np.max(np.abs(each() - pnl))) / size) for name, each in works.items()}
    return _beside(ours.add_up, found, min(rounds, _SLOW_ROUNDS))


def _compare_tails(ours: _Ours, rounds: int) -> dict[str, Beside]:
    pnl = np.ascontiguousarray(ours.pnl[:, :N_FILTERED])
    k = N_FILTERED * (1.0 - CONFIDENCE)
    read, (shortfall, worst) = ours.read(), peers.partition_tail(pnl, k)
    apart = float(np.max(np.abs(read.shortfall - shortfall) / np.abs(shortfall)))
    apart += float(np.count_nonzero(read.worst != worst))
    found = {
        "tails / np.partition": (lambda: peers.partition_tail(pnl, k), 1.0, apart),
        "tails / np.sort": (lambda: np.sort(pnl, axis=1), 1.0, apart),
    }
    return _beside(ours.read, found, min(rounds, _SLOW_ROUNDS))


def _beside(ours: Work, found: Mapping[str, tuple[Work, float, float]], rounds: int) -> dict[str, Beside]:
    taken = seconds({"ours": ours, **{name: peer for name, (peer, _, _) in found.items()}}, rounds)
    return {name: Beside(taken["ours"], taken[name] * scale, apart) for name, (_, scale, apart) in found.items()}
