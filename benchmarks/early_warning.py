"""Would anything have warned of BTC's falls? Signals ranked by their own past: `python -m benchmarks.early_warning`.

Of LEVEE_MARKET_DATA_DIR: one venue's daily and two-hour bars, its funding, a second venue's bars, a volatility index
and the smiles of two crashes. Days close at 24:00 UTC. A signal of a day is ranked among its values of the 365 days
before; it alarms from the 95th per cent on. Events are the largest one-day falls, a month apart; one is called where
the signal alarmed on its eve or on one of the four days before. Chance is the share of all days so covered, and p the
probability that as many events or more are called by it. The measures were fixed before the run; there are as many
tries as rows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import binom

from tasks import convert
from tasks.model.arrays import Bools, Floats, Ints
from tasks.model.market.volatility import forecast_volatility

EVES = (date(2020, 3, 11), date(2021, 5, 18), date(2022, 6, 12), date(2022, 11, 7))
RANKED_DAYS, ALARM, COVERED_DAYS = 365, 0.95, 5
EVENTS, APART_DAYS = 20, 30
_FAST, _SLOW, _SEED, _FLOOR = 10, 90, 30, 0.005


def daily_signals(folder: Path) -> tuple[np.ndarray, Floats, dict[str, Floats]]:
    """(n,) consecutive days, log return that ends on each, and signals that are high before trouble if they are any."""
    bars = pl.read_parquet(folder / "btc_usdt_binance_1d.parquet").sort("date")
    days = bars.select(pl.date_range(pl.col("date").min(), pl.col("date").max()).alias("date"))
    joined = days.join(bars, on="date", how="left").join(_funding(folder), on="date", how="left")
    table = joined.join(_venue_gap(folder), on="date", how="left").sort("date")
    close, high, low = (table[name].to_numpy() for name in ("close", "high", "low"))
    usd = close * table["volume"].to_numpy()
    daily = np.concatenate([[np.nan], np.diff(np.log(close))])
    fast, slow = (forecast_volatility(daily, float(half_life), _SEED, _FLOOR) for half_life in (_FAST, _SLOW))
    spread = np.log(high / low)
    signals = {
        "volatility, 10 over 90 days": fast / slow,
        "range of 5 days over volatility": _mean(spread, 5) / slow,
        "move per USD traded, 20 days (thin market)": _mean(np.abs(daily) / usd, 20),
        "range per USD traded, 5 days (depth)": _mean(spread / usd, 5),
        "volume of 90 days over that of 5 (drying up)": _mean(usd, 90) / _mean(usd, 5),
        "volume of 5 days over that of 90 (rush)": _mean(usd, 5) / _mean(usd, 90),
        "funding, 3 days (crowded longs; basis)": _mean(table["funding"].to_numpy(), 3),
        "funding below zero, 3 days (basis gone)": -_mean(table["funding"].to_numpy(), 3),
        "gap between two venues, 3 days": _mean(table["gap"].to_numpy(), 3),
    }
    return table["date"].to_numpy(), daily, signals


def rank(values: Floats, days: int = RANKED_DAYS) -> Floats:
    """(n,) share of the values of the days before not above each; NaN without a value or half of those days."""
    found = np.full(len(values), np.nan)
    for at in range(1, len(values)):
        before = values[max(at - days, 0) : at]
        known = before[np.isfinite(before)]
        if np.isfinite(values[at]) and len(known) >= days // 2:
            found[at] = float(np.mean(known <= values[at]))
    return found


def covered(alarms: Bools, days: int = COVERED_DAYS) -> Bools:
    """(n,) whether an alarm stands on each day or on one of the days before it, `days` in all."""
    return np.array([bool(alarms[max(at - days + 1, 0) : at + 1].any()) for at in range(len(alarms))], dtype=np.bool_)


def falls(daily: Floats, known: Bools, count: int = EVENTS, apart: int = APART_DAYS) -> Ints:
    """Places of the eves of the largest falls, at least so many days apart, on whose eve the signal is known."""
    eves: list[int] = []
    for at in np.argsort(np.nan_to_num(daily, nan=np.inf), kind="stable") - 1:
        if at >= 0 and known[at] and all(abs(at - each) >= apart for each in eves):
            eves.append(int(at))
        if len(eves) == count:
            break
    return np.array(eves, dtype=np.int64)


def judged(daily: Floats, signal: Floats) -> dict[str, float]:
    """How often a signal alarms (a year), how many of the falls it calls, and how likely chance does as well."""
    ranks = rank(signal)
    known = np.isfinite(ranks)
    alarms = known & (ranks >= ALARM)
    hold = covered(alarms)
    eves = falls(daily, known)
    called, chance = int(hold[eves].sum()), float(hold[known].mean())
    begun = int(np.count_nonzero(alarms & ~np.concatenate([[False], hold[:-1]])))
    return {
        "days": float(known.sum()),
        "spells": 365.0 * begun / float(known.sum()),
        "events": float(len(eves)),
        "called": float(called),
        "chance": chance,
        "p": float(binom.sf(called - 1, len(eves), chance)),
    }


def implied(folder: Path, days: np.ndarray, daily: Floats) -> list[tuple[date, float, float]]:
    """Day, 30-day implied volatility where it is known, and the realised one forecast that day, both per year."""
    index = pl.read_parquet(folder / "dvol_btc_daily_close.parquet")
    found: dict[date, float] = {day: level / 100.0 for day, level in index.select("date", "dvol_close").iter_rows()}
    smiles = pl.read_parquet(folder / "btc_iv_smile_crash_dates.parquet").drop_nulls()
    near = smiles.with_columns((pl.col("moneyness_return").abs()).alias("off")).sort("date", "tenor_days", "off")
    for rows in near.partition_by("date", maintain_order=True):
        at_money = rows.group_by("tenor_days", maintain_order=True).first()
        tenor = at_money.sort((pl.col("tenor_days") - 30).abs()).row(0, named=True)
        found[tenor["date"]] = tenor["implied_vol"]
    realised = forecast_volatility(daily, float(_FAST), _SEED, _FLOOR) * np.sqrt(365.0)
    place = {day: at for at, day in enumerate(days.astype("datetime64[D]").tolist())}
    return [(day, found[day], float(realised[place[day]])) for day in sorted(found) if day in place]


def _funding(folder: Path) -> pl.DataFrame:
    rows = pl.read_parquet(folder / "funding_btcusdt_binance_8h.parquet")
    return rows.group_by(pl.col("ts_utc").dt.date().alias("date")).agg(pl.col("funding_rate").mean().alias("funding"))


def _venue_gap(folder: Path) -> pl.DataFrame:
    """Largest distance of two venues' two-hour closes on a day, of bars in which both traded."""
    one, other = (
        pl.read_parquet(folder / f"{name}.parquet").filter(pl.col("volume") > 0).select("ts_utc", "close")
        for name in ("btc_usdt_binance_2h", "btc_usd_bitstamp_2h")
    )
    both = one.join(other, on="ts_utc", suffix="_other")
    gap = (pl.col("close") / pl.col("close_other")).log().abs()
    return both.group_by(pl.col("ts_utc").dt.date().alias("date")).agg(gap.max().alias("gap"))


