"""Initial margin of a book, from frames to frames: the one call of the margin stage (METHODOLOGY 3 to 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from tasks.model.arrays import Closes
from tasks.model.margin import apc, coin_collateral, liquidity, overrides
from tasks.model.margin.asked import Asked, Setting, asked
from tasks.model.margin.complete import MARGIN_NEEDS, require_complete
from tasks.model.margin.margin_inputs import MarginInputs
from tasks.model.margin.outright import outright
from tasks.model.margin.portfolio import ACCOUNT, Book, build_book, floats
from tasks.model.margin.risk_tables import position_table
from tasks.model.margin.scenario_tables import scenario_move_table, scenario_set_table, scenario_table
from tasks.model.margin.tails import ScenarioSets, scenario_sets
from tasks.model.market.returns import joint_closes
from tasks.model.policy import Policy
from tasks.model.risk.scenarios import present_volatility

__all__ = ["MarginInputs", "MarginResult", "Margined", "closes_of", "initial_margin", "margined"]

_REFERENCE_TYPE = "HOUSE"  # account type whose liquidation periods the buffer's reference portfolio has


@dataclass(frozen=True)
class MarginResult:
    """Tables of the margin stage, named as in the schema result."""

    scenario: pl.DataFrame
    scenario_move: pl.DataFrame
    scenario_set: pl.DataFrame
    liquidity: pl.DataFrame
    portfolio_risk: pl.DataFrame
    requirement: pl.DataFrame
    portfolio: pl.DataFrame
    position_risk: pl.DataFrame
    apc_buffer: pl.DataFrame
    leverage: pl.DataFrame
    liquidation_price: pl.DataFrame
    override: pl.DataFrame
    joint_collateral: pl.DataFrame
    haircut_mode: pl.DataFrame


@dataclass(frozen=True)
class Margined:
    """What is asked of every account, and what it was computed from."""

    setting: Setting
    apart: Asked  # collateral haircut beside the positions
    coins: pl.DataFrame  # result.joint_collateral
    joint: Asked | None  # of the accounts in joint mode


def initial_margin(inputs: MarginInputs, as_of: datetime, policy: Policy) -> MarginResult:
    """Requirement of every account, with the scenarios and risk figures it comes from. See `margined`."""
    found = margined(inputs, as_of, policy)
    setting, apart, joint = found.setting, found.apart, found.joint
    return MarginResult(
        scenario=scenario_table(setting.sets),
        scenario_move=scenario_move_table(setting.sets),
        scenario_set=scenario_set_table(setting.sets),
        liquidity=setting.market,
        portfolio_risk=_in_force("portfolio_risk", apart, joint),
        requirement=_in_force("requirement", apart, joint),
        portfolio=_in_force("portfolio", apart, joint),
        position_risk=position_table(apart.book, apart.option_value),
        apc_buffer=setting.buffer,
        leverage=apart.leverage,
        liquidation_price=_in_force("liquidation_price", apart, joint),
        override=setting.granted,
        joint_collateral=found.coins,
        haircut_mode=apart.portfolio.join(coin_collateral.accounts(setting), on=ACCOUNT, how="semi"),
    )


def margined(inputs: MarginInputs, as_of: datetime, policy: Policy) -> Margined:
    """What is asked of every account.

    `as_of`: UTC, the cycle's own time, from which time to expiry runs. Raises ModelInputError where a position cannot
    be margined, history is short, or an override has expired or is refused.
    """
    require_complete(inputs, MARGIN_NEEDS)
    book = build_book(inputs.positions, inputs.accounts, inputs.surface, as_of, policy)
    sets = _scenario_sets(book, inputs, as_of, policy)
    market = _liquidity_table(sets, inputs, as_of, policy)
    buffer = _buffer_table(sets, inputs, policy)
    granted = overrides.in_force(book, inputs.overrides, inputs.business_date, policy)
    setting = Setting(sets, market, buffer, granted, inputs, policy)
    apart = asked(book, setting)
    coins = coin_collateral.holdings(setting, as_of)
    return Margined(setting, apart, coins, _asked_jointly(coins, setting, as_of))


def _asked_jointly(coins: pl.DataFrame, setting: Setting, as_of: datetime) -> Asked | None:
    """What is asked of the accounts in joint mode, positions and coins together; None where there is none."""
    inputs, policy = setting.inputs, setting.policy
    accounts = coin_collateral.accounts(setting)
    if accounts.is_empty():
        return None
    positions = inputs.positions.join(accounts, on=ACCOUNT, how="semi")
    together = coin_collateral.with_coins(positions, coins)
    books = [build_book(each, accounts, inputs.surface, as_of, policy) for each in (positions, together)]
    balances = inputs.balances.join(accounts, on=ACCOUNT, how="semi")
    valued = coin_collateral.with_terms(balances, coins)
    return asked(books[0], replace(setting, inputs=replace(inputs, balances=valued)), books[1])


def _in_force(name: str, apart: Asked, joint: Asked | None) -> pl.DataFrame:
    """A table with the rows of the accounts in joint mode in place of what would be asked of them otherwise."""
    table: pl.DataFrame = getattr(apart, name)
    if joint is None:
        return table
    binding: pl.DataFrame = getattr(joint, name)
    # A joint account may have rows in one table alone: who is in joint mode is read off the portfolios.
    return pl.concat([table.join(joint.portfolio, on=ACCOUNT, how="anti"), binding])


def _buffer_table(sets: list[ScenarioSets], inputs: MarginInputs, policy: Policy) -> pl.DataFrame:
    """Rows of result.apc_buffer, of the house's scenarios or, without a house account, of the first."""
    if not sets:
        return pl.DataFrame(schema=apc.BUFFER_SCHEMA)
    reference = next((each for each in sets if _REFERENCE_TYPE in each.account_types), sets[0])
    return apc.buffer_table(outright(reference, policy), inputs.apc_buffer, policy)


