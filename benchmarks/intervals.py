"""How often intervals of estimates hold the truth: `python -m benchmarks.intervals [--paths N] [--seed S] [--write]`.

Prints the table of docs/calibration.md, or puts it in its place there.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from tasks.model.arrays import Floats
from tasks.model.assurance.calibration.batch_means import batch_mean
from tasks.model.assurance.calibration.correlation import correlation_figure
from tasks.model.assurance.calibration.depth import impact_figure
from tasks.model.assurance.calibration.estimate import Figure
from tasks.model.assurance.calibration.half_life import half_life
from tasks.model.assurance.calibration.offset import offset_figure, saving
from tasks.model.assurance.calibration.order_statistics import quantile_figure
from tasks.model.assurance.calibration.resample import bootstrap_figure
from tasks.model.assurance.calibration.shock import normal_shock
from tasks.model.assurance.calibration.spot_vol_beta import spot_vol_beta
from tasks.model.assurance.calibration.tail_check import tail_check
from tasks.model.market.gjr_garch import GjrGarch, fit_gjr

PAGE = Path(__file__).resolve().parents[1] / "docs/calibration.md"
BEGIN, END = "<!-- intervals -->\n", "<!-- end of intervals -->\n"
LEVEL = 0.95
HALF_LIFE, DEGREES = 30.0, 6.0
GARCH = GjrGarch(4e-5, 0.06, 0.06, 0.87, DEGREES)
SLOW, SLOWEST = (
    5,
    2,
)  # so many times fewer paths of bootstraps, which promise nothing, and of the search of five numbers

Draw = Callable[[np.random.Generator], tuple[Figure, float]]


@dataclass(frozen=True)
class Held:
    """Of one estimator: how often its interval held the truth, against how often it says it does."""

    name: str
    law: str
    method: str
    promised: float
    held: float
    paths: int

    @property
    def errors(self) -> float:
        """Distance from the promise in Monte-Carlo errors."""
        return (self.held - self.promised) / math.sqrt(self.promised * (1.0 - self.promised) / self.paths)


def held(name: str, law: str, draw: Draw, paths: int, seed: int) -> Held:
    """Draw histories whose parameter is known and count intervals that hold it; the promise is their mean level."""
    rng = np.random.default_rng(seed)
    drawn = [draw(rng) for _ in range(paths)]
    hits = sum(figure.holds(truth) for figure, truth in drawn)
    promised = float(np.mean([figure.level for figure, _ in drawn]))
    return Held(name, law, drawn[0][0].method, promised, hits / paths, paths)


def student(rng: np.random.Generator, size: int | tuple[int, ...], degrees: float = DEGREES) -> Floats:
    """Student's law of variance 1."""
    return np.asarray(rng.standard_t(degrees, size) * math.sqrt((degrees - 2.0) / degrees))


def weighted(rng: np.random.Generator, n: int) -> tuple[Figure, float]:
    """Returns whose variance follows the exponential weights, Student innovations."""
    factor, variance = 2.0 ** (-1.0 / HALF_LIFE), 1.0
    returns = student(rng, n)
    for at in range(n):
        returns[at] *= math.sqrt(variance)
        variance = factor * variance + (1.0 - factor) * returns[at] ** 2
    return half_life(returns[None, :], 30, (5.0, 1000.0), LEVEL), HALF_LIFE


def garch_path(rng: np.random.Generator, n: int) -> Floats:
    """Returns of the GJR-GARCH law after 300 days of it."""
    returns, variance = student(rng, n + 300), GARCH.long_run_variance
    for at in range(n + 300):
        returns[at] *= math.sqrt(variance)
        weight = GARCH.alpha + GARCH.gamma * (returns[at] < 0.0)
        variance = GARCH.omega + weight * returns[at] ** 2 + GARCH.beta * variance
    return returns[300:]


def garch_beta(rng: np.random.Generator) -> tuple[Figure, float]:
    """Weight of yesterday's variance in 1,500 days."""
    fitted = fit_gjr(garch_path(rng, 1_500))
    error = 1.959964 * math.sqrt(float(fitted.covariance()[3, 3]))
    at = fitted.model.beta
    return Figure(at, error / 1.959964, at - error, at + error, LEVEL, "asymptotic", 1_500), GARCH.beta


def range_of(returns: Floats, truth: float) -> tuple[Figure, float]:
    """Two-sided move at 97.5 % a side."""
    return quantile_figure(np.abs(returns), 0.95, LEVEL), truth


def independent_range(rng: np.random.Generator) -> tuple[Figure, float]:
    """Of 750 independent moves."""
    scale = math.sqrt((DEGREES - 2.0) / DEGREES)
    return range_of(student(rng, 750), scale * float(stats.t.ppf(0.975, DEGREES)))


def clustered_range(rng: np.random.Generator, truth: float) -> tuple[Figure, float]:
    """Of 750 daily returns whose volatility clusters."""
    return range_of(garch_path(rng, 750), truth)


def shock(rng: np.random.Generator) -> tuple[Figure, float]:
    """Of 30 normal daily moves."""
    return normal_shock(0.05 * rng.standard_normal(30), 2, 0.975, LEVEL), 1.959964 * 0.05 * math.sqrt(2.0)


def slope(rng: np.random.Generator) -> tuple[Figure, float]:
    """Downward slope of 32 days."""
    returns = 0.03 * student(rng, 32)
    vol = -1.6 * np.minimum(returns, 0.0) + 0.03 * rng.standard_normal(32)
    return spot_vol_beta(returns, vol, LEVEL).down, -1.6


