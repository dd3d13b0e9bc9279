"""A calibration of a day from all of history against one from files cut at that day: `python -m benchmarks.truncation`.

Every file of LEVEE_MARKET_DATA_DIR is cut by its own time column; both calibrations must tell the same to the last bit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from tasks import convert, resources
from tasks.calibration import calibrate

DATES = (date(2020, 3, 11), date(2021, 5, 18), date(2022, 6, 12), date(2022, 11, 7), date(2025, 10, 9))
COINS = ("BNB", "BTC", "ETH", "LTC", "SOL", "XRP")
_TIMES = ("date", "ts_utc", "ts_kst_naive", "timestamp", "obs_ts_utc", "recv_ts")


def cut(folder: Path, target: Path, as_of: date) -> int:
    """Copy files without rows stamped after a day; returns how many rows that leaves out. A day of them stays named.

    A coin whose first close is later would be unknown to the cut file: its later rows lose their prices instead.
    """
    left_out = 0
    for path in sorted(folder.glob("*.parquet")):
        frame = pl.read_parquet(path)
        name = next((each for each in _TIMES if each in frame.columns), None)
        if name is None or not frame.schema[name].is_temporal():
            continue
        late = pl.col(name).cast(pl.Date) > as_of if frame.schema[name] != pl.Date else pl.col(name) > as_of
        kept = frame.filter(~late)
        left_out += frame.height - kept.height
        if "coin" in frame.columns and "close" in frame.columns:
            born = frame.filter(~pl.col("coin").is_in(kept["coin"].unique().to_list()))
            kept = pl.concat([kept, born.with_columns(pl.lit(None, pl.Float64).alias("close"))])
        kept.write_parquet(target / path.name)
    return left_out


def same(folder: Path, as_of: date, coins: tuple[str, ...]) -> tuple[bool, int, str]:
    """Whether both calibrations tell the same, rows that were cut, and the hash of the proposed policy."""
    base = resources.data("policy/2014-01-01.toml")
    with tempfile.TemporaryDirectory() as place:
        rows = cut(folder, Path(place), as_of)
        whole, known = (calibrate(base, each, as_of, coins) for each in (folder, Path(place)))
    return whole.as_dict() == known.as_dict(), rows, whole.policy_hash


def main() -> int:
    """Entry point: 0 where every day is the same, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.truncation", description=__doc__)
    parser.add_argument("days", nargs="*", type=date.fromisoformat, default=DATES)
    alike = True
    for day in parser.parse_args().days:
        found, rows, policy_hash = same(convert.market_data_folder(), day, COINS)
        last = day + timedelta(days=1)
        print(f"{day}: {'same' if found else 'DIFFERENT'}, {rows:,} rows from {last} on, policy {policy_hash[:12]}")
        alike = alike and found
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
