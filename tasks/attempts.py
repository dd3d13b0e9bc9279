"""The history of attempts: one line when a stage begins, one when it ends, and one by the next holder if it never did.

Nothing here is ever changed or printed. Which stage is done is said by control.stage_run alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from tasks import resources

if TYPE_CHECKING:
    from tasks.key import CycleKey
    from tasks.store import Store

STARTED, DONE, BLOCKED, FAILED, ABANDONED = "STARTED", "DONE", "BLOCKED", "FAILED", "ABANDONED"


def begin(store: Store, key: CycleKey, stage: str) -> None:
    """Write in a transaction of its own that an attempt begins: it shows even if nothing else of it remains.

    One that ended by an error nobody foresaw and is tried again under the same hold is closed first.
    """
    number, is_open = _latest(store, key.run_id, stage)
    with store.transaction():
        if is_open:
            _write(store, [(key.run_id, stage, number)], ABANDONED, "")
        _write(store, [(key.run_id, stage, number + 1)], STARTED, "")


def end(store: Store, key: CycleKey, stage: str, event: str, code: str = "") -> int:
    """Write inside the caller's transaction how the attempt ended; returns its number.

    What is finished for a holder that died is an attempt of its own.
    """
    number, is_open = _latest(store, key.run_id, stage)
    number = number if is_open else number + 1
    _write(store, [(key.run_id, stage, number)], event, code)
    return number


def abandon(store: Store, token: int) -> int:
    """Close every open attempt of a dead holder, inside the transaction that raises the token; returns how many."""
    orphans = store.read(resources.sql("attempt/open")).rows()
    _write(store, orphans, ABANDONED, "", token)
    return len(orphans)


def _latest(store: Store, run_id: str, stage: str) -> tuple[int, bool]:
    found = store.read(resources.sql("attempt/latest"), {"run_id": run_id, "stage": stage}).rows()
    return found[0] if found else (0, False)


def _write(store: Store, which: list[tuple[Any, ...]], event: str, code: str, token: int | None = None) -> None:
    token = store.token if token is None else token
    now = datetime.now(UTC).replace(tzinfo=None)
    frame = pl.DataFrame(which, schema=["run_id", "stage", "attempt"], orient="row")
    store.append(
        "control.attempt",
        frame.with_columns(event=pl.lit(event), code=pl.lit(code), token=pl.lit(token), at_ts=pl.lit(now)),
    )
