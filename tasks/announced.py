"""Policies of which notice was given and that do not act yet: which they are is fixed when a run is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from tasks import policy_activations, policy_states
from tasks.home import Home
from tasks.policy_states import NOTICED, WITHDRAWN, History
from tasks.store import Store

TABLE = "book.announced_policy"
_CYCLE = "EOD"
_COLUMNS = {
    "proposal_id": pl.String,
    "policy_hash": pl.String,
    "effective_date": pl.Date,
    "notice_date": pl.Date,
    "content": pl.String,
}


def of_cycle(store: Store, business_date: date, cycle: str) -> pl.DataFrame:
    """Rows of book.announced_policy for an end of day, run_id aside, by proposal; none for any other cycle."""
    found = policy_states.histories(store) if cycle == _CYCLE else []
    rows = [_row(each) for each in found if _is_announced(each, business_date)]
    return pl.DataFrame(rows, schema=_COLUMNS).sort("proposal_id")


def lines(found: pl.DataFrame) -> list[str]:
    """One line per announced policy for the fingerprint."""
    named = found.select("proposal_id", "policy_hash", "effective_date")
    return [" ".join(("announced", *map(str, row))) for row in named.iter_rows()]


def _is_announced(history: History, business_date: date) -> bool:
    """Notice was given on a day before, it does not act yet, and it was not withdrawn before the day."""
    told = [each for each in history.events if each.state == NOTICED]
    if not told or not _day(told[-1]) < business_date < told[-1].effective_date:
        return False
    return not any(each.state == WITHDRAWN and _day(each) < business_date for each in history.events)


def _day(event: policy_states.Event) -> date:
    return event.business_date or date.min


def _row(history: History) -> dict[str, Any]:
    told = history.of(NOTICED)
    content = told.evidence[policy_states.CONTENT]
    return {
        "proposal_id": history.proposal_id,
        "policy_hash": told.policy_hash,
        "effective_date": told.effective_date,
        "notice_date": told.business_date,
        "content": content,
    }


def hand_over(home: Home, run: Mapping[str, Any], to: Home, store: Store) -> None:
    """Give a home what a run announced: the notices, and earlier exports, which its figures are read from."""
    path = home.exports / str(run["run_id"]) / f"{TABLE}.parquet"
    if not path.exists():
        return
    for row in pl.read_parquet(path).iter_rows(named=True):
        names = ("proposal_id", "policy_hash", "effective_date", "notice_date", "content")
        policy_states.begin(store, policy_activations.handed_over(NOTICED, *(row[name] for name in names)))
    for folder in sorted(home.exports.iterdir()):
        if folder.is_dir() and folder.name != run["run_id"] and not (to.exports / folder.name).exists():
            (to.exports / folder.name).symlink_to(folder.resolve())
