"""Coin collateral that is margined together with the positions: accounts in joint mode (METHODOLOGY 6).

A coin of quantity q enters its account's portfolio as a position that gains q·(p' − p), and a coin that is owed as one
that loses it. It enters whole: what it offsets is not limited by the caps, which limit what it covers. It counts at
(1 − liquidity haircut), and at no market haircut, for its price moves in the portfolio.

*Own margin* is the most that one USD of the coin can add to what is asked of the account:

    own = [(b_long + κ·(ES_long + b_short))·(1 + buffer) + b_long·gap]·(1 + credit step)

b is base margin of the coin alone, long or short, ES its filtered shortfall, gap the account's factor for closed days.
Base margin is sub-additive, so a coin adds at most b_long to it and, by hedging what is short, takes at most b_short
from the figure that correlation break compares with. Two things follow. A coin enters only where own is no more than
it counts for: otherwise it would ask for more than it brings. And the caps leave it room for its own margin besides
their share of the requirement of the positions alone: then more of a coin never raises a call, caps or no caps
(docs/decisions). Everything else, and every coin of a gross account, whose coins belong to no client, is haircut.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.margin import credit, requirement
from tasks.model.margin.asked import Setting
from tasks.model.margin.collateral import haircut_in_force
from tasks.model.margin.haircut import FRACTION_UNIT
from tasks.model.margin.portfolio import ACCOUNT, GROSS, Book, build_book
from tasks.model.margin.tails import readings
from tasks.model.policy import Policy

PREFIX = "COLLATERAL:"
_ONE = Decimal(1)
_QUANTITY_UNIT = Decimal("1e-8")
_FRACTION = pl.Decimal(9, 6)
JOINT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(ACCOUNT, pl.String),
    "asset": pl.String,
    "quantity": pl.Decimal(38, 18),
    "index_price_usd": pl.Decimal(28, 10),
    "liquidity_haircut_fraction": _FRACTION,
    "own_margin_fraction": _FRACTION,
}


class UnitMargin(NamedTuple):
    """Fraction of its value that one coin alone needs, >= 0."""

    long: float  # base margin of the coin held
    short: float  # and of the coin owed
    filtered: float  # filtered expected shortfall of the coin held


def accounts(setting: Setting) -> pl.DataFrame:
    """Accounts in joint mode, with their columns: those that ask for it and are one portfolio."""
    asking = setting.inputs.accounts.join(setting.inputs.joint_accounts, on=ACCOUNT, how="semi")
    return asking.filter(pl.col("account_type") != GROSS)


def holdings(setting: Setting, as_of: datetime) -> pl.DataFrame:
    """Rows of result.joint_collateral: every coin that enters, and at quantity 0 every one that would if it came.

    Raises ModelInputError as `tails.readings`.
    """
    owners, known = accounts(setting), set(setting.sets[0].filtered.underlyings if setting.sets else ())
    prices = {name: price for name, price in setting.inputs.coins.iter_rows() if name in known and price}
    if owners.is_empty() or not prices:
        return pl.DataFrame(schema=JOINT_SCHEMA)
    units = _unit_margins(owners, prices, setting, as_of)
    held = {
        (row[ACCOUNT[0]], row[ACCOUNT[1]], row["asset"]): row for row in setting.inputs.balances.iter_rows(named=True)
    }
    rows = []
    for owner in owners.sort(ACCOUNT).iter_rows(named=True):
        for asset, price in sorted(prices.items()):
            own = own_fraction(units[owner["account_type"], asset], owner, setting)
            liquidity = liquidity_haircut(asset, setting.policy)
            key = (owner[ACCOUNT[0]], owner[ACCOUNT[1]], asset)
            if _enters(asset, own + liquidity, held.get(key), setting.policy):
                quantity = held[key]["quantity"] if key in held else Decimal(0)
                rows.append((*key, quantity, price, liquidity, own))
    return pl.DataFrame(rows, schema=JOINT_SCHEMA, orient="row")


def with_coins(positions: pl.DataFrame, coins: pl.DataFrame) -> pl.DataFrame:
    """Positions and coins: a coin is a perpetual of one coin at the index, paid in USD.

    Coins of an account that holds no live position and owes no coin stay out: nothing is asked of it.
    """
    concerned = pl.concat(
        [
            positions.filter(~pl.col("expired")).select(ACCOUNT),
            coins.filter(pl.col("quantity") < 0).select(ACCOUNT),
        ]
    ).unique()
    entering = coins.filter(pl.col("quantity") != 0).join(concerned, on=ACCOUNT, how="semi")
    rows = [_as_position(row) for row in entering.iter_rows(named=True)]
    return pl.concat([positions, pl.DataFrame(rows, schema=dict(positions.schema))])


def with_terms(balances: pl.DataFrame, coins: pl.DataFrame) -> pl.DataFrame:
    """Balances with the terms of the coins that are margined with the positions, empty for every other one."""
    keys = [*ACCOUNT, "asset"]
    return balances.join(coins.drop("quantity"), on=keys, how="left")


def own_fraction(unit: UnitMargin, owner: Mapping[str, Any], setting: Setting) -> Decimal:
    """Most that a USD of a coin adds to the requirement of an account, six digits rounded up.

    owner: gap_days, surveillance_level, credit_score of the account.
    """
    policy = setting.policy
    periods = policy.base_margin.liquidation_period_days.of(owner["account_type"])
    days = min(max(owner["gap_days"], 0), policy.holiday_gap.largest_gap_days)
    gap = float(np.sqrt(1.0 + days / min(periods.values())) - 1.0)
    step = credit.fraction(owner["surveillance_level"], owner["credit_score"], policy.credit)
    buffer = max([0.0, *setting.buffer["buffer_fraction"]])
    paired = unit.long + policy.correlation_break.fraction * (unit.filtered + unit.short)
    return money.round_up((paired * (1.0 + buffer) + unit.long * gap) * (1.0 + step), FRACTION_UNIT)


def liquidity_haircut(asset: str, policy: Policy) -> Decimal:
    """Fraction taken off a coin that is margined with the positions."""
    return money.round_up(policy.collateral.liquidity_haircut_fraction[asset], FRACTION_UNIT)


def _enters(asset: str, taken: Decimal, held: Mapping[str, Any] | None, policy: Policy) -> bool:
    """Whether a coin is worth more than it asks for, in the dearest tier too, and may be posted by its holder."""
    tiers = policy.collateral.tiers
    largest = money.exact(max(tiers.added_fraction)) if asset in tiers.assets else Decimal(0)
    permitted = held is None or haircut_in_force(held)[0] < _ONE
    return permitted and policy.collateral.haircut_fraction[asset] < 1.0 and taken + largest <= _ONE


def _unit_margins(
    owners: pl.DataFrame, prices: Mapping[str, Decimal], setting: Setting, as_of: datetime
) -> dict[tuple[str, str], UnitMargin]:
    """Margin of each coin alone, by account type and coin: a book of one coin long and one short each."""
    kinds = owners["account_type"].unique().sort().to_list()
    sides = [(kind, asset, side) for kind in kinds for asset in sorted(prices) for side in (1, -1)]
    key = [(f"{kind}{side}", asset, kind) for kind, asset, side in sides]
    portfolios = pl.DataFrame(key, schema=[*ACCOUNT, "account_type"], orient="row")
    coins = pl.DataFrame(
        [
            (*name[:2], asset, Decimal(side), prices[asset], None, None)
            for name, (_, asset, side) in zip(key, sides, strict=True)
        ],
        schema=JOINT_SCHEMA,
        orient="row",
    )
    rows = [_as_position(row) for row in coins.iter_rows(named=True)]
    positions = pl.DataFrame(rows, schema=dict(setting.inputs.positions.schema))
    book = build_book(positions, portfolios, setting.inputs.surface, as_of, setting.policy)
    return _read_units(book, prices, setting)


def _read_units(book: Book, prices: Mapping[str, Decimal], setting: Setting) -> dict[tuple[str, str], UnitMargin]:
    read = readings(book, setting.sets, setting.policy)
    base = requirement.base_margin(book, read.whole, setting.policy)
    found: dict[tuple[str, str], dict[str, float]] = {}
    for p, (side, asset, kind) in enumerate(book.portfolios.select(*ACCOUNT, "account_type").iter_rows()):
        price, word = float(prices[asset]), "short" if side.endswith("-1") else "long"
        unit = found.setdefault((kind, asset), {})
        unit[word] = float(max(base.amount[p], base.blended[p], 0.0)) / price
        if word == "long":
            unit["filtered"] = max(float(read.whole.filtered.loss[p]), 0.0) / price
    return {name: UnitMargin(**unit) for name, unit in found.items()}


def _as_position(coin: Mapping[str, Any]) -> dict[str, Any]:
    price = coin["index_price_usd"]
    return {
        **{name: coin[name] for name in ACCOUNT},
        "client_id": "",
        "contract_id": PREFIX + coin["asset"],
        "quantity": money.round_half_even(coin["quantity"], _QUANTITY_UNIT),
        "kind": "PERP",
        "payoff": "LINEAR",
        "underlying": coin["asset"],
        "multiplier": _ONE,
        "expired": False,
        "settle_asset": "USD",
        "settlement_price": price,
        "index_price": price,
        "forward_price": price,
        "settle_asset_price": _ONE,
        "mark_uncertainty_usd": 0.0,
    }
