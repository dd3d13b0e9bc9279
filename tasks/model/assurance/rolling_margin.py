"""The house's margin rate of static portfolios on every day of a span, from data up to the day: no look-ahead.

    rate = (BASE_MARGIN + CORRELATION_BREAK)·(1 + b)

as the margin room computes them of a portfolio at a size the market does not feel, b being the share of the APC buffer
where the policy has one. The values of a policy are applied to every day, also before its effective date, with rolling
look-backs. Reference: METHODOLOGY 5 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from tasks.model.arrays import Closes, Ints
from tasks.model.assurance.rate_path import Forecast, RatePath, rate_path
from tasks.model.assurance.rolling_rates import Rates, RollingTails, margin_rates
from tasks.model.assurance.rolling_tails import Cut, SpanTails, StaticRows, drawn_tails, static_rows, stressed_tails
from tasks.model.assurance.static_portfolio import OUTRIGHT, Leg, StaticPortfolio
from tasks.model.errors import Finding, ModelInputError
from tasks.model.policy import Policy
from tasks.model.risk.scenarios import FILTERED, LONG_RUN, STRESSED, filtered_history, long_run_history

HOUSE_MODEL = "HOUSE"
EARLY_SCENARIOS = 100  # the least a policy may require
_Found = TypeVar("_Found")


def roll(
    closes: Closes,
    policy: Policy,
    portfolios: Sequence[StaticPortfolio],
    first: np.datetime64,
    last: np.datetime64,
) -> tuple[RatePath, ...]:
    """Path of each portfolio under the house model, in the order asked for. See `roll_policies`."""
    return roll_policies(closes, [policy], portfolios, first, last)[0]


def roll_policies(
    closes: Closes,
    policies: Sequence[Policy],
    portfolios: Sequence[StaticPortfolio],
    first: np.datetime64,
    last: np.datetime64,
) -> tuple[tuple[RatePath, ...], ...]:
    """Paths by policy and portfolio; see `rolled`."""
    return tuple(rolled(closes, policies, portfolios, first, last))


def rolled(
    closes: Closes,
    policies: Sequence[Policy],
    portfolios: Sequence[StaticPortfolio],
    first: np.datetime64,
    last: np.datetime64,
) -> Iterator[tuple[RatePath, ...]]:
    """Paths of one policy after the other; those that draw the same scenarios share them and what is read off them.

    closes: daily ones of the portfolios' underlyings and the policies' anchors, beyond `last` where losses of the last
    days are to be known. A portfolio's scenarios are those of a house that lists its underlyings and no other. Days on
    which the policy has no margin for want of history are NaN. The rate of a day does not depend on `first` or `last`.
    Raises ModelInputError HISTORY_SHORT where a portfolio's underlying has no closes or the span lies outside of them.
    """
    _require_closes(closes, portfolios, first, last)
    start = int((first - closes.dates[0]).astype(int))
    shared = _Shared(closes, tuple(policies), start, start + int((last - first).astype(int)))
    groups: dict[tuple[str, ...], list[StaticPortfolio]] = {}
    for each in portfolios:
        groups.setdefault(each.underlyings, []).append(each)
    for policy in policies:
        yield _of_policy(shared, policy, portfolios, groups)


def from_early_days(policy: Policy) -> Policy:
    """The policy where its scenarios grow from few: a history that starts with a market does not fill a look-back."""
    least = min(EARLY_SCENARIOS, policy.base_margin.minimum_scenarios)
    return replace(policy, base_margin=replace(policy.base_margin, minimum_scenarios=least))


def house_periods(names: Iterable[str], policy: Policy) -> dict[str, int]:
    """Liquidation period in days of each underlying in the house's own account, sorted by name."""
    table = policy.base_margin.liquidation_period_days.house
    return {name: int(table[name]) for name in sorted(names)}


@dataclass(frozen=True)
class _Shared:
    """A span of the closes, and what several policies read off it."""

    closes: Closes
    policies: tuple[Policy, ...]  # all that are asked for
    first: int  # position of the first day rates are asked of
    last: int
    found: dict[object, Any] = field(default_factory=dict)

    def once(self, key: object, make: Callable[[], _Found]) -> _Found:
        """What was made under the key before, or is now."""
        if key not in self.found:
            self.found[key] = make()
        made: _Found = self.found[key]
        return made

    def alike(self, drawing: object, periods: dict[str, int]) -> Sequence[Policy]:
        """Policies that draw what a `_drawing` tells of."""
        groups = self.once(("drawings", *periods), lambda: _grouped(self.policies, tuple(periods)))
        return groups[drawing]


def _of_policy(
    shared: _Shared,
    policy: Policy,
    portfolios: Sequence[StaticPortfolio],
    groups: dict[tuple[str, ...], list[StaticPortfolio]],
) -> tuple[RatePath, ...]:
    found = {path.portfolio: path for held in groups.values() for path in _paths(shared, policy, held)}
    return tuple(found[each] for each in portfolios)


def _paths(shared: _Shared, policy: Policy, asked: list[StaticPortfolio]) -> list[RatePath]:
    """Paths of portfolios in the same underlyings."""
    names, buffered = asked[0].underlyings, policy.apc_buffer.mode == "on"
    held = (*asked, *_references(names)) if buffered else tuple(asked)
    start = 0 if buffered else shared.first
    days, rows = np.arange(start, shared.last + 1), static_rows(held)
    tails = _tails(shared, policy, held, rows, days)
    rates = margin_rates(rows, tails, policy)
    return [_path(shared, policy, p, each, tails.filtered, rates) for p, each in enumerate(asked)]


