"""Most likely GJR-GARCH-t of a series beside the `arch` package: `python -m benchmarks.garch [--rounds N] [--json]`.

The same law, each with its own start and search. `arch` must be installed; its model is made before and only its search
is timed. It takes the day before the first for one of mean square, we the first itself; both answers are therefore
given the same likelihood, SciPy's, with the first variance the mean square.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: a peer's time is that of one thread

import numpy as np
from scipy import stats

from benchmarks.clock import seconds
from benchmarks.intervals import garch_path
from tasks.model.arrays import Floats
from tasks.model.market.gjr_garch import GjrGarch, fit_gjr, gjr_variance

LENGTHS, SEEDS = (750, 1_500, 3_000), (1, 2, 3)


class Fits(NamedTuple):
    """CPU seconds of a fit, means over seeds, and how much more likely ours is than `arch`'s, the worst of them."""

    ours_s: float
    peer_s: float
    least_gain: float  # of the logarithm of the likelihood


def possible() -> bool:
    """Whether there is anything to be timed beside."""
    return importlib.util.find_spec("arch") is not None


def run(length: int, rounds: int, seeds: Sequence[int] = SEEDS) -> Fits:
    """Fits of simulated series of one length."""
    told = [_one(length, seed, rounds) for seed in seeds]
    ours, peer, gain = zip(*told, strict=True)
    return Fits(float(np.mean(ours)), float(np.mean(peer)), min(gain))


def text(length: int, found: Fits) -> str:
    """What is printed of one length."""
    return (
        f"GJR-GARCH-t of {length:,} returns: {found.ours_s * 1e3:.2f} ms, arch {found.peer_s * 1e3:.1f} ms, "
        f"{found.peer_s / found.ours_s:.0f} times ours; log-likelihood at least {found.least_gain:+.4f} beside arch's"
    )


def _one(length: int, seed: int, rounds: int) -> tuple[float, float, float]:
    import arch

    returns = garch_path(np.random.default_rng(seed), length)
    percent = 100.0 * returns
    model = arch.arch_model(percent, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t")
    first = float(np.mean(percent * percent))
    omega, *others = model.fit(disp="off", backcast=first).params.tolist()
    gain = _likelihood(returns, fit_gjr(returns).model) - _likelihood(returns, GjrGarch(omega * 1e-4, *others))
    taken = seconds(
        {"ours": lambda: fit_gjr(returns), "arch": lambda: model.fit(disp="off", backcast=first)},
        rounds,
    )
    return taken["ours"], taken["arch"], gain


def _likelihood(returns: Floats, model: GjrGarch) -> float:
    """Logarithm, by SciPy's law."""
    variance = gjr_variance(returns, model, float(np.mean(returns * returns)))[:-1]
    scale = np.sqrt(variance * (model.degrees - 2.0) / model.degrees)
    return float(stats.t.logpdf(returns, model.degrees, scale=scale).sum())


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.garch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is timed")
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    found = {length: run(length, said.rounds) for length in LENGTHS}
    if said.json:
        print(json.dumps({length: each._asdict() for length, each in found.items()}, indent=1))
        return 0
    for length, each in found.items():
        print(text(length, each))
    return 0


if __name__ == "__main__":
    sys.exit(main())
