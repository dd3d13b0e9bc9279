"""Sizes of the tests of coverage by simulation: `python -m benchmarks.sizes [--paths N] [--seed S] [--write]`.

Prints docs/tests-of-coverage.md, or writes it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.page import command
from tasks.model.arrays import Bools, Floats
from tasks.model.assurance.breaches import breaches_of
from tasks.model.assurance.chain import Chain, undermargined
from tasks.model.assurance.coverage import accepted_region, binomial, coverage_bounds, proportion
from tasks.model.assurance.dependence import conditional_coverage, independence
from tasks.model.assurance.dynamic_quantile import dynamic_quantile
from tasks.model.assurance.overlap import Windows, overlapped_sizes, overlapping_count, overlapping_law
from tasks.model.assurance.phase_tests import every_test
from tasks.model.assurance.traffic_light import traffic_light
from tasks.model.assurance.verdict import Plan, Verdict
from tasks.model.assurance.waiting import first_breach

PAGE = Path(__file__).resolve().parents[1] / "docs/tests-of-coverage.md"
DAYS = 250, 500, 1_000
PROBABILITY, LEVEL, SHARE = 0.01, 0.05, 0.8
PLAN = Plan(
    PROBABILITY,
    LEVEL,
    undermargined(PROBABILITY, SHARE),
    Chain("right number, persistence 20%", PROBABILITY, 0.2),
)
DRAWS_SEED = 11  # of the Monte Carlo tests; the paths have seeds of their own
OVERLAPPING = [(n, h, nu) for n in (250, 500, 1_000) for h in (2, 5, 10) for nu in (math.inf, 4.0)]
_ABOUT = """# Tests of coverage: what they can tell

A breach is a loss above the margin. `tasks/model/assurance` judges how many there were (POF, binomial), when the first
came (TUFF), how far apart they are (TBF, TBFI), whether one follows another (independence), both (conditional
coverage), and whether they can be told from earlier days (DQ). Every verdict carries the statistic, the p-value of the
asymptotic law that other reports print, the exact one that decides, and the power against a stated alternative.

## Where the exact p-values come from

| test | all that can happen | exact p-value |
|---|---|---|
| POF, binomial | 0 to n breaches | binomial |
| TUFF | first breach on day 1 to n, or none | geometric, cut at n |
| independence | runs, first and last day, given the breaches | counted paths; free of the probability |
| conditional coverage | breaches, runs, first and last day | counted paths |
| TBF, TBFI, DQ | every order of the days | Monte Carlo test: seeded paths, rejects at most at its level |

One-sided, what speaks of too large a margin counts for nothing. No breach at all has a p-value in every test. With
regressors such as the forecast, DQ takes them as given, which is exact only where they do not follow breaches; how far
it is off where they do is tabled below.
"""
_SIZES = """## How often a right margin is rejected

Coverage 99 %, level 5 %, {paths:,} independent paths for each number of days, so that a true 5 % comes out between
{low:.1%} and {high:.1%} nineteen times in twenty. *Asymptotic* is the size with chi-square or normal p-values.
*Exact* stays at or below 5 %: few breaches mean few outcomes, and a test cannot reject half of one. With *ties broken*
by lot it is 5 %, which shows that the law is right and only its steps are coarse.
"""
_POWER = """## Power

Probability that the exact test rejects at 5 %, as printed beside each verdict. Tests of number: a margin of 80 % of the
right one, normal losses. Tests of order: the right number of breaches, a day's correlation with the next of 20 %.
"""
_FEW = """A margin short by a fifth, POF one-sided, by the tail of the losses: the heavier it is, the fewer breaches the
same shortfall costs.
"""
_BOUNDS = """## Numbers of breaches that are kept

Strictly between, at 5 %; the zones are 95 % and 99.99 %. The bounds are exact ones of 95 % for the probability of a
breach where as many breaches occurred as should.
"""
_OVERLAP = """## Windows that overlap

