"""Four eyes: what one person asks for acts only once another has approved exactly that.

A decision is bound to the sha256 of its subject, so an approval of one thing is never an approval of another. Requests
and answers are rows that are only added, and so survive any restart; home/approvals shows them to readers.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import polars as pl

from tasks.home import Home, write_json
from tasks.model.errors import Finding, LeveeError
from tasks.store import Store

# Kinds that act on the one business date their subject names, and kinds that act from that date on.
OF_THE_DAY = ("FALLBACK_POSITIONS", "MANUAL_PRICE", "POSITION_CONFIRMED", "PRIOR_CYCLE_MISSING", "RESTATEMENT")
STANDING = ("MEMBER_RATING", "MEMBER_STATUS")
# Kinds that a cycle is not computed from: a run's own results, or what has a root of its own (policy, overrides).
OF_RESULTS = ("LARGE_CALL", "REISSUE")
ELSEWHERE = ("OVERRIDE", "PARAMETER")
KINDS = frozenset((*OF_THE_DAY, *STANDING, *OF_RESULTS, *ELSEWHERE))

_LONGEST_USER = 64
_DECISIONS = """
SELECT d.*, a.answer, a.decided_by, a.decided_ts
FROM control.decision AS d
LEFT JOIN control.decision_answer AS a USING (decision_id)
"""


@dataclass(frozen=True)
class Decision:
    """What was asked, by whom, and what a second person said. Times are UTC.

    state: OPEN, APPROVED, REJECTED, or EXPIRED (nobody answered in time).
    """

    decision_id: str
    kind: str
    subject: Mapping[str, Any]
    subject_hash: str
    requested_by: str
    reason: str
    requested_ts: datetime
    expires_ts: datetime
    state: str
    decided_by: str = ""
    decided_ts: datetime | None = None


def subject_hash(subject: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of a subject; dates and decimals count as they print."""
    return hashlib.sha256(_canonical(subject).encode()).hexdigest()


def asking(user: str | None = None) -> str:
    """Who acts: as given, else LEVEE_USER, else the login name. Raises LeveeError USAGE where that names nobody."""
    try:
        said = user or os.environ.get("LEVEE_USER") or getpass.getuser()
    except (KeyError, OSError):
        said = ""
    name = unicodedata.normalize("NFC", said).strip()
    if not name or len(name) > _LONGEST_USER or not name.isprintable():
        raise LeveeError(
            Finding("USAGE", "who acts is not named", value=repr(name[:80]), action="use --user NAME or set LEVEE_USER")
        )
    return name


def request(
    store: Store,
    home: Home,
    kind: str,
    subject: Mapping[str, Any],
    requested_by: str,
    reason: str,
    expires: datetime | timedelta = timedelta(days=1),
    now: datetime | None = None,
) -> Decision:
    """Ask for a decision; one that is open or approved for the same subject is returned as it stands.

    `subject` says everything that is approved. Its `business_date` and `cycle`, where it has them, tell which cycles
    are computed from it. `expires`: until when it may be answered, or how long from now. One row, one statement: it
    may stand in the caller's transaction. Raises LeveeError USAGE for an unknown kind or a missing reason.
    """
    now = now or _now()
    earlier = _of_subject(store, kind, subject, now)
    if earlier and earlier[-1].state in ("OPEN", "APPROVED"):
        show(home, earlier[-1])
        return earlier[-1]
    if kind not in KINDS or not reason.strip():
        raise LeveeError(Finding("USAGE", "a decision has a known kind and a reason", where=kind, value=repr(reason)))
    hashed = subject_hash(subject)
    made = Decision(
        decision_id=hashlib.sha256(f"{kind}|{hashed}|{len(earlier) + 1}".encode()).hexdigest()[:12],
        kind=kind,
        subject=json.loads(_canonical(subject)),
        subject_hash=hashed,
        requested_by=asking(requested_by),
        reason=reason.strip(),
        requested_ts=now,
        expires_ts=now + expires if isinstance(expires, timedelta) else _naive(expires),
        state="OPEN",
    )
    _append(store, made)
    store.when_committed(partial(show, home, made))
    return made


def approved(store: Store, kind: str, subject: Mapping[str, Any]) -> Decision | None:
    """The approval of exactly this subject, None where nobody but who asked has approved it."""
    return next((each for each in _of_subject(store, kind, subject, _now()) if each.state == "APPROVED"), None)


def latest(store: Store, kind: str, subject: Mapping[str, Any]) -> Decision | None:
    """What was last asked for exactly this subject, whatever became of it."""
    found = _of_subject(store, kind, subject, _now())
    return found[-1] if found else None


def get(store: Store, decision_id: str, now: datetime | None = None) -> Decision:
    """A decision by its id. Raises LeveeError UNKNOWN_ID."""
    found = _read(store, "WHERE d.decision_id = $decision_id", {"decision_id": decision_id}, now or _now())
    if not found:
        raise LeveeError(
            Finding("UNKNOWN_ID", "no such decision", value=decision_id, action="see `levee approvals list`")
        )
    return found[0]


