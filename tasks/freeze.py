"""What a cycle is computed from, fixed before anything is computed: its files, its opening, its policy, its code.

The fingerprint names all of it. The same fingerprint is the same run, whenever and wherever it is computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn

import polars as pl

from tasks import announced, call_ledger, cut_off, decided, decisions, policy_store, resources, stage
from tasks.crash import crash_point
from tasks.home import Home
from tasks.inbox import check_cycle
from tasks.key import CycleKey
from tasks.model import policy
from tasks.model.errors import DeliveryError, Finding
from tasks.skew import require_believable
from tasks.store import Store


@dataclass(frozen=True)
class Landed:
    """A run and the state it is in once its inputs are fixed."""

    key: CycleKey
    state: str


@dataclass(frozen=True)
class Basis:
    """The parts of a fingerprint; each has its column in control.cycle_run."""

    input_root: str
    opening_root: str
    decisions_root: str
    policy_hash: str
    reference_hash: str
    model_version: str
    code_version: str
    constraints_hash: str
    env: str

    @property
    def fingerprint(self) -> str:
        """sha256 over the named parts."""
        return _root(f"{name} {value}" for name, value in sorted(asdict(self).items()))

    def differs_from(self, run: Mapping[str, Any], *ignored: str) -> list[str]:
        """Names of the parts that are not those a run was frozen on."""
        return [
            part.name
            for part in fields(self)
            if part.name not in ignored and getattr(self, part.name) != run[part.name]
        ]


def freeze(home: Home, store: Store, business_date: date, cycle: str, started: datetime | None = None) -> Landed:
    """Fix the inputs of a cycle and write its run; a run that was frozen on the same inputs is taken up again.

    `started` is when the landing of its files began, where it is part of the same stage.

    Raises DeliveryError: WAITING or LATE_<DATASET> for every file that is not there, PRIOR_CYCLE_MISSING for a gap.
    """
    check_cycle(cycle)
    started = started or datetime.now(UTC)
    files = files_in_force(store, business_date, cycle)
    previous = predecessor(store, business_date)
    missing = cut_off.missing(home, store, files, previous, business_date, cycle)
    missing = [*missing, *_gap(store, previous, business_date, cycle)]
    if missing:
        wait(home, store, business_date, cycle, missing)
    require_believable(store, files)
    basis = take_basis(home, store, business_date, cycle, input_root(files))
    runs = runs_of(store, business_date, cycle)
    out = max((run["run_no"] for run in runs if run["published"]), default=0)
    same = next((run for run in runs if run["run_no"] >= out and run["fingerprint"] == basis.fingerprint), None)
    if same:
        return take_up(home, store, same)
    key = CycleKey(business_date, cycle, 1 + max((run["run_no"] for run in runs), default=0))
    run_id = previous["run_id"] if previous else ""
    decided_by_people = _decided(store, business_date, cycle)
    if decided_by_people[announced.TABLE].is_empty():
        del decided_by_people[announced.TABLE]
    counts = {table: frame.height for table, frame in decided_by_people.items()}
    rows = {"control.cycle_run": 1, "control.input_manifest": files.height, **counts}
    with store.transaction():
        store.execute(resources.sql("freeze/give_way"), {"business_date": business_date, "cycle": cycle})
        store.append("control.cycle_run", _run(key, basis, run_id, files))
        manifest = files.select(
            pl.lit(key.run_id).alias("run_id"), "file_id", "dataset", "sender", "seq", "sha256", "records"
        )
        store.replace("control.input_manifest", manifest, {"run_id": key.run_id})
        for table, frame in decided_by_people.items():
            store.replace(table, frame.with_columns(run_id=pl.lit(key.run_id)), {"run_id": key.run_id})
        stage.write_receipt(store, key, "land", rows, started)
        crash_point("land:before_commit")
    crash_point("land:after_commit")
    stage.show(home, store, key, rows)
    return Landed(key, "FROZEN")


def wait(home: Home, store: Store, business_date: date, cycle: str, missing: list[Finding]) -> NoReturn:
    """End here for what is not there, shown as the state of the cycle while it has no run. Raises DeliveryError."""
    if not runs_of(store, business_date, cycle):
        cut_off.show(home, business_date, cycle, missing)
    raise DeliveryError(*missing)


def files_in_force(store: Store, business_date: date, cycle: str) -> pl.DataFrame:
    """Rows of raw.file that count for a cycle: the highest version of every sender."""
    return store.read(resources.sql("freeze/files_in_force"), {"business_date": business_date, "cycle": cycle})


def runs_of(store: Store, business_date: date, cycle: str) -> list[dict[str, Any]]:
    """Runs of a cycle, latest first, each with `prepared`, `published` and `superseded`: how far its release came."""
    found = store.read(resources.sql("freeze/runs"), {"business_date": business_date, "cycle": cycle})
    return list(found.iter_rows(named=True))


def predecessor(store: Store, business_date: date) -> dict[str, Any] | None:
    """run_id and business_date of the latest published end of day before a date; None in a genesis cycle."""
    found = store.read(resources.sql("freeze/predecessor"), {"business_date": business_date})
    return found.row(0, named=True) if found.height else None


def input_root(files: pl.DataFrame) -> str:
    """sha256 of the sorted lines `dataset sender seq sha256`."""
    return _root(
        sorted(" ".join(map(str, row)) for row in files.select("dataset", "sender", "seq", "sha256").iter_rows())
    )


def take_basis(home: Home, store: Store, business_date: date, cycle: str, inputs: str) -> Basis:
    """The parts of the fingerprint as they stand now, for given inputs."""
    return Basis(
        input_root=inputs,
        opening_root=opening_root(store, predecessor(store, business_date)),
        decisions_root=_decisions_root(_decided(store, business_date, cycle)),
        policy_hash=policy_store.in_force(home, business_date, store).policy_hash,
        reference_hash=resources.tree_hash(resources.data("reference")),
        model_version=policy.MODEL_VERSION,
        code_version=resources.code_version(),
        constraints_hash=hashlib.sha256((resources.root() / "constraints.txt").read_bytes()).hexdigest(),
        env=home.environment,
    )


def _decided(store: Store, business_date: date, cycle: str) -> dict[str, pl.DataFrame]:
    """What people have decided and a cycle is computed from, by the table a run keeps it in."""
    return {
        "book.override": store.read(resources.sql("freeze/overrides"), {"business_date": business_date}),
        "book.decision": decided.of_cycle(store, business_date, cycle),
        "book.call_response": call_ledger.responses(store, business_date, cycle),
        announced.TABLE: announced.of_cycle(store, business_date, cycle),
    }


def _decisions_root(tables: Mapping[str, pl.DataFrame]) -> str:
    overrides = (" ".join(("override", *map(str, row))) for row in tables["book.override"].iter_rows())
    answers = call_ledger.lines(tables["book.call_response"])
    told = announced.lines(tables[announced.TABLE])
    return _root([*overrides, *decided.lines(tables["book.decision"]), *answers, *told])


def opening_root(store: Store, previous: Mapping[str, Any] | None) -> str:
    """sha256 over what the predecessor hands on, over nothing in a genesis cycle."""
    if previous is None:
        return _root(())
    return _root(store.read(resources.sql("freeze/opening"), {"predecessor_run_id": previous["run_id"]})["line"])


def _root(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def days_missing(previous: Mapping[str, Any], business_date: date) -> int:
    """Calendar days between a predecessor and a business date: after genesis every one has its cycle."""
    elapsed: timedelta = business_date - previous["business_date"]
    return elapsed.days - 1


def follows_over(previous: Mapping[str, Any], business_date: date, cycle: str) -> dict[str, str]:
    """What is approved where a cycle follows a predecessor over missing days."""
    return {
        "business_date": business_date.isoformat(),
        "cycle": cycle,
        "predecessor_run_id": previous["run_id"],
    }


def goes_on_over_days(store: Store, business_date: date) -> bool:
    """Whether two persons let an end of day follow its predecessor over days that are missing."""
    previous = predecessor(store, business_date)
    if previous is None:
        return False
    return decisions.approved(store, "PRIOR_CYCLE_MISSING", follows_over(previous, business_date, "EOD")) is not None


def _gap(store: Store, previous: Mapping[str, Any] | None, business_date: date, cycle: str) -> list[Finding]:
    """What is missing between the predecessor and the day before, unless two persons go on without it."""
    if previous is None or not (days := days_missing(previous, business_date)):
        return []
    if decisions.approved(store, "PRIOR_CYCLE_MISSING", follows_over(previous, business_date, cycle)):
        return []
    first = previous["business_date"] + timedelta(days=1)
    return [
        Finding(
            "PRIOR_CYCLE_MISSING",
            "the end of day before is not published",
            where=f"{first.isoformat()} EOD",
            value=f"{days} missing day(s)",
            limit=f"{(business_date - timedelta(days=1)).isoformat()} EOD",
            action=f"run `levee cycle run --date {first.isoformat()}` first; without it only if two persons approve: "
            f"`levee approvals ask-gap --date {business_date.isoformat()}`",
        )
    ]


def _run(key: CycleKey, basis: Basis, predecessor_run_id: str, files: pl.DataFrame) -> pl.DataFrame:
    """The run's row of control.cycle_run; times come from the files, never from a clock."""
    as_of = {
        name: max(files.filter(pl.col("dataset") == dataset)["as_of_ts"].to_list())
        for name, dataset in (
            ("price_as_of_ts", "prices"),
            ("position_as_of_ts", "positions"),
            ("collateral_as_of_ts", "collateral_balances"),
        )
    }
    return pl.DataFrame(
        [
            {
                "run_id": key.run_id,
                "business_date": key.business_date,
                "cycle": key.cycle,
                "run_no": key.run_no,
                "state": "FROZEN",
                "fingerprint": basis.fingerprint,
                **asdict(basis),
                "predecessor_run_id": predecessor_run_id,
                "genesis": not predecessor_run_id,
                **as_of,
                "as_of_ts": max(as_of.values()),
                "origin": "SYNTHETIC" if "SYNTHETIC" in set(files["origin"]) else "REAL",
            }
        ]
    )


def take_up(home: Home, store: Store, run: Mapping[str, Any]) -> Landed:
    """A run frozen on the same inputs, shown again. A blocked one starts at the first stage without a receipt."""
    key = CycleKey(run["business_date"], run["cycle"], run["run_no"])
    if run["state"] == "SUPERSEDED":
        _begin_again(store, key)
    state = "FROZEN" if run["state"] in ("BLOCKED", "SUPERSEDED") else str(run["state"])
    frozen = stage.receipt(store, key, "land")
    if frozen:
        stage.take_up(home, store, frozen, key, state)
    return Landed(key, state)


def _begin_again(store: Store, key: CycleKey) -> None:
    """A run that gave way and is the one that counts once more: another has replaced its draft calls meanwhile, so
    nothing stands of it but what it was frozen on."""
    with store.transaction():
        store.execute(resources.sql("freeze/give_way"), {"business_date": key.business_date, "cycle": key.cycle})
        store.execute(
            "DELETE FROM control.stage_run WHERE run_id = $run_id AND stage <> 'land'", {"run_id": key.run_id}
        )
        stage.set_state(store, key, "FROZEN")