Daily windows of h days share days and breach together. *Size* is how often a right margin is rejected by tests that
take them for independent days (chi-square, 5 %): they decide nothing. *Zones* are the largest green and amber counts of
a right margin, simulated with {paths:,} paths; beside them those of as many independent days. *Power*: the simulated
count against 80 % of the margin, one-sided at 5 %. Days are independent, normal or Student t with 4 degrees of freedom.
The amber limit, reached once in 10,000 paths, is rough at this number of them.
"""


@dataclass(frozen=True)
class Sizes:
    """Of one test at one number of days."""

    asymptotic: float  # NaN where it has no such law
    exact: float
    tie_broken: float
    power: float


def sizes(n: int, plan: Plan, paths: int, seed: int) -> dict[str, Sizes]:
    """Shares of right margins rejected, by test; one-sided, only of the tests that have a side."""
    rng = np.random.default_rng([seed, n])
    by_test: dict[str, list[tuple[Verdict, float]]] = {}
    for breaches in plan.null.draw(paths, n, rng):
        for verdict in every_test(breaches, plan, DRAWS_SEED) if plan.side == "two" else _sided(breaches, plan):
            by_test.setdefault(verdict.test, []).append((verdict, float(rng.random())))
    return {test: _shares(found) for test, found in by_test.items()}


def forecast_sizes(n: int, paths: int, seed: int) -> Sizes:
    """Of DQ on its own lags and the forecast, where losses are GARCH(1,1), Student t of 5 degrees, and it is right."""
    rng = np.random.default_rng([seed, n])
    found = []
    for _ in range(paths):
        losses, sigma = _garch(n, rng)
        breaches = breaches_of(losses, sigma * stats.t.isf(PROBABILITY, 5.0) * math.sqrt(0.6))
        found.append((dynamic_quantile(breaches, PLAN, DRAWS_SEED, sigma[:, None]), float(rng.random())))
    return _shares(found)


def _garch(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Losses of n days and the volatility each was forecast with."""
    shocks, variance = rng.standard_t(5.0, n) * math.sqrt(0.6), np.ones(n + 1)
    for day in range(n):
        variance[day + 1] = 0.02 + variance[day] * (0.90 + 0.08 * shocks[day] ** 2)
    sigma = np.sqrt(variance[:-1])
    return sigma * shocks, sigma


def _sided(breaches: Bools, plan: Plan) -> tuple[Verdict, ...]:
    number = int(breaches.sum()), len(breaches)
    order = independence(breaches, plan), conditional_coverage(breaches, plan)
    return proportion(*number, plan), binomial(*number, plan), first_breach(breaches, plan), *order


def _shares(found: Sequence[tuple[Verdict, float]]) -> Sizes:
    level, power = found[0][0].level, found[0][0].power
    asymptotic = float(np.mean([each.p_asymptotic <= level for each, _ in found]))
    exact = float(np.mean([each.rejected for each, _ in found]))
    return Sizes(asymptotic, exact, float(np.mean([each.tie_broken(lot) <= level for each, lot in found])), power)


