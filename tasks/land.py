"""Landing a cycle: archive what was delivered, load every good file whole, fix what the cycle is computed from."""

from __future__ import annotations

import errno
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from tasks import fallback, inbox, recheck, reissue, stage
from tasks import freeze as freezing
from tasks.crash import crash_point
from tasks.freeze import Landed
from tasks.home import Home, write_atomically
from tasks.inbox import Delivery, FileName, Place
from tasks.key import CycleKey, cycle_id
from tasks.model.errors import DeliveryError, Finding, LeveeError
from tasks.store import Store

log = logging.getLogger("levee")

__all__ = ["Intake", "Landed", "intake", "land"]


@dataclass
class Intake:
    """What became of the files of a cycle's folder, by file_id; `warnings` stop nothing."""

    landed: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class _Refusal:
    """Why a file did not land. A file that is wrong in itself is overcome by a higher version of its sender."""

    name: FileName | None
    findings: tuple[Finding, ...]
    final: bool


def land(home: Home, business_date: date, cycle: str) -> Landed:
    """Take a cycle up where it stands.

    An interrupted run on an unchanged basis resumes without looking at the inbox; else the inbox is taken in and the
    inputs are frozen. A published cycle stands while what it was computed from is the same; else a correcting run is
    frozen. Raises DeliveryError for what is wrong or not there, LeveeError USAGE for an unknown cycle, RESTATE_REFUSED
    for a change of a closed one.
    """
    inbox.check_cycle(cycle)
    started = datetime.now(UTC)
    home.renew_lease("cycle", cycle_id(business_date, cycle), "land")
    with Store(home.database) as store:
        runs = freezing.runs_of(store, business_date, cycle)
        published = reissue.standing(runs)
        if runs and not runs[0]["published"] and _resumes(home, store, runs[0], published):
            return freezing.take_up(home, store, runs[0])
        place = Place(business_date, cycle, home.environment)
        _take_all_in(home, store, place)
        if published and not reissue.is_called_for(home, store, published):
            return Landed(_key(published), "PUBLISHED")
        for delivery in fallback.stand_ins(home, store, place):
            _load(store, delivery)
        awaited = fallback.awaited(home, store, place)
        if awaited:
            freezing.wait(home, store, business_date, cycle, awaited)
        return freezing.freeze(home, store, business_date, cycle, started)


def intake(home: Home, business_date: date, cycle: str) -> Intake:
    """Archive and load every file of a cycle's folder, each whole or not at all.

    All files are looked at, good ones land, and everything that is wrong is raised together as one DeliveryError.
    """
    inbox.check_cycle(cycle)
    with Store(home.database) as store:
        return _take_all_in(home, store, Place(business_date, cycle, home.environment))


def _take_all_in(home: Home, store: Store, place: Place) -> Intake:
    crash_point("land:begin")
    done = Intake()
    taken = [_take_in(home, store, path, place, done) for path in _delivered(home, place)]
    landed = _landed(store, place)
    findings: list[Finding] = []
    for refusal in filter(None, taken):
        (done.warnings if _is_overcome(refusal, landed) else findings).extend(refusal.findings)
    for warning in done.warnings:
        log.warning("delivery", extra={"code": warning.code, "path": warning.where, "findings": warning.headline()})
    if findings:
        raise DeliveryError(*findings)
    return done


def _resumes(home: Home, store: Store, run: Mapping[str, Any], published: Mapping[str, Any] | None) -> bool:
    """Whether a run was interrupted and can go on. A prepared release is final, whatever has changed since.

    Raises LeveeError RESTATE_REFUSED where a correcting run would go on after its cycle was closed.
    """
    if run["prepared"]:
        return True
    if run["state"] in ("BLOCKED", "SUPERSEDED", stage.WAITING_FOR_APPROVAL) or recheck.collateral_moved(
        home, store, run
    ):
        return False
    basis = freezing.take_basis(home, store, run["business_date"], run["cycle"], run["input_root"])
    changed = basis.differs_from(run)
    if published and not changed:
        reissue.require_open(store, published, basis)
    if changed:
        log.info("an unfinished run is left behind", extra={"run_id": run["run_id"], "findings": ", ".join(changed)})
    return not changed


def _key(run: Mapping[str, Any]) -> CycleKey:
    return CycleKey(run["business_date"], run["cycle"], run["run_no"])


def _delivered(home: Home, place: Place) -> list[Path]:
    """Files of the cycle's folder, versions of a sender in rising order."""
    folder = home.inbox / place.business_date.isoformat() / place.cycle
    if not folder.is_dir():
        return []
    files = [path for path in folder.iterdir() if path.is_file() and not inbox.is_ignored(path.name)]
    return sorted(files, key=_delivery_order)


def _delivery_order(path: Path) -> tuple[str, str, int, str]:
    name = inbox.parse_name(path.name)
    return (name.dataset, name.sender, name.seq, path.name) if name else ("", "", 0, path.name)


