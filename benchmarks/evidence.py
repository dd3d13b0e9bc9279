"""The back-test of the opening policy on real history: `python -m benchmarks.evidence [--write]`.

Prints docs/back-test.md, or writes it. Reads the daily history in LEVEE_MARKET_DATA_DIR. What is asked of the policy is
fixed in `criteria` and in the constants below; nothing here depends on what comes out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.evidence_tables import ABOUT, CHOICE, all_table, order_table, shortfall_table, window_table
from benchmarks.page import command
from tasks import back_test_history, policy_store, resources
from tasks.league import TARGET, challengers
from tasks.model.arrays import Closes
from tasks.model.assurance.criteria import better_challengers, covered, ordered
from tasks.model.assurance.frontier import Figures, figures, least
from tasks.model.assurance.judgement import Judgement, JudgementPlan, judge
from tasks.model.assurance.league import league
from tasks.model.assurance.overlap import Windows, overlapping_count
from tasks.model.assurance.promotion import PromotionRule, Standing, standings
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import HOUSE_MODEL, from_early_days, roll, roll_policies
from tasks.model.assurance.static_portfolio import OUTRIGHT, StaticPortfolio, static_portfolios
from tasks.model.assurance.whole_forecast import whole_forecast
from tasks.model.policy import Policy

PAGE = Path(__file__).resolve().parents[1] / "docs/back-test.md"
COINS = ("BTC", "ETH")
FIRST = {"BTC": np.datetime64("2014-03-01"), "ETH": np.datetime64("2018-07-01")}
HALF = {"BTC": np.datetime64("2020-01-01"), "ETH": np.datetime64("2022-01-01")}  # first day of the second half
LAST = np.datetime64("2025-12-22")
TIE = 0.02
# Policies among which one is chosen on the first half, by the rule of `frontier.least`.
HALF_LIVES, LOOKBACKS = (45.0, 90.0, 180.0), (1_000, 1_500)
WEIGHTS = (0.0, 0.25, 0.50)

Paths = Sequence[RatePath]


@dataclass(frozen=True)
class Choice:
    """Policies tried: the paths of each, its figures on the first half, and which is the opening one and the chosen."""

    paths: Mapping[str, Paths]
    firsts: Mapping[str, Figures]
    opening: str
    chosen: str


def page(paths: int, seed: int) -> str:
    """docs/back-test.md."""
    plan, policy = JudgementPlan(paths=paths, seed=seed), opening()
    closes = history()
    portfolios = static_portfolios(COINS)
    rolled = [from_start(path) for path in rolled_from_early(closes, policy, portfolios)]
    whole = {path.portfolio.name: whole_forecast(path, closes, policy) for path in rolled if _is_outright(path)}
    judged = [judge(path, plan, whole=whole.get(path.portfolio.name)) for path in rolled]
    outright = [each for each in judged if each.product == OUTRIGHT]
    choice = _choose(closes, policy, portfolios)
    chosen = [judge(path, plan) for path in choice.paths[choice.chosen]]
    rivals = _rivals(closes, policy)
    own = [path for path in rolled if _is_outright(path)]
    placed = _placed(own, rivals)
    chosen_placed = _placed(choice.paths[choice.chosen], rivals)
    return "\n".join(
        [
            ABOUT,
            *_verdict(_kept(outright, placed, plan), _kept(chosen, chosen_placed, plan), choice),
            *_league_table(placed),
            *all_table(judged),
            *order_table(outright),
            *shortfall_table(outright, whole),
            *window_table(outright),
            *_half_tables(rolled, plan),
            *_as_written(closes, policy, portfolios),
            *_choice_table(choice),
            "",
        ]
    )


def _is_outright(path: RatePath) -> bool:
    return path.portfolio.product == OUTRIGHT


def opening() -> Policy:
    """The shipped policy, its scenarios growing from few: a history that begins with its market fills no look-back."""
    return from_early_days(policy_store.load(resources.data("policy") / "2014-01-01.toml"))


def history() -> Closes:
    """Clean daily closes of the coins, two days beyond the last so that its loss is known."""
    folder = Path(os.environ.get("LEVEE_MARKET_DATA_DIR", ""))
    return back_test_history.joint(back_test_history.history_of(folder, COINS, until=date(2025, 12, 25)).closes)


def rolled_from_early(closes: Closes, policy: Policy, portfolios: Sequence[StaticPortfolio]) -> Paths:
    """Paths from the first day that any of them is judged on."""
    return roll(closes, policy, portfolios, min(FIRST.values()), LAST)


def from_start(path: RatePath) -> RatePath:
    """The days it is judged on: those of its youngest underlying."""
    return path.between(max(FIRST[name] for name in path.portfolio.underlyings), LAST)


def halves(path: RatePath) -> tuple[RatePath, RatePath]:
    """The path before and from the first day of its second half on."""
    second = max(HALF[name] for name in path.portfolio.underlyings)
    return path.between(path.dates[0], second - 1), path.between(second, LAST)


def _verdict(opening_kept: Sequence[str], chosen_kept: Sequence[str], choice: Choice) -> Iterator[str]:
    yield f"| | asked | opening policy | chosen on the first half: {choice.chosen} |"
    yield "|---|---|---|---|"
    asked = ("(a) | coverage", "(b) | order", "(c) | challengers")
    for what, opening_found, chosen_found in zip(asked, opening_kept, chosen_kept, strict=True):
        yield f"| {what} | {opening_found} | {chosen_found} |"
    yield f"| (d) | choice | searched with all data in view | met: {len(choice.paths)} policies tried |\n"


def _kept(outright: Sequence[Judgement], placed: Sequence[Standing], plan: JudgementPlan) -> list[str]:
    """(a), (b) and (c) of one policy, in words."""
    a, b = covered(outright, plan), ordered(outright)
    short = [f"{each.portfolio} {each.breach_share:.2%}, p {each.p_smallest:.3f}" for each in a if not each.met]
    clustered = [f"{each.portfolio} {each.test} {each.phase}" for each in b if not each.met(plan.level)]
    worst = min(b, key=lambda each: each.p_exact)
    most, p = max(each.breach_share for each in a), min(each.p_smallest for each in a)
    return [
        f"{_met(short)}: at most {most:.2%} of days breached, smallest p {p:.3f}",
        f"{_met(clustered)}: smallest of {len(b)} p-values {worst.p_exact:.3f}, {worst.p_across:.3f} after Holm",
        _met(better_challengers(placed)),
    ]


def _met(failures: Sequence[str]) -> str:
    return f"NOT MET ({'; '.join(failures)})" if failures else "met"


def _rivals(closes: Closes, policy: Policy) -> dict[str, list[RatePath]]:
    """Challengers on the outright portfolios, from the first day of each on."""
    held = [each for each in static_portfolios(COINS) if each.product == OUTRIGHT]
    return {
        name: [from_start(path) for path in model(closes, policy, held, min(FIRST.values()), LAST)]
        for name, model in challengers().items()
    }


def _placed(house: Paths, rivals: Mapping[str, Paths]) -> tuple[Standing, ...]:
    """(c): the house among its challengers."""
    return standings(league({HOUSE_MODEL: house, **rivals}, HOUSE_MODEL, TARGET), PromotionRule(TIE), (OUTRIGHT,))


def _league_table(placed: Sequence[Standing]) -> Iterator[str]:
    yield "## Challengers, outright portfolios, days all models judge\n"
    yield "| model | lowest coverage | mean rate | matched cost | peak to trough | cost to house | swing to house |"
    yield "|---|---|---|---|---|---|---|"
    for each in placed:
        yield (
            f"| {each.model} | {each.lowest_coverage:.2%} | {each.mean_rate:.3f} | {each.coverage_matched_cost:.3f} "
            f"| {each.peak_to_trough:.2f} | {each.relative_cost:+.1%} | {each.relative_peak_to_trough:+.1%} |"
        )
    yield ""


def _half_tables(rolled: Paths, plan: JudgementPlan) -> Iterator[str]:
    yield "## Both halves\n"
    yield "| portfolio | half | days | breaches | coverage | p | mean rate | matched cost | peak to trough |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for path in rolled:
        if not _is_outright(path):
            continue
        for half, part in zip(("first", "second"), halves(path), strict=True):
            n, x = _counted(part)
            found = figures([part], TARGET)
            law = Windows(n, part.horizon_days, 1.0 - plan.coverage)
            p = overlapping_count(x, law, plan.margin_share, plan.level, plan.paths, plan.seed).p_exact
            yield (
                f"| {part.portfolio.name} | {half} | {n:,} | {x} | {found.lowest_coverage:.2%} | {p:.3f} "
                f"| {found.mean_rate:.3f} | {found.matched_cost:.3f} | {found.peak_to_trough:.2f} |"
            )
    yield ""


def _as_written(closes: Closes, policy: Policy, portfolios: Sequence[StaticPortfolio]) -> Iterator[str]:
    written = policy_store.load(resources.data("policy") / "2014-01-01.toml")
    assert written.policy_hash == policy.policy_hash, "the same policy, but for the scenarios it needs"
    yield "## With the policy's own least number of scenarios\n"
    yield "| portfolio | first day with a margin | days | breaches | coverage |"
    yield "|---|---|---|---|---|"
    for path in rolled_from_early(closes, written, [each for each in portfolios if each.product == OUTRIGHT]):
        first = path.dates[np.isfinite(path.rate)][0]
        n, x = _counted(path.between(max(first, FIRST[path.portfolio.underlyings[0]]), LAST))
        yield f"| {path.portfolio.name} | {first} | {n:,} | {x} | {1.0 - x / n:.2%} |"
    yield ""


def _counted(path: RatePath) -> tuple[int, int]:
    judged = path.judged
    return int(judged.sum()), int((path.loss > path.rate)[judged].sum())


def _choose(closes: Closes, policy: Policy, portfolios: Sequence[StaticPortfolio]) -> Choice:
    """Of those that cover the target on the first half: by `frontier.least` there."""
    tried = dict(_tried(policy))
    held = [each for each in portfolios if each.product == OUTRIGHT]
    rolled = roll_policies(closes, list(tried.values()), held, min(FIRST.values()), LAST)
    paths = {name: [from_start(path) for path in each] for name, each in zip(tried, rolled, strict=True)}
    firsts = {name: figures([halves(path)[0] for path in each], TARGET) for name, each in paths.items()}
    chosen = least(firsts, TARGET)
    assert chosen is not None, "the opening policy covers"
    return Choice(
        paths,
        firsts,
        opening=next(name for name, each in tried.items() if each == policy),
        chosen=chosen,
    )


def _choice_table(choice: Choice) -> Iterator[str]:
    scores = sorted(each.score for each in choice.firsts.values())
    place = scores.index(choice.firsts[choice.opening].score) + 1
    yield f"## Chosen on the first half\n\n{CHOICE.format(n=len(choice.paths), place=place)}\n"
    yield "| policy | half | lowest coverage | matched cost | peak to trough |"
    yield "|---|---|---|---|---|"
    for said, name in (("opening", choice.opening), ("chosen", choice.chosen)):
        seconds = figures([halves(path)[1] for path in choice.paths[name]], TARGET)
        for half, each in (("first", choice.firsts[name]), ("second", seconds)):
            yield (
                f"| {said}: {name} | {half} | {each.lowest_coverage:.2%} | {each.matched_cost:.3f} "
                f"| {each.peak_to_trough:.2f} |"
            )


def _tried(policy: Policy) -> Iterator[tuple[str, Policy]]:
    for life, lookback, weight in product(HALF_LIVES, LOOKBACKS, WEIGHTS):
        base = replace(
            policy.base_margin,
            half_life_days=life,
            lookback_scenarios=lookback,
            stressed_weight_fraction=weight,
        )
        name = f"half-life {life:g}, look-back {lookback:,}, weight {weight:g}"
        yield name, replace(policy, base_margin=base)


def main() -> int:
    """Entry point."""
    return command("evidence", __doc__, page, PAGE, 4_000)


if __name__ == "__main__":
    sys.exit(main())
