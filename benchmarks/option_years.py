"""Option portfolios back-tested: `python -m benchmarks.option_years [--days N] [--recorded] [--write]`.

On made-up markets, whose laws are known, with verdicts; or on the recorded days of LEVEE_MARKET_DATA_DIR, without.
Prints a table, or writes it between its two marks in docs/back-test-options.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from tasks import policy_store, resources
from tasks.back_test_options import recorded_days
from tasks.convert import market_data_folder
from tasks.model.assurance.judgement import Judgement, JudgementPlan, judge
from tasks.model.assurance.option_paths import option_paths
from tasks.model.market.garch import Garch
from tasks.model.market.simulation import MarketLaw, simulate
from tasks.model.policy import Policy

PAGE = Path(__file__).resolve().parents[1] / "docs/back-test-options.md"
_DAILY_VARIANCE = 0.60**2 / 365.0
_VARIANCE = Garch(0.02 * _DAILY_VARIANCE, 0.08, 0.90)
_CALM = MarketLaw(_VARIANCE, 4.0, 0.0, 0.0, 0.0, 1.1, -0.6, 0.95, 0.02, 0.4)
LAWS = {
    "clusters": _CALM,
    "jumps": MarketLaw(_VARIANCE, 4.0, 1 / 250, -0.08, 0.06, 1.1, -0.6, 0.95, 0.02, 0.4),
    "wild surface": MarketLaw(_VARIANCE, 4.0, 1 / 250, -0.08, 0.06, 1.1, -1.8, 0.95, 0.05, 0.62),
}
FIRST = np.datetime64("2013-07-01")


def judged(policy: Policy, days: int, seed: int = 7) -> Iterator[tuple[str, Judgement]]:
    """Law and judgement of each portfolio; the policy's look-back is full on the first day judged."""
    base = policy.base_margin
    longest = int(max(base.liquidation_period_days.house.values()))
    start = base.volatility_seed_days + base.lookback_scenarios + longest
    for place, (name, law) in enumerate(LAWS.items()):
        market = simulate(law, "BTC", FIRST, start + days + longest, seed + place)
        for path in option_paths(market, policy, np.arange(start, start + days)):
            yield name, judge(path, JudgementPlan())


def table(policy: Policy, days: int) -> Iterator[str]:
    """Lines of the table."""
    yield "| market | portfolio | days | breaches | coverage | bounds | p, overlapping | least p, phases | mean rate |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for law, found in judged(policy, days):
        overlapping = min(each.p_exact for each in found.counts)
        phases = min(each.p_across for each in found.phases)
        yield (
            f"| {law} | {found.portfolio} | {found.observations:,} | {found.breaches} | {found.coverage:.2%} "
            f"| {found.overlap_bounds.low:.2%} to {found.overlap_bounds.high:.2%} | {overlapping:.3f} | {phases:.3f} "
            f"| {found.mean_rate:.3f} |"
        )


def recorded(policy: Policy) -> Iterator[str]:
    """Lines of the table of the recorded days."""
    days = recorded_days(market_data_folder(), policy).drop_nulls("loss")
    yield "| coin | portfolio | days | breaches | mean margin | largest loss | loss over margin at most |"
    yield "|---|---|---|---|---|---|---|"
    found = days.group_by("coin", "portfolio", maintain_order=True).agg(
        pl.len(),
        breaches=(pl.col("loss") > pl.col("margin")).sum(),
        mean=pl.col("margin").mean(),
        largest=pl.col("loss").max(),
        worst=(pl.col("loss") / pl.col("margin")).max(),
    )
    for coin, portfolio, n, breaches, mean, largest, worst in found.iter_rows():
        yield f"| {coin} | {portfolio} | {n} | {breaches} | {mean:.3f} | {largest:.3f} | {worst:.2f} |"


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.option_years", description=__doc__)
    parser.add_argument("--days", type=int, default=1_000, help="judged in each market")
    parser.add_argument("--recorded", action="store_true", help="days of recorded chains instead")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name} instead of printing")
    said = parser.parse_args()
    policy = policy_store.load(resources.data("policy") / "2014-01-01.toml")
    text = "\n".join(recorded(policy) if said.recorded else table(policy, said.days))
    if said.write:
        page = PAGE.read_text(encoding="utf-8")
        mark = "recorded" if said.recorded else "years"
        before, after = page.split(f"<!-- {mark} -->")[0], page.split(f"<!-- end of {mark} -->")[1]
        PAGE.write_text(f"{before}<!-- {mark} -->\n\n{text}\n\n<!-- end of {mark} -->{after}", encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
