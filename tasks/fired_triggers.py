"""Triggers that fired in published runs, and the reviews of the policy that answered them: each is answered once.

A trigger is due from the release of the run it fired in until a review is kept for it. What is due is found in exports
and ledgers: a home that was served by no orchestrator knows it as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from tasks import ledgers, policy_states, status
from tasks.home import Home
from tasks.model.assurance.triggers import FIRED
from tasks.store import Store

TABLE = "control.policy_review"
_TRIGGERS = "result.policy_trigger"
_KEY = ["run_id", "trigger_name", "subject"]
_COLUMNS = [*_KEY, "kind", "level", "fires_above", "unit", "numbers", "action"]


class Review(NamedTuple):
    """A kept review: proposal_id is empty where data contradicted nothing."""

    review_id: str
    calibration_id: str
    proposal_id: str


def due(home: Home) -> pl.DataFrame:
    """Triggers that fired and no review has answered, by run, trigger and subject. Reads no database."""
    answered = ledgers.read(home, TABLE) if TABLE in ledgers.shown(home) else None
    return _without(fired(home), answered)


def fired(home: Home) -> pl.DataFrame:
    """Triggers that fired in the runs whose releases are in force; what was pruned is not known any more."""
    found = [rows for run_id in _runs(home) if (rows := _of_run(home, run_id)) is not None]
    return pl.concat(found).sort(_KEY) if found else pl.DataFrame(schema=dict.fromkeys(_COLUMNS, pl.String))


def still_due(store: Store, rows: pl.DataFrame) -> pl.DataFrame:
    """Those of rows that no review was kept for meanwhile."""
    return _without(rows, store.read(f"SELECT * FROM {TABLE}"))


def made_of(store: Store, calibration_id: str) -> Review | None:
    """The review that rests on a calibration already, None where there is none."""
    query = f"SELECT * FROM {TABLE} WHERE calibration_id = $calibration_id ORDER BY event_ts, run_id LIMIT 1"
    found = store.read(query, {"calibration_id": calibration_id})
    return Review(*found.select(Review._fields).row(0)) if found.height else None


def review_id(calibration_id: str, rows: pl.DataFrame) -> str:
    """Id of the review that answers rows with a calibration."""
    keys = "|".join("/".join(row) for row in rows.select(_KEY).sort(_KEY).iter_rows())
    return f"R-{hashlib.sha256(f'{calibration_id}|{keys}'.encode()).hexdigest()[:12]}"


def keep(store: Store, rows: pl.DataFrame, review: Review, user: str) -> None:
    """Append that a review answers rows, in the caller's transaction if it has one."""
    told = {**review._asdict(), "user_name": user, "event_ts": policy_states.now()}
    store.append(TABLE, rows.select(_KEY).with_columns(*(pl.lit(value).alias(name) for name, value in told.items())))


def latest(home: Home) -> Review | None:
    """The review that was kept last, as last shown: reads no database. None where there is none."""
    found = reviews(home)
    return found[-1] if found else None


def reviews(home: Home) -> list[Review]:
    """Kept reviews in the order they were made, as last shown: reads no database."""
    if TABLE not in ledgers.shown(home):
        return []
    kept = (
        ledgers.read(home, TABLE).sort("event_ts", "review_id").unique("review_id", keep="first", maintain_order=True)
    )
    return [Review(*row) for row in kept.select(Review._fields).iter_rows()]


def answered_by(home: Home, proposal_id: str = "", review_id: str = "") -> list[dict[str, Any]]:
    """Triggers that led to a proposal, or that a review answers. Reads no database.

    One row each: run, trigger, subject; kind, level, what it is compared with and the rest while its run is kept.
    """
    if TABLE not in ledgers.shown(home):
        return []
    asked = pl.col("review_id") == review_id if review_id else pl.col("proposal_id") == proposal_id
    kept = ledgers.read(home, TABLE).filter(asked).select(_KEY)
    return kept.join(fired(home), on=_KEY, how="left").sort(_KEY).to_dicts()


def told(rows: pl.DataFrame) -> str:
    """Which triggers fired how often in which runs: no member, account or amount."""
    counted = rows.group_by("run_id", "trigger_name").len().sort("run_id", "trigger_name")
    runs: dict[str, list[str]] = {}
    for run_id, name, count in counted.iter_rows():
        runs.setdefault(run_id, []).append(name if count == 1 else f"{name} ×{count}")
    return "; ".join(f"{', '.join(names)} in {run_id}" for run_id, names in runs.items())


def _runs(home: Home) -> Sequence[str]:
    return sorted({status.pointed(path)["run_id"] for path in home.published.glob("*/*/latest.json")})


def _of_run(home: Home, run_id: str) -> pl.DataFrame | None:
    path = home.exports / run_id / f"{_TRIGGERS}.parquet"
    if not path.exists():
        return None
    rows = status.exported(home, run_id, _TRIGGERS).filter(pl.col("state") == FIRED)
    return rows.with_columns(pl.lit(run_id).alias("run_id")).select(_COLUMNS)


def _without(rows: pl.DataFrame, answered: pl.DataFrame | None) -> pl.DataFrame:
    return (
        rows
        if answered is None or rows.is_empty()
        else rows.join(answered.select(_KEY), on=_KEY, how="anti").sort(_KEY)
    )