def correlated(rng: np.random.Generator, degrees: float) -> tuple[Figure, float]:
    """Correlation of 0.8 in 1,500 days; without end of degrees it is normal."""
    pair = rng.standard_normal((2, 1_500))
    pair[1] = 0.8 * pair[0] + 0.6 * pair[1]
    if math.isfinite(degrees):
        pair /= np.sqrt(rng.chisquare(degrees, 1_500) / degrees)
    return correlation_figure(pair[0], pair[1], LEVEL), 0.8


def tail(rng: np.random.Generator) -> tuple[Figure, float]:
    """Shape 0.2 of 3,000 losses, 300 of them in the tail."""
    losses = ((1.0 - rng.random(3_000)) ** -0.2 - 1.0) / 0.2
    return tail_check(losses, 0.10, 0.975, 4, LEVEL, 1).shape, 0.2


def volume(rng: np.random.Generator) -> tuple[Figure, float]:
    """Mean of 360 days of a volume whose logarithm remembers 0.8 of its distance from the mean."""
    state = np.empty(360)
    level = float(rng.standard_normal()) * 0.4
    for at in range(360):
        level = 0.8 * level + 0.4 * 0.6 * float(rng.standard_normal())
        state[at] = level
    return batch_mean(np.exp(state), 60, LEVEL), math.exp(0.5 * 0.16)


def impact(rng: np.random.Generator) -> tuple[Figure, float]:
    """Factor 1 over 48 walked sizes."""
    law = 0.04 * np.sqrt(rng.choice([1e-4, 1e-3], 48))
    return impact_figure(law + 2e-4 * rng.standard_normal(48), law, LEVEL), 1.0


def long_run(rng: np.random.Generator) -> tuple[Figure, float]:
    """Root mean square of 3,000 days whose volatility clusters."""
    squares = garch_path(rng, 3_000) ** 2
    figure = bootstrap_figure(lambda days: math.sqrt(float(np.mean(squares[days]))), 3_000, 90, 200, LEVEL, 1)
    return figure, math.sqrt(GARCH.long_run_variance)


def offset(rng: np.random.Generator) -> tuple[Figure, float]:
    """Correlation 0.8 on quiet days and 0.6 on every tenth quarter of 2,000 days."""
    stressed = (np.arange(2_000) // 90) % 5 == 0
    rho = np.where(stressed, 0.6, 0.8)
    pair = rng.standard_normal((2, 2_000))
    pair[1] = rho * pair[0] + np.sqrt(1.0 - rho * rho) * pair[1]
    figure = offset_figure(pair[0], pair[1], stressed, 90, 200, LEVEL, 1)
    return figure, saving(0.6) / saving(float(rho.mean()))


def every(paths: int, seed: int) -> Iterator[Held]:
    """Every estimator at its law."""
    few, half = max(paths // SLOW, 8), max(paths // SLOWEST, 8)
    truth = float(np.quantile(np.abs(garch_path(np.random.default_rng(seed + 1), 200 * paths)), 0.95))
    two_law = f"independent Student t {DEGREES:g}"
    rows: tuple[tuple[str, str, Draw, int], ...] = (
        ("EWMA half-life", "3,000 days, weights with Student t 6", lambda rng: weighted(rng, 3_000), paths),
        ("scan range", f"750 moves, {two_law}", independent_range, paths),
        ("scan range", "750 moves, GJR-GARCH-t", lambda rng: clustered_range(rng, truth), paths),
        ("vol and basis shock", "30 moves, normal", shock, paths),
        ("spot–vol beta", "32 days, normal noise", slope, paths),
        ("correlation", "1,500 days, normal", lambda rng: correlated(rng, math.inf), paths),
        ("correlation", "1,500 days, Student t 6", lambda rng: correlated(rng, DEGREES), paths),
        ("tail shape", "3,000 losses, Pareto 0.2", tail, paths),
        ("daily volume", "360 days, lognormal AR(1) 0.8", volume, paths),
        ("impact", "48 sizes, normal", impact, paths),
        ("long-run volatility", "3,000 days, GJR-GARCH-t", long_run, few),
        ("offset limit", "2,000 days, correlation 0.8 and 0.6", offset, few),
        ("GJR-GARCH-t beta", "1,500 days of its law", garch_beta, half),
    )
    for number, (name, law, draw, count) in enumerate(rows):
        yield held(name, law, draw, count, seed + 100 * number)


def lines(paths: int, seed: int) -> Iterator[str]:
    """Lines of the table of the page, each when it is known."""
    yield f"Seed {seed}: `python -m benchmarks.intervals --paths {paths} --seed {seed}`. Errors: distance of *holds*"
    yield "from *promised* in Monte-Carlo errors; a bootstrap promises nothing and reports its rate."
    yield ""
    yield "| estimator | drawn from | method | paths | promised | holds | errors |"
    yield "|---|---|---|---|---|---|---|"
    for each in every(paths, seed):
        yield (
            f"| {each.name} | {each.law} | {each.method} | {each.paths:,} | {each.promised:.1%} | {each.held:.1%} "
            f"| {each.errors:+.1f} |"
        )


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intervals", description=__doc__)
    parser.add_argument("--paths", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name} instead of printing it")
    said = parser.parse_args()
    told = []
    for line in lines(said.paths, said.seed):
        told.append(line)
        if not said.write:
            print(line, flush=True)
    if said.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n".join(told) + "\n" + END + rest.split(END)[1], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
