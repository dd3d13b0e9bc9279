"""Initial margin of a book, from frames to frames: the one call of the margin stage (METHODOLOGY 3 to 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Closes, ScenarioSet
from tasks.model.margin import liquidity, options, requirement
from tasks.model.margin.add_ons import add_on_lines
from tasks.model.margin.depeg import stablecoin_depeg
from tasks.model.margin.portfolio import ACCOUNT, KEY, Book, build_book, floats
from tasks.model.margin.requirement import BaseMargin
from tasks.model.margin.tails import Readings, ScenarioSets, Tails, readings, scenario_sets
from tasks.model.market.returns import joint_closes
from tasks.model.policy import Policy
from tasks.model.pricing.revaluation import sensitivities
from tasks.model.risk.scenarios import present_volatility

WHOLE = "ALL"
_KEY_SCHEMA = dict.fromkeys(KEY, pl.String())
_SCENARIO_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "scenario_set": pl.String,
    "scenario_index": pl.Int32,
    "scenario_id": pl.String,
    "start_date": pl.Date,
    "underlying": pl.String,
    "horizon_days": pl.Int32,
    "spot_return": pl.Float64,
    "scale_factor": pl.Float64,
    "vol_score": pl.Float64,
    "quality": pl.String,
}
_SET_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "account_type": pl.String,
    "scenario_set": pl.String,
    "underlying": pl.String,
    "horizon_days": pl.Int32,
    "scenarios": pl.Int32,
    "proxied": pl.Int32,
    "dropped": pl.Int32,
}
_RISK_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **_KEY_SCHEMA,
    "underlying": pl.String,
    "filtered_es_usd": pl.Float64,
    "stressed_es_usd": pl.Float64,
    "blended_es_usd": pl.Float64,
    "grid_loss_usd": pl.Float64,
    "worst_filtered_scenario_id": pl.String,
    "worst_stressed_scenario_id": pl.String,
    "worst_grid_scenario_id": pl.String,
}
_POSITION_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **_KEY_SCHEMA,
    "contract_id": pl.String,
    "option_value_usd": pl.Decimal(20, 2),
    "delta": pl.Float64,
    "gamma": pl.Float64,
    "vega_usd": pl.Float64,
    "smile": pl.String,
    "fixing": pl.String,
}


@dataclass(frozen=True)
class MarginInputs:
    """Frames of the margin stage.

    positions: see portfolio.build_book. accounts: as there, and gap_days (days without a settlement window of the
    asset calls are due in, beyond the usual one). surface: certified slices, see there too. listed: underlying of
    every contract listed, so that a scenario set does not depend on who holds what. history: underlying, date, close
    (USD), up to the business date. volumes, order_books: see liquidity.liquidity_table. balances: see
    collateral.value_collateral, after today's postings. stablecoins: the assets among them that are meant to be worth
    a dollar.
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


def initial_margin(inputs: MarginInputs, as_of: datetime, policy: Policy) -> MarginResult:
    """Requirement of every account, with the scenarios and risk figures it comes from.

    `as_of`: UTC, the cycle's own time, from which time to expiry runs. Raises ModelInputError where a position cannot
    be margined or history is short.
    """
    book = build_book(inputs.positions, inputs.accounts, inputs.surface, as_of, policy)
    sets = _scenario_sets(book, inputs, as_of, policy)
    market = _liquidity_table(sets, inputs, as_of, policy)
    read = readings(book, sets, policy)
    base = requirement.base_margin(book, read.whole, policy)
    lines = _lines(book, base, read, market, inputs, policy)
    values = [options.option_value(row) for row in book.positions.iter_rows(named=True)]
    return MarginResult(
        scenario=_scenario_table(sets),
        scenario_set=_scenario_set_table(sets),
        liquidity=market,
        portfolio_risk=_risk_table(book, read.whole, base),
        requirement=requirement.requirement_table(book, lines, policy),
        portfolio=requirement.portfolio_table(book, lines, _net_option_value(book, values), policy),
        position_risk=_position_table(book, values),
    )


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


def _lines(
    book: Book, base: BaseMargin, read: Readings, market: pl.DataFrame, inputs: MarginInputs, policy: Policy
) -> list[tuple[requirement.Line, ...]]:
    lasting = requirement.base_margin(book, read.lasting, policy)
    cost = liquidity.close_out(book, base.row_blended, market, policy)
    depeg = stablecoin_depeg(book, inputs.balances, inputs.stablecoins, policy)
    gaps = {row[:2]: row[2] for row in inputs.accounts.select(*ACCOUNT, "gap_days").iter_rows()}
    add_ons = add_on_lines(book, base, lasting, read.repaired, cost, depeg, gaps, policy)
    live = book.positions.filter(~pl.col("expired"))
    return requirement.requirement_lines(book, base, add_ons, options.short_option_minimum(live, policy), policy)


