"""What is asked of the portfolios of a book: their requirement lines in order, and the tables that follow from them.

A book may be margined together with coin collateral: then the tails (base margin, correlation break, expiry) are read
off positions and coins, and every other line off the positions alone. What a coin costs to sell is its liquidity
haircut and no line of the requirement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tasks.model.arrays import Floats, Ints
from tasks.model.margin import add_ons, apc, credit, floors, leverage, lines, liquidity, options, overrides, requirement
from tasks.model.margin.charged import counting, may_be_charged
from tasks.model.margin.close_out import liquidation_table
from tasks.model.margin.collateral import value_collateral
from tasks.model.margin.depeg import stablecoin_depeg
from tasks.model.margin.lines import Line
from tasks.model.margin.margin_inputs import MarginInputs
from tasks.model.margin.portfolio import ACCOUNT, Book
from tasks.model.margin.requirement import BaseMargin
from tasks.model.margin.risk_tables import risk_table
from tasks.model.margin.tails import Readings, ScenarioSets, readings
from tasks.model.margin.wrong_way import wrong_way_line
from tasks.model.policy import Policy


@dataclass(frozen=True)
class _Exposure:
    """What a book is exposed to beside its tails: shared by the lines that ask for it."""

    delta_usd: Floats  # (entries,)
    notional: leverage.Notional
    collateral: pl.DataFrame  # valued lines
    charged: pl.DataFrame  # the same as far as lines 4 and 6 charge them
    brackets: floors.BracketFloor


@dataclass(frozen=True)
class Setting:
    """What all portfolios of a run share."""

    sets: list[ScenarioSets]
    market: pl.DataFrame  # result.liquidity
    buffer: pl.DataFrame  # result.apc_buffer
    granted: pl.DataFrame  # overrides in force
    inputs: MarginInputs
    policy: Policy


@dataclass(frozen=True)
class BindingTails:
    """Tails that bind, and the book they are read off."""

    book: Book
    base: BaseMargin
    read: Readings


@dataclass(frozen=True)
class Asked:
    """What is asked of a book's portfolios, and the figures it stands on."""

    book: Book  # positions alone
    alone: BaseMargin  # of the positions alone
    tails: BindingTails
    lines: list[Line]
    requirement: pl.DataFrame
    portfolio: pl.DataFrame
    portfolio_risk: pl.DataFrame
    leverage: pl.DataFrame
    liquidation_price: pl.DataFrame
    option_value: Ints  # (p,) cents of each position of the book


def asked(book: Book, setting: Setting, with_coins: Book | None = None) -> Asked:
    """Requirement of every portfolio of a book of positions.

    with_coins: the same portfolios with their coin collateral as further positions, where the two are margined
    together. Raises ModelInputError as `tails.readings`.
    """
    policy = setting.policy
    read = readings(book, setting.sets, policy, setting.inputs.threads)
    alone = requirement.base_margin(book, read.whole, policy)
    positions = BindingTails(book, alone, read)
    if with_coins is None:
        return _asked(positions, positions, setting)
    read = readings(with_coins, setting.sets, policy, setting.inputs.threads)
    base = requirement.base_margin(with_coins, read.whole, policy)
    return _asked(positions, BindingTails(with_coins, base, read), setting)


def _asked(positions: BindingTails, tails: BindingTails, setting: Setting) -> Asked:
    policy, book, alone = setting.policy, positions.book, positions.base
    exposure = _exposure(book, setting.inputs, policy)
    values = options.option_values(book.positions)
    if may_be_charged(exposure.collateral, setting.sets, setting.inputs.stablecoins, policy):
        exposure = replace(exposure, charged=_charged(positions, exposure, values, setting))
    every = _lines(positions, tails, exposure, setting)
    come_to = _come_to(book, every, values, exposure, policy)
    return Asked(
        book,
        alone,
        tails,
        every,
        lines.requirement_table(book, every, policy),
        requirement.portfolio_table(book, come_to),
        risk_table(tails.book, tails.read.whole, tails.base),
        leverage.leverage_table(book, exposure.notional, exposure.collateral, come_to.net_option_value),
        liquidation_table(book, come_to.total_maintenance, exposure.collateral),
        values,
    )