def _scenario_sets(book: Book, inputs: MarginInputs, as_of: datetime, policy: Policy) -> list[ScenarioSets]:
    """Sets over every underlying held, and over those listed whose closes fill the look-back and are current."""
    account_types = tuple(inputs.accounts["account_type"].unique())
    full = set(inputs.listed["underlying"]) & _well_known(inputs.history, as_of, policy)
    held = set(inputs.listed.filter(pl.col("held"))["underlying"]) | set(book.contracts.underlyings)
    underlyings = tuple(sorted(full | held))
    if not underlyings or not account_types:
        return []
    return scenario_sets(closes_of(inputs.history, as_of), underlyings, account_types, policy)


def _well_known(history: pl.DataFrame, as_of: datetime, policy: Policy) -> set[str]:
    """Underlyings with closes for the look-back, the last one at most a day old.

    A listing that nobody holds must not take recent dates from everybody else's scenarios.
    """
    known = history.group_by("underlying").agg(closes=pl.len(), last=pl.col("date").max())
    current = pl.col("last") >= as_of.date() - timedelta(days=1)
    return set(known.filter(current & (pl.col("closes") >= policy.base_margin.lookback_scenarios))["underlying"])


def closes_of(history: pl.DataFrame, as_of: datetime) -> Closes:
    """Every series of a history on one calendar, through the day of the cycle."""
    return joint_closes(
        history["underlying"].to_list(),
        history["date"].to_numpy(),
        floats(history["close"]),
        through=np.datetime64(as_of, "D"),
    )


def _liquidity_table(sets: list[ScenarioSets], inputs: MarginInputs, as_of: datetime, policy: Policy) -> pl.DataFrame:
    """Rows of result.liquidity: every underlying that scenarios were drawn for."""
    names = sets[0].filtered.underlyings if sets else ()
    closes = closes_of(inputs.history, as_of) if names else None
    volatility = {name: present_volatility(closes, name, policy) for name in names} if closes else {}
    return liquidity.liquidity_table(volatility, inputs.volumes, inputs.order_books, policy)
