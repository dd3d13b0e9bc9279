"""The league of a home's policy: its back-test, the challengers on the same closes, their table and who is promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from tasks import back_test_history, league_page, reference_models
from tasks.back_test import BackTested
from tasks.back_test_plan import day
from tasks.home import write_atomically
from tasks.model.arrays import Floats
from tasks.model.assurance.challenger_reference import ReferenceChallenger
from tasks.model.assurance.challengers import FORECASTING
from tasks.model.assurance.judgement import JudgementPlan
from tasks.model.assurance.league import League, league
from tasks.model.assurance.league_tests import coverage_by_test
from tasks.model.assurance.promotion import PromotionRule, Standing, standings
from tasks.model.assurance.rate_path import Model, RatePath
from tasks.model.assurance.static_portfolio import OUTRIGHT
from tasks.model.margin.portfolio import Book, floats
from tasks.model.margin.reference.model import ReferenceModel, reference_margin
from tasks.model.policy import Policy

TARGET = 0.995
SETS = ("DERIBIT_PM", "DERIVE_PM2", "SPAN", "TIMS")  # of data/reference_models; tiers ask less than any coverage needs
JUDGED = (OUTRIGHT,)  # products promotion is decided on


@dataclass(frozen=True)
class Played:
    """A league with its standings, and the paths of the champion."""

    policy: Policy
    first: date
    last: date
    rule: PromotionRule
    league: League
    standings: tuple[Standing, ...]
    champion: tuple[RatePath, ...]
    tests: pl.DataFrame  # see `league_tests.coverage_by_test`

    def as_dict(self) -> dict[str, Any]:
        """What a program reads."""
        return {
            "champion": self.league.champion,
            "policy_hash": self.policy.policy_hash,
            "first": self.first,
            "last": self.last,
            "target_coverage": self.league.target,
            "rule": asdict(self.rule),
            "judged_products": list(JUDGED),
            "standings": [asdict(each) for each in self.standings],
            "tests": self.tests.fill_nan(None).to_dicts(),
            "portfolios": self.league.rows.fill_nan(None).to_dicts(),
        }

    def page(self) -> bytes:
        """What a person reads."""
        coins = sorted({name for path in self.champion for name in path.portfolio.underlyings})
        rule = self.rule
        header = {
            "title": f"Challenger league: {', '.join(coins)}",
            "policy": f"policy {self.policy.policy_id}, {self.policy.policy_hash[:12]}",
            "first": self.first,
            "last": self.last,
            "rule": f"covers {self.league.target:.1%} of every outright portfolio, better by more than "
            f"{rule.materiality_fraction:.0%} in cost or swing and in neither worse by more, p at most {rule.level:g} "
            f"with {rule.policies_tried:,} policies tried",
        }
        drawn = [path for path in self.champion if path.portfolio.product in JUDGED]
        return league_page.page(header, self.league, self.tests, self.standings, drawn)


def rule(materiality_fraction: float, policies: int, tried: int | None) -> PromotionRule:
    """Rule for some policies and all challengers; whoever tried more than these says so.

    Raises ModelInputError CONFIDENCE for a materiality that is no fraction.
    """
    here = len(challengers()) + policies - 1
    return PromotionRule(materiality_fraction=materiality_fraction, policies_tried=max(tried or 0, here))


def play(tested: BackTested, promotion: PromotionRule) -> Played:
    """The first policy of a back-test as champion against its other policies and every challenger.

    Raises ModelInputError NO_OBSERVATIONS where no outright portfolio has days that all models judge.
    """
    plan = tested.plan
    champion, *others = plan.policies
    names = {champion: plan.policies[champion].policy_id, **_named(plan.policies, others)}
    held = [name for name in tested.paths[champion] if all(name in tested.paths[each] for each in others)]
    paths = {names[each]: [tested.paths[each][name] for name in held] for each in plan.policies}
    portfolios = [each for each in plan.portfolios if each.name in held]
    closes = back_test_history.joint(plan.history.closes)
    begins, ends = plan.history.span
    first, last = max(plan.request.first, begins), min(plan.request.last, ends)
    for name, model in challengers().items():
        paths[name] = list(model(closes, plan.policies[champion], portfolios, day(first), day(last)))
    found = league(paths, names[champion], TARGET)
    return Played(
        plan.policies[champion],
        first,
        last,
        promotion,
        found,
        standings(found, promotion, JUDGED),
        tuple(paths[names[champion]]),
        coverage_by_test(paths, names[champion], JUDGED, JudgementPlan(coverage=TARGET)),
    )


def challengers() -> Mapping[str, Model]:
    """Every challenger by name: those that forecast, and the latest set of each other house's model.

    Sets are younger than most of the history and applied to all of it. Raises PolicyError PARAM_STATE.
    """
    latest = {each.name: each for each in reference_models.in_force(date.max) if each.name in SETS}
    sets = {
        name: ReferenceChallenger(name, partial(_asked, model), bool(model.credits)) for name, model in latest.items()
    }
    return {**FORECASTING, **sets}


def write_page(played: Played, target: Path) -> Path:
    """The page, in the place of an older one."""
    write_atomically(target, played.page())
    return target


def _asked(model: ReferenceModel, book: Book) -> Floats:
    return floats(reference_margin(book, model)["margin_usd"])


def _named(policies: Mapping[str, Policy], hashes: Sequence[str]) -> dict[str, str]:
    """Names of policies beside the champion: their id, and the start of their hash where ids are shared."""
    return {each: f"{policies[each].policy_id} {each[:6]}" for each in hashes}
