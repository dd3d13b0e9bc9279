"""Initial margin of a book, from frames to frames: the one call of the margin stage (METHODOLOGY 3 to 5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from tasks.model.arrays import Closes, Floats, Ints
from tasks.model.margin import add_ons, apc, floors, leverage, lines, liquidity, options, overrides, requirement
from tasks.model.margin.close_out import liquidation_table
from tasks.model.margin.collateral import value_collateral
from tasks.model.margin.credit import credit_line
from tasks.model.margin.depeg import stablecoin_depeg
from tasks.model.margin.lines import Line
from tasks.model.margin.outright import outright
from tasks.model.margin.portfolio import ACCOUNT, Book, build_book, floats
from tasks.model.margin.requirement import BaseMargin
from tasks.model.margin.risk_tables import position_table, risk_table
from tasks.model.margin.scenario_tables import scenario_set_table, scenario_table
from tasks.model.margin.tails import Readings, ScenarioSets, readings, scenario_sets
from tasks.model.margin.wrong_way import wrong_way_line
from tasks.model.market.returns import joint_closes
from tasks.model.policy import Policy
from tasks.model.risk.scenarios import present_volatility

_REFERENCE_TYPE = "HOUSE"  # account type whose liquidation periods the buffer's reference portfolio has


@dataclass(frozen=True)
class MarginInputs:
    """Frames of the margin stage.

    positions: see portfolio.build_book. accounts: as there, and gap_days (days without a settlement window of the
    asset calls are due in, beyond the usual one). surface: certified slices, see there too. listed: underlying of
    every contract listed, so that a scenario set does not depend on who holds what. history: underlying, date, close
    (USD), up to the business date. volumes, order_books: see liquidity.liquidity_table. balances: see
    collateral.value_collateral, after today's postings. stablecoins: the assets among them that are meant to be worth
    a dollar.
    Of an account also surveillance_level and credit_score of its member, null where not known. apc_buffer: the rows of
    the cycle before, see apc.buffer_table. overrides: see overrides.in_force.
    """

    positions: pl.DataFrame
    accounts: pl.DataFrame
    surface: pl.DataFrame
    listed: pl.DataFrame
    history: pl.DataFrame
    volumes: pl.DataFrame
    order_books: pl.DataFrame
    balances: pl.DataFrame
    stablecoins: tuple[str, ...]
    apc_buffer: pl.DataFrame
    overrides: pl.DataFrame
    business_date: date


@dataclass(frozen=True)
class MarginResult:
    """Tables of the margin stage, named as in the schema result."""

    scenario: pl.DataFrame
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


@dataclass(frozen=True)
class _Exposure:
    """What a book is exposed to beside its tails: shared by the lines that ask for it."""

    delta_usd: Floats  # (entries,)
    notional: leverage.Notional
    collateral: pl.DataFrame  # valued lines
    brackets: floors.BracketFloor


def initial_margin(inputs: MarginInputs, as_of: datetime, policy: Policy) -> MarginResult:
    """Requirement of every account, with the scenarios and risk figures it comes from.

    `as_of`: UTC, the cycle's own time, from which time to expiry runs. Raises ModelInputError where a position cannot
    be margined, history is short, or an override has expired or is refused.
    """
    book = build_book(inputs.positions, inputs.accounts, inputs.surface, as_of, policy)
    sets = _scenario_sets(book, inputs, as_of, policy)
    market = _liquidity_table(sets, inputs, as_of, policy)
    read = readings(book, sets, policy)
    base = requirement.base_margin(book, read.whole, policy)
    buffer = _buffer_table(sets, inputs, policy)
    exposure = _exposure(book, inputs, policy)
    granted = overrides.in_force(inputs.overrides, inputs.business_date)
    risk = _risk_lines(book, base, read, sets, market, exposure, inputs, policy)
    asked = _policy_lines(book, base, risk, buffer, exposure, granted, inputs, policy)
    values = options.option_values(book.positions)
    come_to = requirement.totals(
        lines.total(asked, book.portfolios.height),
        asked[-1].cents,
        _by_portfolio(book, values),
        exposure.brackets.maintenance,
        policy,
    )
    return MarginResult(
        scenario=scenario_table(sets),
        scenario_set=scenario_set_table(sets),
        liquidity=market,
        portfolio_risk=risk_table(book, read.whole, base),
        requirement=lines.requirement_table(book, asked, policy),
        portfolio=requirement.portfolio_table(book, come_to),
        position_risk=position_table(book, values),
        apc_buffer=buffer,
        leverage=leverage.leverage_table(book, exposure.notional, exposure.collateral, come_to.net_option_value),
        liquidation_price=liquidation_table(book, come_to.total_maintenance, exposure.collateral),
        override=granted,
    )


def _exposure(book: Book, inputs: MarginInputs, policy: Policy) -> _Exposure:
    delta_usd = leverage.entry_delta_usd(book)
    return _Exposure(
        delta_usd,
        leverage.delta_notional(book, delta_usd),
        value_collateral(inputs.balances, policy),
        floors.bracket_floor(book, delta_usd, policy),
    )


def _risk_lines(
    book: Book,
    base: BaseMargin,
    read: Readings,
    sets: list[ScenarioSets],
    market: pl.DataFrame,
    exposure: _Exposure,
    inputs: MarginInputs,
    policy: Policy,
) -> list[Line]:
    """Lines 1 to 8: what the portfolio itself may lose."""
    gaps = {row[:2]: row[2] for row in inputs.accounts.select(*ACCOUNT, "gap_days").iter_rows()}
    return [
        requirement.base_line(base),
        add_ons.correlation_line(base, read.repaired, policy),
        add_ons.liquidity_line(liquidity.close_out(book, base.row_blended, market, policy)),
        wrong_way_line(book, base, sets, exposure.collateral, policy),
        add_ons.mark_line(book, policy),
        add_ons.depeg_line(book, stablecoin_depeg(book, inputs.balances, inputs.stablecoins, policy)),
        add_ons.holiday_line(book, base, gaps, policy),
        add_ons.expiry_line(base, requirement.base_margin(book, read.lasting, policy)),
    ]


def _policy_lines(
    book: Book,
    base: BaseMargin,
    risk: list[Line],
    buffer: pl.DataFrame,
    exposure: _Exposure,
    granted: pl.DataFrame,
    inputs: MarginInputs,
    policy: Policy,
) -> list[Line]:
    """All lines: those of risk, then what policy puts on top of their sum, each on the sum of those before it."""
    n = book.portfolios.height
    ratings = {(row[ACCOUNT[0]], row[ACCOUNT[1]]): row for row in inputs.accounts.iter_rows(named=True)}
    asked = [*risk, apc.buffer_line(book, base.row_blended, lines.total(risk[:3], n), buffer)]
    asked.append(credit_line(book, lines.total(asked, n), ratings, policy))
    asked.append(leverage.leverage_line(exposure.notional, lines.total(asked, n), policy))
    live = book.positions.filter(~pl.col("expired"))
    shorts = options.short_option_minimum(live, n, policy)
    asked.append(floors.floor_line(book, lines.total(asked, n), shorts, exposure.brackets.initial, policy))
    return [*asked, overrides.override_line(book, granted, policy)]


def _by_portfolio(book: Book, cents: Ints) -> Ints:
    """(n,) cents of the positions of each portfolio."""
    summed = np.zeros(book.portfolios.height, dtype=np.int64)
    np.add.at(summed, book.positions["portfolio"].to_numpy(), cents)
    return summed


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
    underlyings = tuple(sorted(full | set(book.contracts.underlyings)))
    if not underlyings or not account_types:
        return []
    return scenario_sets(_closes(inputs.history, as_of), underlyings, account_types, policy)


def _well_known(history: pl.DataFrame, as_of: datetime, policy: Policy) -> set[str]:
    """Underlyings with closes for the look-back, the last one at most a day old.

    A listing that nobody holds must not take recent dates from everybody else's scenarios.
    """
    known = history.group_by("underlying").agg(closes=pl.len(), last=pl.col("date").max())
    current = pl.col("last") >= as_of.date() - timedelta(days=1)
    return set(known.filter(current & (pl.col("closes") >= policy.base_margin.lookback_scenarios))["underlying"])


def _closes(history: pl.DataFrame, as_of: datetime) -> Closes:
    return joint_closes(
        history["underlying"].to_list(),
        history["date"].to_numpy(),
        floats(history["close"]),
        through=np.datetime64(as_of, "D"),
    )


def _liquidity_table(sets: list[ScenarioSets], inputs: MarginInputs, as_of: datetime, policy: Policy) -> pl.DataFrame:
    """Rows of result.liquidity: every underlying that scenarios were drawn for."""
    names = sets[0].filtered.underlyings if sets else ()
    closes = _closes(inputs.history, as_of) if names else None
    volatility = {name: present_volatility(closes, name, policy) for name in names} if closes else {}
    return liquidity.liquidity_table(volatility, inputs.volumes, inputs.order_books, policy)
