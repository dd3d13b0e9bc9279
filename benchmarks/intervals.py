"""How often intervals of estimates hold the truth: `python -m benchmarks.intervals [--paths N] [--seed S] [--write]`.

Prints the table of docs/calibration.md, or puts it in its place there. Every estimate that `levee calibrate` prints
has a row. With --only NAME one estimator's rows are printed alone.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from tasks.model.arrays import Floats
from tasks.model.assurance.calibration.batch_means import batch_mean
from tasks.model.assurance.calibration.clustered import clustered_quantile, either_way, largest_fall
from tasks.model.assurance.calibration.correlation import correlation_figure
from tasks.model.assurance.calibration.depth import impact_figure
from tasks.model.assurance.calibration.estimate import Figure
from tasks.model.assurance.calibration.garch_challenger import garch_challenger
from tasks.model.assurance.calibration.half_life import half_life
from tasks.model.assurance.calibration.offset import offset_figure, saving
from tasks.model.assurance.calibration.order_statistics import quantile_figure, upper_bound
from tasks.model.assurance.calibration.resample import bootstrap_figure
from tasks.model.assurance.calibration.shock import normal_shock
from tasks.model.assurance.calibration.spot_vol_beta import spot_vol_beta
from tasks.model.assurance.calibration.tail_check import tail_check
from tasks.model.errors import ModelInputError
from tasks.model.market.gjr_garch import GjrGarch, fit_gjr, gjr_variance
from tasks.model.market.volatility import decay, ewma_variance

PAGE = Path(__file__).resolve().parents[1] / "docs/calibration.md"
BEGIN, END = "<!-- intervals -->\n", "<!-- end of intervals -->\n"
LEVEL = 0.95
HALF_LIFE, DEGREES = 30.0, 6.0
SHOCKS = "check.{vol_up_fraction,vol_down_fraction,basis_move_per_year,basis_move_smallest}"
GARCH_FIGURES = ("omega", "alpha", "gamma", "beta", "degrees", "score_difference")
GARCH = GjrGarch(4e-5, 0.06, 0.06, 0.87, DEGREES)
SLOWEST = 2  # so many times fewer paths of estimators that search or draw paths of their own
RUNS = 200  # of a bootstrap

Drawn = Sequence[tuple[Figure, float]]  # figures of one history, each with its truth
Draw = Callable[[np.random.Generator], Drawn]


@dataclass(frozen=True)
class Row:
    """Estimators that read one history: their names and what of the calibration each stands for; its law; the draw."""

    names: tuple[str, ...]
    parameters: tuple[str, ...]
    law: str
    draw: Draw
    paths: int


@dataclass(frozen=True)
class Held:
    """Of one estimator: how often its interval held the truth, against how often it says it does."""

    name: str
    parameter: str
    law: str
    method: str
    promised: float
    held: float
    paths: int

    @property
    def errors(self) -> float:
        """Distance from the promise in Monte-Carlo errors."""
        return (self.held - self.promised) / math.sqrt(self.promised * (1.0 - self.promised) / self.paths)

    @property
    def monte_carlo(self) -> float:
        """Monte-Carlo error of the rate."""
        return math.sqrt(self.held * (1.0 - self.held) / self.paths)


def held(row: Row, seed: int) -> Iterator[Held]:
    """Draw histories whose parameters are known and count intervals that hold them; the promise is their mean level."""
    rng = np.random.default_rng(seed)
    drawn = [_estimated(row.draw, rng) for _ in range(row.paths)]
    for at, (name, parameter) in enumerate(zip(row.names, row.parameters, strict=True)):
        figures = [each[at] for each in drawn]
        hits = sum(figure.holds(truth) for figure, truth in figures)
        promised = float(np.mean([figure.level for figure, _ in figures]))
        yield Held(name, parameter, row.law, figures[0][0].method, promised, hits / row.paths, row.paths)


def _estimated(draw: Draw, rng: np.random.Generator) -> Drawn:
    """Of the next history that gives figures: where no most likely GARCH is found, one is drawn again."""
    while True:
        try:
            return draw(rng)
        except ModelInputError as error:
            if error.code != "GARCH":
                raise


def student(rng: np.random.Generator, size: int | tuple[int, ...], degrees: float = DEGREES) -> Floats:
    """Student's law of variance 1."""
    return np.asarray(rng.standard_t(degrees, size) * math.sqrt((degrees - 2.0) / degrees))


