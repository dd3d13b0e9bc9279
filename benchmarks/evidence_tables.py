"""Words and tables of docs/back-test.md that are read off judgements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from tasks.model.assurance.judgement import Judgement
from tasks.model.assurance.whole_forecast import WholeForecast

CHOICE = """A rule fixed beforehand picks one of {n} policies (half-life, look-back and stressed weight; all else as in
the opening policy) on the first half alone: of those that cover 99.5 % of days in each
of the four portfolios, the one with the lowest product of matched cost and peak to trough. The opening policy is one of
the {n}; by that product it is number {place}."""

ABOUT = """# The back-test of the opening policy

Written by `LEVEE_MARKET_DATA_DIR=… python -m benchmarks.evidence --write`; `levee backtest --history daily --coins
BTC,ETH --from 2014-03-01 --to 2025-12-22` gives the same figures portfolio by portfolio. Clean daily closes at 22:00
UTC, BTC judged from 2014-03-01, ETH from 2018-07-01, both to 2025-12-22; losses over the two days of the liquidation
period, margins from closes up to the day. Everything is a rate of gross notional.

Scenarios grow from 100 where a history begins with its market; the policy as written asks for 1,000 and blocks before,
which is tabled at the end. The closes of BTC begin in 2013 and those of ETH in 2018: an ETH portfolio takes, before its
own, the moves of BTC in proportion to their ranges in the grid, as the model does for every young underlying.

An inverse perpetual at spot loses in USD what a linear one does, so both have the same figures. Spreads post what the
grid asks, which knows no offset between underlyings. *Matched cost* is the mean rate once margins are scaled to cover
exactly 99.5 % of days. P-values are exact (one-sided for numbers and order, two-sided for TBF, TBFI and DQ, so that too
few breaches reject there), power in brackets: tests of number against 80 % of the margin with Student t 4 losses, tests
of order against a persistence of 20 %. *p, overlapping* is the smaller of two simulated laws of the number of breaches,
normal and Student t 4.

Tests of shortfall judge the filtered forecast at 97.5 %, which the margin exceeds by the stressed part. McNeil-Frey,
Nolde-Ziegel and the e-processes need its VaR and shortfall and take all days; Z1 to Z3 and Du-Escanciano are simulated
from the scenarios themselves and take the days whose look-back is full (*days, whole law*: BTC's fills in 2017); the
power of Z2 is against losses a quarter larger. They are told of the outright portfolios: inverse ones would repeat
them, and what spreads are asked for is the grid, which forecasts nothing.

What was asked before the run, of BTC and ETH outright long and short:
(a) breaches on at most 0.5 % of days, and 99.5 % coverage not rejected at 5 %;
(b) exact independence and DQ on each series of windows that do not overlap, Holm over all, none rejected;
(c) no challenger that covers 99.5 % in all four better in both matched cost and peak to trough, ties within 2 %;
(d) parameters that hold in a second half they were not chosen on.

The opening values come from a search of some 10,500 policies with all of the data in view, so that no half is untouched
by them: both are tabled, and *Chosen on the first half* chooses anew without the second. The policy chosen there is
asked the same over the same days.
"""


def all_table(judged: Sequence[Judgement]) -> Iterator[str]:
    """Coverage, bounds and cost of every portfolio."""
    yield "## Every portfolio\n"
    yield (
        "| portfolio | days | breaches | coverage | exact bounds | bounds, overlapping | p, overlapping | mean rate "
        "| matched cost |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for each in judged:
        p = min(verdict.p_exact for verdict in each.counts)
        yield (
            f"| {each.portfolio} | {each.observations:,} | {each.breaches} | {each.coverage:.2%} "
            f"| {each.bounds.low:.2%} to {each.bounds.high:.2%} "
            f"| {each.overlap_bounds.low:.2%} to {each.overlap_bounds.high:.2%} | {p:.3f} "
            f"| {each.mean_rate:.3f} | {each.matched_cost:.3f} |"
        )
    yield ""


def order_table(outright: Sequence[Judgement]) -> Iterator[str]:
    """Exact p-values of every test and series, power in brackets."""
    yield "## Tests of each series of windows that do not overlap\n"
    tests = list(dict.fromkeys(phase.verdict.test for phase in outright[0].phases))
    yield f"| portfolio, series | {' | '.join(tests)} |"
    yield f"|---|{'---|' * len(tests)}"
    for each in outright:
        for phase in range(each.horizon_days):
            found = [of.verdict for of in each.phases if of.phase == phase]
            yield f"| {each.portfolio}, {phase} | {' | '.join(f'{v.p_exact:.3f} ({v.power:.2f})' for v in found)} |"
    yield ""


def shortfall_table(outright: Sequence[Judgement], whole: Mapping[str, WholeForecast]) -> Iterator[str]:
    """p-values of the tests of shortfall, power of Z2 in brackets, and what is left of the smallest after Holm."""
    yield "## Tests of the forecast of shortfall\n"
    names = list(dict.fromkeys(short.verdict.test for short in outright[0].shortfalls))
    yield f"| portfolio, series | days | days, whole law | {' | '.join(names)} | smallest after Holm |"
    yield f"|---|---|---|{'---|' * len(names)}---|"
    for each in outright:
        for phase in range(each.horizon_days):
            of = [short.verdict for short in each.shortfalls if short.phase == phase]
            days = len(range(phase, each.observations, each.horizon_days))
            known = int((whole[each.portfolio].place % each.horizon_days == phase).sum())
            shown = [f"{v.p_value:.3f}" + ("" if math.isnan(v.power) else f" ({v.power:.2f})") for v in of]
            least = min(v.p_across for v in of)
            yield f"| {each.portfolio}, {phase} | {days:,} | {known:,} | {' | '.join(shown)} | {least:.3f} |"
    yield ""


def window_table(outright: Sequence[Judgement]) -> Iterator[str]:
    """Coverage and movement by window."""
    yield "## By window\n"
    yield (
        "| portfolio | window | days | breaches | coverage, exact bounds | peak to trough | rises, 1, 5, 20 days "
        "| elasticity | largest loss | smallest rate | largest uncovered |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for each in outright:
        for row in each.windows.iter_rows(named=True):
            rises = ", ".join(f"{row[f'largest_rise_{days}d']:.1%}" for days in (1, 5, 20))
            yield (
                f"| {each.portfolio} | {row['window']} | {row['observations']:,} | {row['breaches']} "
                f"| {row['coverage']:.2%}, {row['coverage_low']:.2%} to {row['coverage_high']:.2%} "
                f"| {row['peak_to_trough']:.2f} | {rises} | {row['elasticity']:.2f} | {row['largest_loss']:.3f} "
                f"| {row['smallest_rate']:.3f} | {row['uncovered_largest']:.3f} |"
            )
    yield ""