def _mean(values: Floats, days: int) -> Floats:
    """(n,) mean of the last so many values, NaN where one is missing."""
    found = np.full(len(values), np.nan)
    found[days - 1 :] = np.lib.stride_tricks.sliding_window_view(values, days).mean(axis=1)
    return found


def table(days: np.ndarray, daily: Floats, signals: Mapping[str, Floats]) -> list[str]:
    """Rows of the document: rank on the eve of each crash, then how the signal fares on all of history."""
    places = [int(np.flatnonzero(days.astype("datetime64[D]") == np.datetime64(eve))[0]) for eve in EVES]
    head = ["signal", *(eve.isoformat() for eve in EVES), "days", "spells a year", "called", "by chance", "p"]
    lines = [" | ".join(["", *head, ""]).strip(), "|---" + "|---:" * (len(head) - 1) + "|"]
    for name, signal in signals.items():
        ranks, found = rank(signal), judged(daily, signal)
        shown = ["–" if np.isnan(ranks[at]) else f"{100 * ranks[at]:.0f} %" for at in places]
        shown += [f"{found['days']:,.0f}", f"{found['spells']:.1f}", f"{found['called']:.0f} of {found['events']:.0f}"]
        lines.append("| " + " | ".join([name, *shown, f"{found['chance']:.0%}", f"{found['p']:.2f}"]) + " |")
    return lines


def main() -> int:
    """Entry point: prints both tables."""
    argparse.ArgumentParser(prog="python -m benchmarks.early_warning", description=__doc__).parse_args()
    folder = convert.market_data_folder()
    days, daily, signals = daily_signals(folder)
    print("\n".join(table(days, daily, signals)))
    print("\n| day | implied, 30 days | realised | over |\n|---|---:|---:|---:|")
    for day, level, realised in implied(folder, days, daily)[:12]:
        print(f"| {day} | {level:.3f} | {realised:.3f} | {level / realised:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