def weighted(rng: np.random.Generator, n: int) -> Drawn:
    """Returns whose variance follows the exponential weights, Student innovations."""
    factor, variance = 2.0 ** (-1.0 / HALF_LIFE), 1.0
    returns = student(rng, n)
    for at in range(n):
        returns[at] *= math.sqrt(variance)
        variance = factor * variance + (1.0 - factor) * returns[at] ** 2
    return [(half_life(returns[None, :], 30, (5.0, 1000.0), LEVEL), HALF_LIFE)]


def garch_path(rng: np.random.Generator, n: int) -> Floats:
    """Returns of the GJR-GARCH law after 300 days of it."""
    returns, variance = student(rng, n + 300), GARCH.long_run_variance
    for at in range(n + 300):
        returns[at] *= math.sqrt(variance)
        weight = GARCH.alpha + GARCH.gamma * (returns[at] < 0.0)
        variance = GARCH.omega + weight * returns[at] ** 2 + GARCH.beta * variance
    return returns[300:]


def garch(rng: np.random.Generator, long: Floats) -> Drawn:
    """Parameters in 3,000 days of the law, and the score difference that the fit of half of them has for ever."""
    returns = garch_path(rng, 3_000)
    found = garch_challenger(returns, HALF_LIFE, 90, RUNS, LEVEL, 1)
    model = fit_gjr(returns[:1_500]).model
    mean = float(np.mean(long * long))
    weights, fitted = ewma_variance(long, decay(HALF_LIFE), mean), gjr_variance(long, model, mean)
    score = float(np.mean((qlike(long, fitted) - qlike(long, weights))[500:]))
    return [(found[name], truth) for name, truth in {**asdict(GARCH), "score_difference": score}.items()]


def qlike(returns: Floats, variance: Floats) -> Floats:
    """Score of a forecast before each return."""
    return np.asarray(np.log(variance[:-1]) + returns * returns / variance[:-1])


def independent_range(rng: np.random.Generator) -> Drawn:
    """Two-sided move at 97.5 % a side of 750 independent moves."""
    truth = math.sqrt((DEGREES - 2.0) / DEGREES) * float(stats.t.ppf(0.975, DEGREES))
    return [(quantile_figure(np.abs(student(rng, 750)), 0.95, LEVEL), truth)]


def clustered_range(rng: np.random.Generator, truth: float) -> Drawn:
    """The same of moves over two days of 1,500 whose volatility clusters."""
    daily = garch_path(rng, 1_500)
    moves = either_way(daily.reshape(750, 2))
    return [(clustered_quantile(moves, daily, 2, either_way, 0.95, LEVEL, RUNS, 1), truth)]


def clustered_falls(rng: np.random.Generator, truth: float) -> Drawn:
    """Fall within two days at 99 %, of 3,650 days whose volatility clusters."""
    daily = garch_path(rng, 3_650)
    falls = largest_fall(daily.reshape(1_825, 2))
    return [(clustered_quantile(falls, daily, 2, largest_fall, 0.99, LEVEL, RUNS, 1), truth)]


def truths(days: int, seed: int) -> tuple[float, float]:
    """Quantiles of `clustered_range` and `clustered_falls`, off one path of so many days."""
    windows = garch_path(np.random.default_rng(seed), days).reshape(-1, 2)
    return float(np.quantile(either_way(windows), 0.95)), float(np.quantile(largest_fall(windows), 0.99))


def depegs(rng: np.random.Generator, days: int) -> tuple[Floats, Floats]:
    """Falls of a stablecoin within two days: quiet ones, and one in 200 that breaks the peg; all, and independent."""
    daily = np.abs(0.002 * rng.standard_normal(days)) + np.where(
        rng.random(days) < 0.005, rng.exponential(0.04, days), 0
    )
    return np.maximum(daily[:-1], daily[1:]), np.maximum(daily[:-1:2], daily[1::2])


def peg(rng: np.random.Generator, truth: float) -> Drawn:
    """Largest fall as a bound, told as an interval without an upper end, and the quantile, of 800 days."""
    every, separate = depegs(rng, 800)
    bound = upper_bound(every, len(separate), 0.99)
    return [(bound._replace(low=0.0), truth), (quantile_figure(separate, 0.99, LEVEL), truth)]


