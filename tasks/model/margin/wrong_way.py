"""What positions and coin collateral lose together beyond what margin and haircuts hold against each alone.

    WRONG_WAY = fraction·max(0, B(positions + coins) − BASE_MARGIN − Σ haircuts in USD)

The coins are revalued in the scenarios of the positions, dates and all. A tail of both is never above the two tails
together, so with haircuts that cover the coin's own tail nothing is asked; it is what a haircut too small for the day
leaves open where losses fall on the same dates. Coins that no scenario moves keep their haircut. The collateral of a
gross account stands behind each client in the share of its base margin. Reference: METHODOLOGY 5, line 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Bools, Floats, Ints, ScenarioSet, require_finite
from tasks.model.margin.lines import Line, Words, line
from tasks.model.margin.outright import Outright, outright
from tasks.model.margin.portfolio import ACCOUNT, Book, floats
from tasks.model.margin.requirement import BaseMargin, blend
from tasks.model.margin.tails import ScenarioSets
from tasks.model.policy import Policy
from tasks.model.risk import profit, tail
from tasks.model.risk.joint import joint_outcome

_BLOCK = 1024  # portfolios priced at once


@dataclass(frozen=True)
class Coins:
    """Coins behind n portfolios: USD now of each of `names`, a debt below zero, and USD that haircuts hold back."""

    names: tuple[str, ...]
    worth: Floats  # (n, u)
    haircut: Floats  # (n,) >= 0


def coins_behind(book: Book, base: BaseMargin, collateral: pl.DataFrame, names: tuple[str, ...]) -> Coins:
    """Coins of the accounts, shared among their portfolios by base margin; none behind one that needs no margin.

    collateral: clearing_member_id, margin_account_id, asset, market_value_usd, post_haircut_value_usd, one row per
    account and asset. names: the coins that scenarios move.
    """
    keys = list(book.portfolios.select(ACCOUNT).iter_rows())
    accounts = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    of_account = np.array([accounts[key] for key in keys], dtype=np.int64)
    needed = np.bincount(of_account, base.amount, len(accounts))[of_account]
    share = base.amount / np.where(needed > 0.0, needed, 1.0)
    held = collateral.filter(pl.col("asset").is_in(list(names)))
    at = np.array([accounts.get(key, -1) for key in held.select(ACCOUNT).iter_rows()], dtype=np.int64)
    coin = np.array([names.index(asset) for asset in held["asset"]], dtype=np.int64)
    market, kept = floats(held["market_value_usd"]), floats(held["post_haircut_value_usd"])
    worth, haircut = np.zeros((len(accounts), len(names))), np.zeros(len(accounts))
    known = at >= 0
    np.add.at(worth, (at[known], coin[known]), market[known])
    np.add.at(haircut, at[known], (market - kept)[known])
    return Coins(names, worth[of_account] * share[:, None], haircut[of_account] * share)


def wrong_way_line(
    book: Book, base: BaseMargin, sets: list[ScenarioSets], collateral: pl.DataFrame, policy: Policy
) -> Line:
    """WRONG_WAY of each portfolio. collateral: see `coins_behind`. Raises ModelInputError NON_FINITE."""
    n = book.portfolios.height
    excess, worst = np.zeros(n), np.full(n, "", dtype="U24")
    account_type = np.array(book.portfolios["account_type"].to_list(), dtype=np.str_)
    for each in sets:
        coins = coins_behind(book, base, collateral, each.filtered.underlyings)
        asked = np.isin(account_type, each.account_types) & _may_exceed(base, coins, outright(each, policy))
        for chosen in _blocks(np.flatnonzero(asked)):
            loss, worst[chosen] = _joint_tail(book, chosen, coins.worth[chosen], each, policy)
            excess[chosen] = np.maximum(loss - base.amount[chosen] - coins.haircut[chosen], 0.0)
    amount = require_finite("wrong way", policy.wrong_way.fraction * excess)
    return line("WRONG_WAY", money.cents_up(amount), "JOINT_LOSS", worst)


def _may_exceed(base: BaseMargin, coins: Coins, reference: Outright) -> Bools:
    """(n,) whether the joint tail can exceed margin and haircuts: never where the tails apart do not."""
    alone = np.where(coins.worth >= 0.0, coins.worth * reference.long, -coins.worth * reference.short).sum(axis=1)
    return np.asarray((coins.worth != 0.0).any(axis=1) & (base.blended + alone > base.amount + coins.haircut))


def _joint_tail(
    book: Book, portfolios: Ints, coin_usd: Floats, sets: ScenarioSets, policy: Policy
) -> tuple[Floats, Words]:
    """(k,) blended expected shortfall of some portfolios with their coins, and the heavier part's worst scenario."""
    rule = policy.base_margin
    calm = _tail(book, portfolios, coin_usd, sets.filtered, rule.confidence_filtered_fraction, policy)
    stress = _tail(book, portfolios, coin_usd, sets.stressed, rule.confidence_stressed_fraction, policy)
    weight = rule.stressed_weight_fraction
    heavier = (1.0 - weight) * calm[0] >= weight * stress[0]
    return blend(calm[0], stress[0], weight), np.where(heavier, calm[1], stress[1])


def _tail(
    book: Book, portfolios: Ints, coin_usd: Floats, scenario_set: ScenarioSet, confidence: float, policy: Policy
) -> tuple[Floats, Words]:
    pnl = _portfolio_pnl(book, portfolios, profit.unit_pnl(book.contracts, scenario_set, policy))
    after = joint_outcome(pnl, coin_usd, np.exp(scenario_set.spot_return))
    losses = coin_usd.sum(axis=1)[:, None] - after.equity
    return tail.expected_shortfall(losses, confidence), np.array(scenario_set.ids)[tail.worst(losses)]


def _portfolio_pnl(book: Book, portfolios: Ints, unit_pnl: Floats) -> Floats:
    """(k, n_scenarios) USD of some portfolios, ascending: a portfolio's rows stand side by side."""
    first = book.pointer[np.searchsorted(book.row_portfolio, portfolios, side="left")]
    counts = book.pointer[np.searchsorted(book.row_portfolio, portfolios, side="right")] - first
    pointer = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    entries = np.arange(pointer[-1]) + np.repeat(first - pointer[:-1], counts)
    return profit.portfolio_pnl(pointer, book.contract_index[entries], book.quantity[entries], unit_pnl)


def _blocks(portfolios: Ints) -> Iterator[Ints]:
    for start in range(0, len(portfolios), _BLOCK):
        yield portfolios[start : start + _BLOCK]