def _path(
    shared: _Shared, policy: Policy, p: int, portfolio: StaticPortfolio, tails: SpanTails, rates: Rates
) -> RatePath:
    days = shared.last + 1 - shared.first
    confidence = policy.base_margin.confidence_filtered_fraction
    return replace(
        _lost(shared, portfolio, house_periods(portfolio.underlyings, policy)),
        rate=rates.rate[-days:, p],
        buffer=rates.buffer[-days:, p],
        full_buffer=policy.apc_buffer.fraction if policy.apc_buffer.mode == "on" else 0.0,
        forecast=Forecast(tails.value_at_risk[-days:, p], tails.portfolio[-days:, p], confidence),
    )


def _lost(shared: _Shared, portfolio: StaticPortfolio, periods: dict[str, int]) -> RatePath:
    """Path without a margin: what is lost and how volatile it is under any policy of these periods."""
    span = slice(shared.first, shared.last + 1)
    none = np.full(shared.last + 1 - shared.first, np.nan)
    return shared.once(
        (portfolio, tuple(periods.items())),
        lambda: rate_path(portfolio, HOUSE_MODEL, shared.closes, periods, span, none),
    )


def _tails(
    shared: _Shared, policy: Policy, held: tuple[StaticPortfolio, ...], rows: StaticRows, days: Ints
) -> RollingTails:
    """Tails under each scenario set; those that another policy reads too are read once."""
    base, periods = policy.base_margin, house_periods(rows.underlyings, policy)
    drawing, read = _drawing(policy, periods), (held, int(days[0]))
    alike = shared.alike(drawing, periods)
    calm, stress, shifts = (
        base.confidence_filtered_fraction,
        base.confidence_stressed_fraction,
        policy.correlation_break.shifts,
    )

    def drawn(name: str, pairings: int) -> SpanTails:
        make = filtered_history if name == FILTERED else long_run_history
        asking = [each for each in alike if name == FILTERED or each.base_margin.long_run_floor == "on"]
        found = shared.once(
            (name, drawing, read, pairings),
            lambda: drawn_tails(rows, make(shared.closes, periods, _longest(asking)), days, _cuts(asking), pairings),
        )
        return found[Cut(base.lookback_scenarios, calm)]

    stressed = shared.once(
        (STRESSED, _stressing(policy, periods), read, stress),
        lambda: stressed_tails(rows, shared.closes, periods, days, stress, policy),
    )
    return RollingTails(drawn(FILTERED, shifts), stressed, drawn(LONG_RUN, 0) if base.long_run_floor == "on" else None)


def _grouped(policies: Sequence[Policy], names: Sequence[str]) -> dict[object, list[Policy]]:
    """Policies by their `_drawing`."""
    groups: dict[object, list[Policy]] = {}
    for each in policies:
        groups.setdefault(_drawing(each, house_periods(names, each)), []).append(each)
    return groups


def _cuts(policies: Sequence[Policy]) -> list[Cut]:
    bases = [each.base_margin for each in policies]
    return list(dict.fromkeys(Cut(each.lookback_scenarios, each.confidence_filtered_fraction) for each in bases))


def _longest(policies: Sequence[Policy]) -> Policy:
    return max(policies, key=lambda each: each.base_margin.lookback_scenarios)


def _drawing(policy: Policy, periods: dict[str, int]) -> tuple[object, ...]:
    """What of a policy filtered scenarios depend on.

    Of one underlying alone a shorter look-back is the latest part of a longer one. Of several it is not where one is
    young: whether a proxy stands in for it depends on the look-back, and so do the dates that all of them have.
    """
    alike = replace(
        policy.base_margin,
        confidence_filtered_fraction=0.0,
        confidence_stressed_fraction=0.0,
        stressed_weight_fraction=0.0,
        offset_limit_fraction=0.0,
        long_run_floor="off",
        lookback_scenarios=policy.base_margin.lookback_scenarios if len(periods) > 1 else 0,
    )
    buffered = policy.apc_buffer.mode == "on"  # reads more portfolios, on all days
    return alike, tuple(periods.items()), policy.stress.anchors, policy.grid.range_fraction, buffered


def _stressing(policy: Policy, periods: dict[str, int]) -> tuple[object, ...]:
    """What of a policy stressed scenarios depend on."""
    return policy.stress, tuple(periods.items()), policy.base_margin.liquidation_period_days, policy.grid.range_fraction


def _references(names: tuple[str, ...]) -> list[StaticPortfolio]:
    """One USD of each underlying, long and short in turn: what the buffer is measured on."""
    return [StaticPortfolio(f"{name}{sign:+g}", OUTRIGHT, (Leg(name, sign),)) for name in names for sign in (1.0, -1.0)]


def _require_closes(
    closes: Closes, portfolios: Sequence[StaticPortfolio], first: np.datetime64, last: np.datetime64
) -> None:
    absent = sorted({name for each in portfolios for name in each.underlyings} - set(closes.underlyings))
    if absent:
        raise ModelInputError(
            Finding("HISTORY_SHORT", "no history of an underlying", where=" ".join(absent), action="deliver its closes")
        )
    if not closes.dates[0] <= first <= last <= closes.dates[-1]:
        raise ModelInputError(
            Finding(
                "HISTORY_SHORT",
                "the span lies outside of the closes",
                value=f"{first} to {last}",
                limit=f"{closes.dates[0]} to {closes.dates[-1]}",
                action="ask for days with closes",
            )
        )