def half_spread(rng: np.random.Generator) -> Drawn:
    """Median of 48 looks at books, lognormal."""
    return [(quantile_figure(np.exp(0.7 * rng.standard_normal(48)), 0.5, LEVEL), 1.0)]


def shock(rng: np.random.Generator) -> Drawn:
    """Of 30 normal daily moves."""
    return [(normal_shock(0.05 * rng.standard_normal(30), 2, 0.975, LEVEL), 1.959964 * 0.05 * math.sqrt(2.0))]


def slope(rng: np.random.Generator) -> Drawn:
    """Slopes down and up of 32 days, and the noise."""
    returns = 0.03 * student(rng, 32)
    vol = -1.6 * np.minimum(returns, 0.0) + 0.2 * np.maximum(returns, 0.0) + 0.03 * rng.standard_normal(32)
    found = spot_vol_beta(returns, vol, LEVEL)
    return [(found.down, -1.6), (found.up, 0.2), (found.noise, 0.03)]


def correlated(rng: np.random.Generator, degrees: float) -> Drawn:
    """Correlation of 0.8 in 1,500 days; without end of degrees it is normal."""
    pair = rng.standard_normal((2, 1_500))
    pair[1] = 0.8 * pair[0] + 0.6 * pair[1]
    if math.isfinite(degrees):
        pair /= np.sqrt(rng.chisquare(degrees, 1_500) / degrees)
    return [(correlation_figure(pair[0], pair[1], LEVEL), 0.8)]


def tail(rng: np.random.Generator) -> Drawn:
    """Shape 0.2 of 3,000 losses, 300 of them in the tail, and the law's shortfall, which is the losses' own."""
    found = tail_check(((1.0 - rng.random(3_000)) ** -0.2 - 1.0) / 0.2, 0.10, 0.975, RUNS, LEVEL, 1)
    return [(found.shape, 0.2), (found.shortfall_ratio, 1.0)]


def volume(rng: np.random.Generator) -> Drawn:
    """Mean of 360 days of a volume whose logarithm remembers 0.8 of its distance from the mean."""
    state = np.empty(360)
    level = float(rng.standard_normal()) * 0.4
    for at in range(360):
        level = 0.8 * level + 0.4 * 0.6 * float(rng.standard_normal())
        state[at] = level
    return [(batch_mean(np.exp(state), 60, LEVEL), math.exp(0.5 * 0.16))]


def impact(rng: np.random.Generator) -> Drawn:
    """Factor 1 over 48 walked sizes."""
    law = 0.04 * np.sqrt(rng.choice([1e-4, 1e-3], 48))
    return [(impact_figure(law + 2e-4 * rng.standard_normal(48), law, LEVEL), 1.0)]


def long_run(rng: np.random.Generator) -> Drawn:
    """Root mean square of 3,000 days whose volatility clusters."""
    squares = garch_path(rng, 3_000) ** 2
    figure = bootstrap_figure(lambda days: math.sqrt(float(np.mean(squares[days]))), 3_000, 90, RUNS, LEVEL, 1)
    return [(figure, math.sqrt(GARCH.long_run_variance))]


