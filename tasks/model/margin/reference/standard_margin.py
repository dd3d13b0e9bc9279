"""Standard margin: each position by itself, and the options of an expiry at most what they can lose when it expires.

    options of an expiry  min(sum of isolated short margins, worst payoff + unpaired share x F x net short calls)
    futures, perpetuals   rate x notional;   collateral  haircut;   prices in doubt, a stablecoin off its peg

Expiries and underlyings add up. Long options count for nothing, so their value is part of the charge against equity
at marks. Reference: the standard managers of Derive; with an unpaired share without bound, those of Deribit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.margin.reference import contingency
from tasks.model.margin.reference.contingency import Depeg, Doubt
from tasks.model.margin.reference.holdings import (
    AccountMargin,
    Conditions,
    Holdings,
    account_margin,
    cover_sum,
    forwards,
    option_value,
)
from tasks.model.margin.reference.standard_option import ShortOption, ShortOptionRates, short_option
from tasks.model.policy import Bound
from tasks.model.pricing import payoff
from tasks.model.risk.expiries import ExpiryRows, at_expiry

_SHARE = Bound(0.0, 100.0, "share of the forward")
_RATE = Bound(0.0, 10.0, "fraction of notional")


@dataclass(frozen=True)
class SizeRates:
    """Rates on calls nothing covers at expiry, and on futures and perpetuals."""

    unpaired_initial: Annotated[float, _SHARE]
    unpaired_maintenance: Annotated[float, _SHARE]
    forward_initial: Annotated[float, _RATE]
    forward_maintenance: Annotated[float, _RATE]


@dataclass(frozen=True)
class StandardRules:
    """Figures of one underlying."""

    short_option: ShortOptionRates
    size: SizeRates
    option_doubt: Doubt
    forward_doubt: Doubt
    cover_doubt: Doubt
    depeg: Depeg


class StandardMargin(NamedTuple):
    """(n,) USD each, >= 0."""

    margin: AccountMargin
    option: ShortOption  # against equity in which options count for nothing
    option_value: Floats  # of any sign: what options are worth at their marks
    initial_only: Floats  # prices in doubt and the peg


def standard_margin(holdings: Holdings, conditions: Conditions, rules: StandardRules) -> StandardMargin:
    """Margin of each account in one underlying. Raises ModelInputError where a number is missing."""
    rows, sized, cover = holdings.expiry_rows(), forwards(holdings), holdings.cover
    option = option_margin(holdings, rows, conditions.spot, rules)
    value = option_value(holdings)
    extra = _doubts(holdings, rows, conditions, rules) + _depeg(holdings, rows, conditions, rules)
    kept = cover_sum(holdings, cover.value * cover.maintenance_haircut)
    more = cover_sum(holdings, cover.value * cover.initial_haircut)
    maintenance = option.maintenance + value + rules.size.forward_maintenance * sized.notional + kept
    initial = option.initial + value + rules.size.forward_initial * sized.notional + kept + more + extra
    return StandardMargin(account_margin(initial, maintenance), option, value, extra)


def option_margin(holdings: Holdings, rows: ExpiryRows, spot: float, rules: StandardRules) -> ShortOption:
    """(n,) margin of the options of each account, against equity in which they count for nothing."""
    contracts = holdings.contracts
    at = np.flatnonzero(contracts.is_option)
    mark, forward = np.zeros(len(contracts.ids)), np.zeros(len(contracts.slices.days))
    mark[at] = payoff.option_value_usd(contracts)[at] / contracts.multiplier[at]
    forward[contracts.slice_of[at]] = contracts.forward[at]
    by_row = expiry_margin(rows, spot, mark[rows.contract_index], forward[rows.expiry], rules)
    return ShortOption(*(rows.per_account(each, holdings.accounts) for each in by_row))


def expiry_margin(rows: ExpiryRows, spot: float, mark: Floats, forward: Floats, rules: StandardRules) -> ShortOption:
    """(r,) margin of each row of options: isolated, or what the row can lose if that is less.

    mark: (entries,) USD per underlying unit; forward: (r,) of the expiry. Raises ModelInputError NON_FINITE.
    """
    alone = isolated(rows, spot, mark, rules)
    final = at_expiry(rows)
    unpaired = final.net_short_calls * forward
    shares = (rules.size.unpaired_initial, rules.size.unpaired_maintenance)
    return ShortOption(
        *(np.minimum(each, share * unpaired - final.worst_payoff) for each, share in zip(alone, shares, strict=True))
    )


def isolated(rows: ExpiryRows, spot: float, mark: Floats, rules: StandardRules) -> ShortOption:
    """(r,) sum over the short options of each row, each by itself; no long covers a short."""
    short = np.maximum(-rows.units, 0.0)
    single = short_option(spot, rows.strike, mark, rows.is_call, rules.short_option)
    return ShortOption(*(rows.per_row(short * each) for each in single))


def _short_units(rows: ExpiryRows) -> Floats:
    return rows.per_row(np.maximum(-rows.units, 0.0))


def _doubts(holdings: Holdings, rows: ExpiryRows, conditions: Conditions, rules: StandardRules) -> Floats:
    spot, accounts, cover = conditions.spot, holdings.accounts, holdings.cover
    sure = np.minimum(conditions.expiry_confidence[rows.expiry], conditions.spot_confidence)
    options = contingency.doubt(sure, _short_units(rows) * spot, rules.option_doubt)
    sure_forward = float(np.minimum(conditions.forward_confidence, conditions.spot_confidence))
    sized = contingency.doubt(sure_forward, forwards(holdings).units * spot, rules.forward_doubt)
    sure_cover = np.minimum(cover.confidence, conditions.spot_confidence)
    held = contingency.doubt(sure_cover, cover.value, rules.cover_doubt)
    return rows.per_account(options, accounts) + sized + cover_sum(holdings, held)


def _depeg(holdings: Holdings, rows: ExpiryRows, conditions: Conditions, rules: StandardRules) -> Floats:
    share = contingency.depeg_share(conditions.quote_price, rules.depeg)
    units = rows.per_account(_short_units(rows), holdings.accounts) + forwards(holdings).units
    return np.asarray(share * conditions.spot * units)
