"""What a back-test says: PB01 (summary and responsiveness, and every test), PB02 (a cause sheet of every breach), a
list of exceptions, and the dates of them in the form in which a policy takes stressed windows.

Files lie in home/back_test/<hash of the judgements>/, so that what was said of other days or policies stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from tasks import back_test_sheets
from tasks.back_test import FOLDER, Judged
from tasks.home import Home, write_atomically
from tasks.model.assurance.rate_path import RatePath

PB01, PB01_TESTS, PB02, EXCEPTIONS, STRESS = (
    "PB01.csv",
    "PB01-tests.csv",
    "PB02.html",
    "exceptions.csv",
    "stress-windows.toml",
)
_DECIMALS = 8
_BOUNDS = ("coverage_low", "coverage_high", "overlap_low", "overlap_high")


def as_dict(found: Judged, files: Mapping[str, Path]) -> dict[str, Any]:
    """For JSON: one entry for each policy and portfolio with its tests, and what it all rests on."""
    plan = found.tested.plan
    first, last = plan.history.span
    return {
        "first": plan.request.first,
        "last": plan.request.last,
        "portfolios": list(_portfolios(found)),
        "left_out": left_out(found),
        "policies": {policy_hash: policy.policy_id for policy_hash, policy in plan.policies.items()},
        "history": {
            "coins": list(plan.history.coins),
            "first": first,
            "last": last,
            "excluded": plan.history.exclusions().to_dicts(),
        },
        "slices": {"computed": found.tested.computed, "stood": found.tested.stood},
        "judgements": {"made": found.judged, "stood": found.summary.height - found.judged},
        "files": {name: str(path) for name, path in files.items()},
    }


def _portfolios(found: Judged) -> Iterator[dict[str, Any]]:
    for row in found.summary.iter_rows(named=True):
        tests = found.tests.filter(pl.col("series_key") == row["series_key"]).drop("series_key")
        days = found.exceptions.filter(
            pl.col("portfolio") == row["portfolio"], pl.col("policy_hash") == row["policy_hash"]
        )
        smallest = tests.group_by("test").agg(pl.col("p_across").min()).sort("test")
        yield {
            **{name: value for name, value in row.items() if name not in ("series_key", "policy_id", *_BOUNDS)},
            "policy": row["policy_id"],
            "bounds": {
                "exact": [row["coverage_low"], row["coverage_high"]],
                "overlapping": [row["overlap_low"], row["overlap_high"]],
            },
            "p_values": dict(smallest.iter_rows()),
            "rejected": sorted(set(tests.filter("rejected")["test"])),
            "tests": tests.to_dicts(),
            "breach_days": days["date"].to_list(),
        }


def left_out(found: Judged) -> list[dict[str, str]]:
    """Portfolios without a judgement: too little history for a margin, or for a test of every phase."""
    judged = set(found.summary.select("policy_hash", "portfolio").iter_rows())
    return [
        {
            "policy": policy.policy_id,
            "policy_hash": policy_hash,
            "portfolio": portfolio.name,
            "reason": _why(found.tested.paths[policy_hash].get(portfolio.name)),
        }
        for policy_hash, policy in found.tested.plan.policies.items()
        for portfolio in found.tested.plan.portfolios
        if (policy_hash, portfolio.name) not in judged
    ]


def _why(path: RatePath | None) -> str:
    return "NO_OBSERVATIONS" if path is not None and path.judged.any() else "HISTORY_SHORT"


def write(home: Home, found: Judged) -> dict[str, Path]:
    """Write the files; returns their paths by name."""
    digest = hashlib.sha256("".join(found.summary["series_key"]).encode()).hexdigest()[:16]
    folder = home.root / FOLDER / digest
    contents = {
        PB01: _csv(found.windows.drop("position")),
        PB01_TESTS: _csv(tests(found)),
        PB02: back_test_sheets.page(found),
        EXCEPTIONS: _csv(found.exceptions),
        STRESS: stress_windows(found.exceptions).encode(),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return {name: folder / name for name in contents}


def tests(found: Judged) -> pl.DataFrame:
    """Every test of every policy and portfolio: series, p-value, what is left of it after Holm, power where known."""
    of = found.summary.select("series_key", "policy_id", "policy_hash", "portfolio")
    return found.tests.join(of, on="series_key", maintain_order="left").select(
        "policy_id", "policy_hash", "portfolio", pl.exclude("series_key", "policy_id", "policy_hash", "portfolio")
    )


def stress_windows(exceptions: pl.DataFrame) -> str:
    """The breaches as a [stress.windows] table: each from the day their losses are known, neighbours in one window."""
    windows = list(_windows(exceptions))
    rows = {
        "label": [f'"breach {first}"' for first, _, _ in windows],
        "first": [str(first) for first, _, _ in windows],
        "last": [str(last) for _, last, _ in windows],
        "active_from": [str(known) for *_, known in windows],
    }
    lines = [f"{name} = [{', '.join(values)}]" for name, values in rows.items()]
    return "\n".join(["# Breaches of a back-test, for a policy change to take from.", "[stress.windows]", *lines, ""])


def _windows(exceptions: pl.DataFrame) -> Iterator[tuple[date, date, date]]:
    """First and last day of breaches within a liquidation period of each other, and from when all of it is known."""
    days = exceptions.group_by("date").agg(pl.col("end_date").max()).sort("date").rows()
    group: list[tuple[date, date]] = []
    for day, end in days:
        if group and day > max(ended for _, ended in group):
            yield _window(group)
            group = []
        group.append((day, end))
    if group:
        yield _window(group)


def _window(group: Sequence[tuple[date, date]]) -> tuple[date, date, date]:
    return group[0][0], group[-1][0], max(end for _, end in group) + timedelta(days=1)


def _csv(frame: pl.DataFrame) -> bytes:
    return frame.write_csv(float_precision=_DECIMALS).encode()