def offset(rng: np.random.Generator) -> Drawn:
    """Correlation 0.8 on quiet days and 0.6 on every tenth quarter of 2,000 days."""
    stressed = (np.arange(2_000) // 90) % 5 == 0
    rho = np.where(stressed, 0.6, 0.8)
    pair = rng.standard_normal((2, 2_000))
    pair[1] = rho * pair[0] + np.sqrt(1.0 - rho * rho) * pair[1]
    figure = offset_figure(pair[0], pair[1], stressed, 90, RUNS, LEVEL, 1)
    return [(figure, saving(0.6) / saving(float(rho.mean())))]


def rows(paths: int, seed: int) -> tuple[Row, ...]:
    """Every estimator at its law. An end of a name in braces stands for each of the names."""
    half = max(paths // SLOWEST, 8)
    two_days, fall = truths(200 * paths, seed + 1)
    broken = float(np.quantile(depegs(np.random.default_rng(seed + 2), 400 * paths)[0], 0.99))
    long = garch_path(np.random.default_rng(seed + 3), 200 * paths)
    return (
        Row(
            ("EWMA half-life",),
            ("base_margin.half_life_days",),
            "3,000 days, weights with Student t 6",
            lambda rng: weighted(rng, 3_000),
            paths,
        ),
        Row(
            ("quantile, independent",),
            ("check.haircut_quantile",),
            "750 moves, independent Student t 6",
            independent_range,
            paths,
        ),
        Row(
            ("scan range",),
            ("grid.range_fraction",),
            "1,500 days of GJR-GARCH-t, moves of 2",
            lambda rng: clustered_range(rng, two_days),
            half,
        ),
        Row(("vol and basis shock",), (SHOCKS,), "30 moves, normal", shock, paths),
        Row(
            ("spot–vol beta, falls", "spot–vol beta, rises", "spot–vol noise"),
            ("vol_proxy.beta_down", "vol_proxy.beta_up", "check.vol_proxy_noise"),
            "32 days, normal noise",
            slope,
            paths,
        ),
        Row(
            ("correlation",),
            ("check.correlation",),
            "1,500 days, normal",
            lambda rng: correlated(rng, math.inf),
            paths,
        ),
        Row(
            ("correlation",),
            ("check.correlation",),
            "1,500 days, Student t 6",
            lambda rng: correlated(rng, DEGREES),
            paths,
        ),
        Row(
            ("tail shape", "tail shortfall ratio"),
            ("check.tail.shape", "check.tail.shortfall_ratio"),
            "3,000 losses, Pareto 0.2",
            tail,
            half,
        ),
        Row(("daily volume",), ("check.daily_volume_usd",), "360 days, lognormal AR(1) 0.8", volume, paths),
        Row(("impact",), ("check.liquidity_impact",), "48 sizes, normal", impact, paths),
        Row(("long-run volatility",), ("check.long_run_volatility",), "3,000 days, GJR-GARCH-t", long_run, half),
        Row(
            ("offset limit",),
            ("base_margin.offset_limit_fraction",),
            "2,000 days, correlation 0.8 and 0.6",
            offset,
            half,
        ),
        Row(
            tuple(f"GJR-GARCH-t {name.replace('_', ' ')}" for name in GARCH_FIGURES),
            tuple(f"check.gjr_garch.{name}" for name in GARCH_FIGURES),
            "3,000 days of its law",
            lambda rng: garch(rng, long),
            half,
        ),
        Row(
            ("haircut of a coin",),
            ("collateral.haircut_fraction",),
            "3,650 days of GJR-GARCH-t, falls within 2",
            lambda rng: clustered_falls(rng, fall),
            half,
        ),
        Row(
            ("haircut of a stablecoin, a bound", "its quantile"),
            ("collateral.haircut_fraction", "check.haircut_quantile"),
            "800 days, one in 200 breaks the peg",
            lambda rng: peg(rng, broken),
            paths,
        ),
        Row(
            ("half spread",),
            ("liquidity_concentration.half_spread_fraction",),
            "48 looks, lognormal",
            half_spread,
            paths,
        ),
    )


def lines(paths: int, seed: int, only: str = "") -> Iterator[str]:
    """Lines of the table of the page, each when it is known."""
    yield f"Seed {seed}: `python -m benchmarks.intervals --paths {paths} --seed {seed}`. Errors: distance of *holds*"
    yield "from *promised* in Monte-Carlo errors; a bootstrap promises nothing and reports its rate, ± its own error."
    yield ""
    yield "| estimator | of | drawn from | method | paths | promised | holds | errors |"
    yield "|---|---|---|---|---|---|---|---|"
    for number, row in enumerate(rows(paths, seed)):
        for each in held(row, seed + 100 * number) if only in ("", *row.names) else ():
            yield (
                f"| {each.name} | `{each.parameter}` | {each.law} | {each.method} | {each.paths:,} "
                f"| {each.promised:.1%} | {each.held:.1%} ± {each.monte_carlo:.1%} | {each.errors:+.1f} |"
            )


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intervals", description=__doc__)
    parser.add_argument("--paths", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="name of one estimator of the table")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name} instead of printing it")
    said = parser.parse_args()
    told = []
    for line in lines(said.paths, said.seed, said.only):
        told.append(line)
        if not said.write:
            print(line, flush=True)
    if said.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n".join(told) + "\n" + END + rest.split(END)[1], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