def page(paths: int, seed: int) -> str:
    """The whole page as Markdown."""
    two, more = ({n: sizes(n, replace(PLAN, side=side), paths, seed) for n in DAYS} for side in ("two", "more"))
    wide = 1.96 * math.sqrt(LEVEL * (1.0 - LEVEL) / paths)
    lines = [_ABOUT, _SIZES.format(paths=paths, low=LEVEL - wide, high=LEVEL + wide)]
    none = ", ".join(f"{(1.0 - PROBABILITY) ** n:.1%} at {n:,}" for n in DAYS)
    lines += [f"Seed {seed}. Paths of a right margin without any breach: {none} days.", ""]
    lines += [*_size_table("two-sided", two), "", *_size_table("one-sided", more), ""]
    lines += [*_forecast_table(paths // 8, seed), "", _POWER]
    lines += [*_power_table(two, more), "", _FEW, *_tail_table(), "", _BOUNDS, *_kept_table(), ""]
    lines += [_OVERLAP.format(paths=8 * paths), *_overlap_table(8 * paths, seed)]
    return "\n".join(lines).rstrip() + "\n"


def _size_table(head: str, by_days: Mapping[int, Mapping[str, Sizes]]) -> Iterator[str]:
    yield f"| {head} | " + " | ".join(f"{n:,}: asymptotic | exact | ties broken" for n in by_days) + " |"
    yield "|---|" + "---|---|---|" * len(by_days)
    for test in by_days[DAYS[0]]:
        figures = (by_days[n][test] for n in by_days)
        yield (
            f"| {test} | "
            + " | ".join(f"{each.asymptotic:.1%} | {each.exact:.1%} | {each.tie_broken:.1%}" for each in figures)
            + " |"
        )


def _forecast_table(paths: int, seed: int) -> Iterator[str]:
    yield f"DQ on a forecast that follows losses and is right (GARCH(1,1), Student t 5), {paths:,} paths:"
    yield ""
    yield "| days | asymptotic | exact | ties broken |"
    yield "|---|---|---|---|"
    for n in DAYS[:2]:
        each = forecast_sizes(n, paths, seed)
        yield f"| {n:,} | {each.asymptotic:.1%} | {each.exact:.1%} | {each.tie_broken:.1%} |"


def _power_table(two: Mapping[int, Mapping[str, Sizes]], more: Mapping[int, Mapping[str, Sizes]]) -> Iterator[str]:
    yield "| test | " + " | ".join(f"{n:,}: two-sided | one-sided" for n in DAYS) + " |"
    yield "|---|" + "---|---|" * len(DAYS)
    for test in two[DAYS[0]]:
        cells = ((two[n][test].power, more[n][test].power if test in more[n] else None) for n in DAYS)
        yield f"| {test} | " + " | ".join(f"{a:.2f} | {'' if b is None else f'{b:.2f}'}" for a, b in cells) + " |"


def _tail_table() -> Iterator[str]:
    yield "| losses | breaches become | " + " | ".join(f"POF, {n:,}" for n in DAYS) + " |"
    yield "|---|---|" + "---|" * len(DAYS)
    for degrees in (math.inf, 10.0, 5.0, 4.0, 3.0):
        chain = undermargined(PROBABILITY, SHARE, degrees)
        plan = replace(PLAN, too_little=chain, side="more")
        power = (proportion(0, n, plan).power for n in DAYS)
        name = "normal" if math.isinf(degrees) else f"Student t {degrees:g}"
        yield f"| {name} | {chain.probability:.2%} | " + " | ".join(f"{each:.2f}" for each in power) + " |"


def _kept_table() -> Iterator[str]:
    yield "| coverage | days | POF, chi-square | POF, exact | one-sided, exact | green, amber up to | bounds |"
    yield "|---|---|---|---|---|---|---|"
    for probability in (0.01, 0.005):
        for n in DAYS:
            plan = replace(PLAN, probability=probability)
            regions = (
                accepted_region(n, plan, exact=False),
                accepted_region(n, plan),
                accepted_region(n, replace(plan, side="more")),
            )
            kept = " | ".join(f"{low}, {high}" if low >= 0 else f"below {high}" for low, high in regions)
            low, high = coverage_bounds(round(n * probability), n, 0.95)
            zones = "{}, {}".format(*traffic_light(0, n, probability).zones)
            yield f"| {1.0 - probability:.1%} | {n:,} | {kept} | {zones} | {low:.2%} to {high:.2%} |"


def _overlap_table(paths: int, seed: int) -> Iterator[str]:
    yield "| windows | h | days | POF size | independence size | both size | zones | if independent | power |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for n, horizon, degrees in OVERLAPPING:
        windows = Windows(n, horizon, PROBABILITY, degrees=degrees)
        wrong = overlapped_sizes(windows, LEVEL, paths, seed)
        zones, alone = overlapping_law(windows, paths, seed).zones(), traffic_light(0, n, PROBABILITY).zones
        power = overlapping_count(0, windows, SHARE, LEVEL, paths, seed).power
        yield (
            f"| {n:,} | {horizon} | {'normal' if math.isinf(degrees) else 't4'} | {wrong.proportion:.0%} "
            f"| {wrong.independence:.0%} | {wrong.conditional_coverage:.0%} | {zones.max_green}, {zones.max_amber} "
            f"| {alone.max_green}, {alone.max_amber} | {power:.2f} |"
        )


def main() -> int:
    """Entry point."""
    return command("sizes", __doc__, page, PAGE, 2_000)


if __name__ == "__main__":
    sys.exit(main())
