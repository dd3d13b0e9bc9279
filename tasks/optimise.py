"""`levee optimise`: policies of a declared grid on the daily history, the one to propose, and how it did afterwards.

Chosen on the first half of each coin's days, judged on the second beside the active policy and every challenger.
Nothing is put in force: the chosen point is a policy file that may be proposed, with what it rests on beside it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tasks import back_test_history, optimise_report, policy_proposal, policy_toml
from tasks.home import canonical_json, write_atomically
from tasks.league import TARGET, challengers
from tasks.model import policy_file
from tasks.model.arrays import Closes
from tasks.model.assurance.frontier import Figures, figures, non_dominated
from tasks.model.assurance.league import league
from tasks.model.assurance.policy_grid import active_name, axes
from tasks.model.assurance.policy_search import Choice, Trial
from tasks.model.assurance.promotion import PromotionRule, Standing, standings
from tasks.model.assurance.rolling_margin import from_early_days, house_periods
from tasks.model.assurance.static_portfolio import OUTRIGHT, static_portfolios
from tasks.model.errors import Finding, LeveeError
from tasks.model.policy import Policy
from tasks.optimise_search import Ground, Paths, Search, search

ACTIVE = "ACTIVE"
CHOSEN, UNBOUND, CHEAPEST = "CHOSEN", "CHOSEN IN STAGES", "CHEAPEST"
JUDGED_FROM = {"BTC": date(2014, 3, 1), "ETH": date(2018, 7, 1)}  # before, a house would have had too few moves
_ONE_DAY = timedelta(days=1)


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
    base: Policy
    last: date
    splits: Mapping[str, date]  # first day of the second half, by coin
    trials: Mapping[str, Trial]
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
        return len(self.trials)

    def frontier(self, half: int) -> tuple[str, ...]:
        """Efficient candidates of the first (0) or second half (1)."""
        firsts = {name: each.first for name, each in self.trials.items()}
        return non_dominated(self.seconds if half else firsts)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return optimise_report.told(self)

    def evidence(self) -> list[dict[str, Any]]:
        """What a proposal of each chosen policy rests on."""
        return [optimise_report.evidence(self, name, content) for _, name, content in self.proposals()]

    def proposals(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Stem of its files, name and content of each policy that was chosen instead of the active one, each once."""
        choice = self.choice
        named = {choice.cheapest: "cheapest", choice.unbound: "policy-in-stages", choice.chosen: "policy"}
        for name, stem in named.items():
            if name not in (None, choice.active):
                yield stem, str(name), self._content(str(name), f"FRONTIER-{self.last}-{_SUFFIXES[stem]}".rstrip("-"))

    def _content(self, name: str, policy_id: str) -> dict[str, Any]:
        header = {"policy_id": policy_id, "effective_date": self.request.effective_date or self.last + _ONE_DAY}
        found = dict(self.trials[name].candidate.content) | header
        policy_file.parse(found, policy_id)
        return found


_SUFFIXES = {"policy": "", "policy-in-stages": "IN-STAGES", "cheapest": "CHEAPEST"}


def optimise(request: Request, market_data: Path) -> Optimised:
    """Search, choose and judge.

    Raises LeveeError USAGE for days that cannot be halved, UNKNOWN_ID for a coin without history, DeliveryError WAITING
    or SCHEMA_DRIFT for data that are not there or have another form, PolicyError PARAM_STATE where the file is none.
    """
    content = tomllib.loads(request.policy.read_text(encoding="utf-8"))
    rails, grid = policy_proposal.terms().rails, axes(request.coins)
    opening = policy_file.parse(content, "the active policy")
    history = back_test_history.history_of(market_data, request.coins, sorted(set(opening.stress.anchors)))
    longest = max(house_periods(request.coins, opening).values())
    last = min(request.last or date.max, history.span[1] - longest * _ONE_DAY)
    ground = _ground(back_test_history.joint(history.closes), request, last)
    found = search(ground, content, grid, rails, active_name(content, grid))
    old, new = _rivals(ground, opening)
    rule = PromotionRule(policies_tried=len(found.trials))
    return Optimised(
        request,
        opening,
        last,
        ground.splits,
        found.trials,
        found.choice,
        tuple(found.refused),
        found.seconds,
        {name: (figures(old[name], TARGET), figures(new[name], TARGET)) for name in new},
        standings(league({**_named(found), **new}, ACTIVE, TARGET), rule, (OUTRIGHT,)),
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
    """Page, csv, JSON, and of each chosen policy its file and what it rests on; returns their paths by name."""
    contents = optimise_report.files(found)
    for stem, name, content in found.proposals():
        remark = f"{optimise_report.reason(found, name)}\nNot in force."
        contents[f"{stem}.toml"] = policy_toml.text(content, remark).encode()
        contents[f"{stem}.json"] = canonical_json(optimise_report.evidence(found, name, content))
    for name, body in contents.items():
        write_atomically(folder / name, body)
    return {name: folder / name for name in contents}


def _ground(closes: Closes, request: Request, last: date) -> Ground:
    held = tuple(each for each in static_portfolios(request.coins) if each.product == OUTRIGHT)
    firsts = {coin: _first(closes, coin, request.first) for coin in sorted(request.coins)}
    return Ground(closes, held, firsts, {coin: split_day(first, last) for coin, first in firsts.items()}, last)


def _rivals(ground: Ground, opening: Policy) -> tuple[Mapping[str, Paths], Mapping[str, Paths]]:
    """First and second halves of every challenger."""
    early = from_early_days(opening)
    every = {
        name: ground.judged(model(ground.closes, early, ground.held, *ground.span))
        for name, model in challengers().items()
    }
    firsts, seconds = ({name: cut(each) for name, each in every.items()} for cut in (ground.first, ground.second))
    return firsts, seconds


def _first(closes: Closes, coin: str, asked: date | None) -> date:
    """First day a coin is judged on."""
    close = closes.close[closes.underlyings.index(coin)]
    begins: date = closes.dates[int(np.flatnonzero(np.isfinite(close))[0])].astype(object)
    return max(asked or JUDGED_FROM.get(coin, begins), begins)


def _named(found: Search) -> dict[str, Paths]:
    """Second halves of the active policy and the chosen ones; one that is another already stands under its name."""
    choice = found.choice
    names = {choice.cheapest: CHEAPEST, choice.unbound: UNBOUND, choice.chosen: CHOSEN, choice.active: ACTIVE}
    return {label: found.second(name) for name, label in names.items() if name is not None}