def _exposure(book: Book, inputs: MarginInputs, policy: Policy) -> _Exposure:
    delta_usd = leverage.entry_delta_usd(book)
    collateral = value_collateral(inputs.balances, policy)
    return _Exposure(
        delta_usd,
        leverage.delta_notional(book, delta_usd),
        collateral,
        collateral,
        floors.bracket_floor(book, delta_usd, policy),
    )


def _charged(positions: BindingTails, exposure: _Exposure, values: Ints, setting: Setting) -> pl.DataFrame:
    """Collateral as far as it counts as cover of what the positions need while none of it is charged."""
    uncharged = replace(exposure, charged=exposure.collateral.clear())
    every = _lines(positions, positions, uncharged, setting)
    come_to = _come_to(positions.book, every, values, exposure, setting.policy)
    needed = requirement.portfolio_table(positions.book, come_to)
    return counting(exposure.collateral, needed, setting.inputs.balances, setting.policy)


def _lines(positions: BindingTails, tails: BindingTails, exposure: _Exposure, setting: Setting) -> list[Line]:
    """Every line, in order. positions: alone; tails: what binds, with coins where they are margined together."""
    risk = _risk_lines(positions, tails, exposure, setting)
    return _policy_lines(positions, risk, exposure, setting)


def _come_to(book: Book, every: list[Line], values: Ints, exposure: _Exposure, policy: Policy) -> requirement.Totals:
    initial, option_value = lines.total(every, book.portfolios.height), _by_portfolio(book, values)
    return requirement.totals(initial, every[-1].cents, option_value, exposure.brackets.maintenance, policy)


def _risk_lines(positions: BindingTails, tails: BindingTails, exposure: _Exposure, setting: Setting) -> list[Line]:
    """Lines 1 to 8: what the portfolio itself may lose."""
    inputs, policy, book, alone = setting.inputs, setting.policy, positions.book, positions.base
    gaps = {row[:2]: row[2] for row in inputs.accounts.select(*ACCOUNT, "gap_days").iter_rows()}
    cost = liquidity.close_out(book, alone.row_blended, setting.market, policy)
    apart = exposure.charged.filter(pl.col("own_margin_usd").is_null())
    return [
        requirement.base_line(tails.base),
        add_ons.correlation_line(tails.base, tails.read.repaired, policy),
        add_ons.liquidity_line(cost),
        wrong_way_line(book, alone, setting.sets, apart, policy),
        add_ons.mark_line(book, policy),
        add_ons.depeg_line(book, stablecoin_depeg(book, exposure.charged, _steps(setting), inputs.stablecoins, policy)),
        add_ons.holiday_line(book, tails.base, gaps, policy),
        add_ons.expiry_line(tails.base, requirement.base_margin(tails.book, tails.read.lasting, policy)),
    ]


def _steps(setting: Setting) -> dict[tuple[str, str], float]:
    """Credit step of each account, a fraction."""
    return {
        (row[ACCOUNT[0]], row[ACCOUNT[1]]): credit.fraction(
            row["surveillance_level"], row["credit_score"], setting.policy.credit
        )
        for row in setting.inputs.accounts.iter_rows(named=True)
    }


def _policy_lines(positions: BindingTails, risk: list[Line], exposure: _Exposure, setting: Setting) -> list[Line]:
    """All lines: those of risk, then what policy puts on top of their sum, each on the sum of those before it."""
    book, alone, policy = positions.book, positions.base, setting.policy
    n = book.portfolios.height
    ratings = {(row[ACCOUNT[0]], row[ACCOUNT[1]]): row for row in setting.inputs.accounts.iter_rows(named=True)}
    every = [*risk, apc.buffer_line(book, alone.row_blended, lines.total(risk[:3], n), setting.buffer)]
    every.append(credit.credit_line(book, lines.total(every, n), ratings, policy))
    every.append(leverage.leverage_line(exposure.notional, lines.total(every, n), policy))
    live = book.positions.filter(~pl.col("expired"))
    shorts = options.short_option_minimum(live, n, policy)
    every.append(floors.floor_line(book, lines.total(every, n), shorts, exposure.brackets.initial, policy))
    return [*every, overrides.override_line(book, setting.granted)]


def _by_portfolio(book: Book, cents: Ints) -> Ints:
    """(n,) cents of the positions of each portfolio."""
    summed = np.zeros(book.portfolios.height, dtype=np.int64)
    np.add.at(summed, book.positions["portfolio"].to_numpy(), cents)
    return summed
