"""What the triggers said around given days of the daily history, and what guard rails would have made of the jump.

Nothing later than a day is known to what is said of it; losses after it are what the margin is held against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tasks import back_test_history, policy_proposal
from tasks.convert_chain import read_file
from tasks.model.arrays import Closes, Floats
from tasks.model.assurance import market_watch
from tasks.model.assurance.guarded_rates import cost, guarded
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import roll
from tasks.model.assurance.static_portfolio import OUTRIGHT, static_portfolios
from tasks.model.assurance.triggers import FIRED, STANDING
from tasks.model.policy import Policy
from tasks.triggers import Terms

VOLUME_FILE, VOLUME_COIN = "btc_usdt_binance_1d", "BTC"
DAYS_SHOWN = (-7, -1, 0, 1, 2, 7)
DAYS_BEFORE, DAYS_AFTER = 30, 60
SMALLEST_CHANGE = 0.02  # fraction of the margin in force that is worth a notice
_CLOSES_BEYOND = 10  # days of closes after the last one judged, so that its loss is known


@dataclass(frozen=True)
class Asked:
    """Days whose surroundings are asked for, of coins held in equal notional, under a policy."""

    days: tuple[date, ...]
    coins: tuple[str, ...]
    policy: Policy


def around(folder: Path, asked: Asked, terms: Terms) -> dict[str, Any]:
    """Of each day: what each trigger said on the days about it, and the jump and its steps of each coin.

    Raises as back_test_history.history_of and tasks.model.assurance.rolling_margin.roll.
    """
    history = back_test_history.history_of(folder, asked.coins, asked.policy.stress.anchors)
    closes = back_test_history.joint(history.closes)
    volumes = _volumes(folder, closes) if VOLUME_COIN in asked.coins else {}
    return {
        "policy_hash": asked.policy.policy_hash,
        "days": [
            {
                "day": day.isoformat(),
                "said": _said(closes, volumes, asked, terms, day),
                "jumps": _jumps(closes, asked, terms, day),
            }
            for day in asked.days
        ],
    }


def counted(folder: Path, asked: Asked, terms: Terms, first: date, last: date) -> list[dict[str, Any]]:
    """One row per subject and trigger over a span: days its level is known, times it fired, days it stood, the largest.

    Raises as `around`.
    """
    closes = back_test_history.joint(
        back_test_history.history_of(folder, asked.coins, asked.policy.stress.anchors).closes
    )
    volumes = _volumes(folder, closes) if VOLUME_COIN in asked.coins else {}
    weights = dict.fromkeys(asked.coins, 1.0)
    span = (np.datetime64(first, "D"), np.datetime64(last, "D"))
    levels = market_watch.watched(closes, asked.policy, weights, volumes, terms.measures, *span)
    known = market_watch.said(levels, terms.triggers).filter(pl.col("date") >= first, pl.col("level").is_finite())
    return (
        known.group_by("subject", "trigger")
        .agg(
            days=pl.len().cast(pl.Int64),
            fired=(pl.col("state") == FIRED).sum().cast(pl.Int64),
            stood=pl.col("state").is_in(STANDING).sum().cast(pl.Int64),
            largest=pl.col("level").max(),
            largest_date=pl.col("date").sort_by("level", "date", descending=[True, False]).first(),
        )
        .sort("subject", "trigger")
        .to_dicts()
    )


def _said(closes: Closes, volumes: Mapping[str, Floats], asked: Asked, terms: Terms, day: date) -> list[dict[str, Any]]:
    """One row per subject, trigger and day shown."""
    shown = [day + timedelta(days=each) for each in DAYS_SHOWN]
    first, last = np.datetime64(shown[0], "D"), np.datetime64(shown[-1], "D")
    levels = market_watch.watched(
        closes, asked.policy, dict.fromkeys(asked.coins, 1.0), volumes, terms.measures, first, last
    )
    found = market_watch.said(levels, terms.triggers).filter(pl.col("date").is_in(shown))
    return found.with_columns(pl.col("level").fill_nan(None)).sort("subject", "trigger", "date").to_dicts()


def _jumps(closes: Closes, asked: Asked, terms: Terms, day: date) -> list[dict[str, Any]]:
    """Of each coin's long and short: what margin would let through as it stood, raised at once, and by steps."""
    first, last = (np.datetime64(day + timedelta(days=each), "D") for each in (-DAYS_BEFORE, DAYS_AFTER))
    last = min(last, closes.dates[-1])
    known = Closes(closes.underlyings, *_until(closes, last + _CLOSES_BEYOND))
    held = [each for each in static_portfolios(asked.coins) if each.product == OUTRIGHT]
    standing, at_once = (roll(known, each, held, first, last) for each in (asked.policy, _at_once(asked.policy, terms)))
    sides = len(held) // len(asked.coins)
    return [
        row
        for at in range(0, len(held), sides)
        for row in _jump(standing[at : at + sides], at_once[at : at + sides], np.datetime64(day, "D"))
    ]


def _jump(standing: Sequence[RatePath], at_once: Sequence[RatePath], day: np.datetime64) -> list[dict[str, Any]]:
    """One coin: the multiplier is wanted for both sides together, each side is held against its own losses."""
    dates = standing[0].dates
    wanted = np.max([now.rate / was.rate for was, now in zip(standing, at_once, strict=True)], axis=0)
    stepped = guarded(wanted, policy_proposal.terms().rails, SMALLEST_CHANGE)
    multipliers = {"as it stood": np.ones(len(dates)), "at once": wanted, "by steps": stepped}
    return [
        {
            "portfolio": path.portfolio.name,
            "margin": name,
            "largest_multiplier": _largest(multiplier, dates >= day),
            "days_to_largest": _days_to_largest(multiplier, dates >= day),
            "steps": int(np.count_nonzero(np.diff(multiplier[dates >= day]))) if name == "by steps" else None,
            **cost(path.rate * multiplier, path.loss, dates >= day)._asdict(),
        }
        for path in standing
        for name, multiplier in multipliers.items()
    ]


def _largest(values: Floats, within: Any) -> float | None:
    known = values[within & np.isfinite(values)]
    return float(known.max()) if len(known) else None


def _days_to_largest(values: Floats, within: Any) -> int | None:
    """Days from the first of those within to the largest value; None where no value is known."""
    known = np.where(np.isfinite(values[within]), values[within], -np.inf)
    return int(np.argmax(known)) if np.isfinite(known).any() else None


def _at_once(policy: Policy, terms: Terms) -> Policy:
    """The policy whose margin follows the volatility of the last days in full: what nobody had to wait for."""
    base = replace(policy.base_margin, scaling="full", half_life_days=terms.measures.fast_half_life_days)
    return replace(policy, base_margin=base)


def _until(closes: Closes, last: np.datetime64) -> tuple[Any, Floats]:
    kept = closes.dates <= last
    return closes.dates[kept], closes.close[:, kept]


def _volumes(folder: Path, closes: Closes) -> dict[str, Floats]:
    """USD traded by day of the closes of the one coin whose volume is known, of one venue; NaN where none is."""
    rows = read_file(folder, VOLUME_FILE, ("date", "close", "volume")).filter(pl.col("volume") > 0)
    in_usd = rows.select("date", volume_usd=pl.col("close") * pl.col("volume"))
    return {VOLUME_COIN: market_watch.by_day(closes, in_usd, "volume_usd")}