def decide(
    store: Store,
    home: Home,
    decision_id: str,
    user: str,
    approve: bool,
    current: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> Decision:
    """Answer a decision. The same answer of the same person again changes nothing.

    `current`: the subject as it is now, where it can be told. Raises LeveeError UNKNOWN_ID; SELF_APPROVAL where who
    asked answers; STALE_APPROVAL where it was answered before, its time is over, or its subject has changed.
    """
    now, user = now or _now(), asking(user)
    asked = get(store, decision_id, now)
    answer = "APPROVED" if approve else "REJECTED"
    if (asked.state, _same(asked.decided_by)) == (answer, _same(user)):
        show(home, asked)  # whoever answered may have died before it was shown
        return asked
    _refuse(asked, user, approve, current)
    _append_answer(store, replace(asked, state=answer, decided_by=user, decided_ts=now))
    answered = get(store, decision_id, now)
    store.when_committed(partial(show, home, answered))
    return answered


def restore(store: Store, decision: Decision) -> None:
    """Put a decision and its answer into a database that has neither."""
    _append(store, decision)
    if decision.decided_by:
        _append_answer(store, decision)


def same_person(user: str, other: str) -> bool:
    """Whether two names are one person's, however they are written."""
    return _same(user) == _same(other)


def show(home: Home, decision: Decision) -> None:
    """home/approvals/<id>.json: what is to be decided and what became of it, for readers."""
    content = json.loads(json.dumps(asdict(decision), default=str))
    write_json(home.root / "approvals" / f"{decision.decision_id}.json", content)


def show_all(home: Home, store: Store) -> None:
    """The same for every decision there is."""
    for each in _read(store, "", {}, _now()):
        show(home, each)


def _refuse(asked: Decision, user: str, approve: bool, current: Mapping[str, Any] | None) -> None:
    where = f"{asked.kind} {asked.decision_id}"
    if approve and _same(user) == _same(asked.requested_by):
        raise LeveeError(
            Finding(
                "SELF_APPROVAL",
                "who asked may not approve",
                where=where,
                value=user,
                limit=f"anyone but {asked.requested_by}",
                action="have another person look at it and approve",
            )
        )
    if asked.state != "OPEN":
        what = "nobody answered in time" if asked.state == "EXPIRED" else f"{asked.decided_by} has answered before"
        ended = asked.expires_ts if asked.state == "EXPIRED" else asked.decided_ts
        raise LeveeError(
            Finding("STALE_APPROVAL", what, where=where, value=asked.state, limit=str(ended), action="ask for it again")
        )
    seen = {"what is to be decided": subject_hash(current)} if current is not None else {}
    for what, hashed in {"the text of the request": subject_hash(asked.subject), **seen}.items():
        if hashed != asked.subject_hash:
            raise LeveeError(
                Finding(
                    "STALE_APPROVAL",
                    f"{what} has changed since it was asked for",
                    where=where,
                    value=hashed[:16],
                    limit=asked.subject_hash[:16],
                    action="ask for it again and look at what has changed",
                )
            )


def _of_subject(store: Store, kind: str, subject: Mapping[str, Any], now: datetime) -> list[Decision]:
    return _read(
        store,
        "WHERE d.kind = $kind AND d.subject_hash = $subject_hash",
        {"kind": kind, "subject_hash": subject_hash(subject)},
        now,
    )


def _read(store: Store, condition: str, parameters: Mapping[str, Any], now: datetime) -> list[Decision]:
    found = store.read(f"{_DECISIONS} {condition} ORDER BY d.requested_ts, d.decision_id", parameters)
    return [_decision(row, now) for row in found.iter_rows(named=True)]


def _decision(row: Mapping[str, Any], now: datetime) -> Decision:
    unanswered = "EXPIRED" if row["expires_ts"] < now else "OPEN"
    return Decision(
        decision_id=row["decision_id"],
        kind=row["kind"],
        subject=json.loads(row["subject"]),
        subject_hash=row["subject_hash"],
        requested_by=row["requested_by"],
        reason=row["reason"],
        requested_ts=row["requested_ts"],
        expires_ts=row["expires_ts"],
        state=row["answer"] or unanswered,
        decided_by=row["decided_by"] or "",
        decided_ts=row["decided_ts"],
    )


def _append(store: Store, made: Decision) -> None:
    store.append("control.decision", pl.DataFrame([_row(made)], schema_overrides={"business_date": pl.Date}))


def _append_answer(store: Store, answered: Decision) -> None:
    row = {
        "decision_id": answered.decision_id,
        "subject_hash": answered.subject_hash,
        "answer": answered.state,
        "decided_by": answered.decided_by,
        "decided_ts": answered.decided_ts,
    }
    store.append("control.decision_answer", pl.DataFrame([row]))


def _row(made: Decision) -> dict[str, Any]:
    day = made.subject.get("business_date")
    return {
        "decision_id": made.decision_id,
        "kind": made.kind,
        "business_date": date.fromisoformat(day) if day else None,
        "cycle": made.subject.get("cycle", ""),
        "about": made.subject.get("clearing_member_id", ""),
        "subject": _canonical(made.subject),
        "subject_hash": made.subject_hash,
        "requested_by": made.requested_by,
        "reason": made.reason,
        "requested_ts": made.requested_ts,
        "expires_ts": made.expires_ts,
    }


def _canonical(subject: Mapping[str, Any]) -> str:
    return json.dumps(subject, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str)


def _same(user: str) -> str:
    """A person by name, however it is written: capitals and blanks are no second pair of eyes."""
    return "".join(unicodedata.normalize("NFKC", user).casefold().split())


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
