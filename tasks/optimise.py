"""`levee optimise`: policies of a declared grid on the daily history, the one to propose, and how it did afterwards.

Chosen on the first half of each coin's days, judged on the second beside the active policy, SPAN and historical
simulation. Nothing is put in force: the chosen point is a policy file that may be proposed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tasks import back_test_history, optimise_report, policy_proposal, policy_toml
from tasks.back_test_plan import day
from tasks.home import write_atomically
from tasks.league import TARGET, challengers
from tasks.model import policy_file
from tasks.model.arrays import Closes
from tasks.model.assurance.frontier import Figures, figures, non_dominated
from tasks.model.assurance.league import league
from tasks.model.assurance.policy_search import (
    AXES,
    Candidate,
    Choice,
    active_name,
    candidates,
    choose,
    first_half,
    second_half,
)
from tasks.model.assurance.promotion import PromotionRule, Standing, standings
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import from_early_days, house_periods, roll_policies
from tasks.model.assurance.static_portfolio import OUTRIGHT, StaticPortfolio, static_portfolios
from tasks.model.errors import Finding, LeveeError

BASELINES = ("SPAN", "HS_1000", "HS_1500", "FHS")
ACTIVE, CHOSEN, UNBOUND = "ACTIVE", "CHOSEN", "CHOSEN IN STAGES"
JUDGED_FROM = {"BTC": date(2014, 3, 1), "ETH": date(2018, 7, 1)}  # before, a house would have had too few moves
_CHOSEN_FILE, _UNBOUND_FILE = "policy.toml", "policy-in-stages.toml"
_ONE_DAY = timedelta(days=1)
Paths = Mapping[str, Sequence[RatePath]]


@dataclass(frozen=True)
class Request:
    """Coins and days (None: from each coin's first judged day, to the last whose loss is known), the policy's file."""

    coins: tuple[str, ...]
    policy: Path
    first: date | None = None
    last: date | None = None
    effective_date: date | None = None  # of the proposed policy; the day after the last by default


@dataclass(frozen=True)
class Optimised:
    """The search: choice from the first half, figures of all on the second, and the few named ones judged there."""

    request: Request
    last: date
    splits: Mapping[str, date]  # first day of the second half, by coin
    choice: Choice
    refused: tuple[str, ...]  # points of the grid outside of the policy's bounds
    seconds: Mapping[str, Figures]  # by candidate
    baselines: Mapping[str, tuple[Figures, Figures]]  # by name, on both halves
    standings: tuple[Standing, ...]  # second half
    rule: PromotionRule
    data_hash: str

    @property
    def tried(self) -> int:
        """Policies whose back-test was looked at."""
        return len(self.choice.trials)

    def frontier(self, half: int) -> tuple[str, ...]:
        """Efficient candidates of the first (0) or second half (1)."""
        firsts = {name: each.first for name, each in self.choice.trials.items()}
        return non_dominated(self.seconds if half else firsts)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return optimise_report.told(self)

    def content(self, name: str, policy_id: str) -> dict[str, Any]:
        """Of the policy file of a candidate."""
        header = {"policy_id": policy_id, "effective_date": self.request.effective_date or self.last + _ONE_DAY}
        found = dict(self.choice.trials[name].candidate.content) | header
        policy_file.parse(found, policy_id)
        return found


def optimise(request: Request, market_data: Path) -> Optimised:
    """Search, choose and judge.

    Raises LeveeError USAGE for days that cannot be halved, UNKNOWN_ID for a coin without history, DeliveryError WAITING
    or SCHEMA_DRIFT for data that are not there or have another form, PolicyError PARAM_STATE where the file is none.
    """
    content = tomllib.loads(request.policy.read_text(encoding="utf-8"))
    rails = policy_proposal.terms().rails
    tried, refused = candidates(content, AXES, rails)
    active = active_name(content, AXES)
    opening = next(each.policy for each in tried if each.name == active)
    history = back_test_history.history_of(market_data, request.coins, sorted(set(opening.stress.anchors)))
    closes = back_test_history.joint(history.closes)
    held = [each for each in static_portfolios(request.coins) if each.product == OUTRIGHT]
    longest = max(house_periods(request.coins, opening).values())
    last = min(request.last or date.max, history.span[1] - longest * _ONE_DAY)
    firsts = {coin: _first(closes, coin, request.first) for coin in sorted(request.coins)}
    splits = {coin: split_day(first, last) for coin, first in firsts.items()}
    span = day(min(firsts.values())), day(last)
    paths = _judged_from(firsts, _rolled(closes, tried, held, span))
    early = from_early_days(opening)
    rivals = {name: list(challengers()[name](closes, early, held, *span)) for name in BASELINES}
    before, after = _halves(paths, splits)
    choice = choose(before, tried, active, TARGET, rails)
    old, new = _halves(_judged_from(firsts, rivals), splits)
    rule = PromotionRule(policies_tried=len(tried))
    return Optimised(
        request,
        last,
        splits,
        choice,
        tuple(refused),
        {name: figures(each, TARGET) for name, each in after.items()},
        {name: (figures(old[name], TARGET), figures(new[name], TARGET)) for name in BASELINES},
        standings(league({**_named(choice, after), **new}, ACTIVE, TARGET), rule, (OUTRIGHT,)),
        rule,
        history.digest(history.coins, last + longest * _ONE_DAY),
    )


def split_day(first: date, last: date) -> date:
    """First day of the second half: the start of the year that holds the middle. Raises LeveeError USAGE."""
    found = date((first + (last - first) / 2).year, 1, 1)
    if found - first < timedelta(days=200) or last - found < timedelta(days=200):
        raise LeveeError(
            Finding(
                "USAGE",
                "the days are too few to be halved at the start of a year",
                value=f"{first} to {last}",
                limit="200 days on either side",
                action="ask for more of them: --from, --to",
            )
        )
    return found


def write(found: Optimised, folder: Path) -> dict[str, Path]:
    """Page, csv, JSON, and the files of the chosen policies; returns their paths by name."""
    contents = optimise_report.files(found) | {name: text.encode() for name, text in _policies(found)}
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return {name: folder / name for name in contents}


def _policies(found: Optimised) -> Iterator[tuple[str, str]]:
    named = ((_CHOSEN_FILE, "", found.choice.chosen), (_UNBOUND_FILE, "-IN-STAGES", found.choice.unbound))
    for file, suffix, name in named:
        if name is None or name == found.choice.active:
            continue
        remark = f"{optimise_report.reason(found, name)}\nNot in force."
        yield file, policy_toml.text(found.content(name, f"FRONTIER-{found.last}{suffix}"), remark)


def _rolled(
    closes: Closes,
    tried: Sequence[Candidate],
    held: Sequence[StaticPortfolio],
    span: tuple[np.datetime64, np.datetime64],
) -> Paths:
    found = roll_policies(closes, [from_early_days(each.policy) for each in tried], held, *span)
    return {each.name: paths for each, paths in zip(tried, found, strict=True)}


def _first(closes: Closes, coin: str, asked: date | None) -> date:
    """First day a coin is judged on."""
    close = closes.close[closes.underlyings.index(coin)]
    begins: date = closes.dates[int(np.flatnonzero(np.isfinite(close))[0])].astype(object)
    return max(asked or JUDGED_FROM.get(coin, begins), begins)


def _judged_from(firsts: Mapping[str, date], paths: Paths) -> Paths:
    return {
        name: [each.between(day(firsts[each.portfolio.underlyings[0]]), each.dates[-1]) for each in held]
        for name, held in paths.items()
    }


def _halves(paths: Paths, splits: Mapping[str, date]) -> tuple[Paths, Paths]:
    def cut(path: RatePath) -> np.datetime64:
        return day(splits[path.portfolio.underlyings[0]])

    return (
        {name: [first_half(each, cut(each)) for each in held] for name, held in paths.items()},
        {name: [second_half(each, cut(each)) for each in held] for name, held in paths.items()},
    )


def _named(choice: Choice, paths: Paths) -> Paths:
    """The active policy and the chosen ones; one that is another already stands under that one's name."""
    found: dict[str, Sequence[RatePath]] = {ACTIVE: paths[choice.active]}
    if choice.chosen not in (None, choice.active):
        found[CHOSEN] = paths[str(choice.chosen)]
    if choice.unbound not in (None, choice.active, choice.chosen):
        found[UNBOUND] = paths[str(choice.unbound)]
    return found
