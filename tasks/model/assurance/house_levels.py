"""Levels of the triggers on the house's own book in one cycle: liquidity, credit, concentration, leverage.

Each is a fraction of something the policy declares or the cycle before had. A missing figure is NaN, never a quiet
level; an account with positions and no equity stands at the highest level there is. Reference: METHODOLOGY 11.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.model.arrays import Floats
from tasks.model.assurance.market_watch import HOUSE
from tasks.model.assurance.triggers import Trigger, behind
from tasks.model.margin import credit
from tasks.model.margin.risk_tables import WHOLE
from tasks.model.policy import Policy
from tasks.model.risk.liquidity import days_to_close

DELIVERED = "OK"


class Level(NamedTuple):
    """Where one trigger stands for one subject, and the figures that make it so."""

    subject: str
    trigger: str
    level: float
    numbers: str


@dataclass(frozen=True)
class HouseBook:
    """What a cycle knows of its book, every table sorted by its key.

    liquidity: rows of result.liquidity. depth: underlying, contract_id, size, size_before of every listed future and
    perpetual (of the order book near its middle, now and the cycle before, one unit; null where there is none).
    members: clearing_member_id, surveillance_level, credit_score, credit_score_before, of those with a requirement.
    risk: underlying, clearing_member_id, filtered_es_usd. delta: underlying, clearing_member_id, margin_account_id,
    delta (coins, long > 0), index_price. leverage: rows of result.leverage.
    """

    liquidity: pl.DataFrame
    depth: pl.DataFrame
    members: pl.DataFrame
    risk: pl.DataFrame
    delta: pl.DataFrame
    leverage: pl.DataFrame


def house_levels(book: HouseBook, policy: Policy, triggers: Mapping[str, Trigger]) -> list[Level]:
    """Where each trigger that this module knows stands, subject by subject."""
    return [
        *_market(book.liquidity, policy),
        *_depth(book.depth, triggers["depth_fall"].highest),
        *_ratings(book.members, policy),
        *_shares(book.risk),
        *_close_out(book, policy),
        *_leverage(book.leverage, policy, triggers["leverage"].highest),
    ]


def notional(delta: pl.DataFrame) -> dict[str, float]:
    """USD of net delta of each account, without its sign, summed by underlying; those without any are left out."""
    sums = {name: float(np.sum(np.abs(of))) for name, of in _net_delta(delta, "margin_account_id").items()}
    return {name: value for name, value in sums.items() if value > 0.0}


def _market(liquidity: pl.DataFrame, policy: Policy) -> Iterator[Level]:
    """What is delivered against what the policy declares; where nothing is delivered nothing is known."""
    for row in liquidity.iter_rows(named=True):
        name = row["underlying"]
        declared = policy.liquidity_concentration.half_spread_fraction[name]
        spread = row["half_spread_fraction"] if row["spread_quality"] == DELIVERED else math.nan
        yield Level(name, "spread_rise", _over(spread, declared), behind(half_spread=spread, declared=declared))
        usual = policy.reference.average_daily_volume_usd[name]
        volume = row["daily_volume_usd"] if row["volume_quality"] == DELIVERED else math.nan
        yield Level(name, "volume_fall", _over(usual, volume), behind(daily_volume_usd=volume, declared=usual))


def _depth(depth: pl.DataFrame, highest: float) -> Iterator[Level]:
    """Of each underlying the median over the order books of the cycle before: one thin book is no thin market.

    A book that is gone has fallen as far as there is; NaN where none was there before.
    """
    for (name,), books in depth.group_by("underlying", maintain_order=True):
        known = books.filter(pl.col("size_before").is_not_null())
        now, before = (known[each].cast(pl.Float64).to_numpy() for each in ("size", "size_before"))
        fall = np.where(np.isnan(now), highest, before / now)
        level = float(np.median(fall)) if len(fall) else math.nan
        vanished = float(np.count_nonzero(np.isnan(now)))
        yield Level(str(name), "depth_fall", level, behind(order_books=float(len(now)), vanished=vanished))


def _ratings(members: pl.DataFrame, policy: Policy) -> Iterator[Level]:
    for row in members.iter_rows(named=True):
        member, score, before = row["clearing_member_id"], row["credit_score"], row["credit_score_before"]
        step = credit.fraction(row["surveillance_level"], score, policy.credit)
        yield Level(
            member,
            "credit_step",
            step,
            behind(score=_known(score), surveillance_level=_known(row["surveillance_level"])),
        )
        fall = _known(before) - _known(score)
        yield Level(member, "credit_fall", fall, behind(score=_known(score), before=_known(before)))


def _shares(risk: pl.DataFrame) -> Iterator[Level]:
    """Largest share of one member in the expected shortfall of all, gains counting nothing."""
    for (underlying,), rows in risk.group_by("underlying", maintain_order=True):
        members, place = np.unique(rows["clearing_member_id"].to_numpy().astype(np.str_), return_inverse=True)
        of_member = np.bincount(place, np.maximum(rows["filtered_es_usd"].to_numpy(), 0.0), len(members))
        whole, largest = float(np.sum(of_member)), float(np.max(of_member))
        name = HOUSE if underlying == WHOLE else str(underlying)
        yield Level(name, "member_share", _over(largest, whole), behind(largest_usd=largest, all_usd=whole))


def _close_out(book: HouseBook, policy: Policy) -> Iterator[Level]:
    """Days the member with the largest net position takes, over the liquidation period of the house's accounts."""
    volume = dict(book.liquidity.select("underlying", "daily_volume_usd").iter_rows())
    for name, of_members in _net_delta(book.delta, "clearing_member_id").items():
        largest = np.abs(of_members).max(keepdims=True)
        participation = policy.liquidity_concentration.participation_fraction
        days = float(days_to_close(largest, np.array([volume.get(name, math.nan)]), participation)[0])
        period = policy.base_margin.liquidation_period_days.house[name]
        yield Level(name, "close_out_time", days / period, behind(days=days, largest_usd=float(largest[0])))


def _leverage(leverage: pl.DataFrame, policy: Policy, highest: float) -> Iterator[Level]:
    rule = policy.leverage_surcharge
    for row in leverage.iter_rows(named=True):
        outright, hedged = _known(row["outright_leverage"]), _known(row["effective_leverage"])
        used = float(np.fmax(outright / rule.outright_cap, hedged / rule.hedged_cap))
        if math.isnan(used):
            used = highest if row["gross_delta_notional_usd"] > 0.0 else 0.0
        told = behind(outright=outright, hedged=hedged, gross_usd=row["gross_delta_notional_usd"])
        yield Level(row["margin_account_id"], "leverage", used, told)


def _net_delta(delta: pl.DataFrame, holder: str) -> dict[str, Floats]:
    """USD of delta of each holder by underlying, summed in the order of the rows."""
    found = {}
    for (name,), rows in delta.group_by("underlying", maintain_order=True):
        usd = rows["delta"].to_numpy() * rows["index_price"].cast(pl.Float64).to_numpy()
        holders, place = np.unique(rows[holder].to_numpy().astype(np.str_), return_inverse=True)
        found[str(name)] = np.bincount(place, usd, len(holders)).astype(np.float64)
    return dict(sorted(found.items()))


def _over(value: float, base: float) -> float:
    """NaN where either is missing or there is nothing to divide by."""
    return value / base if base > 0.0 else math.nan


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)
