"""Who is told that something is wrong, once, and told again when it is over.

An alert stands for a code of a subject: a cycle that does not go on, or a kind of cycle that gave a warning. What is
new goes to home/logs/alerts.jsonl and, where LEVEE_ALERT_URL is set, to that address; what is met again is counted.
An alert names no value, file, member or account: these stay in the home.
"""

from __future__ import annotations

import json
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks import codes
from tasks.home import Home, write_json
from tasks.model.errors import Finding

log = logging.getLogger("levee")

PAGE, TICKET = "page", "ticket"
RAISED, ESCALATED, RESOLVED = "RAISED", "ESCALATED", "RESOLVED"
_TIMEOUT_SECONDS = 3
_KEPT_UNDELIVERED = 100

Alert = dict[str, Any]


@dataclass(frozen=True)
class _Ledger:
    """Alerts that stand, by subject and code, and events that did not reach the address yet."""

    standing: dict[str, Alert]
    undelivered: list[Alert]


def standing(home: Home) -> list[Alert]:
    """Alerts that stand, oldest first. A file that cannot be read counts as none: alerts never stop a cycle."""
    return sorted(_read(home).standing.values(), key=lambda alert: (alert["first"], alert["subject"], alert["code"]))


def settle(home: Home, subject: str, findings: Sequence[Finding], paged: Sequence[str] = ()) -> list[Alert]:
    """Make the findings all that is wrong with a subject: raise what is new, count what stands, resolve the rest.

    `paged` are the codes somebody is woken for. Returns the events told.
    """
    ledger = _read(home)
    over = [
        alert
        for alert in ledger.standing.values()
        if alert["subject"] == subject and alert["code"] not in {finding.code for finding in findings}
    ]
    events = [*_met(ledger, subject, findings, paged), *(_event(RESOLVED, alert) for alert in over)]
    for alert in over:
        del ledger.standing[_name(alert)]
    _tell(home, ledger, events)
    return events


def add(home: Home, subject: str, finding: Finding) -> list[Alert]:
    """One more thing is wrong with a subject, beside what stands. Returns the events told."""
    ledger = _read(home)
    events = _met(ledger, subject, [finding], ())
    _tell(home, ledger, events)
    return events


def _met(ledger: _Ledger, subject: str, findings: Sequence[Finding], paged: Sequence[str]) -> list[Alert]:
    events = []
    for code in dict.fromkeys(finding.code for finding in findings):
        of_code = [finding for finding in findings if finding.code == code]
        now = _alert(subject, of_code, PAGE if code in paged else TICKET)
        was = ledger.standing.get(_name(now))
        if was:
            now |= {"first": was["first"], "count": was["count"] + 1}
        if not was or (was["level"], now["level"]) == (TICKET, PAGE):
            events.append(_event(ESCALATED if was else RAISED, now))
        ledger.standing[_name(now)] = now
    return events


def _alert(subject: str, findings: Sequence[Finding], level: str) -> Alert:
    code, now = findings[0].code, datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "subject": subject,
        "code": code,
        "level": level,
        "what": findings[0].what,
        "places": len(findings),
        "action": findings[0].action,
        "owner": codes.owner(code),
        "exit_code": codes.exit_code(code),
        "runbook": f"docs/runbook.md#{code.lower()}",
        "count": 1,
        "first": now,
        "last": now,
    }


def _name(alert: Mapping[str, Any]) -> str:
    return f"{alert['subject']} {alert['code']}"


def _event(event: str, alert: Alert) -> Alert:
    return {"event": event, "at": datetime.now(UTC).isoformat(timespec="seconds"), **alert}


def _tell(home: Home, ledger: _Ledger, events: Sequence[Alert]) -> None:
    """Append what is new before it counts as told: who is killed between tells it once more, never once too little.

    A full or read-only disk stops neither the message nor the cycle, which has its own finding for that.
    """
    try:
        _append(_journal(home), events)
    except OSError as error:
        log.warning("alerts cannot be written", extra={"code": "READ_ONLY", "path": str(error.filename)})
    ledger.undelivered.extend(events)
    _deliver(ledger)
    try:
        write_json(_ledger_file(home), {"standing": ledger.standing, "undelivered": ledger.undelivered})
    except OSError as error:
        log.warning("alerts cannot be written", extra={"code": "READ_ONLY", "path": str(error.filename)})


def _append(path: Path, events: Sequence[Alert]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(event, sort_keys=True) + "\n" for event in events)


def _deliver(ledger: _Ledger) -> None:
    """Send what waits, in order, until one does not arrive; the rest goes with the next alert."""
    url = os.environ.get("LEVEE_ALERT_URL")
    if not url:
        ledger.undelivered.clear()
    try:
        while url and ledger.undelivered:
            _post(url, ledger.undelivered[0])
            ledger.undelivered.pop(0)
    except (OSError, ValueError) as error:  # an address that is none, nobody there, a refusal, no answer in time
        del ledger.undelivered[:-_KEPT_UNDELIVERED]
        what = f"an alert did not arrive ({type(error).__name__}); it goes with the next"
        log.warning(what, extra={"code": "ALERT_UNDELIVERED"})


def _post(url: str, event: Alert) -> None:
    if not url.startswith(("http://", "https://")):
        raise ValueError("LEVEE_ALERT_URL is no web address")
    request = urllib.request.Request(
        url, json.dumps(event, sort_keys=True).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):
        pass


def _read(home: Home) -> _Ledger:
    try:
        content = json.loads(_ledger_file(home).read_text(encoding="utf-8"))
        return _Ledger(dict(content["standing"]), list(content["undelivered"]))
    except (OSError, ValueError, KeyError, TypeError):
        return _Ledger({}, [])


def _journal(home: Home) -> Path:
    return home.logs / "alerts.jsonl"


def _ledger_file(home: Home) -> Path:
    return home.logs / "alerts.json"