def _take_in(home: Home, store: Store, path: Path, place: Place, done: Intake) -> _Refusal | None:
    """Archive, read and load one file; None unless it is refused."""
    content = _archived(home, path)
    name = inbox.parse_name(path.name)
    if name and name.seq == fallback.VERSION:
        return _Refusal(name, (_not_delivered(path, place),), final=False)
    sha256 = hashlib.sha256(content).hexdigest()
    versions = _versions(store, name, place) if name else {}
    if name and versions.get(name.seq) == sha256:
        log.info("a file was delivered again", extra={"code": "DUP_SAME", "path": str(path.name)})
        done.standing.append(inbox.file_id(name, place.business_date, place.cycle))
        return None
    try:
        delivery = inbox.read(path.name, content, place)
    except DeliveryError as error:
        return _Refusal(name, error.findings, final=False)
    refusal = _out_of_turn(delivery, versions)
    if refusal is None:
        _load(store, delivery)
        done.landed.append(delivery.file_id)
        done.warnings.extend(delivery.warnings)
    return refusal


def _not_delivered(path: Path, place: Place) -> Finding:
    return Finding(
        "BAD_HEADER",
        "version 0 is what the house writes where a file does not come; nobody delivers it",
        where=f"{place.business_date.isoformat()}/{place.cycle}/{path.name}",
        limit="v1 and above",
        action="deliver it as version 1; prior positions are asked for with --use-prior-positions",
    )


def _archived(home: Home, path: Path) -> bytes:
    """The delivered bytes, kept under their hash before anyone looks at them."""
    try:
        content = path.read_bytes()
        target = home.frozen / hashlib.sha256(content).hexdigest()
        if not target.exists():
            write_atomically(target, content)
    except OSError as error:
        code = "DISK_FULL" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "READ_ONLY"
        raise LeveeError(
            Finding(
                code,
                f"a delivered file cannot be archived: {error.strerror}",
                where=str(error.filename or path),
                action="free space or give the user of this command access, then run again",
            )
        ) from error
    return content


def _versions(store: Store, name: FileName, place: Place) -> dict[int, str]:
    """sha256 of the landed versions of a sender's file."""
    mine = _landed(store, place).filter((pl.col("dataset") == name.dataset) & (pl.col("sender") == name.sender))
    return dict(mine.select("seq", "sha256").iter_rows())


def _landed(store: Store, place: Place) -> pl.DataFrame:
    return store.read(
        "SELECT dataset, sender, seq, sha256 FROM raw.file WHERE business_date = $business_date AND cycle = $cycle",
        {"business_date": place.business_date, "cycle": place.cycle},
    )


def _is_overcome(refusal: _Refusal, landed: pl.DataFrame) -> bool:
    """Whether a higher version of the same sender has landed, so that nobody waits for the refused one."""
    name = refusal.name
    if refusal.final or name is None:
        return False
    same_sender = (pl.col("dataset") == name.dataset) & (pl.col("sender") == name.sender)
    return landed.filter(same_sender & (pl.col("seq") > name.seq)).height > 0


def _out_of_turn(delivery: Delivery, versions: Mapping[int, str]) -> _Refusal | None:
    """A good file whose version is taken, or comes after a higher one."""
    header = delivery.header
    name = FileName(header.report, header.sender, header.seq)
    following = f"deliver it as version {max(versions, default=0) + 1}"
    if header.seq in versions:
        finding = Finding(
            "DUP_CONFLICT",
            "this version has landed with other content",
            delivery.path,
            delivery.sha256,
            versions[header.seq],
            following,
        )
        return _Refusal(name, (finding,), final=False)
    highest = max(versions, default=0)
    if header.seq < highest:
        finding = Finding(
            "OUT_OF_ORDER",
            "a higher version has landed before",
            delivery.path,
            f"v{header.seq}",
            f"above v{highest}",
            f"{following}, or take it out of the inbox",
        )
        return _Refusal(name, (finding,), final=True)
    return None


def _load(store: Store, delivery: Delivery) -> None:
    """Rows and their line in raw.file, in one transaction."""
    dataset = delivery.header.report
    with store.transaction():
        rows = delivery.frame.with_columns(file_id=pl.lit(delivery.file_id))
        store.append(f"raw.{dataset}", rows)
        store.append("raw.file", _file_row(delivery))
        crash_point(f"land:{dataset}:before_commit")
    crash_point(f"land:{dataset}:after_commit")
    log.info("a file landed", extra={"path": delivery.path, "rows": {f"raw.{dataset}": delivery.records}})


def _file_row(delivery: Delivery) -> pl.DataFrame:
    header = delivery.header
    return pl.DataFrame(
        [
            {
                "file_id": delivery.file_id,
                "path": delivery.path,
                "sha256": delivery.sha256,
                "dataset": header.report,
                "sender": header.sender,
                "business_date": header.business_date,
                "cycle": header.cycle,
                "seq": header.seq,
                "schema_version": header.schema_version,
                "env": header.env,
                "origin": header.origin,
                "created_ts": header.created_ts.replace(tzinfo=None),
                "as_of_ts": header.as_of_ts.replace(tzinfo=None),
                "records": delivery.records,
                "control_total": delivery.control_total,
                "bytes": delivery.bytes,
                "known_from_ts": datetime.now(UTC).replace(tzinfo=None),
            }
        ],
        schema_overrides={"control_total": pl.Decimal(38, 18)},
    )
