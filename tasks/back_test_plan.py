"""What a back-test of static portfolios is made of: slices of one policy, one portfolio and one calendar year.

A slice is named by the hash of everything its figures depend on: the model's code, the policy, the portfolio, the days
and the closes up to the last loss of them. What stands under its name need not be computed again; what is asked for in
another way (more days, coins or policies) shares the slices it has in common.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np

from tasks import back_test_history, policy_store, resources
from tasks.back_test_history import DailyHistory
from tasks.home import canonical_json
from tasks.model.assurance.rolling_margin import from_early_days, house_periods
from tasks.model.assurance.static_portfolio import StaticPortfolio, static_portfolios
from tasks.model.errors import Finding, LeveeError
from tasks.model.policy import Policy

CLOSES = "closes.parquet"
POLICIES = "policies"


@dataclass(frozen=True)
class Request:
    """What is asked: coins and days (both ends belong to them), policies by file.

    early: rates begin with few scenarios where a history begins with its market; else with the policy's own minimum.
    """

    coins: tuple[str, ...]
    first: date
    last: date
    policies: tuple[Path, ...]
    early: bool = True

    def read(self, path: Path) -> Policy:
        """A policy as it is back-tested. Raises PolicyError."""
        policy = policy_store.load(path)
        return from_early_days(policy) if self.early else policy


@dataclass(frozen=True)
class Slice:
    """Rates of one policy and portfolio from first to last."""

    key: str
    policy_hash: str
    minimum_scenarios: int
    portfolio: StaticPortfolio
    first: date
    last: date


@dataclass(frozen=True)
class Job:
    """Slices of the same days that a worker computes together. It reads and writes files of a folder alone."""

    folder: Path
    early: bool
    first: date
    last: date
    slices: tuple[Slice, ...]

    @property
    def result(self) -> Path:
        """File of what was computed."""
        name = hashlib.sha256("".join(each.key for each in self.slices).encode()).hexdigest()
        return self.folder / f"{name}.parquet"


@dataclass(frozen=True)
class Plan:
    """All slices of a request, and what they are computed from. policies: by hash, in the order asked for."""

    request: Request
    history: DailyHistory
    policies: dict[str, Policy]
    files: dict[str, Path]
    portfolios: tuple[StaticPortfolio, ...]
    slices: tuple[Slice, ...]

    def lay_out(self, folder: Path) -> None:
        """Put down what workers read."""
        self.history.closes.write_parquet(folder / CLOSES)
        (folder / POLICIES).mkdir()
        for policy_hash, path in self.files.items():
            shutil.copyfile(path, folder / POLICIES / f"{policy_hash}.toml")

    def jobs(self, folder: Path, standing: Collection[str]) -> list[Job]:
        """What is left to compute, by year and by what policies can share."""
        missing = [each for each in self.slices if each.key not in standing]
        order = sorted(missing, key=lambda each: (each.first, self._shares(each), each.policy_hash, each.portfolio))
        return [
            Job(folder, self.request.early, first, max(each.last for each in found), tuple(found))
            for (first, _), several in groupby(order, key=lambda each: (each.first, self._shares(each)))
            for found in [list(several)]
        ]

    def _shares(self, each: Slice) -> str:
        """Policies with these values alike draw the same filtered scenarios, which is most of the work."""
        base = self.policies[each.policy_hash].base_margin
        return f"{base.half_life_days} {base.scaling} {base.lookback_scenarios}"


def plan(request: Request, market_data: Path) -> Plan:
    """The slices of a request. Raises LeveeError USAGE, UNKNOWN_ID, DeliveryError and PolicyError."""
    if request.first > request.last or not request.policies:
        raise LeveeError(
            Finding(
                "USAGE",
                "a back-test needs a policy, and days from a first to a last",
                value=f"{request.first} {request.last}",
                action="see `levee backtest --help`",
            )
        )
    found = [(request.read(path), path) for path in request.policies]
    policies = {policy.policy_hash: policy for policy, _ in found}
    files = {policy.policy_hash: path for policy, path in found}
    anchors = {anchor for policy in policies.values() for anchor in policy.stress.anchors}
    history = back_test_history.history_of(market_data, request.coins, sorted(anchors))
    _require_within(request, history)
    portfolios = static_portfolios(request.coins)
    slices = tuple(_slices(request, history, list(policies.values()), portfolios))
    return Plan(request, history, policies, files, portfolios, slices)


def _slices(
    request: Request, history: DailyHistory, policies: Sequence[Policy], portfolios: Sequence[StaticPortfolio]
) -> Iterator[Slice]:
    for policy in policies:
        for first, last in years(request, history):
            for portfolio in portfolios:
                yield _slice(history, policy, portfolio, first, last)


def years(request: Request, history: DailyHistory) -> list[tuple[date, date]]:
    """Calendar years that hold a day of the request, cut to the history: the same whatever days of them are asked."""
    first, last = history.span
    return [
        (max(first, date(year, 1, 1)), min(last, date(year, 12, 31)))
        for year in range(max(first, request.first).year, min(last, request.last).year + 1)
    ]


def _slice(history: DailyHistory, policy: Policy, portfolio: StaticPortfolio, first: date, last: date) -> Slice:
    coins = tuple(sorted({*portfolio.underlyings, *policy.stress.anchors}))
    known = last + timedelta(days=max(house_periods(portfolio.underlyings, policy).values()))
    least = policy.base_margin.minimum_scenarios
    content = {
        "model": _model_hash(),
        "policy": policy.policy_hash,
        "minimum_scenarios": least,
        "portfolio": [str(part) for leg in portfolio.legs for part in leg],
        "days": [first.isoformat(), last.isoformat()],
        "closes": history.digest(coins, known),
    }
    key = hashlib.sha256(canonical_json(content)).hexdigest()
    return Slice(key, policy.policy_hash, least, portfolio, first, last)


@cache
def _model_hash() -> str:
    """sha256 over the model's code: what else of the program changes does not change a rate."""
    return resources.tree_hash(Path(__file__).resolve().parent / "model")


def _require_within(request: Request, history: DailyHistory) -> None:
    first, last = history.span
    if request.last < first or request.first > last:
        raise LeveeError(
            Finding(
                "USAGE",
                "the days lie outside of the history",
                value=f"{request.first} to {request.last}",
                limit=f"{first} to {last}",
                action="ask for days with closes: --from, --to",
            )
        )


def day(value: date) -> np.datetime64:
    """A date as the model takes it."""
    return np.datetime64(value, "D")
