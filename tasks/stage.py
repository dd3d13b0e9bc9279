"""What every stage of a cycle shares: its key, its receipt, one transaction, resume, and what readers may see.

A stage is: read slices -> one pure call -> replace slice and write the receipt in the same transaction. A stage whose
receipt stands is not run again, whoever asks: Prefect's retry, `cycle run` after a crash, or a person.
"""

from __future__ import annotations

import hashlib
import json
import logging
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tasks import attempts, ledgers, policy_store
from tasks.crash import crash_point
from tasks.home import Home, write_json
from tasks.key import CycleKey
from tasks.model.errors import Finding, GateClosed, LeveeError, ModelInputError, ReconciliationError
from tasks.model.policy import Policy
from tasks.store import Store

WAITING_FOR_APPROVAL = "WAITING(APPROVAL)"
log = logging.getLogger("levee")
_ALWAYS_SHOWN = ("control.cycle_run", "control.stage_run", "control.attempt", "control.finding")


@dataclass(frozen=True)
class Receipt:
    """What a stage did: rows written by table. `resumed` where it stood already."""

    run_id: str
    stage: str
    rows: Mapping[str, int]
    resumed: bool = False


@dataclass
class Context:
    """What a stage body works with. `write` replaces the run's slice of a table and counts its rows."""

    home: Home
    store: Store
    key: CycleKey
    run: Mapping[str, Any]
    policy: Policy
    rows: dict[str, int] = field(default_factory=dict)

    def slice(self, table: str, order: str = "ALL") -> pl.DataFrame:
        """The run's rows of a table, ordered."""
        return self.store.slice(table, self.key.run_id, order)

    def query(self, name: str, **parameters: Any) -> pl.DataFrame:
        """Result of sql/<name>.sql with $run_id and the given parameters."""
        from tasks import resources

        return self.store.read(resources.sql(name), {"run_id": self.key.run_id, **parameters})

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Replace the run's slice of a table."""
        frame = frame.with_columns(run_id=pl.lit(self.key.run_id))
        self.rows[table] = self.store.replace(table, frame, {"run_id": self.key.run_id})

    def carried(self, table: str) -> pl.DataFrame | None:
        """The predecessor's rows of a table, None in a genesis cycle."""
        predecessor = self.run["predecessor_run_id"]
        return self.store.slice(table, predecessor) if predecessor else None


Body = Callable[[Context], Sequence[Finding] | None]


def stage(name: str, state: str | None = None) -> Callable[[Body], Callable[[Home, CycleKey], Receipt]]:
    """Make a stage of a body. `state` is the cycle's state once it is done.

    A body that returns findings stops the cycle: what it wrote is committed for inspection, the receipt says BLOCKED or
    that it waits for a person (so the stage runs again when asked again), and the findings are raised.
    """

    def wrap(body: Body) -> Callable[[Home, CycleKey], Receipt]:
        def run(home: Home, key: CycleKey) -> Receipt:
            with Store(home.database) as store:
                standing = receipt(store, key, name)
                if standing:
                    take_up(home, store, standing, key, state)
                    return standing
                started = datetime.now(UTC)
                context = open_context(home, store, key)
                home.renew_lease("cycle", key.run_id, name)
                attempts.begin(store, key, name)
                crash_point(f"{name}:begin")
                with blocking_what_is_refused(home, store, key, name), store.transaction():
                    blocking = body(context) or ()
                    halted = _halted(blocking)
                    write_receipt(store, key, name, context.rows, started, halted or "DONE")
                    if halted or state:
                        set_state(store, key, halted or str(state))
                    crash_point(f"{name}:before_commit")
                crash_point(f"{name}:after_commit")
                show(home, store, key, context.rows)
            if blocking:
                raise (LeveeError if halted == WAITING_FOR_APPROVAL else GateClosed)(*blocking)
            log.info("stage done", extra={"run_id": key.run_id, "stage": name, "rows": context.rows})
            return Receipt(key.run_id, name, context.rows)

        # Not functools.wraps: an orchestrator binds arguments by signature, and a stage takes a home and a key.
        run.__name__, run.__qualname__, run.__doc__, run.__module__ = name, name, body.__doc__, body.__module__
        return run

    return wrap


def _halted(findings: Sequence[Finding]) -> str:
    """State of a run that may not go on, empty where nothing stops it."""
    waits = all(finding.code == "WAITING" for finding in findings)
    return (WAITING_FOR_APPROVAL if waits else "BLOCKED") if findings else ""


def take_up(home: Home, store: Store, standing: Receipt, key: CycleKey, state: str | None) -> None:
    """A stage that is done is not run again, but shown: whoever ran it may have died between its commit and that."""
    if state:
        with store.transaction():
            set_state(store, key, state)
    show(home, store, key, standing.rows)
    log.info("stage stood already", extra={"run_id": key.run_id, "stage": standing.stage})