def _net_option_value(book: Book, values: list[Decimal]) -> dict[int, Decimal]:
    net: dict[int, Decimal] = {}
    for portfolio, value in zip(book.positions["portfolio"], values, strict=True):
        net[portfolio] = money.total([net.get(portfolio, Decimal("0.00")), value])
    return net


def _scenario_table(sets: list[ScenarioSets]) -> pl.DataFrame:
    """Rows of result.scenario; what account types share stands once."""
    rows = [
        row for each in sets for scenario_set in (each.filtered, each.stressed) for row in _scenario_rows(scenario_set)
    ]
    return pl.DataFrame(rows, schema=_SCENARIO_SCHEMA, orient="row").unique(maintain_order=True)


def _scenario_rows(scenario_set: ScenarioSet) -> Iterator[tuple[Any, ...]]:
    dates = scenario_set.start_dates.astype("datetime64[D]").astype(object).tolist()
    for u, underlying in enumerate(scenario_set.underlyings):
        for i, name in enumerate(scenario_set.ids):
            yield (
                scenario_set.name,
                i,
                name,
                dates[i],
                underlying,
                int(scenario_set.horizon_days[u]),
                float(scenario_set.spot_return[u, i]),
                float(scenario_set.scale_factor[u, i]),
                float(scenario_set.vol_score[i]),
                "PROXY" if scenario_set.proxied[u, i] else "OK",
            )


def _scenario_set_table(sets: list[ScenarioSets]) -> pl.DataFrame:
    rows = [
        (
            account_type,
            each.name,
            underlying,
            int(each.horizon_days[u]),
            len(each.ids),
            int(each.proxied[u].sum()),
            each.dropped,
        )
        for shared in sets
        for account_type in shared.account_types
        for each in (shared.filtered, shared.stressed)
        for u, underlying in enumerate(each.underlyings)
    ]
    return pl.DataFrame(rows, schema=_SET_SCHEMA, orient="row")


def _risk_table(book: Book, losses: Tails, base: BaseMargin) -> pl.DataFrame:
    """Rows of result.portfolio_risk: each product group, then the whole of each portfolio that holds a live one."""
    keys = list(book.portfolios.select(KEY).iter_rows())
    groups = [
        (
            *keys[p],
            book.contracts.underlyings[u],
            losses.row_filtered.loss[r],
            losses.row_stressed.loss[r],
            base.row_blended[r],
            losses.row_grid.loss[r],
            str(losses.row_filtered.worst_id[r]),
            str(losses.row_stressed.worst_id[r]),
            str(losses.row_grid.worst_id[r]),
        )
        for r, (p, u) in enumerate(zip(book.row_portfolio, book.row_underlying, strict=True))
    ]
    whole = [
        (
            *keys[p],
            WHOLE,
            losses.filtered.loss[p],
            losses.stressed.loss[p],
            base.blended[p],
            base.grid[p],
            str(losses.filtered.worst_id[p]),
            str(losses.stressed.worst_id[p]),
            str(base.worst_grid_id[p]),
        )
        for p in np.unique(book.row_portfolio)
    ]
    return pl.DataFrame(groups + whole, schema=_RISK_SCHEMA, orient="row").sort(*KEY, "underlying")


def _position_table(book: Book, values: list[Decimal]) -> pl.DataFrame:
    """Rows of result.position_risk: every open position, an expired one without sensitivities."""
    unit = sensitivities(book.contracts)
    place = {name: index for index, name in enumerate(book.contracts.ids)}
    rows = []
    for row, value in zip(book.positions.iter_rows(named=True), values, strict=True):
        index = None if row["expired"] else place[row["contract_id"]]
        # Adding zero turns the negative zero of a short position's nothing into zero.
        figures = [0.0 if index is None else float(row["quantity"]) * float(each[index]) + 0.0 for each in unit]
        words = (None, None) if index is None else (_smile_word(book, index), _fixing_word(book, index))
        rows.append((*(row[name] for name in KEY), row["contract_id"], value, *figures, *words))
    return pl.DataFrame(rows, schema=_POSITION_SCHEMA, orient="row")


def _smile_word(book: Book, index: int) -> str | None:
    if not book.contracts.is_option[index]:
        return None
    return "SURFACE" if book.has_smile[book.contracts.slice_of[index]] else "FLAT"


def _fixing_word(book: Book, index: int) -> str | None:
    return "PROXY" if book.is_averaging[index] else None
