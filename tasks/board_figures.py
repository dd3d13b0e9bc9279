"""Figures of the status board, each read from what a run exported or published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from tasks import inbox, status
from tasks.home import Home
from tasks.model.errors import LeveeError
from tasks.model.money import product, round_half_even, total
from tasks.roster import NEVER, roster

RANGE_DAYS = 20
TOP_CALLS = 10
LISTED = 12

Row = dict[str, Any]


def table(home: Home, run_id: str, name: str) -> pl.DataFrame | None:
    """A run's exported table, None where the run has not come so far."""
    try:
        return status.exported(home, run_id, name)
    except LeveeError:
        return None


def sums(home: Home, run_id: str) -> dict[str, Decimal]:
    """Margin required, variation margin accounts paid in net, and calls of a run, USD; empty before the call stage."""
    accounts, ledger = table(home, run_id, "result.margin_account"), table(home, run_id, "result.ledger")
    if accounts is None or ledger is None:
        return {}
    flows = ledger.filter((pl.col("movement_type") == "VM") & (pl.col("margin_account_id") != ""))
    net = flows.group_by("clearing_member_id", "margin_account_id", "asset").agg(pl.col("amount").sum())
    paid = net.filter(pl.col("amount") < 0)
    prices = table(home, run_id, "result.asset_price")
    in_usd = paid.join(prices, on="asset").select("amount", "price_usd").rows() if prices is not None else []
    return {
        "initial_margin_usd": total(accounts["total_initial_margin_usd"]),
        "variation_margin_usd": total(round_half_even(product(-amount, price)) for amount, price in in_usd),
        "calls_usd": total(accounts["margin_call_amount_usd"]),
    }


def top_calls(home: Home, run_id: str) -> list[Row]:
    """The largest calls of a run, largest first."""
    accounts = table(home, run_id, "result.margin_account")
    if accounts is None:
        return []
    called = accounts.filter(pl.col("margin_call_amount_usd") > 0)
    largest = called.sort("margin_call_amount_usd", "margin_account_id", descending=[True, False]).head(TOP_CALLS)
    return largest.select("clearing_member_id", "margin_account_id", "margin_call_amount_usd").to_dicts()


def calls_overdue(home: Home, run_id: str) -> int:
    """Calls that were not paid in time, after the cycle."""
    calls = table(home, run_id, "result.outstanding_call")
    return calls.filter(pl.col("state").is_in(["OVERDUE", "ESCALATED"])).height if calls is not None else 0


def marks_in_doubt(home: Home, run_id: str) -> dict[str, Any]:
    """Contracts whose mark is no fresh observation: how many by quality, and the first of them."""
    marks = table(home, run_id, "result.mark")
    if marks is None:
        return {"by_quality": {}, "first": []}
    doubtful = marks.filter(pl.col("quality") != "OK").sort("contract_id")
    counted = doubtful.group_by("quality").len().sort("quality")
    return {
        "by_quality": dict(counted.iter_rows()),
        "first": doubtful.head(LISTED).select("contract_id", "quality", "age_seconds", "source").to_dicts(),
    }


def overrides(home: Home, run_id: str) -> list[Row]:
    """Overrides that act in a run, by the day they are to be looked at again."""
    found = table(home, run_id, "result.override")
    return found.sort("review_date", "override_id").to_dicts() if found is not None else []


def members_done(home: Home, state: Mapping[str, Any]) -> dict[str, int]:
    """Members with an account in the run, how many of them have a pack in the release, and held accounts."""
    accounts = table(home, state["run_id"], "result.margin_account")
    members = set(accounts["clearing_member_id"]) if accounts is not None else set()
    out = _packs(home, state) if state["state"] == "PUBLISHED" else set()
    return {"members": len(members), "done": len(members & out), "held": int(state["held"])}


def _packs(home: Home, state: Mapping[str, Any]) -> set[str]:
    """Members with a pack in any version of the cycle: a reissue holds the changed ones alone."""
    cycle = home.published / state["business_date"].replace("-", "") / state["cycle"]
    return {path.name for path in cycle.glob("v*/members/*")}


def files(home: Home, state: Mapping[str, Any]) -> list[Row]:
    """The roster against what the run was frozen on; before the freeze against what lies in the inbox."""
    manifest = table(home, state["run_id"], "control.input_manifest")
    there = _frozen(manifest) if manifest is not None else _delivered(home, state)
    return [
        {
            "dataset": dataset,
            "required": expected.need != NEVER,
            "optional_with_options": expected.need == "OPTIONS",
            "files": len(there.get(dataset, ())),
            "records": sum(filter(None, there.get(dataset, ()))),
        }
        for dataset, expected in sorted(roster().items())
    ]


def _frozen(manifest: pl.DataFrame) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for dataset, records in manifest.select("dataset", "records").iter_rows():
        found.setdefault(dataset, []).append(records)
    return found


def _delivered(home: Home, state: Mapping[str, Any]) -> dict[str, list[int]]:
    """One entry for every sender of a dataset that delivered; how many records nobody has counted yet."""
    folder = home.inbox / state["business_date"] / state["cycle"]
    paths = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    names = {inbox.parse_name(name) for name in paths if not inbox.is_ignored(name)} - {None}
    senders = {(name.dataset, name.sender) for name in names if name}
    found: dict[str, list[int]] = {}
    for dataset, _ in sorted(senders):
        found.setdefault(dataset, []).append(0)
    return found


def against_range(home: Home, states: Sequence[Mapping[str, Any]], run_id: str) -> list[Row]:
    """Each sum of a run beside its lowest and highest of the cycles before it, and all of them in order."""
    now = sums(home, run_id)
    before = [found for state in states[-RANGE_DAYS:] if (found := sums(home, state["run_id"]))]
    return [
        {
            "name": name,
            "value": value,
            "lowest": min((day[name] for day in before), default=None),
            "highest": max((day[name] for day in before), default=None),
            "series": [*(day[name] for day in before), value],
        }
        for name, value in now.items()
    ]