@contextmanager
def blocking_what_is_refused(home: Home, store: Store, key: CycleKey, name: str) -> Iterator[None]:
    """A run whose figures are refused is BLOCKED, not interrupted: the next attempt looks for corrected files first."""
    try:
        yield
    except (ModelInputError, ReconciliationError) as error:
        with store.transaction():
            set_state(store, key, "BLOCKED")
            attempts.end(store, key, name, attempts.FAILED, error.code)
        show(home, store, key, {})
        raise


def open_context(home: Home, store: Store, key: CycleKey) -> Context:
    """Context of a run: its frozen row and the policy it was frozen on."""
    run = run_row(store, key)
    policy = policy_store.in_force(home, key.business_date, store)
    if policy.policy_hash != run["policy_hash"]:
        raise LeveeError(
            Finding(
                "PARAM_STATE",
                "the policy in force is not the one the run was frozen on",
                where=key.run_id,
                value=policy.policy_hash[:16],
                limit=run["policy_hash"][:16],
                action="run the cycle again",
            )
        )
    return Context(home, store, key, run, policy)


def run_row(store: Store, key: CycleKey) -> dict[str, Any]:
    """The run's row of control.cycle_run. Raises LeveeError UNKNOWN_ID."""
    found = store.read("SELECT * FROM control.cycle_run WHERE run_id = $run_id", {"run_id": key.run_id})
    if found.is_empty():
        raise LeveeError(Finding("UNKNOWN_ID", "no such run", value=key.run_id, action="see `levee cycle status`"))
    return found.row(0, named=True)


def receipt(store: Store, key: CycleKey, name: str) -> Receipt | None:
    """Receipt of a stage that is done, else None."""
    found = store.read(
        "SELECT rows FROM control.stage_run WHERE run_id = $run_id AND stage = $stage AND state = 'DONE'",
        {"run_id": key.run_id, "stage": name},
    )
    return Receipt(key.run_id, name, json.loads(found.item()), resumed=True) if found.height else None


def write_receipt(
    store: Store, key: CycleKey, name: str, rows: Mapping[str, int], started: datetime, state: str = "DONE"
) -> None:
    """Write a stage's receipt inside the stage's own transaction."""
    attempt = attempts.end(store, key, name, attempts.DONE if state == "DONE" else attempts.BLOCKED)
    store.delete("control.stage_run", {"run_id": key.run_id, "stage": name})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    store.append(
        "control.stage_run",
        pl.DataFrame(
            [
                {
                    "run_id": key.run_id,
                    "stage": name,
                    "state": state,
                    "rows": json.dumps(dict(rows), sort_keys=True),
                    "attempt": attempt,
                    "started_ts": started.replace(tzinfo=None),
                    "finished_ts": datetime.now(UTC).replace(tzinfo=None),
                    "peak_memory_mb": peak,
                }
            ]
        ),
    )


def set_state(store: Store, key: CycleKey, state: str) -> None:
    """Move the run to a state."""
    store.execute(
        "UPDATE control.cycle_run SET state = $state WHERE run_id = $run_id", {"state": state, "run_id": key.run_id}
    )


def show(home: Home, store: Store, key: CycleKey, tables: Mapping[str, int]) -> None:
    """What readers may see of a run: exported tables and the state file. Never the database itself."""
    folder = home.exports / key.run_id
    folder.mkdir(parents=True, exist_ok=True)
    for table in (*tables, *_ALWAYS_SHOWN):
        temporary, target = folder / f".{table}.tmp", folder / f"{table}.parquet"
        store.export(table, key.run_id, temporary)
        temporary.replace(target)
    write_state(home, store, key)
    ledgers.show(home, store)


def write_state(home: Home, store: Store, key: CycleKey) -> None:
    """home/state/<date>-<cycle>.json: the state of the latest run of a cycle."""
    run = run_row(store, key)
    stages = store.read(
        "SELECT * FROM control.stage_run WHERE run_id = $run_id ORDER BY started_ts", {"run_id": key.run_id}
    )
    findings = store.read(
        "SELECT severity, code, count(*)::INTEGER AS rows FROM control.finding WHERE run_id = $run_id "
        "GROUP BY ALL ORDER BY ALL",
        {"run_id": key.run_id},
    )
    exported = sorted((home.exports / key.run_id).glob("*.parquet"))
    write_json(
        home.state / f"{key.business_date.isoformat()}-{key.cycle}.json",
        {
            "run_id": key.run_id,
            "business_date": key.business_date.isoformat(),
            "cycle": key.cycle,
            "run_no": key.run_no,
            "state": run["state"],
            "fingerprint": run["fingerprint"],
            "policy_hash": run["policy_hash"],
            "genesis": run["genesis"],
            "stages": [
                {
                    "stage": row["stage"],
                    "state": row["state"],
                    "rows": json.loads(row["rows"]),
                    "started": row["started_ts"].isoformat(),
                    "finished": row["finished_ts"].isoformat(),
                    "seconds": round((row["finished_ts"] - row["started_ts"]).total_seconds(), 3),
                    "peak_memory_mb": round(row["peak_memory_mb"], 1),
                }
                for row in stages.iter_rows(named=True)
            ],
            "findings": findings.to_dicts(),
            "exports": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in exported},
        },
    )
